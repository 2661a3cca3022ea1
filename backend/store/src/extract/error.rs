//! Why a layer could not be unpacked.

use estiva_shared::image::TarError;

use crate::error::IoFault;
use crate::limits::{
    DEPTH_MAX, FOLDER_NAME_BYTES_MAX, LAYER_ENTRIES_MAX, NAME_BYTES_MAX, PATH_BYTES_MAX,
};

/// Why a layer could not be unpacked. Names are shown with what could disturb a terminal escaped.
#[derive(Debug, thiserror::Error)]
pub enum ExtractError {
    /// The tar is damaged, or claims more than any may.
    #[error(transparent)]
    Tar(#[from] TarError),
    /// A file or folder could not be written.
    #[error(transparent)]
    Io(#[from] IoFault),
    /// A name leads out of the folder it is unpacked in.
    #[error("expected a name below the layer's root, but found one with ..: {path}")]
    Climbs {
        /// The entry.
        path: String,
    },
    /// A name holds a NUL, or is longer than a filesystem takes.
    #[error(
        "expected names of at most {NAME_BYTES_MAX} bytes, paths of at most {PATH_BYTES_MAX}, without NUL, but found {path}"
    )]
    BadName {
        /// The entry, cut.
        path: String,
    },
    /// A path has too many folders.
    #[error("expected at most {DEPTH_MAX} folders in a path, but found {found}: {path}")]
    TooDeep {
        /// How many.
        found: usize,
        /// The entry, cut.
        path: String,
    },
    /// More entries than any layer may have.
    #[error("expected at most {LAYER_ENTRIES_MAX} entries in a layer, but found more")]
    TooManyEntries,
    /// The folders' paths are longer, all together, than those of any layer in use.
    #[error(
        "expected at most {FOLDER_NAME_BYTES_MAX} bytes of folders' paths in a layer, but found more"
    )]
    TooManyNames,
    /// Something else stands where a path has a folder.
    #[error("expected a folder above {path}, but found something else")]
    NotAFolder {
        /// The entry.
        path: String,
    },
    /// A hard link leads to what the layer doesn't have.
    #[error(
        "expected the target of hard link {path} among the layer's earlier files, but found none: {target}"
    )]
    MissingTarget {
        /// The link.
        path: String,
        /// Where it leads.
        target: String,
    },
    /// The entry is of a kind that layers don't have.
    #[error("expected a file, folder, link, device or fifo, but found type {flag:?}: {path}")]
    UnknownType {
        /// The entry.
        path: String,
        /// The header's type flag.
        flag: char,
    },
    /// A device that overlayfs would read as a whiteout.
    #[error("expected a device other than 0:0, which stands for a whiteout: {path}")]
    WhiteoutDevice {
        /// The entry.
        path: String,
    },
    /// An owner that Linux can't have.
    #[error("expected an owner and a group below 4294967295, but found {uid}:{gid}: {path}")]
    Owner {
        /// The entry.
        path: String,
        /// Owner.
        uid: u64,
        /// Group.
        gid: u64,
    },
}
