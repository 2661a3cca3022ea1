//! The index of one layer: its paths, both digests and sizes, from one pass over its bytes.
//!
//! Separate from the analysis, because a layer is read alone (by its own thread or worker, where there are several), and the
//! same layer serves many images. Memory depends on the number of entries, never on their size. What is wrong with a
//! layer becomes a [`Problem`], and what could be read before it stands; only a source that fails is an error.

use std::io::{self, BufRead, Read};

use serde::{Deserialize, Serialize};

use super::access::{EntryPlace, Noted, Recorder};
use super::content_sum::{Take, checksum};
use super::estargz::{self, Tail};
use super::hashing::HashersBeside;
use super::holdings::{Gatherer, LayerFacts};
use super::path::{Mark, NormalPath, PATH_BYTES_MAX, escapes_root, mark_of, normalise, parent};
use super::read_at::Capped;
use super::tar::{TarEntry, TarError, TarKind, TarReader};
use super::{Compression, DiffId, Digest, DigestReader, EntryKind, Inflating, Problem};

/// What a reader may be made to keep or to do. The defaults are for input that nobody trusts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Entries that are kept of one layer; the rest is hashed and counted.
    pub entries: usize,
    /// Bytes of all names, link targets and problems that are kept of one layer.
    pub name_bytes: usize,
    /// Bytes that one layer may inflate to.
    pub uncompressed_bytes: u64,
    /// Bytes that the analyses of all images of an archive may take together: each lists what its layers hold.
    pub shown_bytes: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            // Large desktop and machine-learning images have some 300,000; each costs about 150 bytes.
            entries: 1_000_000,
            // 268 bytes a name with all entries used; a real tree's mean is 60.
            name_bytes: 256 << 20,
            // The largest public images have layers of some 20 GiB. A gzip bomb of 64 MiB can't make more than this.
            uncompressed_bytes: 64 << 30,
            // Ten images of 300,000 files each, and half of what a browser's WebAssembly may have.
            shown_bytes: 2 << 30,
        }
    }
}

/// Why a layer's index could not be made at all. A damaged layer is no error, see [`LayerIndex::problems`].
#[derive(Debug, thiserror::Error)]
pub enum LayerError {
    /// The source failed (or its progress was cancelled).
    #[error("reading the layer at byte {offset}: {source}")]
    Io {
        /// Where, in bytes of the blob.
        offset: u64,
        /// Why.
        source: io::Error,
    },
}

/// One layer, read once.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LayerIndex {
    /// The digest of the blob as it lies.
    pub digest: Digest,
    /// The digest of its tar; none where the tar could not be read to its end.
    pub diff_id: Option<DiffId>,
    /// How it lies.
    pub compression: Compression,
    /// The blob's bytes as it lies.
    pub size_bytes: u64,
    /// Its tar's bytes, as far as they could be read.
    pub uncompressed_bytes: u64,
    /// Its entries in the tar's order, whiteouts apart.
    pub entries: Vec<IndexEntry>,
    /// Paths that whiteouts remove from the layers below.
    pub whiteouts: Vec<String>,
    /// Folders that hide all that the layers below have in them.
    pub opaque: Vec<String>,
    /// What is wrong with it; `layer` is not set.
    pub problems: Vec<Problem>,
    /// What its files' contents told of packages and dangers.
    pub facts: LayerFacts,
}

/// One entry of a layer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct IndexEntry {
    /// The normalised path; never empty.
    pub path: Box<str>,
    /// What it is.
    pub kind: EntryKind,
    /// Permission bits.
    pub mode: u32,
    /// Owner.
    pub uid: u64,
    /// Group.
    pub gid: u64,
    /// Seconds since 1970.
    pub mtime: i64,
    /// Bytes of content that the layer holds.
    pub size_bytes: u64,
    /// The bytes of a sparse file, with the zeros that the layer leaves out; none for any other.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub apparent_bytes: Option<u64>,
    /// CRC-32 of the content, zeros included: with the size, whether two copies are alike. It is not proof against someone who means harm.
    pub crc: u32,
    /// Where a link leads: as it stands for a symbolic one, normalised for a hard one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub link: Option<Box<str>>,
}

