//! The comparison of two images: the document that the page shows and that `estiva compare --json` prints.
//!
//! It is versioned ([`COMPARISON_VERSION`]). Sizes are bytes; "added" is what B has and A lacks. Lists hold what differs and
//! nothing else, but for [`Comparison::layers`], which holds every layer of both.

use serde::{Deserialize, Serialize};

use super::super::EntryKind;
use super::PackageChange;

/// The version of this document.
pub const COMPARISON_VERSION: u32 = 1;

/// What is left aside.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct CompareOptions {
    /// Times don't count: those of files, of the image, of its history; nor do the layers' digests, which hold times.
    pub semantic: bool,
}

/// How two images differ.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Comparison {
    /// [`COMPARISON_VERSION`].
    pub version: u32,
    /// Whether times were left aside.
    pub semantic: bool,
    /// Nothing differs of what was compared: files, configuration, history and, unless times were left aside, layers.
    pub same: bool,
    /// Both could be read as a whole. Where not, what is missing is not compared.
    pub complete: bool,
    /// The first image.
    pub a: Side,
    /// The second image.
    pub b: Side,
    /// The layers of both, lowest first, those that both have in one row.
    pub layers: Vec<LayerRow>,
    /// What a host that has A must download for B.
    pub download: Download,
    /// Numbers of files, and their bytes.
    pub totals: FileTotals,
    /// What differs in the merged trees, sorted by path.
    pub files: Vec<FileChange>,
    /// The folders whose sums differ most, the largest difference first.
    pub folders: Vec<FolderChange>,
    /// How many more folders differ than `folders` lists.
    pub folders_left_out: u64,
    /// The packages that differ, by kind and name. Their files are among `files`, so they say nothing of `same`.
    #[serde(default)]
    pub packages: Vec<PackageChange>,
    /// What differs in the configuration.
    pub config: Vec<ConfigChange>,
    /// What differs in the history.
    pub history: Vec<HistoryChange>,
}

/// One of the two images.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Side {
    /// Its names.
    pub names: Vec<String>,
    /// `docker-archive`, `oci-layout` or `store`.
    pub format: String,
    /// The image's id.
    pub config_digest: String,
    /// The manifest's digest, where there is one.
    pub manifest_digest: Option<String>,
    /// `linux/amd64`, with `/variant` where there is one.
    pub platform: String,
    /// When it says it was made (RFC 3339).
    pub created: Option<String>,
    /// Its layers.
    pub layers: usize,
    /// Paths of the merged tree.
    pub entries: u64,
    /// Sum of the layers as they lie.
    pub size_bytes: u64,
    /// Sum of the layers' tars.
    pub uncompressed_bytes: u64,
    /// What is wrong with it, notes apart.
    pub problems: u64,
}

/// Where a layer is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LayerPlace {
    /// In both, at the same place among those that both have.
    Shared,
    /// In both, in another order.
    Moved,
    /// In A alone.
    OnlyA,
    /// In B alone.
    OnlyB,
}

/// A layer of A, of B, or of both.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LayerRow {
    /// Where it is.
    pub place: LayerPlace,
    /// The digest of its tar, by which layers are told apart; empty where nothing could be read.
    pub diff_id: String,
    /// As A has it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub a: Option<LayerSide>,
    /// As B has it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub b: Option<LayerSide>,
}

/// A layer as one image has it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LayerSide {
    /// From 0, lowest first.
    pub index: usize,
    /// The blob's digest as it lies.
    pub digest: String,
    /// `gzip` or `none`.
    pub compression: String,
    /// The blob's bytes as it lies.
    pub size_bytes: u64,
    /// Its tar's bytes.
    pub uncompressed_bytes: u64,
    /// The history's line that made it.
    pub created_by: Option<String>,
}

/// What a host that has A must download for B: bytes of layers at rest. A blob counts once, however often B names it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Download {
    /// Layers of B whose blobs A lacks.
    pub by_digest_bytes: u64,
    /// How many these are.
    pub by_digest_layers: u64,
    /// Of them, those whose content A lacks too: what differs in compression alone has the same diff ID.
    pub by_diff_id_bytes: u64,
    /// How many these are.
    pub by_diff_id_layers: u64,
    /// All of B's layers.
    pub whole_bytes: u64,
    /// Some of them lie uncompressed, as in a store: what a registry sends of these is smaller.
    pub uncompressed: bool,
}

/// Numbers of files, folders and links, and bytes of content.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct FileTotals {
    /// In B alone.
    pub added: u64,
    /// Their bytes.
    pub added_bytes: u64,
    /// In A alone.
    pub removed: u64,
    /// Their bytes.
    pub removed_bytes: u64,
    /// Another kind: a file that became a link, say.
    pub kind: u64,
    /// Another content.
    pub content: u64,
    /// The bytes in B of what has another kind or content.
    pub content_bytes: u64,
    /// The same content; mode, owner, time or link differ.
    pub metadata: u64,
    /// The same in both.
    pub unchanged: u64,
}

/// How a path differs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FileDifference {
    /// B has it, and A not.
    Added,
    /// A has it, and B not.
    Removed,
    /// It is of another kind.
    Kind,
    /// It is a file with another content.
    Content,
    /// Only mode, owner, time or link differ.
    Metadata,
}

/// What of a path differs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Aspect {
    /// What it is. A file and a hard link are one kind.
    Kind,
    /// A file's content.
    Content,
    /// Permission bits.
    Mode,
    /// User or group.
    Owner,
    /// The time of its last change.
    Mtime,
    /// Where a link leads, or whether a file is another name of one.
    Link,
}

