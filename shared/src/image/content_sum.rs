//! The checksum of an entry's content, as it goes by: a sparse file's is that of the whole file, zeros included.

use std::io::{self, BufRead};

use super::crc;
use super::tar::{TarEntry, TarError, TarReader};

/// Who gets each piece of a content as it goes by.
pub(super) type Take<'t> = &'t mut dyn FnMut(&[u8]);

/// What stands for the zeros that a sparse file leaves out.
const ZEROS: [u8; 4096] = [0; 4096];

/// CRC-32 of an entry's content, which is read to its end; `take` gets each piece of it.
pub(super) fn checksum<R: BufRead>(
    reader: &mut TarReader<R>,
    entry: &TarEntry,
    mut take: Option<Take<'_>>,
) -> Result<u32, TarError> {
    let (mut sum, mut end) = (0, 0);
    for stored in entry.stored() {
        sum = leave_out(sum, stored.offset - end, &mut take);
        let piece = sum_of_piece(reader, entry, stored.length, &mut take)?;
        sum = crc::append(sum, piece, stored.length);
        end = stored.offset + stored.length;
    }
    Ok(leave_out(sum, entry.apparent_size() - end, &mut take))
}

/// The sum of some bytes after which a sparse file has so many zeros.
fn leave_out(sum: u32, count: u64, take: &mut Option<Take<'_>>) -> u32 {
    if let Some(take) = take {
        let mut left = count;
        while left > 0 {
            let zeros = left.min(ZEROS.len() as u64);
            take(&ZEROS[..zeros as usize]);
            left -= zeros;
        }
    }
    crc::append_zeros(sum, count)
}

/// CRC-32 of so many bytes of an entry's content.
fn sum_of_piece<R: BufRead>(
    reader: &mut TarReader<R>,
    entry: &TarEntry,
    mut left: u64,
    take: &mut Option<Take<'_>>,
) -> Result<u32, TarError> {
    let mut crc = flate2::Crc::new();
    while left > 0 {
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
            // A map that could not be read took a part of it.
            break;
        }
        let count = piece.len().min(usize::try_from(left).unwrap_or(usize::MAX));
        let piece = &piece[..count];
        crc.update(piece);
        if let Some(take) = take {
            take(piece);
        }
        reader.consume(count);
        left -= count as u64;
    }
    Ok(crc.sum())
}
