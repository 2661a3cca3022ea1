//! ENTRYPOINT: the program of the container.

use estiva_shared::dockerfile::{Command, Instruction};

use super::super::Action;
use super::super::scope::Scope;
use super::{as_written, words};

/// The step of ENTRYPOINT. A CMD that was inherited held arguments for another program, and goes; one set in this
/// stage, above or below, stays.
pub(super) fn entrypoint(
    scope: &mut Scope<'_>,
    instruction: &Instruction,
    command: &Command,
) -> (String, Action) {
    let words = words(command);
    scope.config.entrypoint = Some(words.clone());
    if !scope.cmd_set {
        scope.config.cmd = None;
    }
    let identity = ["ENTRYPOINT".to_owned()].into_iter().chain(words).collect();
    (as_written(instruction), Action::Configure(identity))
}
