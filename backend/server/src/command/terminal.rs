//! This command's own terminal: raw while it stands for the container's, and as it was on every way out.

use std::io::{self, IsTerminal as _};
use std::sync::{Mutex, Once, PoisonError};

use estiva_runtime::TerminalSize as MonitorsSize;
use estiva_shared::protocol::TerminalSize;
use rustix::termios::{OptionalActions, Termios, tcgetattr, tcgetwinsize, tcsetattr};

use crate::failure::{EXIT_NOT_STARTED, Failure};

/// How the terminal was before, while it is raw.
static BEFORE: Mutex<Option<Termios>> = Mutex::new(None);

/// The terminal is raw for as long as this lives: each key goes to the container, Ctrl-C too.
#[derive(Debug)]
pub(super) struct Raw(());

impl Raw {
    /// Makes it raw.
    ///
    /// # Errors
    /// If standard input is no terminal.
    pub(super) fn enter() -> Result<Self, Failure> {
        let failed = |error| Failure::new(format_args!("can't use the terminal: {error}"));
        let mut mode = tcgetattr(rustix::stdio::stdin()).map_err(failed)?;
        restore_at_panics();
        *BEFORE.lock().unwrap_or_else(PoisonError::into_inner) = Some(mode.clone());
        mode.make_raw();
        let raw = Self(());
        tcsetattr(rustix::stdio::stdin(), OptionalActions::Now, &mode).map_err(failed)?;
        Ok(raw)
    }
}

impl Drop for Raw {
    fn drop(&mut self) {
        restore();
    }
}

/// Makes the terminal what it was, if it is raw.
fn restore() {
    let before = BEFORE.lock().unwrap_or_else(PoisonError::into_inner).take();
    if let Some(before) = before {
        // It may be gone; then there is nothing to be restored.
        let _ = tcsetattr(rustix::stdio::stdin(), OptionalActions::Flush, &before);
    }
}

/// A panic ends the program where it stands, and what it says is to be read.
fn restore_at_panics() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        let before = std::panic::take_hook();
        std::panic::set_hook(Box::new(move |panic| {
            restore();
            before(panic);
        }));
    });
}

/// The size of the terminal that this command writes to, or reads from; `None` where there is none.
pub(super) fn size() -> Option<TerminalSize> {
    let size = tcgetwinsize(rustix::stdio::stdout())
        .or_else(|_| tcgetwinsize(rustix::stdio::stdin()))
        .ok()?;
    // One that was never told says nothing.
    (size.ws_row > 0 && size.ws_col > 0).then_some(TerminalSize {
        rows: size.ws_row,
        columns: size.ws_col,
    })
}

/// The size in the monitor's terms.
pub(super) fn monitors(size: TerminalSize) -> MonitorsSize {
    MonitorsSize {
        rows: size.rows,
        columns: size.columns,
    }
}

/// Whether keys can be typed here.
pub(super) fn is_typed_into() -> bool {
    io::stdin().is_terminal()
}

/// `-it` wants keys that are typed.
///
/// # Errors
/// If standard input is a file or a pipe.
pub(super) fn check(interactive: bool, terminal: bool) -> Result<(), Failure> {
    if interactive && terminal && !is_typed_into() {
        let message = "-t: expected standard input to be a terminal, but found a file or a pipe";
        return Err(Failure::new(message)
            .exit_code(EXIT_NOT_STARTED)
            .hint("use -i alone to pass a file or a pipe in"));
    }
    Ok(())
}
