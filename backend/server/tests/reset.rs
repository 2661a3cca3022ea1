//! `estiva reset` on folders that are not a root of Estiva's: what is somebody else's stays.

#![allow(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]

mod world;

use std::fs;
use std::os::unix::fs::PermissionsExt as _;

use world::World;

#[test]
fn a_folder_of_anothers_is_neither_served_nor_reset() {
    let Some(world) = World::new("a_folder_of_anothers_is_neither_served_nor_reset") else {
        return;
    };
    let data = world.root().join("containers/mine");
    fs::create_dir_all(&data).unwrap();
    fs::write(data.join("data"), "precious").unwrap();
    fs::set_permissions(world.root(), fs::Permissions::from_mode(0o755)).unwrap();
    // As `mkdir` made it others may enter it, and it stays so: they may have to.
    let said = world.fails(1, &["ps"]);
    assert!(said.contains("only its owner may enter"), "{said}");
    fs::set_permissions(world.root(), fs::Permissions::from_mode(0o700)).unwrap();
    for words in [&["ps"][..], &["reset", "--yes"]] {
        let said = world.fails(1, words);
        assert!(said.contains("containers"), "{words:?}: {said}");
    }
    assert_eq!(fs::read(data.join("data")).unwrap(), b"precious");
    // Once it is out of the way, the folder can be a world, which the end of the test takes away.
    fs::remove_dir_all(world.root().join("containers")).unwrap();
}

/// A folder with somebody's own file was said to be gone.
#[test]
fn a_folder_that_never_was_a_root_is_not_said_to_be_gone() {
    let Some(world) = World::new("a_folder_that_never_was_a_root") else {
        return;
    };
    for files in [&["mine"][..], &[]] {
        let folder = world.path(&format!("with-{}", files.len()));
        fs::create_dir(&folder).unwrap();
        for file in files {
            fs::write(folder.join(file), "mine").unwrap();
        }
        let root = folder.to_str().unwrap();
        let output = std::process::Command::new(world::program())
            .args(["--root", root, "reset", "--yes"])
            .output()
            .unwrap();
        let said = String::from_utf8(output.stdout).unwrap();
        assert!(said.contains("nothing of Estiva's is in"), "{said}");
        assert!(folder.is_dir());
        assert_eq!(fs::read_dir(&folder).unwrap().count(), files.len());
    }
}
