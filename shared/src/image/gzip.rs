//! gzip as layers and archives hold it: members one after the other (RFC 1952, section 2.2).
//!
//! zlib-rs inflates; what surrounds the deflate streams is done here, because places to enter a layer at must be noted while
//! it is read ([`Recorder`]): that needs the boundaries of deflate blocks, which readers of gzip keep to themselves.

use std::io::{self, BufRead, Read};

use flate2::Crc;
use zlib_rs::{Inflate, InflateFlush, Status};

use super::access::Recorder;

/// Largest window of a deflate stream, as a power of two (RFC 1951, section 2).
const WINDOW_BITS: u8 = 15;

const FLAG_HEADER_CRC: u8 = 1 << 1;
const FLAG_EXTRA: u8 = 1 << 2;
const FLAG_NAME: u8 = 1 << 3;
const FLAG_COMMENT: u8 = 1 << 4;
const FLAGS_RESERVED: u8 = 0b1110_0000;

/// Bytes after a member's deflate stream: CRC-32 and length (RFC 1952, section 2.3).
pub(super) const TRAILER_BYTES: usize = 8;

/// An inflater of a deflate stream without a header around it.
pub(super) fn raw_inflate() -> Inflate {
    Inflate::new(false, WINDOW_BITS)
}

/// A reader of what gzip members hold, one member after the other.
///
/// Its errors tell faults apart by their kind: [`io::ErrorKind::UnexpectedEof`] where a member breaks off,
/// [`io::ErrorKind::InvalidData`] for all other damage; those of the source come through as they are.
pub(super) struct GzipReader<R> {
    source: R,
    inflate: Inflate,
    state: State,
    crc: Crc,
    /// Bytes taken from the source.
    taken: u64,
    /// Bytes handed out.
    made: u64,
    recorder: Option<Recorder>,
}

/// Where a reader is.
#[derive(Clone, Copy, PartialEq, Eq)]
enum State {
    /// Before the first member.
    Before,
    /// Between members, or at the end.
    Between,
    /// In a member's deflate stream.
    Inside,
    /// After it.
    Trailer,
    /// Damaged: the error is out.
    Over,
}

impl<R: BufRead> GzipReader<R> {
    /// Reads the members of `source`; notes places to enter at where there is a recorder.
    pub(super) fn new(source: R, recorder: Option<Recorder>) -> Self {
        Self {
            source,
            inflate: raw_inflate(),
            state: State::Before,
            crc: Crc::new(),
            taken: 0,
            made: 0,
            recorder,
        }
    }

    /// Reads the members that follow another one, of which there may be none.
    pub(super) fn following(source: R) -> Self {
        Self {
            state: State::Between,
            ..Self::new(source, None)
        }
    }

    /// The recorder, with what it noted.
    pub(super) fn into_recorder(self) -> Option<Recorder> {
        self.recorder
    }

    /// The next byte of a header or trailer.
    fn byte(&mut self) -> io::Result<u8> {
        let mut byte = [0];
        match self.source.read_exact(&mut byte) {
            Ok(()) => {
                self.taken += 1;
                self.crc.update(&byte);
                Ok(byte[0])
            }
            Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => Err(self.broken_off()),
            Err(error) => Err(error),
        }
    }

    fn broken_off(&self) -> io::Error {
        let message = format!(
            "expected more of a gzip member at byte {}, but found the end",
            self.taken
        );
        io::Error::new(io::ErrorKind::UnexpectedEof, message)
    }

    fn damaged(&mut self, message: String) -> io::Error {
        self.state = State::Over;
        io::Error::new(io::ErrorKind::InvalidData, message)
    }

    /// Passes over a member's header.
    fn read_header(&mut self) -> io::Result<()> {
        let start = self.taken;
        self.crc.reset();
        let mut fixed = [0; 10];
        for byte in &mut fixed {
            *byte = self.byte()?;
        }
        let [0x1f, 0x8b, 8, flags, ..] = fixed else {
            let message = format!(
                "expected a gzip member at byte {start}, but found other bytes: {:02x?}",
                &fixed[..4]
            );
            return Err(self.damaged(message));
        };
        if flags & FLAGS_RESERVED != 0 {
            let message = format!(
                "expected a gzip member at byte {start} without reserved flags, but found {flags:#04x}"
            );
            return Err(self.damaged(message));
        }
        if flags & FLAG_EXTRA != 0 {
            let length = u16::from_le_bytes([self.byte()?, self.byte()?]);
            for _ in 0..length {
                self.byte()?;
            }
        }
        for text in [FLAG_NAME, FLAG_COMMENT] {
            while flags & text != 0 && self.byte()? != 0 {}
        }
        if flags & FLAG_HEADER_CRC != 0 {
            let expected = (self.crc.sum() & 0xffff) as u16;
            let found = u16::from_le_bytes([self.byte()?, self.byte()?]);
            if expected != found {
                let message = format!(
                    "expected the checksum {expected:#06x} of the gzip header at byte {start}, but found {found:#06x}"
                );
                return Err(self.damaged(message));
            }
        }
        Ok(())
    }

