//! Layers made of what a step changed: the tar says exactly that, and unpacked anywhere it gives the same folder.

#![allow(clippy::unwrap_used, reason = "a test's panic is its report")]

mod common;

use std::collections::BTreeMap;
use std::fs;
use std::io::Read;
use std::ops::ControlFlow;
use std::os::fd::{AsRawFd, OwnedFd};
use std::os::unix::fs::{MetadataExt, PermissionsExt, symlink};
use std::path::{Path, PathBuf};

use common::{Tar, describe, import, is_root, mounts_below, new_store, snapshot};
use estiva_shared::image::DiffId;
use estiva_store::{CommitError, LayerRecord, Store, StoreError, Upper};

/// Mounts over the parents, lets `change` work in the merged folder, and commits.
fn step(
    store: &Store,
    parents: &[DiffId],
    hide: &[&str],
    change: impl FnOnce(&Path),
) -> Result<Option<LayerRecord>, StoreError> {
    let prepared = store.prepare(parents).unwrap();
    let lowers = store.lowers(parents).unwrap();
    {
        let upper = Upper {
            upper: &prepared.upper,
            work: &prepared.work,
        };
        let merged: OwnedFd = store.mount_detached(&lowers, Some(upper)).unwrap();
        change(&PathBuf::from(format!(
            "/proc/self/fd/{}/",
            merged.as_raw_fd()
        )));
    }
    let hide: Vec<PathBuf> = hide.iter().map(PathBuf::from).collect();
    store.commit(prepared, parents, &hide, &mut |_| ControlFlow::Continue(()))
}

/// The paths in a layer's tar, in their order, with what they are.
fn listing(store: &Store, layer: &LayerRecord) -> Vec<String> {
    let blob = store.open_blob(layer.diff_id.digest()).unwrap();
    let mut archive = tar::Archive::new(blob);
    let entries = archive.entries().unwrap().map(|entry| {
        let entry = entry.unwrap();
        let path = String::from_utf8_lossy(&entry.path_bytes()).into_owned();
        match entry.link_name_bytes() {
            Some(link) => format!("{path} -> {}", String::from_utf8_lossy(&link)),
            None => path,
        }
    });
    entries.collect()
}

/// A base with some of everything.
fn base(store: &Store) -> LayerRecord {
    let tar = Tar::new()
        .folder("etc/", 0o755)
        .file("etc/passwd", b"root")
        .folder("lib/", 0o755)
        .folder("lib/deep/", 0o755)
        .file("lib/deep/a", b"a")
        .file("lib/deep/b", b"b")
        .symlink("link", "etc")
        .folder("tmp/", 0o1777)
        .file("tool", b"tool");
    import(store, tar)
}

/// What a folder is must be what its tar says, wherever that is unpacked.
fn assert_snapshot_equals_tar(store: &Store, layer: &LayerRecord) {
    let (_folder, other) = new_store();
    let mut blob = store.open_blob(layer.diff_id.digest()).unwrap();
    let copy = other.import_layer(&mut blob, Some(&layer.diff_id)).unwrap();
    assert_eq!(
        describe(&snapshot(store, layer)),
        describe(&snapshot(&other, &copy))
    );
}

#[test]
fn a_step_that_changes_nothing_makes_no_layer() {
    if !is_root("a_step_that_changes_nothing_makes_no_layer") {
        return;
    }
    let (folder, store) = new_store();
    let base = base(&store).diff_id;
    let made = step(&store, &[base], &[], |root| {
        // Copied up, and the same as before.
        let tool = root.join("lib/deep/a");
        let mode = fs::metadata(&tool).unwrap().permissions();
        fs::set_permissions(&tool, mode).unwrap();
        let folder = root.join("lib");
        let mode = fs::metadata(&folder).unwrap().permissions();
        fs::set_permissions(&folder, mode).unwrap();
    });
    assert_eq!(made.unwrap(), None);
    assert_eq!(
        fs::read_dir(folder.path().join("snapshots"))
            .unwrap()
            .count(),
        1
    );
    assert_eq!(mounts_below(folder.path()), 0);
}

