//! Who owns a root: an exclusive `flock` on `ROOT/lock`, taken before anything else of the root is touched.
//!
//! The kernel gives it back however the holder ends, so a lock is never stale. The file holds the holder's process id,
//! for the message of whoever comes second.

use std::fs::{File, OpenOptions};
use std::io::{self, Read as _, Seek as _, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;

use rustix::fs::{FlockOperation, flock};

use crate::root::Root;

/// Why the lock was not taken.
#[derive(Debug, thiserror::Error)]
pub(crate) enum LockError {
    /// Another server has it.
    #[error("a server already runs for {root}{}", holder.map(|pid| format!(": process {pid}")).unwrap_or_default())]
    Held {
        /// The root.
        root: String,
        /// The other server's process, where the file tells.
        holder: Option<u32>,
    },
    /// The file can't be opened or locked.
    #[error("can't lock {path}: {source}")]
    Io {
        /// The file.
        path: String,
        /// The system's answer.
        source: io::Error,
    },
}

/// The lock, for as long as it lives.
#[derive(Debug)]
pub(crate) struct Lock {
    _file: File,
}

impl Lock {
    /// Takes the lock, or says who has it. Never waits.
    ///
    /// # Errors
    /// If another process has it, or the file can't be opened.
    pub(crate) fn take(root: &Root) -> Result<Self, LockError> {
        let path = root.lock();
        let fault = |source| LockError::Io {
            path: path.display().to_string(),
            source,
        };
        let mut file = OpenOptions::new()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .mode(0o600)
            .open(&path)
            .map_err(fault)?;
        match flock(&file, FlockOperation::NonBlockingLockExclusive) {
            Ok(()) => {}
            Err(error) if error == rustix::io::Errno::WOULDBLOCK => {
                return Err(LockError::Held {
                    root: root.path().display().to_string(),
                    holder: holder(&mut file),
                });
            }
            Err(error) => return Err(fault(error.into())),
        }
        file.set_len(0).map_err(fault)?;
        file.rewind().map_err(fault)?;
        writeln!(file, "{}", std::process::id()).map_err(fault)?;
        Ok(Self { _file: file })
    }

    /// Whether somebody holds the root's lock now.
    pub(crate) fn is_held(root: &Root) -> bool {
        let Ok(file) = File::open(root.lock()) else {
            return false;
        };
        flock(&file, FlockOperation::NonBlockingLockShared).is_err()
    }
}

/// The process id in the file.
fn holder(file: &mut File) -> Option<u32> {
    // A process id has ten digits at most; the file is ours, but its content is not trusted to be.
    let mut text = String::new();
    file.take(16).read_to_string(&mut text).ok()?;
    text.trim().parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_second_is_told_who_has_it_and_gets_it_when_the_first_ends() {
        let folder = tempfile::tempdir().unwrap();
        let root = Root::create(folder.path()).unwrap();
        let first = Lock::take(&root).unwrap();
        assert!(Lock::is_held(&root));
        let refusal = Lock::take(&root).unwrap_err();
        assert!(
            matches!(refusal, LockError::Held { holder: Some(pid), .. } if pid == std::process::id())
        );
        drop(first);
        assert!(!Lock::is_held(&root));
        Lock::take(&root).unwrap();
    }
}
