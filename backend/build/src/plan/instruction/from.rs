//! FROM: what a stage begins with. Which stage or image that is was resolved before; here it only becomes a step.

use estiva_shared::dockerfile::{Instruction, Stage};

use super::super::{Action, PlanError, StageBase};
use super::only_flags;

/// The step of FROM.
pub(in super::super) fn from(
    stage: &Stage,
    instruction: &Instruction,
    base: &StageBase,
) -> Result<(String, Action), PlanError> {
    only_flags(instruction, &[])?;
    let name = stage
        .name
        .as_ref()
        .map(|name| format!(" AS {name}"))
        .unwrap_or_default();
    let words = match base {
        StageBase::Scratch => vec!["scratch".to_owned()],
        StageBase::Image(image) => vec!["image".to_owned(), image.id.to_string()],
        // The stage's layers are the step's parent already.
        StageBase::Stage(_) => vec!["stage".to_owned()],
    };
    Ok((
        format!("FROM {}{name}", stage.base.text),
        Action::From(words),
    ))
}