#[test]
fn a_layer_says_what_was_added_changed_and_removed_and_no_more() {
    if !is_root("a_layer_says_what_was_added_changed_and_removed_and_no_more") {
        return;
    }
    let (_folder, store) = new_store();
    let base = base(&store).diff_id;
    let layer = step(&store, &[base], &[], |root| {
        fs::write(root.join("etc/new"), b"new").unwrap();
        fs::hard_link(root.join("etc/new"), root.join("etc/second")).unwrap();
        fs::remove_file(root.join("lib/deep/a")).unwrap();
        fs::write(root.join("tool"), b"changed").unwrap();
        symlink("tool", root.join("alias")).unwrap();
        fs::create_dir_all(root.join("opt/app")).unwrap();
        rustix::fs::setxattr(
            root.join("opt/app"),
            "user.note",
            b"1",
            rustix::fs::XattrFlags::empty(),
        )
        .unwrap();
        let socket = std::os::unix::net::UnixListener::bind(root.join("socket")).unwrap();
        drop(socket);
    });
    let layer = layer.unwrap().unwrap();
    let expected = [
        "alias -> tool",
        "etc/",
        "etc/new",
        "etc/second -> etc/new",
        "lib/",
        "lib/deep/",
        "lib/deep/.wh.a",
        "opt/",
        "opt/app/",
        "tool",
    ];
    assert_eq!(listing(&store, &layer), expected);
    assert_snapshot_equals_tar(&store, &layer);
}

#[test]
fn a_folder_made_anew_hides_what_it_was() {
    if !is_root("a_folder_made_anew_hides_what_it_was") {
        return;
    }
    let (_folder, store) = new_store();
    let base = base(&store).diff_id;
    let layer = step(&store, &[base], &[], |root| {
        fs::remove_dir_all(root.join("lib")).unwrap();
        fs::create_dir(root.join("lib")).unwrap();
        fs::write(root.join("lib/only"), b"1").unwrap();
        fs::remove_file(root.join("link")).unwrap();
        fs::create_dir(root.join("link")).unwrap();
        fs::remove_dir_all(root.join("etc")).unwrap();
        fs::write(root.join("etc"), b"a file now").unwrap();
    });
    let layer = layer.unwrap().unwrap();
    let expected = ["etc", "lib/", "lib/.wh..wh..opq", "lib/only", "link/"];
    assert_eq!(listing(&store, &layer), expected);
    assert_snapshot_equals_tar(&store, &layer);
    // And a third step sees exactly that.
    step(&store, &[base, layer.diff_id], &[], |root| {
        assert_eq!(fs::read_dir(root.join("lib")).unwrap().count(), 1);
        assert_eq!(fs::read(root.join("etc")).unwrap(), b"a file now");
    })
    .unwrap();
}

#[test]
fn what_the_callers_mounts_left_is_in_no_layer() {
    if !is_root("what_the_callers_mounts_left_is_in_no_layer") {
        return;
    }
    let (_folder, store) = new_store();
    let base = base(&store).diff_id;
    let hide = [
        "etc/resolv.conf",
        "/etc/hosts",
        "proc",
        "dev",
        "dev/pts",
        "lib/kept",
    ];
    let only_left = step(&store, &[base], &hide, |root| {
        fs::write(root.join("etc/resolv.conf"), b"").unwrap();
        fs::write(root.join("etc/hosts"), b"").unwrap();
        fs::create_dir(root.join("proc")).unwrap();
        fs::create_dir_all(root.join("dev/pts")).unwrap();
    });
    assert_eq!(only_left.unwrap(), None);
    // What the step itself wrote there stays, and so does what was there before.
    let layer = step(&store, &[base], &hide, |root| {
        fs::write(root.join("etc/resolv.conf"), b"").unwrap();
        fs::write(root.join("etc/hosts"), b"127.0.0.1 me").unwrap();
        fs::create_dir_all(root.join("dev/pts")).unwrap();
        fs::write(root.join("dev/mine"), b"").unwrap();
    });
    let layer = layer.unwrap().unwrap();
    assert_eq!(
        listing(&store, &layer),
        ["dev/", "dev/mine", "etc/", "etc/hosts"]
    );
    assert_snapshot_equals_tar(&store, &layer);
}

