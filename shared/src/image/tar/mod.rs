//! A bounded, streaming reader of tar: every entry that a layer or an archive may hold, with its content.
//!
//! Our own loop, because a layer is hostile input: sizes are checked before they are used, what PAX and long-name records
//! take of memory is bounded, offsets are known for each message, and the rules are those of Docker's own reader where tars
//! leave room (an entry without content has none, whatever its header claims). It does not judge names: `..` and absolute
//! paths come out as they stand, see [`super::normalise`]. Of a sparse file the bytes that are stored are read, and where they belong is
//! told ([`TarEntry::sparse`]).
//!
//! Specification: POSIX.1-2017, "pax Interchange Format" and "ustar Interchange Format"; GNU tar's manual, "Basic Tar Format".

mod header;
mod pax;
mod sparse;

use std::io::{self, BufRead, Read, Seek, SeekFrom};

use header::{BLOCK_BYTES_USIZE, Header};
use pax::Extended;
use sparse::SparseHeaders;

pub use sparse::{SparseMap, Stored};

/// Bytes of a header, and what content is padded to.
const BLOCK_BYTES: u64 = 512;

/// Most bytes that all PAX and long-name headers before one entry may hold: Go's `archive/tar`, which Docker reads with,
/// allows each of them as much.
pub const METADATA_BYTES_MAX: u64 = 1024 * 1024;

/// Most such headers before one entry: tools write a long name, a long link and one PAX header, each once.
const METADATA_HEADERS_MAX: u64 = 16;

/// Largest content of one entry: ext4's largest file. What claims more is damaged or hostile.
pub const ENTRY_BYTES_MAX: u64 = 16 << 40;

/// Most continuation blocks of an old GNU sparse header, 21 ranges each; real ones have a few.
const SPARSE_BLOCKS_MAX: usize = 4096;

/// Why a tar can't be read on.
#[derive(Debug, thiserror::Error)]
pub enum TarError {
    /// The source failed, or what decompresses it did.
    #[error("reading the tar at byte {offset}: {source}")]
    Io {
        /// Where, in bytes of the tar.
        offset: u64,
        /// Why.
        source: io::Error,
    },
    /// It ends inside an entry.
    #[error("expected {expected} more bytes of {entry:?} at byte {offset}, but found the end")]
    Truncated {
        /// Where, in bytes of the tar.
        offset: u64,
        /// How many bytes are missing.
        expected: u64,
        /// The start of the entry's path as it stands, or `header`.
        entry: String,
    },
    /// A header's checksum is not that of its bytes.
    #[error("expected a tar header at byte {offset}, but found bytes whose checksum does not fit")]
    Checksum {
        /// Where, in bytes of the tar.
        offset: u64,
    },
    /// A header's field or a PAX record can't be read.
    #[error("expected {expected} in the header at byte {offset}, but found {found:?}")]
    Field {
        /// Where, in bytes of the tar.
        offset: u64,
        /// What should stand there.
        expected: &'static str,
        /// Its start.
        found: String,
    },
    /// A header claims more than a limit allows.
    #[error(
        "expected at most {limit} {what} at byte {offset}, but found a header that claims {found}"
    )]
    TooLarge {
        /// Where, in bytes of the tar.
        offset: u64,
        /// What is too large.
        what: &'static str,
        /// The limit.
        limit: u64,
        /// What the header claims.
        found: u64,
    },
}

impl TarError {
    /// Where it went wrong, in bytes of the tar.
    #[must_use]
    pub fn offset(&self) -> u64 {
        match self {
            Self::Io { offset, .. }
            | Self::Truncated { offset, .. }
            | Self::Checksum { offset }
            | Self::Field { offset, .. }
            | Self::TooLarge { offset, .. } => *offset,
        }
    }
}

/// What an entry is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TarKind {
    /// A regular file.
    File,
    /// A folder.
    Directory,
    /// A symbolic link.
    Symlink,
    /// A hard link to an earlier entry.
    Hardlink,
    /// A character device.
    CharDevice,
    /// A block device.
    BlockDevice,
    /// A named pipe.
    Fifo,
    /// A type that images have no use for, by its flag; `S` for a sparse file whose map is damaged.
    Other(u8),
}