impl IndexEntry {
    /// What two copies of the same content have in common: their bytes, zeros included, and their checksum.
    pub(super) fn content_key(&self) -> (u64, u32) {
        (self.apparent_bytes.unwrap_or(self.size_bytes), self.crc)
    }
}

impl LayerIndex {
    /// Reads a layer's blob, plain or compressed with gzip or zstd, to its end.
    ///
    /// # Errors
    /// [`LayerError::Io`] where `source` fails.
    pub fn read(mut source: impl Read, limits: &Limits) -> Result<Self, LayerError> {
        let (index, _) = Self::read_noting(&mut source, limits, None, HashersBeside::default())?;
        Ok(index)
    }

    /// As [`Self::read`], noting where the blob can be entered and where its entries lie; others hash where there are
    /// any. One function for all sources, so that its loops are compiled here, and once: a program that is built for its size
    /// may build this crate for speed.
    pub(super) fn read_noting(
        source: &mut dyn Read,
        limits: &Limits,
        recorder: Option<Recorder>,
        hashers: HashersBeside,
    ) -> Result<(Self, Noted), LayerError> {
        let mut blob = DigestReader::new(Watched {
            inner: source,
            failure: None,
            tail: Tail::default(),
        });
        let compression = match blob.peek(SNIFFED_BYTES) {
            Ok(start) => Compression::sniff(start),
            Err(source) => return Err(LayerError::Io { offset: 0, source }),
        };
        let mut collector = Collector::new(limits, compression);
        collector.places = recorder.is_some().then(Vec::new);
        let mut noted = None;
        let is_plain = compression == Compression::None;
        let HashersBeside {
            blob: whole,
            mut tar,
        } = hashers;
        if let Some(hasher) = whole.or_else(|| if is_plain { tar.take() } else { None }) {
            blob.hash_by(hasher);
        }
        let inflated = if is_plain {
            collector.read_tar(&mut blob);
            None
        } else if let Some(inflating) = Inflating::recording(&mut blob, compression, recorder) {
            let mut inside = DigestReader::new(Capped::new(inflating, limits.uncompressed_bytes));
            if let Some(hasher) = tar {
                inside.hash_by(hasher);
            }
            collector.read_tar(&mut inside);
            let (capped, digest, bytes) = inside.finish_beside();
            noted = capped.into_inner().into_recorder();
            Some((digest, bytes))
        } else {
            let message = format!(
                "expected a layer that is plain or compressed with gzip or zstd, as the OCI has them, but found one compressed with {}",
                compression.name()
            );
            collector.stop("compression", message, None, 0);
            None
        };
        let places = collector.places.take().unwrap_or_default();
        let index = collector.finish(blob, inflated)?;
        let noted = Noted::new(&index, noted, places);
        Ok((index, noted))
    }
}

/// Bytes that [`Compression::sniff`] looks at.
const SNIFFED_BYTES: usize = 6;

/// Remembers whether the source itself failed, which is told apart from damaged content, and the last of its bytes.
struct Watched<'s> {
    inner: &'s mut dyn Read,
    failure: Option<io::Error>,
    tail: Tail,
}

impl Read for Watched<'_> {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        let result = self.inner.read(out);
        match &result {
            Ok(count) => self.tail.push(&out[..*count]),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            // The error itself goes on to the reader above; its kind and text are kept.
            Err(error) => self.failure = Some(io::Error::new(error.kind(), error.to_string())),
        }
        result
    }
}

/// Most problems that are kept of one layer: enough to see what is wrong, too few to fill memory.
const LAYER_PROBLEMS_MAX: usize = 100;

/// Gathers a layer's entries within the limits.
struct Collector<'a> {
    limits: &'a Limits,
    compression: Compression,
    entries: Vec<IndexEntry>,
    whiteouts: Vec<String>,
    opaque: Vec<String>,
    problems: Vec<Problem>,
    name_bytes: usize,
    /// What contents tell.
    gatherer: Gatherer,
    /// Some problems are not kept.
    problems_are_cut: bool,
    /// Entries that did not fit the limits.
    dropped: u64,
    /// The tar was read to its end.
    complete: bool,
    /// Where entries lie, where that is noted.
    places: Option<Vec<EntryPlace>>,
}

