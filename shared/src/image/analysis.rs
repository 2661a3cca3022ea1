//! The analysis of an image: the document that the page shows and that `estiva inspect --json` prints.
//!
//! It is versioned ([`ANALYSIS_VERSION`]) and its JSON is the same from the browser and from the command line. Sizes are
//! bytes; paths are relative to the image's root, without a leading `/`, with bytes that are not UTF-8 replaced by U+FFFD.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::Holdings;

/// The version of this document.
pub const ANALYSIS_VERSION: u32 = 2;

/// All that is known of one image.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ImageAnalysis {
    /// [`ANALYSIS_VERSION`].
    pub version: u32,
    /// The image.
    pub image: ImageView,
    /// The tree after the last layer, with what each path's last change was.
    pub tree: Vec<TreeEntry>,
    /// What could be saved.
    pub waste: Waste,
    /// What it holds: packages, and what is dangerous.
    #[serde(default)]
    pub holdings: Holdings,
    /// What is wrong with the archive or the image; what could be read stands all the same.
    pub problems: Vec<Problem>,
}

/// An image's identity, configuration and layers.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ImageView {
    /// How it lay: `docker-archive`, `oci-layout` or `store`.
    pub format: String,
    /// Its names in the archive or store.
    pub names: Vec<String>,
    /// The manifest's digest, where there is an OCI manifest.
    pub manifest_digest: Option<String>,
    /// The config's digest: the image's id.
    pub config_digest: String,
    /// `linux/amd64`, with `/variant` where there is one.
    pub platform: String,
    /// When it says it was made (RFC 3339).
    pub created: Option<String>,
    /// What containers start with.
    pub config: ConfigView,
    /// Every line of the history, with the layer it made.
    pub history: Vec<HistoryView>,
    /// The layers, lowest first.
    pub layers: Vec<LayerView>,
    /// What else is about it: attestations, signatures, bills of materials.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub referrers: Vec<Referrer>,
    /// Sum of the layers as they lie, in bytes.
    pub size_bytes: u64,
    /// Sum of the layers' tars, uncompressed, in bytes.
    pub uncompressed_bytes: u64,
}

/// A manifest that is about an image (OCI distribution specification, "Listing Referrers"; BuildKit's attestations).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Referrer {
    /// The manifest's digest, as the index gives it.
    pub digest: String,
    /// What it is, such as `application/spdx+json`; empty where nothing says it.
    pub artifact_type: String,
    /// The manifest's bytes, as the index gives them.
    pub size_bytes: u64,
    /// What its annotations say.
    #[serde(default)]
    pub annotations: BTreeMap<String, String>,
}

/// What containers of an image start with (OCI image specification, "config", Properties).
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ConfigView {
    /// `User`.
    pub user: Option<String>,
    /// `ExposedPorts`, such as `8080/tcp`.
    pub exposed_ports: Vec<String>,
    /// `Env`, each `K=V`.
    pub env: Vec<String>,
    /// `Entrypoint`.
    pub entrypoint: Vec<String>,
    /// `Cmd`.
    pub cmd: Vec<String>,
    /// `WorkingDir`.
    pub working_dir: Option<String>,
    /// `Volumes`.
    pub volumes: Vec<String>,
    /// `Labels`.
    pub labels: Vec<(String, String)>,
    /// `StopSignal`.
    pub stop_signal: Option<String>,
}

/// One line of the history.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct HistoryView {
    /// The instruction, as the builder wrote it.
    pub created_by: String,
    /// When (RFC 3339).
    pub created: Option<String>,
    /// What the builder noted beside it: buildah names the base image here, BuildKit itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub comment: Option<String>,
    /// Whether it made no layer.
    pub empty_layer: bool,
    /// The layer it made, by index.
    pub layer: Option<usize>,
}

/// One layer.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct LayerView {
    /// From 0, lowest first.
    pub index: usize,
    /// The blob's digest as it lies.
    pub digest: String,
    /// The digest of its uncompressed tar.
    pub diff_id: String,
    /// Whether both digests were computed and are right.
    pub verified: bool,
    /// `none`, `gzip` or `zstd`, or `xz` or `bzip2` where the layer could not be read for that.
    pub compression: String,
    /// The blob's bytes as it lies.
    pub size_bytes: u64,
    /// Its tar's bytes.
    pub uncompressed_bytes: u64,
    /// The history's line that made it.
    pub created_by: Option<String>,
    /// Files added, changed and removed against the layers below (folders count too).
    pub added: u64,
    /// See `added`.
    pub changed: u64,
    /// See `added`.
    pub removed: u64,
    /// Its entries, sorted by path.
    pub entries: Vec<LayerEntry>,
}

/// What a path is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum EntryKind {
    /// A regular file.
    File,
    /// A folder.
    Directory,
    /// A symbolic link.
    Symlink,
    /// A hard link to another path of the layer.
    Hardlink,
    /// A character device.
    CharDevice,
    /// A block device.
    BlockDevice,
    /// A named pipe.
    Fifo,
}

impl EntryKind {
    /// All of them: where one stands is the number that it is packed as.
    pub const ALL: [Self; 7] = [
        Self::File,
        Self::Directory,
        Self::Symlink,
        Self::Hardlink,
        Self::CharDevice,
        Self::BlockDevice,
        Self::Fifo,
    ];
}

