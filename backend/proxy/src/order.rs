//! What the server tells the proxy: whom to lead to, and the sockets to listen on, bound already.
//!
//! A message is a length (four bytes, little-endian) and that many bytes of JSON; then come the descriptors that it
//! counts, in groups of 128, each group with one byte. Both programs were built together, so that there is no version.

use std::io::{self, IoSlice, IoSliceMut, Read as _, Write as _};
use std::mem::MaybeUninit;
use std::net::{Ipv4Addr, Ipv6Addr};
use std::os::fd::{BorrowedFd, OwnedFd};
use std::os::unix::net::UnixStream;

use rustix::net::{
    RecvAncillaryBuffer, RecvAncillaryMessage, RecvFlags, SendAncillaryBuffer,
    SendAncillaryMessage, SendFlags, recvmsg, sendmsg,
};
use serde::{Deserialize, Serialize};

/// Descriptors in one message: the kernel takes 253 (unix(7), SCM_MAX_FD).
const GROUP: usize = 128;

/// The largest order, in bytes: some 40 a port.
const ORDER_BYTES_MAX: u32 = 16 << 20;

/// How many descriptors come before the listeners': the monitor and the first process of the container (pidfds), and the
/// container's network namespace, which is held until what was on its way has arrived.
pub const ENDS: usize = 3;

/// What the proxy is to do.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Order {
    /// Names its cgroup.
    pub world: String,
    /// The container's addresses.
    pub target: Target,
    /// One for each listening socket, in the order of the descriptors.
    pub listeners: Vec<Listener>,
}

/// Where connections are led.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Target {
    /// The address that is tried first, whatever family the client came by: a service that listens on both families
    /// listens on IPv4 too, and many listen on IPv4 only.
    pub ipv4: Ipv4Addr,
    /// The address for a service that refuses on IPv4.
    pub ipv6: Option<Ipv6Addr>,
}

/// One socket to listen on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Listener {
    /// What arrives.
    pub transport: Transport,
    /// The port in the container.
    pub container_port: u16,
}

/// What a port carries.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Transport {
    /// RFC 9293.
    Tcp,
    /// RFC 768.
    Udp,
}

/// Sends an order: first the descriptors of [`ENDS`], then one for each listener.
///
/// # Errors
/// If the other side has gone.
pub fn send(socket: &UnixStream, order: &Order, descriptors: &[BorrowedFd<'_>]) -> io::Result<()> {
    let json = serde_json::to_vec(order)?;
    let length = u32::try_from(json.len())
        .ok()
        .filter(|length| *length <= ORDER_BYTES_MAX)
        .ok_or_else(|| unexpected("an order of at most 16 MiB", json.len()))?;
    let mut writer = socket;
    writer.write_all(&length.to_le_bytes())?;
    writer.write_all(&json)?;
    for group in descriptors.chunks(GROUP) {
        let mut space = vec![MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(GROUP))];
        let mut ancillary = SendAncillaryBuffer::new(&mut space);
        ancillary.push(SendAncillaryMessage::ScmRights(group));
        let byte = [IoSlice::new(&[0])];
        sendmsg(socket, &byte, &mut ancillary, SendFlags::NOSIGNAL)?;
    }
    Ok(())
}

/// Receives one.
///
/// # Errors
/// If the other side closed before the end, or sent something else.
pub fn receive(socket: &UnixStream) -> io::Result<(Order, Vec<OwnedFd>)> {
    let mut reader = socket;
    let mut length = [0; 4];
    reader.read_exact(&mut length)?;
    let length = u32::from_le_bytes(length);
    if length > ORDER_BYTES_MAX {
        return Err(unexpected("an order of at most 16 MiB", length));
    }
    let mut json = vec![0; length as usize];
    reader.read_exact(&mut json)?;
    let order: Order = serde_json::from_slice(&json)?;
    let expected = ENDS + order.listeners.len();
    let mut descriptors = Vec::with_capacity(expected);
    while descriptors.len() < expected {
        let mut space = vec![MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(GROUP))];
        let mut ancillary = RecvAncillaryBuffer::new(&mut space);
        let mut byte = [0];
        let mut parts = [IoSliceMut::new(&mut byte)];
        let received = recvmsg(socket, &mut parts, &mut ancillary, RecvFlags::CMSG_CLOEXEC)?;
        if received.bytes == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        for message in ancillary.drain() {
            if let RecvAncillaryMessage::ScmRights(rights) = message {
                descriptors.extend(rights);
            }
        }
    }
    if descriptors.len() == expected {
        Ok((order, descriptors))
    } else {
        Err(unexpected(
            "as many descriptors as ports",
            descriptors.len(),
        ))
    }
}

fn unexpected(expected: &str, found: impl std::fmt::Display) -> io::Error {
    io::Error::new(
        io::ErrorKind::InvalidData,
        format!("expected {expected}, but found {found}"),
    )
}

#[cfg(test)]
mod tests {
    use std::fs::File;
    use std::os::fd::AsFd as _;

    use super::*;

    fn order(ports: u16) -> Order {
        let listener = |container_port| Listener {
            transport: Transport::Tcp,
            container_port,
        };
        Order {
            world: "w".to_owned(),
            target: Target {
                ipv4: Ipv4Addr::LOCALHOST,
                ipv6: None,
            },
            listeners: (0..ports).map(listener).collect(),
        }
    }

    #[test]
    fn carries_more_descriptors_than_one_message_holds() {
        let (near, far) = UnixStream::pair().unwrap();
        let order = order(300);
        let file = File::open("/dev/null").unwrap();
        let descriptors = vec![file.as_fd(); ENDS + 300];
        let sent = order.clone();
        let receiver = std::thread::spawn(move || receive(&far).unwrap());
        send(&near, &sent, &descriptors).unwrap();
        let (received, descriptors) = receiver.join().unwrap();
        assert_eq!((received, descriptors.len()), (order, 303));
    }

    #[test]
    fn an_order_that_breaks_off_is_none() {
        let (near, far) = UnixStream::pair().unwrap();
        let file = File::open("/dev/null").unwrap();
        send(&near, &order(5), &[file.as_fd()]).unwrap();
        drop(near);
        let error = receive(&far).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::UnexpectedEof);
    }
}