impl<'a> Collector<'a> {
    fn new(limits: &'a Limits, compression: Compression) -> Self {
        Self {
            limits,
            compression,
            entries: Vec::new(),
            whiteouts: Vec::new(),
            opaque: Vec::new(),
            problems: Vec::new(),
            name_bytes: 0,
            gatherer: Gatherer::new(),
            problems_are_cut: false,
            dropped: 0,
            complete: false,
            places: None,
        }
    }

    /// Reads all entries, then whatever follows the tar's end, so that the digest is of everything.
    fn read_tar<R: Read>(&mut self, tar: &mut DigestReader<R>) {
        let mut reader = TarReader::new(&mut *tar);
        let mut last = None;
        loop {
            let read = reader.next_entry().and_then(|entry| {
                let Some(entry) = entry else {
                    return Ok(None);
                };
                let normal = normalise(&entry.path);
                last = (normal.path.len() <= PATH_BYTES_MAX).then(|| normal.path.clone());
                let crc = self.read_content(&mut reader, &entry, &normal.path)?;
                Ok(Some((entry, normal, crc)))
            });
            match read {
                Ok(Some((entry, normal, crc))) => self.add(&entry, normal, crc),
                Ok(None) => break,
                Err(error) => return self.stop_at(&error, last),
            }
        }
        match tar.drain() {
            Ok(()) => self.complete = true,
            Err(source) => self.stop_at(
                &TarError::Io {
                    offset: tar.position(),
                    source,
                },
                last,
            ),
        }
    }

