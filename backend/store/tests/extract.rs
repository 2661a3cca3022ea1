//! Unpacking layers: everything that a tar can say arrives, and nothing that it says leads out.

#![allow(clippy::unwrap_used, reason = "a test's panic is its report")]

mod common;

use std::fs;
use std::os::unix::fs::MetadataExt;

use common::{Tar, describe, import, is_root, new_store, snapshot};
use estiva_store::{ExtractError, Store, StoreError};
use tar::EntryType;
use tempfile::TempDir;

/// Tries to import a tar that must not be taken; answers why it wasn't. Nothing of it may stay.
fn refused(tar: Tar) -> StoreError {
    let (folder, store) = new_store();
    let error = store.import_layer(&mut &tar.bytes()[..], None).unwrap_err();
    assert_nothing_left(&folder, &store);
    error
}

fn assert_nothing_left(folder: &TempDir, store: &Store) {
    store.gc(estiva_store::KeepCache::No).unwrap();
    for each in ["ingest", "snapshots", "blobs/sha256"] {
        let left = fs::read_dir(folder.path().join(each)).unwrap().count();
        assert_eq!(left, 0, "{each}");
    }
}

#[test]
fn unpacks_every_kind_of_entry_with_its_metadata() {
    if !is_root("unpacks_every_kind_of_entry_with_its_metadata") {
        return;
    }
    let (_folder, store) = new_store();
    let long = format!("deep/{}", "x".repeat(200));
    let tar = Tar::new()
        .folder("bin/", 0o755)
        .raw(EntryType::Regular, "bin/su", "", 0o4755, b"program")
        .hard_link("bin/su2", "bin/su")
        .symlink("sbin", "bin")
        .raw(EntryType::Fifo, "pipe", "", 0o600, b"")
        .folder("tmp/", 0o1777)
        .pax(&[
            ("path", long.as_bytes()),
            ("SCHILY.xattr.user.note", b"kept"),
            ("SCHILY.xattr.trusted.overlay.redirect", b"/etc"),
        ])
        .file("short", b"content");
    let record = import(&store, tar);
    let root = snapshot(&store, &record);
    let su = fs::metadata(root.join("bin/su")).unwrap();
    assert_eq!((su.mode() & 0o7777, su.uid(), su.gid()), (0o4755, 7, 8));
    assert_eq!((su.mtime(), su.nlink()), (1_000_000_000, 2));
    assert_eq!(su.ino(), fs::metadata(root.join("bin/su2")).unwrap().ino());
    assert_eq!(
        fs::read_link(root.join("sbin")).unwrap().to_str(),
        Some("bin")
    );
    let lines = describe(&root);
    let line = |start: &str| lines.iter().find(|line| line.starts_with(start)).unwrap();
    assert!(line("pipe: fifo 600 7:8 1000000000.0").ends_with("[]"));
    assert!(line("tmp: folder 1777 7:8 1000000000.0").ends_with("[]"));
    // overlayfs's own attributes would let a layer name any folder of the stack: they are never taken.
    assert!(line(&long).ends_with("[\"user.note=kept\"]"), "{lines:?}");
}

#[test]
fn folder_times_are_those_of_the_tar_although_entries_follow() {
    if !is_root("folder_times_are_those_of_the_tar_although_entries_follow") {
        return;
    }
    let (_folder, store) = new_store();
    let record = import(
        &store,
        Tar::new()
            .folder("a/", 0o700)
            .file("a/b", b"1")
            .file("implied/c", b"2"),
    );
    let root = snapshot(&store, &record);
    assert_eq!(fs::metadata(root.join("a")).unwrap().mtime(), 1_000_000_000);
    let implied = fs::metadata(root.join("implied")).unwrap();
    assert_eq!((implied.mtime(), implied.mode() & 0o7777), (0, 0o755));
}

#[test]
fn whiteouts_become_devices_and_opaque_marks_attributes() {
    if !is_root("whiteouts_become_devices_and_opaque_marks_attributes") {
        return;
    }
    let (_folder, store) = new_store();
    let tar = Tar::new()
        .file("a/.wh.gone", b"")
        .folder("b/", 0o755)
        .file("b/.wh..wh..opq", b"")
        .file("b/new", b"1")
        // A folder that comes after its own whiteout hides what was there.
        .file(".wh.c", b"")
        .folder("c/", 0o755)
        // One that was there before keeps its entries, and hides what lies below.
        .folder("d/", 0o755)
        .file("d/own", b"2")
        .file(".wh.d", b"")
        // Nothing of an image.
        .file(".wh..wh.plnk", b"");
    let record = import(&store, tar);
    let lines = describe(&snapshot(&store, &record));
    let has = |start: &str, end: &str| {
        assert!(
            lines
                .iter()
                .any(|line| line.starts_with(start) && line.ends_with(end)),
            "{start} {end}: {lines:#?}"
        );
    };
    has("a/gone: device 0:0", "[]");
    has("b: folder", "[\"trusted.overlay.opaque=y\"]");
    has("c: folder", "[\"trusted.overlay.opaque=y\"]");
    has("d: folder", "[\"trusted.overlay.opaque=y\"]");
    has("d/own: file", "[]");
    assert!(
        !lines.iter().any(|line| line.contains(".wh.")),
        "{lines:#?}"
    );
}

