//! zstd as layers and archives hold it: frames one after the other, with skippable ones between them (RFC 8878, section 3.1).
//!
//! ruzstd decodes a frame; what surrounds frames is done here, because a layer has many of them (zstd:chunked writes one for
//! each file) and is hostile until shown otherwise: the window that a frame may ask for has a limit, a frame's checksum and
//! length are compared with what came out, and of a frame that breaks off all that was decoded is handed out first.

use std::io::{self, BufRead, Read};

use ruzstd::decoding::errors::FrameDecoderError;
use ruzstd::decoding::{BlockDecodingStrategy, FrameDecoder};

use super::access::Recorder;

/// Largest window that a frame may ask for, in bytes: what `zstd -d` takes without being told to take more. A decoder holds
/// as much of what it wrote last, and one block.
pub const ZSTD_WINDOW_BYTES_MAX: u64 = 128 << 20;

/// What a frame begins with.
const MAGIC: [u8; 4] = [0x28, 0xb5, 0x2f, 0xfd];

/// An empty last block, and a checksum in case the frame has one: ends a frame so that its decoder gives up what it holds.
const END_OF_FRAME: [u8; 7] = [1, 0, 0, 0, 0, 0, 0];

/// Whether these bytes begin a skippable frame.
pub(super) fn is_skippable(start: &[u8]) -> bool {
    matches!(start, [first, 0x2a, 0x4d, 0x18, ..] if first & 0xf0 == 0x50)
}

/// A reader of what zstd frames hold, one frame after the other.
///
/// Its errors tell faults apart by their kind: [`io::ErrorKind::UnexpectedEof`] where a frame breaks off,
/// [`io::ErrorKind::QuotaExceeded`] where a frame asks for a window beyond [`ZSTD_WINDOW_BYTES_MAX`], and
/// [`io::ErrorKind::InvalidData`] for all other damage; those of the source come through as they are.
pub struct ZstdReader<R> {
    source: Source<R>,
    decoder: FrameDecoder,
    state: State,
    /// Where the frame begins, in bytes of the source.
    frame_start: u64,
    /// Bytes of the frame that were handed out.
    frame_bytes: u64,
    /// Bytes of all frames that were handed out.
    made: u64,
    recorder: Option<Recorder>,
}

/// Where a reader is.
enum State {
    /// Before a frame, or at the end.
    Between,
    /// In a frame.
    Inside,
    /// In a frame that broke off: what was decoded goes out, then the error.
    Broken(io::Error),
    /// The error is out.
    Over,
}

impl<R: BufRead> ZstdReader<R> {
    /// Reads the frames of `source`.
    pub fn new(source: R) -> Self {
        let mut decoder = FrameDecoder::new();
        decoder.set_max_window_size(ZSTD_WINDOW_BYTES_MAX);
        Self {
            source: Source {
                inner: source,
                position: 0,
                has_ended: false,
                failure: None,
            },
            decoder,
            state: State::Between,
            frame_start: 0,
            frame_bytes: 0,
            made: 0,
            recorder: None,
        }
    }

    /// Notes where frames begin.
    pub(super) fn recording(mut self, recorder: Option<Recorder>) -> Self {
        self.recorder = recorder;
        self
    }

    /// The recorder, with what it noted.
    pub(super) fn into_recorder(self) -> Option<Recorder> {
        self.recorder
    }

    /// Goes to the next frame with content; none at the source's end.
    fn begin_frame(&mut self) -> io::Result<Option<()>> {
        loop {
            let start = self.source.position;
            let mut magic = [0; 4];
            let length = self.source.read_up_to(&mut magic)?;
            if length == 0 {
                return Ok(None);
            }
            if length < magic.len() || !(magic == MAGIC || is_skippable(&magic)) {
                let message = format!(
                    "expected a zstd frame at byte {start}, but found other bytes: {:02x?}",
                    &magic[..length]
                );
                return Err(io::Error::new(io::ErrorKind::InvalidData, message));
            }
            if is_skippable(&magic) {
                self.source.skip_frame(start)?;
                continue;
            }
            (self.frame_start, self.frame_bytes) = (start, 0);
            if let Some(recorder) = &mut self.recorder {
                recorder.member(self.made, start);
            }
            return match self.decoder.init((&magic[..]).chain(&mut self.source)) {
                Ok(()) => Ok(Some(())),
                Err(error) => Err(self.fault(&error)),
            };
        }
    }

