//! A folder in place of an archive: an OCI layout, or a docker-archive that was unpacked.
//!
//! A trait of our own, as [`ReadAt`] is one: the command line opens files by their paths, a browser has a list of handles,
//! and a test has bytes in memory. Files are found by the paths that manifests give, so a folder is never walked here.

use std::io;

use super::{Problem, ReadAt};

/// A folder whose files are read where they lie.
pub trait Folder {
    /// The file at a normalised path below the folder; none where nothing is there.
    ///
    /// # Errors
    /// A [`FolderError`] where what is there is no file that may be read.
    fn open(&self, path: &str) -> Result<Option<Box<dyn ReadAt + '_>>, FolderError>;

    /// What it holds, for a message that says that it holds no image, such as `a folder with a Dockerfile`.
    fn describe(&self) -> String;
}

/// Why a file of a folder is not read.
#[derive(Debug, thiserror::Error)]
pub enum FolderError {
    /// A symbolic link that leads out of the folder, or to an absolute path.
    #[error("a link that leads out of the folder, which is not followed")]
    LeadsOut,
    /// No file.
    #[error("{0}")]
    NotAFile(&'static str),
    /// It can't be opened or read.
    #[error("that it can't be read: {0}")]
    Unreadable(#[source] io::Error),
}

impl FolderError {
    /// The same as a problem of an image.
    pub(super) fn problem(&self, path: &str) -> Problem {
        let code = match self {
            Self::LeadsOut => "unsafe-path",
            Self::NotAFile(_) | Self::Unreadable(_) => "unreadable",
        };
        Problem {
            code: code.to_owned(),
            message: format!("expected a file {path:?} in the folder, but found {self}"),
            layer: None,
            entry: None,
            offset: None,
        }
    }
}