#[test]
fn names_and_numbers_that_ustar_cannot_say_arrive() {
    if !is_root("names_and_numbers_that_ustar_cannot_say_arrive") {
        return;
    }
    let (_folder, store) = new_store();
    let long = "l".repeat(250);
    let deep: PathBuf = ["d".repeat(90).as_str(); 5].iter().collect();
    let layer = step(&store, &[], &[], |root| {
        fs::write(root.join(&long), b"1").unwrap();
        fs::create_dir_all(root.join(&deep)).unwrap();
        fs::write(root.join(&deep).join("ação"), b"2").unwrap();
        symlink("t".repeat(300), root.join("far")).unwrap();
        std::os::unix::fs::chown(root.join(&long), Some(4_000_000_000), Some(3_000_000)).unwrap();
        let old = std::time::UNIX_EPOCH - std::time::Duration::from_secs(1000);
        fs::File::open(root.join(&long))
            .unwrap()
            .set_modified(old)
            .unwrap();
    });
    let layer = layer.unwrap().unwrap();
    let metadata = fs::metadata(snapshot(&store, &layer).join(&long)).unwrap();
    assert_eq!(
        (metadata.uid(), metadata.gid(), metadata.mtime()),
        (4_000_000_000, 3_000_000, -1000)
    );
    assert_snapshot_equals_tar(&store, &layer);
    assert!(listing(&store, &layer).contains(&format!("far -> {}", "t".repeat(300))));
}

#[test]
fn the_same_change_gives_the_same_bytes() {
    if !is_root("the_same_change_gives_the_same_bytes") {
        return;
    }
    let change = |root: &Path| {
        for number in (0..50).rev() {
            let path = root.join(format!("file{number}"));
            fs::write(&path, format!("{number}")).unwrap();
            let time = std::time::UNIX_EPOCH
                + std::time::Duration::from_millis(1_500_000_000_123 + number);
            fs::File::open(&path).unwrap().set_modified(time).unwrap();
        }
    };
    let ids: Vec<DiffId> = (0..2)
        .map(|_| {
            let (_folder, store) = new_store();
            step(&store, &[], &[], change).unwrap().unwrap().diff_id
        })
        .collect();
    assert_eq!(ids[0], ids[1]);
    // And made twice in one store, it is kept once.
    let (folder, store) = new_store();
    let first = step(&store, &[], &[], change).unwrap();
    let second = step(&store, &[], &[], change).unwrap();
    assert_eq!(first, second);
    assert_eq!(
        fs::read_dir(folder.path().join("snapshots"))
            .unwrap()
            .count(),
        1
    );
}

#[test]
fn the_root_folders_own_mode_is_a_change_and_goes_on() {
    if !is_root("the_root_folders_own_mode_is_a_change_and_goes_on") {
        return;
    }
    let (_folder, store) = new_store();
    let base = base(&store).diff_id;
    let mode = |root: &Path| fs::metadata(root).unwrap().mode() & 0o7777;
    let layer = step(&store, &[base], &[], |root| {
        assert_eq!(mode(root), 0o755);
        fs::set_permissions(root, fs::Permissions::from_mode(0o711)).unwrap();
    });
    let layer = layer.unwrap().unwrap();
    assert_eq!(listing(&store, &layer), ["./"]);
    let next = step(&store, &[base, layer.diff_id], &[], |root| {
        assert_eq!(mode(root), 0o711);
        fs::write(root.join("x"), b"").unwrap();
    });
    assert_eq!(listing(&store, &next.unwrap().unwrap()), ["x"]);
}

#[test]
fn a_file_that_a_tar_would_read_as_a_whiteout_is_refused() {
    if !is_root("a_file_that_a_tar_would_read_as_a_whiteout_is_refused") {
        return;
    }
    let (folder, store) = new_store();
    let error = step(&store, &[], &[], |root| {
        fs::write(root.join(".wh.secret"), b"").unwrap();
    })
    .unwrap_err();
    assert!(
        matches!(error, StoreError::Commit(CommitError::ReservedName { .. })),
        "{error}"
    );
    assert_eq!(
        fs::read_dir(folder.path().join("snapshots"))
            .unwrap()
            .count(),
        0
    );
    assert_eq!(
        fs::read_dir(folder.path().join("ingest")).unwrap().count(),
        0
    );
}

