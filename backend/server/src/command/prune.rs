//! `estiva prune`: frees what only later builds would use.

use std::path::Path;

use estiva_shared::protocol::Pruned;
use estiva_shared::text::human_bytes;
use hyper::Method;

use super::{Outcome, confirm};
use crate::client::Client;
use crate::failure::Failure;
use crate::output::say_line;

/// The command's words.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Images, with a name or without, and containers keep all that they have; the next build makes its other steps again.\n\nExamples:\n  estiva prune\n  estiva prune --force"
)]
pub(crate) struct Args {
    /// Don't ask
    #[arg(short, long, visible_short_alias = 'y', visible_alias = "yes")]
    force: bool,
}

/// Asks, and frees.
pub(crate) async fn run(args: &Args, root: &Path) -> Outcome {
    let question = "Remove all cached build steps, and the layers that no image has?";
    if !args.force && !confirm::confirmed(question, "--force")? {
        return Err(Failure::new("nothing was removed"));
    }
    let mut client = Client::connect(root).await?;
    let pruned: Pruned = client.ask_json(Method::POST, "/api/v1/prune").await?;
    say_line(&summary(&pruned))?;
    Ok(0)
}

fn summary(pruned: &Pruned) -> String {
    if pruned.postponed {
        return "A build or a transfer is under way; the space is freed when it ends".to_owned();
    }
    format!("Total reclaimed space: {}", human_bytes(pruned.bytes))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_says_how_much_is_free_now_or_when_it_will_be() {
        let mut pruned = Pruned {
            layers: 2,
            bytes: 0,
            postponed: false,
        };
        assert!(summary(&pruned).starts_with("Total reclaimed space: 0"));
        pruned.postponed = true;
        assert!(summary(&pruned).contains("freed when it ends"));
    }
}
