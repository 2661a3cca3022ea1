//! Writing a layer's tar: the same entries give the same bytes.
//!
//! The format is ustar (POSIX.1-1988), with a PAX header (POSIX.1-2001, `pax`, "Extended Header") before each entry that
//! ustar can't say: long or non-ASCII names, large numbers, extended attributes. Times are whole seconds, as Docker and
//! BuildKit write them, so that a layer doesn't depend on the precision of the filesystem it was made on.

use std::io::{self, Read, Write};

use crate::tree::xattr::Xattr;

/// Everything in a tar comes in blocks of this many bytes.
const BLOCK_BYTES: usize = 512;

/// What ends a tar: two blocks of zeros.
const END: [u8; 2 * BLOCK_BYTES] = [0; 2 * BLOCK_BYTES];

/// How PAX spells an extended attribute.
const XATTR_RECORD: &str = "SCHILY.xattr.";

/// The type flag of an entry.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Type {
    File = b'0' as isize,
    HardLink = b'1' as isize,
    Symlink = b'2' as isize,
    CharDevice = b'3' as isize,
    BlockDevice = b'4' as isize,
    Folder = b'5' as isize,
    Fifo = b'6' as isize,
}

/// One entry's header.
#[derive(Clone, Debug)]
pub(crate) struct Header<'a> {
    pub(crate) entry_type: Type,
    /// Relative, without a trailing slash.
    pub(crate) path: &'a [u8],
    /// Where a link leads.
    pub(crate) link: &'a [u8],
    pub(crate) mode: u32,
    pub(crate) uid: u32,
    pub(crate) gid: u32,
    /// Seconds since 1970.
    pub(crate) mtime: i64,
    pub(crate) size: u64,
    /// Major and minor number.
    pub(crate) device: (u32, u32),
    /// Sorted by name.
    pub(crate) xattrs: &'a [Xattr],
}

impl<'a> Header<'a> {
    /// A header with nothing but type and path: mode 0, root's, 1970, empty.
    pub(crate) fn new(entry_type: Type, path: &'a [u8]) -> Self {
        Self {
            entry_type,
            path,
            link: &[],
            mode: 0,
            uid: 0,
            gid: 0,
            mtime: 0,
            size: 0,
            device: (0, 0),
            xattrs: &[],
        }
    }
}

/// Writes entries one after the other.
#[derive(Debug)]
pub(crate) struct TarWriter<W> {
    inner: W,
    buffer: Vec<u8>,
}

impl<W: Write> TarWriter<W> {
    pub(crate) fn new(inner: W) -> Self {
        Self {
            inner,
            buffer: vec![0; 128 << 10],
        }
    }

    /// An entry without content.
    pub(crate) fn entry(&mut self, header: &Header<'_>) -> io::Result<()> {
        let mut path = header.path.to_owned();
        if header.entry_type == Type::Folder {
            path.push(b'/');
        }
        let records = records(header, &path);
        if !records.is_empty() {
            self.extended_header(header, &records)?;
        }
        self.inner.write_all(&block(header, &path))
    }

