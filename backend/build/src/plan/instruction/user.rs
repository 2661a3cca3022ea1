//! USER: who later RUN instructions and the container run as.

use estiva_shared::dockerfile::Word;

use super::super::scope::Scope;
use super::super::{Action, PlanError, mistake};

/// The step of USER. Whether the name exists is seen when something runs as it, as in Docker.
pub(super) fn user(scope: &mut Scope<'_>, word: &Word) -> Result<(String, Action), PlanError> {
    let user = scope.expand(word)?;
    if user.is_empty() {
        let message = format!("expected a user, but found nothing in: {}", word.text);
        return Err(mistake("empty-user", message, word.span));
    }
    scope.config.user.clone_from(&user);
    let text = format!("USER {}", scope.shown(&word.text));
    Ok((text, Action::Configure(vec!["USER".to_owned(), user])))
}
