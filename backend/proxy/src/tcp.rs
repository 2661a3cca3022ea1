//! One TCP connection through the proxy: two sockets, and what goes between them in both directions.
//!
//! Each direction ends by itself (RFC 9293, section 3.6: a side that has sent its last byte may go on receiving); what
//! breaks on one side is broken on the other (a reset, section 3.5.2), so that a refused or aborted connection never looks
//! like one that was ended in good order.

use std::io;
use std::net::{SocketAddr, SocketAddrV4, SocketAddrV6};
use std::os::fd::OwnedFd;
use std::time::Duration;

use rustix::io::Errno;
use rustix::net::{
    AddressFamily, Shutdown, SocketFlags, SocketType, connect, shutdown, socket_with, sockopt,
};

use crate::order::Target;
use crate::pipes::{Moved, Pipe, Pipes};

/// How often one direction moves bytes before the other connections have their turn: some megabytes.
const MOVES_A_TURN: u32 = 32;

/// Where a connection stands after its turn.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Turn {
    /// Nothing more can be done before the kernel says so.
    Waits,
    /// There is more, and others come first.
    Goes,
    /// It is over, in good order.
    Ended,
    /// It is broken.
    Broken,
}

/// One connection.
#[derive(Debug)]
pub(crate) struct Connection {
    pub(crate) client: OwnedFd,
    pub(crate) inside: OwnedFd,
    state: State,
    up: Direction,
    down: Direction,
}

/// Whether the container has answered yet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    /// Not yet; where it refuses, this is tried next.
    Connecting(Option<SocketAddr>),
    Open,
}

/// What goes one way.
#[derive(Debug, Default)]
struct Direction {
    /// What was read and could not be written yet.
    held: Option<Pipe>,
    /// Its source has ended.
    ended: bool,
    /// And its destination was told.
    told: bool,
}

impl Connection {
    /// Begins to connect to the container.
    ///
    /// # Errors
    /// If that is refused at once; the client has been told by a reset.
    pub(crate) fn new(client: OwnedFd, target: Target, port: u16) -> io::Result<Self> {
        let first = SocketAddr::V4(SocketAddrV4::new(target.ipv4, port));
        let second = target
            .ipv6
            .map(|address| SocketAddr::V6(SocketAddrV6::new(address, port, 0, 0)));
        settle(&client);
        let begun = match (begin(first), second) {
            (Ok(inside), second) => Ok((inside, State::Connecting(second))),
            // Loopback answers at once.
            (Err(error), Some(second)) if refused(&error) => {
                begin(second).map(|inside| (inside, State::Connecting(None)))
            }
            (Err(error), _) => Err(error),
        };
        let (inside, state) = match begun {
            Ok(begun) => begun,
            Err(error) => {
                reset(client);
                return Err(error);
            }
        };
        Ok(Self {
            client,
            inside,
            state,
            up: Direction::default(),
            down: Direction::default(),
        })
    }

    /// Does what can be done, once the container has accepted.
    pub(crate) fn turn(&mut self, pipes: &mut Pipes) -> Turn {
        // What the container said comes first: it may have answered, and closed, without reading all that it was sent.
        let down = self.down.advance(&self.inside, &self.client, pipes);
        let up = self.up.advance(&self.client, &self.inside, pipes);
        let up = match up {
            Err(error) if error.kind() == io::ErrorKind::BrokenPipe => {
                // It takes no more; what it still says is passed on.
                self.up = Direction {
                    held: None,
                    ended: true,
                    told: true,
                };
                Ok(Turn::Ended)
            }
            other => other,
        };
        match (up, down) {
            (Ok(Turn::Ended), Ok(Turn::Ended)) => Turn::Ended,
            (Ok(Turn::Goes), Ok(_)) | (Ok(_), Ok(Turn::Goes)) => Turn::Goes,
            (Ok(_), Ok(_)) => self.check(),
            _ => Turn::Broken,
        }
    }

    /// A side may break while nothing is read from it any more.
    fn check(&self) -> Turn {
        let is_whole =
            |socket: &OwnedFd| matches!(sockopt::socket_error(socket), Ok(Ok(())) | Err(_));
        if is_whole(&self.client) && is_whole(&self.inside) {
            Turn::Waits
        } else {
            Turn::Broken
        }
    }

