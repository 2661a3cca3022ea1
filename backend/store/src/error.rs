//! What goes wrong in the store, as its callers see it. Modules with faults of their own have their own enum, wrapped here.

use std::io;
use std::path::{Path, PathBuf};

use estiva_shared::image::{DiffId, Digest};

use crate::archive::ArchiveError;
use crate::base::BaseError;
use crate::commit::CommitError;
use crate::extract::ExtractError;
use crate::overlay::OverlayError;

/// A system call that failed: what was done, to which path.
#[derive(Debug, thiserror::Error)]
#[error("{action} {}: {source}", path.display())]
pub struct IoFault {
    /// What was being done, such as `write`.
    pub action: &'static str,
    /// To what.
    pub path: PathBuf,
    /// What the system said.
    pub source: io::Error,
}

impl IoFault {
    /// For `map_err`: `IoFault::at("open", &path)`.
    pub(crate) fn at<E: Into<io::Error>>(
        action: &'static str,
        path: impl AsRef<Path>,
    ) -> impl FnOnce(E) -> IoFault {
        let path = path.as_ref().to_owned();
        move |source| IoFault {
            action,
            path,
            source: source.into(),
        }
    }

    /// Whether the cause is a full disk, an exhausted quota or a file size limit.
    pub fn is_full(&self) -> bool {
        matches!(
            self.source.kind(),
            io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded | io::ErrorKind::FileTooLarge
        )
    }
}

/// Any fault of the store.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// A file or folder of the store could not be read or written.
    #[error(transparent)]
    Io(IoFault),
    /// The disk is full.
    #[error("no space is left for the store: {action} {}", path.display())]
    Full {
        /// What was being done.
        action: &'static str,
        /// To what.
        path: PathBuf,
    },
    /// SQLite failed.
    #[error("store.db: {0}")]
    Database(#[from] rusqlite::Error),
    /// A row of the database holds what can't be read.
    #[error("store.db: expected {expected}, but found {found:?}")]
    BadRow {
        /// What should have been there.
        expected: &'static str,
        /// What is.
        found: String,
    },
    /// `store.db` is some other program's.
    #[error("{}: expected a store of estiva, but found another SQLite database", path.display())]
    NotAStore {
        /// The file.
        path: PathBuf,
    },
    /// The store was written by a newer program. Nothing was changed.
    #[error(
        "the store has schema version {found}, but this program knows versions up to {supported}; a newer estiva wrote it"
    )]
    NewerSchema {
        /// The file's version.
        found: i64,
        /// [`crate::SCHEMA_VERSION`].
        supported: i64,
    },
    /// No image has this name or id.
    #[error("no image is named {name}")]
    UnknownImage {
        /// As asked for.
        name: String,
        /// Names like it, nearest first.
        similar: Vec<String>,
    },
    /// Several images' ids begin so.
    #[error(
        "expected the start of one image's id, but found {count} images that begin with {prefix}"
    )]
    AmbiguousId {
        /// As asked for.
        prefix: String,
        /// How many there are.
        count: usize,
    },
    /// The image has several names and was asked for by its id.
    #[error("image {id} has {} names ({}); remove them one by one, or with force", names.len(), names.join(", "))]
    SeveralNames {
        /// The image's id, short.
        id: String,
        /// Its names.
        names: Vec<String>,
    },
    /// Containers were made from the image.
    #[error("image {image} is in use by {}", containers.join(", "))]
    InUse {
        /// As asked for.
        image: String,
        /// The containers' names.
        containers: Vec<String>,
    },
    /// An image has more layers than overlayfs can stack.
    #[error("expected at most {max} layers, but found {found}")]
    TooManyLayers {
        /// How many there are.
        found: usize,
        /// [`crate::LAYERS_MAX`].
        max: usize,
    },
    /// The store doesn't hold this layer.
    #[error("the store has no layer {0}")]
    UnknownLayer(DiffId),
    /// The store doesn't hold this blob.
    #[error("the store has no blob {0}")]
    UnknownBlob(Digest),
    /// A blob that has to be read whole is larger than its kind may be.
    #[error("expected at most {max} bytes in {what}, but found {found}")]
    TooLarge {
        /// What it is, such as `a config`.
        what: &'static str,
        /// Its bytes.
        found: u64,
        /// The limit.
        max: u64,
    },
    /// Content isn't what its digest says.
    #[error("expected content of digest {expected}, but found {found}")]
    DigestMismatch {
        /// As it was announced.
        expected: Digest,
        /// As it was computed.
        found: Digest,
    },
    /// A document could not be read or written as JSON.
    #[error("{what}: {source}")]
    Json {
        /// Which document.
        what: &'static str,
        /// What is wrong.
        source: serde_json::Error,
    },
    /// A layer could not be unpacked.
    #[error(transparent)]
    Extract(ExtractError),
    /// A layer could not be packed.
    #[error(transparent)]
    Commit(CommitError),
    /// An overlay could not be mounted.
    #[error(transparent)]
    Overlay(OverlayError),
    /// An image archive could not be read.
    #[error(transparent)]
    Archive(#[from] ArchiveError),
    /// The base image could not be made.
    #[error(transparent)]
    Base(#[from] BaseError),
}

/// A full disk becomes [`StoreError::Full`], whichever part noticed it.
impl From<IoFault> for StoreError {
    fn from(fault: IoFault) -> Self {
        if fault.is_full() {
            Self::Full {
                action: fault.action,
                path: fault.path,
            }
        } else {
            Self::Io(fault)
        }
    }
}

impl From<ExtractError> for StoreError {
    fn from(error: ExtractError) -> Self {
        match error {
            ExtractError::Io(fault) => fault.into(),
            other => Self::Extract(other),
        }
    }
}

impl From<CommitError> for StoreError {
    fn from(error: CommitError) -> Self {
        match error {
            CommitError::Io(fault) => fault.into(),
            other => Self::Commit(other),
        }
    }
}

impl From<OverlayError> for StoreError {
    fn from(error: OverlayError) -> Self {
        match error {
            OverlayError::Io(fault) => fault.into(),
            other => Self::Overlay(other),
        }
    }
}

impl StoreError {
    /// Whether the disk is full, whichever part noticed it.
    pub fn is_full(&self) -> bool {
        match self {
            Self::Full { .. } => true,
            Self::Io(fault) => fault.is_full(),
            Self::Database(rusqlite::Error::SqliteFailure(error, _)) => {
                error.code == rusqlite::ErrorCode::DiskFull
            }
            _ => false,
        }
    }
}
