//! CMD: what the container runs, or the arguments of its ENTRYPOINT.

use estiva_shared::dockerfile::{Command, Instruction};

use super::super::Action;
use super::super::scope::Scope;
use super::{as_written, words};

/// The step of CMD.
pub(super) fn cmd(
    scope: &mut Scope<'_>,
    instruction: &Instruction,
    command: &Command,
) -> (String, Action) {
    let words = words(command);
    scope.config.cmd = Some(words.clone());
    scope.cmd_set = true;
    let identity = ["CMD".to_owned()].into_iter().chain(words).collect();
    (as_written(instruction), Action::Configure(identity))
}
