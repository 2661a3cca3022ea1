//! What is said on a monitor's socket, `monitor.sock` in the container's state folder (mode 0600).
//!
//! A client connects, sends one [`Request`] (length in four bytes, little-endian, then JSON) and reads frames
//! ([`super::frame`]) until the monitor closes. A connection carries one request.
//!
//! - `Attach`: `Stdout`, `Stderr` and `Note` frames from the asked position on, then `Exit`.
//! - `AttachHolding`: the same, with a `Place` frame first and at each new file of the log.
//! - `AttachTyping`: as `AttachHolding`, and the client goes on to send frames of its own: `Input`, `EndOfInput`,
//!   `Resize`.
//! - `Wait`: `Exit`, when it comes.
//! - `Kill`: `Done` or `Refused`.
//! - `State`: `State`.
//!
//! A client that reads slowly costs the monitor nothing: it is sent the log file, from a position of its own. If it
//! falls so far behind that the file is rotated away twice, it is dropped: it sees the connection close without
//! `Exit`. The container does not wait for it.
//!
//! For a client that attached *holding*, it does: where the next rotation would take away what this client was not
//! sent yet, the monitor reads no more of the container's output, and the container waits at its full pipe, as it
//! would before a program that reads slowly. Signals are passed on meanwhile. A client that is gone holds nobody: its
//! socket is closed. One that is only stopped (Ctrl-Z) holds the container until it goes on, as a stopped reader of
//! a pipe does.
//!
//! What several clients type arrives frame by frame, in the order in which it came. A client whose frame has to wait,
//! because the process doesn't read, is not read from meanwhile: it waits as a writer to a full pipe does. What it sent
//! before it went away still arrives; that it went is no end of input. The connection ends where a frame is longer than
//! [`INPUT_BYTES_MAX`], of another kind, or input for a process whose standard input isn't open. Which size a terminal
//! has, the last `Resize` says, whoever it came from.
//!
//! At the container's end every client has two seconds to take the rest. A holding one that needs longer reads on in
//! the files, from the place that it came to: both are there, and nothing is written to them any more.

use std::io;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::log::Position;
use crate::spec::Started;

/// The largest request, in bytes. The longest that has a meaning is under 100.
pub const REQUEST_BYTES_MAX: u32 = 4096;

/// The longest [`super::frame::FrameKind::Input`] that is taken, in bytes. The monitor holds one such frame for each
/// client that types.
pub const INPUT_BYTES_MAX: u32 = 16 << 10;

/// What a client asks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Request {
    /// Send the output from here on.
    Attach(AttachFrom),
    /// Send the output from here on, and let the container wait for this client where it would lose some.
    AttachHolding(AttachFrom),
    /// The same, and take what this client types from now on.
    AttachTyping(AttachFrom),
    /// Tell when it ends.
    Wait,
    /// Send this signal to the container's first process.
    Kill(i32),
    /// Say how it is.
    State,
}

/// Where an attached client's stream begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AttachFrom {
    /// The oldest output that is still there.
    Start,
    /// A place that a [`crate::log::Reader`] came to; the oldest there is, if that is gone.
    Position(Position),
    /// Only what is written from now on.
    Now,
    /// The last [`crate::log::RECENT_BYTES`], about: what a terminal that joins later shows at first.
    Recent,
}

/// How a running container is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct MonitorState {
    /// As in `monitor.json`.
    pub started: Started,
    /// Output that couldn't be written to the log, in bytes.
    pub lost_bytes: u64,
    /// Where the log ends now.
    pub log_end: Position,
    /// How many clients are connected.
    pub clients: u32,
}

impl Request {
    /// The request as it is sent.
    ///
    /// # Errors
    /// None in practice: every request has a form in JSON.
    pub fn encode(&self) -> io::Result<Vec<u8>> {
        let mut bytes = vec![0; 4];
        serde_json::to_writer(&mut bytes, self)?;
        let length = u32::try_from(bytes.len() - 4).unwrap_or(REQUEST_BYTES_MAX);
        bytes[..4].copy_from_slice(&length.to_le_bytes());
        Ok(bytes)
    }

    /// The request at the start of `bytes`, and how long it is; `None` if more of it has to come.
    ///
    /// # Errors
    /// If it is longer than [`REQUEST_BYTES_MAX`], or not a request.
    pub fn decode(bytes: &[u8]) -> io::Result<Option<(Self, usize)>> {
        let Some((length, rest)) = bytes.split_first_chunk::<4>() else {
            return Ok(None);
        };
        let length = u32::from_le_bytes(*length);
        if length > REQUEST_BYTES_MAX {
            return Err(io::Error::new(
                io::ErrorKind::InvalidData,
                format!(
                    "expected a request of at most {REQUEST_BYTES_MAX} bytes, but found one of {length}"
                ),
            ));
        }
        match rest.get(..length as usize) {
            Some(json) => Ok(Some((serde_json::from_slice(json)?, 4 + json.len()))),
            None => Ok(None),
        }
    }
}

/// The socket's path.
#[must_use]
pub fn socket_path(state_dir: &Path) -> PathBuf {
    state_dir.join(SOCKET)
}

/// The path of the file that holds a [`Started`] while the container runs, and after.
#[must_use]
pub fn started_path(state_dir: &Path) -> PathBuf {
    state_dir.join(STARTED)
}

/// The path of the file that holds an [`crate::Exit`] once the container has ended.
#[must_use]
pub fn exit_path(state_dir: &Path) -> PathBuf {
    state_dir.join(EXIT)
}

pub(crate) const SOCKET: &str = "monitor.sock";
pub(crate) const STARTED: &str = "monitor.json";
pub(crate) const EXIT: &str = "exit.json";

#[cfg(test)]
mod tests {
    use super::{AttachFrom, Request};
    use crate::log::Position;

    #[test]
    fn reads_back_every_request_and_waits_for_the_rest_of_a_cut_one() {
        let place = Position {
            generation: 3,
            offset: 99,
        };
        for request in [
            Request::Attach(AttachFrom::Start),
            Request::Attach(AttachFrom::Position(place)),
            Request::Attach(AttachFrom::Now),
            Request::AttachHolding(AttachFrom::Start),
            Request::AttachTyping(AttachFrom::Recent),
            Request::Wait,
            Request::Kill(15),
            Request::State,
        ] {
            let bytes = request.encode().unwrap();
            let whole = Some((request, bytes.len()));
            assert_eq!(Request::decode(&bytes).unwrap(), whole);
            assert_eq!(
                Request::decode(&[&bytes[..], b"more"].concat()).unwrap(),
                whole
            );
            assert_eq!(Request::decode(&bytes[..bytes.len() - 1]).unwrap(), None);
            assert_eq!(Request::decode(&bytes[..3]).unwrap(), None);
        }
    }

    #[test]
    fn refuses_what_is_too_long_or_not_json() {
        assert!(Request::decode(&u32::MAX.to_le_bytes()).is_err());
        assert!(Request::decode(&[1, 0, 0, 0, b'!']).is_err());
    }
}
