//! A piece of a container's output on the wire. A program's output is bytes, and a client that passes it on wants those very
//! bytes; JSON has only text. So a piece that is text travels as text, which people and scripts can read, and any other
//! as base64 (RFC 4648, section 4, with padding).

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::{Deserialize, Serialize};
use thiserror::Error;

use super::OutputStream;

/// One piece of a container's output.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(into = "WireChunk", try_from = "WireChunk")]
pub struct LogChunk {
    /// When it was read, milliseconds since 1970.
    pub time_ms: u64,
    /// Where it was written to.
    pub stream: OutputStream,
    /// What was written: any bytes, cut anywhere, also in the middle of a character. [`super::TextDecoder`] makes text of
    /// a stream's pieces.
    pub bytes: Vec<u8>,
}

/// The chunk in JSON: it has either `text` or `base64`.
#[derive(Serialize, Deserialize)]
struct WireChunk {
    time_ms: u64,
    stream: OutputStream,
    /// The bytes, where they are UTF-8 without a NUL: whole characters, and nothing that JSON would blow up much.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    text: Option<String>,
    /// The bytes, where they are not.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    base64: Option<String>,
}

/// Why a chunk can't be read.
#[derive(Debug, Error)]
enum ChunkError {
    #[error("expected a chunk with either text or base64")]
    NotOneForm,
    #[error("expected base64: {0}")]
    Base64(#[from] base64::DecodeError),
}

impl From<LogChunk> for WireChunk {
    fn from(chunk: LogChunk) -> Self {
        let LogChunk {
            time_ms,
            stream,
            bytes,
        } = chunk;
        let (text, base64) = if bytes.contains(&0) {
            (None, Some(STANDARD.encode(bytes)))
        } else {
            match String::from_utf8(bytes) {
                Ok(text) => (Some(text), None),
                Err(error) => (None, Some(STANDARD.encode(error.as_bytes()))),
            }
        };
        Self {
            time_ms,
            stream,
            text,
            base64,
        }
    }
}

impl TryFrom<WireChunk> for LogChunk {
    type Error = ChunkError;

    fn try_from(chunk: WireChunk) -> Result<Self, ChunkError> {
        let bytes = match (chunk.text, chunk.base64) {
            (Some(text), None) => text.into_bytes(),
            (None, Some(base64)) => STANDARD.decode(base64)?,
            _ => return Err(ChunkError::NotOneForm),
        };
        Ok(Self {
            time_ms: chunk.time_ms,
            stream: chunk.stream,
            bytes,
        })
    }
}
