//! Cached steps: what a build's step made, by the step's key. The key is the builder's business.
//!
//! Layers of builds that failed, of stages that were not shipped and of images that were built anew have nothing but
//! their cached steps. Those are what grows without end, so that they have a bound: what was not used for the longest
//! time goes first.

use std::sync::atomic::Ordering;

use estiva_shared::image::{DiffId, Digest};
use rusqlite::{OptionalExtension, Transaction, params};
use rustix::fs::statvfs;

use crate::database::Durability;
use crate::error::StoreError;
use crate::gc::Collected;
use crate::images::diff_id_of;
use crate::limits::{CACHE_BYTES_MAX, CACHE_DISK_SHARE, CACHE_STEPS_MAX};
use crate::reserve::make_room;
use crate::store::{Store, now_ms};

/// How exactly it is known when a step was used, in milliseconds: a second's builds need no write for each hit.
const USE_PRECISION_MS: u64 = 1_000;

/// A step that was done before.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CacheEntry {
    /// The layer it made; none where it changed nothing.
    pub diff_id: Option<DiffId>,
}

impl Store {
    /// What the step of this key made, where its layer is still there.
    ///
    /// # Errors
    /// Faults of SQLite.
    pub fn cache_get(&self, key: &Digest) -> Result<Option<CacheEntry>, StoreError> {
        let found = self.database.read(|connection| {
            let row: Option<(Option<String>, i64)> = connection
                .prepare_cached("SELECT diff_id, used_ms FROM cache WHERE key = ?1")?
                .query_row([key.to_string()], |row| Ok((row.get(0)?, row.get(1)?)))
                .optional()?;
            row.map(|(diff_id, used_ms)| {
                let entry = CacheEntry {
                    diff_id: diff_id.as_deref().map(diff_id_of).transpose()?,
                };
                Ok((entry, used_ms as u64))
            })
            .transpose()
        })?;
        let Some((entry, used_ms)) = found else {
            return Ok(None);
        };
        let now = now_ms();
        if now.abs_diff(used_ms) >= USE_PRECISION_MS {
            // A step that can't be marked as used, on a full disk, is found all the same.
            let _ = self.database.write(Durability::Process, |transaction| {
                Ok(transaction.execute(
                    "UPDATE cache SET used_ms = ?2 WHERE key = ?1",
                    params![key.to_string(), now as i64],
                )?)
            });
        }
        Ok(Some(entry))
    }

    /// Remembers what a step made.
    ///
    /// # Errors
    /// [`StoreError::UnknownLayer`], and faults of SQLite.
    pub fn cache_put(&self, key: &Digest, entry: &CacheEntry) -> Result<(), StoreError> {
        if let Some(diff_id) = &entry.diff_id
            && self.layer(diff_id)?.is_none()
        {
            return Err(StoreError::UnknownLayer(*diff_id));
        }
        self.database.write(Durability::Process, |transaction| {
            transaction.execute(
                "INSERT OR REPLACE INTO cache (key, diff_id, made_ms, used_ms)
                 VALUES (?1, ?2, ?3, ?3)",
                params![
                    key.to_string(),
                    entry.diff_id.map(|diff_id| diff_id.to_string()),
                    now_ms() as i64
                ],
            )?;
            Ok(())
        })
    }

    /// Forgets the cached steps that were not used for the longest time, down to [`CACHE_BYTES_MAX`] or a tenth of the disk,
    /// and removes what nothing refers to then. Where the disk was full since the last time, half of what they keep goes,
    /// so that the next build may have room. A build calls it at its end.
    ///
    /// # Errors
    /// Faults of files and SQLite.
    pub fn tidy_cache(&self) -> Result<Collected, StoreError> {
        let disk_bytes = statvfs(self.root())
            .map_or(u64::MAX, |disk| disk.f_blocks.saturating_mul(disk.f_frsize));
        let bound = CACHE_BYTES_MAX.min(disk_bytes / CACHE_DISK_SHARE);
        self.shrink_cache(bound)
    }

    /// As [`Store::tidy_cache`], to another bound.
    pub(crate) fn shrink_cache(&self, bound: u64) -> Result<Collected, StoreError> {
        let _room = make_room(&self.layout);
        let was_full = self.was_full.swap(false, Ordering::Relaxed);
        self.database.write(Durability::Process, |transaction| {
            let layers = unshipped(transaction)?;
            let kept: u64 = layers.iter().map(|layer| layer.bytes).sum();
            let bound = if was_full { bound.min(kept / 2) } else { bound };
            let mut bytes = 0;
            for layer in layers {
                bytes += layer.bytes;
                if bytes > bound {
                    transaction.execute("DELETE FROM cache WHERE diff_id = ?1", [layer.diff_id])?;
                }
            }
            transaction.execute(
                "DELETE FROM cache WHERE key IN
                 (SELECT key FROM cache ORDER BY used_ms DESC LIMIT -1 OFFSET ?1)",
                [CACHE_STEPS_MAX as i64],
            )?;
            Ok(())
        })?;
        self.collect_unreachable()
    }