/// One entry, with all that its headers say.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TarEntry {
    /// The path as it stands: not normalised, not trusted.
    pub path: Vec<u8>,
    /// What it is.
    pub kind: TarKind,
    /// Permission bits, set-id and sticky bits included.
    pub mode: u32,
    /// Owner.
    pub uid: u64,
    /// Group.
    pub gid: u64,
    /// Seconds since 1970.
    pub mtime: i64,
    /// Nanoseconds beyond `mtime`, where a PAX record gives them.
    pub mtime_ns: u32,
    /// Bytes of content, of a sparse file those that are stored; 0 for all but regular files (and unknown types).
    pub size: u64,
    /// Where a symbolic or hard link leads, as it stands.
    pub link: Option<Vec<u8>>,
    /// Major and minor number of a device.
    pub device: (u32, u32),
    /// Extended attributes, by name.
    pub xattrs: Vec<(String, Vec<u8>)>,
    /// Where its first header (PAX records included) begins, in bytes of the tar.
    pub offset: u64,
    /// Where its content begins, in bytes of the tar.
    pub content_offset: u64,
    /// Where the content of a sparse file belongs.
    pub sparse: Option<SparseMap>,
}

impl TarEntry {
    /// The file's bytes, a sparse one's zeros included.
    #[must_use]
    pub fn apparent_size(&self) -> u64 {
        self.sparse.as_ref().map_or(self.size, |map| map.size)
    }

    /// Where in the file its content belongs, in the order in which it is read.
    pub fn stored(&self) -> impl Iterator<Item = Stored> + '_ {
        let ranges = self.sparse.as_ref().map(SparseMap::ranges);
        let whole = Stored {
            offset: 0,
            length: self.size,
            at: 0,
        };
        let all = ranges.is_none().then_some(whole);
        ranges.unwrap_or_default().iter().copied().chain(all)
    }
}

/// What stood before the next entry's own header so far.
#[derive(Default)]
struct Metadata {
    bytes: u64,
    headers: u64,
}

/// Reads a tar entry by entry; as a [`Read`] it gives the content of the entry last handed out.
pub struct TarReader<R> {
    source: R,
    /// Skips bytes of the source and answers how many there were.
    skip: fn(&mut R, u64) -> io::Result<u64>,
    /// Offset of the source's next byte.
    position: u64,
    /// Bytes of the current entry's content that were not read.
    content_left: u64,
    /// Bytes of padding after that content.
    padding: u64,
    /// The current entry's path, for messages.
    current: String,
    ended: bool,
}

impl<R: BufRead> TarReader<R> {
    /// A reader that passes over content by reading it.
    pub fn new(source: R) -> Self {
        Self::with_skip(source, skip_by_reading)
    }
}

impl<R: BufRead + Seek> TarReader<R> {
    /// A reader that passes over content by seeking: the way to list a large archive.
    pub fn seekable(source: R) -> Self {
        Self::with_skip(source, skip_by_seeking)
    }
}

/// Skips by reading, without copying.
fn skip_by_reading<R: BufRead>(source: &mut R, count: u64) -> io::Result<u64> {
    let mut left = count;
    while left > 0 {
        let available = source.fill_buf()?.len();
        if available == 0 {
            break;
        }
        let step = available.min(usize::try_from(left).unwrap_or(usize::MAX));
        source.consume(step);
        left -= step as u64;
    }
    Ok(count - left)
}

/// Skips by seeking, but reads the last byte, so that a tar that ends early is noticed.
fn skip_by_seeking<R: BufRead + Seek>(source: &mut R, count: u64) -> io::Result<u64> {
    let Some(before_last) = count.checked_sub(1).and_then(|by| i64::try_from(by).ok()) else {
        return Ok(0);
    };
    let last = source.seek(SeekFrom::Current(before_last))?;
    if skip_by_reading(source, 1)? == 1 {
        return Ok(count);
    }
    let end = source.seek(SeekFrom::End(0))?;
    Ok(before_last
        .cast_unsigned()
        .saturating_sub(last - end.min(last)))
}

