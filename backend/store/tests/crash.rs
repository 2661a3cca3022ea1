//! A process that imports and names images is killed at any moment: the store opens again, no half-made image has a
//! name, and nothing that was acknowledged is lost.

#![allow(clippy::unwrap_used, reason = "a test's panic is its report")]

mod common;

use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::ops::ControlFlow;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use common::{Tar, describe, image_of, import, is_root, new_store, snapshot};
use estiva_shared::image::{Digest, Reference};
use estiva_store::{CacheEntry, IoFault, Store, StoreError};
use tempfile::TempDir;

/// Tells the child where the store is: then it isn't a test, but the process that is killed.
const ROOT: &str = "ESTIVA_TEST_CRASH_ROOT";

/// What the child's file system is limited to, where it is: bytes of a tmpfs that only it sees.
const DISK: &str = "ESTIVA_TEST_DISK_BYTES";

/// How often the child is killed.
const KILLS: u64 = 20;

/// So few acknowledgements say nothing about what a kill loses.
const ACKNOWLEDGED_MIN: usize = 10;

/// Starts this test program again, as the child of this name.
fn child(name: &str, root: &Path) -> Command {
    let mut command = Command::new(std::env::current_exe().unwrap());
    command
        .args(["--exact", name, "--nocapture", "--test-threads=1"])
        .env(ROOT, root)
        .stdout(Stdio::piped())
        .stderr(Stdio::null());
    command
}

fn root_of_child() -> Option<std::path::PathBuf> {
    std::env::var_os(ROOT).map(Into::into)
}

#[test]
fn child_makes_images_until_it_is_killed() {
    let Some(root) = root_of_child() else {
        return;
    };
    let store = Store::open(&root).unwrap();
    let names = store
        .images()
        .unwrap()
        .into_iter()
        .flat_map(|image| image.names);
    let rounds = names.filter_map(|name| name.tag()?.parse::<usize>().ok());
    for round in rounds.max().map_or(0, |last| last + 1).. {
        let acknowledged = make_image(&store, round).unwrap();
        // One write: a line is there whole or not at all.
        let mut out = std::io::stdout().lock();
        out.write_all(format!("ACK {acknowledged}\n").as_bytes())
            .unwrap();
        out.flush().unwrap();
    }
}

/// Imports, commits, caches, names, saves and loads; answers the name and the id.
fn make_image(store: &Store, round: usize) -> Result<String, StoreError> {
    let content = vec![round as u8; 50_000];
    let mut tar = Tar::new().folder("many/", 0o755).file("large", &content);
    for number in 0..20 {
        tar = tar.file(&format!("many/{number}"), round.to_string().as_bytes());
    }
    let _hold = store.hold();
    let base = store.import_layer(&mut &tar.bytes()[..], None)?.diff_id;
    let prepared = store.prepare(&[base])?;
    // A step's own writing meets the full disk too.
    let path = prepared.upper.join("added");
    fs::write(&path, round.to_string()).map_err(|source| IoFault {
        action: "write",
        path,
        source,
    })?;
    let mut layers = vec![base];
    if let Some(layer) = store.commit(prepared, &[base], &[], &mut |_| ControlFlow::Continue(()))? {
        let entry = CacheEntry {
            diff_id: Some(layer.diff_id),
        };
        store.cache_put(&Digest::of(round.to_string().as_bytes()), &entry)?;
        layers.push(layer.diff_id);
    }
    let image = store.create_image(&Default::default(), &layers)?;
    let name: Reference = format!("made:{round}").parse().unwrap();
    store.tag(&name, &image.id)?;
    // An older one goes, so that removal too is killed in its middle.
    if round % 3 == 2 {
        store.remove(&format!("made:{}", round - 2), true, &|_| Vec::new())?;
    }
    Ok(format!("{} {}", name.familiar(), image.id))
}

/// Lets the child run for a while and kills it; answers what it acknowledged.
fn run_and_kill(mut child: Child, after: Duration) -> Vec<String> {
    let out = child.stdout.take().unwrap();
    std::thread::sleep(after);
    // SIGKILL: nothing of it runs any more.
    child.kill().unwrap();
    child.wait().unwrap();
    BufReader::new(out)
        .lines()
        .filter_map(|line| line.unwrap().strip_prefix("ACK ").map(str::to_owned))
        .collect()
}

/// Opens the store and checks every image of it; answers its names with their ids.
fn check(root: &Path) -> Vec<String> {
    let store = Store::open(root).unwrap();
    let mut names = Vec::new();
    for image in store.images().unwrap() {
        for diff_id in &image.diff_ids {
            let mut tar = Vec::new();
            let mut blob = store.open_blob(diff_id.digest()).unwrap();
            std::io::Read::read_to_end(&mut blob, &mut tar).unwrap();
            assert_eq!(Digest::of(&tar), *diff_id.digest());
            let layer = store.layer(diff_id).unwrap().unwrap();
            assert!(!describe(&snapshot(&store, &layer)).is_empty());
        }
        assert_eq!(
            Digest::of(&store.config_bytes(&image.id).unwrap()),
            image.id
        );
        names.extend(
            image
                .names
                .iter()
                .map(|name| format!("{} {}", name.familiar(), image.id)),
        );
    }
    assert_eq!(fs::read_dir(root.join("ingest")).unwrap().count(), 0);
    names
}

