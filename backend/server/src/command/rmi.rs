//! `estiva rmi`: takes names from images, and removes images that have none left.

use std::path::Path;

use estiva_shared::protocol::RemovedImage;
use hyper::Method;

use super::completion::names;
use super::{Outcome, each};
use crate::client::{Client, segment};
use crate::output::say_line;

/// The command's words.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "An image goes with its last name, and its layers with the last image that has them.\n\nExamples:\n  estiva rmi hello\n  estiva rmi -f 1f2e3d4c5b6a"
)]
pub(crate) struct Args {
    /// Remove an image by its id though it has several names
    #[arg(short, long)]
    force: bool,
    /// Names or ids
    #[arg(required = true, add = names::images())]
    images: Vec<String>,
}

/// Removes them, one after another.
pub(crate) async fn run(args: &Args, root: &Path) -> Outcome {
    let mut client = Client::connect(root).await?;
    let mut failed = false;
    for name in &args.images {
        let path = format!("/api/v1/images/{}?force={}", segment(name), args.force);
        let removed: Result<RemovedImage, _> = client.ask_json(Method::DELETE, &path).await;
        match removed {
            Ok(removed) => {
                for name in &removed.untagged {
                    say_line(&format!("Untagged: {name}"))?;
                }
                for id in &removed.deleted {
                    say_line(&format!("Deleted: {id}"))?;
                }
            }
            Err(failure) => each::tell(name, Err(failure), &mut failed)?,
        }
    }
    each::outcome(failed)
}
