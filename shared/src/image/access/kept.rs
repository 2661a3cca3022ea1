//! What was noted of a layer, as bytes and back.

use super::super::Compression;
use super::checkpoint::{Checkpoint, Checkpoints};
use super::{EntryPlace, Noted};

/// How compressions are written.
const COMPRESSIONS: [Compression; 5] = [
    Compression::None,
    Compression::Gzip,
    Compression::Zstd,
    Compression::Xz,
    Compression::Bzip2,
];

impl Noted {
    /// Writes it at the end of what is there: numbers of eight bytes, the lowest first.
    pub(in super::super) fn write(&self, out: &mut Vec<u8>) {
        let compression = COMPRESSIONS.iter().position(|one| *one == self.compression);
        put(out, compression.unwrap_or_default() as u64);
        put(out, self.uncompressed_bytes);
        put(out, self.checkpoints.spacing);
        put(out, self.checkpoints.points.len() as u64);
        for point in &self.checkpoints.points {
            for number in [
                point.offset,
                point.packed_offset,
                point.member_offset,
                u64::from(point.check),
                point.check_bytes,
                u64::from(point.ends),
                point.window.len() as u64,
            ] {
                put(out, number);
            }
            out.extend_from_slice(&point.window);
        }
        put(out, self.places.len() as u64);
        for place in &self.places {
            put(out, place.hash);
            put(out, place.offset);
        }
    }

    /// What [`Self::write`] wrote; none where it is something else, or more follows.
    pub(in super::super) fn read(bytes: &[u8]) -> Option<Self> {
        let mut rest = bytes;
        let compression = *COMPRESSIONS.get(usize::try_from(take(&mut rest)?).ok()?)?;
        let uncompressed_bytes = take(&mut rest)?;
        let mut checkpoints = Checkpoints::default();
        checkpoints.spacing = take(&mut rest)?;
        for _ in 0..take(&mut rest)? {
            let mut number = || take(&mut rest);
            let (offset, packed_offset, member_offset) = (number()?, number()?, number()?);
            let check = u32::try_from(number()?).ok()?;
            let (check_bytes, ends) = (number()?, number()? != 0);
            let length = usize::try_from(number()?).ok()?;
            let (window, after) = rest.split_at_checked(length)?;
            rest = after;
            let is_after = |point: &Checkpoint| point.offset < offset;
            if !checkpoints.points.last().is_none_or(is_after) {
                return None;
            }
            checkpoints.add(Checkpoint {
                offset,
                packed_offset,
                member_offset,
                window: window.into(),
                check,
                check_bytes,
                ends,
            });
        }
        let count = take(&mut rest)?;
        // Before room is made for them: each takes two numbers of what is there.
        if count.checked_mul(16)? != rest.len() as u64 {
            return None;
        }
        let mut places = Vec::with_capacity(rest.len() / 16);
        while !rest.is_empty() {
            places.push(EntryPlace {
                hash: take(&mut rest)?,
                offset: take(&mut rest)?,
            });
        }
        places.is_sorted().then(|| Self {
            compression,
            uncompressed_bytes,
            checkpoints,
            places: places.into_boxed_slice(),
        })
    }
}

fn put(out: &mut Vec<u8>, number: u64) {
    out.extend_from_slice(&number.to_le_bytes());
}

fn take(rest: &mut &[u8]) -> Option<u64> {
    let (number, after) = rest.split_first_chunk()?;
    *rest = after;
    Some(u64::from_le_bytes(*number))
}
