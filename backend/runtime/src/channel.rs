//! The socket between the spawner and `estiva-runtime`: the order goes down, the answers come up.
//!
//! It is the new program's standard input, because that needs nothing between `fork` and `exec`. A message is a
//! length (four bytes, little-endian) and that many bytes of JSON; the first may carry one descriptor. That the socket
//! closes is a message too: a step's monitor takes it for "stop", a spawner for "the monitor died".

use std::io::{self, IoSlice, IoSliceMut, Read as _, Write as _};
use std::mem::MaybeUninit;
use std::os::fd::{BorrowedFd, OwnedFd};
use std::os::unix::net::UnixStream;

use rustix::net::{
    RecvAncillaryBuffer, RecvAncillaryMessage, RecvFlags, SendAncillaryBuffer,
    SendAncillaryMessage, SendFlags, recvmsg, sendmsg,
};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use crate::spec::{Exit, Started};

/// The largest message, in bytes. A spec is some 30 KB; its environment and arguments are what can grow, and the
/// kernel takes at most 6 MiB of those.
const MESSAGE_BYTES_MAX: u32 = 16 << 20;

/// What `estiva-runtime` tells its spawner.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) enum Report {
    /// The program was executed.
    Started(Started),
    /// It was not, and nothing is left of the attempt.
    Failed(Failure),
    /// It has ended, and all that belonged to it is gone.
    Exited(Exit),
}

/// Why a start failed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Failure {
    pub(crate) kind: FailureKind,
    pub(crate) message: String,
}

/// The differences that a caller acts on: shells and Docker give them exit codes of their own.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum FailureKind {
    /// The container couldn't be built.
    Setup,
    /// It could, but the program isn't in it.
    ProgramNotFound,
    /// The program is in it, but can't be executed.
    ProgramNotExecutable,
}

/// Sends one message, with a descriptor if there is one.
pub(crate) fn send(
    socket: &UnixStream,
    message: &impl Serialize,
    descriptor: Option<BorrowedFd<'_>>,
) -> io::Result<()> {
    let mut bytes = vec![0; 4];
    serde_json::to_writer(&mut bytes, message)?;
    let length = u32::try_from(bytes.len() - 4)
        .ok()
        .filter(|length| *length <= MESSAGE_BYTES_MAX);
    let length = length.ok_or_else(|| too_long(bytes.len() as u64 - 4))?;
    bytes[..4].copy_from_slice(&length.to_le_bytes());

    let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(1))];
    let mut ancillary = SendAncillaryBuffer::new(&mut space);
    let descriptors = descriptor.map(|descriptor| [descriptor]);
    if let Some(descriptors) = &descriptors {
        ancillary.push(SendAncillaryMessage::ScmRights(descriptors));
    }
    // A descriptor travels with the first byte; the rest may need several writes.
    let sent = sendmsg(
        socket,
        &[IoSlice::new(&bytes)],
        &mut ancillary,
        SendFlags::NOSIGNAL,
    )?;
    let mut writer = socket;
    writer.write_all(&bytes[sent..])
}

/// Receives one message, and the descriptor that came with it. `None` if the other side closed.
pub(crate) fn receive<T: DeserializeOwned>(
    socket: &UnixStream,
) -> io::Result<Option<(T, Option<OwnedFd>)>> {
    let mut header = [0; 4];
    let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(1))];
    let mut ancillary = RecvAncillaryBuffer::new(&mut space);
    let received = recvmsg(
        socket,
        &mut [IoSliceMut::new(&mut header)],
        &mut ancillary,
        RecvFlags::CMSG_CLOEXEC,
    )?;
    if received.bytes == 0 {
        return Ok(None);
    }
    let descriptor = ancillary.drain().find_map(|message| match message {
        RecvAncillaryMessage::ScmRights(mut descriptors) => descriptors.next(),
        _ => None,
    });
    let mut reader = socket;
    reader.read_exact(&mut header[received.bytes..])?;
    let length = u32::from_le_bytes(header);
    if length > MESSAGE_BYTES_MAX {
        return Err(too_long(length.into()));
    }
    let mut bytes = vec![0; length as usize];
    reader.read_exact(&mut bytes)?;
    Ok(Some((serde_json::from_slice(&bytes)?, descriptor)))
}

fn too_long(length: u64) -> io::Error {
    io::Error::new(
        io::ErrorKind::InvalidData,
        format!(
            "expected a message of at most {MESSAGE_BYTES_MAX} bytes, but found one of {length}"
        ),
    )
}

#[cfg(test)]
mod tests {
    use std::io::{Read as _, Write as _};
    use std::os::fd::AsFd as _;
    use std::os::unix::net::UnixStream;

    use super::{receive, send};

    #[test]
    fn carries_a_message_and_a_descriptor() {
        let (near, far) = UnixStream::pair().unwrap();
        let (mut reader, writer) = std::io::pipe().unwrap();
        send(&near, &"hello", Some(writer.as_fd())).unwrap();
        drop(writer);
        let (text, descriptor) = receive::<String>(&far).unwrap().unwrap();
        assert_eq!(text, "hello");
        std::fs::File::from(descriptor.unwrap())
            .write_all(b"through")
            .unwrap();
        let mut read = String::new();
        reader.read_to_string(&mut read).unwrap();
        assert_eq!(read, "through");
    }

    #[test]
    fn tells_a_closed_socket_from_a_cut_message() {
        let (near, far) = UnixStream::pair().unwrap();
        drop(near);
        assert!(receive::<String>(&far).unwrap().is_none());

        let (mut near, far) = UnixStream::pair().unwrap();
        near.write_all(&[9, 0, 0, 0, b'"']).unwrap();
        drop(near);
        assert!(receive::<String>(&far).is_err());
    }

    #[test]
    fn refuses_a_length_beyond_the_limit() {
        let (mut near, far) = UnixStream::pair().unwrap();
        near.write_all(&u32::MAX.to_le_bytes()).unwrap();
        let error = receive::<String>(&far).unwrap_err().to_string();
        assert!(error.contains("at most"), "{error}");
    }
}
