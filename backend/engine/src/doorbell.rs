//! Tells that something was written to a file of a folder, so that who follows one need not look again and again.

use std::{io, os::fd::OwnedFd, path::Path, time::Duration};

use rustix::fs::inotify;
use tokio::{
    io::{Interest, unix::AsyncFd},
    time::{sleep, timeout},
};

/// How often to look where the kernel gives no more watches (fs.inotify.max_user_instances is 128 on most hosts).
const LOOK_WITHOUT_WATCH: Duration = Duration::from_millis(200);

/// How often to look all the same: some file systems tell nothing of writes from elsewhere.
const LOOK_ANYWAY: Duration = Duration::from_secs(2);

/// Room for a hundred events and more; their content is not read.
const EVENTS_BYTES: usize = 4096;

/// A watch on the files of one folder, not on those of folders in it.
pub(crate) struct Doorbell(Option<AsyncFd<OwnedFd>>);

impl Doorbell {
    /// A watch on this folder. Where there can be none, [`Self::ring`] rings from time to time.
    pub(crate) fn new(folder: &Path) -> Self {
        Self(watch(folder).ok())
    }

    /// Returns after something was written since the last ring, or since the beginning. May ring in vain.
    pub(crate) async fn ring(&self) {
        match &self.0 {
            // A look in vain costs less than a reason to distinguish.
            Some(events) => drop(
                timeout(
                    LOOK_ANYWAY,
                    events.async_io(Interest::READABLE, take_events),
                )
                .await,
            ),
            None => sleep(LOOK_WITHOUT_WATCH).await,
        }
    }
}

fn watch(folder: &Path) -> io::Result<AsyncFd<OwnedFd>> {
    let events = inotify::init(inotify::CreateFlags::CLOEXEC | inotify::CreateFlags::NONBLOCK)?;
    let written =
        inotify::WatchFlags::MODIFY | inotify::WatchFlags::CREATE | inotify::WatchFlags::MOVED_TO;
    inotify::add_watch(&events, folder, written | inotify::WatchFlags::ONLYDIR)?;
    #[expect(
        deprecated,
        reason = "its successor is unsafe, for types that may change their descriptor; this one can't"
    )]
    AsyncFd::with_interest(events, Interest::READABLE)
}

/// Empties the queue, so that the next event is a new one.
fn take_events(events: &OwnedFd) -> io::Result<()> {
    let mut buffer = [0; EVENTS_BYTES];
    let mut taken = false;
    loop {
        match rustix::io::read(events, &mut buffer) {
            Ok(0) => return Ok(()),
            Ok(_) => taken = true,
            Err(rustix::io::Errno::AGAIN) if taken => return Ok(()),
            Err(errno) => return Err(errno.into()),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::{fs, time::Instant};

    use super::*;

    #[tokio::test]
    async fn rings_for_what_was_written_before_and_after_the_wait() {
        let folder = tempfile::tempdir().unwrap();
        let doorbell = Doorbell::new(folder.path());
        assert!(doorbell.0.is_some());
        fs::write(folder.path().join("log"), "one").unwrap();
        let before = Instant::now();
        doorbell.ring().await;
        let path = folder.path().join("log");
        let writer = tokio::task::spawn_blocking(move || {
            std::thread::sleep(Duration::from_millis(50));
            fs::write(path, "two")
        });
        doorbell.ring().await;
        assert!(
            before.elapsed() < LOOK_ANYWAY,
            "rung by the writes, not by the clock"
        );
        writer.await.unwrap().unwrap();
    }

    #[tokio::test]
    async fn rings_without_a_watch_too() {
        Doorbell::new(Path::new("/proc/nowhere")).ring().await;
    }
}
