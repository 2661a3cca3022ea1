//! A layer that was read by itself, beside others: by a thread, by another worker, or some time before.
//!
//! It has all that the first pass leaves, and can be written as bytes that go from one worker to another or are kept. The form
//! is the program's own and has a version; what is damaged, or of another version, is none. Of what it says nothing is proven:
//! it is for bytes that come from the same program.

use std::io::Read;
use std::sync::Arc;

use flate2::Crc;

use super::access::{Noted, Recorder};
use super::hashing::{HashBeside, HashersBeside};
use super::problems::bytes_of;
use super::samples::{Samples, Sampling};
use super::{
    CHECKPOINTS_BYTES_MAX, Compression, DiffId, Digest, LayerError, LayerIndex, Limits, ReadAt,
};

/// What its bytes begin with. The number grows with the form, and with what a layer's index says.
const MAGIC: &[u8; 16] = b"estiva layer 02\n";

/// Bytes of a length or a checksum.
const NUMBER_BYTES: usize = 8;

/// A layer that is about to be read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LayerSpan {
    /// The path of its file in the archive or folder; each is there once.
    pub member: String,
    /// Where it lies in the archive, in bytes; none in a folder.
    pub offset: Option<u64>,
    /// Its bytes as it lies.
    pub size_bytes: u64,
    /// The digest of its blob, as far as a manifest says it.
    pub digest: Option<Digest>,
    /// The digest of its tar, as far as the image's config says it.
    pub diff_id: Option<Digest>,
}

impl LayerSpan {
    /// What a layer is kept under: by the digest of its blob, or else of its tar. Both are hexadecimal digits.
    #[must_use]
    pub fn key(&self) -> Option<String> {
        let blob = self.digest.map(|digest| format!("blob-{}", digest.hex()));
        blob.or_else(|| Some(format!("tar-{}", self.diff_id?.hex())))
    }
}

/// A layer, read. Clones share what was read.
#[derive(Clone, Debug)]
pub struct LayerRead {
    pub(super) index: Arc<LayerIndex>,
    pub(super) noted: Arc<Noted>,
    samples: Samples,
}

impl LayerRead {
    /// Reads a layer's blob to its end, as [`LayerIndex::read`] does.
    ///
    /// # Errors
    /// [`LayerError::Io`] where `source` fails.
    pub fn read(source: impl Read, limits: &Limits) -> Result<Self, LayerError> {
        Self::read_beside(source, limits, HashersBeside::default())
    }

    /// The same, with others who hash meanwhile, where there are any.
    ///
    /// # Errors
    /// [`LayerError::Io`] where `source` fails, or whoever hashes.
    pub fn read_beside(
        source: impl Read,
        limits: &Limits,
        hashers: HashersBeside,
    ) -> Result<Self, LayerError> {
        let recorder = Recorder::new(CHECKPOINTS_BYTES_MAX / 2);
        let mut sampling = Sampling::new(source);
        let (index, noted) =
            LayerIndex::read_noting(&mut sampling, limits, Some(recorder), hashers)?;
        Ok(Self {
            index: Arc::new(index),
            noted: Arc::new(noted),
            samples: sampling.finish(),
        })
    }

    /// As [`Self::read_beside`], where the blob's digest is computed elsewhere and known later.
    ///
    /// # Errors
    /// As for [`Self::read_beside`].
    pub fn read_undigested(
        source: impl Read,
        limits: &Limits,
        tar: Option<Box<dyn HashBeside>>,
    ) -> Result<Undigested, LayerError> {
        let blob: Option<Box<dyn HashBeside>> = Some(Box::new(Elsewhere));
        Self::read_beside(source, limits, HashersBeside { blob, tar }).map(Undigested)
    }

    /// As [`Self::read`], without where its files lie: they can't be read by it.
    ///
    /// # Errors
    /// As for [`Self::read`].
    pub fn read_index(mut source: impl Read, limits: &Limits) -> Result<Self, LayerError> {
        let (index, noted) =
            LayerIndex::read_noting(&mut source, limits, None, HashersBeside::default())?;
        Ok(Self {
            index: Arc::new(index),
            noted: Arc::new(noted),
            samples: Samples::default(),
        })
    }

    /// What it takes of the limits: entries, and bytes of names and the like.
    #[must_use]
    pub fn needs(&self) -> (usize, usize) {
        self.index.needs()
    }