    /// What a decoder's error comes from: the source, its end, a limit, or damage.
    fn fault(&mut self, error: &FrameDecoderError) -> io::Error {
        if let Some(failure) = self.source.failure.take() {
            return failure;
        }
        let start = self.frame_start;
        if self.source.has_ended {
            return broken_off(start, self.source.position);
        }
        let (kind, message) = match error {
            FrameDecoderError::WindowSizeTooBig { requested, max } => (
                io::ErrorKind::QuotaExceeded,
                format!(
                    "expected a window of at most {max} bytes in the zstd frame at byte {start}, but found one of {requested}"
                ),
            ),
            FrameDecoderError::DictNotProvided { dict_id } => (
                io::ErrorKind::InvalidData,
                format!(
                    "expected a zstd frame that needs no dictionary at byte {start}, but found one that needs dictionary {dict_id}"
                ),
            ),
            other => (
                io::ErrorKind::InvalidData,
                format!(
                    "expected a whole zstd frame at byte {start}, but found damage up to byte {}: {other}",
                    self.source.position
                ),
            ),
        };
        io::Error::new(kind, message)
    }

    /// Compares a frame that was read to its end with what it says of itself.
    fn check_frame(&self) -> io::Result<()> {
        let start = self.frame_start;
        let damaged = |what: &str, expected: u64, found: u64| {
            let message = format!(
                "expected the {what} {expected} of the zstd frame at byte {start}, but found {found}"
            );
            Err(io::Error::new(io::ErrorKind::InvalidData, message))
        };
        // 0 stands for a length that the frame does not tell, too.
        let length = self.decoder.content_size();
        if length != 0 && length != self.frame_bytes {
            return damaged("length", length, self.frame_bytes);
        }
        match (
            self.decoder.get_checksum_from_data(),
            self.decoder.get_calculated_checksum(),
        ) {
            (Some(expected), Some(found)) if expected != found => {
                damaged("checksum", expected.into(), found.into())
            }
            _ => Ok(()),
        }
    }

    /// Decodes one block; where that fails, ends the frame by hand.
    fn decode_block(&mut self) {
        let one = BlockDecodingStrategy::UptoBlocks(1);
        if let Err(error) = self.decoder.decode_blocks(&mut self.source, one) {
            let fault = self.fault(&error);
            // Should even that fail, what was decoded last is lost and the fault stands.
            let _ = self
                .decoder
                .decode_blocks(&END_OF_FRAME[..], BlockDecodingStrategy::UptoBlocks(1));
            self.state = State::Broken(fault);
        }
    }
}

impl<R: BufRead> Read for ZstdReader<R> {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        if out.is_empty() {
            return Ok(0);
        }
        loop {
            if matches!(self.state, State::Inside | State::Broken(_)) {
                let count = self.decoder.read(out)?;
                self.frame_bytes += count as u64;
                self.made += count as u64;
                if count > 0 {
                    return Ok(count);
                }
            }
            match std::mem::replace(&mut self.state, State::Over) {
                State::Between => match self.begin_frame()? {
                    Some(()) => self.state = State::Inside,
                    None => {
                        self.state = State::Between;
                        return Ok(0);
                    }
                },
                State::Inside if self.decoder.is_finished() => {
                    self.check_frame()?;
                    self.state = State::Between;
                }
                State::Inside => {
                    self.state = State::Inside;
                    self.decode_block();
                }
                State::Broken(error) => return Err(error),
                State::Over => return Ok(0),
            }
        }
    }
}

/// The source, with what a decoder's error does not tell.
struct Source<R> {
    inner: R,
    position: u64,
    /// It gave no more bytes where some were wanted.
    has_ended: bool,
    /// It failed.
    failure: Option<io::Error>,
}

