//! Streams entered at every kind of checkpoint give the same bytes as from their start.

use std::io::{Read, Write};
use std::rc::Rc;

use flate2::write::GzEncoder;

use super::checkpoint::{Checkpoints, Recorder};
use super::plain::Plain;
use crate::image::gzip::GzipReader;
use crate::image::{Compression, ReadAt, ZstdReader};

const SPACING: u64 = 128 << 10;
const ROOM: usize = 64 << 20;

/// Bytes that follow a seed.
struct Noise(u64);

impl Noise {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }

    fn bytes(&mut self, count: usize) -> Vec<u8> {
        (0..count).map(|_| (self.next() >> 32) as u8).collect()
    }

    /// Some text, some noise, some zeros, some repetition.
    fn mixed(&mut self, count: usize) -> Vec<u8> {
        let mut all = Vec::new();
        while all.len() < count {
            let length = 1 + (self.next() % 150_000) as usize;
            match self.next() % 4 {
                0 => {
                    let noise = self.bytes(length);
                    all.extend(noise);
                }
                1 => all.resize(all.len() + length, 0),
                2 => {
                    let from = all.len().saturating_sub(40_000);
                    let repeated = all[from..].to_vec();
                    all.extend(repeated);
                }
                _ => {
                    for _ in 0..length / 8 {
                        write!(all, "{:x} ", self.next() % 5000).unwrap();
                    }
                }
            }
        }
        all.truncate(count);
        all
    }
}

fn gzip(bytes: &[u8], level: u32) -> Vec<u8> {
    let mut packed = GzEncoder::new(Vec::new(), flate2::Compression::new(level));
    packed.write_all(bytes).unwrap();
    packed.finish().unwrap()
}

/// Reads a stream once in pieces of many sizes, as the first pass does, and gives its checkpoints.
fn noted(packed: &[u8], expected: &[u8], spacing: u64, room: usize) -> Checkpoints {
    let recorder = Recorder::with_spacing(room, spacing);
    // The input ends anywhere, too.
    let input = std::io::BufReader::with_capacity(7001, packed);
    let mut reader = GzipReader::new(input, Some(recorder));
    let mut out = Vec::new();
    let mut buffer = vec![0; 50_000];
    let mut sizes = Noise(11);
    loop {
        let count = 1 + (sizes.next() % 50_000) as usize;
        match reader.read(&mut buffer[..count]).unwrap() {
            0 => break,
            count => out.extend_from_slice(&buffer[..count]),
        }
    }
    assert!(out == expected, "the first pass reads other bytes");
    reader.into_recorder().unwrap().finish()
}

fn assert_reads_everywhere(
    packed: Vec<u8>,
    expected: &[u8],
    points: &Checkpoints,
    how: Compression,
) {
    let blob: Rc<dyn ReadAt> = Rc::new(packed);
    let mut places = Noise(99);
    let size = expected.len() as u64;
    for round in 0..60 {
        // Each round enters anew; some go on from there.
        let plain = Plain::new(Rc::clone(&blob), how, points, size);
        let mut offset = places.next() % size;
        for _ in 0..1 + round % 3 {
            let mut buffer = vec![0; 1 + (places.next() % 200_000) as usize];
            let count = plain.read_at(offset, &mut buffer).unwrap();
            assert!(count > 0);
            let from = offset as usize;
            assert!(
                buffer[..count] == expected[from..from + count],
                "at {offset}"
            );
            offset = (offset + count as u64 + places.next() % 5000).min(size - 1);
        }
    }
    // To the very end, over all that follows the last checkpoint.
    let plain = Plain::new(blob, how, points, size);
    let from = size - size.min(300_000);
    let mut read = Vec::new();
    let mut buffer = vec![0; 9000];
    loop {
        let count = plain
            .read_at(from + read.len() as u64, &mut buffer)
            .unwrap();
        if count == 0 {
            break;
        }
        read.extend_from_slice(&buffer[..count]);
    }
    assert!(read == expected[from as usize..]);
}

#[test]
fn a_gzip_stream_reads_the_same_from_every_checkpoint() {
    for (seed, level) in [(1, 0), (2, 3), (3, 6), (4, 9)] {
        let bytes = Noise(seed).mixed(3 << 20);
        let packed = gzip(&bytes, level);
        let points = noted(&packed, &bytes, SPACING, ROOM);
        let count = points.before(u64::MAX).count();
        assert!(count > 8, "level {level}: {count} checkpoints");
        assert_reads_everywhere(packed, &bytes, &points, Compression::Gzip);
    }
}

#[test]
fn every_checkpoint_is_entered_where_it_says() {
    let bytes = Noise(5).mixed(4 << 20);
    for level in [0, 1, 6] {
        let packed = gzip(&bytes, level);
        let points = noted(&packed, &bytes, SPACING, ROOM);
        let blob: Rc<dyn ReadAt> = Rc::new(packed);
        for point in points.before(u64::MAX) {
            let mut entered = super::entry::Entered::at(&blob, point)
                .unwrap()
                .expect("the blob is the same");
            let mut rest = Vec::new();
            entered.read_to_end(&mut rest).unwrap();
            assert!(
                rest == bytes[point.offset as usize..],
                "at {}",
                point.offset
            );
        }
    }
}

