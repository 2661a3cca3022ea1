//! The store itself: opening, flushing, and holding off the collector while something is being made.

use std::fmt;
use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{SystemTime, UNIX_EPOCH};

use rusqlite::Transaction;

use crate::database::{Database, Durability};
use crate::error::{IoFault, StoreError};
use crate::layers::SnapshotId;
use crate::layout::Layout;
use crate::recover::{self, Recovered};
use crate::reserve;
use crate::rubbish::Rubbish;

/// One root's blobs, layers, images and names.
pub struct Store {
    pub(crate) layout: Layout,
    pub(crate) database: Database,
    /// The next snapshot's number, and what sets apart the files in `ingest`.
    next: AtomicU64,
    pub(crate) rubbish: Rubbish,
    /// The disk was full since the cache was last tidied.
    pub(crate) was_full: AtomicBool,
    holds: Mutex<Holds>,
}

/// Who keeps the collector waiting.
#[derive(Debug, Default)]
pub(crate) struct Holds {
    pub(crate) count: usize,
    /// A collection was asked for meanwhile.
    pub(crate) postponed: bool,
}

impl Store {
    /// Opens the store at `root`, and makes it where there is none. What a killed process left half-made is removed:
    /// the caller must be the root's only user. What of it can't be removed now stays: see [`Store::leftovers`].
    ///
    /// # Errors
    /// [`StoreError::NewerSchema`] where a newer program wrote it, [`StoreError::NotAStore`] where another program did
    /// (nothing is changed in either case), and any fault of files or SQLite.
    pub fn open(root: &Path) -> Result<Self, StoreError> {
        // Before anything is made, so that a newer program's store stays untouched.
        Database::check(&Layout::database_of(root))?;
        let layout = Layout::create(root)?;
        let (database, recovered) = match open_database(&layout) {
            Err(error) if error.is_full() => {
                reserve::give_up(&layout);
                open_database(&layout)?
            }
            result => result?,
        };
        reserve::keep(&layout);
        Ok(Self {
            layout,
            database,
            next: AtomicU64::new(recovered.next),
            rubbish: recovered.rubbish,
            was_full: AtomicBool::new(false),
            holds: Mutex::default(),
        })
    }

    /// Whether a store lies at `root`, of whatever version: not where there is none, and not where its file's name is
    /// another program's. Nothing is changed.
    pub fn is_at(root: &Path) -> bool {
        let path = Layout::database_of(root);
        let checked = Database::check(&path);
        path.is_file() && matches!(checked, Ok(()) | Err(StoreError::NewerSchema { .. }))
    }

    /// The root, canonical.
    pub fn root(&self) -> &Path {
        self.layout.root()
    }

    /// Brings all content to the disk. A naming does this by itself; the server does it before it ends, so that the
    /// build cache too survives the host's next start.
    ///
    /// # Errors
    /// Where the disk refuses: nothing is then marked as flushed.
    pub fn sync(&self) -> Result<(), StoreError> {
        self.write_synced(|_| Ok(()))
    }

    /// Keeps the collector from what has no name yet, until the guard is dropped. A build takes one at its start.
    pub fn hold(&self) -> Hold<'_> {
        self.holds().count += 1;
        Hold { store: self }
    }

    /// A naming: flushes the store's filesystem once, then writes, durable against a loss of power.
    ///
    /// What is marked as flushed is read *before* the flush, so that what arrives meanwhile isn't marked.
    pub(crate) fn write_synced<T>(
        &self,
        change: impl FnOnce(&Transaction<'_>) -> Result<T, StoreError>,
    ) -> Result<T, StoreError> {
        // Kept for the whole: rows read here must not be collected and made anew before they are marked.
        let _hold = self.hold();
        let fresh = recover::unsynced(&self.database)?;
        let root = self.root();
        let folder = File::open(root).map_err(IoFault::at("open", root))?;
        rustix::fs::syncfs(&folder).map_err(IoFault::at("flush the filesystem of", root))?;
        self.database.write(Durability::Power, |transaction| {
            recover::mark_synced(transaction, &fresh)?;
            change(transaction)
        })
    }

    pub(crate) fn holds(&self) -> MutexGuard<'_, Holds> {
        // A count can't be half-changed.
        self.holds.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A number that no snapshot and no file in `ingest` has.
    pub(crate) fn next_number(&self) -> u64 {
        self.next.fetch_add(1, Ordering::Relaxed)
    }

    pub(crate) fn next_snapshot(&self) -> SnapshotId {
        SnapshotId::new(self.next_number())
    }

    /// A path in `ingest` that nothing has.
    pub(crate) fn ingest_path(&self) -> PathBuf {
        self.layout.ingest().join(self.next_number().to_string())
    }
}

fn open_database(layout: &Layout) -> Result<(Database, Recovered), StoreError> {
    let database = Database::open(&layout.database())?;
    let recovered = recover::recover(layout, &database)?;
    Ok((database, recovered))
}

impl fmt::Debug for Store {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "Store({})", self.root().display())
    }
}

/// While it lives, nothing is collected. See [`Store::hold`].
#[derive(Debug)]
#[must_use = "the collector is held off only while this lives"]
pub struct Hold<'a> {
    store: &'a Store,
}

impl Drop for Hold<'_> {
    fn drop(&mut self) {
        let collect = {
            let mut holds = self.store.holds();
            holds.count -= 1;
            holds.count == 0 && std::mem::take(&mut holds.postponed)
        };
        if collect {
            // Nobody asked just now, so nobody can be told; what stays is collected the next time.
            let _ = self.store.collect_unreachable();
        }
    }
}

/// Milliseconds since 1970; 0 where the clock stands before.
pub(crate) fn now_ms() -> u64 {
    SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .map_or(0, |since| since.as_millis() as u64)
}
