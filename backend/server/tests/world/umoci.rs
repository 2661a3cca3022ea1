//! An image as umoci unpacks it on the disk, beside the tree that Estiva shows.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::os::unix::fs::{FileTypeExt as _, MetadataExt as _};
use std::path::Path;
use std::process::Command;

use estiva_shared::image::{EntryKind, ImageAnalysis, TreeEntry};

use super::World;

/// What stands at a path of the disk.
#[derive(Debug, PartialEq, Eq)]
struct Found {
    kind: EntryKind,
    mode: u32,
    owner: (u32, u32),
    /// Of a regular file; a folder's own differs between file systems.
    size: u64,
    /// Where a symbolic link leads.
    link: Option<String>,
    inode: u64,
}

/// Whether umoci and skopeo are there; a printed skip where not.
pub(crate) fn is_there(test: &str) -> bool {
    let paths = std::env::var_os("PATH").unwrap_or_default();
    let missing = ["umoci", "skopeo"]
        .into_iter()
        .find(|tool| !std::env::split_paths(&paths).any(|path| path.join(tool).is_file()));
    if let Some(tool) = missing {
        eprintln!("SKIP {test}: needs {tool}");
    }
    missing.is_none()
}

/// Unpacks the image of this tag in an OCI layout, and holds what lies there then to the analysis: path, type, mode, owner, size,
/// link. `work` is a folder for it, which must not be there yet.
pub(crate) fn assert_unpacks_as(layout: &Path, tag: &str, analysis: &ImageAnalysis, work: &Path) {
    let image = format!("{}:{tag}", layout.display());
    let unpacked = Command::new("umoci")
        .args(["raw", "unpack", "--image", &image])
        .arg(work)
        .output()
        .unwrap();
    assert!(unpacked.status.success(), "{unpacked:?}");
    let mut found = BTreeMap::new();
    walk(work, "", &mut found);
    assert_tree(analysis, &found);
    fs::remove_dir_all(work).unwrap();
}

fn walk(root: &Path, below: &str, found: &mut BTreeMap<String, Found>) {
    for entry in fs::read_dir(root.join(below)).unwrap() {
        let entry = entry.unwrap();
        let name = entry.file_name().to_string_lossy().into_owned();
        let path = match below {
            "" => name,
            below => format!("{below}/{name}"),
        };
        let about = entry.metadata().unwrap();
        let kind = match about.file_type() {
            kind if kind.is_dir() => EntryKind::Directory,
            kind if kind.is_symlink() => EntryKind::Symlink,
            kind if kind.is_char_device() => EntryKind::CharDevice,
            kind if kind.is_block_device() => EntryKind::BlockDevice,
            kind if kind.is_fifo() => EntryKind::Fifo,
            _ => EntryKind::File,
        };
        let is_link = kind == EntryKind::Symlink;
        let target = is_link.then(|| fs::read_link(entry.path()).unwrap());
        found.insert(
            path.clone(),
            Found {
                kind,
                // A symbolic link has no mode of its own on Linux.
                mode: if is_link { 0 } else { about.mode() & 0o7777 },
                owner: (about.uid(), about.gid()),
                size: if kind == EntryKind::File {
                    about.size()
                } else {
                    0
                },
                link: target.map(|target| target.to_string_lossy().into_owned()),
                inode: about.ino(),
            },
        );
        if kind == EntryKind::Directory {
            walk(root, &path, found);
        }
    }
}

fn assert_tree(analysis: &ImageAnalysis, found: &BTreeMap<String, Found>) {
    let tree = &analysis.tree;
    let entries = analysis
        .image
        .layers
        .iter()
        .flat_map(|layer| &layer.entries);
    let above: BTreeSet<_> = entries
        .flat_map(|entry| {
            entry
                .path
                .match_indices('/')
                .map(|(at, _)| &entry.path[..at])
        })
        .collect();
    let ours: BTreeMap<_, _> = tree
        .iter()
        .map(|entry| (entry.path.as_str(), entry))
        .collect();
    let mut differences = Vec::new();
    for (path, there) in found {
        // Folders that no layer lists are made by whoever unpacks, and shown by nobody.
        let is_made_up = || there.kind == EntryKind::Directory && above.contains(path.as_str());
        if !ours.contains_key(path.as_str()) && !is_made_up() {
            differences.push(format!("umoci alone has {path}: {there:?}"));
        }
    }
    for (path, entry) in &ours {
        let Some(there) = found.get(*path) else {
            differences.push(format!("Estiva alone has {path}: {entry:?}"));
            continue;
        };
        if let Some(difference) = difference(entry, there, (&ours, found)) {
            differences.push(format!("{path}: {difference}"));
        }
    }
    let shown = differences.iter().take(20).cloned().collect::<Vec<_>>();
    assert!(
        differences.is_empty(),
        "{} differences:\n{}",
        differences.len(),
        shown.join("\n")
    );
}

/// What differs at one path, if anything.
fn difference(
    entry: &TreeEntry,
    there: &Found,
    (ours, found): (&BTreeMap<&str, &TreeEntry>, &BTreeMap<String, Found>),
) -> Option<String> {
    let said = |what: &str, ours: &dyn std::fmt::Debug, theirs: &dyn std::fmt::Debug| {
        Some(format!("{what} {ours:?}, by umoci {theirs:?}"))
    };
    if entry.kind == EntryKind::Hardlink {
        if there.kind != EntryKind::File {
            return said("kind", &entry.kind, &there.kind);
        }
        // What it leads to may have been written anew since; where it is the same content still, it is the same file.
        let target = entry.link.as_deref().unwrap_or_default();
        let same = ours.get(target).filter(|target| {
            target.layer <= entry.layer && target.kind == EntryKind::File && target.crc == entry.crc
        });
        if same.is_some() && found[target].inode != there.inode {
            return said("leads to", &entry.link, &"another file");
        }
        return None;
    }
    let owner = (u64::from(there.owner.0), u64::from(there.owner.1));
    if entry.kind != there.kind {
        return said("kind", &entry.kind, &there.kind);
    }
    if entry.kind != EntryKind::Symlink && entry.mode != there.mode {
        return said("mode", &entry.mode, &there.mode);
    }
    if (entry.uid, entry.gid) != owner {
        return said("owner", &(entry.uid, entry.gid), &owner);
    }
    if entry.kind == EntryKind::File && entry.size_bytes != there.size {
        return said("size", &entry.size_bytes, &there.size);
    }
    if entry.link != there.link {
        return said("link", &entry.link, &there.link);
    }
    None
}

/// The same of an image of the store, as a tool of another hand copies it into a layout.
pub(crate) fn assert_image_unpacks_as_shown(world: &World, image: &str) {
    let (archive, layout) = (world.path("copy.tar"), world.path("copy"));
    world.ok(&["save", "-o", archive.to_str().unwrap(), image]);
    let copied = Command::new("skopeo")
        .args(["--insecure-policy", "copy", "-q"])
        .arg(format!("docker-archive:{}", archive.display()))
        .arg(format!("oci:{}:it", layout.display()))
        .output()
        .unwrap();
    assert!(copied.status.success(), "{copied:?}");
    fs::remove_file(&archive).unwrap();
    let analysis = world.ok(&["inspect", "--json", layout.to_str().unwrap()]);
    let analysis: ImageAnalysis = serde_json::from_str(&analysis).unwrap();
    assert_unpacks_as(&layout, "it", &analysis, &world.path("unpacked"));
    fs::remove_dir_all(&layout).unwrap();
}
