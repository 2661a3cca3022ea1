//! Collecting what nothing refers to: layers that no image and no cached step has, blobs that nothing has.
//!
//! Rows go first, in one transaction, then files: a kill in between leaves files without rows, which the next opening
//! removes. While anybody holds the collector off, a collection is postponed to the end of the last hold.

use std::fs;
use std::io;
use std::path::Path;

use estiva_shared::image::{DiffId, Digest};
use rusqlite::Transaction;

use crate::database::Durability;
use crate::error::{IoFault, StoreError};
use crate::images::{diff_id_of, digest_of};
use crate::layers::SnapshotId;
use crate::reserve::make_room;
use crate::store::Store;

/// Whether cached steps keep their layers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KeepCache {
    /// They do.
    Yes,
    /// They are forgotten, and the next build makes their layers again.
    No,
}

/// What a collection removed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Collected {
    /// Layers, with their folders.
    pub layers: u64,
    /// Blobs, those of the layers too.
    pub blobs: u64,
    /// What they took: the blobs' bytes, and of each layer as many again for its folder.
    pub bytes: u64,
    /// Something was being made, so that the collection takes place when that is done.
    pub postponed: bool,
}

/// What has lost its rows and still has its files.
#[derive(Default)]
struct Unreachable {
    layers: Vec<(DiffId, SnapshotId)>,
    blobs: Vec<Digest>,
    bytes: u64,
}

impl Store {
    /// Removes what nothing refers to. Images stay, those without a name too.
    ///
    /// # Errors
    /// Faults of files and SQLite; what could not be removed is at the next opening.
    pub fn gc(&self, cache: KeepCache) -> Result<Collected, StoreError> {
        let _room = make_room(&self.layout);
        if cache == KeepCache::No {
            self.database.write(Durability::Power, |transaction| {
                Ok(transaction.execute("DELETE FROM cache", [])?)
            })?;
        }
        self.collect_unreachable()
    }

    pub(crate) fn collect_unreachable(&self) -> Result<Collected, StoreError> {
        // Kept locked until the files are gone, so that nobody finds content by a file that is about to go.
        let mut holds = self.holds();
        if holds.count > 0 {
            holds.postponed = true;
            return Ok(Collected {
                postponed: true,
                ..Collected::default()
            });
        }
        self.retry_rubbish();
        // On the disk before any file goes: rows that a loss of power brought back would speak of files that are gone.
        let unreachable = self.database.write(Durability::Power, forget)?;
        for (diff_id, snapshot) in &unreachable.layers {
            self.remove_snapshot(*snapshot)?;
            remove_file(&self.layout.layer_index(diff_id))?;
        }
        for digest in &unreachable.blobs {
            remove_file(&self.layout.blob(digest))?;
        }
        Ok(Collected {
            layers: unreachable.layers.len() as u64,
            blobs: unreachable.blobs.len() as u64,
            bytes: unreachable.bytes,
            postponed: false,
        })
    }
}

/// Removes the rows, and answers what they named.
fn forget(transaction: &Transaction<'_>) -> Result<Unreachable, StoreError> {
    let mut unreachable = Unreachable::default();
    {
        let mut layers = transaction.prepare_cached(
            "DELETE FROM layers
             WHERE diff_id NOT IN (SELECT diff_id FROM image_layers)
             AND diff_id NOT IN (SELECT diff_id FROM cache WHERE diff_id IS NOT NULL)
             RETURNING diff_id, snapshot, size_bytes",
        )?;
        let rows = layers.query_map([], |row| {
            Ok((
                row.get::<_, String>(0)?,
                row.get::<_, i64>(1)? as u64,
                row.get::<_, i64>(2)? as u64,
            ))
        })?;
        for row in rows {
            let (diff_id, snapshot, folder_bytes) = row?;
            unreachable.bytes += folder_bytes;
            unreachable
                .layers
                .push((diff_id_of(&diff_id)?, SnapshotId::new(snapshot)));
        }
    }
    let mut blobs = transaction.prepare_cached(
        "DELETE FROM blobs
         WHERE digest NOT IN (SELECT diff_id FROM layers)
         AND digest NOT IN (SELECT id FROM images)
         AND digest NOT IN (SELECT manifest FROM images)
         AND digest NOT IN (SELECT digest FROM shares)
         RETURNING digest, size_bytes",
    )?;
    let rows = blobs.query_map([], |row| {
        Ok((row.get::<_, String>(0)?, row.get::<_, i64>(1)? as u64))
    })?;
    for row in rows {
        let (digest, size) = row?;
        unreachable.blobs.push(digest_of(&digest)?);
        unreachable.bytes += size;
    }
    Ok(unreachable)
}

fn remove_file(path: &Path) -> Result<(), IoFault> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => {
            Err(IoFault::at("remove", path)(error))
        }
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Rows that a loss of power brings back would speak of files that are gone.
    #[test]
    fn rows_are_gone_from_the_disk_before_their_files_are() {
        let folder = tempfile::TempDir::new().unwrap();
        let store = Store::open(folder.path()).unwrap();
        store.put_bytes(b"nobody refers to it").unwrap();
        store.gc(KeepCache::No).unwrap();
        let synchronous: i64 = store
            .database
            .read(
                |connection| Ok(connection.query_row("PRAGMA synchronous", [], |row| row.get(0))?),
            )
            .unwrap();
        // FULL (SQLite, "PRAGMA synchronous").
        assert_eq!(synchronous, 2);
    }
}