#[test]
fn nothing_acknowledged_is_lost_and_nothing_half_made_is_named() {
    let test = "nothing_acknowledged_is_lost_and_nothing_half_made_is_named";
    if root_of_child().is_some() || !is_root(test) {
        return;
    }
    let folder = TempDir::new().unwrap();
    let root = folder.path().join("root");
    let mut acknowledged = Vec::new();
    let mut kill = 0;
    // A host that is busy with other things acknowledges little in each round: it gets more of them.
    while kill < KILLS || (acknowledged.len() <= ACKNOWLEDGED_MIN && kill < 10 * KILLS) {
        kill += 1;
        let child = child("child_makes_images_until_it_is_killed", &root)
            .spawn()
            .unwrap();
        // Moments that fall differently in each round, from the opening on.
        let after = Duration::from_micros(20_000 + (kill * 7_919_311) % 180_000);
        acknowledged.extend(run_and_kill(child, after));
        if !root.exists() {
            continue;
        }
        let names = check(&root);
        for line in &acknowledged {
            let round: usize = line.split([':', ' ']).nth(1).unwrap().parse().unwrap();
            // Every third round takes the one two before it away, acknowledged or not.
            if !round.is_multiple_of(3) {
                assert!(names.contains(line), "{line} of {names:?}");
            }
        }
    }
    assert!(
        acknowledged.len() > ACKNOWLEDGED_MIN,
        "{}",
        acknowledged.len()
    );
    // What is left of the killed rounds is no more than their cache.
    let store = Store::open(&root).unwrap();
    store.gc(estiva_store::KeepCache::No).unwrap();
    let layers: std::collections::BTreeSet<_> = store
        .images()
        .unwrap()
        .into_iter()
        .flat_map(|image| image.diff_ids)
        .collect();
    assert_eq!(
        fs::read_dir(root.join("snapshots")).unwrap().count(),
        layers.len()
    );
}

#[test]
fn child_fills_a_small_disk() {
    let (Some(root), Some(bytes)) = (root_of_child(), std::env::var_os(DISK)) else {
        return;
    };
    // A mount namespace of this thread's own: nobody else sees the disk, and it goes with the thread.
    nix::sched::unshare(nix::sched::CloneFlags::CLONE_NEWNS).unwrap();
    let private =
        rustix::mount::MountPropagationFlags::PRIVATE | rustix::mount::MountPropagationFlags::REC;
    rustix::mount::mount_change("/", private).unwrap();
    let options = std::ffi::CString::new(format!("size={}", bytes.to_str().unwrap())).unwrap();
    let flags = rustix::mount::MountFlags::empty();
    rustix::mount::mount("tmpfs", &root, "tmpfs", flags, options.as_c_str()).unwrap();
    let store = Store::open(&root).unwrap();
    let kept = common::small_image(&store, "kept");
    store.tag(&"kept".parse().unwrap(), &kept.id).unwrap();
    let error = (0..10_000)
        .find_map(|round| make_image(&store, round).err())
        .unwrap();
    assert!(error.is_full(), "{error:?}");
    assert!(
        error.to_string().contains("no space") || error.to_string().contains("full"),
        "{error}"
    );
    let named = store.images().unwrap();
    drop(store);
    // It opens again while the disk is still full, and with room made it goes on.
    check(&root);
    let store = Store::open(&root).unwrap();
    assert_eq!(store.resolve("kept").unwrap().id, kept.id);
    for image in named.iter().filter(|image| image.id != kept.id) {
        store
            .remove(&image.id.hex(), true, &|_| Vec::new())
            .unwrap();
    }
    store.gc(estiva_store::KeepCache::No).unwrap();
    make_image(&store, 1).unwrap();
    drop(store);
    check(&root);
    std::io::stdout().write_all(b"ACK survived\n").unwrap();
}

#[test]
fn a_full_disk_is_a_clear_error_and_the_store_opens_again() {
    let test = "a_full_disk_is_a_clear_error_and_the_store_opens_again";
    if root_of_child().is_some() || !is_root(test) {
        return;
    }
    for bytes in [4_000_000, 6_500_000, 9_000_000] {
        let folder = TempDir::new().unwrap();
        let output = child("child_fills_a_small_disk", folder.path())
            .env(DISK, bytes.to_string())
            .stderr(Stdio::piped())
            .output()
            .unwrap();
        let said = String::from_utf8_lossy(&output.stdout);
        let complaint = String::from_utf8_lossy(&output.stderr);
        assert!(said.contains("ACK survived"), "{bytes}: {said}{complaint}");
        assert_eq!(common::mounts_below(folder.path()), 0);
    }
}

#[test]
fn a_layer_that_does_not_fit_leaves_nothing() {
    if root_of_child().is_some() || !is_root("a_layer_that_does_not_fit_leaves_nothing") {
        return;
    }
    // The stream fails in its middle, as a full disk or a lost connection makes it.
    let (folder, store) = new_store();
    let image = {
        let layer = import(&store, Tar::new().file("a", b"1"));
        image_of(&store, &[layer.diff_id])
    };
    let tar = Tar::new().file("large", &[7; 100_000]).bytes();
    let mut cut = std::io::Read::chain(&tar[..50_000], FailingReader);
    assert!(store.import_layer(&mut cut, None).is_err());
    assert_eq!(
        fs::read_dir(folder.path().join("snapshots"))
            .unwrap()
            .count(),
        1
    );
    assert_eq!(
        fs::read_dir(folder.path().join("ingest")).unwrap().count(),
        0
    );
    assert_eq!(store.images().unwrap()[0].id, image.id);
}

struct FailingReader;

impl std::io::Read for FailingReader {
    fn read(&mut self, _: &mut [u8]) -> std::io::Result<usize> {
        Err(std::io::ErrorKind::StorageFull.into())
    }
}