impl<R: BufRead> Source<R> {
    /// Fills `out` as far as there are bytes.
    fn read_up_to(&mut self, out: &mut [u8]) -> io::Result<usize> {
        let mut length = 0;
        while length < out.len() {
            match self.inner.read(&mut out[length..]) {
                Ok(0) => break,
                Ok(count) => length += count,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        self.position += length as u64;
        Ok(length)
    }

    /// Goes past a skippable frame whose magic number was read.
    fn skip_frame(&mut self, start: u64) -> io::Result<()> {
        let mut length = [0; 4];
        if self.read_up_to(&mut length)? < length.len() {
            return Err(broken_off(start, self.position));
        }
        let length = u64::from(u32::from_le_bytes(length));
        let skipped = io::copy(&mut (&mut self.inner).take(length), &mut io::sink())?;
        self.position += skipped;
        if skipped < length {
            return Err(broken_off(start, self.position));
        }
        Ok(())
    }
}

impl<R: BufRead> Read for Source<R> {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        match self.inner.read(out) {
            Ok(count) => {
                self.has_ended |= count == 0 && !out.is_empty();
                self.position += count as u64;
                Ok(count)
            }
            Err(error) => {
                if error.kind() != io::ErrorKind::Interrupted {
                    // The decoder keeps the error itself in its own; its kind and text are enough.
                    self.failure = Some(io::Error::new(error.kind(), error.to_string()));
                }
                Err(error)
            }
        }
    }
}

fn broken_off(start: u64, end: u64) -> io::Error {
    let message = format!(
        "expected a whole zstd frame at byte {start}, but found the end of the data at byte {end}"
    );
    io::Error::new(io::ErrorKind::UnexpectedEof, message)
}

#[cfg(test)]
mod tests {
    use super::*;
    use ruzstd::encoding::{CompressionLevel, compress_to_vec};

    fn pack(bytes: &[u8]) -> Vec<u8> {
        compress_to_vec(bytes, CompressionLevel::Fastest)
    }

    /// What comes out, and the error that it ends with.
    fn unpack(packed: &[u8]) -> (Vec<u8>, Option<io::Error>) {
        let (mut reader, mut bytes) = (ZstdReader::new(packed), Vec::new());
        let error = reader.read_to_end(&mut bytes).err();
        // After an error comes the end, however often one asks.
        assert_eq!(reader.read(&mut [0; 8]).unwrap(), 0);
        (bytes, error)
    }

    fn skippable(content: &[u8]) -> Vec<u8> {
        let length = u32::try_from(content.len()).unwrap().to_le_bytes();
        [&[0x5e, 0x2a, 0x4d, 0x18], &length[..], content].concat()
    }

    fn text(lines: u32) -> Vec<u8> {
        (0..lines)
            .flat_map(|line| format!("line {line} of {lines}\n").into_bytes())
            .collect()
    }

    #[test]
    fn frames_are_read_one_after_the_other_and_skippable_ones_skipped() {
        let (one, two) = (text(40_000), text(3));
        let packed = [
            skippable(b""),
            pack(&one),
            skippable(&[9; 300_000]),
            pack(&two),
            pack(b""),
            skippable(b"the end"),
        ]
        .concat();
        let (bytes, error) = unpack(&packed);
        assert!(error.is_none(), "{error:?}");
        assert!(bytes == [one, two].concat());
        assert!(unpack(b"").0.is_empty() && unpack(b"").1.is_none());
    }

    /// A decoder holds its window back until it knows that it is no more needed: of a frame that breaks off, nothing came.
    #[test]
    fn of_a_frame_that_breaks_off_comes_what_was_decoded() {
        let whole = text(60_000);
        let packed = pack(&whole);
        let (bytes, error) = unpack(&packed[..packed.len() - 10]);
        let error = error.unwrap();
        assert_eq!(error.kind(), io::ErrorKind::UnexpectedEof, "{error}");
        assert!(bytes.len() > whole.len() / 2 && whole.starts_with(&bytes));
        for length in 1..20 {
            assert!(unpack(&packed[..length]).1.is_some(), "{length}");
        }
        let error = unpack(&skippable(&[0; 100])[..50]).1.unwrap();
        assert_eq!(error.kind(), io::ErrorKind::UnexpectedEof, "{error}");
    }