    /// Remembers that the disk was full, for the next [`Store::tidy_cache`].
    pub(crate) fn note_full<T>(&self, result: Result<T, StoreError>) -> Result<T, StoreError> {
        if result.as_ref().is_err_and(StoreError::is_full) {
            self.was_full.store(true, Ordering::Relaxed);
        }
        result
    }
}

/// A layer that cached steps alone keep.
struct Unshipped {
    diff_id: String,
    /// What it takes on the disk: it is kept twice.
    bytes: u64,
}

/// All of them, the one that was used last first.
fn unshipped(transaction: &Transaction<'_>) -> Result<Vec<Unshipped>, StoreError> {
    let mut statement = transaction.prepare_cached(
        "SELECT layers.diff_id, layers.size_bytes FROM layers
         JOIN cache ON cache.diff_id = layers.diff_id
         WHERE layers.diff_id NOT IN (SELECT diff_id FROM image_layers)
         GROUP BY layers.diff_id ORDER BY max(cache.used_ms) DESC, layers.snapshot DESC",
    )?;
    let rows = statement.query_map([], |row| {
        Ok(Unshipped {
            diff_id: row.get(0)?,
            bytes: 2 * row.get::<_, i64>(1)? as u64,
        })
    })?;
    Ok(rows.collect::<Result<_, _>>()?)
}

#[cfg(test)]
mod tests {
    use std::io::Read as _;

    use super::*;
    use crate::layers::LayerRecord;

    /// A layer of one file, and the step that made it, last used at a time.
    fn step(store: &Store, name: &str, used_ms: i64) -> (Digest, LayerRecord) {
        let mut tar = tar::Builder::new(Vec::new());
        let mut header = tar::Header::new_ustar();
        header.set_size(1 << 20);
        header.set_mode(0o644);
        tar.append_data(&mut header, name, std::io::repeat(7).take(1 << 20))
            .unwrap();
        let tar = tar.into_inner().unwrap();
        let layer = store.import_layer(&mut &tar[..], None).unwrap();
        let key = Digest::of(name.as_bytes());
        let entry = CacheEntry {
            diff_id: Some(layer.diff_id),
        };
        store.cache_put(&key, &entry).unwrap();
        store
            .database
            .write(Durability::Process, |transaction| {
                Ok(transaction.execute(
                    "UPDATE cache SET used_ms = ?2 WHERE key = ?1",
                    params![key.to_string(), used_ms],
                )?)
            })
            .unwrap();
        (key, layer)
    }

    fn kept(store: &Store, steps: &[(Digest, LayerRecord)]) -> Vec<bool> {
        let kept = steps.iter().map(|(_, layer)| {
            let is_kept = store.layer(&layer.diff_id).unwrap().is_some();
            assert_eq!(store.layout.snapshot(layer.snapshot).exists(), is_kept);
            assert_eq!(store.layout.blob(layer.diff_id.digest()).exists(), is_kept);
            is_kept
        });
        kept.collect()
    }

    /// Layers of failed builds and of stages that were not shipped stayed for ever, and nothing could free them.
    #[test]
    fn what_was_not_used_for_the_longest_time_goes_first_and_images_keep_theirs() {
        if !rustix::process::geteuid().is_root() {
            eprintln!("SKIP what_was_not_used_for_the_longest_time_goes_first: needs root");
            return;
        }
        let folder = tempfile::TempDir::new().unwrap();
        let store = Store::open(folder.path()).unwrap();
        let steps = [("a", 1), ("b", 2), ("c", 3), ("d", 4)]
            .map(|(name, used_ms)| step(&store, name, used_ms));
        // The oldest of all is an image's: its layer costs the cache nothing.
        store
            .create_image(&Default::default(), &[steps[0].1.diff_id])
            .unwrap();
        // One that is found is used.
        store.cache_get(&steps[1].0).unwrap().unwrap();
        let bytes = 2 * steps[0].1.size_bytes;
        assert_eq!(store.shrink_cache(3 * bytes).unwrap(), Collected::default());
        let collected = store.shrink_cache(2 * bytes).unwrap();
        assert_eq!((collected.layers, collected.bytes), (1, bytes));
        assert_eq!(kept(&store, &steps), [true, true, false, true]);
        assert_eq!(store.cache_get(&steps[2].0).unwrap(), None);

        // A disk that was full gets half of it back, once.
        let full = StoreError::Full {
            action: "write",
            path: "layer".into(),
        };
        store.note_full::<()>(Err(full)).unwrap_err();
        assert_eq!(store.tidy_cache().unwrap().layers, 1);
        assert_eq!(kept(&store, &steps), [true, true, false, false]);
        assert_eq!(store.tidy_cache().unwrap().layers, 0);
    }
}