    /// Reads an entry's content to its end: its CRC-32, and what it tells.
    fn read_content<R: BufRead>(
        &mut self,
        reader: &mut TarReader<R>,
        entry: &TarEntry,
        path: &str,
    ) -> Result<u32, TarError> {
        let room = self.limits.name_bytes.saturating_sub(self.name_bytes);
        let before = self.gatherer.bytes();
        let is_kept = path.len() <= PATH_BYTES_MAX && mark_of(path) == Mark::None;
        let mut reading = match is_kept {
            true => self.gatherer.begin(path, entry, room),
            false => None,
        };
        let mut feed = reading
            .as_mut()
            .map(|reading| |piece: &[u8]| self.gatherer.feed(reading, piece));
        let feed = feed.as_mut().map(|feed| feed as Take<'_>);
        let crc = checksum(reader, entry, feed)?;
        if let Some(reading) = reading {
            self.gatherer.finish(reading, path, room);
        }
        self.name_bytes += self.gatherer.bytes() - before;
        Ok(crc)
    }

    /// Keeps an entry under its one spelling, or what its mark says.
    fn add(&mut self, entry: &TarEntry, normal: NormalPath, crc: u32) {
        let (path, offset) = (normal.path, entry.offset);
        if let Some(danger) = normal.danger {
            let message = format!(
                "expected a relative path, but found {danger}: {}",
                shown(&entry.path)
            );
            self.problem("unsafe-path", message, Some(&path), offset);
        }
        if path.len() > PATH_BYTES_MAX {
            let message = format!(
                "expected a path of at most {PATH_BYTES_MAX} bytes, but found {}",
                path.len()
            );
            self.problem("limit", message, None, offset);
            return;
        }
        let link = entry
            .link
            .as_deref()
            .map(|raw| self.link(entry, &path, raw));
        let kept_bytes = path.len() + link.as_deref().map_or(0, str::len);
        let kept_entries = self.entries.len() + self.whiteouts.len() + self.opaque.len();
        if kept_entries >= self.limits.entries
            || self.name_bytes + kept_bytes > self.limits.name_bytes
        {
            self.dropped += 1;
            return;
        }
        self.name_bytes += kept_bytes;
        match mark_of(&path) {
            Mark::Whiteout(hidden) => self.whiteouts.push(hidden),
            Mark::Opaque(folder) => self.opaque.push(folder),
            Mark::Ignored => {}
            // The root folder itself: every layer may have it, and it says nothing.
            Mark::None if path.is_empty() => {}
            Mark::None => {
                let Some(kind) = self.kind(entry, &path) else {
                    return;
                };
                if let Some(places) = &mut self.places {
                    places.push(EntryPlace::new(&path, offset));
                }
                self.entries.push(IndexEntry {
                    path: path.into_boxed_str(),
                    kind,
                    mode: entry.mode,
                    uid: entry.uid,
                    gid: entry.gid,
                    mtime: entry.mtime,
                    size_bytes: entry.size,
                    apparent_bytes: entry.sparse.as_ref().map(|map| map.size),
                    crc,
                    link,
                });
            }
        }
    }

    /// A link's target as it is kept.
    fn link(&mut self, entry: &TarEntry, path: &str, raw: &[u8]) -> Box<str> {
        let mut target = String::from_utf8_lossy(raw).into_owned();
        if target.len() > PATH_BYTES_MAX {
            let message = format!(
                "expected a link's target of at most {PATH_BYTES_MAX} bytes, but found {}",
                target.len()
            );
            self.problem("limit", message, Some(path), entry.offset);
            target.truncate(target.floor_char_boundary(PATH_BYTES_MAX));
        }
        if entry.kind == TarKind::Hardlink {
            let normal = normalise(target.as_bytes());
            if let Some(danger) = normal.danger {
                let message = format!(
                    "expected a hard link to a relative path, but found {danger}: {}",
                    shown(raw)
                );
                self.problem("unsafe-path", message, Some(path), entry.offset);
            }
            return normal.path.into_boxed_str();
        }
        if escapes_root(parent(path), &target) {
            let message = format!(
                "expected a link that stays under the image's root, but found one to {}",
                shown(raw)
            );
            self.problem("unsafe-path", message, Some(path), entry.offset);
        }
        target.into_boxed_str()
    }

    /// What an entry is; none, with a problem, for what images have no use for.
    fn kind(&mut self, entry: &TarEntry, path: &str) -> Option<EntryKind> {
        let kind = kind_of(entry.kind);
        if let (None, TarKind::Other(flag)) = (kind, entry.kind) {
            let what = if flag == b'S' {
                "a sparse file whose map is damaged".to_owned()
            } else {
                format!("the type {:?}", char::from(flag))
            };
            let message =
                format!("expected a file, folder, link, device or pipe, but found {what}");
            self.problem("bad-entry", message, Some(path), entry.offset);
        }
        kind
    }

    fn problem(&mut self, code: &str, message: String, entry: Option<&str>, offset: u64) {
        let bytes = message.len() + entry.map_or(0, str::len);
        let fits = self.name_bytes + bytes <= self.limits.name_bytes;
        if self.problems.len() < LAYER_PROBLEMS_MAX && fits {
            self.name_bytes += bytes;
            let entry = entry.map(str::to_owned);
            self.problems.push(Problem {
                code: code.to_owned(),
                message,
                layer: None,
                entry,
                offset: Some(offset),
            });
        } else if !self.problems_are_cut {
            self.problems_are_cut = true;
            let message = format!(
                "found more than {} problems in this layer; the others are not listed",
                self.problems.len()
            );
            self.problems.push(Problem {
                code: "limit".to_owned(),
                message,
                layer: None,
                entry: None,
                offset: None,
            });
        }
    }

    /// Notes why the layer was not read on; never left out, however many problems there are.
    fn stop(&mut self, code: &str, message: String, entry: Option<String>, offset: u64) {
        self.problems.push(Problem {
            code: code.to_owned(),
            message,
            layer: None,
            entry,
            offset: Some(offset),
        });
    }

    fn stop_at(&mut self, error: &TarError, last: Option<String>) {
        let (code, message) = match error {
            TarError::Io { source, .. } => self.stop_of(source),
            TarError::Truncated { .. } => ("truncated", error.to_string()),
            TarError::TooLarge { .. } => ("limit", error.to_string()),
            TarError::Checksum { .. } | TarError::Field { .. } => ("bad-entry", error.to_string()),
        };
        self.stop(code, message, last, error.offset());
    }

    /// Code and message for what the decompressor says.
    fn stop_of(&self, source: &io::Error) -> (&'static str, String) {
        match (source.kind(), self.compression) {
            (io::ErrorKind::FileTooLarge, _) => {
                let most = self.limits.uncompressed_bytes;
                (
                    "limit",
                    format!("expected a layer of at most {most} bytes, but found more"),
                )
            }
            (io::ErrorKind::QuotaExceeded, _) => ("limit", source.to_string()),
            (io::ErrorKind::UnexpectedEof, Compression::Zstd) => ("truncated", source.to_string()),
            (_, Compression::Zstd) => ("bad-zstd", source.to_string()),
            _ => (
                "bad-gzip",
                format!("expected gzip data, but found damage: {source}"),
            ),
        }
    }

    /// Takes out what a format for lazy pulling put beside the image's files, and says so.
    fn take_bookkeeping(&mut self, tail: &[u8]) {
        let Some(format) = estargz::format_of(self.compression, tail) else {
            return;
        };
        let mut names = Vec::new();
        self.entries.retain(|entry| {
            let stays = entry.kind != EntryKind::File || !estargz::is_name(&entry.path);
            if !stays && !names.contains(&entry.path) {
                names.push(entry.path.clone());
            }
            stays
        });
        if !names.is_empty() {
            let message = format!(
                "the layer is {format}; its bookkeeping is no part of the image and not shown: {}",
                names.join(", ")
            );
            self.problems.push(Problem {
                code: "bookkeeping".to_owned(),
                message,
                layer: None,
                entry: None,
                offset: None,
            });
        }
    }

    /// Reads the rest of the blob, so that its digest is known even where its content is damaged, and closes the index.
    fn finish(
        mut self,
        mut blob: DigestReader<Watched<'_>>,
        inflated: Option<(Option<Digest>, u64)>,
    ) -> Result<LayerIndex, LayerError> {
        if self.dropped > 0 {
            let message = format!(
                "expected at most {} entries with {} bytes of names, but found {} entries more, which are not shown",
                self.limits.entries, self.limits.name_bytes, self.dropped
            );
            self.stop("limit", message, None, 0);
        }
        if let Err(source) = blob.drain()
            && blob.inner_mut().failure.is_none()
        {
            return Err(LayerError::Io {
                offset: blob.position(),
                source,
            });
        }
        if let Some(source) = blob.inner_mut().failure.take() {
            return Err(LayerError::Io {
                offset: blob.position(),
                source,
            });
        }
        let offset = blob.position();
        let (watched, digest, size_bytes) = blob.finish_beside();
        let (tar_digest, uncompressed_bytes) = inflated.unwrap_or((digest, size_bytes));
        let (Some(digest), Some(tar_digest)) = (digest, tar_digest) else {
            let source =
                io::Error::other("expected its digest from beside, but nobody computed it");
            return Err(LayerError::Io { offset, source });
        };
        self.take_bookkeeping(watched.tail.bytes());
        let compression = self.compression;
        Ok(LayerIndex {
            digest,
            diff_id: (self.complete || compression == Compression::None)
                .then(|| DiffId::new(tar_digest)),
            compression,
            size_bytes,
            uncompressed_bytes,
            entries: self.entries,
            whiteouts: self.whiteouts,
            opaque: self.opaque,
            problems: self.problems,
            facts: self.gatherer.into_facts(),
        })
    }
}

/// What images call an entry of a tar; none for what they have no use for.
pub(super) fn kind_of(kind: TarKind) -> Option<EntryKind> {
    Some(match kind {
        TarKind::File => EntryKind::File,
        TarKind::Directory => EntryKind::Directory,
        TarKind::Symlink => EntryKind::Symlink,
        TarKind::Hardlink => EntryKind::Hardlink,
        TarKind::CharDevice => EntryKind::CharDevice,
        TarKind::BlockDevice => EntryKind::BlockDevice,
        TarKind::Fifo => EntryKind::Fifo,
        TarKind::Other(_) => return None,
    })
}

/// A raw name for a message: short, and never a control character.
pub(super) fn shown(raw: &[u8]) -> String {
    const SHOWN_BYTES: usize = 200;
    format!(
        "{:?}",
        String::from_utf8_lossy(&raw[..raw.len().min(SHOWN_BYTES)])
    )
}
