//! Entering a deflate stream at a checkpoint.

use std::io::{self, BufRead, BufReader, Chain, Read};
use std::rc::Rc;

use flate2::Crc;
use zlib_rs::{Inflate, InflateFlush, Status};

use super::super::ReadAt;
use super::super::gzip::{GzipReader, TRAILER_BYTES, raw_inflate};
use super::checkpoint::Checkpoint;

/// Bytes read at once from the blob.
pub(super) const READ_BYTES: usize = 64 << 10;

/// A cursor over a blob that is shared.
pub(super) struct Cursor<'a> {
    source: Rc<dyn ReadAt + 'a>,
    position: u64,
}

impl<'a> Cursor<'a> {
    pub(super) fn new(source: Rc<dyn ReadAt + 'a>, position: u64) -> Self {
        Self { source, position }
    }
}

impl Read for Cursor<'_> {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        let count = self.source.read_at(self.position, out)?;
        self.position += count as u64;
        Ok(count)
    }
}

/// Most bits before a boundary that an inflater may have taken from its input and not used.
const HELD_BITS_MAX: u32 = 32;

/// Deflate blocks without content that take `bits` bits, as a residue of 8: the last byte that is given has as many, and
/// room for the first bits that follow. So a stream that begins within a byte stays aligned, which stored blocks need.
struct Padding {
    bytes: Vec<u8>,
    bits: u32,
}

impl Padding {
    fn of(bits: u32) -> Self {
        let mut padding = Self {
            bytes: Vec::new(),
            bits: 0,
        };
        if bits % 2 == 1 {
            padding.push_dynamic_block();
        }
        while padding.bits % 8 != bits {
            padding.push_fixed_block();
        }
        padding
    }

    /// Ten bits: not the last block, fixed codes, the end of the block (RFC 1951, section 3.2.6).
    fn push_fixed_block(&mut self) {
        self.push(0, 1);
        self.push(1, 2);
        self.push(0, 7);
    }

    /// 93 bits: not the last block, and a code for the end of the block alone (RFC 1951, section 3.2.7).
    fn push_dynamic_block(&mut self) {
        self.push(0, 1);
        self.push(2, 2);
        // 257 codes of literals and lengths, one of distances, 18 of code lengths.
        self.push(0, 5);
        self.push(0, 5);
        self.push(14, 4);
        // Of code lengths, in the specification's order: 18 and 0 take two bits, 1 takes one.
        for length in [0, 0, 2, 2, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1] {
            self.push(length, 3);
        }
        // 138 and 118 codes that are not used.
        for count in [138, 118] {
            self.push(0b11, 2);
            self.push(count - 11, 7);
        }
        // The end of the block has a code of one bit; no distance has one.
        self.push(0, 1);
        self.push(0b01, 2);
        self.push(0, 1);
    }

    /// Adds bits, the lowest first.
    fn push(&mut self, value: u32, count: u32) {
        for bit in 0..count {
            if self.bits.is_multiple_of(8) {
                self.bytes.push(0);
            }
            if let Some(last) = self.bytes.last_mut() {
                *last |= ((value >> bit & 1) as u8) << (self.bits % 8);
            }
            self.bits += 1;
        }
    }
}

/// A gzip stream from a checkpoint on.
pub(super) struct Entered<'a> {
    blob: Rc<dyn ReadAt + 'a>,
    stage: Stage<'a>,
}

enum Stage<'a> {
    /// In the member that was entered.
    Inside(Box<Inside<'a>>),
    /// In those after it.
    After(Box<GzipReader<BufReader<Cursor<'a>>>>),
}

struct Inside<'a> {
    inflate: Inflate,
    input: BufReader<Chain<io::Cursor<Vec<u8>>, Cursor<'a>>>,
    /// Where the blob's bytes are read from, and how many others come before them.
    start: u64,
    padding_bytes: u64,
    /// The member's bytes before those that come out.
    before: u64,
}

impl<'a> Entered<'a> {
    /// Enters a stream; none where the blob has other bytes here than when the checkpoint was noted.
    ///
    /// # Errors
    /// What the blob answers.
    pub(super) fn at(blob: &Rc<dyn ReadAt + 'a>, point: &Checkpoint) -> io::Result<Option<Self>> {
        if point.is_start() {
            let input = BufReader::with_capacity(
                READ_BYTES,
                Cursor::new(Rc::clone(blob), point.packed_offset),
            );
            return Ok(Some(Self {
                blob: Rc::clone(blob),
                stage: Stage::After(Box::new(GzipReader::new(input, None))),
            }));
        }
        for bits in 0..=HELD_BITS_MAX {
            let Some(mut trial) = Inside::new(blob, point, bits)? else {
                continue;
            };
            if trial.fits(point)? {
                let inside = Inside::new(blob, point, bits)?.map(Box::new);
                return Ok(inside.map(|inside| Self {
                    blob: Rc::clone(blob),
                    stage: Stage::Inside(inside),
                }));
            }
        }
        Ok(None)
    }

