//! How long an exec goes on while nobody is attached to it.
//!
//! A container is there to be found in a list, and is ended by whoever wants it to end. An exec is there for who started
//! it. A shell in a terminal waits an hour for somebody who comes back: a page that is loaded again, a laptop that was
//! closed. Then it is hung up, as a terminal that is switched off does with its programs. A program that reads from a
//! pipe can't be come back to, and is killed.

use std::os::fd::BorrowedFd;
use std::time::{Duration, Instant};

use crate::sys;

/// How long a terminal's program goes on with nobody attached.
const TERMINAL: Duration = Duration::from_secs(60 * 60);

/// How long any other does: its client is on its way when it starts, on a host without breath for some seconds.
const PIPES: Duration = Duration::from_secs(30);

/// How long a program that was hung up has to end by itself.
const AFTER_HANG_UP: Duration = Duration::from_secs(10);

/// What is left of it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Patience {
    for_how_long: Duration,
    signal: i32,
    /// When the signal was sent.
    over: Option<Instant>,
}

impl Patience {
    /// That with a terminal's program, or another.
    pub(crate) fn with(is_terminal: bool) -> Self {
        let (for_how_long, signal) = if is_terminal {
            (TERMINAL, libc::SIGHUP)
        } else {
            (PIPES, libc::SIGKILL)
        };
        Self {
            for_how_long,
            signal,
            over: None,
        }
    }

    /// When there is something to do next.
    pub(super) fn until(self, unattended: Option<Instant>) -> Option<Instant> {
        match self.over {
            Some(over) => Some(over + AFTER_HANG_UP),
            None => unattended.map(|since| since + self.for_how_long),
        }
    }

    /// Does it, if it is time.
    pub(super) fn look(&mut self, unattended: Option<Instant>, process: BorrowedFd<'_>) {
        let now = Instant::now();
        if self.until(unattended).is_none_or(|until| now < until) {
            return;
        }
        let signal = if self.over.is_some() {
            libc::SIGKILL
        } else {
            self.signal
        };
        // One that has just ended takes no signal.
        let _ = sys::send_signal(process, signal);
        self.over = Some(now);
    }
}

#[cfg(test)]
mod tests {
    use std::os::fd::AsFd as _;
    use std::os::unix::process::ExitStatusExt as _;
    use std::time::{Duration, Instant};

    use super::{PIPES, Patience, TERMINAL};

    #[test]
    fn lasts_from_the_moment_on_in_which_the_last_client_left() {
        let now = Instant::now();
        let patience = Patience::with(true);
        assert_eq!(patience.until(None), None);
        assert_eq!(patience.until(Some(now)), Some(now + TERMINAL));
        assert_eq!(Patience::with(false).until(Some(now)), Some(now + PIPES));
    }

    #[test]
    fn ends_with_a_signal_and_then_with_a_kill() {
        let mut child = std::process::Command::new("sleep")
            .arg("300")
            .spawn()
            .unwrap();
        let pid = rustix::process::Pid::from_child(&child);
        let pidfd = rustix::process::pidfd_open(pid, rustix::process::PidfdFlags::empty()).unwrap();
        let mut patience = Patience {
            for_how_long: Duration::ZERO,
            ..Patience::with(true)
        };
        patience.look(None, pidfd.as_fd());
        assert!(patience.over.is_none());
        patience.look(Some(Instant::now()), pidfd.as_fd());
        let status = child.wait().unwrap();
        assert_eq!(status.signal(), Some(libc::SIGHUP));
        let kill = patience.until(None).unwrap();
        assert!(kill > Instant::now(), "it has a while to end by itself");
    }
}
