//! `estiva stop-server`: ends the server; containers go on.

use std::path::Path;
use std::time::{Duration, Instant};

use hyper::Method;

use super::Outcome;
use crate::build_id;
use crate::client::Client;
use crate::failure::Failure;
use crate::lock::Lock;
use crate::output::say_line;
use crate::root::Root;

/// How long a server may take to end: a little more than it gives its builds.
const ENDS_WITHIN: Duration = Duration::from_secs(40);

/// How often it is looked at.
const LOOKED_EVERY: Duration = Duration::from_millis(10);

/// The command's words.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Containers have monitors of their own and run on; the next command starts a server, which finds them. Builds, pulls and pushes that run are cancelled.\n\nExamples:\n  estiva stop-server"
)]
pub(crate) struct Args {
    /// Only where the server is of another build than this command
    #[arg(long)]
    if_other_build: bool,
}

/// Ends it, and waits for its end.
pub(crate) async fn run(args: &Args, root: &Path) -> Outcome {
    let Some(mut client) = Client::connect_running(root).await? else {
        if !args.if_other_build {
            say_line("no server runs")?;
        }
        return Ok(0);
    };
    if args.if_other_build {
        let theirs = client.version().await?;
        let ours = build_id::of_this_program()
            .map_err(|error| Failure::new(format_args!("can't read this program: {error}")))?;
        if theirs.build == ours {
            return Ok(0);
        }
    }
    client.order(Method::POST, "/api/v1/server/stop").await?;
    let root = client.root().clone();
    drop(client);
    ended(&root).await?;
    say_line("the server has ended; containers go on")?;
    Ok(0)
}

/// Waits until nobody holds the root.
///
/// # Errors
/// If somebody still does after a while.
pub(super) async fn ended(root: &Root) -> Result<(), Failure> {
    let until = Instant::now() + ENDS_WITHIN;
    while Lock::is_held(root) {
        if Instant::now() > until {
            return Err(Failure::new("the server has not ended in time")
                .hint("server.log in the root may say why"));
        }
        tokio::time::sleep(LOOKED_EVERY).await;
    }
    Ok(())
}
