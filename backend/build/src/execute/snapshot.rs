//! A step's writable layer: made, written, committed; discarded where that doesn't come to pass.

use std::fs::File;
use std::ops::ControlFlow;
use std::os::fd::OwnedFd;
use std::path::PathBuf;

use estiva_shared::image::DiffId;
use estiva_store::{LayerRecord, LowerDirs, Prepared, Store, StoreError, Upper};

use crate::tree::Tree;

/// A prepared layer over its parents. Dropping it removes it.
pub(super) struct Snapshot<'a> {
    store: &'a Store,
    parents: Vec<DiffId>,
    lowers: LowerDirs,
    prepared: Option<Prepared>,
}

impl<'a> Snapshot<'a> {
    /// Prepares an empty layer on top of `parents`.
    pub(super) fn new(store: &'a Store, parents: &[DiffId]) -> Result<Self, StoreError> {
        let lowers = store.lowers(parents)?;
        let prepared = Some(store.prepare(parents)?);
        Ok(Self {
            store,
            parents: parents.to_vec(),
            lowers,
            prepared,
        })
    }

    /// The folders below.
    pub(super) fn lowers(&self) -> &LowerDirs {
        &self.lowers
    }

    /// The folder that receives the changes, and the work folder beside it.
    pub(super) fn folders(&self) -> (PathBuf, PathBuf) {
        let prepared = self.prepared();
        (prepared.upper.clone(), prepared.work.clone())
    }

    /// The file system that a step sees, mounted where nobody else sees it.
    pub(super) fn mount(&self) -> Result<Tree, StoreError> {
        let prepared = self.prepared();
        let upper = Upper {
            upper: &prepared.upper,
            work: &prepared.work,
        };
        let root: OwnedFd = self.store.mount_detached(&self.lowers, Some(upper))?;
        Ok(Tree::new(root))
    }

    /// Makes the layer of what was changed. Nothing may have it mounted any more.
    pub(super) fn commit(
        mut self,
        hide: &[PathBuf],
        progress: &mut dyn FnMut(u64) -> ControlFlow<()>,
    ) -> Result<Option<LayerRecord>, StoreError> {
        let prepared = self
            .prepared
            .take()
            .expect("a snapshot is committed once: it is consumed");
        self.store.commit(prepared, &self.parents, hide, progress)
    }

    fn prepared(&self) -> &Prepared {
        self.prepared
            .as_ref()
            .expect("only commit and drop take it")
    }
}

impl Drop for Snapshot<'_> {
    fn drop(&mut self) {
        if let Some(prepared) = self.prepared.take() {
            // What stays is removed at the store's next opening.
            let _ = self.store.discard(prepared);
        }
    }
}

/// A stage's file system to read from.
pub(super) struct View<'a> {
    /// Its files.
    pub(super) tree: Tree,
    /// Where there is no layer at all: keeps the empty folder, in which nothing is ever written. Dropped after the mount.
    _snapshot: Option<Snapshot<'a>>,
}

impl<'a> View<'a> {
    /// The files of `layers`.
    pub(super) fn new(store: &'a Store, layers: &[DiffId]) -> Result<Self, StoreError> {
        let lowers = store.lowers(layers)?;
        if let [only] = lowers.names.as_slice() {
            // One layer is its folder: there is nothing to stack, and overlayfs wouldn't take it alone.
            let folder = lowers.base.join(only);
            if let Ok(folder) = File::open(&folder) {
                return Ok(Self {
                    tree: Tree::new(folder.into()),
                    _snapshot: None,
                });
            }
        }
        if lowers.names.len() > 1 {
            return Ok(Self {
                tree: Tree::new(store.mount_detached(&lowers, None)?),
                _snapshot: None,
            });
        }
        let snapshot = Snapshot::new(store, layers)?;
        let tree = snapshot.mount()?;
        Ok(Self {
            tree,
            _snapshot: Some(snapshot),
        })
    }
}
