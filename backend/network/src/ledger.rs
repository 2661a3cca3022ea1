//! What we changed of the host's settings, written down before it is changed, so that it is put back by whoever comes
//! next: the last world that goes, or the first that comes after a crash. Worlds share one file for each network namespace
//! of the host, under a lock that also keeps two of them from choosing the same subnet.
//!
//! A setting is of a namespace, and a namespace's number is used again after its end. What is written down is believed if
//! it was written since the kernel started, and in the namespace of process 1 or where a bridge that it names still stands.
//!
//! **Invariant:** a bridge of ours stands before its world is written down, and until it is crossed out.

use std::collections::BTreeMap;
use std::fs::{self, File, TryLockError};
use std::io;
use std::os::unix::fs::{DirBuilderExt, MetadataExt};
use std::path::{Path, PathBuf};
use std::thread;
use std::time::{Duration, Instant};

use serde::{Deserialize, Serialize};

use crate::error::NetworkError;
use crate::setting;

/// Where the lock and the files are: gone when the machine starts anew, as the settings are.
const FOLDER: &str = "/run/estiva";

/// The network namespace of this thread.
const NAMESPACE: &str = "/proc/thread-self/ns/net";

/// How long the lock is waited for. Another world has it for some milliseconds, at its first container and its last; one
/// that has it for longer was stopped.
const LOCK_PATIENCE: Duration = Duration::from_secs(20);
const LOCK_PAUSE: Duration = Duration::from_millis(2);

/// A setting of the host, before us and since.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Change {
    /// The interface that it is of.
    pub(crate) interface: String,
    /// Whether it is of IPv6.
    pub(crate) ipv6: bool,
    /// Its file.
    pub(crate) path: PathBuf,
    /// What it said.
    pub(crate) was: String,
    /// What it says since.
    pub(crate) now: String,
}

/// What is written down.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Page {
    /// The kernel's start (`/proc/sys/kernel/random/boot_id`).
    boot: String,
    /// Each world that wants it so: its bridge, and its table.
    pub(crate) holders: BTreeMap<String, String>,
    /// In the order in which they were made.
    pub(crate) changes: Vec<Change>,
}

/// The file, locked: other worlds wait.
pub(crate) struct Ledger {
    /// Unlocked when it is closed.
    _lock: File,
    file: PathBuf,
    boot: String,
    of_first_process: bool,
}

impl Ledger {
    /// Waits until no other world has it.
    pub(crate) fn lock() -> Result<Self, NetworkError> {
        let folder = Path::new(FOLDER);
        fs::DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(folder)
            .map_err(NetworkError::file("make the folder", folder))?;
        let path = folder.join("network.lock");
        let lock = File::options()
            .create(true)
            .truncate(false)
            .write(true)
            .open(&path)
            .and_then(locked)
            .map_err(NetworkError::file("lock", &path))?;
        let here = Path::new(NAMESPACE);
        let namespace = fs::metadata(here).map_err(NetworkError::file("look at", here))?;
        let first = fs::metadata("/proc/1/ns/net");
        Ok(Self {
            _lock: lock,
            file: file(namespace.ino()),
            boot: setting::read(Path::new("/proc/sys/kernel/random/boot_id")).unwrap_or_default(),
            of_first_process: first.is_ok_and(|first| first.ino() == namespace.ino()),
        })
    }

    /// Whether anything is written down of this namespace. Needs no right and no lock.
    pub(crate) fn is_written() -> bool {
        fs::metadata(NAMESPACE).is_ok_and(|namespace| {
            let file = file(namespace.ino());
            file.exists() || draft(&file).exists()
        })
    }

    /// What is written down and true. Worlds whose bridge does not stand are crossed out; `stands` knows.
    pub(crate) fn read(&self, stands: impl Fn(&str) -> bool) -> Result<Page, NetworkError> {
        let text = match fs::read(&self.file) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => Vec::new(),
            other => other.map_err(NetworkError::file("read", &self.file))?,
        };
        // One that can't be read was not written by this program as it is; nothing can be put back from it.
        let mut page: Page = serde_json::from_slice(&text).unwrap_or_default();
        page.holders.retain(|bridge, _| stands(bridge));
        let believed = self.of_first_process || !page.holders.is_empty();
        if page.boot == self.boot && believed {
            Ok(page)
        } else {
            Ok(Page {
                boot: self.boot.clone(),
                ..Page::default()
            })
        }
    }

    /// Writes it down at once or not at all. One that says nothing is removed.
    pub(crate) fn write(&self, page: &Page) -> Result<(), NetworkError> {
        let draft = draft(&self.file);
        if page.holders.is_empty() && page.changes.is_empty() {
            // A draft is left by one that was killed.
            for path in [&draft, &self.file] {
                match fs::remove_file(path) {
                    Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                    other => other.map_err(NetworkError::file("remove", path))?,
                }
            }
            return Ok(());
        }
        let text = serde_json::to_vec_pretty(page).expect("texts are JSON");
        fs::write(&draft, text).map_err(NetworkError::file("write", &draft))?;
        fs::rename(&draft, &self.file).map_err(NetworkError::file("replace", &self.file))
    }
}

fn file(namespace: u64) -> PathBuf {
    Path::new(FOLDER).join(format!("network-{namespace}.json"))
}

fn draft(file: &Path) -> PathBuf {
    file.with_extension("new")
}

fn locked(file: File) -> io::Result<File> {
    let begun = Instant::now();
    loop {
        match file.try_lock() {
            Ok(()) => return Ok(file),
            Err(TryLockError::WouldBlock) if begun.elapsed() < LOCK_PATIENCE => {
                thread::sleep(LOCK_PAUSE);
            }
            Err(error) => return Err(error.into()),
        }
    }
}