    /// A file with its content, of exactly [`Header::size`] bytes; `progress` is told the bytes of each piece, and
    /// ends the writing with an error of its own.
    ///
    /// # Errors
    /// [`io::ErrorKind::UnexpectedEof`] where the content ends before, and that of `progress`.
    pub(crate) fn file(
        &mut self,
        header: &Header<'_>,
        content: &mut dyn Read,
        progress: &mut dyn FnMut(u64) -> io::Result<()>,
    ) -> io::Result<()> {
        self.entry(header)?;
        let mut left = header.size;
        while left > 0 {
            let most = self
                .buffer
                .len()
                .min(usize::try_from(left).unwrap_or(usize::MAX));
            let count = content.read(&mut self.buffer[..most])?;
            if count == 0 {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
            self.inner.write_all(&self.buffer[..count])?;
            left -= count as u64;
            progress(count as u64)?;
        }
        self.pad(header.size)
    }

    /// Writes the end, and gives the inner writer back.
    pub(crate) fn finish(mut self) -> io::Result<W> {
        self.inner.write_all(&END)?;
        Ok(self.inner)
    }

    fn extended_header(&mut self, header: &Header<'_>, records: &[u8]) -> io::Result<()> {
        // Readers that don't know PAX make a file of this: its name says whose it is, and nothing that varies.
        let last = header
            .path
            .rsplit(|&byte| byte == b'/')
            .next()
            .unwrap_or_default();
        let mut name = b"PaxHeaders.0/".to_vec();
        name.extend(
            last.iter()
                .map(|&byte| if byte.is_ascii_graphic() { byte } else { b'_' })
                .take(80),
        );
        let mut extended = Header::new(Type::File, &name);
        extended.mode = 0o644;
        extended.size = records.len() as u64;
        let mut bytes = block(&extended, &name);
        bytes[156] = b'x';
        set_checksum(&mut bytes);
        self.inner.write_all(&bytes)?;
        self.inner.write_all(records)?;
        self.pad(records.len() as u64)
    }

    fn pad(&mut self, size: u64) -> io::Result<()> {
        let over = (size % BLOCK_BYTES as u64) as usize;
        if over > 0 {
            self.inner.write_all(&END[..BLOCK_BYTES - over])?;
        }
        Ok(())
    }
}

/// What ustar can't say, as PAX records sorted by key; empty where it can say all.
fn records(header: &Header<'_>, path: &[u8]) -> Vec<u8> {
    let mut records: Vec<(String, Vec<u8>)> = Vec::new();
    let mut number =
        |key: &str, value: i64| records.push((key.to_owned(), value.to_string().into_bytes()));
    if octal_max(8) < u64::from(header.gid) {
        number("gid", header.gid.into());
    }
    if octal_max(8) < u64::from(header.uid) {
        number("uid", header.uid.into());
    }
    if !u64::try_from(header.mtime).is_ok_and(|mtime| mtime <= octal_max(12)) {
        number("mtime", header.mtime);
    }
    if octal_max(12) < header.size {
        number("size", header.size as i64);
    }
    if split(path).is_none() {
        records.push(("path".to_owned(), path.to_owned()));
    }
    if header.link.len() > 100 || !is_plain(header.link) {
        records.push(("linkpath".to_owned(), header.link.to_owned()));
    }
    for (name, value) in header.xattrs {
        records.push((format!("{XATTR_RECORD}{name}"), value.clone()));
    }
    records.sort_unstable();
    records
        .iter()
        .flat_map(|(key, value)| record(key, value))
        .collect()
}

/// `LENGTH KEY=VALUE\n`, where the length counts its own digits.
fn record(key: &str, value: &[u8]) -> Vec<u8> {
    let rest = key.len() + value.len() + 3;
    let mut length = rest + 1;
    while rest + length.to_string().len() != length {
        length = rest + length.to_string().len();
    }
    let mut bytes = format!("{length} {key}=").into_bytes();
    bytes.extend_from_slice(value);
    bytes.push(b'\n');
    bytes
}

/// One header block.
fn block(header: &Header<'_>, path: &[u8]) -> [u8; BLOCK_BYTES] {
    let mut bytes = [0; BLOCK_BYTES];
    // Where it doesn't fit, a PAX record says it; what stands here is for people.
    let (prefix, name) = split(path).unwrap_or((&[], &path[..path.len().min(100)]));
    put(&mut bytes[0..100], name);
    octal(&mut bytes[100..108], header.mode.into());
    octal(&mut bytes[108..116], header.uid.into());
    octal(&mut bytes[116..124], header.gid.into());
    octal(&mut bytes[124..136], header.size);
    octal(&mut bytes[136..148], header.mtime.try_into().unwrap_or(0));
    bytes[156] = header.entry_type as u8;
    put(&mut bytes[157..257], header.link);
    bytes[257..263].copy_from_slice(b"ustar\0");
    bytes[263..265].copy_from_slice(b"00");
    octal(&mut bytes[329..337], header.device.0.into());
    octal(&mut bytes[337..345], header.device.1.into());
    put(&mut bytes[345..500], prefix);
    set_checksum(&mut bytes);
    bytes
}

/// The sum of all bytes, where the sum's own field counts as spaces.
fn set_checksum(bytes: &mut [u8; BLOCK_BYTES]) {
    bytes[148..156].fill(b' ');
    let sum: u32 = bytes.iter().map(|&byte| u32::from(byte)).sum();
    bytes[148..156].copy_from_slice(format!("{sum:06o}\0 ").as_bytes());
}

/// A path as ustar has it: a prefix of at most 155 bytes, a slash that isn't written, a name of at most 100.
fn split(path: &[u8]) -> Option<(&[u8], &[u8])> {
    if !is_plain(path) {
        return None;
    }
    if path.len() <= 100 {
        return Some((&[], path));
    }
    let slash = (1..path.len() - 1)
        .rev()
        .find(|&at| path[at] == b'/' && at <= 155)?;
    let (prefix, name) = (&path[..slash], &path[slash + 1..]);
    (name.len() <= 100).then_some((prefix, name))
}

/// What every reader takes the same way, whatever its locale.
fn is_plain(text: &[u8]) -> bool {
    text.is_ascii()
}

fn put(field: &mut [u8], value: &[u8]) {
    let length = value.len().min(field.len());
    field[..length].copy_from_slice(&value[..length]);
}

/// The largest number that fits a field of this many bytes, the last of them NUL.
fn octal_max(field_bytes: u32) -> u64 {
    (1 << (3 * (field_bytes - 1))) - 1
}

/// A number in octal with a final NUL; 0 where it doesn't fit, and a PAX record has it.
fn octal(field: &mut [u8], value: u64) {
    let digits = field.len() - 1;
    let value = if value <= octal_max(field.len() as u32) {
        value
    } else {
        0
    };
    let text = format!("{value:0digits$o}\0");
    field.copy_from_slice(text.as_bytes());
}

#[cfg(test)]
mod tests {
    use super::*;

