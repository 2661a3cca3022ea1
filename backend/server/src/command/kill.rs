//! `estiva kill`: a signal to containers.

use std::path::Path;

use hyper::Method;

use super::completion::names;
use super::{Outcome, each};
use crate::client::{Client, segment};

/// The command's words.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:\n  estiva kill counter\n  estiva kill -s HUP counter")]
pub(crate) struct Args {
    /// The signal's name or number
    #[arg(short, long, default_value = "KILL")]
    signal: String,
    /// Names or ids
    #[arg(required = true, add = names::running())]
    containers: Vec<String>,
}

/// Sends it to each.
pub(crate) async fn run(args: &Args, root: &Path) -> Outcome {
    let mut client = Client::connect(root).await?;
    let mut failed = false;
    for name in &args.containers {
        let path = format!(
            "/api/v1/containers/{}/kill?signal={}",
            segment(name),
            segment(&args.signal)
        );
        let done = client.order(Method::POST, &path).await;
        each::tell(name, done, &mut failed)?;
    }
    each::outcome(failed)
}
