//! An attachment: a terminal or a standard input on a page, and the process's output to it.
//!
//! Bounds: no more than [`TERMINAL_WINDOW_BYTES`] are on their way to the client, and no more than
//! [`TERMINAL_INPUT_BYTES_MAX`] to the process. What the process writes beyond that stays in its log, and the monitor
//! holds it there. A client that says it has shown more than it was sent, or types more than it may, is refused.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use estiva_engine::{AttachEvent, AttachedInput, AttachedOutput, Attachment};
use estiva_shared::protocol::{
    ClientMessage, ErrorBody, ExecEvent, ServerMessage, TERMINAL_INPUT_BYTES_MAX,
    TERMINAL_WINDOW_BYTES, TerminalFrame, TerminalFrameKind, TerminalSize,
};
use tokio::sync::{Notify, mpsc};

use super::{GONE, Outbox, Started};
use crate::server::error::ApiError;
use crate::server::services::Services;
use crate::server::socket::session::{Listen, Running};

/// Resizes and other small messages that wait for a process that doesn't read. A window that is dragged tells many, of
/// which the last counts; a client that tells more than this at once does wrong.
const MESSAGES_WAITING_MAX: u64 = 4096;

/// What an attachment and the session that hears its client share.
#[derive(Debug, Default)]
struct Flow {
    /// Output that was sent and not shown yet, in bytes.
    unshown: AtomicU64,
    /// Rings when some was shown.
    shown: Notify,
    /// What was typed and not taken yet, in bytes.
    untaken: AtomicU64,
    /// Other messages on the same way.
    waiting: AtomicU64,
}

/// What goes to the process.
#[derive(Debug)]
enum ToProcess {
    Input(Vec<u8>),
    End,
    Resize(TerminalSize),
}

/// Begins one.
pub(super) fn start(
    services: Arc<Services>,
    id: u64,
    container: String,
    exec: Option<String>,
    size: Option<TerminalSize>,
    outbox: Outbox,
) -> Started {
    let flow = Arc::new(Flow::default());
    let (to_process, from_client) = mpsc::unbounded_channel();
    let running: Running = Box::pin(attach(
        services,
        id,
        (container, exec, size),
        outbox,
        Arc::clone(&flow),
        from_client,
    ));
    let listen: Listen = Box::new(move |message| flow.take(message, &to_process));
    Started {
        running,
        cancel: None,
        listen: Some(listen),
    }
}

impl Flow {
    /// Takes what the client says. Both queues are bounded by what it may say.
    fn take(
        &self,
        message: ClientMessage,
        to_process: &mpsc::UnboundedSender<ToProcess>,
    ) -> Result<(), ErrorBody> {
        let message = match message {
            ClientMessage::Shown { bytes, .. } => {
                let less = |unshown: u64| unshown.checked_sub(bytes);
                self.unshown
                    .fetch_update(Ordering::AcqRel, Ordering::Acquire, less)
                    .map_err(|unshown| {
                        wrong(&format!(
                            "expected at most {unshown} bytes to be shown, but found {bytes}"
                        ))
                    })?;
                self.shown.notify_one();
                return Ok(());
            }
            ClientMessage::Terminal(TerminalFrame {
                kind: TerminalFrameKind::Input,
                bytes,
                ..
            }) => {
                let length = bytes.len() as u64;
                let before = self.untaken.fetch_add(length, Ordering::AcqRel);
                if before + length > TERMINAL_INPUT_BYTES_MAX {
                    return Err(wrong(&format!(
                        "expected at most {TERMINAL_INPUT_BYTES_MAX} bytes of input on their way, but found more"
                    )));
                }
                // A frame without bytes would cost a place in the queue, and mean nothing.
                if bytes.is_empty() {
                    return Ok(());
                }
                ToProcess::Input(bytes)
            }
            ClientMessage::Resize { size, .. } => self.small(ToProcess::Resize(size))?,
            ClientMessage::EndInput { .. } => self.small(ToProcess::End)?,
            _ => return Err(wrong("expected input, but found output")),
        };
        // Where the attachment has just ended, nobody is there to be told.
        let _ = to_process.send(message);
        Ok(())
    }

    fn small(&self, message: ToProcess) -> Result<ToProcess, ErrorBody> {
        if self.waiting.fetch_add(1, Ordering::AcqRel) < MESSAGES_WAITING_MAX {
            Ok(message)
        } else {
            Err(wrong("expected fewer messages before the process reads"))
        }
    }

    /// Waits until this many bytes more may be on their way. One piece always may, so that none is too long.
    async fn room(&self, length: u64) {
        loop {
            let unshown = self.unshown.load(Ordering::Acquire);
            if unshown == 0 || unshown + length <= TERMINAL_WINDOW_BYTES {
                self.unshown.fetch_add(length, Ordering::AcqRel);
                return;
            }
            self.shown.notified().await;
        }
    }
}

async fn attach(
    services: Arc<Services>,
    id: u64,
    (container, exec, size): (String, Option<String>, Option<TerminalSize>),
    outbox: Outbox,
    flow: Arc<Flow>,
    from_client: mpsc::UnboundedReceiver<ToProcess>,
) -> Result<(), ErrorBody> {
    let attachment = services.engine.attach(&container, exec.as_deref()).await;
    let Attachment {
        terminal,
        interactive,
        output,
        mut input,
    } = attachment.map_err(|error| ApiError::from(error).into_body())?;
    let attached = ServerMessage::Attached {
        id,
        terminal,
        interactive,
    };
    if outbox.send(attached).await.is_err() {
        return GONE;
    }
    if let (true, Some(TerminalSize { rows, columns })) = (terminal, size) {
        // Twice, because a size that stays as it was has no program draw anew. Where the process has just ended, its end
        // comes next.
        let _ = input.resize(rows.saturating_add(1), columns).await;
        let _ = input.resize(rows, columns).await;
    }
    tokio::select! {
        ended = show(output, id, &outbox, &flow) => ended,
        // It ends with the monitor; then the output does too, and tells why.
        () = pass_in(input, id, interactive, &outbox, &flow, from_client) => GONE,
    }
}

