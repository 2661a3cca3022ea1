//! Whether a blob is the one that was read some time ago, by samples of its bytes.
//!
//! While it goes by for the first time, the checksums of some bytes at each megabyte are noted. No proof against someone who means
//! harm, nor against a change of a single byte: it tells another file, one that was cut, and one that was written anew.

use std::io::{self, Read};

use flate2::Crc;

use super::ReadAt;
use super::read_at::fill;

/// From one sample to the next, in bytes of the blob.
const STRIDE_BYTES: u64 = 1 << 20;

/// Bytes of a sample.
const SAMPLE_BYTES: u64 = 4 << 10;

/// Most samples that are compared: the first, the last, and others evenly between them.
const COMPARED_MAX: usize = 16;

/// Checksums (CRC-32) of the bytes at each megabyte.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Samples(pub(super) Vec<u32>);

impl Samples {
    /// Whether the blob's samples are these.
    pub(super) fn are_of(&self, blob: &dyn ReadAt) -> bool {
        let count = self.0.len();
        if count as u64 != blob.size().div_ceil(STRIDE_BYTES) {
            return false;
        }
        let compared = count.min(COMPARED_MAX);
        let mut numbers =
            (0..compared).map(|at| at * count.saturating_sub(1) / (compared.max(2) - 1));
        numbers.all(|number| self.is_at(blob, number).unwrap_or(false))
    }

    fn is_at(&self, blob: &dyn ReadAt, number: usize) -> io::Result<bool> {
        let start = number as u64 * STRIDE_BYTES;
        let length = SAMPLE_BYTES.min(blob.size() - start);
        let mut bytes = vec![0; usize::try_from(length).unwrap_or_default()];
        fill(blob, start, &mut bytes)?;
        let mut crc = Crc::new();
        crc.update(&bytes);
        Ok(crc.sum() == self.0[number])
    }
}

/// Takes samples of a blob as it goes by.
pub(super) struct Sampling<R> {
    inner: R,
    position: u64,
    crc: Crc,
    found: Vec<u32>,
}

impl<R> Sampling<R> {
    pub(super) fn new(inner: R) -> Self {
        Self {
            inner,
            position: 0,
            crc: Crc::new(),
            found: Vec::new(),
        }
    }

    /// The samples of what went by.
    pub(super) fn finish(mut self) -> Samples {
        self.settle();
        Samples(self.found)
    }

    fn settle(&mut self) {
        if self.crc.amount() > 0 {
            self.found.push(self.crc.sum());
            self.crc.reset();
        }
    }

    fn take(&mut self, mut bytes: &[u8]) {
        while !bytes.is_empty() {
            let within = self.position % STRIDE_BYTES;
            let is_sampled = within < SAMPLE_BYTES;
            let until = if is_sampled {
                SAMPLE_BYTES
            } else {
                STRIDE_BYTES
            } - within;
            let count = usize::try_from(until).map_or(bytes.len(), |until| until.min(bytes.len()));
            let (now, rest) = bytes.split_at(count);
            if is_sampled {
                self.crc.update(now);
            }
            self.position += count as u64;
            if is_sampled && self.position % STRIDE_BYTES == SAMPLE_BYTES {
                self.settle();
            }
            bytes = rest;
        }
    }
}

impl<R: Read> Read for Sampling<R> {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        let count = self.inner.read(out)?;
        self.take(&out[..count]);
        Ok(count)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sampled(blob: &[u8]) -> Samples {
        let mut sampling = Sampling::new(blob);
        let mut piece = [0; 3000];
        while sampling.read(&mut piece).is_ok_and(|count| count > 0) {}
        sampling.finish()
    }

    #[test]
    fn a_blob_is_known_again_and_another_is_not() {
        for size in [
            0_usize,
            1,
            4095,
            4096,
            4097,
            1 << 20,
            (1 << 20) + 1,
            (40 << 20) + 77,
        ] {
            let blob: Vec<u8> = (0..size).map(|at| (at / 3 % 253) as u8).collect();
            let samples = sampled(&blob);
            assert_eq!(samples.0.len(), size.div_ceil(1 << 20), "{size} bytes");
            assert!(samples.are_of(&blob), "{size} bytes");
            for at in [0, size.saturating_sub(1) >> 20 << 20] {
                let mut changed = blob.clone();
                if let Some(byte) = changed.get_mut(at) {
                    *byte ^= 1;
                    assert!(!samples.are_of(&changed), "{size} bytes, byte {at}");
                }
            }
        }
    }
}
