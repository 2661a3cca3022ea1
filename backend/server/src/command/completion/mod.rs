//! `estiva completion`: what a shell needs to finish words as they are typed, and the finishing itself.
//!
//! The script that is printed asks this very program at each press of the key, with [`VARIABLE`] set: so it knows every
//! command and option of the version that is installed, and the names of images, containers and volumes of this moment. A server
//! is never started for that, and one that does not answer within [`names::ANSWER_WITHIN`] is not waited for.

mod bash;
pub(super) mod names;

use std::ffi::OsString;
use std::process::ExitCode;

use clap_complete::env::{CompleteEnv, Fish, Shells, Zsh};

use self::bash::Bash;
use super::Outcome;
use crate::failure::Failure;
use crate::output::{complain, say};

/// Set by the scripts to the shell's name.
const VARIABLE: &str = "ESTIVA_COMPLETE";

const SHELLS: Shells<'static> = Shells(&[&Bash, &Zsh, &Fish]);

/// The command's words.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Examples:\n  source <(estiva completion bash)          for this shell; put the line into ~/.bashrc for every one\n  source <(estiva completion zsh)           likewise, in ~/.zshrc, after compinit\n  estiva completion fish | source           likewise, in ~/.config/fish/config.fish\n\nNames of images, containers and volumes are offered where a server runs."
)]
pub(crate) struct Args {
    /// The shell that the script is for
    #[arg(value_parser = ["bash", "zsh", "fish"])]
    shell: String,
}

/// Prints the script.
pub(crate) fn run(args: &Args) -> Outcome {
    let shell = SHELLS
        .completer(&args.shell)
        .ok_or_else(|| Failure::new(format_args!("unknown shell: {}", args.shell)))?;
    let mut script = Vec::new();
    // By its name alone: what is installed later, or elsewhere on the PATH, is asked then.
    shell
        .write_registration(VARIABLE, "estiva", "estiva", "estiva", &mut script)
        .map_err(|error| Failure::new(format_args!("can't write the script: {error}")))?;
    say(&String::from_utf8_lossy(&script))?;
    Ok(0)
}

/// Finishes a word, where a shell asks for that; `None` where this is an ordinary call.
pub(super) fn answer(command: fn() -> clap::Command, arguments: &[OsString]) -> Option<ExitCode> {
    let folder = std::env::current_dir().ok();
    let answered = CompleteEnv::with_factory(command)
        .var(VARIABLE)
        .shells(SHELLS)
        .try_complete(arguments, folder.as_deref());
    match answered {
        Ok(false) => None,
        Ok(true) => Some(ExitCode::SUCCESS),
        Err(error) => {
            complain(&error.to_string());
            Some(ExitCode::FAILURE)
        }
    }
}
