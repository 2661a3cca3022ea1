//! The foreground of `run`, `attach` and `exec -it`: the container's output from its monitor, byte for byte, what is typed
//! at this command, and its signals.
//!
//! No server is between: it can be killed and replaced while the container's output flows on. Nothing is left out: the
//! container waits for this command where it reads slowly, as before any pipe. A container may end before this command
//! reaches its monitor, or long before it has written everything; then the rest is read from the container's log, from
//! the very place that was come to, and the exit from its folder. A lock on the folder keeps it from being removed
//! meanwhile.

use std::fs::File;
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use estiva_runtime::Exit;
use estiva_runtime::log::{FILE_HEADER_BYTES, Position, Reader};
use estiva_runtime::monitor::client::{Attached as MonitorsAttached, MonitorClient};
use estiva_runtime::monitor::frame::{Frame, FrameKind, HEADER_BYTES};
use estiva_runtime::monitor::protocol::{AttachFrom, exit_path};
use rustix::fs::{FlockOperation, flock};
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::mpsc;

use super::terminal::{self, Raw};
use super::typing::{self, Typing, Way};
use crate::failure::Failure;
use crate::output::{complain, not_written};

/// How long the exit of a container whose monitor is gone may take to be written down.
const EXIT_WITHIN: Duration = Duration::from_secs(2);

/// How often it is looked for.
const LOOKED_EVERY: Duration = Duration::from_millis(5);

/// How many signals a container may leave without effect before this command goes without it, as Docker's does: the
/// first process of a container does not even see a signal that it has no handler for.
const SIGNALS_MAX: u32 = 3;

/// Where a new container's output begins.
const BEGINNING: Position = Position {
    generation: 0,
    offset: FILE_HEADER_BYTES,
};

/// How following a container ended.
#[derive(Debug)]
pub(crate) enum Attached {
    /// The container ended so.
    Exited {
        /// Its end.
        exit: Exit,
        /// Whether all of its output was written.
        whole: bool,
    },
    /// It runs on, or is to be removed as it is: who sent the signals wants to go.
    Left,
    /// It runs on: the keys that detach were typed.
    Detached,
    /// Its output can't be written; it runs on.
    Unwritable(Failure),
    /// Nobody says how it ended.
    Lost,
}

/// The signals that are passed on, and the one that tells of another size.
pub(crate) struct Signals {
    interrupt: Signal,
    terminate: Signal,
    hang_up: Signal,
    quit: Signal,
    window: Signal,
}

/// What a signal means.
enum Caught {
    /// For the container.
    PassOn(i32),
    /// This terminal has another size.
    Resized,
}

impl Signals {
    /// Takes them over from their defaults.
    ///
    /// # Errors
    /// If the system refuses.
    pub(crate) fn catch() -> Result<Self, Failure> {
        let caught = |kind| {
            signal(kind).map_err(|error| Failure::new(format_args!("can't catch signals: {error}")))
        };
        Ok(Self {
            interrupt: caught(SignalKind::interrupt())?,
            terminate: caught(SignalKind::terminate())?,
            hang_up: caught(SignalKind::hangup())?,
            quit: caught(SignalKind::quit())?,
            window: caught(SignalKind::window_change())?,
        })
    }

    /// Waits for one that would end this command, had it not been caught.
    pub(crate) async fn ends(&mut self) {
        while let Caught::Resized = self.next().await {}
    }

    async fn next(&mut self) -> Caught {
        let kind = tokio::select! {
            _ = self.interrupt.recv() => SignalKind::interrupt(),
            _ = self.terminate.recv() => SignalKind::terminate(),
            _ = self.hang_up.recv() => SignalKind::hangup(),
            _ = self.quit.recv() => SignalKind::quit(),
            _ = self.window.recv() => return Caught::Resized,
        };
        Caught::PassOn(kind.as_raw_value())
    }
}

/// What to follow, and how.
pub(crate) struct Following {
    /// The folder of the container or the exec.
    pub(crate) state_dir: PathBuf,
    /// From where on.
    pub(crate) from: AttachFrom,
    /// What is typed, where anything is.
    pub(crate) typing: Option<Typing>,
    /// At the third signal it is killed, because it is removed then, and not left.
    pub(crate) removed: bool,
    /// Signals are passed on; otherwise the first is for this command alone.
    pub(crate) proxies: bool,
}

impl Following {
    /// A new container or exec, from its first byte on.
    pub(crate) fn anew(state_dir: PathBuf, typing: Option<Typing>, removed: bool) -> Self {
        Self {
            state_dir,
            from: AttachFrom::Position(BEGINNING),
            typing,
            removed,
            proxies: true,
        }
    }
}