    #[test]
    fn what_follows_the_last_frame_is_named_with_its_place() {
        let packed = pack(b"content");
        for rest in [&b"x"[..], b"garbage", &[0; 512]] {
            let (bytes, error) = unpack(&[&packed, rest].concat());
            let message = error.unwrap().to_string();
            let place = format!("at byte {}, but found other bytes", packed.len());
            assert!(message.contains(&place), "{message}");
            assert_eq!(bytes, b"content");
        }
    }

    /// 2 GiB, and 1 EiB by way of a frame that is one piece; the frame before them is read.
    #[test]
    fn a_window_beyond_the_limit_is_refused_before_anything_is_taken_for_it() {
        let two_gib = [&MAGIC[..], &[0x00, 21 << 3, 1, 0, 0]].concat();
        let one_piece = [&MAGIC[..], &[0xe0], &(1u64 << 60).to_le_bytes(), &[1, 0, 0]].concat();
        for frame in [two_gib, one_piece] {
            for before in [&b""[..], &pack(b"before")] {
                let (bytes, error) = unpack(&[before, &frame].concat());
                let error = error.unwrap();
                assert_eq!(error.kind(), io::ErrorKind::QuotaExceeded, "{error}");
                assert_eq!(bytes.is_empty(), before.is_empty());
            }
        }
    }

    #[test]
    fn a_frame_that_is_not_what_it_says_is_refused() {
        // One raw block of three bytes: with a checksum, with a length, with a dictionary.
        let block = [0x19, 0, 0, b'a', b'b', b'c'];
        let frame = |head: &[u8], tail: &[u8]| [&MAGIC[..], head, &block, tail].concat();
        let (_, error) = unpack(&frame(&[0x04, 0], &[1, 2, 3, 4]));
        assert!(error.unwrap().to_string().contains("the checksum"));
        let (bytes, error) = unpack(&frame(&[0x80, 0, 9, 0, 0, 0], &[]));
        assert!(error.unwrap().to_string().contains("the length 9"));
        assert_eq!(bytes, b"abc");
        let (_, error) = unpack(&frame(&[0x01, 0, 7], &[]));
        assert!(error.unwrap().to_string().contains("dictionary 7"));
        assert_eq!(unpack(&frame(&[0x00, 0], &[])).0, b"abc");
    }

    /// A block may be 128 KiB large, and no larger: one that repeats a byte for gigabytes is stopped there.
    #[test]
    fn a_block_that_grows_without_end_is_stopped() {
        // A literal, then sequences of one kind each (RLE tables): no literals, offset 1, a match of 65,539 + 65,535 bytes.
        let mut block = vec![0x08, b'x', 0xff, 0x00, 0x7f, 0x54, 0, 0, 52];
        block.resize(120_000, 0xff);
        let size = (block.len() as u32) << 3 | 0b101;
        let head = [&MAGIC[..], &[0x00, 0x50], &size.to_le_bytes()[..3]].concat();
        let (bytes, error) = unpack(&[head, block].concat());
        let error = error.unwrap();
        assert_eq!(error.kind(), io::ErrorKind::InvalidData, "{error}");
        assert!(bytes.len() < 1 << 20);
    }

    #[test]
    fn a_source_that_fails_is_not_taken_for_damage() {
        struct Failing<'a>(&'a [u8]);
        impl Read for Failing<'_> {
            fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
                match self.0.read(out)? {
                    0 => Err(io::Error::new(io::ErrorKind::TimedOut, "gone")),
                    count => Ok(count),
                }
            }
        }
        let packed = pack(&text(60_000));
        for length in [0, 2, 6, 1000, packed.len()] {
            let source = io::BufReader::new(Failing(&packed[..length]));
            let error = io::copy(&mut ZstdReader::new(source), &mut io::sink()).unwrap_err();
            assert_eq!(error.kind(), io::ErrorKind::TimedOut, "{length}: {error}");
        }
    }
}
