//! `estiva exec`: a further program in a running container.

use std::io::{self, Write as _};
use std::path::Path;

use estiva_shared::protocol::{
    ClientMessage, ExecEvent, ExecRequest, ExecResponse, LogChunk, OutputStream, ServerMessage,
};

use super::attach::folder_of;
use super::completion::names;
use super::foreground::{self, Attached, Following, Signals};
use super::typing::{Typing, TypingArgs};
use super::{Outcome, interrupt, options};
use crate::client::{Client, FromServer, segment};
use crate::failure::{EXIT_INTERRUPTED, EXIT_NOT_STARTED, Failure};
use crate::output::{complain, not_written};

/// The command's words.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "The exit status is the program's; 125, 126 and 127 as of `estiva run`. Output is passed byte for byte. Without -i the program reads from /dev/null, and without -i and -t Ctrl-C kills it. With -i or -t it goes on without the server; with a terminal that nobody looks at it is hung up after an hour.\n\nExamples:\n  estiva exec counter ps\n  estiva exec -it counter sh\n  estiva exec -e LEVEL=3 -w /tmp counter sh -c 'echo $LEVEL; pwd'"
)]
pub(crate) struct Args {
    /// Set a variable, on top of the container's
    #[arg(short, long, value_name = "KEY=VALUE")]
    env: Vec<String>,
    /// The folder it begins in
    #[arg(short, long, value_name = "DIR")]
    workdir: Option<String>,
    /// Who it runs as
    #[arg(short, long, value_name = "USER[:GROUP]")]
    user: Option<String>,
    #[command(flatten)]
    typing: TypingArgs,
    /// The container's name or id
    #[arg(add = names::running())]
    container: String,
    /// The program and its arguments
    #[arg(required = true, trailing_var_arg = true, allow_hyphen_values = true)]
    args: Vec<String>,
}

#[cfg(test)]
impl Args {
    /// The container, and the words of the program.
    pub(super) fn words(&self) -> (&str, Vec<&str>) {
        (
            &self.container,
            self.args.iter().map(String::as_str).collect(),
        )
    }
}

/// Runs it.
pub(crate) async fn run(args: Args, root: &Path) -> Outcome {
    args.typing.check()?;
    let client = Client::connect(root).await?;
    let typing = args.typing.typing();
    let container = args.container.clone();
    let request = request(args);
    match typing {
        Some(typing) => in_foreground(client, &container, &request, typing).await,
        None => attended(client, container, request).await,
    }
}

fn request(args: Args) -> ExecRequest {
    ExecRequest {
        args: args.args,
        env: options::variables(&args.env),
        user: args.user,
        workdir: args.workdir,
        interactive: args.typing.interactive,
        terminal: args.typing.tty,
        terminal_size: args.typing.size(),
    }
}

/// One with a terminal or a standard input: it has a monitor, and this command speaks with that.
async fn in_foreground(
    mut client: Client,
    container: &str,
    request: &ExecRequest,
    typing: Typing,
) -> Outcome {
    let mut signals = Signals::catch()?;
    let path = format!("/api/v1/containers/{}/execs", segment(container));
    let response: ExecResponse = client.post(&path, request).await?;
    let state_dir = folder_of(response.monitor_socket.as_deref())?;
    let following = Following::anew(state_dir, Some(typing), true);
    match foreground::follow(following, &mut signals).await {
        Attached::Exited { exit, whole } => {
            if !whole {
                complain("estiva: a part of the program's output was lost\n");
            }
            Ok(u8::try_from(exit.code).unwrap_or(EXIT_NOT_STARTED))
        }
        Attached::Detached => {
            complain(&format!(
                "estiva: the program in {container} runs on; its terminal is on the container's page, and it is hung up after an hour with nobody there\n"
            ));
            Ok(0)
        }
        Attached::Left => Ok(EXIT_INTERRUPTED),
        Attached::Unwritable(failure) => Err(failure),
        Attached::Lost => Err(Failure::new("nobody says how the program ended")),
    }
}

/// One without: its output comes through the server, and it ends with this command.
async fn attended(client: Client, container: String, request: ExecRequest) -> Outcome {
    let mut socket = client.socket().await?;
    socket
        .send(&ClientMessage::Exec {
            id: 1,
            container,
            request,
        })
        .await?;
    // The connection closes with this process, and the program is killed with it.
    interrupt::ends_the_process()?;
    let mut code = None;
    loop {
        match socket.next().await? {
            FromServer::Message(ServerMessage::Exec {
                event: ExecEvent::Output(chunk),
                ..
            }) => {
                write(&chunk).map_err(not_written)?;
            }
            FromServer::Message(ServerMessage::Exec {
                event: ExecEvent::Exited { code: ended, .. },
                ..
            }) => {
                code = Some(ended);
            }
            FromServer::Message(_) => {}
            FromServer::Ended => break,
        }
    }
    let code = code.ok_or_else(|| Failure::new("nobody says how the program ended"))?;
    Ok(u8::try_from(code).unwrap_or(EXIT_NOT_STARTED))
}

/// Writes a piece of output to where the program wrote it.
///
/// # Errors
/// If it can't be written.
pub(super) fn write(chunk: &LogChunk) -> io::Result<()> {
    match chunk.stream {
        OutputStream::Stdout => {
            let mut out = io::stdout().lock();
            out.write_all(&chunk.bytes)?;
            out.flush()
        }
        OutputStream::Stderr => io::stderr().lock().write_all(&chunk.bytes),
    }
}
