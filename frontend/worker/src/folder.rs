//! A folder of the browser as [`Folder`]: the files that the page handed over, by their paths below it.

use std::cell::RefCell;
use std::collections::BTreeMap;

use estiva_shared::image::{Folder, FolderError, ReadAt};
use web_sys::Blob;

use super::archive::FileAt;

/// A folder's files.
pub struct FolderAt {
    files: RefCell<BTreeMap<String, Blob>>,
}

impl FolderAt {
    /// The files in the order of their paths.
    pub fn new(paths: Vec<String>, files: impl IntoIterator<Item = impl Into<Blob>>) -> FolderAt {
        let files = files.into_iter().map(Into::into);
        FolderAt {
            files: RefCell::new(paths.into_iter().zip(files).collect()),
        }
    }
}

impl FolderAt {
    /// A file as the browser has it.
    pub(super) fn file(&self, path: &str) -> Option<Blob> {
        self.files.borrow().get(path).cloned()
    }

    /// Puts a file there that came later.
    pub(super) fn put(&self, path: &str, file: Blob) {
        self.files.borrow_mut().insert(path.to_owned(), file);
    }
}

impl Folder for FolderAt {
    fn open(&self, path: &str) -> Result<Option<Box<dyn ReadAt + '_>>, FolderError> {
        let Some(file) = self.file(path) else {
            return Ok(None);
        };
        match FileAt::open(file) {
            Ok(file) => Ok(Some(Box::new(file))),
            Err(error) => Err(FolderError::Unreadable(error)),
        }
    }

    fn describe(&self) -> String {
        format!("a folder of {} files", self.files.borrow().len())
    }
}
