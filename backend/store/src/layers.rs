//! Layers: a tar by its diff id, and the same as a folder that overlayfs stacks.
//!
//! The folder doesn't depend on the layers below it, so that images share it whatever they stack it on.

use std::fmt;
use std::fs::{self, File};
use std::io::Read;
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};

use estiva_shared::image::{DiffId, Digest};
use rusqlite::{Connection, OptionalExtension, params};

use crate::database::Durability;
use crate::error::{IoFault, StoreError};
use crate::extract::{self, Extracted};
use crate::limits::{LAYER_BYTES_MAX, LAYERS_MAX};
use crate::store::Store;

/// A snapshot's number: its folder's name. Numbers are used again after a restart where nothing has them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SnapshotId(u64);

impl SnapshotId {
    pub(crate) fn new(number: u64) -> Self {
        Self(number)
    }

    /// The number.
    pub fn number(self) -> u64 {
        self.0
    }
}

impl fmt::Display for SnapshotId {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(out)
    }
}

/// A layer of the store.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LayerRecord {
    /// The digest of its tar, which is also its blob's.
    pub diff_id: DiffId,
    /// The tar's bytes.
    pub size_bytes: u64,
    /// Its folder.
    pub snapshot: SnapshotId,
}

/// The folders to stack for some layers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LowerDirs {
    /// Where the names start from, absolute.
    pub base: PathBuf,
    /// One a layer, the top one first, relative to `base`, such as `12/fs`: short, so that many fit one mount call.
    pub names: Vec<String>,
    /// Mode and owner that the root folder has after these layers.
    pub root: RootAttributes,
}

/// Mode and owner of a root folder. An upper folder must be given them, because overlayfs shows those of the topmost.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RootAttributes {
    /// Permission bits.
    pub mode: u32,
    /// Owner.
    pub uid: u32,
    /// Group.
    pub gid: u32,
}

impl Default for RootAttributes {
    /// What a root folder is that no layer mentions.
    fn default() -> Self {
        Self {
            mode: 0o755,
            uid: 0,
            gid: 0,
        }
    }
}

impl RootAttributes {
    /// Gives a folder these.
    ///
    /// # Errors
    /// Where the folder isn't there, or the caller isn't root.
    pub fn apply(&self, folder: &Path) -> Result<(), IoFault> {
        std::os::unix::fs::chown(folder, Some(self.uid), Some(self.gid))
            .map_err(IoFault::at("change the owner of", folder))?;
        let mode = std::os::unix::fs::PermissionsExt::from_mode(self.mode);
        fs::set_permissions(folder, mode).map_err(IoFault::at("change the mode of", folder))
    }
}

/// A snapshot that is being written: mount it over the parents, change it, then [`Store::commit`] or
/// [`Store::discard`] it. One that is dropped is removed at the store's next opening, at the latest.
#[derive(Debug)]
#[must_use = "commit or discard it"]
pub struct Prepared {
    /// Its number.
    pub id: SnapshotId,
    /// For `upperdir`.
    pub upper: PathBuf,
    /// For `workdir`.
    pub work: PathBuf,
}

impl Store {
    /// The layer, where the store has it.
    ///
    /// # Errors
    /// Faults of SQLite.
    pub fn layer(&self, diff_id: &DiffId) -> Result<Option<LayerRecord>, StoreError> {
        self.database
            .read(|connection| Ok(find(connection, diff_id)?.map(|(record, _)| record)))
    }

