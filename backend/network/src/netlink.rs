//! A socket to the kernel and the frames that travel on it (RFC 3549, netlink(7)). What the frames hold is not known
//! here: `route` speaks rtnetlink, `nft` speaks nf_tables.
//!
//! A socket belongs to the network namespace of the thread that opened it, for as long as it lives, wherever that
//! thread goes afterwards. One is opened for each verb: it costs some microseconds, and keeps the verbs apart.

use std::io;
use std::os::fd::{AsFd, BorrowedFd};

use netlink_sys::{Socket, SocketAddr, protocols};

/// The kernel never answers with more in one datagram: a dump fills at most 32 KiB, an acknowledgement repeats a request.
const ANSWER_BYTES_MAX: usize = 64 * 1024;

/// The length of `struct nlmsghdr`.
const HEADER_BYTES: usize = 16;

/// `NLMSG_ERROR`: an errno, negative, or 0 for an acknowledgement.
const KIND_ERROR: u16 = 2;

/// `NLMSG_DONE`: the end of a dump.
const KIND_DONE: u16 = 3;

pub(crate) const FLAG_REQUEST: u16 = 0x1;
pub(crate) const FLAG_ACK: u16 = 0x4;
pub(crate) const FLAG_DUMP: u16 = 0x300;
pub(crate) const FLAG_REPLACE: u16 = 0x100;
pub(crate) const FLAG_EXCLUSIVE: u16 = 0x200;
pub(crate) const FLAG_CREATE: u16 = 0x400;
pub(crate) const FLAG_APPEND: u16 = 0x800;

/// An open netlink socket.
pub(crate) struct Netlink {
    socket: Socket,
}

/// One frame of an answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Frame<'a> {
    /// The protocol's message type.
    pub(crate) kind: u16,
    /// The number of the request that it answers.
    pub(crate) sequence: u32,
    /// What follows the header.
    pub(crate) body: &'a [u8],
}

impl Frame<'_> {
    /// What an acknowledgement or the end of a dump says; `None` for a frame that holds something.
    pub(crate) fn verdict(&self) -> Option<io::Result<()>> {
        match self.kind {
            KIND_ERROR | KIND_DONE => {
                let code = self
                    .body
                    .first_chunk()
                    .map_or(0, |bytes| i32::from_ne_bytes(*bytes));
                Some(match code {
                    0.. => Ok(()),
                    code => Err(io::Error::from_raw_os_error(code.saturating_neg())),
                })
            }
            _ => None,
        }
    }
}

impl Netlink {
    /// A socket of rtnetlink(7) in this thread's network namespace.
    pub(crate) fn route() -> io::Result<Self> {
        Self::open(protocols::NETLINK_ROUTE)
    }

    /// A socket of nfnetlink in this thread's network namespace.
    pub(crate) fn netfilter() -> io::Result<Self> {
        Self::open(protocols::NETLINK_NETFILTER)
    }

    /// A socket of rtnetlink(7) that is told what changes, in each of the `groups` (`RTMGRP_`). It never waits: where there
    /// is nothing to receive, that is [`io::ErrorKind::WouldBlock`].
    pub(crate) fn route_listener(groups: u32) -> io::Result<Self> {
        let mut socket = Socket::new(protocols::NETLINK_ROUTE)?;
        socket.bind(&SocketAddr::new(0, groups))?;
        socket.set_non_blocking(true)?;
        Ok(Self { socket })
    }

    fn open(protocol: isize) -> io::Result<Self> {
        let mut socket = Socket::new(protocol)?;
        socket.bind_auto()?;
        Ok(Self { socket })
    }

    pub(crate) fn send(&self, bytes: &[u8]) -> io::Result<()> {
        let sent = self.socket.send(bytes, 0)?;
        if sent == bytes.len() {
            Ok(())
        } else {
            Err(io::ErrorKind::WriteZero.into())
        }
    }

