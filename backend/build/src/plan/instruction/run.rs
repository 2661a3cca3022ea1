//! RUN: runs a program in the stage's file system and keeps what it changed.
//!
//! The builder doesn't expand its text: the shell does, from the environment, in which ARG stands too.

use estiva_shared::dockerfile::{Command, Instruction};
use estiva_shared::protocol::NetworkMode;

use super::super::scope::Scope;
use super::super::{Action, PlanError, RunStep, mistake};
use super::{as_written, words};

/// The step of RUN.
pub(super) fn run(
    scope: &Scope<'_>,
    instruction: &Instruction,
    command: &Command,
) -> Result<(String, Action), PlanError> {
    let args = words(command);
    if args.is_empty() {
        let message = "expected a program to run, but found an empty list".to_owned();
        return Err(mistake("empty-command", message, instruction.span));
    }
    let step = RunStep {
        args,
        env: scope.run_env(),
        proxy_env: scope.proxy_env(),
        user: scope.config.user.clone(),
        workdir: scope.config.workdir().to_owned(),
        network: network(scope, instruction)?,
    };
    Ok((as_written(instruction), Action::Run(step)))
}

fn network(scope: &Scope<'_>, instruction: &Instruction) -> Result<NetworkMode, PlanError> {
    let Some(flag) = instruction.flags.iter().find(|flag| flag.name == "network") else {
        return Ok(scope.network);
    };
    match (flag.value.as_deref(), scope.network) {
        (Some("default"), network) => Ok(network),
        (Some("none"), _) => Ok(NetworkMode::None),
        // The Dockerfile alone must not open the host's network: who builds has to ask for it too.
        (Some("host"), NetworkMode::Host) => Ok(NetworkMode::Host),
        (Some("host"), NetworkMode::None | NetworkMode::Bridge) => Err(mistake(
            "network-not-allowed",
            "expected the build to allow the host's network (--network host), but found it off"
                .to_owned(),
            flag.span,
        )),
        (other, _) => Err(mistake(
            "bad-network",
            format!(
                "expected none, host or default after --network=, but found: {}",
                other.unwrap_or("nothing")
            ),
            flag.span,
        )),
    }
}
