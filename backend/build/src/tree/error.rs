//! What can go wrong with a path of a context or of an image. Paths in messages are relative to their root, and
//! escaped: their names come from strangers.

use std::io;
use std::path::{Path, PathBuf};

use estiva_shared::text::escape_name;
use rustix::io::Errno;
use thiserror::Error;

use super::io_error;

/// Why a path could not be read or written.
#[derive(Debug, Error)]
pub(crate) enum TreeError {
    /// A fault of the file system.
    #[error("can't {doing} {}: {source}", shown(.path))]
    Io {
        /// The verb.
        doing: &'static str,
        /// Relative to its root.
        path: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// A source that is not there.
    #[error("expected a file or folder, but found nothing at: {}", shown(.path))]
    NotFound {
        /// As asked for.
        path: PathBuf,
    },
    /// A source that `.dockerignore` leaves out.
    #[error("expected a file or folder, but found it excluded by {ignore_file}: {}", shown(.path))]
    Excluded {
        /// As asked for.
        path: PathBuf,
        /// The file that says so.
        ignore_file: String,
    },
    /// A pattern of an ignore file that can't be read. Passing over it would put into the image what it was to keep out.
    #[error("{}:{line}: {message}", shown(Path::new(.file)))]
    BadIgnore {
        /// The file.
        file: String,
        /// The pattern's line, from 1.
        line: u32,
        /// `expected X, but found Y`.
        message: String,
    },
    /// More links than a path may hold.
    #[error("expected at most {} symbolic links on the way, but found more (a circle?): {}", super::LINKS_MAX, shown(.path))]
    TooManyLinks {
        /// As asked for.
        path: PathBuf,
    },
    /// Something that can't be copied.
    #[error("expected a file, a folder or a symbolic link, but found {kind}: {}", shown(.path))]
    Special {
        /// Where.
        path: PathBuf,
        /// `a socket`, ….
        kind: &'static str,
    },
    /// It changed between two looks.
    #[error("expected a file that stays as it is during the build, but it changed while it was read: {}", shown(.path))]
    Changed {
        /// Which.
        path: PathBuf,
    },
    /// More than is taken.
    #[error("expected at most {max} {what}, but found more, at: {}", shown(.path))]
    TooMany {
        /// What was counted.
        what: &'static str,
        /// The limit.
        max: usize,
        /// Where it was reached.
        path: PathBuf,
    },
    /// A folder was needed where something else is.
    #[error("expected a folder, but found a file or link: {}", shown(.path))]
    NotAFolder {
        /// In the image.
        path: PathBuf,
    },
    /// A file was to be written where a folder is.
    #[error("expected a file or nothing, but found a folder: {}", shown(.path))]
    FolderInTheWay {
        /// In the image.
        path: PathBuf,
    },
    /// A wildcard pattern that means nothing.
    #[error("expected a wildcard pattern, but found an unclosed '[' or a lone '\\' in: {}", shown(.path))]
    BadPattern {
        /// As written.
        path: PathBuf,
    },
    /// A Dockerfile or ignore file that is no text.
    #[error("expected text in UTF-8, but found other bytes in: {}", shown(.path))]
    NotText {
        /// Which.
        path: PathBuf,
    },
    /// Someone stopped the build.
    #[error("the build was stopped")]
    Cancelled,
}

impl TreeError {
    /// Makes a fault of the kernel into this, for `map_err`.
    pub(super) fn io(doing: &'static str, path: &Path) -> impl Fn(Errno) -> Self {
        move |errno| Self::Io {
            doing,
            path: path.to_owned(),
            source: io_error(errno),
        }
    }

    /// The same for a fault of the standard library.
    pub(super) fn std_io(doing: &'static str, path: &Path) -> impl Fn(io::Error) -> Self {
        move |source| Self::Io {
            doing,
            path: path.to_owned(),
            source,
        }
    }
}

/// A path for people.
fn shown(path: &Path) -> String {
    if path.as_os_str().is_empty() {
        return "/".to_owned();
    }
    escape_name(&path.to_string_lossy()).into_owned()
}