impl Aspect {
    /// All of them, in their order.
    pub const ALL: [Self; 6] = [
        Self::Kind,
        Self::Content,
        Self::Mode,
        Self::Owner,
        Self::Mtime,
        Self::Link,
    ];
}

/// What of a path differs, as a set of one byte: an image may have a million paths.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(from = "Vec<Aspect>", into = "Vec<Aspect>")]
pub struct Aspects(u8);

impl Aspects {
    /// The set as bits, in the order of [`Aspect::ALL`].
    #[must_use]
    pub fn bits(self) -> u8 {
        self.0
    }

    /// The set of these bits; others are dropped.
    #[must_use]
    pub fn of_bits(bits: u8) -> Self {
        Self(bits & ((1 << Aspect::ALL.len()) - 1))
    }

    /// Whether nothing differs.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0 == 0
    }

    /// Whether this differs.
    #[must_use]
    pub fn has(self, aspect: Aspect) -> bool {
        self.0 & (1 << aspect as u8) != 0
    }

    /// Adds this where `differs`.
    pub(super) fn note(&mut self, aspect: Aspect, differs: bool) {
        self.0 |= u8::from(differs) << aspect as u8;
    }

    /// What differs, in the order of [`Aspect::ALL`].
    pub fn iter(self) -> impl Iterator<Item = Aspect> {
        Aspect::ALL.into_iter().filter(move |each| self.has(*each))
    }
}

impl From<Vec<Aspect>> for Aspects {
    fn from(list: Vec<Aspect>) -> Self {
        let mut set = Self::default();
        for aspect in list {
            set.note(aspect, true);
        }
        set
    }
}

impl From<Aspects> for Vec<Aspect> {
    fn from(set: Aspects) -> Self {
        set.iter().collect()
    }
}

/// A path that differs.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FileChange {
    /// The path.
    pub path: Box<str>,
    /// How it differs.
    pub difference: FileDifference,
    /// What of it differs; nothing where only one has it.
    #[serde(default, skip_serializing_if = "Aspects::is_empty")]
    pub aspects: Aspects,
    /// As A has it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub a: Option<Box<FileSide>>,
    /// As B has it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub b: Option<Box<FileSide>>,
}

impl FileChange {
    /// How many bytes this is about: those of B, else of A.
    #[must_use]
    pub fn weight_bytes(&self) -> u64 {
        let side = self.b.as_deref().or(self.a.as_deref());
        side.map_or(0, |side| side.size_bytes)
    }
}

/// A path as one image has it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FileSide {
    /// What it is.
    pub kind: EntryKind,
    /// Content, in bytes.
    pub size_bytes: u64,
    /// Permission bits.
    pub mode: u32,
    /// Owner.
    pub uid: u64,
    /// Group.
    pub gid: u64,
    /// Seconds since 1970.
    pub mtime: i64,
    /// Where a link leads.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub link: Option<Box<str>>,
    /// The layer that last wrote it.
    pub layer: usize,
}

/// A folder with the sums of all below it; the root is the empty path.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FolderChange {
    /// The path.
    pub path: String,
    /// Bytes in A.
    pub a_bytes: u64,
    /// Bytes in B.
    pub b_bytes: u64,
    /// How many paths below it differ.
    pub changes: u64,
}

impl FolderChange {
    /// By how many bytes the sums differ.
    #[must_use]
    pub fn difference_bytes(&self) -> u64 {
        self.a_bytes.abs_diff(self.b_bytes)
    }
}

/// What happened to a value or a line.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ValueDifference {
    /// B has it, and A not.
    Added,
    /// A has it, and B not.
    Removed,
    /// Both have it, and it differs.
    Changed,
}

/// A field of the configuration.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ConfigField {
    /// Operating system, architecture and variant.
    Platform,
    /// When the image says it was made. Left aside with times.
    Created,
    /// `User`.
    User,
    /// `WorkingDir`.
    WorkingDir,
    /// `Entrypoint`, as JSON.
    Entrypoint,
    /// `Cmd`, as JSON.
    Cmd,
    /// `Env`, by variable.
    Env,
    /// `ExposedPorts`, by port.
    ExposedPorts,
    /// `Volumes`, by path.
    Volumes,
    /// `Labels`, by name.
    Labels,
    /// `StopSignal`.
    StopSignal,
    /// Something that is not shown (a health check, an author, the order of variables): the digests of the configurations
    /// differ, and all else is the same. Left aside with times, which are part of it.
    ConfigDigest,
}

impl ConfigField {
    /// The name as in JSON.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Platform => "platform",
            Self::Created => "created",
            Self::User => "user",
            Self::WorkingDir => "working_dir",
            Self::Entrypoint => "entrypoint",
            Self::Cmd => "cmd",
            Self::Env => "env",
            Self::ExposedPorts => "exposed_ports",
            Self::Volumes => "volumes",
            Self::Labels => "labels",
            Self::StopSignal => "stop_signal",
            Self::ConfigDigest => "config_digest",
        }
    }
}

/// A value of the configuration that differs.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ConfigChange {
    /// The field.
    pub field: ConfigField,
    /// The variable, label, port or volume, where the field has several.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub key: Option<String>,
    /// What happened to it.
    pub difference: ValueDifference,
    /// The value in A; none where there is none, and for ports and volumes, which have none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub a: Option<String>,
    /// The value in B.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub b: Option<String>,
}

/// A line of the history that differs: only in its time, where both have it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct HistoryChange {
    /// What happened to it.
    pub difference: ValueDifference,
    /// The instruction, as the builder wrote it.
    pub created_by: String,
    /// Its place in A's history, from 0.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub a: Option<usize>,
    /// Its place in B's history, from 0.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub b: Option<usize>,
}
