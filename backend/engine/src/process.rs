//! A process that may have ended, and whose number may since be another's: known by its number and its start.

use std::{fs, io, os::fd::OwnedFd};

use rustix::process::{Pid, PidfdFlags, Signal, pidfd_open, pidfd_send_signal};

/// A process of the host.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct KnownProcess {
    /// Its number.
    pub(crate) pid: i32,
    /// When it began, in clock ticks since boot (proc_pid_stat(5), field 22).
    pub(crate) start_ticks: u64,
}

impl KnownProcess {
    /// Whether it runs. A zombie does not: it has done all that it will do.
    pub(crate) fn is_alive(self) -> bool {
        fs::read_to_string(format!("/proc/{}/stat", self.pid))
            .ok()
            .and_then(|stat| parse_stat(&stat))
            .is_some_and(|(state, start_ticks)| {
                start_ticks == self.start_ticks && !matches!(state, 'Z' | 'X')
            })
    }

    /// The process that has this number now.
    pub(crate) fn now(pid: i32) -> Option<Self> {
        let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
        let (_, start_ticks) = parse_stat(&stat)?;
        Some(Self { pid, start_ticks })
    }

    /// A descriptor of it, which becomes readable when it ends.
    ///
    /// # Errors
    /// If it has ended.
    pub(crate) fn open(self) -> io::Result<OwnedFd> {
        let pid = Pid::from_raw(self.pid).ok_or(io::ErrorKind::NotFound)?;
        // The descriptor first, the look at its start second: what the descriptor names can't change in between.
        let pidfd = pidfd_open(pid, PidfdFlags::empty())?;
        if self.is_alive() {
            Ok(pidfd)
        } else {
            Err(io::ErrorKind::NotFound.into())
        }
    }

    /// Kills it. One that has ended is none of our business, whoever has its number now.
    pub(crate) fn kill(self) {
        if let Ok(pidfd) = self.open() {
            // It may end by itself at this moment; then there is nothing left to do.
            let _ = pidfd_send_signal(&pidfd, Signal::KILL);
        }
    }
}

/// State and start of a process. Its name, in brackets, may hold spaces and brackets of its own, so that only the last
/// bracket tells where the fields begin.
pub(crate) fn parse_stat(stat: &str) -> Option<(char, u64)> {
    let mut fields = stat.rsplit_once(") ")?.1.split(' ');
    let state = fields.next()?.chars().next()?;
    // The state is field 3, so that field 22 is the 18th after it.
    let start_ticks = fields.nth(18)?.parse().ok()?;
    Some((state, start_ticks))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn this_process() -> KnownProcess {
        let pid = i32::try_from(std::process::id()).unwrap();
        let (_, start_ticks) = parse_stat(&fs::read_to_string("/proc/self/stat").unwrap()).unwrap();
        KnownProcess { pid, start_ticks }
    }

    #[test]
    fn a_number_that_is_anothers_now_is_not_alive() {
        let this = this_process();
        assert!(this.is_alive());
        let other = KnownProcess {
            start_ticks: this.start_ticks + 1,
            ..this
        };
        assert!(!other.is_alive());
        other.kill();
    }

    #[test]
    fn reads_past_a_name_with_brackets() {
        let rest = (4..22)
            .map(|field| field.to_string())
            .collect::<Vec<_>>()
            .join(" ");
        assert_eq!(
            parse_stat(&format!("7 (a) b) R) S {rest} 12345 0 0")),
            Some(('S', 12345))
        );
        assert_eq!(parse_stat("7 (a) S 1"), None);
    }
}