    /// Gives each frame of the answers to `take`, until it returns `true` or fails.
    pub(crate) fn receive(
        &self,
        mut take: impl FnMut(Frame<'_>) -> io::Result<bool>,
    ) -> io::Result<()> {
        let mut buffer = Vec::with_capacity(ANSWER_BYTES_MAX);
        loop {
            buffer.clear();
            match self.socket.recv(&mut buffer, 0) {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                other => other?,
            };
            for frame in frames(&buffer) {
                if take(frame)? {
                    return Ok(());
                }
            }
        }
    }

    /// Sends one request that wants an acknowledgement, and waits for it.
    pub(crate) fn acknowledged(&self, request: &[u8]) -> io::Result<()> {
        self.send(request)?;
        self.receive(|frame| frame.verdict().unwrap_or(Ok(())).map(|()| true))
    }

    /// Sends one request for a dump, and gives each of its frames to `take`.
    pub(crate) fn dump(&self, request: &[u8], mut take: impl FnMut(Frame<'_>)) -> io::Result<()> {
        self.send(request)?;
        self.receive(|frame| match frame.verdict() {
            Some(verdict) => verdict.map(|()| true),
            None => {
                take(frame);
                Ok(false)
            }
        })
    }
}

impl AsFd for Netlink {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.socket.as_fd()
    }
}

/// The frames of one datagram. Ends at the first that is cut off.
pub(crate) fn frames(mut bytes: &[u8]) -> impl Iterator<Item = Frame<'_>> {
    std::iter::from_fn(move || {
        let header: &[u8; HEADER_BYTES] = bytes.first_chunk()?;
        let length = u32::from_ne_bytes(*header.first_chunk()?) as usize;
        let body = bytes.get(HEADER_BYTES..length)?;
        let frame = Frame {
            kind: u16::from_ne_bytes([header[4], header[5]]),
            sequence: u32::from_ne_bytes([header[8], header[9], header[10], header[11]]),
            body,
        };
        bytes = bytes.get(length.next_multiple_of(4)..).unwrap_or_default();
        Some(frame)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn frame(kind: u16, body: &[u8]) -> Vec<u8> {
        let length = u32::try_from(HEADER_BYTES + body.len()).unwrap();
        let mut bytes = length.to_ne_bytes().to_vec();
        bytes.extend(kind.to_ne_bytes());
        bytes.extend([0, 0, 7, 0, 0, 0, 0, 0, 0, 0]);
        bytes.extend(body);
        bytes.resize(bytes.len().next_multiple_of(4), 0);
        bytes
    }

    #[test]
    fn reads_the_frames_of_a_datagram_with_their_padding() {
        let bytes = [frame(16, b"abc"), frame(17, b"defg")].concat();
        let found: Vec<_> = frames(&bytes)
            .map(|frame| (frame.kind, frame.body))
            .collect();
        assert_eq!(found, [(16, &b"abc"[..]), (17, &b"defg"[..])]);
    }

    #[test]
    fn ends_at_a_frame_that_is_cut_off_or_shorter_than_its_header() {
        let whole = frame(16, b"abcd");
        assert_eq!(frames(&whole[..whole.len() - 1]).count(), 0);
        let mut short = frame(16, b"");
        short[0] = 3;
        assert_eq!(frames(&short).count(), 0);
        assert_eq!(frames(&[1, 2, 3]).count(), 0);
    }

    #[test]
    fn an_acknowledgement_is_told_from_a_refusal() {
        let yes = frame(KIND_ERROR, &0i32.to_ne_bytes());
        let no = frame(KIND_ERROR, &(-17i32).to_ne_bytes());
        let verdict = |bytes: &[u8]| frames(bytes).next().unwrap().verdict().unwrap();
        assert!(verdict(&yes).is_ok());
        assert_eq!(verdict(&no).unwrap_err().raw_os_error(), Some(17));
    }

    #[test]
    fn refuses_what_the_kernel_refuses_with_its_errno() {
        // A request for a link that can't exist: family 0, index 0x7fffffff.
        let mut request = frame(18, &[0; 16]);
        request[6] = 0x5;
        request[20..24].copy_from_slice(&i32::MAX.to_ne_bytes());
        let answer = Netlink::route().unwrap().acknowledged(&request);
        assert_eq!(answer.unwrap_err().raw_os_error(), Some(19));
    }
}
