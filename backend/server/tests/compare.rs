//! Two images compared and a Dockerfile rebuilt, as a user meets them: by the command, of files and of the store.

// Closures and helpers beside the tests panic as tests do.
#![allow(clippy::unwrap_used)]

mod world;

use std::fs;
use std::path::PathBuf;

use estiva_shared::image::{Comparison, Rebuilt};
use serde_json::Value;
use world::World;

/// Builds an image of this Dockerfile, with a file `hello.txt` of this content beside it.
fn build(world: &World, name: &str, dockerfile: &str, hello: &str) -> PathBuf {
    let folder = world.path(name);
    fs::create_dir(&folder).unwrap();
    fs::write(folder.join("Dockerfile"), dockerfile).unwrap();
    fs::write(folder.join("hello.txt"), hello).unwrap();
    let context = folder.to_str().unwrap();
    world.ok(&["build", "--network", "none", "-t", name, context]);
    let archive = world.path(&format!("{name}.tar"));
    world.ok(&["save", "-o", archive.to_str().unwrap(), name]);
    archive
}

const OLD: &str = "FROM busybox\nENV A=1\nCOPY hello.txt /srv/hello.txt\nRUN echo made > /srv/made\nCMD [\"sh\"]\n";
const NEW: &str = "FROM busybox\nENV A=2 B=\"two words\"\nCOPY hello.txt /srv/hello.txt\nRUN echo made > /srv/made && chmod 600 /srv/made && touch /srv/new\nCMD [\"sh\"]\n";

#[test]
fn two_images_are_compared_as_files_and_in_the_store_alike() {
    let test = "two_images_are_compared_as_files_and_in_the_store_alike";
    let Some(world) = World::with_busybox(test) else {
        return;
    };
    let old = build(&world, "old", OLD, "hello\n");
    let new = build(&world, "new", NEW, "hello you\n");
    let (old, new) = (old.to_str().unwrap(), new.to_str().unwrap());
    let in_store = world.estiva(&["compare", "old", "new", "--json"]);
    assert_eq!(in_store.status.code(), Some(1), "{in_store:?}");
    let in_store: Comparison = serde_json::from_slice(&in_store.stdout).unwrap();
    world.ok(&["stop-server"]);

    let said = world.estiva(&["compare", old, new]);
    assert_eq!(said.status.code(), Some(1), "{said:?}");
    let said = String::from_utf8(said.stdout).unwrap();
    for part in [
        "1 added (0 B)",
        "1 with another content (10 B)",
        "6 B → 10 B",
        "mode 644 → 600",
        "srv/new",
        "env A",
        "two words",
        "only A",
        "both",
    ] {
        assert!(said.contains(part), "{part} is missing in:\n{said}");
    }
    // The first sentence comes before any list.
    assert!(said.find("From A to B").unwrap() < said.find("Layers").unwrap());
    let as_json = world.estiva(&["compare", old, new, "--format", "json"]);
    let of_files: Comparison = serde_json::from_slice(&as_json.stdout).unwrap();
    assert_eq!(of_files.files, in_store.files);
    assert_eq!(of_files.config, in_store.config);
    assert_eq!(of_files.download, in_store.download);
    let markdown = world.estiva(&["compare", old, new, "--format", "markdown"]);
    let markdown = String::from_utf8(markdown.stdout).unwrap();
    assert!(markdown.contains("| + | 0 B | `srv/new` |"), "{markdown}");
    // Neither side needed a server.
    assert!(world.ok(&["stop-server"]).contains("no server runs"));
}

#[test]
fn the_exit_status_says_whether_they_differ() {
    let Some(world) = World::with_busybox("the_exit_status_says_whether_they_differ") else {
        return;
    };
    let one = build(&world, "one", OLD, "hello\n");
    let name = one.to_str().unwrap();
    assert!(
        world
            .ok(&["compare", name, name])
            .contains("Nothing differs.")
    );
    assert!(
        world
            .ok(&["compare", "one", name, "--semantic"])
            .contains("Nothing differs, times left aside.")
    );
    // The same once more, at another time.
    world.ok(&["rmi", "one"]);
    world.ok(&["prune", "--force"]);
    fs::remove_dir_all(world.path("one")).unwrap();
    let kept = world.path("kept.tar");
    fs::rename(&one, &kept).unwrap();
    std::thread::sleep(std::time::Duration::from_millis(1_100));
    let again = build(&world, "one", OLD, "hello\n");
    let (kept, again) = (kept.to_str().unwrap(), again.to_str().unwrap());
    let exact = world.estiva(&["compare", kept, again]);
    assert_eq!(exact.status.code(), Some(1), "{exact:?}");
    let semantic = world.estiva(&["compare", kept, again, "--semantic"]);
    assert_eq!(semantic.status.code(), Some(0), "{semantic:?}");

    let nowhere = world.path("nowhere.tar");
    assert!(
        world
            .fails(2, &["compare", name, nowhere.to_str().unwrap()])
            .contains("nowhere.tar")
    );
    world.fails(2, &["compare", "no-such-image", name]);
    world.fails(2, &["compare", name]);
    let error = world.fails(2, &["compare", name, name, "--image-b", "other"]);
    assert!(error.contains("none for --image-b other"), "{error}");
    let whole = fs::read(kept).unwrap();
    let cut = world.path("cut.tar");
    fs::write(&cut, &whole[..whole.len() / 2]).unwrap();
    let cut = cut.to_str().unwrap();
    let both = world.estiva(&["compare", cut, cut]);
    assert_ne!(
        both.status.code(),
        Some(0),
        "what was not read is not the same: {both:?}"
    );
}

#[test]
fn a_dockerfile_is_rebuilt_and_held_against_the_one_that_was_built() {
    let test = "a_dockerfile_is_rebuilt_and_held_against_the_one_that_was_built";
    let Some(world) = World::with_busybox(test) else {
        return;
    };
    let archive = build(&world, "made", NEW, "hello\n");
    let archive = archive.to_str().unwrap();
    let text = world.ok(&["inspect", "made", "--rebuild"]);
    for line in NEW.lines().skip(1) {
        assert!(text.contains(line), "{line} is missing in:\n{text}");
    }
    assert_eq!(world.ok(&["inspect", archive, "--rebuild"]), text);
    let json: Value =
        serde_json::from_str(&world.ok(&["inspect", archive, "--rebuild", "--json"])).unwrap();
    let rebuilt: Rebuilt = serde_json::from_value(json["rebuilt"].clone()).unwrap();
    assert_eq!(rebuilt.text, text);
    let own = world.path("made").join("Dockerfile");
    let own = own.to_str().unwrap();
    let said = world.ok(&["inspect", archive, "--rebuild", "--dockerfile", own]);
    assert!(said.contains("4      2       same"), "{said}");
    let other = world.path("Other");
    fs::write(&other, OLD).unwrap();
    let held = [
        "inspect",
        archive,
        "--rebuild",
        "--dockerfile",
        other.to_str().unwrap(),
    ];
    let differs = world.estiva(&held);
    assert_eq!(differs.status.code(), Some(1), "{differs:?}");
    assert!(String::from_utf8_lossy(&differs.stdout).contains("differs"));
    fs::write(&other, "FORM busybox\n").unwrap();
    let error = world.fails(1, &held);
    assert!(
        error.contains("Other:1:1: expected an instruction"),
        "{error}"
    );
}
