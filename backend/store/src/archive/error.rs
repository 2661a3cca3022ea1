//! Why an image archive could not be read.

use estiva_shared::image::{DiffId, Digest, TarError};

use super::members::{MEMBER_NAME_BYTES_MAX, MEMBERS_MAX};
use crate::extract::ExtractError;
use crate::limits::{
    ARCHIVE_BYTES_MAX, ARCHIVE_DOCUMENT_BYTES_MAX, ARCHIVE_IMAGES_MAX, LAYERS_MAX,
};

/// Why an image archive could not be read.
#[derive(Debug, thiserror::Error)]
pub enum ArchiveError {
    /// It is no tar, or a damaged one.
    #[error("the archive: {0}")]
    Tar(#[from] TarError),
    /// Its gzip or zstd is damaged, or the file could not be read.
    #[error("the archive could not be read: {0}")]
    Read(#[source] std::io::Error),
    /// It is compressed in a way that isn't read.
    #[error(
        "expected {what} that is plain or compressed with gzip or zstd, but found {found}: unpack it first, with {hint}"
    )]
    Compression {
        /// The archive, or one of its layers.
        what: String,
        /// Such as `xz`.
        found: &'static str,
        /// The command that unpacks it.
        hint: &'static str,
    },
    /// It is neither a docker-archive nor an OCI layout.
    #[error(
        "expected a docker-archive or an OCI layout, but found neither manifest.json nor index.json"
    )]
    NoManifest,
    /// One of its layers can't be unpacked, or must not be.
    #[error("layer {path}: {source}")]
    Layer {
        /// The layer's file in the archive.
        path: String,
        /// What is wrong in it.
        source: ExtractError,
    },
    /// The gzip or zstd around one of its layers is damaged, or the file could not be read there.
    #[error("layer {path} could not be read: {source}")]
    LayerRead {
        /// The layer's file in the archive.
        path: String,
        /// What the system or the decompressor said.
        source: std::io::Error,
    },
    /// Its list of images is empty.
    #[error("expected an image in the archive, but found that {path} lists none")]
    Empty {
        /// The list.
        path: &'static str,
    },
    /// There are more files, or longer names, than in any archive in use.
    #[error(
        "expected at most {MEMBERS_MAX} files with {MEMBER_NAME_BYTES_MAX} bytes of names in the archive, but found more"
    )]
    TooManyFiles,
    /// It names something that it doesn't hold.
    #[error("expected {path} in the archive, but found no such file")]
    Missing {
        /// The path.
        path: String,
    },
    /// A document is larger than any of its kind.
    #[error("expected at most {max} bytes in {path}, but found {found}")]
    TooLarge {
        /// The path.
        path: String,
        /// Its bytes.
        found: u64,
        /// The limit.
        max: u64,
    },
    /// Its documents are more than all of any archive in use.
    #[error(
        "expected at most {ARCHIVE_DOCUMENT_BYTES_MAX} bytes of manifests and configs in the archive, but found more"
    )]
    TooManyDocuments,
    /// An image has more layers than overlayfs can stack.
    #[error("{path}: expected at most {LAYERS_MAX} layers, but found {found}")]
    TooManyLayers {
        /// The manifest's path.
        path: String,
        /// How many there are.
        found: usize,
    },
    /// The archive is larger than any in use.
    #[error("expected an archive of at most {ARCHIVE_BYTES_MAX} bytes, but found more")]
    ArchiveTooLarge,
    /// There are more images than in any archive in use.
    #[error(
        "expected at most {ARCHIVE_IMAGES_MAX} images or indexes in the archive, but found more"
    )]
    TooManyImages,
    /// There is no image in it for this host.
    #[error("expected an image for {platform} in the archive, but found {found}")]
    NoImage {
        /// Such as `linux/amd64`.
        platform: String,
        /// What there is.
        found: String,
    },
    /// A document isn't what it should be.
    #[error("{path}: expected {expected}: {source}")]
    Json {
        /// The path.
        path: String,
        /// Which document.
        expected: &'static str,
        /// What is wrong.
        source: serde_json::Error,
    },
    /// A text in a document should be a digest or a name.
    #[error("{path}: expected {expected}, but found {found:?}")]
    Text {
        /// The path of the document.
        path: String,
        /// What it should be.
        expected: &'static str,
        /// What it is.
        found: String,
    },
    /// Content isn't what its digest says.
    #[error("{path}: expected content of digest {expected}, but found {found}")]
    Digest {
        /// The path.
        path: String,
        /// As it was announced.
        expected: Digest,
        /// As it was computed.
        found: Digest,
    },
    /// A layer isn't what the config says.
    #[error("{path}: expected a layer of diff id {expected}, but found {found}")]
    DiffId {
        /// The path.
        path: String,
        /// As the config lists it.
        expected: DiffId,
        /// As it was computed.
        found: Digest,
    },
    /// The config lists another number of layers than the manifest.
    #[error("{path}: expected {expected} layers, as the config lists, but found {found}")]
    LayerCount {
        /// The manifest's path.
        path: String,
        /// In the config.
        expected: usize,
        /// In the manifest.
        found: usize,
    },
}