    /// Begins the next member; `false` at the end.
    fn begin_member(&mut self) -> io::Result<bool> {
        if self.source.fill_buf()?.is_empty() {
            if self.state == State::Before {
                self.state = State::Over;
                return Err(self.broken_off());
            }
            return Ok(false);
        }
        if let Some(recorder) = &mut self.recorder {
            recorder.member(self.made, self.taken);
        }
        self.read_header()?;
        self.crc.reset();
        self.inflate.reset(false);
        self.state = State::Inside;
        Ok(true)
    }

    /// Inflates some bytes; none at the end of the member's stream.
    fn inflate_some(&mut self, out: &mut [u8]) -> io::Result<usize> {
        loop {
            let input = self.source.fill_buf()?;
            let stops = self
                .recorder
                .as_ref()
                .is_some_and(Recorder::wants_a_boundary);
            let flush = match stops {
                true => InflateFlush::Block,
                false => InflateFlush::NoFlush,
            };
            let (was_in, was_out) = (self.inflate.total_in(), self.inflate.total_out());
            let status = self.inflate.decompress(input, out, flush);
            let taken = (self.inflate.total_in() - was_in) as usize;
            let made = (self.inflate.total_out() - was_out) as usize;
            let (has_ended, input_left) = (input.is_empty(), taken < input.len());
            self.source.consume(taken);
            self.taken += taken as u64;
            self.made += made as u64;
            self.crc.update(&out[..made]);
            if let Some(recorder) = &mut self.recorder {
                recorder.take(&out[..made], self.made);
            }
            match status {
                Ok(Status::StreamEnd) => {
                    if let Some(recorder) = &mut self.recorder {
                        recorder.end_member();
                    }
                    self.state = State::Trailer;
                    return Ok(made);
                }
                // With room on both sides, it stopped where it was asked to.
                Ok(_) if stops && input_left && made < out.len() => {
                    if let Some(recorder) = &mut self.recorder {
                        recorder.boundary(self.made, self.taken);
                    }
                }
                Ok(_) if has_ended && made == 0 => return Err(self.broken_off()),
                Ok(_) => {}
                Err(error) => {
                    let message = format!(
                        "expected a deflate stream, but found damage up to byte {}: {}",
                        self.taken,
                        error.as_str()
                    );
                    return Err(self.damaged(message));
                }
            }
            if made > 0 {
                return Ok(made);
            }
        }
    }

    /// Compares what came out of a member with what stands at its end.
    fn check_member(&mut self) -> io::Result<()> {
        let (crc, length) = (self.crc.sum(), self.crc.amount());
        let mut trailer = [0; TRAILER_BYTES];
        for byte in &mut trailer {
            *byte = self.byte()?;
        }
        let [a, b, c, d, e, f, g, h] = trailer;
        let (expected, length_expected) = (
            u32::from_le_bytes([a, b, c, d]),
            u32::from_le_bytes([e, f, g, h]),
        );
        if (crc, length) != (expected, length_expected) {
            let message = format!(
                "expected the checksum {expected:08x} and the length {length_expected} of the gzip member that ends at byte {}, but found {crc:08x} and {length}",
                self.taken
            );
            return Err(self.damaged(message));
        }
        self.state = State::Between;
        Ok(())
    }
}

impl<R: BufRead> Read for GzipReader<R> {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        if out.is_empty() {
            return Ok(0);
        }
        loop {
            match self.state {
                State::Before | State::Between => {
                    if !self.begin_member()? {
                        return Ok(0);
                    }
                }
                State::Inside => {
                    let made = self.inflate_some(out)?;
                    if made > 0 {
                        return Ok(made);
                    }
                }
                State::Trailer => self.check_member()?,
                State::Over => {
                    let message = "expected no more reading of a damaged gzip stream";
                    return Err(io::Error::new(io::ErrorKind::InvalidData, message));
                }
            }
        }
    }
}