impl<R: BufRead> TarReader<R> {
    fn with_skip(source: R, skip: fn(&mut R, u64) -> io::Result<u64>) -> Self {
        Self {
            source,
            skip,
            position: 0,
            content_left: 0,
            padding: 0,
            current: String::new(),
            ended: false,
        }
    }

    /// The next entry; none at the end. What was not read of the last one's content is passed over.
    ///
    /// # Errors
    /// A [`TarError`]; after one, the tar can't be read on.
    pub fn next_entry(&mut self) -> Result<Option<TarEntry>, TarError> {
        if self.ended {
            return Ok(None);
        }
        self.pass_over_content()?;
        let start = self.position;
        let mut extended = Extended::default();
        let mut metadata = Metadata::default();
        loop {
            let offset = self.position;
            let Some(block) = self.read_block()? else {
                self.ended = true;
                return Ok(None);
            };
            let header = Header::parse(&block, offset)?;
            match header.flag {
                b'x' => extended.set_pax(&self.read_metadata(&header, &mut metadata)?, offset)?,
                b'L' => extended.set_long_name(self.read_metadata(&header, &mut metadata)?),
                b'K' => extended.set_long_link(self.read_metadata(&header, &mut metadata)?),
                // Global records: git's comment and such; Docker's reader passes them over too.
                b'g' => {
                    self.read_metadata(&header, &mut metadata)?;
                }
                _ => {
                    let continues = header.sparse_continues;
                    let (mut entry, mut sparse) = header.into_entry(extended);
                    if continues {
                        self.read_sparse_map(&mut sparse, offset)?;
                    }
                    entry.offset = start;
                    return self.begin_content(entry, sparse).map(Some);
                }
            }
        }
    }

    /// Ends the reading and gives the source back; it stands somewhere after the last entry.
    pub fn into_inner(self) -> R {
        self.source
    }

    /// Offset of the next byte, in bytes of the tar.
    pub fn position(&self) -> u64 {
        self.position
    }

    fn begin_content(
        &mut self,
        mut entry: TarEntry,
        sparse: SparseHeaders,
    ) -> Result<TarEntry, TarError> {
        if !matches!(entry.kind, TarKind::File | TarKind::Other(_)) {
            entry.size = 0;
        }
        check_size(
            entry.size,
            ENTRY_BYTES_MAX,
            "bytes of content",
            entry.offset,
        )?;
        entry.content_offset = self.position;
        self.content_left = entry.size;
        self.padding = padding(entry.size);
        self.current = shown(&entry.path);
        if sparse.is_sparse && entry.kind == TarKind::Other(b'S') {
            let size = entry.size;
            if let Some((map, taken)) = sparse.map(size, &mut *self) {
                entry.kind = TarKind::File;
                entry.size = size - taken;
                entry.sparse = Some(map);
            }
            entry.content_offset = self.position;
        }
        Ok(entry)
    }

    fn pass_over_content(&mut self) -> Result<(), TarError> {
        let left = self.content_left;
        let skipped = (self.skip)(&mut self.source, left).map_err(|source| self.failed(source))?;
        self.position += skipped;
        if skipped < left {
            return Err(self.truncated(left - skipped));
        }
        // Some tools leave out the padding of the last file; nothing of it is missed.
        let padding = skip_by_reading(&mut self.source, self.padding);
        self.position += padding.map_err(|source| self.failed(source))?;
        self.content_left = 0;
        self.padding = 0;
        Ok(())
    }

    /// The next header block; none at the end: two empty blocks, one, or nothing at all.
    fn read_block(&mut self) -> Result<Option<[u8; BLOCK_BYTES_USIZE]>, TarError> {
        let mut block = [0; BLOCK_BYTES_USIZE];
        let mut filled = 0;
        while filled < block.len() {
            match self.source.read(&mut block[filled..]) {
                Ok(0) => break,
                Ok(count) => filled += count,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(source) => return Err(self.failed(source)),
            }
        }
        self.position += filled as u64;
        if filled == 0 || (filled == block.len() && block.iter().all(|byte| *byte == 0)) {
            return Ok(None);
        }
        if filled < block.len() {
            "header".clone_into(&mut self.current);
            return Err(self.truncated((block.len() - filled) as u64));
        }
        Ok(Some(block))
    }

