//! What has lost its place and could not be removed: it is in nobody's way, is tried again, and no work fails for it.
//!
//! A process that is being killed may still write into a folder that nobody wants any more; a disk may refuse. All that
//! goes, goes by way of `ingest`, so that what stays is there, and the next opening finds it too.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::error::IoFault;
use crate::store::Store;
use crate::tree;

/// What could not be removed yet, and why.
#[derive(Debug, Default)]
pub(crate) struct Rubbish {
    kept: Mutex<Vec<(PathBuf, IoFault)>>,
}

impl Rubbish {
    /// Removes what is at a path, or remembers it.
    pub(crate) fn remove(&self, path: &Path) {
        if let Err(fault) = tree::remove_all(path) {
            self.kept().push((path.to_owned(), fault));
        }
    }

    fn kept(&self) -> MutexGuard<'_, Vec<(PathBuf, IoFault)>> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Store {
    /// What of the store's own rubbish could not be removed yet, and why, for a log. It is tried again at the next
    /// collection and at the next opening.
    pub fn leftovers(&self) -> Vec<String> {
        let kept = self.rubbish.kept();
        kept.iter().map(|(_, fault)| fault.to_string()).collect()
    }

    /// Takes a file or folder away from its place, and removes it. What is gone already is no fault.
    ///
    /// # Errors
    /// Where it can't be taken away. Where only the removal fails, it is tried again later.
    pub(crate) fn throw_away(&self, path: &Path) -> Result<(), IoFault> {
        let trash = self.ingest_path();
        match fs::rename(path, &trash) {
            Ok(()) => {
                self.rubbish.remove(&trash);
                Ok(())
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
            Err(error) => Err(IoFault::at("rename", path)(error)),
        }
    }

    /// Tries again to remove what could not be removed.
    pub(crate) fn retry_rubbish(&self) {
        let tried = std::mem::take(&mut *self.rubbish.kept());
        for (path, _) in tried {
            self.rubbish.remove(&path);
        }
    }
}
