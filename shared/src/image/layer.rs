//! The index of one layer: its paths, both digests and sizes, from one pass over its bytes.
//!
//! Separate from the analysis, because a layer is read alone (by its own thread or worker, where there are several), and the
//! same layer serves many images. Memory depends on the number of entries, never on their size. What is wrong with a
//! layer becomes a [`Problem`], and what could be read before it stands; only a source that fails is an error.

use std::io::{self, BufRead, Read};

use flate2::bufread::MultiGzDecoder;
use serde::{Deserialize, Serialize};

use super::path::{Mark, PATH_BYTES_MAX, escapes_root, mark_of, normalise, parent};
use super::read_at::Capped;
use super::tar::{TarEntry, TarError, TarKind, TarReader};
use super::{Compression, DiffId, Digest, DigestReader, EntryKind, Problem};

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
    /// Bytes of content.
    pub size_bytes: u64,
    /// CRC-32 of the content: with the size, whether two copies are alike. It is not proof against someone who means harm.
    pub crc: u32,
    /// Where a link leads: as it stands for a symbolic one, normalised for a hard one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub link: Option<Box<str>>,
}

impl LayerIndex {
    /// Reads a layer's blob, plain or gzipped, to its end.
    ///
    /// # Errors
    /// [`LayerError::Io`] where `source` fails.
    pub fn read(source: impl Read, limits: &Limits) -> Result<Self, LayerError> {
        let mut blob = DigestReader::new(Watched {
            inner: source,
            failure: None,
        });
        let compression = match blob.peek(4) {
            Ok(start) => Compression::sniff(start),
            Err(source) => return Err(LayerError::Io { offset: 0, source }),
        };
        let mut collector = Collector::new(limits);
        let inflated = match compression {
            Compression::None => {
                collector.read_tar(&mut blob);
                None
            }
            Compression::Gzip => {
                let mut tar = DigestReader::new(Capped::new(
                    MultiGzDecoder::new(&mut blob),
                    limits.uncompressed_bytes,
                ));
                collector.read_tar(&mut tar);
                let (_, digest, bytes) = tar.finish();
                Some((digest, bytes))
            }
            Compression::Zstd => {
                let message = "expected a plain or gzipped layer, but found one compressed with zstd, which is not read yet";
                collector.stop("zstd", message.to_owned(), None, 0);
                None
            }
        };
        collector.finish(blob, compression, inflated)
    }
}

/// Remembers whether the source itself failed, which is told apart from damaged content.
struct Watched<R> {
    inner: R,
    failure: Option<io::Error>,
}

impl<R: Read> Read for Watched<R> {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        let result = self.inner.read(out);
        if let Err(error) = &result
            && error.kind() != io::ErrorKind::Interrupted
        {
            // The error itself goes on to the reader above; its kind and text are kept.
            self.failure = Some(io::Error::new(error.kind(), error.to_string()));
        }
        result
    }
}

/// Most problems that are kept of one layer: enough to see what is wrong, too few to fill memory.
const LAYER_PROBLEMS_MAX: usize = 100;

/// Gathers a layer's entries within the limits.
struct Collector<'a> {
    limits: &'a Limits,
    entries: Vec<IndexEntry>,
    whiteouts: Vec<String>,
    opaque: Vec<String>,
    problems: Vec<Problem>,
    name_bytes: usize,
    /// Some problems are not kept.
    problems_are_cut: bool,
    /// Entries that did not fit the limits.
    dropped: u64,
    /// The tar was read to its end.
    complete: bool,
}

