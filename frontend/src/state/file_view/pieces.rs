//! Parts of a file's bytes: those that were fetched last, as many as the page may hold, whatever the file's size.
//!
//! They are read as [`ReadAt`], so that a program's header is read by the same code as everywhere: where a part is missing the
//! reading ends with [`io::ErrorKind::WouldBlock`], and is done again once it is there.

use std::cell::RefCell;
use std::io;
use std::ops::Range;
use std::rc::Rc;

use estiva_shared::image::ReadAt;

/// Bytes of a piece: some screens of rows.
pub const PIECE_BYTES: u64 = 64 << 10;

/// Most pieces that are held: 8 MiB.
pub const PIECES_MAX: usize = 128;

/// Parts of a file.
#[derive(Debug, Default)]
pub struct Pieces {
    size_bytes: u64,
    /// So few that looking through them is nothing.
    held: Vec<Held>,
    turn: u64,
    missing: RefCell<Option<u64>>,
}

/// A piece that is there.
#[derive(Debug)]
struct Held {
    place: u64,
    /// When it was last wanted.
    turn: u64,
    bytes: Rc<[u8]>,
}

/// A piece that is not there yet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Missing(pub u64);

impl Missing {
    /// The bytes of the file that it has.
    pub fn range(self) -> Range<u64> {
        let start = self.0.saturating_mul(PIECE_BYTES);
        start..start.saturating_add(PIECE_BYTES)
    }
}

impl Pieces {
    /// None of a file of this size.
    pub fn new(size_bytes: u64) -> Self {
        Self {
            size_bytes,
            ..Self::default()
        }
    }

    /// Takes a piece; of those that are held, the one that was not wanted for longest goes where there are too many.
    pub fn put(&mut self, piece: Missing, bytes: Rc<[u8]>) {
        self.turn += 1;
        self.held.retain(|held| held.place != piece.0);
        if self.held.len() >= PIECES_MAX {
            let turns = self.held.iter().map(|held| held.turn);
            let oldest = turns.min().unwrap_or_default();
            let at = self.held.iter().position(|held| held.turn == oldest);
            at.map(|at| self.held.swap_remove(at));
        }
        self.held.push(Held {
            place: piece.0,
            turn: self.turn,
            bytes,
        });
    }

    /// The pieces of this range that are not there; those that are, are wanted anew.
    pub fn want(&mut self, range: Range<u64>) -> Vec<Missing> {
        let end = range.end.min(self.size_bytes);
        if range.start >= end {
            return Vec::new();
        }
        self.turn += 1;
        let mut missing = Vec::new();
        let places = range.start / PIECE_BYTES..end.div_ceil(PIECE_BYTES);
        for place in places.take(PIECES_MAX) {
            match self.held.iter_mut().find(|held| held.place == place) {
                Some(held) => held.turn = self.turn,
                None => missing.push(Missing(place)),
            }
        }
        missing
    }

    /// Bytes from an offset on, within one piece; none where that is not there.
    pub fn slice(&self, offset: u64, length: usize) -> Option<&[u8]> {
        let place = offset / PIECE_BYTES;
        let held = self.held.iter().find(|held| held.place == place)?;
        // Less than a piece has.
        let start = (offset % PIECE_BYTES) as usize;
        let rest = held.bytes.get(start..)?;
        Some(&rest[..rest.len().min(length)])
    }

    /// The piece for which the last reading ended, which is told once.
    pub fn take_missing(&self) -> Option<Missing> {
        self.missing.take().map(Missing)
    }
}

impl ReadAt for Pieces {
    fn size(&self) -> u64 {
        self.size_bytes
    }

    fn read_at(&self, offset: u64, buf: &mut [u8]) -> io::Result<usize> {
        if offset >= self.size_bytes || buf.is_empty() {
            return Ok(0);
        }
        let Some(bytes) = self.slice(offset, buf.len()) else {
            *self.missing.borrow_mut() = Some(offset / PIECE_BYTES);
            return Err(io::Error::from(io::ErrorKind::WouldBlock));
        };
        buf[..bytes.len()].copy_from_slice(bytes);
        Ok(bytes.len())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use estiva_shared::image::view::elf::{self, ElfError};

    fn piece(byte: u8) -> Rc<[u8]> {
        vec![byte; PIECE_BYTES as usize].into()
    }

    #[test]
    fn what_is_missing_of_a_range_is_told_and_what_is_there_is_read() {
        let mut pieces = Pieces::new(3 * PIECE_BYTES + 5);
        let all = pieces.want(0..u64::MAX);
        assert_eq!(all, [Missing(0), Missing(1), Missing(2), Missing(3)]);
        assert_eq!(all[1].range(), PIECE_BYTES..2 * PIECE_BYTES);
        pieces.put(Missing(1), piece(1));
        assert_eq!(pieces.want(PIECE_BYTES - 1..PIECE_BYTES + 1), [Missing(0)]);
        assert_eq!(pieces.slice(2 * PIECE_BYTES - 3, 16), Some(&[1, 1, 1][..]));
        assert_eq!(pieces.slice(5, 16), None);
        assert_eq!(pieces.want(9 << 40..10 << 40), []);
    }

    #[test]
    fn no_more_are_held_than_may_be_and_those_in_sight_stay() {
        let mut pieces = Pieces::new(1 << 40);
        for place in 0..PIECES_MAX as u64 {
            pieces.put(Missing(place), piece(0));
        }
        assert_eq!(pieces.want(0..1), []);
        pieces.put(Missing(5000), piece(0));
        assert_eq!(pieces.held.len(), PIECES_MAX);
        let is_held = |place| pieces.held.iter().any(|held| held.place == place);
        assert!(is_held(0) && !is_held(1) && is_held(5000));
        // A range of any length is asked for in bounds.
        assert!(pieces.want(0..u64::MAX).len() <= PIECES_MAX);
    }

    #[test]
    fn a_program_is_read_piece_by_piece() {
        let mut bytes = vec![0; 3 * PIECE_BYTES as usize];
        bytes[..6].copy_from_slice(b"\x7fELF\x02\x01");
        // The sections lie in the last piece.
        bytes[40..48].copy_from_slice(&(2 * PIECE_BYTES + 8).to_le_bytes());
        bytes[58..60].copy_from_slice(&64_u16.to_le_bytes());
        bytes[60..62].copy_from_slice(&2_u16.to_le_bytes());
        let mut pieces = Pieces::new(bytes.len() as u64);
        let mut fetched = Vec::new();
        let elf = loop {
            match elf::read(&pieces) {
                Ok(elf) => break elf,
                Err(ElfError::Io(_)) => {
                    let missing = pieces.take_missing().unwrap();
                    fetched.push(missing.0);
                    let range = missing.range();
                    pieces.put(
                        missing,
                        bytes[range.start as usize..range.end as usize].into(),
                    );
                }
                Err(error) => panic!("{error}"),
            }
        };
        assert_eq!((fetched, elf.sections.len()), (vec![0, 2], 1));
    }
}