    /// The content of a record about the next entry.
    fn read_metadata(
        &mut self,
        header: &Header,
        before: &mut Metadata,
    ) -> Result<Vec<u8>, TarError> {
        before.bytes = before.bytes.saturating_add(header.size);
        before.headers += 1;
        check_size(
            before.bytes,
            METADATA_BYTES_MAX,
            "bytes of PAX and long-name headers before one entry",
            header.offset,
        )?;
        check_size(
            before.headers,
            METADATA_HEADERS_MAX,
            "PAX and long-name headers before one entry",
            header.offset,
        )?;
        self.content_left = header.size;
        self.padding = padding(header.size);
        "header".clone_into(&mut self.current);
        let mut content = Vec::new();
        let read = self.read_to_end(&mut content);
        read.map_err(|source| self.failed(source))?;
        self.pass_over_content()?;
        Ok(content)
    }

    /// Old GNU sparse headers continue in blocks of their own, each of which says whether another follows.
    fn read_sparse_map(&mut self, sparse: &mut SparseHeaders, offset: u64) -> Result<(), TarError> {
        for _ in 0..SPARSE_BLOCKS_MAX {
            match self.read_block()? {
                Some(block) if sparse.go_on(&block) => {}
                _ => return Ok(()),
            }
        }
        let found = SPARSE_BLOCKS_MAX as u64 + 1;
        Err(TarError::TooLarge {
            offset,
            what: "blocks of a sparse file's map",
            limit: found - 1,
            found,
        })
    }

    fn failed(&self, source: io::Error) -> TarError {
        if source.kind() == io::ErrorKind::UnexpectedEof {
            return self.truncated(self.content_left.max(1));
        }
        TarError::Io {
            offset: self.position,
            source,
        }
    }

    fn truncated(&self, expected: u64) -> TarError {
        TarError::Truncated {
            offset: self.position,
            expected,
            entry: self.current.clone(),
        }
    }
}

impl<R: BufRead> Read for TarReader<R> {
    /// Reads the current entry's content. A tar that ends inside it is [`io::ErrorKind::UnexpectedEof`].
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        let count = out
            .len()
            .min(usize::try_from(self.content_left).unwrap_or(usize::MAX));
        if count == 0 {
            return Ok(0);
        }
        let read = self.source.read(&mut out[..count])?;
        if read == 0 {
            return Err(io::Error::new(
                io::ErrorKind::UnexpectedEof,
                "the tar ends inside an entry",
            ));
        }
        self.position += read as u64;
        self.content_left -= read as u64;
        Ok(read)
    }
}

impl<R: BufRead> BufRead for TarReader<R> {
    /// What is buffered of the current entry's content, without a copy.
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        if self.content_left == 0 {
            return Ok(&[]);
        }
        let available = self.source.fill_buf()?;
        if available.is_empty() {
            return Err(io::Error::new(
                io::ErrorKind::UnexpectedEof,
                "the tar ends inside an entry",
            ));
        }
        let count = available
            .len()
            .min(usize::try_from(self.content_left).unwrap_or(usize::MAX));
        Ok(&available[..count])
    }

    fn consume(&mut self, count: usize) {
        self.source.consume(count);
        self.position += count as u64;
        self.content_left = self.content_left.saturating_sub(count as u64);
    }
}

/// A path's start, for a message.
pub(super) fn shown(path: &[u8]) -> String {
    const SHOWN_BYTES: usize = 200;
    String::from_utf8_lossy(&path[..path.len().min(SHOWN_BYTES)]).into_owned()
}

/// Zero bytes after content of this size.
fn padding(size: u64) -> u64 {
    (BLOCK_BYTES - size % BLOCK_BYTES) % BLOCK_BYTES
}

/// Refuses what claims more than the limit, before anything is read or reserved for it.
fn check_size(found: u64, limit: u64, what: &'static str, offset: u64) -> Result<(), TarError> {
    if found > limit {
        Err(TarError::TooLarge {
            offset,
            what,
            limit,
            found,
        })
    } else {
        Ok(())
    }
}
