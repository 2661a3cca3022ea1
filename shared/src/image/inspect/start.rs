//! What a file is, by its first bytes.

use std::io;

use super::super::{Compression, ReadAt, TarReader};

/// Fills `start` from the archive's beginning; answers how many bytes there were.
pub(super) fn read_start(source: &dyn ReadAt, start: &mut [u8]) -> io::Result<usize> {
    let mut length = 0;
    while length < start.len() {
        match source.read_at(length as u64, &mut start[length..])? {
            0 => break,
            count => length += count,
        }
    }
    Ok(length)
}

/// Whether these bytes may begin a tar: ustar's mark, or (older ones have none) a header whose checksum fits.
pub(super) fn looks_like_tar(start: &[u8]) -> bool {
    start.len() == 512
        && (start[257..262] == *b"ustar"
            || TarReader::new(start)
                .next_entry()
                .is_ok_and(|entry| entry.is_some()))
}

/// What a file that is no tar looks like, and what to do with it where that is known.
pub(super) fn describe_start(start: &[u8]) -> String {
    let compression = Compression::sniff(start);
    if let Some(command) = compression.unpack_with() {
        return format!(
            "a file compressed with {}, which is not read: unpack it first, with {command}",
            compression.name()
        );
    }
    let found = match start {
        [] => "an empty file",
        [b'P', b'K', 3, 4, ..] => "a zip file: unpack it first, and give the tar or folder in it",
        [b'{' | b'[', ..] => "a text that looks like JSON",
        _ if start.iter().all(|byte| *byte == 0) => "zero bytes",
        _ => "other bytes",
    };
    found.to_owned()
}
