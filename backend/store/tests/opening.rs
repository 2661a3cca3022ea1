//! Opening a store: what of another program or a newer one is refused, and what a kill or a loss of power left.

#![allow(clippy::unwrap_used, reason = "a test's panic is its report")]
#![allow(clippy::print_stderr, reason = "a skipped test says so")]

mod common;

use std::fs;
use std::path::Path;

use common::{Tar, import, is_root, new_store, small_image};
use estiva_shared::image::{Digest, Reference};
use estiva_store::{CacheEntry, SCHEMA_VERSION, Store, StoreError};

fn name(text: &str) -> Reference {
    text.parse().unwrap()
}

/// Every file of a store with its bytes.
fn everything(folder: &Path) -> Vec<(String, Vec<u8>)> {
    let mut files: Vec<_> = fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.is_file())
        .map(|path| (path.display().to_string(), fs::read(&path).unwrap()))
        .collect();
    files.sort();
    files
}

#[test]
fn a_newer_schema_is_refused_and_nothing_is_touched() {
    if !is_root("a_newer_schema_is_refused_and_nothing_is_touched") {
        return;
    }
    let (folder, store) = new_store();
    store
        .tag(&name("app"), &small_image(&store, "1").id)
        .unwrap();
    drop(store);
    let database = folder.path().join("store.db");
    let connection = rusqlite::Connection::open(&database).unwrap();
    connection
        .pragma_update(None, "user_version", SCHEMA_VERSION + 1)
        .unwrap();
    drop(connection);
    fs::write(folder.path().join("ingest/left"), b"half").unwrap();
    let before = everything(folder.path());
    let error = Store::open(folder.path()).unwrap_err();
    assert!(matches!(error, StoreError::NewerSchema { found, .. } if found == SCHEMA_VERSION + 1));
    assert!(
        error.to_string().contains("a newer estiva wrote it"),
        "{error}"
    );
    assert_eq!(everything(folder.path()), before);
    assert!(folder.path().join("ingest/left").exists());
}

#[test]
fn a_newer_schema_is_noticed_in_the_write_ahead_log_too() {
    if !is_root("a_newer_schema_is_noticed_in_the_write_ahead_log_too") {
        return;
    }
    let (folder, store) = new_store();
    drop(store);
    let database = folder.path().join("store.db");
    let connection = rusqlite::Connection::open(&database).unwrap();
    connection
        .pragma_update(None, "journal_mode", "WAL")
        .unwrap();
    connection
        .set_db_config(
            rusqlite::config::DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE,
            true,
        )
        .unwrap();
    connection
        .pragma_update(None, "user_version", SCHEMA_VERSION + 1)
        .unwrap();
    drop(connection);
    let before = (
        fs::read(&database).unwrap(),
        fs::read(folder.path().join("store.db-wal")).unwrap(),
    );
    assert!(!before.1.is_empty());
    assert!(matches!(
        Store::open(folder.path()),
        Err(StoreError::NewerSchema { .. })
    ));
    let after = (
        fs::read(&database).unwrap(),
        fs::read(folder.path().join("store.db-wal")).unwrap(),
    );
    assert_eq!(after, before);
}

#[test]
fn another_programs_database_is_refused() {
    if !is_root("another_programs_database_is_refused") {
        return;
    }
    // Most programs mark their databases with nothing.
    for mark in ["PRAGMA application_id = 7;", ""] {
        let folder = tempfile::TempDir::new().unwrap();
        let connection = rusqlite::Connection::open(folder.path().join("store.db")).unwrap();
        connection
            .execute_batch(&format!("{mark} CREATE TABLE theirs (a);"))
            .unwrap();
        drop(connection);
        let before = everything(folder.path());
        assert!(matches!(
            Store::open(folder.path()),
            Err(StoreError::NotAStore { .. })
        ));
        assert!(!Store::is_at(folder.path()));
        assert_eq!(everything(folder.path()), before);
    }
}

