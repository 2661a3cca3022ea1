//! What a terminal carries on the WebSocket: bytes, in binary frames, which JSON would make several times as long.
//!
//! A frame is a kind (one byte), the client's number of the attachment (eight bytes, little-endian), and the bytes.
//! Everything else about an attachment goes in text frames, as all else does.
//!
//! Neither side is ever sent more than it takes. The server sends at most [`TERMINAL_WINDOW_BYTES`] of output that the
//! client hasn't said it has shown ([`super::ClientMessage::Shown`]); the rest waits in the container's log, and where that
//! is full, in the container. The client types at most [`TERMINAL_INPUT_BYTES_MAX`] that the server hasn't said the process
//! has taken ([`super::ServerMessage::Taken`]). Nothing is lost on either way.

use thiserror::Error;

/// How much output may be on its way to a client, in bytes: enough for some dozen full screens at once, and shown in a
/// moment, so that Ctrl-C seems to work at once.
pub const TERMINAL_WINDOW_BYTES: u64 = 256 << 10;

/// How much that was typed may be on its way to the process, in bytes. A longer paste waits in the client.
pub const TERMINAL_INPUT_BYTES_MAX: u64 = 64 << 10;

/// The size of a frame's header, in bytes.
const HEADER_BYTES: usize = 9;

/// A binary frame.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TerminalFrame {
    /// The client's number for the attachment.
    pub id: u64,
    /// Which way the bytes go.
    pub kind: TerminalFrameKind,
    /// Any bytes, cut anywhere.
    pub bytes: Vec<u8>,
}

/// Which way the bytes of a frame go.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum TerminalFrameKind {
    /// From the server: the process wrote them.
    Output = 1,
    /// From the client: they were typed.
    Input = 2,
}

/// Why bytes are not a frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum TerminalFrameError {
    /// Too few bytes for a header.
    #[error("expected a binary frame of at least {HEADER_BYTES} bytes, but found {0}")]
    Short(usize),
    /// Of no kind.
    #[error("expected a binary frame of kind 1 or 2, but found {0}")]
    Kind(u8),
}

impl TerminalFrame {
    /// The frame as it is sent.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        let mut frame = Vec::with_capacity(HEADER_BYTES + self.bytes.len());
        frame.push(self.kind as u8);
        frame.extend_from_slice(&self.id.to_le_bytes());
        frame.extend_from_slice(&self.bytes);
        frame
    }

    /// The frame that was sent.
    ///
    /// # Errors
    /// [`TerminalFrameError`].
    pub fn decode(frame: &[u8]) -> Result<Self, TerminalFrameError> {
        let short = TerminalFrameError::Short(frame.len());
        let (kind, rest) = frame.split_first().ok_or(short)?;
        let (id, bytes) = rest.split_first_chunk::<8>().ok_or(short)?;
        Ok(Self {
            id: u64::from_le_bytes(*id),
            kind: match kind {
                1 => TerminalFrameKind::Output,
                2 => TerminalFrameKind::Input,
                other => return Err(TerminalFrameError::Kind(*other)),
            },
            bytes: bytes.to_vec(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_frame_is_a_kind_a_number_and_bytes() {
        for (kind, byte) in [
            (TerminalFrameKind::Output, 1),
            (TerminalFrameKind::Input, 2),
        ] {
            let frame = TerminalFrame {
                id: 0x0102_0304,
                kind,
                bytes: b"\x1b[0mhi\0\xff".to_vec(),
            };
            let sent = frame.encode();
            assert_eq!(sent[..9], [byte, 4, 3, 2, 1, 0, 0, 0, 0]);
            assert_eq!(sent[9..], frame.bytes);
            assert_eq!(TerminalFrame::decode(&sent).unwrap(), frame);
        }
    }

    #[test]
    fn other_bytes_are_none() {
        for length in 0..HEADER_BYTES {
            assert_eq!(
                TerminalFrame::decode(&vec![1; length]),
                Err(TerminalFrameError::Short(length))
            );
        }
        for kind in [0, 3, 255] {
            assert_eq!(
                TerminalFrame::decode(&[kind; 9]),
                Err(TerminalFrameError::Kind(kind))
            );
        }
        let empty = TerminalFrame::decode(&[2, 0, 0, 0, 0, 0, 0, 0, 0]).unwrap();
        assert!(empty.bytes.is_empty());
    }
}