/// Follows a container to its end. At the third signal a container that is removed afterwards is killed, and one that is
/// not is left. A terminal that is gone is no signal to pass on: its user has left.
pub(crate) async fn follow(following: Following, signals: &mut Signals) -> Attached {
    let Following {
        state_dir,
        from,
        typing,
        removed,
        proxies,
    } = following;
    let is_raw = typing
        .as_ref()
        .is_some_and(|typing| typing.input && typing.terminal && terminal::is_typed_into());
    let _raw = match is_raw.then(Raw::enter).transpose() {
        Ok(raw) => raw,
        Err(failure) => return Attached::Unwritable(failure),
    };
    let (sender, mut ended) = mpsc::channel(1);
    let (detach, mut detached) = mpsc::channel(1);
    let way = Way::default();
    let copying = Copying::new(from, typing.clone().map(|typing| (typing, way.clone())));
    let folder = state_dir.clone();
    std::thread::spawn(move || {
        // The receiver is there until the end; a failure would mean that nobody waits.
        let _ = sender.blocking_send(copying.follow(&folder));
    });
    // Where there is nothing to be typed, this end stays here, and tells nothing.
    let _detach = detach.clone();
    let sizes = typing
        .as_ref()
        .map(|typing| typing::begin(typing, &way, detach));
    let mut count = 0;
    loop {
        tokio::select! {
            attached = ended.recv() => return attached.unwrap_or(Attached::Lost),
            Some(()) = detached.recv() => return Attached::Detached,
            caught = signals.next() => match caught {
                Caught::Resized => {
                    if let (Some(sizes), Some(size)) = (&sizes, terminal::size()) {
                        // Its thread lives as long as this.
                        let _ = sizes.send(size);
                    }
                }
                Caught::PassOn(_) if !proxies => return Attached::Left,
                Caught::PassOn(number) if is_raw && number == SignalKind::hangup().as_raw_value() => {
                    return Attached::Left;
                }
                Caught::PassOn(number) => {
                    count += 1;
                    let number = match count {
                        SIGNALS_MAX if removed => rustix::process::Signal::KILL.as_raw(),
                        // After the kill there is its last output to come, unless nobody takes that either.
                        SIGNALS_MAX.. => return Attached::Left,
                        _ => number,
                    };
                    // A container that has just ended takes no signal; its end comes next.
                    let _ = MonitorClient::connect(&state_dir)
                        .and_then(|monitor| monitor.kill(number));
                }
            }
        }
    }
}

/// The copying of a container's output to this command's.
#[derive(Debug)]
struct Copying {
    /// Where to begin, as long as that is no place in the log.
    from: Option<AttachFrom>,
    /// What lies before it in the container's log was written.
    place: Position,
    /// Whether nothing was left out.
    whole: bool,
    /// What is typed, and its way in.
    typing: Option<(Typing, Way)>,
}

impl Copying {
    fn new(from: AttachFrom, typing: Option<(Typing, Way)>) -> Self {
        let (from, place) = match from {
            AttachFrom::Position(place) => (None, place),
            other => (Some(other), BEGINNING),
        };
        Self {
            from,
            place,
            whole: true,
            typing,
        }
    }

    /// Writes the container's output until it ends. Blocks.
    fn follow(mut self, state_dir: &Path) -> Attached {
        // For as long as this process lives. Where there is no lock to be had, the container is kept for a minute.
        let folder = File::open(state_dir).ok();
        if let Some(folder) = &folder {
            let _ = flock(folder, FlockOperation::LockShared);
        }
        loop {
            let connected = match self.attached(state_dir) {
                Ok(Some(exit)) => return self.exited(exit),
                Ok(None) => true,
                Err(Ended::Unconnected) => false,
                Err(Ended::Unwritable(failure)) => return Attached::Unwritable(failure),
            };
            let exit = await_exit(state_dir);
            // A monitor that lives has closed the connection because it had too many: it may take the next.
            if exit.is_none() && connected && MonitorClient::connect(state_dir).is_ok() {
                continue;
            }
            // Who came too late to see anything has missed nothing that it asked for.
            if self.from.is_none()
                && let Err(failure) = self.read_rest(state_dir)
            {
                return Attached::Unwritable(failure);
            }
            return exit.map_or(Attached::Lost, |exit| self.exited(exit));
        }
    }

    fn exited(&self, exit: Exit) -> Attached {
        Attached::Exited {
            exit,
            whole: self.whole,
        }
    }