#[test]
fn many_layers_stack_and_the_topmost_wins() {
    if !is_root("many_layers_stack_and_the_topmost_wins") {
        return;
    }
    let (folder, store) = new_store();
    let mut layers = Vec::new();
    for number in 0..120 {
        let text = number.to_string();
        let tar = Tar::new()
            .file("top", text.as_bytes())
            .file(&format!("own{number}"), b"");
        layers.push(import(&store, tar).diff_id);
    }
    let lowers = store.lowers(&layers).unwrap();
    let merged = store.mount_detached(&lowers, None).unwrap();
    let root = PathBuf::from(format!("/proc/self/fd/{}", merged.as_raw_fd()));
    assert_eq!(fs::read(root.join("top")).unwrap(), b"119");
    assert_eq!(fs::read_dir(&root).unwrap().count(), 121);
    assert_eq!(mounts_below(folder.path()), 0);
}

#[test]
fn random_changes_survive_the_way_through_a_tar() {
    if !is_root("random_changes_survive_the_way_through_a_tar") {
        return;
    }
    let (_folder, store) = new_store();
    let mut layers = vec![base(&store).diff_id];
    let mut random = Random(0x2545_f491_4f6c_dd1d);
    for _ in 0..25 {
        let mut after = BTreeMap::new();
        let made = step(&store, &layers, &[], |root| {
            for _ in 0..=random.below(12) {
                change_something(root, &mut random);
            }
            after = contents(root);
        });
        if let Some(layer) = made.unwrap() {
            assert_snapshot_equals_tar(&store, &layer);
            layers.push(layer.diff_id);
        }
        step(&store, &layers, &[], |root| {
            assert_eq!(contents(root), after)
        })
        .unwrap();
    }
    assert!(layers.len() > 15);
}

/// A sequence that is the same in every run (xorshift).
struct Random(u64);

impl Random {
    fn below(&mut self, limit: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % limit
    }
}

fn change_something(root: &Path, random: &mut Random) {
    let name = |random: &mut Random| format!("n{}", random.below(5));
    let mut path = root.to_owned();
    for _ in 0..=random.below(3) {
        path.push(name(random));
    }
    // What can't be done where something else stands, isn't.
    match random.below(8) {
        0 | 1 => drop(fs::write(&path, [random.below(256) as u8; 9])),
        2 | 3 => drop(fs::create_dir_all(&path)),
        4 => drop(fs::remove_file(&path)),
        5 => drop(fs::remove_dir_all(&path)),
        6 => drop(fs::rename(&path, root.join(name(random)))),
        _ => drop(symlink("somewhere", &path)),
    }
}

fn contents(root: &Path) -> BTreeMap<String, String> {
    let lines = describe(root).into_iter();
    // The time to the second, which is what a layer keeps; attributes are overlayfs's own business here.
    lines
        .map(|line| {
            let (name, rest) = line.split_once(": ").unwrap();
            let rest = rest.rsplit_once('.').unwrap().0;
            (name.to_owned(), rest.to_owned())
        })
        .collect()
}

#[test]
fn progress_is_told_of_every_byte() {
    if !is_root("progress_is_told_of_every_byte") {
        return;
    }
    let (_folder, store) = new_store();
    let prepared = store.prepare(&[]).unwrap();
    fs::write(prepared.upper.join("a"), vec![1; 300_000]).unwrap();
    let mut told = 0;
    let layer = store
        .commit(prepared, &[], &[], &mut |bytes| {
            told += bytes;
            ControlFlow::Continue(())
        })
        .unwrap()
        .unwrap();
    assert_eq!(told, 300_000);
    let mut tar = Vec::new();
    store
        .open_blob(layer.diff_id.digest())
        .unwrap()
        .read_to_end(&mut tar)
        .unwrap();
    assert_eq!(tar.len() as u64, layer.size_bytes);
}

