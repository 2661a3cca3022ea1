//! `estiva logout`: forgets a registry's credentials.

use super::Outcome;
use super::credentials::{Credentials, HUB};
use super::login::normal;
use crate::output::say_line;

/// The command's words.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "They are removed from ~/.docker/config.json, or from where that file's credsStore says.\n\nExamples:\n  estiva logout\n  estiva logout registry.example:5000"
)]
pub(crate) struct Args {
    /// The registry
    #[arg(default_value = HUB)]
    registry: String,
}

/// Logs out. It needs no server, and no root.
pub(crate) fn run(args: &Args) -> Outcome {
    let registry = normal(&args.registry)?;
    let had = Credentials::of_caller()?.forget(&registry)?;
    say_line(&match had {
        true => format!("Logged out of {registry}"),
        false => format!("Not logged in to {registry}"),
    })?;
    Ok(0)
}
