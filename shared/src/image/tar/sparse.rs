//! Sparse files: which of a file's bytes a tar holds; the others are zeros that it leaves out.
//!
//! Format: GNU tar's manual, "Storing Sparse Files": the old GNU header, and PAX's versions 0.0, 0.1 and 1.0.

use std::io::BufRead;

use super::header::{BLOCK_BYTES_USIZE, number};
use super::pax::parse;
use super::{ENTRY_BYTES_MAX, METADATA_BYTES_MAX};

/// Most ranges of one file: what an old GNU header of [`super::SPARSE_BLOCKS_MAX`] blocks holds.
const RANGES_MAX: usize = super::SPARSE_BLOCKS_MAX * RANGES_OF_BLOCK + RANGES_OF_HEADER;

/// Ranges in an old GNU header.
const RANGES_OF_HEADER: usize = 4;

/// Ranges in each block that continues one.
const RANGES_OF_BLOCK: usize = 21;

/// Bytes of a range there: an offset and a length of 12 digits each.
const RANGE_BYTES: usize = 24;

/// Which of a file's bytes a tar holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SparseMap {
    /// The file's bytes, zeros included.
    pub size: u64,
    /// What is stored, in the file's order: nothing overlaps or lies outside of the file.
    ranges: Box<[Stored]>,
}

/// A range of a file that is stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stored {
    /// Where it is in the file.
    pub offset: u64,
    /// Its bytes.
    pub length: u64,
    /// Where it is in what is stored of the file.
    pub at: u64,
}

impl SparseMap {
    /// A map whose ranges, offset and length, are what so many stored bytes are; none where they contradict each other.
    pub(super) fn new(
        size: u64,
        ranges: impl IntoIterator<Item = (u64, u64)>,
        stored: u64,
    ) -> Option<Self> {
        let (mut end, mut at) = (0u64, 0u64);
        let mut kept = Vec::new();
        for (offset, length) in ranges {
            if offset < end || kept.len() == RANGES_MAX {
                return None;
            }
            end = offset.checked_add(length).filter(|end| *end <= size)?;
            // Empty ones mark the end of a file that ends with zeros.
            if length > 0 {
                kept.push(Stored { offset, length, at });
                at += length;
            }
        }
        (at == stored && size <= ENTRY_BYTES_MAX).then(|| Self {
            size,
            ranges: kept.into(),
        })
    }

    /// What is stored, in the file's order.
    pub fn ranges(&self) -> &[Stored] {
        &self.ranges
    }

    /// Where a byte of the file is: the range that holds it, or, in a hole, how many zeros there are from it on.
    pub fn find(&self, offset: u64) -> Result<Stored, u64> {
        let next = self
            .ranges
            .partition_point(|range| range.offset + range.length <= offset);
        match self.ranges.get(next) {
            Some(range) if range.offset <= offset => Ok(*range),
            Some(range) => Err(range.offset - offset),
            None => Err(self.size.saturating_sub(offset)),
        }
    }
}

/// What the headers of a sparse file say of it, in one of four ways.
#[derive(Clone, Debug, Default)]
pub(super) struct SparseHeaders {
    /// Some header says that it is one.
    pub(super) is_sparse: bool,
    size: Option<u64>,
    /// Offsets and lengths in turn.
    numbers: Vec<u64>,
    /// The map stands before the content (PAX, version 1.0).
    is_ahead: bool,
    is_damaged: bool,
}

impl SparseHeaders {
    /// Takes an old GNU header; answers whether blocks follow that continue it.
    pub(super) fn old(block: &[u8; BLOCK_BYTES_USIZE]) -> (Self, bool) {
        let mut headers = Self {
            is_sparse: true,
            size: digits(&block[483..495]),
            ..Self::default()
        };
        headers.is_damaged = headers.size.is_none();
        headers.take_ranges(&block[386..386 + RANGES_OF_HEADER * RANGE_BYTES]);
        (headers, block[482] != 0)
    }

    /// Takes a block that continues it; answers whether another follows.
    pub(super) fn go_on(&mut self, block: &[u8; BLOCK_BYTES_USIZE]) -> bool {
        self.take_ranges(&block[..RANGES_OF_BLOCK * RANGE_BYTES]);
        block[504] != 0
    }

    fn take_ranges(&mut self, fields: &[u8]) {
        for range in fields.chunks_exact(RANGE_BYTES) {
            let (offset, length) = range.split_at(RANGE_BYTES / 2);
            // The first one that is empty ends them.
            if offset[0] == 0 {
                break;
            }
            match (digits(offset), digits(length)) {
                (Some(offset), Some(length)) => self.numbers.extend([offset, length]),
                _ => self.is_damaged = true,
            }
        }
    }

    /// Takes a PAX record whose key begins with `GNU.sparse.`, which is left out.
    pub(super) fn record(&mut self, key: &[u8], value: &[u8]) {
        self.is_sparse = true;
        let number = || parse::<u64>(value).filter(|_| !value.is_empty());
        match key {
            b"size" | b"realsize" => self.size = number(),
            b"offset" | b"numbytes" => match number() {
                Some(number) => self.numbers.push(number),
                None => self.is_damaged = true,
            },
            b"map" => {
                let fields = value.split(|byte| *byte == b',');
                let numbers: Option<Vec<_>> = fields
                    .filter(|field| !field.is_empty())
                    .map(parse::<u64>)
                    .collect();
                match numbers {
                    Some(numbers) => self.numbers = numbers,
                    None => self.is_damaged = true,
                }
            }
            b"major" => self.is_ahead = value == b"1",
            _ => {}
        }
    }

    /// The map, and how many bytes of the content it takes itself; none where it can't be read or contradicts itself. Of the
    /// content, which has `size` bytes, a map of version 1.0 is read.
    pub(super) fn map(self, size: u64, content: impl BufRead) -> Option<(SparseMap, u64)> {
        if self.is_damaged {
            return None;
        }
        let real_size = self.size?;
        let (numbers, taken) = match self.is_ahead {
            true => numbers_ahead(content)?,
            false => (self.numbers, 0),
        };
        let (pairs, rest) = numbers.as_chunks::<2>();
        if !rest.is_empty() {
            return None;
        }
        let ranges = pairs.iter().map(|[offset, length]| (*offset, *length));
        let map = SparseMap::new(real_size, ranges, size.checked_sub(taken)?)?;
        Some((map, taken))
    }
}

/// A map of version 1.0: how many ranges there are, then each offset and length, a line each, filled up to whole blocks.
fn numbers_ahead(mut content: impl BufRead) -> Option<(Vec<u64>, u64)> {
    let mut taken = 0u64;
    let mut line = || {
        let mut number = Some(0u64);
        loop {
            let byte = *content.fill_buf().ok()?.first()?;
            content.consume(1);
            taken += 1;
            number = match byte {
                b'\n' => return number,
                b'0'..=b'9' if taken <= METADATA_BYTES_MAX => {
                    number?.checked_mul(10)?.checked_add(u64::from(byte - b'0'))
                }
                _ => return None,
            };
        }
    };
    let count = usize::try_from(line()?).ok()?;
    if count > RANGES_MAX {
        return None;
    }
    let mut numbers = Vec::new();
    for _ in 0..count * 2 {
        numbers.push(line()?);
    }
    let filled = taken.next_multiple_of(super::BLOCK_BYTES);
    for _ in taken..filled {
        content.fill_buf().ok()?.first()?;
        content.consume(1);
    }
    Some((numbers, filled))
}

fn digits(field: &[u8]) -> Option<u64> {
    u64::try_from(number(field, "a sparse file's range", 0).ok()?).ok()
}
