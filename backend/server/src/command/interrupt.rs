//! Ctrl-C, heard by a thread of its own.
//!
//! A command that waits for the signal beside its other work misses it where it is busy with its output, and hears
//! nothing at all while it waits for a reader that takes none. The thread has nothing else to do.

use std::sync::mpsc;

use tokio::sync::oneshot;

use crate::failure::{EXIT_INTERRUPTED, Failure};

/// From here on, Ctrl-C ends this process with [`EXIT_INTERRUPTED`], whatever it is doing.
///
/// # Errors
/// If the system refuses to say when it comes.
pub(super) fn ends_the_process() -> Result<(), Failure> {
    listen(None)
}

/// From here on, the first Ctrl-C is told to whoever awaits what this returns, and a second one ends the process.
///
/// # Errors
/// As for [`ends_the_process`].
pub(super) fn is_told_first() -> Result<oneshot::Receiver<()>, Failure> {
    let (sender, receiver) = oneshot::channel();
    listen(Some(sender))?;
    Ok(receiver)
}

fn listen(first: Option<oneshot::Sender<()>>) -> Result<(), Failure> {
    let (ready, is_ready) = mpsc::sync_channel(1);
    std::thread::spawn(move || {
        let runtime = match tokio::runtime::Builder::new_current_thread()
            .enable_io()
            .build()
        {
            Ok(runtime) => runtime,
            // The receiver waits for one word of this thread.
            Err(error) => return drop(ready.send(Err(error))),
        };
        runtime.block_on(async move {
            use tokio::signal::unix::{SignalKind, signal};
            let mut interrupt = match signal(SignalKind::interrupt()) {
                Ok(interrupt) => interrupt,
                Err(error) => return drop(ready.send(Err(error))),
            };
            drop(ready.send(Ok(())));
            if let Some(first) = first {
                interrupt.recv().await;
                // Nobody awaits it where all is over already.
                let _ = first.send(());
            }
            interrupt.recv().await;
            std::process::exit(i32::from(EXIT_INTERRUPTED));
        });
    });
    let heard = is_ready
        .recv()
        .unwrap_or_else(|_| Err(std::io::ErrorKind::BrokenPipe.into()));
    heard.map_err(|error| Failure::new(format_args!("can't catch signals: {error}")))
}
