//! `estiva inspect` on folders and on files of several images: what is opened, what is refused, and how one is chosen.

#![allow(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]

mod world;

use std::fs;
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};

use estiva_shared::image::Digest;
use serde_json::{Value, json};
use world::World;
use world::layout::{blob, index};

/// An OCI layout with an image for each architecture, all of one empty layer; answers the layer's file.
fn layout(folder: &Path, architectures: &[&str]) -> PathBuf {
    let layer = [0; 1024];
    let layer_blob = blob(folder, "application/vnd.oci.image.layer.v1.tar", &layer);
    let manifests: Vec<_> = architectures
        .iter()
        .map(|architecture| {
            let config = json!({
                "os": "linux", "architecture": architecture,
                "rootfs": {"type": "layers", "diff_ids": [Digest::of(&layer).to_string()]},
                "history": [{"created_by": "COPY nothing /"}],
            });
            let kind = "application/vnd.oci.image.config.v1+json";
            let config = blob(folder, kind, config.to_string().as_bytes());
            let manifest = json!({"schemaVersion": 2, "config": config, "layers": [layer_blob]});
            let kind = "application/vnd.oci.image.manifest.v1+json";
            let mut descriptor = blob(folder, kind, manifest.to_string().as_bytes());
            descriptor["annotations"] =
                json!({"io.containerd.image.name": "registry.example/api:1"});
            descriptor
        })
        .collect();
    index(folder, &manifests);
    folder.join("blobs/sha256").join(Digest::of(&layer).hex())
}

#[test]
fn a_folder_is_inspected_without_a_server_and_nothing_beyond_it_is_opened() {
    let Some(world) = World::new("a_folder_is_inspected_without_a_server") else {
        return;
    };
    let folder = world.path("layout");
    let layer = layout(&folder, &["amd64"]);
    fs::write(
        folder.join(std::ffi::OsStr::from_bytes(b"blobs/\xff\xfe")),
        "no image",
    )
    .unwrap();
    let name = folder.to_str().unwrap();
    let said = world.ok(&["inspect", name]);
    assert!(
        said.contains("registry.example/api:1") && said.contains("linux/amd64"),
        "{said}"
    );
    assert!(said.contains("COPY nothing /"), "{said}");
    let analysis: Value = serde_json::from_str(&world.ok(&["inspect", name, "--json"])).unwrap();
    assert_eq!(analysis["image"]["layers"][0]["verified"], true);

    // The file outside is the very layer: followed, the link would show no fault.
    let outside = world.path("outside");
    fs::rename(&layer, &outside).unwrap();
    for target in ["../../../outside", outside.to_str().unwrap()] {
        symlink(target, &layer).unwrap();
        let output = world.estiva(&["inspect", name]);
        let said = String::from_utf8(output.stdout).unwrap();
        assert_eq!(output.status.code(), Some(1), "{said}");
        let blob = layer.file_name().unwrap().to_str().unwrap();
        assert!(
            said.contains("leads out of the folder") && said.contains(blob),
            "{said}"
        );
        fs::remove_file(&layer).unwrap();
    }
    // A link that stays inside is what old archives have.
    fs::rename(&outside, folder.join("kept")).unwrap();
    symlink("../../kept", &layer).unwrap();
    world.ok(&["inspect", name]);
    assert!(world.ok(&["stop-server"]).contains("no server runs"));
}

#[test]
fn a_folder_without_an_image_is_told_apart_from_one_to_build() {
    let Some(world) = World::new("a_folder_without_an_image_is_told_apart") else {
        return;
    };
    let folder = world.path("project");
    fs::create_dir(&folder).unwrap();
    let name = folder.to_str().unwrap();
    let said = world.fails(1, &["inspect", name]);
    assert!(
        said.contains("index.json") && !said.contains("estiva build"),
        "{said}"
    );
    fs::write(folder.join("Dockerfile"), "FROM scratch\n").unwrap();
    let said = world.fails(1, &["inspect", name]);
    assert!(said.contains("a folder with a Dockerfile"), "{said}");
    assert!(said.contains(&format!("estiva build {name}")), "{said}");
    fs::write(folder.join("index.json"), "{").unwrap();
    let said = world.fails(1, &["inspect", name]);
    assert!(
        said.contains("other JSON") && !said.contains("estiva build"),
        "{said}"
    );
}

#[test]
fn of_several_images_one_is_chosen_and_none_is_guessed() {
    let Some(world) = World::new("of_several_images_one_is_chosen") else {
        return;
    };
    let folder = world.path("layout");
    layout(&folder, &["amd64", "arm64"]);
    let name = folder.to_str().unwrap();
    let output = world.estiva(&["inspect", name]);
    let listed = String::from_utf8(output.stdout).unwrap();
    let asked = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(1));
    assert!(
        listed.starts_with("INDEX") && listed.lines().count() == 3,
        "{listed}"
    );
    assert!(
        asked.contains("found 2") && asked.contains("--platform"),
        "{asked}"
    );
    let digest = listed
        .lines()
        .nth(2)
        .unwrap()
        .split_whitespace()
        .last()
        .unwrap();
    for words in [
        ["--platform", "linux/arm64"],
        ["--image", "1"],
        ["--image", digest],
    ] {
        let said = world.ok(&[&["inspect", name], &words[..]].concat());
        assert!(
            said.contains("linux/arm64") && !said.contains("amd64"),
            "{said}"
        );
    }
    let said = world.fails(1, &["inspect", name, "--image", "registry.example/api:1"]);
    assert!(said.contains("found 2"), "{said}");
    let said = world.fails(1, &["inspect", name, "--platform", "linux/s390x"]);
    assert!(
        said.contains("found none for --platform linux/s390x"),
        "{said}"
    );
    let json = |words: &[&str]| -> Value {
        serde_json::from_str(&world.ok(&[&["inspect", name, "--json"], words].concat())).unwrap()
    };
    assert_eq!(json(&[]).as_array().unwrap().len(), 2);
    assert_eq!(json(&["--image", "0"])["image"]["platform"], "linux/amd64");
    let said = world.fails(1, &["inspect", "no-such-image", "--image", "0"]);
    assert!(said.contains("a file or a folder"), "{said}");
}
