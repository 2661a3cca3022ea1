//! What is typed at this command, on its way to a container: by a thread that reads standard input, and one that tells
//! the terminal's size. Both block, and end with the process.

use std::io::{self, Read as _};
use std::sync::{Arc, Condvar, Mutex, PoisonError, mpsc};
use std::thread;

use estiva_runtime::monitor::client::Typist;
use estiva_shared::protocol::TerminalSize;

use super::detach::{self, Detector, Keys};
use super::terminal;
use crate::failure::Failure;

/// What is read of standard input at once, in bytes.
const PIECE_BYTES: usize = 16 << 10;

/// What to do with standard input and the terminal.
#[derive(Clone, Debug)]
pub(super) struct Typing {
    /// Read standard input.
    pub(super) input: bool,
    /// The container's streams are a terminal: it has a size, and no end of input.
    pub(super) terminal: bool,
    /// These keys detach, where input is read for a terminal.
    pub(super) keys: Keys,
}

/// The words by which `run` and `exec` ask for a standard input and a terminal.
#[derive(Debug, clap::Args)]
pub(super) struct TypingArgs {
    /// Keep its standard input open, and pass this command's in
    #[arg(short, long)]
    pub(super) interactive: bool,
    /// Give it a terminal
    #[arg(short, long)]
    pub(super) tty: bool,
    /// Detach with these keys from its terminal: letters, or ctrl- and a letter, with commas between
    #[arg(long, value_name = "KEYS", default_value = detach::DEFAULT, value_parser = detach::keys)]
    detach_keys: Keys,
}

impl TypingArgs {
    /// Refuses a terminal where this command has none.
    ///
    /// # Errors
    /// What was expected.
    pub(super) fn check(&self) -> Result<(), Failure> {
        terminal::check(self.interactive, self.tty)
    }

    /// The size of the terminal that is asked for.
    pub(super) fn size(&self) -> Option<TerminalSize> {
        terminal::size().filter(|_| self.tty)
    }

    /// What is typed at this command, where anything is.
    pub(super) fn typing(&self) -> Option<Typing> {
        (self.interactive || self.tty).then(|| Typing {
            input: self.interactive,
            terminal: self.tty,
            keys: self.detach_keys.clone(),
        })
    }
}

/// The way in; another where the connection was made anew.
#[derive(Clone, Debug, Default)]
pub(super) struct Way(Arc<(Mutex<Option<Typist>>, Condvar)>);

impl Way {
    /// From now on, this one.
    pub(super) fn set(&self, typist: Typist) {
        let (way, is_there) = &*self.0;
        *way.lock().unwrap_or_else(PoisonError::into_inner) = Some(typist);
        is_there.notify_all();
    }

    /// Uses it, and waits for it before: what is typed can be there before the connection is. Where the container has
    /// ended, nothing is to be done: its end is on its way to the other thread.
    fn with(&self, work: impl FnOnce(&mut Typist) -> io::Result<()>) {
        let (way, is_there) = &*self.0;
        let way = way.lock().unwrap_or_else(PoisonError::into_inner);
        let way = is_there.wait_while(way, |typist| typist.is_none());
        let mut way = way.unwrap_or_else(PoisonError::into_inner);
        if let Some(typist) = &mut *way {
            let _ = work(typist);
        }
    }

    /// Tells the size of this terminal; at a beginning (`anew`) in a way that has full-screen programs draw anew.
    pub(super) fn resize(&self, size: TerminalSize, anew: bool) {
        self.with(|typist| {
            if anew {
                let rows = size.rows.saturating_add(1);
                typist.resize(terminal::monitors(TerminalSize { rows, ..size }))?;
            }
            typist.resize(terminal::monitors(size))
        });
    }
}

/// Begins to read standard input; `detached` is told when the keys were typed.
pub(super) fn begin(
    typing: &Typing,
    way: &Way,
    detached: tokio::sync::mpsc::Sender<()>,
) -> mpsc::Sender<TerminalSize> {
    if typing.input {
        let (typing, way) = (typing.clone(), way.clone());
        thread::spawn(move || read(&typing, &way, &detached));
    }
    // A thread of its own, because the way is held by whoever waits for a container that doesn't read.
    let (sizes, told) = mpsc::channel();
    let way = way.clone();
    thread::spawn(move || {
        while let Ok(size) = told.recv() {
            way.resize(size, false);
        }
    });
    sizes
}

fn read(typing: &Typing, way: &Way, detached: &tokio::sync::mpsc::Sender<()>) {
    let mut detector = typing.terminal.then(|| Detector::new(typing.keys.clone()));
    let mut piece = vec![0; PIECE_BYTES];
    let mut stdin = io::stdin().lock();
    loop {
        match stdin.read(&mut piece) {
            Ok(0) => {
                if !typing.terminal {
                    way.with(Typist::end);
                }
                return;
            }
            Ok(length) => {
                let (passed, detach) = match &mut detector {
                    Some(detector) => detector.pass(&piece[..length]),
                    None => (piece[..length].to_vec(), false),
                };
                if !passed.is_empty() {
                    way.with(|typist| typist.input(&passed));
                }
                if detach {
                    // Where the container has just ended, that is told.
                    let _ = detached.blocking_send(());
                    return;
                }
            }
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            // The terminal was hung up.
            Err(_) => return,
        }
    }
}
