//! The merged tree beside the one that umoci unpacks on the disk, of layers with all that a layer may hold.

#![allow(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]

mod world;

use std::path::Path;

use estiva_shared::image::{Digest, ImageAnalysis};
use serde_json::json;
use tar::{Builder, EntryType, Header};
use world::layout::{blob, index};
use world::{World, umoci};

/// A layer's tar, entry by entry.
struct Layer(Builder<Vec<u8>>);

impl Layer {
    fn new() -> Self {
        Self(Builder::new(Vec::new()))
    }

    /// One entry as it stands, with a name that no tool would write if need be.
    fn entry(
        mut self,
        kind: EntryType,
        path: &str,
        change: impl Fn(&mut Header),
        body: &[u8],
    ) -> Self {
        let mut header = Header::new_ustar();
        header.set_entry_type(kind);
        header.set_mode(if kind.is_dir() { 0o755 } else { 0o644 });
        header.set_uid(0);
        header.set_gid(0);
        header.set_mtime(1_700_000_000);
        header.set_size(body.len() as u64);
        header.as_ustar_mut().unwrap().name[..path.len()].copy_from_slice(path.as_bytes());
        change(&mut header);
        header.set_cksum();
        self.0.append(&header, body).unwrap();
        self
    }

    fn file(self, path: &str, body: &str) -> Self {
        self.entry(EntryType::Regular, path, |_| {}, body.as_bytes())
    }

    fn owned(self, path: &str, mode: u32, owner: u64) -> Self {
        let kind = if path.ends_with('/') {
            EntryType::Directory
        } else {
            EntryType::Regular
        };
        let change = |header: &mut Header| {
            header.set_mode(mode);
            header.set_uid(owner);
            header.set_gid(owner + 1);
        };
        self.entry(kind, path, change, b"")
    }

    fn folder(self, path: &str) -> Self {
        self.entry(EntryType::Directory, path, |_| {}, b"")
    }

    fn link(self, kind: EntryType, path: &str, target: &str) -> Self {
        self.entry(
            kind,
            path,
            |header| header.set_link_name_literal(target).unwrap(),
            b"",
        )
    }

    fn device(self, path: &str, kind: EntryType, major: u32, minor: u32) -> Self {
        let change = |header: &mut Header| {
            header.set_device_major(major).unwrap();
            header.set_device_minor(minor).unwrap();
        };
        self.entry(kind, path, change, b"")
    }

    /// A name that takes PAX records.
    fn long(mut self, path: &str, body: &str) -> Self {
        self.0
            .append_pax_extensions([("path", path.as_bytes())])
            .unwrap();
        self.file("short", body)
    }

    fn finish(self) -> Vec<u8> {
        self.0.into_inner().unwrap()
    }
}

/// An OCI layout of one image, with the tag `it`.
fn layout(folder: &Path, layers: &[Vec<u8>]) {
    let diff_ids = layers.iter().map(|layer| Digest::of(layer).to_string());
    let config = json!({
        "os": "linux", "architecture": "amd64", "config": {},
        "rootfs": {"type": "layers", "diff_ids": diff_ids.collect::<Vec<_>>()},
    });
    let kind = "application/vnd.oci.image.config.v1+json";
    let config = blob(folder, kind, config.to_string().as_bytes());
    let kind = "application/vnd.oci.image.layer.v1.tar";
    let layers = layers.iter().map(|layer| blob(folder, kind, layer));
    let kind = "application/vnd.oci.image.manifest.v1+json";
    let layers = layers.collect::<Vec<_>>();
    let manifest =
        json!({"schemaVersion": 2, "mediaType": kind, "config": config, "layers": layers});
    let mut manifest = blob(folder, kind, manifest.to_string().as_bytes());
    manifest["annotations"] = json!({"org.opencontainers.image.ref.name": "it"});
    index(folder, &[manifest]);
}

/// Holds an image of these layers to what umoci makes of it.
fn assert_same(test: &str, layers: Vec<Layer>) {
    let Some(world) = World::new(test) else {
        return;
    };
    if !umoci::is_there(test) {
        return;
    }
    let folder = world.path("layout");
    let layers = layers.into_iter().map(Layer::finish);
    layout(&folder, &layers.collect::<Vec<_>>());
    // Some of what these hold is a problem, and the tree is shown all the same.
    let said = world
        .estiva(&["inspect", "--json", folder.to_str().unwrap()])
        .stdout;
    let analysis: ImageAnalysis = serde_json::from_slice(&said).unwrap();
    umoci::assert_unpacks_as(&folder, "it", &analysis, &world.path("unpacked"));
}