    /// Whether it has more than its limits let it keep: it is then to be read again in its turn, within what is left.
    #[must_use]
    pub fn is_cut(&self) -> bool {
        let mut problems = self.index.problems.iter();
        problems.any(|problem| problem.code == "limit")
    }

    /// Its index.
    #[must_use]
    pub fn index(&self) -> &LayerIndex {
        &self.index
    }

    /// Whether this is what was read of such a layer: its digest is the one that is named, its length the blob's, and samples of
    /// its bytes are the same. No proof: what is not looked at may be another.
    #[must_use]
    pub fn is_of(&self, span: &LayerSpan, blob: &dyn ReadAt) -> bool {
        let is_named = match (span.digest, span.diff_id) {
            (Some(digest), _) => self.index.digest == digest,
            (None, Some(digest)) => self.index.diff_id.is_some_and(|id| *id.digest() == digest),
            (None, None) => false,
        };
        is_named && blob.size() == self.index.size_bytes && self.samples.are_of(blob)
    }

    /// All of it as bytes, for [`Self::from_bytes`].
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut bytes = MAGIC.to_vec();
        self.index.write(&mut bytes);
        bytes.extend((self.samples.0.len() as u64).to_le_bytes());
        bytes.extend(self.samples.0.iter().flat_map(|crc| crc.to_le_bytes()));
        self.noted.write(&mut bytes);
        let mut crc = Crc::new();
        crc.update(&bytes);
        bytes.extend(u64::from(crc.sum()).to_le_bytes());
        bytes
    }

    /// What [`Self::to_bytes`] wrote; none where it is damaged, or of another version.
    #[must_use]
    pub fn from_bytes(bytes: &[u8]) -> Option<Self> {
        let (content, check) = bytes.split_last_chunk::<NUMBER_BYTES>()?;
        let mut crc = Crc::new();
        crc.update(content);
        if u64::from(crc.sum()) != u64::from_le_bytes(*check) {
            return None;
        }
        let mut rest = content.strip_prefix(MAGIC)?;
        let index = LayerIndex::take(&mut rest)?;
        if !index.facts.is_current() {
            return None;
        }
        let (count, rest) = rest.split_first_chunk::<NUMBER_BYTES>()?;
        let length = usize::try_from(u64::from_le_bytes(*count))
            .ok()?
            .checked_mul(4)?;
        let (samples, rest) = rest.split_at_checked(length)?;
        let samples = samples.as_chunks().0.iter();
        let samples = samples.map(|crc| u32::from_le_bytes(*crc)).collect();
        Some(Self {
            index: Arc::new(index),
            noted: Arc::new(Noted::read(rest)?),
            samples: Samples(samples),
        })
    }
}

/// A layer that was read, but for its digest.
#[derive(Debug)]
pub struct Undigested(LayerRead);

impl Undigested {
    /// The layer, by the SHA-256 of all bytes of its blob.
    #[must_use]
    pub fn with_sha256(self, sha256: [u8; 32]) -> LayerRead {
        let mut index = Arc::unwrap_or_clone(self.0.index);
        index.digest = Digest::from_sha256(sha256);
        if index.compression == Compression::None {
            index.diff_id = index.diff_id.map(|_| DiffId::new(index.digest));
        }
        LayerRead {
            index: Arc::new(index),
            ..self.0
        }
    }
}

/// Hashes nothing: somebody else has all the bytes.
struct Elsewhere;

impl HashBeside for Elsewhere {
    fn update(&mut self, _: &[u8]) {}

    fn finish(self: Box<Self>) -> Option<[u8; 32]> {
        Some([0; 32])
    }
}

impl LayerIndex {
    /// What it takes of the limits: entries, and bytes of names and the like.
    pub(super) fn needs(&self) -> (usize, usize) {
        let marks = self.whiteouts.iter().chain(&self.opaque);
        let names = self
            .entries
            .iter()
            .map(|entry| entry.path.len() + entry.link.as_deref().map_or(0, str::len))
            .chain(marks.map(String::len))
            .chain(self.problems.iter().map(bytes_of))
            .chain([self.facts.bytes()]);
        let entries = self.entries.len() + self.whiteouts.len() + self.opaque.len();
        (entries, names.sum())
    }
}

impl Limits {
    /// What each of so many readers may be made to keep at the same time, so that together they keep no more than one.
    #[must_use]
    pub fn shared_by(self, readers: usize) -> Self {
        Self {
            entries: self.entries / readers.max(1),
            name_bytes: self.name_bytes / readers.max(1),
            ..self
        }
    }
}