/// What a layer does to a path, against the layers below it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Change {
    /// The path was not there.
    Added,
    /// It was, and is another now.
    Changed,
    /// It was, and is no more (a whiteout, or an opaque folder above it).
    Removed,
}

/// One path of a layer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LayerEntry {
    /// The path (for a whiteout: the path that it removes).
    pub path: String,
    /// What it is (for a removed path: what it was).
    pub kind: EntryKind,
    /// What the layer does to it.
    pub change: Change,
    /// Content, in bytes of the layer; 0 where there is none.
    pub size_bytes: u64,
    /// A sparse file's bytes, with the zeros that the layer leaves out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub apparent_bytes: Option<u64>,
    /// Permission bits, set-id and sticky bits included, such as 0o755.
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
    /// The folder hides all that lower layers have in it.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub opaque: bool,
}

/// One path of the merged tree, sorted by path; removed paths are not in it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TreeEntry {
    /// The path.
    pub path: String,
    /// What it is.
    pub kind: EntryKind,
    /// Content, in bytes of the layer.
    pub size_bytes: u64,
    /// A sparse file's bytes, with the zeros that the layer leaves out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub apparent_bytes: Option<u64>,
    /// Permission bits.
    pub mode: u32,
    /// Owner.
    pub uid: u64,
    /// Group.
    pub gid: u64,
    /// Seconds since 1970.
    pub mtime: i64,
    /// CRC-32 of the content of a file, or of the file that a hard link leads to. With the size, whether two contents are
    /// alike; it is not proof against someone who means harm.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub crc: Option<u32>,
    /// Where a link leads.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub link: Option<String>,
    /// The layer that last wrote it, by index.
    pub layer: usize,
    /// Whether that layer added or changed it.
    pub change: Change,
}

/// Bytes that ship and that nobody needs. Each byte counts once, by the first cause that applies, in this order:
/// `deleted_folder`, `opaque_folder`, `deleted_file`, `metadata_only`, `overwritten` (these can't be seen),
/// `duplicate_content`, `package_cache`, `leftover_archive` (these can).
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Waste {
    /// Sum over the causes, uncompressed.
    pub reclaimable_bytes: u64,
    /// What that takes at rest, estimated: each copy's bytes by its layer's own ratio of bytes at rest to those of its tar,
    /// rounded down.
    #[serde(default)]
    pub compressed_estimate_bytes: u64,
    /// Each cause with its files, in the order above; a cause without files is left out.
    pub by_cause: Vec<WasteCause>,
    /// What dive says of the same image.
    pub dive: DiveFigures,
}

/// The two figures of dive, by its own definition: it counts the copy that is seen as wasted too.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct DiveFigures {
    /// "Efficiency score", from 0 to 1: over all paths, the smallest size at a path through the sum of all sizes there.
    pub score: f64,
    /// "Wasted bytes": all sizes at paths that two layers or more have.
    pub wasted_bytes: u64,
}

impl Default for DiveFigures {
    /// Those of an image without layers.
    fn default() -> Self {
        Self {
            score: 1.0,
            wasted_bytes: 0,
        }
    }
}

/// One cause of waste.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct WasteCause {
    /// Its name, such as `overwritten`.
    pub cause: String,
    /// Sum over its files.
    pub reclaimable_bytes: u64,
    /// As [`Waste::compressed_estimate_bytes`], of its files.
    #[serde(default)]
    pub compressed_estimate_bytes: u64,
    /// The files, largest first.
    pub files: Vec<WastedFile>,
}

/// One copy that ships and that nobody needs.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct WastedFile {
    /// The path.
    pub path: String,
    /// The copy's bytes.
    pub size_bytes: u64,
    /// The layer that holds the copy.
    pub layer: usize,
    /// The layer that hides it; none where it can be seen.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hidden_by: Option<usize>,
    /// The copy of the same content that is kept, for `duplicate_content`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub same_as: Option<SameContent>,
}

/// Where the copy lies that is kept of some content.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SameContent {
    /// The path.
    pub path: String,
    /// The layer that holds it.
    pub layer: usize,
}

/// Something wrong: what, and where.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Problem {
    /// A stable name in kebab-case: `digest-mismatch`, `truncated`, `bad-gzip`, `bad-zstd`, `unsafe-path`, `limit`, `bad-entry`, ….
    pub code: String,
    /// What was expected and what was found.
    pub message: String,
    /// The layer concerned, by index.
    #[serde(default)]
    pub layer: Option<usize>,
    /// The entry concerned.
    #[serde(default)]
    pub entry: Option<String>,
    /// The offset in the archive or layer, in bytes.
    #[serde(default)]
    pub offset: Option<u64>,
}

impl Problem {
    /// The code of a layer that nobody has read so far: it is named, and what it holds is missing from all that is told.
    pub const NOT_READ: &str = "not-read";

    /// Whether this only says what an archive holds beside its images, as tools make it by intent: an attestation, an
    /// artifact, an index that names more platforms than were saved, or what a format for lazy pulling adds; or that a layer is
    /// not read yet. Nothing is wrong then.
    #[must_use]
    pub fn is_note(&self) -> bool {
        matches!(
            self.code.as_str(),
            "attestation" | "missing-platform" | "not-an-image" | "bookkeeping" | Self::NOT_READ
        )
    }
}
