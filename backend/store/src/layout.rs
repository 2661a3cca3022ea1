//! Where things lie under the root. The one place that knows the names of the store's folders.

use std::fs;
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};

use estiva_shared::image::{DiffId, Digest};

use crate::error::IoFault;
use crate::layers::SnapshotId;

/// The root and the folders of the store in it.
#[derive(Clone, Debug)]
pub(crate) struct Layout {
    root: PathBuf,
}

impl Layout {
    /// Makes the folders that are missing, for their owner alone: a layer may hold set-user-id programs and secrets
    /// that no other user of the host should reach. A root that is there keeps its mode; its folders close it.
    pub(crate) fn create(root: &Path) -> Result<Self, IoFault> {
        make_private(root)?;
        let root = root.canonicalize().map_err(IoFault::at("resolve", root))?;
        let layout = Self { root };
        for folder in [
            layout.blobs(),
            layout.snapshots(),
            layout.ingest(),
            layout.index(),
        ] {
            make_private(&folder)?;
        }
        Ok(layout)
    }

    /// The root itself, canonical.
    pub(crate) fn root(&self) -> &Path {
        &self.root
    }

    /// The database.
    pub(crate) fn database(&self) -> PathBuf {
        Self::database_of(&self.root)
    }

    /// The database of a root whose folders were not made yet.
    pub(crate) fn database_of(root: &Path) -> PathBuf {
        root.join("store.db")
    }

    /// Blobs, each named by its digest's digits.
    pub(crate) fn blobs(&self) -> PathBuf {
        self.root.join("blobs/sha256")
    }

    /// One blob.
    pub(crate) fn blob(&self, digest: &Digest) -> PathBuf {
        self.blobs().join(digest.hex())
    }

    /// Snapshots, each a folder named by its number.
    pub(crate) fn snapshots(&self) -> PathBuf {
        self.root.join("snapshots")
    }

    /// One snapshot: `fs` and, while it is written, `work`.
    pub(crate) fn snapshot(&self, id: SnapshotId) -> PathBuf {
        self.snapshots().join(id.to_string())
    }

    /// What is being written; emptied at every opening.
    pub(crate) fn ingest(&self) -> PathBuf {
        self.root.join("ingest")
    }

    /// Layer indexes, each named by its diff id's digits. A cache: any of it may be removed at any time.
    pub(crate) fn index(&self) -> PathBuf {
        self.root.join("index")
    }

    /// One layer's index.
    pub(crate) fn layer_index(&self, diff_id: &DiffId) -> PathBuf {
        self.index().join(format!("{}.json", diff_id.hex()))
    }
}

fn make_private(folder: &Path) -> Result<(), IoFault> {
    fs::DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(folder)
        .map_err(IoFault::at("create", folder))
}
