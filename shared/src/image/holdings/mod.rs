//! What an image holds: the packages that are installed in it, and what of it is dangerous.
//!
//! In two steps. While a layer streams by, small files that package managers write, programs and what may be a secret are
//! read in bounded memory and turned at once into [`LayerFacts`], which the layer's index keeps (`gather`). Once the layers
//! lie on top of each other, `settle` takes what is still visible, sums sizes from the tree and names what is dangerous;
//! [`sbom()`] writes the packages down for other tools.
//!
//! **Invariant:** no secret leaves the first step. What is kept of one is its kind and a masked start, see `mask`.

mod capability;
mod facts;
mod gather;
mod mask;
mod packages;
mod purl;
pub(crate) mod sbom;
mod secrets;
mod settle;

use serde::{Deserialize, Serialize};

pub use facts::LayerFacts;
pub(super) use gather::Gatherer;
pub use sbom::{SbomFormat, sbom};
pub(super) use settle::{Seen, settle};

/// What an image holds.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Holdings {
    /// Whose distribution it is, by its `os-release`.
    pub distribution: Option<Distribution>,
    /// The user that its containers run as.
    pub user: RunsAs,
    /// The packages in short, by kind; a kind without packages is left out.
    pub by_kind: Vec<KindSum>,
    /// The packages that are visible in the merged tree, sorted by kind, name, version and path.
    pub packages: Vec<Package>,
    /// What is dangerous, by kind; a kind without findings is left out.
    pub dangers: Vec<DangerGroup>,
    /// Shells that are there.
    pub shells: Vec<Shell>,
    /// Files that would tell more and were not read, and why.
    pub unread: Vec<Unread>,
}

impl Holdings {
    /// How many packages there are, those included that are not listed.
    #[must_use]
    pub fn package_count(&self) -> u64 {
        self.by_kind.iter().map(|kind| kind.count).sum()
    }

    /// How many dangers there are, those included that are not listed.
    #[must_use]
    pub fn danger_count(&self) -> u64 {
        self.dangers.iter().map(|group| group.count).sum()
    }
}

/// A distribution, as its `os-release` names it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Distribution {
    /// `ID`, such as `debian`.
    pub id: String,
    /// `VERSION_ID`, such as `12`; empty where there is none.
    pub version: String,
    /// `PRETTY_NAME`.
    pub name: String,
}

/// The user that containers run as.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct RunsAs {
    /// `User` as the config has it; empty where it names none.
    pub configured: String,
    /// The name, from the config or the image's `etc/passwd`; none where neither knows it.
    pub name: Option<String>,
    /// The id; none for a name that `etc/passwd` does not know.
    pub uid: Option<u64>,
    /// Whether that is root.
    pub is_root: bool,
}

/// The packages of one kind, in short.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct KindSum {
    /// The kind.
    pub kind: PackageKind,
    /// How many.
    pub count: u64,
    /// Bytes of their files; each file counts once.
    pub size_bytes: u64,
}

/// What a package is installed by, or which language's it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PackageKind {
    /// Debian's dpkg.
    Deb,
    /// Alpine's apk.
    Apk,
    /// A `package.json`.
    Npm,
    /// Python's metadata of a distribution.
    Pypi,
    /// A module that a Go program was built from, by its build information.
    Go,
    /// A crate that a Rust program was built from, as cargo-auditable records it.
    Cargo,
}

impl PackageKind {
    /// The name in the analysis.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Deb => "deb",
            Self::Apk => "apk",
            Self::Npm => "npm",
            Self::Pypi => "pypi",
            Self::Go => "go",
            Self::Cargo => "cargo",
        }
    }
}

