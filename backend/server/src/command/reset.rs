//! `estiva reset`: ends everything of a root and removes it.

use std::path::Path;

use estiva_runtime::cgroup::remove_server_group;
use estiva_shared::text::escape_name;
use hyper::Method;

use super::{Outcome, confirm, stop_server};
use crate::client::Client;
use crate::failure::{Failure, at};
use crate::lock::{Lock, LockError};
use crate::output::say_line;
use crate::root::Root;

/// The command's words.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Containers are killed, builds cancelled, and images, reports and logs of this root are gone for good. Files in the folder that are not Estiva's stay.\n\nExamples:\n  estiva reset\n  estiva --root /tmp/trial reset --yes"
)]
pub(crate) struct Args {
    /// Don't ask
    #[arg(short, long)]
    yes: bool,
}

/// Resets it.
pub(crate) async fn run(args: &Args, path: &Path) -> Outcome {
    let Ok(root) = Root::existing(path) else {
        say_line(&format!("nothing is at {}", path.display()))?;
        return Ok(0);
    };
    let shown = root.path().display().to_string();
    let shown = escape_name(&shown);
    let message =
        format!("expected a root of Estiva, but found no store in {shown}; nothing was removed");
    // Asked twice, it is done; and a folder that somebody made for other things is left as it is.
    if root.is_nobodys() {
        say_line(&format!(
            "nothing of Estiva's is in {shown}; nothing was removed"
        ))?;
        return Ok(0);
    }
    if let Some(stranger) = root.stranger() {
        let hint = format!(
            "{} is not Estiva's; if it is a rest of it, remove it yourself",
            stranger.display()
        );
        return Err(Failure::new(message).hint(hint));
    }
    if !args.yes && !confirmed(&root)? {
        return Err(Failure::new("nothing was removed"));
    }
    end_containers(&root).await?;
    let lock = Lock::take(&root).map_err(|error| match error {
        LockError::Held { .. } => {
            Failure::new(format_args!("{error}; it was started meanwhile")).hint("try again")
        }
        LockError::Io { .. } => Failure::new(error),
    })?;
    // A server that was killed has left it. Where there are no cgroups, it has left none.
    let _ = remove_server_group(&root.world());
    root.remove_content().map_err(at("remove", root.path()))?;
    drop(lock);
    say_line(&format!("everything of {} is gone", root.path().display()))?;
    Ok(0)
}

/// Has the server end all containers and itself.
async fn end_containers(root: &Root) -> Result<(), Failure> {
    match ask_to_end(root).await {
        // It was killed a moment ago, and what it left is the next one's to end.
        Err(failure) if failure.code.is_none() => {
            stop_server::ended(root).await.map_err(|_| failure)?;
            ask_to_end(root).await
        }
        other => other,
    }
}

/// Where no server runs, one is started for it if there may be containers.
async fn ask_to_end(root: &Root) -> Result<(), Failure> {
    let running = Client::connect_running(root.path()).await?;
    let client = match running {
        Some(client) => Some(client),
        None if has_containers(root) => Some(Client::connect(root.path()).await?),
        None => None,
    };
    if let Some(mut client) = client {
        client.order(Method::POST, "/api/v1/server/reset").await?;
        drop(client);
        return stop_server::ended(root).await;
    }
    // One that was killed a moment ago answers no more, and holds the root until it is gone. Who holds it for longer is told
    // by the lock.
    let _ = stop_server::ended(root).await;
    Ok(())
}

fn has_containers(root: &Root) -> bool {
    std::fs::read_dir(root.containers()).is_ok_and(|mut entries| entries.next().is_some())
}

fn confirmed(root: &Root) -> Result<bool, Failure> {
    let question = format!(
        "End every container and remove all images, reports and logs of {}?",
        root.path().display()
    );
    confirm::confirmed(&question, "--yes")
}
