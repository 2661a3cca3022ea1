//! What a step changed, as a layer. The walk is in [`crate::diff`]; here is what goes around it.

use std::collections::HashSet;
use std::os::fd::OwnedFd;
use std::os::unix::ffi::OsStrExt;
use std::path::PathBuf;

use estiva_shared::image::DiffId;
use rustix::fs::{Mode, OFlags};

use crate::diff::{self, Progress, Sides};
use crate::error::{IoFault, StoreError};
use crate::extract::Extracted;
use crate::layers::{LayerRecord, LowerDirs, Prepared};
use crate::limits::{DEPTH_MAX, PATH_BYTES_MAX};
use crate::overlay::mount_detached;
use crate::store::Store;

/// Why a snapshot could not become a layer.
#[derive(Debug, thiserror::Error)]
pub enum CommitError {
    /// A file or folder could not be read or written.
    #[error(transparent)]
    Io(#[from] IoFault),
    /// The caller wants it no more.
    #[error("the packing of the layer was stopped")]
    Cancelled,
    /// A name that a tar would read as "gone".
    #[error(
        "expected a name that doesn't begin with .wh., which marks what a layer removes, but found {path}"
    )]
    ReservedName {
        /// The path.
        path: String,
    },
    /// Folders are nested too deep.
    #[error("expected at most {DEPTH_MAX} folders in a path, but found more: {path}")]
    TooDeep {
        /// The path, cut.
        path: String,
    },
    /// A path is longer than any program could open.
    #[error("expected paths of at most {PATH_BYTES_MAX} bytes, but found {path}")]
    PathTooLong {
        /// The path, cut.
        path: String,
    },
}

impl Store {
    /// Makes a layer of what was changed in a snapshot; none where nothing was. The snapshot is then the layer's. It
    /// must not be mounted any more.
    ///
    /// Entries that are equal to those of `parents` (lowest first) are left out, and sockets, as no tar has them.
    ///
    /// `hide` names what the caller's own mounts left behind (paths relative to the root folder, such as
    /// `etc/resolv.conf`, and folders, such as `proc`): an empty file or folder that wasn't there before is left out,
    /// and the time of the folder it lay in set back. `progress` is told of each piece's bytes, and
    /// of 0 bytes at each entry; where it breaks off, nothing is made.
    ///
    /// # Errors
    /// [`CommitError`], and faults of the store; the snapshot is then removed.
    pub fn commit(
        &self,
        prepared: Prepared,
        parents: &[DiffId],
        hide: &[PathBuf],
        progress: Progress<'_>,
    ) -> Result<Option<LayerRecord>, StoreError> {
        let _hold = self.hold();
        let id = prepared.id;
        let result = self.note_full(self.commit_held(&prepared, parents, hide, progress));
        let is_kept = matches!(&result, Ok(Some(record)) if record.snapshot == id);
        if !is_kept {
            let removed = self.discard(prepared);
            // The first fault is the one that is told.
            if result.is_ok() {
                removed?;
            }
        }
        result
    }

    fn commit_held(
        &self,
        prepared: &Prepared,
        parents: &[DiffId],
        hide: &[PathBuf],
        progress: Progress<'_>,
    ) -> Result<Option<LayerRecord>, StoreError> {
        self.throw_away(&prepared.work)?;
        let lowers = self.lowers(parents)?;
        let upper = open_folder(&prepared.upper)?;
        let lower = open_lower(&lowers)?;
        let hide: HashSet<Vec<u8>> = hide
            .iter()
            .map(|path| path.as_os_str().as_bytes())
            .map(|path| path.strip_prefix(b"/").unwrap_or(path).to_owned())
            .collect();
        let sides = Sides {
            upper,
            lower,
            root: lowers.root,
            hide: &hide,
        };
        let (writer, found) = diff::write(sides, self.blob_writer()?, progress)?;
        if found.entries == 0 {
            return Ok(None);
        }
        let (digest, size_bytes) = writer.publish()?;
        let record = LayerRecord {
            diff_id: DiffId::new(digest),
            size_bytes,
            snapshot: prepared.id,
        };
        let folder = Extracted {
            has_root: found.has_root,
            opaque_root: false,
        };
        self.record_layer(&record, folder).map(Some)
    }
}

/// What lies below, merged. A single layer is its own folder, which overlayfs wouldn't mount alone.
fn open_lower(lowers: &LowerDirs) -> Result<Option<OwnedFd>, StoreError> {
    match lowers.names.as_slice() {
        [] => Ok(None),
        [only] => Ok(Some(open_folder(&lowers.base.join(only))?)),
        _ => Ok(Some(mount_detached(lowers, None)?)),
    }
}

fn open_folder(path: &std::path::Path) -> Result<OwnedFd, IoFault> {
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
    rustix::fs::open(path, flags, Mode::empty()).map_err(IoFault::at("open", path))
}