/// One package.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Package {
    /// Its kind.
    pub kind: PackageKind,
    /// Its name.
    pub name: String,
    /// Its version; empty where none is recorded.
    pub version: String,
    /// The architecture that it is for, in its kind's words.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub architecture: Option<String>,
    /// The licence that it declares, as it stands.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub license: Option<String>,
    /// Its package URL.
    pub purl: String,
    /// The layer that brought it in this version, by index.
    pub layer: usize,
    /// The file that tells of it.
    pub path: String,
    /// Bytes of its files as they lie in the tree; 0 for what is part of a program and can't be told apart.
    pub size_bytes: u64,
}

/// What may be dangerous.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DangerKind {
    /// A private key.
    PrivateKey,
    /// A file of keys or passwords that is locked by a password of its own.
    KeyStore,
    /// Credentials of a cloud or cluster.
    CloudCredentials,
    /// A password or token for a registry, repository or database.
    Login,
    /// A token whose form tells what it is.
    Token,
    /// A `.env` file.
    EnvironmentFile,
    /// A password's hash in `etc/shadow`.
    PasswordHash,
    /// A variable of the config that looks like a secret.
    SecretInConfig,
    /// A value in the history that looks like a secret.
    SecretInHistory,
    /// Containers run as root.
    RootUser,
    /// A program that runs as its owner, whoever starts it.
    Setuid,
    /// A program that runs as its group, whoever starts it.
    Setgid,
    /// A program with capabilities of its own.
    Capabilities,
    /// A file that everyone may write.
    WorldWritableFile,
    /// A folder in which everyone may remove everyone's files.
    WorldWritableFolder,
}

impl DangerKind {
    /// The name in the analysis.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::PrivateKey => "private_key",
            Self::KeyStore => "key_store",
            Self::CloudCredentials => "cloud_credentials",
            Self::Login => "login",
            Self::Token => "token",
            Self::EnvironmentFile => "environment_file",
            Self::PasswordHash => "password_hash",
            Self::SecretInConfig => "secret_in_config",
            Self::SecretInHistory => "secret_in_history",
            Self::RootUser => "root_user",
            Self::Setuid => "setuid",
            Self::Setgid => "setgid",
            Self::Capabilities => "capabilities",
            Self::WorldWritableFile => "world_writable_file",
            Self::WorldWritableFolder => "world_writable_folder",
        }
    }
}

/// The dangers of one kind.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DangerGroup {
    /// The kind.
    pub kind: DangerKind,
    /// How many there are; more than are listed where there are very many.
    pub count: u64,
    /// They, by path and layer.
    pub found: Vec<Danger>,
}

/// One danger.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Danger {
    /// The file; none for what the config or the history says.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub path: Option<String>,
    /// The layer that ships it, by index.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub layer: Option<usize>,
    /// The layer that deletes or overwrites it: it still ships.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hidden_by: Option<usize>,
    /// The line of the history that made it, by index.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub line: Option<usize>,
    /// Mode and owner, names of capabilities, or the masked start of a secret.
    pub detail: String,
}

/// A shell.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Shell {
    /// Its path.
    pub path: String,
    /// The layer that brought it.
    pub layer: usize,
}

/// A file that would tell more and was not read.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Unread {
    /// The file; none for what goes beyond a layer's limit.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub path: Option<String>,
    /// The layer, by index.
    pub layer: usize,
    /// Why.
    pub reason: UnreadReason,
}

/// Why a file was not read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum UnreadReason {
    /// It is rpm's database, which is not read yet.
    RpmDatabase,
    /// It is longer than what is read of such a file.
    TooLong,
    /// It is not what its name says.
    Malformed,
    /// The program was built by Go before 1.18, whose build information can't be read in one pass.
    OldGo,
    /// The layer has more of this than is kept.
    Limit,
}

impl UnreadReason {
    /// The reason in words, after "not read:".
    #[must_use]
    pub fn words(self) -> &'static str {
        match self {
            Self::RpmDatabase => "rpm's database is not read yet",
            Self::TooLong => "it is longer than what is read of such a file",
            Self::Malformed => "it is not what its name says",
            Self::OldGo => "it was built by Go before 1.18",
            Self::Limit => "the layer has more of this than is kept",
        }
    }
}
