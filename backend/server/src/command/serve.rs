//! `estiva serve`: the server, in the foreground; and in the background for commands that need one.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use estiva_runtime::cgroup::ServerGroup;
use estiva_shared::protocol::ErrorBody;

use super::{Outcome, options};
use crate::client::{Report, needs_root};
use crate::failure::{Failure, at};
use crate::output::{say, say_line};
use crate::root::Root;
use crate::server::{Options, Server, StartError};
use crate::surroundings;

/// The command's words.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Other commands start a server in the background by themselves; this one is for a supervisor, or to choose the addresses. It ends with Ctrl-C or SIGTERM, and containers go on.\n\nExamples:\n  estiva serve\n  estiva serve --listen 127.0.0.1:9000 --context-root ~/src\n  estiva serve --share-listen 0.0.0.0:8080"
)]
pub(crate) struct Args {
    /// The dashboard's address, on loopback; 127.0.0.1:7878 or a free port where none is named
    #[arg(long, value_name = "ADDRESS", value_parser = options::address)]
    listen: Option<SocketAddr>,
    /// A second listener for shared links, and nothing else; any address
    #[arg(long, value_name = "ADDRESS", value_parser = options::address)]
    share_listen: Option<SocketAddr>,
    /// A folder below which the page may pick build contexts
    #[arg(long, value_name = "DIR")]
    context_root: Option<PathBuf>,
    /// Start as other commands start it: quietly, apart from the terminal
    #[arg(long, hide = true)]
    background: bool,
}

/// Serves.
pub(crate) fn run(args: Args, path: &Path) -> Outcome {
    needs_root()?;
    let root = Root::create(path)?;
    surroundings::set();
    // Before there is a second thread. Where it fails, the server stays in its starter's group, and works as well as long
    // as nobody stops that as a whole. One in the foreground is its supervisor's to place.
    let group = args
        .background
        .then(|| ServerGroup::enter(&root.world()).ok())
        .flatten();
    if args.background {
        // It fails where this process leads a session already, which is what is wanted.
        let _ = rustix::process::setsid();
    }
    let outcome = run_in(args, &root);
    if let Some(group) = group {
        group.leave();
    }
    outcome
}

fn run_in(args: Args, root: &Root) -> Outcome {
    let options = Options {
        listen: args.listen,
        share_listen: args.share_listen,
        context_root: args.context_root,
    };
    tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .map_err(|error| Failure::new(format_args!("can't start: {error}")))?
        .block_on(serve(root, &options, args.background))
}

async fn serve(root: &Root, options: &Options, background: bool) -> Outcome {
    let server = match Server::start(root, options).await {
        Ok(server) => server,
        Err(error) if background => {
            report(Some(body(&error)))?;
            return Ok(crate::failure::EXIT_FAILURE);
        }
        Err(error) => return Err(body(&error).into()),
    };
    if background {
        report(None)?;
        close_output()?;
    } else {
        greet(root, &server)?;
    }
    server
        .run()
        .await
        .map_err(|error| Failure::new(format_args!("can't wait for signals: {error}")))?;
    Ok(0)
}

fn greet(root: &Root, server: &Server) -> Result<(), Failure> {
    say_line(&format!("estiva serves {}", root.path().display()))?;
    if let Some(address) = server.page_address() {
        say_line(&format!("dashboard: {address}"))?;
    }
    if let Some(address) = server.addresses().shares {
        say_line(&format!("shared links: http://{address}/s/…"))?;
    }
    Ok(())
}

fn body(error: &StartError) -> ErrorBody {
    ErrorBody {
        code: error.code().to_owned(),
        message: crate::server::with_causes(error),
        hint: error.hint(),
    }
}

/// Tells the starter, which waits for this line.
fn report(error: Option<ErrorBody>) -> Result<(), Failure> {
    let text = serde_json::to_string(&Report { error })
        .map_err(|error| Failure::new(format_args!("can't write the report: {error}")))?;
    say(&text)
}

/// Gives the pipe to the starter back: its end is what the starter waits for.
fn close_output() -> Result<(), Failure> {
    let null = Path::new("/dev/null");
    let opened = std::fs::OpenOptions::new()
        .write(true)
        .open(null)
        .map_err(at("open", null))?;
    rustix::stdio::dup2_stdout(&opened).map_err(at("write to", null))
}