#[test]
fn after_a_loss_of_power_what_was_named_is_there_and_what_was_not_flushed_is_forgotten() {
    if !is_root(
        "after_a_loss_of_power_what_was_named_is_there_and_what_was_not_flushed_is_forgotten",
    ) {
        return;
    }
    let (folder, store) = new_store();
    let kept = small_image(&store, "kept");
    store.tag(&name("kept"), &kept.id).unwrap();
    let cached = import(&store, Tar::new().file("cached", b"1"));
    let key = Digest::of(b"key");
    store
        .cache_put(
            &key,
            &CacheEntry {
                diff_id: Some(cached.diff_id),
            },
        )
        .unwrap();
    let unnamed = small_image(&store, "unnamed");
    drop(store);
    // The next start of the host: another boot id.
    let connection = rusqlite::Connection::open(folder.path().join("store.db")).unwrap();
    connection
        .execute(
            "UPDATE meta SET value = 'another' WHERE key = 'boot_id'",
            [],
        )
        .unwrap();
    drop(connection);
    let store = Store::open(folder.path()).unwrap();
    assert_eq!(store.resolve("kept").unwrap().id, kept.id);
    assert_eq!(store.image(&unnamed.id).unwrap(), None);
    assert_eq!(store.cache_get(&key).unwrap(), None);
    assert!(!store.has_blob(cached.diff_id.digest()).unwrap());
    assert_eq!(
        fs::read_dir(folder.path().join("snapshots"))
            .unwrap()
            .count(),
        1
    );
    assert_eq!(
        fs::read_dir(folder.path().join("blobs/sha256"))
            .unwrap()
            .count(),
        3
    );
}

#[test]
fn an_opening_removes_what_a_killed_process_left_half_made() {
    if !is_root("an_opening_removes_what_a_killed_process_left_half_made") {
        return;
    }
    let (folder, store) = new_store();
    let image = small_image(&store, "1");
    let _never_committed = store.prepare(&image.diff_ids).unwrap();
    drop(store);
    fs::write(folder.path().join("ingest/9"), b"half").unwrap();
    fs::write(
        folder.path().join("blobs/sha256").join("0".repeat(64)),
        b"no row",
    )
    .unwrap();
    let store = Store::open(folder.path()).unwrap();
    assert_eq!(
        fs::read_dir(folder.path().join("ingest")).unwrap().count(),
        0
    );
    assert_eq!(
        fs::read_dir(folder.path().join("snapshots"))
            .unwrap()
            .count(),
        1
    );
    assert_eq!(
        fs::read_dir(folder.path().join("blobs/sha256"))
            .unwrap()
            .count(),
        3
    );
    // Numbers go on above those that are taken.
    let prepared = store.prepare(&image.diff_ids).unwrap();
    store.discard(prepared).unwrap();
}

/// A folder that nobody can remove anything from, root neither: what a file that a dying process still writes is for
/// a moment. It is as others again when this ends.
struct Immutable(fs::File);

impl Immutable {
    /// None where the filesystem doesn't know the flag.
    fn new(folder: &Path) -> Option<Self> {
        let opened = fs::File::open(folder).unwrap();
        rustix::fs::ioctl_setflags(&opened, rustix::fs::IFlags::IMMUTABLE).ok()?;
        Some(Self(opened))
    }
}

impl Drop for Immutable {
    fn drop(&mut self) {
        rustix::fs::ioctl_setflags(&self.0, rustix::fs::IFlags::empty()).unwrap();
    }
}