    /// Keeps a layer from its plain tar: the blob, checked before anything is unpacked, and its folder. With `expected`, a layer that is
    /// there already, with its files, is answered without a byte read.
    ///
    /// # Errors
    /// [`StoreError::DigestMismatch`], [`StoreError::Extract`] for a tar that is damaged or hostile, and faults of
    /// files. Nothing of it stays then.
    pub fn import_layer(
        &self,
        tar: &mut dyn Read,
        expected: Option<&DiffId>,
    ) -> Result<LayerRecord, StoreError> {
        let _hold = self.hold();
        if let Some(diff_id) = expected
            && let Some(record) = self.whole_layer(diff_id)?
        {
            return Ok(record);
        }
        let mut writer = self.blob_writer()?;
        let size = crate::blobs::copy(&mut tar.take(LAYER_BYTES_MAX + 1), &mut writer)?;
        if size > LAYER_BYTES_MAX {
            return Err(StoreError::TooLarge {
                what: "a layer",
                found: size,
                max: LAYER_BYTES_MAX,
            });
        }
        let (digest, size) = writer.publish_if(expected.map(DiffId::digest))?;
        let diff_id = DiffId::new(digest);
        if let Some(record) = self.layer(&diff_id)? {
            if !self.has_folder(&record) {
                self.remake(&record)?;
            }
            return Ok(record);
        }
        let snapshot = self.next_snapshot();
        let made = self.unpack(&digest, snapshot).and_then(|extracted| {
            let record = LayerRecord {
                diff_id,
                size_bytes: size,
                snapshot,
            };
            self.record_layer(&record, extracted)
        });
        match made {
            Ok(record) => {
                if record.snapshot != snapshot {
                    self.remove_snapshot(snapshot)?;
                }
                Ok(record)
            }
            Err(error) => {
                // The fault that is told is the first one; an opening removes what stays.
                let _ = self.remove_snapshot(snapshot);
                Err(error)
            }
        }
    }

    /// A new snapshot, whose root has the mode and owner that the parents' has.
    ///
    /// # Errors
    /// [`StoreError::UnknownLayer`], and faults of files.
    pub fn prepare(&self, parents: &[DiffId]) -> Result<Prepared, StoreError> {
        let root = self.lowers(parents)?.root;
        let id = self.next_snapshot();
        let folder = self.layout.snapshot(id);
        let prepared = Prepared {
            id,
            upper: folder.join("fs"),
            work: folder.join("work"),
        };
        for each in [&folder, &prepared.upper, &prepared.work] {
            make_folder(each)?;
        }
        root.apply(&prepared.upper)?;
        Ok(prepared)
    }

    /// The folders to stack for these layers, given lowest first. No layers give no names: overlayfs needs one, so use
    /// the upper folder alone.
    ///
    /// # Errors
    /// [`StoreError::UnknownLayer`], [`StoreError::TooManyLayers`].
    pub fn lowers(&self, layers: &[DiffId]) -> Result<LowerDirs, StoreError> {
        if layers.len() > LAYERS_MAX {
            return Err(StoreError::TooManyLayers {
                found: layers.len(),
                max: LAYERS_MAX,
            });
        }
        let mut names = Vec::with_capacity(layers.len());
        let mut root = None;
        for diff_id in layers.iter().rev() {
            let (record, folder_is) = self
                .database
                .read(|connection| find(connection, diff_id))?
                .ok_or(StoreError::UnknownLayer(*diff_id))?;
            let folder = self.layout.snapshot(record.snapshot).join("fs");
            if !self.has_folder(&record) {
                self.remake(&record)?;
            }
            if folder_is.has_root && root.is_none() {
                root = Some(attributes_of(&folder)?);
            }
            names.push(format!("{}/fs", record.snapshot));
            if folder_is.opaque_root {
                break;
            }
        }
        Ok(LowerDirs {
            base: self.layout.snapshots(),
            names,
            root: root.unwrap_or_default(),
        })
    }

    /// Removes a snapshot that became no layer.
    ///
    /// # Errors
    /// Faults of files.
    pub fn discard(&self, prepared: Prepared) -> Result<(), StoreError> {
        self.remove_snapshot(prepared.id)
    }

    /// The layer, where the store has it with its files.
    pub(crate) fn whole_layer(&self, diff_id: &DiffId) -> Result<Option<LayerRecord>, StoreError> {
        let record = self.layer(diff_id)?.filter(|record| {
            self.layout.blob(diff_id.digest()).is_file() && self.has_folder(record)
        });
        Ok(record)
    }

    fn has_folder(&self, record: &LayerRecord) -> bool {
        self.layout.snapshot(record.snapshot).join("fs").is_dir()
    }

