//! One 512-byte tar header: its fields as they stand, checked.

use super::pax::Extended;
use super::sparse::SparseHeaders;
use super::{BLOCK_BYTES, TarEntry, TarError, TarKind};

/// Bytes of a header.
pub(super) const BLOCK_BYTES_USIZE: usize = BLOCK_BYTES as usize;

/// The fields of a header that are needed to go on.
pub(super) struct Header {
    /// The type flag.
    pub(super) flag: u8,
    /// Bytes of content that the header claims.
    pub(super) size: u64,
    /// Where it stands, in bytes of the tar.
    pub(super) offset: u64,
    /// What an old GNU sparse header says.
    pub(super) sparse: SparseHeaders,
    /// More blocks of its map follow.
    pub(super) sparse_continues: bool,
    path: Vec<u8>,
    link: Vec<u8>,
    mode: u32,
    uid: u64,
    gid: u64,
    mtime: i64,
    device: (u32, u32),
}

impl Header {
    /// Reads a block, whose checksum must fit.
    pub(super) fn parse(block: &[u8; BLOCK_BYTES_USIZE], offset: u64) -> Result<Self, TarError> {
        if !checksum_fits(block) {
            return Err(TarError::Checksum { offset });
        }
        let number =
            |range: std::ops::Range<usize>, expected| number(&block[range], expected, offset);
        let flag = block[156];
        let is_ustar = &block[257..263] == b"ustar\0";
        let mut path = text(&block[0..100]).to_vec();
        let prefix = text(&block[345..500]);
        // GNU headers ("ustar  ") keep times where POSIX keeps the prefix.
        if is_ustar && !prefix.is_empty() {
            path = [prefix, b"/", &path].concat();
        }
        let is_device = matches!(flag, b'3' | b'4');
        let device = match is_device {
            true => (
                narrow(number(329..337, "a device's major number")?),
                narrow(number(337..345, "a device's minor number")?),
            ),
            false => (0, 0),
        };
        let (sparse, sparse_continues) = match flag {
            b'S' => SparseHeaders::old(block),
            _ => Default::default(),
        };
        Ok(Self {
            flag,
            size: u64::try_from(number(124..136, "a size")?).unwrap_or(u64::MAX),
            offset,
            sparse,
            sparse_continues,
            path,
            link: text(&block[157..257]).to_vec(),
            mode: narrow(number(100..108, "a mode")?) & 0o7777,
            uid: wide(number(108..116, "an owner")?),
            gid: wide(number(116..124, "a group")?),
            mtime: i64::try_from(number(136..148, "a time")?).unwrap_or(i64::MAX),
            device,
        })
    }

    /// The entry, with what the records before it say in place of the header's own fields, and what is said of a sparse one: its
    /// map may stand before its content.
    pub(super) fn into_entry(self, mut extended: Extended) -> (TarEntry, SparseHeaders) {
        let path = extended.take_path().unwrap_or(self.path);
        let link = extended.take_link().unwrap_or(self.link);
        let extended = extended.pax;
        let sparse = match extended.sparse.is_sparse {
            true => extended.sparse,
            false => self.sparse,
        };
        let kind = match self.flag {
            // A file, once its map was read.
            _ if sparse.is_sparse => TarKind::Other(b'S'),
            // Before ustar, a folder was a file whose name ends in a slash.
            0 | b'0' if path.ends_with(b"/") => TarKind::Directory,
            0 | b'0' | b'7' => TarKind::File,
            b'1' => TarKind::Hardlink,
            b'2' => TarKind::Symlink,
            b'3' => TarKind::CharDevice,
            b'4' => TarKind::BlockDevice,
            b'5' => TarKind::Directory,
            b'6' => TarKind::Fifo,
            other => TarKind::Other(other),
        };
        let is_link = matches!(kind, TarKind::Hardlink | TarKind::Symlink);
        let entry = TarEntry {
            path,
            kind,
            mode: self.mode,
            uid: extended.uid.unwrap_or(self.uid),
            gid: extended.gid.unwrap_or(self.gid),
            mtime: extended.mtime.map_or(self.mtime, |(seconds, _)| seconds),
            mtime_ns: extended.mtime.map_or(0, |(_, nanoseconds)| nanoseconds),
            size: extended.size.unwrap_or(self.size),
            link: is_link.then_some(link),
            device: self.device,
            xattrs: extended.xattrs.into_iter().collect(),
            offset: self.offset,
            content_offset: self.offset,
            sparse: None,
        };
        (entry, sparse)
    }
}

/// The sum of all bytes, the checksum's own field read as blanks; old tars summed signed bytes.
fn checksum_fits(block: &[u8; BLOCK_BYTES_USIZE]) -> bool {
    let Ok(claimed) = number(&block[148..156], "a checksum", 0) else {
        return false;
    };
    let bytes = || {
        block.iter().enumerate().map(|(at, byte)| {
            if (148..156).contains(&at) {
                b' '
            } else {
                *byte
            }
        })
    };
    let unsigned: i128 = bytes().map(i128::from).sum();
    let signed: i128 = bytes().map(|byte| i128::from(byte.cast_signed())).sum();
    claimed == unsigned || claimed == signed
}

/// A field's text: up to its first NUL.
fn text(field: &[u8]) -> &[u8] {
    let end = field
        .iter()
        .position(|byte| *byte == 0)
        .unwrap_or(field.len());
    &field[..end]
}

/// A field's number: octal digits, or GNU's base 256 where the first bit is set. An empty field is 0.
pub(super) fn number(field: &[u8], expected: &'static str, offset: u64) -> Result<i128, TarError> {
    if field[0] & 0x80 != 0 {
        // Two's complement; the marking bit is not part of the number, the next one is its sign.
        let first = i128::from(((field[0] << 1).cast_signed()) >> 1);
        return Ok(field[1..]
            .iter()
            .fold(first, |value, byte| value << 8 | i128::from(*byte)));
    }
    let digits = text(field).trim_ascii();
    let wrong = || TarError::Field {
        offset,
        expected,
        found: String::from_utf8_lossy(digits).into_owned(),
    };
    digits.iter().try_fold(0i128, |value, digit| match digit {
        b'0'..=b'7' => Ok(value << 3 | i128::from(digit - b'0')),
        _ => Err(wrong()),
    })
}

/// A number as an id; a negative one is no one's.
fn wide(number: i128) -> u64 {
    u64::try_from(number).unwrap_or(u64::MAX)
}

/// A number as 32 bits; what does not fit is cut, as the kernel would.
fn narrow(number: i128) -> u32 {
    u32::try_from(number & i128::from(u32::MAX)).unwrap_or(0)
}
