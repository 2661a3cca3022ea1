//! A blob's plain bytes from any offset, by its checkpoints.

use std::cell::RefCell;
use std::io::{self, BufReader, Read};
use std::rc::Rc;

use super::super::{Compression, ReadAt, ZstdReader};
use super::checkpoint::Checkpoints;
use super::entry::{Cursor, Entered, READ_BYTES};
use crate::image::gzip::GzipReader;

/// What a blob inflates to, from any offset. It goes on from where it read last, where no checkpoint is nearer, and keeps the
/// piece that it read last: who reads file after file begins a little before the end of what was read for the last one.
pub(super) struct Plain<'a> {
    blob: Rc<dyn ReadAt + 'a>,
    compression: Compression,
    checkpoints: &'a Checkpoints,
    size: u64,
    reading: RefCell<Option<Reading<'a>>>,
}

/// A reader, the offset of its next byte, and the bytes before that which are kept.
struct Reading<'a> {
    offset: u64,
    reader: Box<dyn Read + 'a>,
    piece: Vec<u8>,
}

impl<'a> Reading<'a> {
    fn new(offset: u64, reader: Box<dyn Read + 'a>) -> Self {
        Self {
            offset,
            reader,
            piece: Vec::new(),
        }
    }

    /// Where the kept bytes begin.
    fn start(&self) -> u64 {
        self.offset - self.piece.len() as u64
    }

    /// Goes on to the piece that begins at an offset which lies ahead; `false` where the stream ends before.
    fn advance(&mut self, offset: u64) -> io::Result<bool> {
        self.piece.clear();
        let ahead = offset - self.offset;
        let passed = io::copy(&mut (&mut self.reader).take(ahead), &mut io::sink())?;
        self.offset += passed;
        if passed < ahead {
            return Ok(false);
        }
        self.piece.resize(READ_BYTES, 0);
        let read = self.reader.read(&mut self.piece);
        self.piece.truncate(*read.as_ref().unwrap_or(&0));
        self.offset += read? as u64;
        Ok(true)
    }
}

impl<'a> Plain<'a> {
    /// The bytes of a blob that inflates to `size` bytes.
    pub(super) fn new(
        blob: Rc<dyn ReadAt + 'a>,
        compression: Compression,
        checkpoints: &'a Checkpoints,
        size: u64,
    ) -> Self {
        Self {
            blob,
            compression,
            checkpoints,
            size,
            reading: RefCell::default(),
        }
    }

    /// A reader from the nearest place that can be entered.
    fn enter(&self, offset: u64) -> io::Result<Reading<'a>> {
        for point in self.checkpoints.before(offset) {
            let reader: Option<Box<dyn Read + 'a>> = match self.compression {
                Compression::Zstd => Some(Box::new(ZstdReader::new(self.at(point.packed_offset)))),
                // Where the bytes are others than they were, an earlier place may still do.
                _ => match Entered::at(&self.blob, point)? {
                    Some(entered) => Some(Box::new(entered)),
                    None => None,
                },
            };
            if let Some(reader) = reader {
                let offset = point.offset;
                return Ok(Reading::new(offset, reader));
            }
        }
        let start = self.at(0);
        let reader: Box<dyn Read + 'a> = match self.compression {
            Compression::Zstd => Box::new(ZstdReader::new(start)),
            _ => Box::new(GzipReader::new(start, None)),
        };
        Ok(Reading::new(0, reader))
    }

    fn at(&self, packed_offset: u64) -> BufReader<Cursor<'a>> {
        BufReader::with_capacity(
            READ_BYTES,
            Cursor::new(Rc::clone(&self.blob), packed_offset),
        )
    }
}

impl ReadAt for Plain<'_> {
    fn size(&self) -> u64 {
        self.size
    }

    fn read_at(&self, offset: u64, buf: &mut [u8]) -> io::Result<usize> {
        if self.compression == Compression::None {
            return self.blob.read_at(offset, buf);
        }
        if offset >= self.size || buf.is_empty() {
            return Ok(0);
        }
        let mut held = self.reading.borrow_mut();
        let goes_on = held.take().filter(|reading| {
            reading.start() <= offset
                && (offset < reading.offset
                    || !self.checkpoints.has_between(reading.offset, offset))
        });
        let mut reading = match goes_on {
            Some(reading) => reading,
            None => self.enter(offset)?,
        };
        if offset >= reading.offset && !reading.advance(offset)? {
            return Ok(0);
        }
        let from = (offset - reading.start()) as usize;
        let kept = &reading.piece[from..];
        let count = kept.len().min(buf.len());
        buf[..count].copy_from_slice(&kept[..count]);
        *held = Some(reading);
        Ok(count)
    }
}
