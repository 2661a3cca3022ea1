//! Who decides whether a container starts: its monitor, or a later server that has given it up.
//!
//! A server that is killed in the middle of a start leaves a monitor behind, which may come to its turn much later: it
//! was stopped, or the host is out of breath. The next server must not say of a container that it never started, and
//! then it starts. So there is one file, `start.lock` in the state folder, and whoever locks it first decides. The
//! monitor keeps the lock until `monitor.json` is there or the start has failed; its first process holds the same lock
//! until it becomes the program, so that the lock ends with the last process that could still start something.

use std::fs::{File, OpenOptions, TryLockError};
use std::io::{self, Read as _, Seek as _, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::records::start_ticks;

/// The most that is read of the file, in bytes; it holds two numbers.
const HOLDER_BYTES_MAX: u64 = 256;

/// What stands in the file.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Holder {
    /// The monitor that starts the container, or has.
    Monitor { pid: i32, start_ticks: u64 },
    /// A later server: nobody starts it any more.
    GivenUp,
}

/// The right to start the container; it ends with this value and its copies in other processes.
#[derive(Debug)]
pub(super) struct Claim {
    _lock: File,
}

/// The file.
#[must_use]
pub fn lock_path(state_dir: &Path) -> PathBuf {
    state_dir.join("start.lock")
}

/// Claims the start for this process; `None` if the container was given up.
pub(super) fn claim(state_dir: &Path) -> io::Result<Option<Claim>> {
    let mut lock = open(state_dir)?;
    lock.lock()?;
    if let Some(Holder::GivenUp) = read(&mut lock)? {
        return Ok(None);
    }
    let pid = rustix::process::getpid().as_raw_nonzero().get();
    let start_ticks = start_ticks(pid)?;
    write(&mut lock, &Holder::Monitor { pid, start_ticks })?;
    Ok(Some(Claim { _lock: lock }))
}

/// Gives a container up that has no `monitor.json`. Once this says `true`, no monitor will start it, and one that has
/// started it in the moment before has written `monitor.json`; `false` while a monitor is at it.
///
/// # Errors
/// If the file can't be made or written.
pub fn give_up(state_dir: &Path) -> io::Result<bool> {
    let mut lock = open(state_dir)?;
    match lock.try_lock() {
        Ok(()) => {}
        Err(TryLockError::WouldBlock) => return Ok(false),
        Err(TryLockError::Error(error)) => return Err(error),
    }
    write(&mut lock, &Holder::GivenUp)?;
    Ok(true)
}

/// Which monitor claimed the start: its pid, and when it began in clock ticks since boot. `None` where none did.
///
/// Who kills it ends the start: before the container's first process becomes the program it looks whether its monitor
/// lives, and from then on the kernel does.
///
/// # Errors
/// If the file can't be read.
pub fn claimant(state_dir: &Path) -> io::Result<Option<(i32, u64)>> {
    Ok(match read(&mut open(state_dir)?)? {
        Some(Holder::Monitor { pid, start_ticks }) => Some((pid, start_ticks)),
        Some(Holder::GivenUp) | None => None,
    })
}

fn open(state_dir: &Path) -> io::Result<File> {
    OpenOptions::new()
        .read(true)
        .write(true)
        .create(true)
        .truncate(false)
        .mode(0o600)
        .open(lock_path(state_dir))
}

/// What stands in it; `None` where nothing does that was written whole.
fn read(lock: &mut File) -> io::Result<Option<Holder>> {
    let mut json = Vec::new();
    lock.take(HOLDER_BYTES_MAX).read_to_end(&mut json)?;
    Ok(serde_json::from_slice(&json).ok())
}

fn write(lock: &mut File, holder: &Holder) -> io::Result<()> {
    lock.set_len(0)?;
    lock.rewind()?;
    lock.write_all(&serde_json::to_vec(holder)?)
}

#[cfg(test)]
mod tests {
    use super::{claim, claimant, give_up};

    #[test]
    fn whoever_comes_first_decides() {
        let folder = tempfile::TempDir::new().unwrap();
        let claimed = claim(folder.path()).unwrap().unwrap();
        assert!(!give_up(folder.path()).unwrap());
        drop(claimed);
        assert!(give_up(folder.path()).unwrap());
        assert!(claim(folder.path()).unwrap().is_none());
        assert!(give_up(folder.path()).unwrap());
    }

    #[test]
    fn tells_who_claimed_and_that_nobody_did() {
        let folder = tempfile::TempDir::new().unwrap();
        assert_eq!(claimant(folder.path()).unwrap(), None);
        let claimed = claim(folder.path()).unwrap();
        let (pid, _) = claimant(folder.path()).unwrap().unwrap();
        assert_eq!(u32::try_from(pid).unwrap(), std::process::id());
        drop(claimed);
        give_up(folder.path()).unwrap();
        assert_eq!(claimant(folder.path()).unwrap(), None);
    }

    #[test]
    fn a_file_that_was_cut_short_decides_nothing() {
        let folder = tempfile::TempDir::new().unwrap();
        std::fs::write(super::lock_path(folder.path()), r#"{"monit"#).unwrap();
        assert_eq!(claimant(folder.path()).unwrap(), None);
        assert!(claim(folder.path()).unwrap().is_some());
    }
}