#[test]
fn later_entries_replace_earlier_ones() {
    if !is_root("later_entries_replace_earlier_ones") {
        return;
    }
    let (_folder, store) = new_store();
    let tar = Tar::new()
        .folder("a/", 0o755)
        .file("a/in", b"1")
        .file("a", b"now a file")
        .file("b", b"1")
        .folder("b/", 0o700)
        .folder("c/", 0o755)
        .file("c/stays", b"1")
        .folder("c/", 0o711);
    let root = snapshot(&store, &import(&store, tar));
    assert_eq!(fs::read(root.join("a")).unwrap(), b"now a file");
    assert!(root.join("b").is_dir());
    assert!(root.join("c/stays").is_file());
    assert_eq!(fs::metadata(root.join("c")).unwrap().mode() & 0o7777, 0o711);
}

#[test]
fn links_above_an_entry_are_resolved_within_the_layer() {
    if !is_root("links_above_an_entry_are_resolved_within_the_layer") {
        return;
    }
    let outside = TempDir::new().unwrap();
    let (_folder, store) = new_store();
    let away = outside.path().to_str().unwrap();
    let tar = Tar::new()
        .folder("usr/", 0o755)
        .folder("usr/lib/", 0o755)
        .symlink("lib", "usr/lib")
        .file("lib/a", b"1")
        // In a container, this leads to the root's /usr.
        .symlink("up", "../../../../usr")
        .file("up/b", b"2")
        .folder(&away[1..], 0o755)
        .symlink("away", away)
        .file("away/c", b"3");
    let root = snapshot(&store, &import(&store, tar));
    assert_eq!(fs::read(root.join("usr/lib/a")).unwrap(), b"1");
    assert_eq!(fs::read(root.join("usr/b")).unwrap(), b"2");
    assert_eq!(fs::read(root.join(&away[1..]).join("c")).unwrap(), b"3");
    assert_eq!(fs::read_dir(outside.path()).unwrap().count(), 0);
}

#[test]
fn refuses_a_link_out_of_the_root_as_a_way_to_write() {
    if !is_root("refuses_a_link_out_of_the_root_as_a_way_to_write") {
        return;
    }
    let outside = TempDir::new().unwrap();
    let away = outside.path().to_str().unwrap();
    let error = refused(Tar::new().symlink("away", away).file("away/c", b"3"));
    assert!(
        matches!(error, StoreError::Extract(ExtractError::NotAFolder { .. })),
        "{error}"
    );
    assert_eq!(fs::read_dir(outside.path()).unwrap().count(), 0);
}

#[test]
fn refuses_names_and_links_that_climb() {
    if !is_root("refuses_names_and_links_that_climb") {
        return;
    }
    let climbing = [
        Tar::new().file("../a", b""),
        Tar::new().file("a/../../b", b""),
        Tar::new().file("a", b"").hard_link("b", "../a"),
        Tar::new().file("a/../.wh.b", b""),
    ];
    for tar in climbing {
        let error = refused(tar);
        assert!(
            matches!(error, StoreError::Extract(ExtractError::Climbs { .. })),
            "{error}"
        );
    }
}

#[test]
fn refuses_hard_links_to_what_the_layer_has_not() {
    if !is_root("refuses_hard_links_to_what_the_layer_has_not") {
        return;
    }
    let passwd = refused(Tar::new().hard_link("a", "/etc/passwd"));
    assert!(
        matches!(
            passwd,
            StoreError::Extract(ExtractError::MissingTarget { .. })
        ),
        "{passwd}"
    );
    let folder = refused(Tar::new().folder("a/", 0o755).hard_link("b", "a"));
    assert!(
        matches!(
            folder,
            StoreError::Extract(ExtractError::MissingTarget { .. })
        ),
        "{folder}"
    );
    let link = refused(Tar::new().symlink("a", "/etc").hard_link("b", "a/passwd"));
    assert!(
        matches!(
            link,
            StoreError::Extract(ExtractError::MissingTarget { .. })
        ),
        "{link}"
    );
}

#[test]
fn refuses_devices_that_stand_for_whiteouts_and_unknown_types() {
    if !is_root("refuses_devices_that_stand_for_whiteouts_and_unknown_types") {
        return;
    }
    let device = refused(Tar::new().raw(EntryType::Char, "null", "", 0o666, b""));
    assert!(
        matches!(
            device,
            StoreError::Extract(ExtractError::WhiteoutDevice { .. })
        ),
        "{device}"
    );
    let unknown = refused(Tar::new().raw(EntryType::new(b'V'), "a", "", 0o666, b""));
    assert!(
        matches!(
            unknown,
            StoreError::Extract(ExtractError::UnknownType { .. })
        ),
        "{unknown}"
    );
}