    fn one(header: &Header<'_>) -> Vec<u8> {
        let mut tar = TarWriter::new(Vec::new());
        tar.entry(header).unwrap();
        tar.finish().unwrap()
    }

    #[test]
    fn what_ustar_can_say_is_one_block() {
        let long = [vec![b'd'; 120], b"/name".to_vec()].concat();
        let paths: [&[u8]; 3] = [b"a", &[b'x'; 100], &long];
        for path in paths {
            assert_eq!(one(&Header::new(Type::File, path)).len(), 512 + 1024);
        }
    }

    #[test]
    fn what_it_cannot_say_gets_records_that_another_reader_understands() {
        let path = [vec![b'd'; 200], b"/name".to_vec()].concat();
        let xattrs = [("user.note".to_owned(), b"a=b".to_vec())];
        let mut header = Header::new(Type::Symlink, &path);
        let link = [b'l'; 101];
        header.link = &link;
        header.uid = 3_000_000_000;
        header.mtime = -5;
        header.xattrs = &xattrs;
        let bytes = one(&header);
        let mut archive = tar::Archive::new(&bytes[..]);
        let mut entry = archive.entries().unwrap().next().unwrap().unwrap();
        assert_eq!(&*entry.path_bytes(), &path[..]);
        assert_eq!(entry.link_name_bytes().unwrap().len(), 101);
        let records: Vec<(String, Vec<u8>)> = entry
            .pax_extensions()
            .unwrap()
            .unwrap()
            .map(|record| record.unwrap())
            .map(|record| {
                (
                    record.key().unwrap().to_owned(),
                    record.value_bytes().to_vec(),
                )
            })
            .collect();
        let value = |key: &str| {
            records
                .iter()
                .find(|(name, _)| name == key)
                .map(|(_, value)| value.clone())
        };
        assert_eq!(value("uid").unwrap(), b"3000000000");
        assert_eq!(value("mtime").unwrap(), b"-5");
        assert_eq!(value("SCHILY.xattr.user.note").unwrap(), b"a=b");
        assert_eq!(value("size"), None);
    }

    #[test]
    fn the_length_of_a_record_counts_its_own_digits() {
        for length in [1, 5, 80, 90, 93, 94, 95, 96, 990, 995] {
            let record = record("k", &vec![b'v'; length]);
            let text = String::from_utf8(record.clone()).unwrap();
            let claimed: usize = text.split(' ').next().unwrap().parse().unwrap();
            assert_eq!(claimed, record.len());
        }
    }

    #[test]
    fn content_that_ends_early_is_an_error() {
        let mut header = Header::new(Type::File, b"a");
        header.size = 10;
        let mut tar = TarWriter::new(Vec::new());
        let error = tar
            .file(&header, &mut &b"123"[..], &mut |_| Ok(()))
            .unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::UnexpectedEof);
    }
}