    /// Makes a folder again that someone removed by hand: the blob has it all. It comes whole, by rename, because another
    /// thread may want it too.
    fn remake(&self, record: &LayerRecord) -> Result<(), StoreError> {
        let fresh = self.next_snapshot();
        self.unpack(record.diff_id.digest(), fresh)
            // The fault that is told is this one; an opening removes what stays.
            .inspect_err(|_| drop(self.remove_snapshot(fresh)))?;
        let (from, to) = (
            self.layout.snapshot(fresh),
            self.layout.snapshot(record.snapshot),
        );
        if !self.has_folder(record) {
            self.remove_snapshot(record.snapshot)?;
        }
        match fs::rename(&from, &to) {
            Err(error) if error.kind() == std::io::ErrorKind::DirectoryNotEmpty => {
                // The other thread was first.
                self.remove_snapshot(fresh)
            }
            result => Ok(result.map_err(IoFault::at("rename to", &to))?),
        }
    }

    /// Unpacks a layer's blob into a snapshot's folder.
    fn unpack(&self, digest: &Digest, snapshot: SnapshotId) -> Result<Extracted, StoreError> {
        let folder = self.layout.snapshot(snapshot);
        make_folder(&folder)?;
        let target = folder.join("fs");
        make_folder(&target)?;
        RootAttributes::default().apply(&target)?;
        let blob: File = self.open_blob(digest)?;
        Ok(extract::extract(blob, &target)?)
    }

    /// Gives a complete folder its place as the layer's. Answers the record that stands: another one, where the same
    /// layer was made meanwhile.
    pub(crate) fn record_layer(
        &self,
        record: &LayerRecord,
        folder: Extracted,
    ) -> Result<LayerRecord, StoreError> {
        self.database.write(Durability::Process, |transaction| {
            if let Some((standing, _)) = find(transaction, &record.diff_id)? {
                return Ok(standing);
            }
            transaction.execute(
                "INSERT INTO layers (diff_id, size_bytes, snapshot, has_root, opaque_root)
                 VALUES (?1, ?2, ?3, ?4, ?5)",
                params![
                    record.diff_id.to_string(),
                    record.size_bytes as i64,
                    record.snapshot.number() as i64,
                    folder.has_root,
                    folder.opaque_root
                ],
            )?;
            Ok(*record)
        })
    }

    /// Removes a snapshot's folder, by way of `ingest`: after a kill in between, the next opening removes the rest.
    pub(crate) fn remove_snapshot(&self, id: SnapshotId) -> Result<(), StoreError> {
        Ok(self.throw_away(&self.layout.snapshot(id))?)
    }
}

/// The layer's row, and what is known of its root folder.
pub(crate) fn find(
    connection: &Connection,
    diff_id: &DiffId,
) -> Result<Option<(LayerRecord, Extracted)>, StoreError> {
    let row = connection
        .prepare_cached(
            "SELECT size_bytes, snapshot, has_root, opaque_root FROM layers WHERE diff_id = ?1",
        )?
        .query_row([diff_id.to_string()], |row| {
            let record = LayerRecord {
                diff_id: *diff_id,
                size_bytes: row.get::<_, i64>(0)? as u64,
                snapshot: SnapshotId::new(row.get::<_, i64>(1)? as u64),
            };
            let folder = Extracted {
                has_root: row.get(2)?,
                opaque_root: row.get(3)?,
            };
            Ok((record, folder))
        })
        .optional()?;
    Ok(row)
}

fn make_folder(path: &Path) -> Result<(), StoreError> {
    fs::DirBuilder::new()
        .mode(0o700)
        .create(path)
        .map_err(|error| IoFault::at("create", path)(error).into())
}

fn attributes_of(folder: &Path) -> Result<RootAttributes, IoFault> {
    use std::os::unix::fs::MetadataExt;
    let metadata = fs::symlink_metadata(folder).map_err(IoFault::at("stat", folder))?;
    Ok(RootAttributes {
        mode: metadata.mode() & 0o7777,
        uid: metadata.uid(),
        gid: metadata.gid(),
    })
}
