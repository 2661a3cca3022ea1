//! `estiva rm`: removes containers, with all that they wrote.

use std::path::Path;

use hyper::Method;

use super::completion::names;
use super::{Outcome, each};
use crate::client::{Client, segment};

/// The command's words.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:\n  estiva rm counter\n  estiva rm -f counter")]
pub(crate) struct Args {
    /// Kill those that run
    #[arg(short, long)]
    force: bool,
    /// Remove with them the volumes that were made for them and that nobody named
    #[arg(short, long)]
    volumes: bool,
    /// Names or ids
    #[arg(required = true, add = names::containers())]
    containers: Vec<String>,
}

/// Removes them, one after another.
pub(crate) async fn run(args: &Args, root: &Path) -> Outcome {
    let mut client = Client::connect(root).await?;
    let mut failed = false;
    for name in &args.containers {
        let path = format!(
            "/api/v1/containers/{}?force={}&volumes={}",
            segment(name),
            args.force,
            args.volumes
        );
        let done = client.order(Method::DELETE, &path).await;
        each::tell(name, done, &mut failed)?;
    }
    each::outcome(failed)
}
