//! `estiva attach`: a running container's output and input, at this terminal.

use std::path::{Path, PathBuf};

use estiva_runtime::monitor::protocol::AttachFrom;
use estiva_shared::protocol::{ContainerSummary, RunResponse};
use hyper::Method;

use super::Outcome;
use super::completion::names;
use super::detach::{self, Keys};
use super::foreground::{self, Attached, Following, Signals};
use super::typing::Typing;
use crate::client::{Client, segment};
use crate::failure::{EXIT_INTERRUPTED, EXIT_NOT_STARTED, Failure};
use crate::output::complain;

/// The command's words.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "A container with a terminal (run -t) is shown from its last screens on, any other from now on. The exit status is the container's, or 0 after detaching. No server is between: it can be killed and started again.\n\nExamples:\n  estiva run -dit --name box busybox\n  estiva attach box\n  estiva attach --detach-keys ctrl-a,d box\n  estiva attach --no-stdin box"
)]
pub(crate) struct Args {
    /// Detach with these keys: letters, or ctrl- and a letter, with commas between
    #[arg(long, value_name = "KEYS", default_value = detach::DEFAULT, value_parser = detach::keys)]
    detach_keys: Keys,
    /// Only look: type nothing
    #[arg(long)]
    no_stdin: bool,
    /// Pass signals on to the container; with false, Ctrl-C only ends this command
    #[arg(long, value_name = "BOOL", default_value_t = true, default_missing_value = "true", num_args = 0..=1, require_equals = true, action = clap::ArgAction::Set)]
    sig_proxy: bool,
    /// The container's name or id
    #[arg(add = names::running())]
    container: String,
}

/// Attaches.
pub(crate) async fn run(args: Args, root: &Path) -> Outcome {
    let mut client = Client::connect(root).await?;
    let path = format!("/api/v1/containers/{}", segment(&args.container));
    let summary: ContainerSummary = client.ask_json(Method::GET, &path).await?;
    let mut signals = Signals::catch()?;
    let monitor: RunResponse = client
        .ask_json(Method::GET, &format!("{path}/monitor"))
        .await?;
    let input = summary.interactive && !args.no_stdin;
    if !input && !args.no_stdin {
        complain(&format!(
            "estiva: {} was started without -i: it is only shown here\n",
            summary.name
        ));
    }
    let following = Following {
        state_dir: folder_of(monitor.monitor_socket.as_deref())?,
        from: if summary.terminal {
            AttachFrom::Recent
        } else {
            AttachFrom::Now
        },
        typing: (input || summary.terminal).then_some(Typing {
            input,
            terminal: summary.terminal,
            keys: args.detach_keys,
        }),
        removed: false,
        proxies: args.sig_proxy,
    };
    match foreground::follow(following, &mut signals).await {
        Attached::Exited { exit, .. } => Ok(u8::try_from(exit.code).unwrap_or(EXIT_NOT_STARTED)),
        Attached::Detached => {
            complain(&runs_on(&summary.name));
            Ok(0)
        }
        Attached::Left => {
            complain(&runs_on(&summary.name));
            Ok(EXIT_INTERRUPTED)
        }
        Attached::Unwritable(failure) => Err(failure),
        Attached::Lost => Err(Failure::new(
            "the container's monitor is gone: nobody says how it ended",
        )),
    }
}

/// The folder of the monitor's files, by the socket that the server named.
///
/// # Errors
/// If it named none.
pub(super) fn folder_of(socket: Option<&str>) -> Result<PathBuf, Failure> {
    socket
        .and_then(|socket| Path::new(socket).parent())
        .map(Path::to_owned)
        .ok_or_else(|| Failure::new("the server named no monitor to attach to"))
}

/// What is said of a container that is left.
pub(super) fn runs_on(name: &str) -> String {
    format!(
        "estiva: {name} runs on; attach to it with `estiva attach {name}`, end it with `estiva stop {name}`\n"
    )
}
