//! One path through the layers: each that writes or removes it, lowest first.
//!
//! From the analysis alone, so that it is there for an image whose bytes are not.

use serde::{Deserialize, Serialize};

use super::super::{Change, EntryKind, ImageAnalysis};

/// What one layer does to a path.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FileVersion {
    /// The layer, by index.
    pub layer: usize,
    /// What it does to the path.
    pub change: Change,
    /// What the path is there (removed: what it was).
    pub kind: EntryKind,
    /// Content, in bytes of the layer.
    pub size_bytes: u64,
    /// A sparse file's bytes, with the zeros that the layer leaves out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub apparent_bytes: Option<u64>,
    /// Permission bits, set-id and sticky bits included.
    pub mode: u32,
    /// Owner.
    pub uid: u64,
    /// Group.
    pub gid: u64,
    /// Seconds since 1970.
    pub mtime: i64,
    /// Where a symbolic or hard link leads.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub link: Option<String>,
}

/// The layers that do something to a path, lowest first; none where the image never had it.
#[must_use]
pub fn versions(analysis: &ImageAnalysis, path: &str) -> Vec<FileVersion> {
    let layers = analysis.image.layers.iter();
    let found = layers.filter_map(|layer| {
        let place = layer
            .entries
            .binary_search_by(|entry| entry.path.as_str().cmp(path))
            .ok()?;
        let entry = &layer.entries[place];
        Some(FileVersion {
            layer: layer.index,
            change: entry.change,
            kind: entry.kind,
            size_bytes: entry.size_bytes,
            apparent_bytes: entry.apparent_bytes,
            mode: entry.mode,
            uid: entry.uid,
            gid: entry.gid,
            mtime: entry.mtime,
            link: entry.link.clone(),
        })
    });
    found.collect()
}
