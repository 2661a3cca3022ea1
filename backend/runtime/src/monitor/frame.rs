//! The unit of the log file and of what the monitor's socket sends: one form for both, so that the log of a container
//! is the recording of its stream, and a client can be sent the file's bytes as they lie.
//!
//! A frame is a header of 13 bytes (kind, one byte; time in milliseconds since 1970, eight; payload length, four;
//! integers little-endian) and the payload.

use std::io::{self, Read};

/// The size of a frame's header, in bytes.
pub const HEADER_BYTES: usize = 13;

/// The largest payload, in bytes: what one read of a full pipe gives. A longer output makes several frames.
pub const PAYLOAD_BYTES_MAX: u32 = 64 << 10;

/// What a frame carries.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum FrameKind {
    /// What the container wrote to its standard output.
    Stdout = 1,
    /// What it wrote to its standard error.
    Stderr = 2,
    /// A sentence of the monitor about the log itself, as text: that output was lost because the disk was full.
    Note = 3,
    /// The answer to `State`: a [`super::protocol::MonitorState`] as JSON. Never in the log.
    State = 4,
    /// The container has ended: an [`crate::Exit`] as JSON. The last frame of a connection; never in the log.
    Exit = 5,
    /// A request was carried out; no payload. Never in the log.
    Done = 6,
    /// A request was refused: the reason, as text. Never in the log.
    Refused = 7,
    /// Where in the log the frames that follow lie: a [`crate::log::Position`] as JSON. Never in the log.
    Place = 8,
    /// From a client that attached to type: bytes for the standard input, at most
    /// [`super::protocol::INPUT_BYTES_MAX`]. Never in the log.
    Input = 9,
    /// From such a client: nothing more comes, from anyone; no payload. A terminal has no end, and ignores it. Never in
    /// the log.
    EndOfInput = 10,
    /// From such a client: the terminal's size is this now; rows and columns, two bytes each. Never in the log.
    Resize = 11,
}

impl FrameKind {
    fn from_byte(byte: u8) -> Option<Self> {
        Some(match byte {
            1 => Self::Stdout,
            2 => Self::Stderr,
            3 => Self::Note,
            4 => Self::State,
            5 => Self::Exit,
            6 => Self::Done,
            7 => Self::Refused,
            8 => Self::Place,
            9 => Self::Input,
            10 => Self::EndOfInput,
            11 => Self::Resize,
            _ => return None,
        })
    }
}

/// A frame's header.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FrameHeader {
    /// What the payload is.
    pub kind: FrameKind,
    /// When the monitor read or wrote it, in milliseconds since 1970.
    pub time_ms: u64,
    /// The payload's length, in bytes.
    pub length: u32,
}

impl FrameHeader {
    /// The header as bytes.
    #[must_use]
    pub fn encode(&self) -> [u8; HEADER_BYTES] {
        let mut bytes = [0; HEADER_BYTES];
        bytes[0] = self.kind as u8;
        bytes[1..9].copy_from_slice(&self.time_ms.to_le_bytes());
        bytes[9..].copy_from_slice(&self.length.to_le_bytes());
        bytes
    }

    /// The header that `bytes` hold.
    ///
    /// # Errors
    /// If the kind is not one of ours, or the payload would be larger than [`PAYLOAD_BYTES_MAX`].
    pub fn decode(bytes: &[u8; HEADER_BYTES]) -> io::Result<Self> {
        let [kind, t0, t1, t2, t3, t4, t5, t6, t7, l0, l1, l2, l3] = *bytes;
        let kind = FrameKind::from_byte(kind)
            .ok_or_else(|| invalid(format!("expected a frame, but found one of kind {kind}")))?;
        let length = u32::from_le_bytes([l0, l1, l2, l3]);
        if length > PAYLOAD_BYTES_MAX {
            return Err(invalid(format!(
                "expected a frame of at most {PAYLOAD_BYTES_MAX} bytes, but found one of {length}"
            )));
        }
        Ok(Self {
            kind,
            time_ms: u64::from_le_bytes([t0, t1, t2, t3, t4, t5, t6, t7]),
            length,
        })
    }
}

/// One frame.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Frame {
    /// What the payload is.
    pub kind: FrameKind,
    /// When the monitor read or wrote it, in milliseconds since 1970.
    pub time_ms: u64,
    /// At most [`PAYLOAD_BYTES_MAX`] bytes.
    pub payload: Vec<u8>,
}

impl Frame {
    /// Reads one frame; `None` if `reader` ends before it begins.
    ///
    /// # Errors
    /// If it can't be read, ends in the middle, or is not a frame.
    pub fn read(reader: &mut impl Read) -> io::Result<Option<Self>> {
        let mut header = [0; HEADER_BYTES];
        let first = loop {
            match reader.read(&mut header) {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                other => break other?,
            }
        };
        if first == 0 {
            return Ok(None);
        }
        reader.read_exact(&mut header[first..])?;
        let FrameHeader {
            kind,
            time_ms,
            length,
        } = FrameHeader::decode(&header)?;
        let mut payload = vec![0; length as usize];
        reader.read_exact(&mut payload)?;
        Ok(Some(Self {
            kind,
            time_ms,
            payload,
        }))
    }

    /// The frame as bytes.
    #[must_use]
    pub fn encode(kind: FrameKind, time_ms: u64, payload: &[u8]) -> Vec<u8> {
        let payload = &payload[..payload.len().min(PAYLOAD_BYTES_MAX as usize)];
        let length = u32::try_from(payload.len()).unwrap_or(PAYLOAD_BYTES_MAX);
        let mut bytes = FrameHeader {
            kind,
            time_ms,
            length,
        }
        .encode()
        .to_vec();
        bytes.extend_from_slice(payload);
        bytes
    }
}

fn invalid(message: String) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, message)
}

#[cfg(test)]
mod tests {
    use super::{Frame, FrameHeader, FrameKind, HEADER_BYTES};

    #[test]
    fn reads_back_what_it_writes() {
        let bytes = Frame::encode(FrameKind::Stderr, 1_700_000_000_123, b"oh\n");
        let mut rest = &bytes[..];
        let frame = Frame::read(&mut rest).unwrap().unwrap();
        assert_eq!(
            (frame.kind, frame.time_ms),
            (FrameKind::Stderr, 1_700_000_000_123)
        );
        assert_eq!(frame.payload, b"oh\n");
        assert!(Frame::read(&mut rest).unwrap().is_none());
    }

    #[test]
    fn refuses_an_unknown_kind_a_huge_length_and_a_cut_frame() {
        let mut bytes = [0; HEADER_BYTES];
        assert!(FrameHeader::decode(&bytes).is_err());
        bytes[0] = 1;
        bytes[9..].copy_from_slice(&u32::MAX.to_le_bytes());
        assert!(FrameHeader::decode(&bytes).is_err());
        let whole = Frame::encode(FrameKind::Stdout, 0, b"abc");
        assert!(Frame::read(&mut &whole[..whole.len() - 1]).is_err());
    }
}