    /// Writes what the monitor sends; the container's end, if that came.
    fn attached(&mut self, state_dir: &Path) -> Result<Option<Exit>, Ended> {
        let mut attached = self.connect(state_dir).map_err(|_| Ended::Unconnected)?;
        let mut is_first = true;
        while let Ok(Some(frame)) = attached.next_frame() {
            match frame.kind {
                FrameKind::Exit => return Ok(serde_json::from_slice(&frame.payload).ok()),
                FrameKind::Place => {
                    if let Ok(place) = serde_json::from_slice(&frame.payload) {
                        if self.from.take().is_some() {
                            self.place = place;
                        }
                        self.go_to(place, is_first);
                    }
                    is_first = false;
                }
                _ => self.write(&frame).map_err(Ended::Unwritable)?,
            }
        }
        Ok(None)
    }

    fn connect(&self, state_dir: &Path) -> io::Result<MonitorsAttached> {
        let from = self.from.unwrap_or(AttachFrom::Position(self.place));
        let monitor = MonitorClient::connect(state_dir)?;
        let Some((typing, way)) = &self.typing else {
            return monitor.attach_holding(from);
        };
        let attached = monitor.attach_typing(from)?;
        way.set(attached.typist()?);
        if let (true, Some(size)) = (typing.terminal, terminal::size()) {
            way.resize(size, true);
        }
        Ok(attached)
    }

    /// Writes what the log holds beyond what was written.
    fn read_rest(&mut self, state_dir: &Path) -> Result<(), Failure> {
        let Ok(mut log) = Reader::at(state_dir, self.place) else {
            self.whole = false;
            return Ok(());
        };
        self.go_to(log.position(), true);
        loop {
            match log.next_frame() {
                Ok(Some(frame)) => self.write(&frame)?,
                Ok(None) => return Ok(()),
                Err(_) => {
                    self.whole = false;
                    return Ok(());
                }
            }
        }
    }

    /// The output goes on at `place`: where it was left (`is_first`), or at the start of the log's next file.
    fn go_to(&mut self, place: Position, is_first: bool) {
        let next = Position {
            generation: self.place.generation + 1,
            ..BEGINNING
        };
        if place != self.place && (is_first || place != next) {
            self.whole = false;
        }
        self.place = place;
    }

    fn write(&mut self, frame: &Frame) -> Result<(), Failure> {
        match frame.kind {
            FrameKind::Stdout => {
                let mut out = io::stdout().lock();
                out.write_all(&frame.payload)
                    .and_then(|()| out.flush())
                    .map_err(not_written)?;
            }
            FrameKind::Stderr => io::stderr()
                .lock()
                .write_all(&frame.payload)
                .map_err(not_written)?,
            FrameKind::Note => {
                self.whole = false;
                complain(&String::from_utf8_lossy(&frame.payload));
            }
            _ => return Ok(()),
        }
        self.place.offset += (HEADER_BYTES + frame.payload.len()) as u64;
        Ok(())
    }
}

/// Why the monitor was not heard to the end.
enum Ended {
    /// It is gone, or takes nobody.
    Unconnected,
    /// This command's own output takes no more.
    Unwritable(Failure),
}

fn await_exit(state_dir: &Path) -> Option<Exit> {
    let until = Instant::now() + EXIT_WITHIN;
    loop {
        let read = std::fs::read(exit_path(state_dir)).ok();
        if let Some(exit) = read.and_then(|bytes| serde_json::from_slice(&bytes).ok()) {
            return Some(exit);
        }
        if Instant::now() > until {
            return None;
        }
        std::thread::sleep(LOOKED_EVERY);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn place(generation: u64, offset: u64) -> Position {
        Position { generation, offset }
    }

    #[test]
    fn tells_a_place_that_follows_from_one_with_a_gap_before_it() {
        let from = |start, next, is_first| {
            let mut copying = Copying::new(AttachFrom::Position(start), None);
            copying.go_to(next, is_first);
            assert_eq!(copying.place, next);
            copying.whole
        };
        assert!(from(BEGINNING, BEGINNING, true));
        assert!(from(place(3, 700), place(3, 700), true), "connected again");
        assert!(from(place(3, 700), place(4, FILE_HEADER_BYTES), false));
        assert!(!from(place(3, 700), place(4, FILE_HEADER_BYTES), true));
        assert!(!from(place(3, 700), place(5, FILE_HEADER_BYTES), false));
        assert!(!from(BEGINNING, place(2, FILE_HEADER_BYTES), true));
    }
}