    /// Goes on after the member that was entered.
    fn leave(&mut self) -> io::Result<()> {
        let Stage::Inside(inside) = &self.stage else {
            return Ok(());
        };
        let length = (inside.before + inside.inflate.total_out()) as u32;
        let end = inside.start + inside.inflate.total_in() - inside.padding_bytes;
        let mut input =
            BufReader::with_capacity(READ_BYTES, Cursor::new(Rc::clone(&self.blob), end));
        let mut trailer = [0; TRAILER_BYTES];
        input.read_exact(&mut trailer)?;
        // The checksum is of bytes that were not all seen here; the first pass compared it.
        if trailer[4..] != length.to_le_bytes() {
            let message = format!(
                "expected the length {length} after the gzip member that ends at byte {end}, but found another"
            );
            return Err(io::Error::new(io::ErrorKind::InvalidData, message));
        }
        self.stage = Stage::After(Box::new(GzipReader::following(input)));
        Ok(())
    }
}

impl<'a> Inside<'a> {
    /// An inflater that begins `bits` bits before the checkpoint's byte; none where the blob has not as many.
    fn new(blob: &Rc<dyn ReadAt + 'a>, point: &Checkpoint, bits: u32) -> io::Result<Option<Self>> {
        let start = point.packed_offset.checked_sub(u64::from(bits / 8));
        let begun = start.and_then(|start| start.checked_sub(u64::from(!bits.is_multiple_of(8))));
        let (Some(start), Some(begun)) = (start, begun) else {
            return Ok(None);
        };
        let mut padding = Padding::of((8 - bits % 8) % 8);
        if let (true, Some(last)) = (begun < start, padding.bytes.last_mut()) {
            let mut byte = [0];
            Cursor::new(Rc::clone(blob), begun).read_exact(&mut byte)?;
            // Its lower bits belong to the block before.
            *last |= byte[0] & (0xff << (padding.bits % 8));
        }
        let mut inflate = raw_inflate();
        let padding_bytes = padding.bytes.len() as u64;
        let padded = io::Cursor::new(padding.bytes).chain(Cursor::new(Rc::clone(blob), start));
        Ok(inflate.set_dictionary(&point.window).ok().map(|_| Self {
            inflate,
            input: BufReader::with_capacity(READ_BYTES, padded),
            start,
            padding_bytes,
            before: point.offset - point.member_offset,
        }))
    }

    /// Inflates some bytes, and answers whether the stream has ended.
    fn inflate(&mut self, out: &mut [u8]) -> io::Result<(usize, bool)> {
        loop {
            let input = self.input.fill_buf()?;
            let has_ended = input.is_empty();
            let (was_in, was_out) = (self.inflate.total_in(), self.inflate.total_out());
            let status = self.inflate.decompress(input, out, InflateFlush::NoFlush);
            let taken = (self.inflate.total_in() - was_in) as usize;
            let made = (self.inflate.total_out() - was_out) as usize;
            self.input.consume(taken);
            match status {
                Ok(Status::StreamEnd) => return Ok((made, true)),
                Ok(_) if made > 0 => return Ok((made, false)),
                Ok(_) if has_ended => {
                    let message = "expected more of a gzip member, but found the end";
                    return Err(io::Error::new(io::ErrorKind::UnexpectedEof, message));
                }
                Ok(_) => {}
                Err(error) => {
                    let message =
                        format!("expected a deflate stream, but found {}", error.as_str());
                    return Err(io::Error::new(io::ErrorKind::InvalidData, message));
                }
            }
        }
    }

    /// Whether what comes out is what came after the checkpoint.
    fn fits(&mut self, point: &Checkpoint) -> io::Result<bool> {
        let mut crc = Crc::new();
        // One byte more than there must be, so that the end of the stream is seen.
        let mut left = point.check_bytes + u64::from(point.ends);
        let mut out = vec![0; READ_BYTES];
        while left > 0 {
            let count = out.len().min(usize::try_from(left).unwrap_or(usize::MAX));
            let (made, has_ended) = match self.inflate(&mut out[..count]) {
                Ok(some) => some,
                Err(error) => {
                    let is_damage = matches!(
                        error.kind(),
                        io::ErrorKind::InvalidData | io::ErrorKind::UnexpectedEof
                    );
                    return if is_damage { Ok(false) } else { Err(error) };
                }
            };
            crc.update(&out[..made]);
            left -= made as u64;
            if has_ended {
                let whole = u64::from(crc.amount()) == point.check_bytes;
                return Ok(point.ends && whole && crc.sum() == point.check);
            }
        }
        Ok(!point.ends && crc.sum() == point.check)
    }
}

impl Read for Entered<'_> {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        if out.is_empty() {
            return Ok(0);
        }
        loop {
            match &mut self.stage {
                Stage::Inside(inside) => {
                    let (made, has_ended) = inside.inflate(out)?;
                    if has_ended {
                        self.leave()?;
                    }
                    if made > 0 {
                        return Ok(made);
                    }
                }
                Stage::After(reader) => return reader.read(out),
            }
        }
    }
}