impl<'a> Collector<'a> {
    fn new(limits: &'a Limits) -> Self {
        Self {
            limits,
            entries: Vec::new(),
            whiteouts: Vec::new(),
            opaque: Vec::new(),
            problems: Vec::new(),
            name_bytes: 0,
            problems_are_cut: false,
            dropped: 0,
            complete: false,
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
                last =
                    Some(normalise(&entry.path).path).filter(|path| path.len() <= PATH_BYTES_MAX);
                let crc = checksum(&mut reader, &entry)?;
                Ok(Some((entry, crc)))
            });
            match read {
                Ok(Some((entry, crc))) => self.add(&entry, crc),
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

    /// Keeps an entry under its one spelling, or what its mark says.
    fn add(&mut self, entry: &TarEntry, crc: u32) {
        let normal = normalise(&entry.path);
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
                self.entries.push(IndexEntry {
                    path: path.into_boxed_str(),
                    kind,
                    mode: entry.mode,
                    uid: entry.uid,
                    gid: entry.gid,
                    mtime: entry.mtime,
                    size_bytes: entry.size,
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
        Some(match entry.kind {
            TarKind::File => EntryKind::File,
            TarKind::Directory => EntryKind::Directory,
            TarKind::Symlink => EntryKind::Symlink,
            TarKind::Hardlink => EntryKind::Hardlink,
            TarKind::CharDevice => EntryKind::CharDevice,
            TarKind::BlockDevice => EntryKind::BlockDevice,
            TarKind::Fifo => EntryKind::Fifo,
            TarKind::Other(flag) => {
                let what = if flag == b'S' {
                    "a sparse file".to_owned()
                } else {
                    format!("the type {:?}", char::from(flag))
                };
                let message =
                    format!("expected a file, folder, link, device or pipe, but found {what}");
                self.problem("bad-entry", message, Some(path), entry.offset);
                return None;
            }
        })
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
        let code = match error {
            TarError::Io { source, .. } if source.kind() == io::ErrorKind::FileTooLarge => "limit",
            TarError::Io { .. } => "bad-gzip",
            TarError::Truncated { .. } => "truncated",
            TarError::TooLarge { .. } => "limit",
            TarError::Checksum { .. } | TarError::Field { .. } => "bad-entry",
        };
        let message = match error {
            TarError::Io { source, .. } if source.kind() == io::ErrorKind::FileTooLarge => {
                format!(
                    "expected a layer of at most {} bytes, but found more",
                    self.limits.uncompressed_bytes
                )
            }
            TarError::Io { source, .. } => {
                format!("expected gzip data, but found damage: {source}")
            }
            other => other.to_string(),
        };
        self.stop(code, message, last, error.offset());
    }

    /// Reads the rest of the blob, so that its digest is known even where its content is damaged, and closes the index.
    fn finish<R: Read>(
        mut self,
        mut blob: DigestReader<Watched<R>>,
        compression: Compression,
        inflated: Option<(Digest, u64)>,
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
        let (_, digest, size_bytes) = blob.finish();
        let (tar_digest, uncompressed_bytes) = inflated.unwrap_or((digest, size_bytes));
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
        })
    }
}

/// CRC-32 of an entry's content, which is read to its end.
fn checksum<R: BufRead>(reader: &mut TarReader<R>, entry: &TarEntry) -> Result<u32, TarError> {
    let mut crc = flate2::Crc::new();
    loop {
        let offset = reader.position();
        let piece = match reader.fill_buf() {
            Ok(piece) => piece,
            Err(source) if source.kind() == io::ErrorKind::UnexpectedEof => {
                let read = offset - entry.content_offset;
                let entry_name = super::tar::shown(&entry.path);
                return Err(TarError::Truncated {
                    offset,
                    expected: entry.size.saturating_sub(read),
                    entry: entry_name,
                });
            }
            Err(source) => return Err(TarError::Io { offset, source }),
        };
        if piece.is_empty() {
            return Ok(crc.sum());
        }
        crc.update(piece);
        let count = piece.len();
        reader.consume(count);
    }
}

/// A raw name for a message: short, and never a control character.
pub(super) fn shown(raw: &[u8]) -> String {
    const SHOWN_BYTES: usize = 200;
    format!(
        "{:?}",
        String::from_utf8_lossy(&raw[..raw.len().min(SHOWN_BYTES)])
    )
}
