//! `estiva push`: an image to its registry.

use std::path::Path;

use estiva_shared::protocol::{ClientMessage, PushRequest};

use super::completion::names;
use super::credentials::Credentials;
use super::{Outcome, transfer};
use crate::client::Client;
use crate::output::say_line;

/// The command's words.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "The name says the registry; `estiva tag` gives an image one more. Layers are compressed on their way; what the registry has is not sent again. Ctrl-C gives it up.\n\nExamples:\n  estiva tag hello localhost:5000/team/hello:1\n  estiva push localhost:5000/team/hello:1"
)]
pub(crate) struct Args {
    /// Print the name and nothing else
    #[arg(short, long)]
    quiet: bool,
    /// The image's name
    #[arg(add = names::images())]
    name: String,
}

/// Pushes it.
pub(crate) async fn run(args: Args, root: &Path) -> Outcome {
    let credentials = Credentials::of_caller()?.for_image(&args.name)?;
    let request = PushRequest {
        reference: args.name.clone(),
        credentials,
    };
    let client = Client::connect(root).await?;
    let message = ClientMessage::Push { id: 1, request };
    let done = transfer::run(client, message, "pushing", args.quiet).await?;
    if args.quiet {
        say_line(&args.name)?;
        return Ok(0);
    }
    if let Some(digest) = &done.digest {
        say_line(&format!("Digest: {digest}"))?;
    }
    for name in &done.names {
        say_line(&format!("Pushed: {name}"))?;
    }
    Ok(0)
}
