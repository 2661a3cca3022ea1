//! A folder of the browser as [`Folder`]: the files that the page handed over, by their paths below it.

use std::collections::BTreeMap;

use estiva_shared::image::{Folder, FolderError, ReadAt};
use web_sys::File;

use super::archive::FileAt;

/// A folder's files.
pub struct FolderAt {
    files: BTreeMap<String, File>,
}

impl FolderAt {
    /// The files in the order of their paths.
    pub fn new(paths: Vec<String>, files: Vec<File>) -> FolderAt {
        FolderAt {
            files: paths.into_iter().zip(files).collect(),
        }
    }
}

impl FolderAt {
    /// A file as the browser has it.
    pub(super) fn file(&self, path: &str) -> Option<&File> {
        self.files.get(path)
    }
}

impl Folder for FolderAt {
    fn open(&self, path: &str) -> Result<Option<Box<dyn ReadAt + '_>>, FolderError> {
        let Some(file) = self.files.get(path) else {
            return Ok(None);
        };
        match FileAt::open(file.clone()) {
            Ok(file) => Ok(Some(Box::new(file))),
            Err(error) => Err(FolderError::Unreadable(error)),
        }
    }

    fn describe(&self) -> String {
        format!("a folder of {} files", self.files.len())
    }
}
