//! `estiva logs`: what a container wrote.

use std::path::Path;

use estiva_shared::protocol::{ClientMessage, ServerMessage};

use super::completion::names;
use super::{Outcome, exec, interrupt};
use crate::client::{Client, FromServer};
use crate::output::not_written;

/// The command's words.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "What it wrote to standard output goes there, and what it wrote to standard error goes there, byte for byte.\n\nExamples:\n  estiva logs counter\n  estiva logs -f --tail 20 counter"
)]
pub(crate) struct Args {
    /// Go on until the container ends
    #[arg(short, long)]
    follow: bool,
    /// Only the last so many lines, or all
    #[arg(short = 'n', long, value_name = "LINES", allow_negative_numbers = true, default_value = "all", value_parser = lines)]
    tail: Tail,
    /// The container's name or id
    #[arg(add = names::containers())]
    container: String,
}

/// The value of `--tail`: how many lines; `None` is all.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Tail(Option<u64>);

fn lines(text: &str) -> Result<Tail, String> {
    if text == "all" {
        return Ok(Tail(None));
    }
    let number = text
        .parse()
        .map_err(|_| format!("expected a number of lines, or all, but found: {text}"))?;
    Ok(Tail(Some(number)))
}

/// Shows it.
pub(crate) async fn run(args: Args, root: &Path) -> Outcome {
    let client = Client::connect(root).await?;
    let mut socket = client.socket().await?;
    let Args {
        follow,
        tail,
        container,
    } = args;
    socket
        .send(&ClientMessage::Logs {
            id: 1,
            container,
            follow,
            tail: tail.0,
        })
        .await?;
    interrupt::ends_the_process()?;
    loop {
        match socket.next().await? {
            FromServer::Message(ServerMessage::Logs { chunks, .. }) => {
                for chunk in chunks {
                    exec::write(&chunk).map_err(not_written)?;
                }
            }
            FromServer::Message(_) => {}
            FromServer::Ended => return Ok(0),
        }
    }
}
