//! How a build is told to stop: a flag that code can test and that `poll` can wait for.
//!
//! Separate from the builder because its other half is held by whoever may stop the build: a connection, a signal.

use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use rustix::event::{EventfdFlags, eventfd};

/// Stops a build. Clones are the same flag; once raised it stays so.
#[derive(Clone, Debug)]
pub struct CancelFlag {
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    raised: AtomicBool,
    /// Readable from the moment the flag is raised: a RUN step's reader polls it beside the step's output, so that
    /// stopping takes effect at once and nothing has to wake up regularly to look.
    event: OwnedFd,
}

impl CancelFlag {
    /// A flag that is not raised.
    ///
    /// # Errors
    /// If the process has no descriptor left.
    pub fn new() -> io::Result<Self> {
        let event = eventfd(0, EventfdFlags::CLOEXEC | EventfdFlags::NONBLOCK)?;
        Ok(Self {
            inner: Arc::new(Inner {
                raised: AtomicBool::new(false),
                event,
            }),
        })
    }

    /// Stops the build: a running step is killed at once.
    pub fn cancel(&self) {
        self.inner.raised.store(true, Ordering::Release);
        // The counter can't be full: each flag is raised a few times at most. A failure would only delay the stop to
        // the next look at the flag.
        let _ = rustix::io::write(&self.inner.event, &1_u64.to_ne_bytes());
    }

    /// Whether the build was told to stop.
    #[must_use]
    pub fn is_cancelled(&self) -> bool {
        self.inner.raised.load(Ordering::Acquire)
    }
}

impl AsFd for CancelFlag {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.inner.event.as_fd()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_clone_sees_the_flag_and_its_descriptor_becomes_readable() {
        use rustix::event::{PollFd, PollFlags, Timespec, poll};
        let flag = CancelFlag::new().unwrap();
        let other = flag.clone();
        let now = Timespec {
            tv_sec: 0,
            tv_nsec: 0,
        };
        let readable = |flag: &CancelFlag| {
            let mut fds = [PollFd::new(flag, PollFlags::IN)];
            poll(&mut fds, Some(&now)).unwrap() == 1
        };
        assert!(!other.is_cancelled() && !readable(&other));
        flag.cancel();
        assert!(other.is_cancelled() && readable(&other) && readable(&other));
    }
}
