//! `estiva pull`: an image from its registry.

use std::path::Path;

use estiva_shared::protocol::{ClientMessage, PullRequest};

use super::completion::names;
use super::credentials::Credentials;
use super::foreground::Signals;
use super::{Outcome, transfer};
use crate::client::Client;
use crate::failure::Failure;
use crate::output::say_line;

/// The command's words.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "A name without a registry is Docker Hub's: node:20 is docker.io/library/node:20. What the store has is not moved again. Credentials are those of `estiva login` and `docker login`. Ctrl-C gives it up.\n\nExamples:\n  estiva pull node:20\n  estiva pull -q localhost:5000/team/app@sha256:…\n  estiva pull --platform linux/arm64 debian"
)]
pub(crate) struct Args {
    /// Print the image's name and nothing else
    #[arg(short, long)]
    quiet: bool,
    /// Another machine's image, such as linux/arm64 [default: this host's]
    #[arg(long, value_name = "OS/ARCH[/VARIANT]")]
    platform: Option<String>,
    /// The image's name
    #[arg(add = names::images())]
    name: String,
}

/// Pulls it.
pub(crate) async fn run(args: Args, root: &Path) -> Outcome {
    let credentials = Credentials::of_caller()?.for_image(&args.name)?;
    let request = PullRequest {
        reference: args.name.clone(),
        platform: args.platform,
        only_if_missing: false,
        credentials,
    };
    let client = Client::connect(root).await?;
    let message = ClientMessage::Pull { id: 1, request };
    let done = transfer::run(client, message, "pulling", args.quiet).await?;
    if args.quiet {
        say_line(&args.name)?;
        return Ok(0);
    }
    if let Some(digest) = &done.digest {
        say_line(&format!("Digest: {digest}"))?;
    }
    let verb = match done.unchanged {
        true => "Up to date",
        false => "Pulled",
    };
    say_line(&format!("{verb}: {}", args.name))?;
    Ok(0)
}

/// Pulls what a run wants, with this caller's credentials, and shows it on standard error. Where the run has caught the
/// signals, each of them gives it up.
pub(super) async fn for_run(
    client: Client,
    name: &str,
    only_if_missing: bool,
    signals: Option<&mut Signals>,
) -> Result<(), Failure> {
    let request = PullRequest {
        reference: name.to_owned(),
        platform: None,
        only_if_missing,
        credentials: Credentials::of_caller()?.for_image(name)?,
    };
    let message = ClientMessage::Pull { id: 1, request };
    match signals {
        // No listener beside these: it would end the run at a later signal that is meant for the container.
        Some(signals) => {
            let given_up = async || signals.ends().await;
            transfer::run_until(client, message, "pulling", false, given_up).await?;
        }
        None => {
            transfer::run(client, message, "pulling", false).await?;
        }
    }
    Ok(())
}