/// After a `kill -9` amid a step, its processes still wrote into the folder that the next opening removed, and the server
/// did not start: "Directory not empty".
#[test]
fn what_an_opening_cannot_remove_is_set_aside_told_and_removed_later() {
    if !is_root("what_an_opening_cannot_remove_is_set_aside_told_and_removed_later") {
        return;
    }
    let (folder, store) = new_store();
    let image = small_image(&store, "1");
    drop(store);
    for left in ["snapshots/7/fs/stuck", "ingest/12/stuck"] {
        fs::create_dir_all(folder.path().join(left)).unwrap();
        fs::write(folder.path().join(left).join("file"), b"1").unwrap();
    }
    let stuck = [
        Immutable::new(&folder.path().join("snapshots/7/fs/stuck")),
        Immutable::new(&folder.path().join("ingest/12/stuck")),
    ];
    if stuck.iter().any(Option::is_none) {
        eprintln!(
            "SKIP what_an_opening_cannot_remove_is_set_aside_told_and_removed_later: needs ext4"
        );
        return;
    }
    let count = |name: &str| fs::read_dir(folder.path().join(name)).unwrap().count();
    let store = Store::open(folder.path()).unwrap();
    assert_eq!(count("snapshots"), 1);
    let told = store.leftovers();
    assert_eq!(told.len(), 2, "{told:?}");
    assert!(
        told.iter().all(|line| line.contains("not permitted")),
        "{told:?}"
    );
    // Work goes on, and meets nothing that is left.
    for _ in 0..20 {
        let prepared = store.prepare(&image.diff_ids).unwrap();
        store.discard(prepared).unwrap();
    }
    drop(stuck);
    store.gc(estiva_store::KeepCache::Yes).unwrap();
    assert_eq!(store.leftovers(), [""; 0]);
    assert_eq!(count("ingest"), 0);
}

/// A loss of power brought back rows of what a collection had removed, marked as flushed: a load took its layers for being there,
/// and what was loaded could not be run.
#[test]
fn a_layer_whose_files_are_gone_is_forgotten_and_made_again() {
    if !is_root("a_layer_whose_files_are_gone_is_forgotten_and_made_again") {
        return;
    }
    let (folder, store) = new_store();
    let tar = Tar::new().file("content", b"1").bytes();
    let read = |store: &Store| {
        let record = store.import_layer(&mut &tar[..], None).unwrap();
        let again = store.import_layer(&mut &tar[..], Some(&record.diff_id));
        assert_eq!(again.unwrap(), record);
        store.open_blob(record.diff_id.digest()).unwrap();
        assert!(common::snapshot(store, &record).join("content").exists());
        record
    };
    let record = read(&store);
    store.sync().unwrap();
    let files = [
        folder
            .path()
            .join("blobs/sha256")
            .join(record.diff_id.hex()),
        folder.path().join(format!("snapshots/{}", record.snapshot)),
    ];
    // While the store is open, for each of the two.
    for file in &files {
        estiva_store::remove_all(file).unwrap();
        read(&store);
    }
    let key = Digest::of(b"key");
    let entry = CacheEntry {
        diff_id: Some(record.diff_id),
    };
    store.cache_put(&key, &entry).unwrap();
    drop(store);
    for file in &files {
        estiva_store::remove_all(file).unwrap();
    }
    let store = Store::open(folder.path()).unwrap();
    assert_eq!(store.layer(&record.diff_id).unwrap(), None);
    assert_eq!(store.cache_get(&key).unwrap(), None);
    read(&store);
}

/// The files of an image may be lost too, by hand: its name stays, and loading it again mends it.
#[test]
fn an_image_whose_layer_is_gone_keeps_its_name_and_is_mended_by_a_load() {
    if !is_root("an_image_whose_layer_is_gone_keeps_its_name_and_is_mended_by_a_load") {
        return;
    }
    let (folder, store) = new_store();
    let image = small_image(&store, "1");
    store.tag(&name("app"), &image.id).unwrap();
    let mut archive = Vec::new();
    store
        .save(&[store.resolve("app").unwrap()], &mut archive)
        .unwrap();
    let layer = image.diff_ids[0];
    let snapshot = store.layer(&layer).unwrap().unwrap().snapshot;
    drop(store);
    fs::remove_file(folder.path().join("blobs/sha256").join(layer.hex())).unwrap();
    estiva_store::remove_all(&folder.path().join(format!("snapshots/{snapshot}"))).unwrap();
    let store = Store::open(folder.path()).unwrap();
    assert_eq!(store.resolve("app").unwrap().id, image.id);
    assert!(store.lowers(&image.diff_ids).is_err());
    store.load_stream(&mut &archive[..]).unwrap();
    let lowers = store.lowers(&image.diff_ids).unwrap();
    assert!(lowers.base.join(&lowers.names[0]).join("content").exists());
}