    /// Whether the container has accepted: `Ok(true)` if so, `Ok(false)` if it is not known yet. Where it refused and has
    /// another address, `inside` is a new socket afterwards, and `Err(None)` says that it wants to be watched.
    pub(crate) fn connected(&mut self) -> Result<bool, Option<io::Error>> {
        let State::Connecting(next) = self.state else {
            return Ok(true);
        };
        match sockopt::socket_error(&self.inside).and_then(|outcome| outcome) {
            Ok(()) if is_writable(&self.inside) => {
                self.state = State::Open;
                Ok(true)
            }
            Ok(()) => Ok(false),
            Err(error) => match next {
                Some(next) if refused(&error.into()) => {
                    self.inside = begin(next).map_err(Some)?;
                    self.state = State::Connecting(None);
                    Err(None)
                }
                _ => Err(Some(error.into())),
            },
        }
    }

    /// Whether nothing more can come from the container.
    pub(crate) fn has_all(&self) -> bool {
        self.down.told || matches!(self.state, State::Connecting(_))
    }

    /// Ends it so that both sides see it broken.
    pub(crate) fn reset(self) {
        reset(self.client);
        reset(self.inside);
    }
}

impl Direction {
    fn advance(&mut self, from: &OwnedFd, to: &OwnedFd, pipes: &mut Pipes) -> io::Result<Turn> {
        if self.told {
            return Ok(Turn::Ended);
        }
        let mut pipe = match self.held.take() {
            Some(pipe) => pipe,
            None => pipes.take()?,
        };
        let mut turn = Turn::Goes;
        for _ in 0..MOVES_A_TURN {
            let filled = !self.ended && self.fill(&mut pipe, from)?;
            let emptied = pipe.filled > 0 && matches!(pipe.empty(to)?, Moved::Bytes(_));
            if !filled && !emptied {
                turn = Turn::Waits;
                break;
            }
        }
        if self.ended && pipe.filled == 0 {
            // Where the other side is gone already, there is nobody to tell.
            let _ = shutdown(to, Shutdown::Write);
            self.told = true;
            turn = Turn::Ended;
        }
        if pipe.filled > 0 {
            self.held = Some(pipe);
        } else {
            pipes.give(pipe);
        }
        Ok(turn)
    }

    /// Whether something came.
    fn fill(&mut self, pipe: &mut Pipe, from: &OwnedFd) -> io::Result<bool> {
        match pipe.fill(from)? {
            Moved::Bytes(0) => {
                self.ended = true;
                Ok(false)
            }
            Moved::Bytes(_) => Ok(true),
            Moved::Nothing => Ok(false),
        }
    }
}

/// A socket that has begun to connect.
fn begin(address: SocketAddr) -> io::Result<OwnedFd> {
    let family = match address {
        SocketAddr::V4(_) => AddressFamily::INET,
        SocketAddr::V6(_) => AddressFamily::INET6,
    };
    let flags = SocketFlags::NONBLOCK | SocketFlags::CLOEXEC;
    let socket = socket_with(family, SocketType::STREAM, flags, None)?;
    settle(&socket);
    match connect(&socket, &address) {
        Ok(()) | Err(Errno::INPROGRESS | Errno::INTR) => Ok(socket),
        Err(error) => Err(error.into()),
    }
}

/// What is written goes out at once, because whoever wrote it has decided so already; and a peer that vanished without a
/// word is found out after some hours.
fn settle(socket: &OwnedFd) {
    // Neither changes what arrives.
    let _ = sockopt::set_tcp_nodelay(socket, true);
    let _ = sockopt::set_socket_keepalive(socket, true);
}

fn is_writable(socket: &OwnedFd) -> bool {
    // A socket that has not connected yet has no peer.
    rustix::net::getpeername(socket).is_ok()
}

fn refused(error: &io::Error) -> bool {
    error.kind() == io::ErrorKind::ConnectionRefused
}

/// Closes a socket with a reset.
pub(crate) fn reset(socket: OwnedFd) {
    // Where it can't be set, the peer sees an end instead.
    let _ = sockopt::set_socket_linger(&socket, Some(Duration::ZERO));
}
