//! `estiva stop`: asks containers to end, and kills those that don't.

use std::path::Path;

use estiva_shared::protocol::ContainerSummary;
use hyper::Method;

use super::completion::names;
use super::{Outcome, each};
use crate::client::{Client, segment};

/// The command's words.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:\n  estiva stop counter\n  estiva stop -t 1 counter other")]
pub(crate) struct Args {
    /// Seconds to wait before it is killed
    #[arg(
        short,
        long,
        default_value_t = 10,
        value_name = "SECONDS",
        allow_negative_numbers = true
    )]
    time: u64,
    /// Names or ids
    #[arg(required = true, add = names::running())]
    containers: Vec<String>,
}

/// Stops them, one after another.
pub(crate) async fn run(args: &Args, root: &Path) -> Outcome {
    let mut client = Client::connect(root).await?;
    let mut failed = false;
    for name in &args.containers {
        let path = format!(
            "/api/v1/containers/{}/stop?timeout_s={}",
            segment(name),
            args.time
        );
        let done: Result<ContainerSummary, _> = client.ask_json(Method::POST, &path).await;
        each::tell(name, done.map(drop), &mut failed)?;
    }
    each::outcome(failed)
}
