//! `estiva volume`: folders that outlive the containers they are mounted into.

use std::path::Path;

use estiva_shared::protocol::{VolumeRequest, VolumeSummary};
use hyper::Method;

use super::completion::names;
use super::{Outcome, confirm, each};
use crate::client::{Client, segment};
use crate::failure::Failure;
use crate::output::time::{ago, now_ms};
use crate::output::{say, say_json, say_line, table};

/// The command's words.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "A volume is mounted with `estiva run -v NAME:TARGET`, which makes it where there is none; a new one begins with what the image has at TARGET.\n\nExamples:\n  estiva volume create db\n  estiva run -d --name store -v db:/var/lib/db hello\n  estiva volume ls\n  estiva volume rm db"
)]
pub(crate) struct Args {
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Debug, clap::Subcommand)]
enum Verb {
    /// Make a volume; one that is there stays as it is
    Create {
        /// Its name; one is made up where none is given
        name: Option<String>,
    },
    /// List volumes
    #[command(visible_alias = "list")]
    Ls {
        /// Print names and nothing else
        #[arg(short, long)]
        quiet: bool,
        /// Print all that is known, as JSON
        #[arg(long, conflicts_with = "quiet")]
        json: bool,
    },
    /// Remove volumes that no container has, with all that is in them
    #[command(visible_alias = "remove")]
    Rm {
        /// No error for one that is not there
        #[arg(short, long)]
        force: bool,
        /// Names
        #[arg(required = true, add = names::volumes())]
        names: Vec<String>,
    },
    /// Print all that is known of volumes, as JSON
    Inspect {
        /// Names
        #[arg(required = true, add = names::volumes())]
        names: Vec<String>,
    },
    /// Remove the volumes without a name of their own that no container has
    Prune {
        /// Those with a name too
        #[arg(short, long)]
        all: bool,
        /// Don't ask
        #[arg(short, long, visible_short_alias = 'y', visible_alias = "yes")]
        force: bool,
    },
}

/// Does it.
pub(crate) async fn run(args: Args, root: &Path) -> Outcome {
    let mut client = Client::connect(root).await?;
    match args.verb {
        Verb::Create { name } => {
            let request = VolumeRequest { name };
            let made: VolumeSummary = client.post("/api/v1/volumes", &request).await?;
            say_line(&made.name)?;
            Ok(0)
        }
        Verb::Ls { quiet, json } => list(&mut client, quiet, json).await,
        Verb::Rm { force, names } => {
            let mut failed = false;
            for name in &names {
                let done = match remove(&mut client, name).await {
                    Err(failure) if force && is_unknown(&failure) => continue,
                    other => other,
                };
                each::tell(name, done, &mut failed)?;
            }
            each::outcome(failed)
        }
        Verb::Inspect { names } => {
            let mut found = Vec::new();
            let mut failed = false;
            for name in &names {
                let path = format!("/api/v1/volumes/{}", segment(name));
                match client.get::<VolumeSummary>(&path).await {
                    Ok(volume) => found.push(volume),
                    Err(failure) => each::tell(name, Err(failure), &mut failed)?,
                }
            }
            say_json(&found)?;
            each::outcome(failed)
        }
        Verb::Prune { all, force } => prune(&mut client, all, force).await,
    }
}

async fn list(client: &mut Client, quiet: bool, json: bool) -> Outcome {
    let volumes: Vec<VolumeSummary> = client.get("/api/v1/volumes").await?;
    if json {
        say_json(&volumes)?;
    } else if quiet {
        let names: Vec<_> = volumes
            .iter()
            .map(|volume| format!("{}\n", volume.name))
            .collect();
        say(&names.concat())?;
    } else {
        let now = now_ms();
        let rows: Vec<_> = volumes
            .iter()
            .map(|volume| {
                [
                    volume.name.clone(),
                    ago(volume.created_ms, now),
                    volume.containers.len().to_string(),
                ]
            })
            .collect();
        say(&table::table(
            ["VOLUME NAME", "CREATED", "CONTAINERS"],
            &rows,
        ))?;
    }
    Ok(0)
}

async fn remove(client: &mut Client, name: &str) -> Result<(), Failure> {
    let path = format!("/api/v1/volumes/{}", segment(name));
    client.order(Method::DELETE, &path).await
}

fn is_unknown(failure: &Failure) -> bool {
    failure.code.as_deref() == Some("unknown-volume")
}

async fn prune(client: &mut Client, all: bool, force: bool) -> Outcome {
    let question = if all {
        "Remove all volumes that no container has?"
    } else {
        "Remove the volumes without a name of their own that no container has?"
    };
    if !force && !confirm::confirmed(question, "--force")? {
        return Err(Failure::new("nothing was removed"));
    }
    let volumes: Vec<VolumeSummary> = client.get("/api/v1/volumes").await?;
    let mut failed = false;
    let unused = volumes
        .into_iter()
        .filter(|volume| volume.containers.is_empty() && (all || volume.anonymous));
    for volume in unused {
        match remove(client, &volume.name).await {
            // A container took it, or somebody else removed it, meanwhile.
            Err(failure) if is_unknown(&failure) => {}
            Err(failure) if failure.code.as_deref() == Some("volume-in-use") => {}
            other => each::tell(&volume.name, other, &mut failed)?,
        }
    }
    each::outcome(failed)
}
