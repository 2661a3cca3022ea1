//! What one layer's pass keeps of its files' contents, for the layer's index.
//!
//! A fact says what a file said, not whether it counts: that is known when all layers are merged. Paths of file lists are kept
//! as hashes, which take a tenth of the memory, and are only ever looked up among the paths of the tree.

use serde::{Deserialize, Serialize};

use super::{DangerKind, PackageKind, UnreadReason};

/// The version of what is gathered: an index that was kept with another one is made again.
const FACTS_VERSION: u32 = 2;

/// Most bytes that the facts of one layer take: a Debian of 3,000 packages needs 6 MiB.
const FACTS_BYTES_MAX: usize = 32 << 20;

/// What a fact takes beside its texts.
const FACT_BYTES: usize = 64;

/// What a package's fact takes beside its texts.
const PACKAGE_BYTES: usize = 160;

/// The facts of one layer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LayerFacts {
    version: u32,
    pub(super) files: Vec<FileFact>,
    /// Files that were not looked at, or whose facts were not kept, because of the limits.
    pub(super) left_out: u64,
    /// What they take, in bytes.
    bytes: usize,
}

impl Default for LayerFacts {
    fn default() -> Self {
        Self {
            version: FACTS_VERSION,
            files: Vec::new(),
            left_out: 0,
            bytes: 0,
        }
    }
}

impl LayerFacts {
    /// Whether they were gathered by the rules of this version.
    #[must_use]
    pub fn is_current(&self) -> bool {
        self.version == FACTS_VERSION
    }

    /// What they take of memory, about.
    #[must_use]
    pub fn bytes(&self) -> usize {
        self.bytes
    }

    /// Keeps a fact, or counts it where it does not fit into `room` more bytes.
    pub(super) fn add(&mut self, path: &str, fact: Fact, room: usize) {
        let bytes = FACT_BYTES + path.len() + fact.bytes();
        if bytes > room || self.bytes + bytes > FACTS_BYTES_MAX {
            self.left_out += 1;
            return;
        }
        self.bytes += bytes;
        let path = path.into();
        self.files.push(FileFact { path, fact });
    }
}

/// What one file said.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct FileFact {
    pub(super) path: Box<str>,
    pub(super) fact: Fact,
}

/// A fact.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Fact {
    /// It tells of packages.
    Packages(Vec<PackageFact>),
    /// It lists a package's files, by [`path_key`].
    Owns(Vec<u64>),
    /// It is the list of users.
    Users(Vec<UserFact>),
    /// It names the distribution.
    Release(super::Distribution),
    /// The file has capabilities.
    Capabilities(Box<str>),
    /// It looks like a secret.
    Secret {
        kind: DangerKind,
        /// The masked start.
        excerpt: Box<str>,
    },
    /// It was not read.
    Unread(UnreadReason),
}

impl Fact {
    fn bytes(&self) -> usize {
        match self {
            Self::Packages(packages) => packages.iter().map(PackageFact::bytes).sum(),
            Self::Owns(files) => files.len() * 8,
            Self::Users(users) => users.iter().map(|user| 40 + user.name.len()).sum(),
            Self::Release(found) => found.id.len() + found.version.len() + found.name.len(),
            Self::Capabilities(text) => text.len(),
            Self::Secret { excerpt, .. } => excerpt.len(),
            Self::Unread(_) => 0,
        }
    }
}

/// A package as its file names it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct PackageFact {
    pub(super) kind: PackageKind,
    pub(super) name: Box<str>,
    pub(super) version: Box<str>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) architecture: Option<Box<str>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) license: Option<Box<str>>,
    /// Its files, by [`path_key`], where the same file lists them.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(super) files: Vec<u64>,
    /// It is the program itself, whose bytes are its own.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub(super) is_program: bool,
}

impl PackageFact {
    /// A package of which no more is known.
    pub(super) fn new(kind: PackageKind, name: &str, version: &str) -> Self {
        Self {
            kind,
            name: name.into(),
            version: version.into(),
            architecture: None,
            license: None,
            files: Vec::new(),
            is_program: false,
        }
    }

    fn bytes(&self) -> usize {
        let optional = |text: &Option<Box<str>>| text.as_deref().map_or(0, str::len);
        let texts = self.name.len() + self.version.len();
        PACKAGE_BYTES
            + texts
            + optional(&self.architecture)
            + optional(&self.license)
            + self.files.len() * 8
    }
}

/// A line of `etc/passwd`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct UserFact {
    pub(super) name: Box<str>,
    pub(super) uid: u64,
}

/// The folders that merged-usr systems keep in `usr`, under links of their old names.
const MERGED_FOLDERS: [&str; 6] = ["bin/", "sbin/", "lib/", "lib32/", "lib64/", "libx32/"];

/// A normalised path's hash (FNV-1a, 64 bits). `bin/x` and `usr/bin/x` have one: dpkg's lists may name either for a file that
/// lies in the other.
pub(super) fn path_key(path: &str) -> u64 {
    let is_merged = MERGED_FOLDERS.iter().any(|folder| path.starts_with(folder));
    let prefix: &[u8] = if is_merged { b"usr/" } else { b"" };
    let bytes = prefix.iter().chain(path.as_bytes());
    bytes.fold(0xcbf2_9ce4_8422_2325, |hash, byte| {
        (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3)
    })
}

/// The longest text that is kept of a field, in characters: names of packages have at most 214 (npm's limit).
const TEXT_CHARS_MAX: usize = 256;

/// A field's text: valid UTF-8 of a usual length without control characters, or nothing.
pub(super) fn field(raw: &[u8]) -> Option<&str> {
    let text = std::str::from_utf8(raw).ok()?.trim();
    let is_good = !text.is_empty()
        && text.chars().nth(TEXT_CHARS_MAX).is_none()
        && !text.contains(char::is_control);
    is_good.then_some(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn old_and_merged_names_of_a_path_are_one() {
        assert_eq!(path_key("bin/ls"), path_key("usr/bin/ls"));
        assert_eq!(path_key("lib64/ld.so"), path_key("usr/lib64/ld.so"));
        assert_ne!(path_key("opt/bin/ls"), path_key("usr/bin/ls"));
    }

    #[test]
    fn facts_beyond_the_room_are_counted() {
        let mut facts = LayerFacts::default();
        facts.add("a", Fact::Owns(vec![0; 10]), 1000);
        facts.add("b", Fact::Owns(vec![0; 1000]), 1000);
        assert_eq!((facts.files.len(), facts.left_out), (1, 1));
        assert_eq!(facts.bytes(), 64 + 1 + 80);
    }

    #[test]
    fn fields_with_control_characters_or_of_great_length_are_none() {
        assert_eq!(field(b" bash "), Some("bash"));
        let long = "x".repeat(257);
        for bad in [&b""[..], b"a\0b", b"a\x1b[31m", b"\xff", long.as_bytes()] {
            assert_eq!(field(bad), None, "{bad:?}");
        }
    }
}