#[test]
fn refuses_headers_and_records_that_claim_more_than_there_is() {
    if !is_root("refuses_headers_and_records_that_claim_more_than_there_is") {
        return;
    }
    // 8 EiB of content.
    let mut bytes = Tar::new().file("a", b"").bytes();
    bytes[124..136].copy_from_slice(&[
        0x80, 0, 0, 0, 0x7f, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
    ]);
    set_checksum(&mut bytes);
    // A PAX header of 1 GB.
    let mut pax = Tar::new()
        .raw(EntryType::XHeader, "p", "", 0o644, b"")
        .bytes();
    pax[124..136].copy_from_slice(b"10000000000\0");
    set_checksum(&mut pax);
    // A file that is cut off.
    let mut cut = Tar::new().file("a", &[1; 5000]).bytes();
    cut.truncate(1500);
    for bytes in [bytes, pax, cut] {
        let (folder, store) = new_store();
        let error = store.import_layer(&mut &bytes[..], None).unwrap_err();
        assert!(
            matches!(error, StoreError::Extract(ExtractError::Tar(_))),
            "{error}"
        );
        assert_nothing_left(&folder, &store);
    }
}

fn set_checksum(bytes: &mut [u8]) {
    bytes[148..156].fill(b' ');
    let sum: u32 = bytes[..512].iter().map(|byte| u32::from(*byte)).sum();
    bytes[148..156].copy_from_slice(format!("{sum:06o}\0 ").as_bytes());
}

#[test]
fn refuses_a_layer_that_is_not_its_diff_id_before_it_unpacks_anything() {
    if !is_root("refuses_a_layer_that_is_not_its_diff_id_before_it_unpacks_anything") {
        return;
    }
    let (folder, store) = new_store();
    let other = estiva_shared::image::DiffId::new(estiva_shared::image::Digest::of(b"other"));
    let tar = Tar::new().file("a", b"").bytes();
    let error = store.import_layer(&mut &tar[..], Some(&other)).unwrap_err();
    assert!(
        matches!(error, StoreError::DigestMismatch { .. }),
        "{error}"
    );
    assert_nothing_left(&folder, &store);
}

#[test]
fn an_opaque_root_hides_every_layer_below() {
    if !is_root("an_opaque_root_hides_every_layer_below") {
        return;
    }
    let (_folder, store) = new_store();
    let below = import(&store, Tar::new().file("a", b"1"));
    let above = import(&store, Tar::new().file(".wh..wh..opq", b"").file("b", b"2"));
    let lowers = store.lowers(&[below.diff_id, above.diff_id]).unwrap();
    assert_eq!(lowers.names, [format!("{}/fs", above.snapshot)]);
}

#[test]
fn a_snapshot_that_is_gone_is_made_again_from_its_blob() {
    if !is_root("a_snapshot_that_is_gone_is_made_again_from_its_blob") {
        return;
    }
    let (_folder, store) = new_store();
    let record = import(&store, Tar::new().folder("a/", 0o750).file("a/b", b"1"));
    let root = snapshot(&store, &record);
    let before = describe(&root);
    fs::remove_dir_all(root.parent().unwrap()).unwrap();
    assert_eq!(describe(&snapshot(&store, &record)), before);
}

#[test]
fn nothing_that_a_tar_says_is_written_outside() {
    if !is_root("nothing_that_a_tar_says_is_written_outside") {
        return;
    }
    let outside = TempDir::new().unwrap();
    fs::write(outside.path().join("canary"), b"alive").unwrap();
    let before = describe(outside.path());
    let away = outside.path().to_str().unwrap().to_owned();
    let deep = format!("../../../../../../..{away}");
    let names = [
        "a",
        "b",
        "a/b",
        "a/b/canary",
        "b/canary",
        "a/canary",
        "a/.wh.canary",
        "b/.wh..wh..opq",
    ];
    let targets = [
        "a",
        "b",
        "..",
        "/",
        &away,
        &deep,
        "b/..",
        "/proc/self/root",
        "canary",
    ];
    // A sequence that is the same in every run (xorshift).
    let mut state = 0x9e37_79b9_7f4a_7c15_u64;
    let mut below = |limit: usize| {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        (state % limit as u64) as usize
    };
    let (_folder, store) = new_store();
    let mut taken = 0;
    for _ in 0..150 {
        let mut tar = Tar::new();
        for _ in 0..=below(8) {
            let (name, target) = (names[below(names.len())], targets[below(targets.len())]);
            tar = match below(5) {
                0 => tar.file(name, b"dead"),
                1 => tar.folder(name, 0o777),
                2 => tar.hard_link(name, target),
                _ => tar.symlink(name, target),
            };
        }
        taken += usize::from(store.import_layer(&mut &tar.bytes()[..], None).is_ok());
    }
    assert!(taken > 20, "{taken}");
    assert_eq!(describe(outside.path()), before);
}