/// A program that goes into each folder that it makes nests them as deep as it likes. A build that had such a step ended with
/// "Too many open files" or with the server, and so did every start after it.
#[test]
fn a_step_with_folders_too_deep_is_refused_in_words_and_nothing_of_it_stays() {
    if !is_root("a_step_with_folders_too_deep_is_refused_in_words_and_nothing_of_it_stays") {
        return;
    }
    let (folder, store) = new_store();
    let base = base(&store).diff_id;
    let error = step(&store, &[base], &[], |root| {
        let mut at = fs::File::open(root).unwrap();
        for _ in 0..3_000 {
            rustix::fs::mkdirat(&at, "d", rustix::fs::Mode::RWXU).unwrap();
            let below = rustix::fs::openat(
                &at,
                "d",
                rustix::fs::OFlags::RDONLY | rustix::fs::OFlags::DIRECTORY,
                rustix::fs::Mode::empty(),
            );
            at = below.unwrap().into();
        }
    })
    .unwrap_err();
    assert!(
        error.to_string().contains("expected at most 400 folders"),
        "{error}"
    );
    assert_eq!(store.leftovers(), [""; 0]);
    drop(store);
    let count = |name: &str| fs::read_dir(folder.path().join(name)).unwrap().count();
    assert_eq!((count("ingest"), count("snapshots")), (0, 1));
}

/// RUN mkdir /etc/foo && touch -d 2001-01-01 /etc, then RUN touch /etc/foo/x: the second layer said that /etc was changed now,
/// because our own resolv.conf had been in it.
#[test]
fn what_mounts_left_does_not_change_the_time_of_a_folder_in_which_something_else_changed() {
    if !is_root(
        "what_mounts_left_does_not_change_the_time_of_a_folder_in_which_something_else_changed",
    ) {
        return;
    }
    let (_folder, store) = new_store();
    let base = import(
        &store,
        Tar::new()
            .folder("etc/", 0o755)
            .folder("etc/foo/", 0o755)
            .file("etc/passwd", b"root"),
    );
    let hide = ["etc/resolv.conf"];
    let time_of_etc = |change: &dyn Fn(&Path)| {
        let layer = step(&store, &[base.diff_id], &hide, |root| {
            fs::write(root.join("etc/resolv.conf"), b"").unwrap();
            change(root);
        });
        let layer = layer.unwrap().unwrap();
        assert_snapshot_equals_tar(&store, &layer);
        fs::metadata(snapshot(&store, &layer).join("etc"))
            .unwrap()
            .mtime()
    };
    let before = 1_000_000_000;
    assert_eq!(
        time_of_etc(&|root| fs::write(root.join("etc/foo/x"), b"").unwrap()),
        before,
        "deeper"
    );
    assert_eq!(
        time_of_etc(&|root| fs::write(root.join("etc/passwd"), b"changed").unwrap()),
        before,
        "a file that stays the same file"
    );
    // What changes the folder itself gives it its time.
    type Change = fn(&Path);
    let changes: [Change; 4] = [
        |root| fs::write(root.join("etc/new"), b"").unwrap(),
        |root| fs::remove_file(root.join("etc/passwd")).unwrap(),
        |root| {
            fs::write(root.join("etc/passwd-"), b"another").unwrap();
            fs::rename(root.join("etc/passwd-"), root.join("etc/passwd")).unwrap();
        },
        |root| symlink("passwd", root.join("etc/link")).unwrap(),
    ];
    for change in changes {
        assert!(time_of_etc(&change) > before);
    }
}

/// Ctrl-C during the packing of 2.5 GB ended the command ten seconds later, and the step counted as done.
#[test]
fn packing_that_is_stopped_ends_at_the_next_piece_and_leaves_nothing() {
    if !is_root("packing_that_is_stopped_ends_at_the_next_piece_and_leaves_nothing") {
        return;
    }
    let (folder, store) = new_store();
    // In the middle of a file, and at an entry of no bytes.
    for stop_at in [300_000, 0] {
        let prepared = store.prepare(&[]).unwrap();
        fs::write(prepared.upper.join("large"), vec![7; 1 << 20]).unwrap();
        fs::write(prepared.upper.join("next"), b"").unwrap();
        let (mut told, mut calls) = (0, 0);
        let error = store
            .commit(prepared, &[], &[], &mut |bytes| {
                told += bytes;
                calls += 1;
                if told >= stop_at {
                    ControlFlow::Break(())
                } else {
                    ControlFlow::Continue(())
                }
            })
            .unwrap_err();
        assert!(
            matches!(error, StoreError::Commit(CommitError::Cancelled)),
            "{error}"
        );
        assert!(told < 500_000 && calls < 8, "{told} in {calls}");
        for name in ["ingest", "snapshots", "blobs/sha256"] {
            assert_eq!(fs::read_dir(folder.path().join(name)).unwrap().count(), 0);
        }
    }
}
