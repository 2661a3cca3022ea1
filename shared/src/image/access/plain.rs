//! A blob's plain bytes from any offset, by its checkpoints.

use std::cell::RefCell;
use std::io::{self, BufReader, Read};
use std::rc::Rc;

use super::super::{Compression, ReadAt, ZstdReader};
use super::checkpoint::Checkpoints;
use super::entry::{Cursor, Entered, READ_BYTES};
use crate::image::gzip::GzipReader;

/// What a blob inflates to, from any offset. It goes on from where it read last, where no checkpoint is nearer.
pub(super) struct Plain<'a> {
    blob: Rc<dyn ReadAt + 'a>,
    compression: Compression,
    checkpoints: &'a Checkpoints,
    size: u64,
    reading: RefCell<Option<Reading<'a>>>,
}

/// A reader, and the offset of its next byte.
struct Reading<'a> {
    offset: u64,
    reader: Box<dyn Read + 'a>,
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
                return Ok(Reading { offset, reader });
            }
        }
        let start = self.at(0);
        let reader: Box<dyn Read + 'a> = match self.compression {
            Compression::Zstd => Box::new(ZstdReader::new(start)),
            _ => Box::new(GzipReader::new(start, None)),
        };
        Ok(Reading { offset: 0, reader })
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
            reading.offset <= offset && !self.checkpoints.has_between(reading.offset, offset)
        });
        let mut reading = match goes_on {
            Some(reading) => reading,
            None => self.enter(offset)?,
        };
        let ahead = offset - reading.offset;
        let passed = io::copy(&mut (&mut reading.reader).take(ahead), &mut io::sink())?;
        reading.offset += passed;
        if passed < ahead {
            return Ok(0);
        }
        let count = reading.reader.read(buf)?;
        reading.offset += count as u64;
        *held = Some(reading);
        Ok(count)
    }
}
