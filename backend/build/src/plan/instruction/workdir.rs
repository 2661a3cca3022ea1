//! WORKDIR: the folder of later instructions and of the container, relative to the former one.

use estiva_shared::dockerfile::Word;

use super::super::scope::Scope;
use super::super::{Action, PlanError, WorkdirStep, mistake, path};

/// The step of WORKDIR.
pub(super) fn workdir(scope: &mut Scope<'_>, word: &Word) -> Result<(String, Action), PlanError> {
    let written = scope.expand(word)?;
    if written.is_empty() {
        let message = format!("expected a path, but found nothing in: {}", word.text);
        return Err(mistake("empty-path", message, word.span));
    }
    let path = path::absolute(scope.config.workdir(), &written);
    scope.config.working_dir.clone_from(&path);
    let text = format!("WORKDIR {}", scope.shown(&word.text));
    let step = WorkdirStep {
        path,
        user: scope.config.user.clone(),
    };
    Ok((text, Action::Workdir(step)))
}
