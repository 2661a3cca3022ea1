//! What `pull`, `push` and a `run` of an image that the store lacks have in common: a transfer over the WebSocket, shown
//! until it ends.

use std::io::{self, IsTerminal as _};
use std::time::Duration;

use estiva_shared::protocol::{ClientMessage, ServerMessage, TransferEvent};

use super::interrupt;
use crate::client::{Client, FromServer, Socket};
use crate::failure::{EXIT_INTERRUPTED, Failure};
use crate::output::columns;
use crate::output::transfer::View;

/// How often the live lines are drawn.
const DRAWN_EVERY: Duration = Duration::from_millis(100);

/// What came of a transfer.
#[derive(Debug)]
pub(super) struct Done {
    pub(super) digest: Option<String>,
    pub(super) names: Vec<String>,
    pub(super) unchanged: bool,
}

/// Runs a transfer to its end. Ctrl-C gives it up, and a second one doesn't wait.
pub(super) async fn run(
    client: Client,
    message: ClientMessage,
    verb: &'static str,
    quiet: bool,
) -> Result<Done, Failure> {
    // Heard from before it begins, so that none ends this command and leaves the server to find out.
    let mut interrupt = Some(interrupt::is_told_first()?);
    let given_up = async || match &mut interrupt {
        Some(told) => {
            let _ = told.await;
            interrupt = None;
        }
        // A second Ctrl-C ends the process by itself.
        None => std::future::pending().await,
    };
    run_until(client, message, verb, quiet, given_up).await
}

/// Runs a transfer to its end, or until `given_up` returns: the server is asked to end it then, and not waited for any
/// more when it returns again. It must lose nothing by being dropped.
pub(super) async fn run_until(
    client: Client,
    message: ClientMessage,
    verb: &'static str,
    quiet: bool,
    given_up: impl AsyncFnMut(),
) -> Result<Done, Failure> {
    let mut socket = client.socket().await?;
    socket.send(&message).await?;
    let terminal = io::stderr().is_terminal().then(|| columns(io::stderr()));
    let mut view = View::new(io::stderr(), terminal, verb);
    let ended = follow(&mut socket, &mut view, quiet, given_up).await;
    // Whatever the end was, a live line that stays would be read as one that goes on.
    let _ = view.clear();
    ended?.ok_or_else(|| Failure::new("the server did not say how the transfer ended"))
}

async fn follow(
    socket: &mut Socket,
    view: &mut View<io::Stderr>,
    quiet: bool,
    mut given_up: impl AsyncFnMut(),
) -> Result<Option<Done>, Failure> {
    let mut ticks = tokio::time::interval(DRAWN_EVERY);
    let (mut interrupted, mut done) = (false, None);
    loop {
        tokio::select! {
            () = given_up() => {
                if interrupted {
                    let failure = Failure::new("interrupted; the server was asked to end the transfer");
                    return Err(failure.exit_code(EXIT_INTERRUPTED));
                }
                interrupted = true;
                socket.send(&ClientMessage::Cancel { id: 1 }).await?;
            }
            message = socket.next() => match message {
                Ok(FromServer::Message(ServerMessage::Transfer { event, .. })) => {
                    if !quiet {
                        // A terminal that went away is no reason to give a transfer up.
                        let _ = view.show(&event);
                    }
                    if let TransferEvent::Done { digest, names, unchanged, .. } = event {
                        done = Some(Done { digest, names, unchanged });
                    }
                }
                Ok(FromServer::Message(_)) => {}
                Ok(FromServer::Ended) => return Ok(done),
                Err(failure) if interrupted => return Err(failure.exit_code(EXIT_INTERRUPTED)),
                Err(failure) => return Err(failure),
            },
            _ = ticks.tick(), if !quiet => {
                let _ = view.tick();
            }
        }
    }
}