/// Passes the output on, as the client shows it, and then the end.
async fn show(
    mut output: AttachedOutput,
    id: u64,
    outbox: &Outbox,
    flow: &Flow,
) -> Result<(), ErrorBody> {
    loop {
        let event = output
            .next()
            .await
            .map_err(|error| lost(&format!("its output can't be read: {error}")))?;
        match event {
            Some(AttachEvent::Output(bytes)) => {
                flow.room(bytes.len() as u64).await;
                let frame = TerminalFrame {
                    id,
                    kind: TerminalFrameKind::Output,
                    bytes,
                };
                if outbox.send(ServerMessage::Terminal(frame)).await.is_err() {
                    return GONE;
                }
            }
            Some(AttachEvent::Exited(exit)) => {
                let event = ExecEvent::Exited {
                    code: exit.code,
                    signal: exit.signal,
                };
                let _ = outbox.send(ServerMessage::Exec { id, event }).await;
                return GONE;
            }
            None => {
                return Err(lost(
                    "its monitor was killed, and nobody knows how it ended",
                ));
            }
        }
    }
}

/// Passes in what is typed. Returns only where the client's side is gone.
async fn pass_in(
    mut input: AttachedInput,
    id: u64,
    interactive: bool,
    outbox: &Outbox,
    flow: &Flow,
    mut from_client: mpsc::UnboundedReceiver<ToProcess>,
) {
    let mut is_open = true;
    while let Some(message) = from_client.recv().await {
        let written = match message {
            _ if !is_open => Ok(()),
            ToProcess::Input(bytes) => {
                let length = bytes.len() as u64;
                let written = if interactive {
                    input.input(&bytes).await
                } else {
                    Ok(())
                };
                flow.untaken.fetch_sub(length, Ordering::AcqRel);
                let taken = ServerMessage::Taken { id, bytes: length };
                if outbox.send(taken).await.is_err() {
                    return;
                }
                written
            }
            ToProcess::End => {
                flow.waiting.fetch_sub(1, Ordering::AcqRel);
                if interactive {
                    input.end().await
                } else {
                    Ok(())
                }
            }
            ToProcess::Resize(TerminalSize { rows, columns }) => {
                flow.waiting.fetch_sub(1, Ordering::AcqRel);
                input.resize(rows, columns).await
            }
        };
        // The monitor takes no more: the process has ended, which the output tells.
        is_open = is_open && written.is_ok();
    }
    std::future::pending().await
}

fn wrong(message: &str) -> ErrorBody {
    ErrorBody {
        code: "bad-message".to_owned(),
        message: message.to_owned(),
        hint: None,
    }
}

fn lost(message: &str) -> ErrorBody {
    ErrorBody {
        code: "lost".to_owned(),
        message: message.to_owned(),
        hint: None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn typed(length: usize) -> ClientMessage {
        ClientMessage::Terminal(TerminalFrame {
            id: 1,
            kind: TerminalFrameKind::Input,
            bytes: vec![b'x'; length],
        })
    }

    #[tokio::test]
    async fn output_waits_until_what_was_sent_is_shown() {
        let flow = Arc::new(Flow::default());
        let (to, _from) = mpsc::unbounded_channel();
        flow.room(TERMINAL_WINDOW_BYTES).await;
        let waiting = Arc::clone(&flow);
        let next = tokio::spawn(async move { waiting.room(1).await });
        tokio::task::yield_now().await;
        assert!(!next.is_finished());
        flow.take(ClientMessage::Shown { id: 1, bytes: 1 }, &to)
            .unwrap();
        next.await.unwrap();
        let bytes = TERMINAL_WINDOW_BYTES;
        flow.take(ClientMessage::Shown { id: 1, bytes }, &to)
            .unwrap();
        // More than there is, and more than a number holds.
        for bytes in [1, u64::MAX] {
            let refused = flow.take(ClientMessage::Shown { id: 1, bytes }, &to);
            assert_eq!(refused.unwrap_err().code, "bad-message");
        }
    }

    #[test]
    fn a_client_that_types_more_than_is_taken_is_refused() {
        let flow = Flow::default();
        let (to, mut from) = mpsc::unbounded_channel();
        let half = usize::try_from(TERMINAL_INPUT_BYTES_MAX / 2).unwrap();
        flow.take(typed(half), &to).unwrap();
        flow.take(typed(half), &to).unwrap();
        flow.take(typed(0), &to).unwrap();
        assert!(flow.take(typed(1), &to).is_err());
        assert!(matches!(from.try_recv(), Ok(ToProcess::Input(bytes)) if bytes.len() == half));
        assert!(from.try_recv().is_ok() && from.try_recv().is_err());
    }

    #[test]
    fn a_client_that_resizes_for_ever_is_refused() {
        let flow = Flow::default();
        let (to, _from) = mpsc::unbounded_channel();
        let size = TerminalSize {
            rows: 1,
            columns: 1,
        };
        for _ in 0..MESSAGES_WAITING_MAX {
            flow.take(ClientMessage::Resize { id: 1, size }, &to)
                .unwrap();
        }
        assert!(
            flow.take(ClientMessage::Resize { id: 1, size }, &to)
                .is_err()
        );
    }
}
