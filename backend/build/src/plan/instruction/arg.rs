//! ARG: a variable of the build alone.

use estiva_shared::dockerfile::Word;

use super::super::scope::Scope;
use super::super::{Action, PlanError};

/// The step of ARG. Its text names the arguments and never shows a value, neither given nor default: the history
/// travels with the image, and build arguments are where people put what should not.
pub(super) fn arg(
    scope: &mut Scope<'_>,
    declarations: &[(Word, Option<Word>)],
) -> Result<(String, Action), PlanError> {
    let mut text = "ARG".to_owned();
    let mut identity = vec!["ARG".to_owned()];
    for (name, default) in declarations {
        scope.declare(&name.text, default.as_ref())?;
        text.push_str(&format!(" {}", name.text));
        identity.push(name.text.clone());
    }
    Ok((text, Action::Configure(identity)))
}
