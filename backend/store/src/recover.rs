//! What an opening does about what an earlier process, or a loss of power, left.
//!
//! After a kill, the page cache still holds all that was written: only what has no row is removed. After the host started
//! anew, what was never flushed may be there in name and not in content: it is forgotten, and no image with a name is
//! among it, because a naming flushes first.

use std::collections::HashSet;
use std::fs;
use std::path::{Path, PathBuf};

use rusqlite::{Connection, OptionalExtension, Transaction, params};

use crate::database::{Database, Durability};
use crate::error::{IoFault, StoreError};
use crate::layout::Layout;
use crate::rubbish::Rubbish;

/// Tells one start of the host from another (random(4)).
const BOOT_ID: &str = "/proc/sys/kernel/random/boot_id";

/// The tables whose rows say whether their content was flushed, with their keys.
const FLUSHED_TABLES: [(&str, &str); 3] =
    [("blobs", "digest"), ("layers", "diff_id"), ("images", "id")];

/// What an opening found out.
pub(crate) struct Recovered {
    /// A number above every snapshot's, and above that of every file in `ingest`.
    pub(crate) next: u64,
    /// What could not be removed.
    pub(crate) rubbish: Rubbish,
}

/// Brings folders and rows to agree. What nothing refers to and can't be removed now is in nobody's way: the processes
/// of a killed build may be writing into its folder still. No opening fails for it.
pub(crate) fn recover(layout: &Layout, database: &Database) -> Result<Recovered, StoreError> {
    forget_unflushed(database, &boot_id())?;
    forget_lost(layout, database)?;
    let (blobs, snapshots) = database.read(|connection| {
        let blobs = column(connection, "SELECT substr(digest, 8) FROM blobs")?;
        let snapshots = column(connection, "SELECT CAST(snapshot AS TEXT) FROM layers")?;
        Ok((blobs, snapshots))
    })?;
    let left = entries(&layout.ingest())?;
    let unknown_snapshots = unknown(&layout.snapshots(), &snapshots)?;
    let names = snapshots.iter().map(String::as_str);
    let names = names.chain(
        left.iter()
            .chain(&unknown_snapshots)
            .filter_map(|path| name_of(path)),
    );
    let highest = names.filter_map(|name| name.parse().ok()).max();
    let mut next = highest.unwrap_or(0_u64).saturating_add(1);
    let rubbish = Rubbish::default();
    for path in &left {
        rubbish.remove(path);
    }
    for path in unknown_snapshots {
        // By way of `ingest`, so that the folder of snapshots has what rows speak of, and nothing else.
        let trash = layout.ingest().join(next.to_string());
        next = next.saturating_add(1);
        let moved = fs::rename(&path, &trash).is_ok();
        rubbish.remove(if moved { &trash } else { &path });
    }
    for path in unknown(&layout.blobs(), &blobs)? {
        rubbish.remove(&path);
    }
    Ok(Recovered { next, rubbish })
}

/// The rows whose content was not flushed yet: table by table, their keys.
pub(crate) type Unsynced = [Vec<String>; FLUSHED_TABLES.len()];

/// Reads them.
pub(crate) fn unsynced(database: &Database) -> Result<Unsynced, StoreError> {
    database.read(|connection| {
        let mut fresh = Unsynced::default();
        for ((table, key), keys) in FLUSHED_TABLES.iter().zip(&mut fresh) {
            let rows = format!("SELECT {key} FROM {table} WHERE synced = 0");
            *keys = column(connection, &rows)?.into_iter().collect();
        }
        Ok(fresh)
    })
}

/// Marks them as flushed; rows that are gone since don't matter.
pub(crate) fn mark_synced(
    transaction: &Transaction<'_>,
    fresh: &Unsynced,
) -> Result<(), StoreError> {
    for ((table, key), keys) in FLUSHED_TABLES.iter().zip(fresh) {
        let mut update = transaction
            .prepare_cached(&format!("UPDATE {table} SET synced = 1 WHERE {key} = ?1"))?;
        for each in keys {
            update.execute([each])?;
        }
    }
    Ok(())
}

