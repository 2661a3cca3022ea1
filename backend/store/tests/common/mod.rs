//! What the tests share: stores in temporary folders, layers made by hand, folders described as text.
#![allow(
    dead_code,
    reason = "each test program uses another part of this module"
)]
#![allow(clippy::print_stderr, reason = "a skipped test says so")]

pub(crate) mod archives;

use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{FileTypeExt, MetadataExt};
use std::path::Path;

use estiva_shared::image::{DiffId, Digest};
use estiva_store::{ImageRecord, LayerRecord, Store};
use oci_spec::image::ImageConfiguration;
use tar::{Builder, EntryType, Header};
use tempfile::TempDir;

/// A store in a folder of its own, which goes with it.
pub(crate) fn new_store() -> (TempDir, Store) {
    let folder = TempDir::new().unwrap();
    let store = Store::open(folder.path()).unwrap();
    (folder, store)
}

/// Whether the caller is root; says that the test is skipped where it isn't.
pub(crate) fn is_root(test: &str) -> bool {
    let root = rustix::process::geteuid().is_root();
    if !root {
        eprintln!("SKIP {test}: needs root");
    }
    root
}

/// Whether a program is installed; says that the test is skipped where it isn't.
pub(crate) fn has_tool(test: &str, tool: &str) -> bool {
    let found = std::env::var_os("PATH")
        .is_some_and(|paths| std::env::split_paths(&paths).any(|path| path.join(tool).is_file()));
    if !found {
        eprintln!("SKIP {test}: needs {tool}");
    }
    found
}

/// A tar made entry by entry, names taken as they are, hostile ones too.
pub(crate) struct Tar(Builder<Vec<u8>>);

impl Tar {
    pub(crate) fn new() -> Self {
        Self(Builder::new(Vec::new()))
    }

    pub(crate) fn file(self, path: &str, content: &[u8]) -> Self {
        self.raw(EntryType::Regular, path, "", 0o644, content)
    }

    pub(crate) fn folder(self, path: &str, mode: u32) -> Self {
        self.raw(EntryType::Directory, path, "", mode, b"")
    }

    pub(crate) fn symlink(self, path: &str, target: &str) -> Self {
        self.raw(EntryType::Symlink, path, target, 0o777, b"")
    }

    pub(crate) fn hard_link(self, path: &str, target: &str) -> Self {
        self.raw(EntryType::Link, path, target, 0o644, b"")
    }

    pub(crate) fn raw(
        mut self,
        kind: EntryType,
        path: &str,
        link: &str,
        mode: u32,
        content: &[u8],
    ) -> Self {
        let mut header = Header::new_gnu();
        header.as_mut_bytes()[..path.len()].copy_from_slice(path.as_bytes());
        header.as_mut_bytes()[157..157 + link.len()].copy_from_slice(link.as_bytes());
        header.set_entry_type(kind);
        header.set_mode(mode);
        header.set_uid(7);
        header.set_gid(8);
        header.set_mtime(1_000_000_000);
        header.set_size(content.len() as u64);
        header.set_cksum();
        self.0.append(&header, content).unwrap();
        self
    }

    /// PAX records for the next entry.
    pub(crate) fn pax(mut self, records: &[(&str, &[u8])]) -> Self {
        self.0
            .append_pax_extensions(records.iter().copied())
            .unwrap();
        self
    }

    pub(crate) fn bytes(self) -> Vec<u8> {
        self.0.into_inner().unwrap()
    }
}

/// Imports a tar.
pub(crate) fn import(store: &Store, tar: Tar) -> LayerRecord {
    store.import_layer(&mut &tar.bytes()[..], None).unwrap()
}

/// An image of one layer with one file.
pub(crate) fn small_image(store: &Store, content: &str) -> ImageRecord {
    let layer = import(store, Tar::new().file("content", content.as_bytes()));
    image_of(store, &[layer.diff_id])
}

/// An image of these layers.
pub(crate) fn image_of(store: &Store, layers: &[DiffId]) -> ImageRecord {
    store
        .create_image(&ImageConfiguration::default(), layers)
        .unwrap()
}

/// Where a layer's folder is.
pub(crate) fn snapshot(store: &Store, layer: &LayerRecord) -> std::path::PathBuf {
    let lowers = store.lowers(&[layer.diff_id]).unwrap();
    lowers.base.join(&lowers.names[0])
}

/// Describes every entry below a folder, one a line, sorted: kind, mode, owner, time, name, content, attributes.
pub(crate) fn describe(folder: &Path) -> Vec<String> {
    let mut lines = Vec::new();
    walk(folder, folder, &mut lines);
    lines.sort();
    lines
}

fn walk(root: &Path, folder: &Path, lines: &mut Vec<String>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let metadata = fs::symlink_metadata(&path).unwrap();
        let name = path.strip_prefix(root).unwrap().display().to_string();
        let kind = metadata.file_type();
        let what = if kind.is_dir() {
            "folder".to_owned()
        } else if kind.is_symlink() {
            format!("link to {}", fs::read_link(&path).unwrap().display())
        } else if kind.is_char_device() || kind.is_block_device() {
            let (major, minor) = (metadata.rdev() >> 8, metadata.rdev() & 0xff);
            format!("device {major}:{minor}")
        } else if kind.is_fifo() {
            "fifo".to_owned()
        } else {
            format!("file {}", Digest::of(&fs::read(&path).unwrap()).short())
        };
        let times = if what == "device 0:0" {
            0
        } else {
            metadata.mtime()
        };
        let nanoseconds = if what == "device 0:0" {
            0
        } else {
            metadata.mtime_nsec()
        };
        let line = format!(
            "{name}: {what} {:o} {}:{} {times}.{nanoseconds} {:?}",
            metadata.mode() & 0o7777,
            metadata.uid(),
            metadata.gid(),
            attributes(&path),
        );
        lines.push(line);
        if kind.is_dir() {
            walk(root, &path, lines);
        }
    }
}

fn attributes(path: &Path) -> Vec<String> {
    let mut names = vec![0_u8; 4096];
    let length = rustix::fs::llistxattr(path, &mut names[..]).unwrap_or(0);
    let mut found: Vec<String> = names[..length]
        .split(|byte| *byte == 0)
        .filter(|name| !name.is_empty())
        .map(|name| {
            let name = str::from_utf8(name).unwrap();
            let mut value = vec![0_u8; 4096];
            let length = rustix::fs::lgetxattr(path, name, &mut value[..]).unwrap();
            format!("{name}={}", value[..length].escape_ascii())
        })
        .collect();
    found.sort();
    found
}

/// The mounts that anybody on the host sees below a folder.
pub(crate) fn mounts_below(folder: &Path) -> usize {
    let mounts = fs::read("/proc/self/mountinfo").unwrap();
    let needle = folder.as_os_str().as_bytes();
    mounts
        .windows(needle.len())
        .filter(|window| *window == needle)
        .count()
}