/// A lower layer with one of each.
fn base() -> Layer {
    let long = format!("long/{}/{}", "a".repeat(120), "b".repeat(200));
    Layer::new()
        .folder("./etc/")
        .file("./etc/passwd", "root:x:0:0::/:/bin/sh\n")
        .folder("bin/")
        .owned("bin/su", 0o4755, 0)
        .owned("bin/wall", 0o2755, 5)
        .owned("tmp/", 0o1777, 0)
        .owned("srv/", 0o700, 1000)
        .owned("srv/data", 0o600, 1000)
        .owned("far", 0o640, 1_000_000)
        .folder("usr/")
        .folder("usr/lib/")
        .file("usr/lib/libc.so", "libc")
        .link(EntryType::Symlink, "lib", "usr/lib")
        .link(EntryType::Symlink, "usr/up", "../etc/passwd")
        .link(EntryType::Symlink, "usr/nowhere", "/not/there")
        .folder("dev/")
        .device("dev/null", EntryType::Char, 1, 3)
        .device("dev/loop", EntryType::Block, 7, 0)
        .entry(EntryType::Fifo, "dev/pipe", |_| {}, b"")
        .folder("hard/")
        .file("hard/one", "the content of three names")
        .link(EntryType::Link, "hard/two", "hard/one")
        .link(EntryType::Link, "hard/three", "./hard/two")
        .long(&long, "a name of 325 bytes")
        .file("implied/folders/file", "folders that no layer lists")
        .file("utf8-\u{e9}\u{4e2d}", "a name beyond ASCII")
        .folder("opt/")
        .folder("opt/app/")
        .file("opt/app/one", "1")
        .folder("opt/app/deep/")
        .file("opt/app/deep/two", "2")
        .folder("var/")
        .folder("var/cache/")
        .file("var/cache/first", "first")
        .file("var/cache/second", "second")
}

#[test]
fn a_layer_with_one_of_each() {
    assert_same("a_layer_with_one_of_each", vec![base()]);
}

#[test]
fn whiteouts_of_files_folders_and_all_of_a_folder() {
    let above = Layer::new()
        .file("var/cache/.wh.first", "")
        .file(".wh.srv", "")
        .file("opt/app/.wh..wh..opq", "")
        .file("opt/app/three", "3")
        .file("hard/.wh.one", "")
        .file("usr/.wh.up", "")
        .file("implied/.wh.folders", "");
    assert_same(
        "whiteouts_of_files_folders_and_all_of_a_folder",
        vec![base(), above],
    );
}

#[test]
fn an_opaque_mark_hides_what_is_below_wherever_it_stands() {
    let above = Layer::new()
        .file("opt/app/three", "3")
        .folder("opt/app/deep/")
        .file("opt/app/deep/four", "4")
        .file("opt/app/.wh..wh..opq", "");
    assert_same(
        "an_opaque_mark_hides_what_is_below_wherever_it_stands",
        vec![base(), above],
    );
}

#[test]
fn what_comes_back_after_its_removal() {
    let gone = Layer::new().file(".wh.opt", "").file(".wh.lib", "");
    let back = Layer::new()
        .owned("opt/", 0o711, 7)
        .file("opt/app", "a file now")
        .folder("lib/")
        .file("lib/own", "a folder now");
    assert_same(
        "what_comes_back_after_its_removal",
        vec![base(), gone, back],
    );
}

#[test]
fn kinds_that_take_each_others_place() {
    let above = Layer::new()
        // A folder gives way to a file and to a link, a file to a folder, a link to a file.
        .file("opt", "a file in place of a folder")
        .link(EntryType::Symlink, "var", "opt")
        .folder("far/")
        .file("far/inside", "in a folder in place of a file")
        .file("usr/nowhere", "a file in place of a link")
        .entry(EntryType::Fifo, "usr/up", |_| {}, b"");
    assert_same("kinds_that_take_each_others_place", vec![base(), above]);
}

#[test]
fn owners_and_modes_that_change_alone() {
    let above = Layer::new()
        .owned("srv/", 0o755, 0)
        .owned("bin/su", 0o755, 0)
        .owned("tmp/", 0o777, 3)
        .owned("etc/", 0o500, 9);
    assert_same("owners_and_modes_that_change_alone", vec![base(), above]);
}

#[test]
fn hard_links_across_layers() {
    let linked = Layer::new()
        .link(EntryType::Link, "hard/four", "hard/one")
        .link(EntryType::Link, "etc/shadow-copy", "/etc/passwd");
    // The others keep what they led to.
    let rewritten = Layer::new()
        .file("hard/one", "another content")
        .file("hard/.wh.two", "");
    assert_same("hard_links_across_layers", vec![base(), linked, rewritten]);
}

#[test]
fn empty_layers_and_names_that_stand_twice() {
    let twice = Layer::new()
        .file("twice", "first")
        .file("twice", "second, which counts")
        .folder("kind/")
        .file("kind/inside", "x")
        .owned("kind/", 0o750, 4)
        .file("./etc//passwd", "another spelling\n");
    let test = "empty_layers_and_names_that_stand_twice";
    assert_same(test, vec![base(), Layer::new(), twice, Layer::new()]);
}

#[test]
fn names_that_are_absolute_or_climb() {
    let hostile = Layer::new()
        .file("/absolute/file", "under the root all the same")
        .file("../climbing", "no higher than the root")
        .file("etc/../../../etc/shadow", "x:!:\n")
        .link(EntryType::Symlink, "out", "../../../../etc");
    assert_same("names_that_are_absolute_or_climb", vec![base(), hostile]);
}

#[test]
fn three_hundred_layers() {
    let layers = (0..300).map(|number| {
        let layer = Layer::new()
            .file(&format!("file{number}"), "x")
            .file("same", &number.to_string());
        match number % 3 {
            1 => layer.file(&format!(".wh.file{}", number - 1), ""),
            _ => layer,
        }
    });
    assert_same("three_hundred_layers", layers.collect());
}