fn boot_id() -> String {
    fs::read_to_string(BOOT_ID).map_or_else(|_| "unknown".to_owned(), |id| id.trim().to_owned())
}

/// Forgets what was not flushed, where the host started anew since the store was last open.
fn forget_unflushed(database: &Database, boot_id: &str) -> Result<(), StoreError> {
    database.write(Durability::Power, |transaction| {
        let last: Option<String> = transaction
            .query_row("SELECT value FROM meta WHERE key = 'boot_id'", [], |row| {
                row.get(0)
            })
            .optional()?;
        if last.as_deref() == Some(boot_id) {
            return Ok(());
        }
        transaction.execute_batch(
            "DELETE FROM cache WHERE diff_id IN (SELECT diff_id FROM layers WHERE synced = 0);
             DELETE FROM names WHERE image IN (SELECT id FROM images WHERE synced = 0);
             DELETE FROM images WHERE synced = 0;
             DELETE FROM layers WHERE synced = 0;
             DELETE FROM blobs WHERE synced = 0;",
        )?;
        transaction.execute(
            "INSERT OR REPLACE INTO meta (key, value) VALUES ('boot_id', ?1)",
            params![boot_id],
        )?;
        Ok(())
    })
}

/// Forgets the layers and other blobs whose files are gone, with their cached steps, so that they are made again when they are
/// wanted. An image's stay: its name is never taken away here, and loading the image again brings the files.
fn forget_lost(layout: &Layout, database: &Database) -> Result<(), StoreError> {
    let there: HashSet<String> = entries(&layout.blobs())?
        .iter()
        .filter_map(|path| name_of(path).map(str::to_owned))
        .collect();
    let known = database.read(|connection| column(connection, "SELECT digest FROM blobs"))?;
    let lost: Vec<String> = known
        .into_iter()
        .filter(|digest| {
            !digest
                .rsplit(':')
                .next()
                .is_some_and(|hex| there.contains(hex))
        })
        .collect();
    if lost.is_empty() {
        return Ok(());
    }
    database.write(Durability::Power, |transaction| {
        for digest in &lost {
            transaction.execute(
                "DELETE FROM layers WHERE diff_id = ?1
                 AND diff_id NOT IN (SELECT diff_id FROM image_layers)",
                [digest],
            )?;
            transaction.execute(
                "DELETE FROM blobs WHERE digest = ?1
                 AND digest NOT IN (SELECT diff_id FROM layers)
                 AND digest NOT IN (SELECT id FROM images)
                 AND digest NOT IN (SELECT manifest FROM images)
                 AND digest NOT IN (SELECT digest FROM shares)",
                [digest],
            )?;
        }
        Ok(())
    })
}

fn column(connection: &Connection, query: &str) -> Result<HashSet<String>, StoreError> {
    let mut statement = connection.prepare(query)?;
    let rows = statement.query_map([], |row| row.get(0))?;
    Ok(rows.collect::<Result<_, _>>()?)
}

/// What is in a folder.
fn entries(folder: &Path) -> Result<Vec<PathBuf>, IoFault> {
    let entries = fs::read_dir(folder).map_err(IoFault::at("read", folder))?;
    entries
        .map(|entry| Ok(entry.map_err(IoFault::at("read", folder))?.path()))
        .collect()
}

/// What no row knows.
fn unknown(folder: &Path, known: &HashSet<String>) -> Result<Vec<PathBuf>, IoFault> {
    let mut found = entries(folder)?;
    found.retain(|path| !name_of(path).is_some_and(|name| known.contains(name)));
    Ok(found)
}

fn name_of(path: &Path) -> Option<&str> {
    path.file_name()?.to_str()
}