#[test]
fn stored_and_fixed_blocks_and_noise_are_entered_too() {
    // Noise is stored, in blocks that look alike from several bits; short repetitions come in fixed ones.
    let noise = Noise(7).bytes(2 << 20);
    let repeated = b"abcabcabd".repeat(200_000);
    for bytes in [noise, repeated, vec![0; 5 << 20]] {
        for level in [1, 6] {
            let packed = gzip(&bytes, level);
            let points = noted(&packed, &bytes, SPACING, ROOM);
            assert_reads_everywhere(packed, &bytes, &points, Compression::Gzip);
        }
    }
}

#[test]
fn members_are_entered_at_their_starts_and_left_at_their_ends() {
    let mut noise = Noise(21);
    let (mut bytes, mut packed) = (Vec::new(), Vec::new());
    for member in 0..40 {
        // One is empty, some are long, some short.
        let length = (noise.next() % 400_000) as usize * usize::from(member % 7 != 3);
        let piece = noise.mixed(length);
        packed.extend(gzip(&piece, 1 + member % 9));
        bytes.extend(piece);
    }
    let points = noted(&packed, &bytes, SPACING, ROOM);
    assert!(
        points
            .before(u64::MAX)
            .any(super::checkpoint::Checkpoint::is_start)
    );
    assert!(points.before(u64::MAX).any(|point| !point.is_start()));
    assert_reads_everywhere(packed, &bytes, &points, Compression::Gzip);
}

#[test]
fn frames_of_zstd_are_entered_at_their_starts() {
    use ruzstd::encoding::{CompressionLevel, compress_to_vec};
    let mut noise = Noise(31);
    let (mut bytes, mut packed) = (Vec::new(), Vec::new());
    for _ in 0..12 {
        let piece = noise.mixed(90_000);
        packed.extend(compress_to_vec(&piece[..], CompressionLevel::Fastest));
        bytes.extend(piece);
    }
    let recorder = Recorder::with_spacing(ROOM, SPACING);
    let mut reader = ZstdReader::new(&packed[..]).recording(Some(recorder));
    let mut out = Vec::new();
    reader.read_to_end(&mut out).unwrap();
    assert!(out == bytes);
    let points = reader.into_recorder().unwrap().finish();
    assert!(points.before(u64::MAX).count() > 8);
    assert_reads_everywhere(packed, &bytes, &points, Compression::Zstd);
}

#[test]
fn checkpoints_stay_within_their_room_and_serve_still() {
    let bytes = Noise(41).mixed(6 << 20);
    let packed = gzip(&bytes, 6);
    for room in [0, 50_000, 150_000, 400_000] {
        let points = noted(&packed, &bytes, 64 << 10, room);
        assert!(points.bytes() <= room, "{} of {room}", points.bytes());
        let sum: usize = points
            .before(u64::MAX)
            .map(|point| size_of_val(point) + point.window.len())
            .sum();
        assert_eq!(sum, points.bytes());
        assert_reads_everywhere(packed.clone(), &bytes, &points, Compression::Gzip);
    }
}

#[test]
fn a_blob_that_changed_is_an_error_or_the_new_bytes_and_never_a_panic() {
    let bytes = Noise(51).mixed(2 << 20);
    let packed = gzip(&bytes, 6);
    let points = noted(&packed, &bytes, SPACING, ROOM);
    let mut noise = Noise(61);
    for _ in 0..40 {
        let mut changed = packed.clone();
        let at = (noise.next() % changed.len() as u64) as usize;
        changed[at] ^= 1 << (noise.next() % 8);
        if noise.next().is_multiple_of(4) {
            changed.truncate(at);
        }
        let blob: Rc<dyn ReadAt> = Rc::new(changed);
        let plain = Plain::new(blob, Compression::Gzip, &points, bytes.len() as u64);
        let offset = noise.next() % bytes.len() as u64;
        let mut buffer = vec![0; 100_000];
        let _ = plain.read_at(offset, &mut buffer);
    }
}

/// What the first pass notes of a layer with one checkpoint.
fn with_one_checkpoint() -> super::Noted {
    let mut recorder = Recorder::with_spacing(ROOM, SPACING);
    let window = vec![0; 32 << 10];
    recorder.take(&window, SPACING);
    recorder.boundary(SPACING, 4096);
    recorder.take(&vec![0; 68 << 10], SPACING + (68 << 10));
    let checkpoints = recorder.finish();
    assert_eq!(checkpoints.before(u64::MAX).count(), 1);
    super::Noted {
        compression: Compression::Gzip,
        uncompressed_bytes: 2 * SPACING,
        checkpoints,
        places: Box::default(),
    }
}

/// A thousand layers of one checkpoint each once kept the first pass thinning for ever: the first of a layer never went.
#[test]
fn layers_of_one_checkpoint_each_are_thinned_too() {
    let mut contents = super::ContentIndex::default();
    let lying = || super::Lying::Kept([].into());
    for _ in 0..1000 {
        contents.recorder();
        contents.add(lying(), with_one_checkpoint().into());
    }
    contents.recorder();
    assert!(contents.checkpoint_bytes() <= super::CHECKPOINTS_BYTES_MAX / 2);
}
