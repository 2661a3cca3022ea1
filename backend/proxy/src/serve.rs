//! The loop: one thread waits for all sockets (epoll(7)), and gives each its turn.
//!
//! Connections are watched by edges, so that none costs a call to change what it waits for; one that has more to do than
//! its turn allows stands in a queue. Listening sockets are watched by level, and left alone while there is no place.

use std::collections::VecDeque;
use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::time::{Duration, Instant};

use rustix::buffer::spare_capacity;
use rustix::event::{Timespec, epoll};
use rustix::io::Errno;
use rustix::net::{SocketFlags, accept_with};
use rustix::process::{Resource, getrlimit};

use crate::order::{Listener, Target, Transport};
use crate::pipes::Pipes;
use crate::tcp::{Connection, Turn, reset};
use crate::udp::{Flows, tell_local};

/// How long what was on its way when the container ended may take to arrive: as long as a monitor gives its clients.
pub const DRAINS_WITHIN: Duration = Duration::from_secs(2);

/// Connections at once. Others wait in the kernel's queue, as before any busy server.
const CONNECTIONS_MAX: usize = 8192;

/// Descriptors of one connection at most: two sockets, and a pipe for each direction.
const DESCRIPTORS_EACH: usize = 6;

/// Descriptors for everything else: listeners are counted apart.
const DESCRIPTORS_REST: usize = 128;

/// Connections taken from one listener in a turn.
const ACCEPTS_A_TURN: usize = 64;

/// Events asked for at once.
const EVENTS_A_TURN: usize = 256;

/// How long a listener is left alone when the host has no descriptor or no memory for a further connection.
const PAUSE: Duration = Duration::from_millis(100);

/// How often idle flows of UDP are looked for.
const FLOWS_LOOKED_AT: Duration = Duration::from_secs(5);

/// When to end, and whom to lead to.
#[derive(Debug)]
pub struct Ends {
    /// The first two become readable when the container ends; the rest is only held until then.
    pub descriptors: Vec<OwnedFd>,
    /// The container's addresses.
    pub target: Target,
}

/// How many of [`Ends::descriptors`] tell the end.
const WATCHED_ENDS: usize = 2;

/// What an event is about, in the upper half of its number; the lower half is its place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    End,
    Listener,
    Connection,
    Flow,
}

/// Serves until the container has ended, and what was on its way has arrived.
///
/// # Errors
/// If the kernel gives no epoll, or takes a socket for none.
pub fn serve(ends: &Ends, listeners: &[Listener], sockets: Vec<OwnedFd>) -> io::Result<()> {
    let mut server = Server::new(ends, listeners, sockets)?;
    let mut events = Vec::with_capacity(EVENTS_A_TURN);
    loop {
        let timeout = server.timeout();
        match epoll::wait(&server.epoll, spare_capacity(&mut events), timeout.as_ref()) {
            Ok(_) | Err(Errno::INTR) => {}
            Err(error) => return Err(error.into()),
        }
        for event in events.drain(..) {
            server.handle(event.data.u64());
        }
        server.go_on();
        if server.is_done() {
            return Ok(());
        }
    }
}

struct Server {
    epoll: OwnedFd,
    target: Target,
    listeners: Vec<Option<(OwnedFd, Listener)>>,
    connections: Vec<Option<Connection>>,
    free: Vec<usize>,
    places: usize,
    /// Those that have more to do.
    again: VecDeque<usize>,
    pipes: Pipes,
    flows: Flows,
    flows_seen: Instant,
    /// Until when no connection is taken.
    paused: Option<Instant>,
    /// The container has ended; until when the rest may take.
    ending: Option<Instant>,
}

impl Server {
    fn new(ends: &Ends, listeners: &[Listener], sockets: Vec<OwnedFd>) -> io::Result<Self> {
        let epoll = epoll::create(epoll::CreateFlags::CLOEXEC)?;
        for (place, end) in ends.descriptors.iter().take(WATCHED_ENDS).enumerate() {
            // Once: an end stays readable, and would be told again and again.
            let flags = epoll::EventFlags::IN | epoll::EventFlags::ONESHOT;
            watch(&epoll, end, Kind::End, place, flags)?;
        }
        let mut bound = Vec::with_capacity(sockets.len());
        for (place, (socket, listener)) in sockets.into_iter().zip(listeners).enumerate() {
            rustix::io::ioctl_fionbio(&socket, true)?;
            if listener.transport == Transport::Udp {
                tell_local(&socket)?;
            }
            watch(
                &epoll,
                &socket,
                Kind::Listener,
                place,
                epoll::EventFlags::IN,
            )?;
            bound.push(Some((socket, *listener)));
        }
        let files = getrlimit(Resource::Nofile).current.unwrap_or(u64::MAX);
        let files = usize::try_from(files).unwrap_or(usize::MAX);
        let left = files.saturating_sub(DESCRIPTORS_REST + bound.len());
        // A quarter for flows, which need one each.
        let flows = Flows::new(left / 4);
        let places = (left / 4 * 3 / DESCRIPTORS_EACH).clamp(1, CONNECTIONS_MAX);
        Ok(Self {
            epoll,
            target: ends.target,
            listeners: bound,
            connections: Vec::new(),
            free: Vec::new(),
            places,
            again: VecDeque::new(),
            pipes: Pipes::default(),
            flows,
            flows_seen: Instant::now(),
            paused: None,
            ending: None,
        })
    }

    /// How long to wait at most.
    fn timeout(&self) -> Option<Timespec> {
        if !self.again.is_empty() {
            return Some(Timespec::default());
        }
        let idle = (!self.flows.is_empty()).then(|| self.flows_seen + FLOWS_LOOKED_AT);
        let next = [self.paused, self.ending, idle]
            .into_iter()
            .flatten()
            .min()?;
        // Rounded up, so that it has passed when the wait is over.
        let left = next.saturating_duration_since(Instant::now()) + Duration::from_millis(1);
        Timespec::try_from(left).ok()
    }

    fn handle(&mut self, number: u64) {
        let (kind, place) = parse(number);
        match kind {
            Kind::End => self.end(),
            Kind::Listener => self.arrive(place),
            Kind::Connection => self.turn(place),
            Kind::Flow => {
                let epoll = &self.epoll;
                self.flows
                    .answer(place, &self.listeners, &mut |socket, place| {
                        watch(epoll, socket, Kind::Flow, place, epoll::EventFlags::IN)
                    });
            }
        }
    }

    /// What is due without an event.
    fn go_on(&mut self) {
        for _ in 0..self.again.len() {
            if let Some(place) = self.again.pop_front() {
                self.turn(place);
            }
        }
        let now = Instant::now();
        if now >= self.flows_seen + FLOWS_LOOKED_AT {
            self.flows.forget_idle(now);
            self.flows_seen = now;
        }
        if self.paused.is_some_and(|until| now >= until) {
            self.resume();
        }
    }

    fn is_done(&self) -> bool {
        self.ending.is_some_and(|until| {
            self.free.len() == self.connections.len() || Instant::now() >= until
        })
    }

    /// The container has ended: its ports are free, and what it said goes on to those that it said it to.
    fn end(&mut self) {
        if self.ending.is_some() {
            return;
        }
        self.ending = Some(Instant::now() + DRAINS_WITHIN);
        self.listeners.clear();
        self.flows = Flows::new(0);
        self.paused = None;
        for place in 0..self.connections.len() {
            self.again.push_back(place);
        }
    }

    fn arrive(&mut self, place: usize) {
        let Some(Some((_, listener))) = self.listeners.get(place) else {
            return;
        };
        match listener.transport {
            Transport::Tcp => self.accept(place),
            Transport::Udp => {
                let (epoll, target) = (&self.epoll, self.target);
                self.flows
                    .receive(place, &self.listeners, target, &mut |socket, place| {
                        watch(epoll, socket, Kind::Flow, place, epoll::EventFlags::IN)
                    });
            }
        }
    }

    fn accept(&mut self, place: usize) {
        for _ in 0..ACCEPTS_A_TURN {
            if self.connections.len() - self.free.len() >= self.places {
                return self.pause();
            }
            let Some(Some((socket, listener))) = self.listeners.get(place) else {
                return;
            };
            let port = listener.container_port;
            match accept_with(socket, SocketFlags::NONBLOCK | SocketFlags::CLOEXEC) {
                Ok(client) => self.open(client, port),
                Err(Errno::AGAIN | Errno::INTR) => return,
                Err(Errno::MFILE | Errno::NFILE | Errno::NOBUFS | Errno::NOMEM) => {
                    return self.pause();
                }
                // The client has gone meanwhile, or its network has (accept(2)).
                Err(_) => {}
            }
        }
    }

    fn open(&mut self, client: OwnedFd, port: u16) {
        // Where it can't be made, the client has been told by a reset.
        let Ok(connection) = Connection::new(client, self.target, port) else {
            return;
        };
        let place = self.free.pop().unwrap_or_else(|| {
            self.connections.push(None);
            self.connections.len() - 1
        });
        let watched = watch_connection(&self.epoll, &connection.client, place)
            .and_then(|()| watch_connection(&self.epoll, &connection.inside, place));
        if watched.is_err() {
            connection.reset();
            self.free.push(place);
            return;
        }
        self.connections[place] = Some(connection);
    }

    fn turn(&mut self, place: usize) {
        let Some(Some(connection)) = self.connections.get_mut(place) else {
            return;
        };
        let turn = match connection.connected() {
            Ok(true) => connection.turn(&mut self.pipes),
            Ok(false) => Turn::Waits,
            Err(None) => match watch_connection(&self.epoll, &connection.inside, place) {
                Ok(()) => Turn::Waits,
                Err(_) => Turn::Broken,
            },
            Err(Some(_)) => Turn::Broken,
        };
        let is_over = self.ending.is_some() && connection.has_all();
        match turn {
            Turn::Goes => self.again.push_back(place),
            Turn::Waits if !is_over => {}
            Turn::Waits | Turn::Ended => self.close(place, false),
            Turn::Broken => self.close(place, true),
        }
    }

    fn close(&mut self, place: usize, broken: bool) {
        // Closed sockets leave the epoll by themselves: nobody else has them.
        if let Some(connection) = self.connections[place].take() {
            self.free.push(place);
            if broken {
                connection.reset();
            }
        }
        if self.paused.is_some() {
            self.resume();
        }
    }

    /// Leaves the listeners alone for a while.
    fn pause(&mut self) {
        self.paused = Some(Instant::now() + PAUSE);
        self.set_listening(epoll::EventFlags::empty());
    }

    fn resume(&mut self) {
        self.paused = None;
        self.set_listening(epoll::EventFlags::IN);
    }

    fn set_listening(&self, flags: epoll::EventFlags) {
        for (place, bound) in self.listeners.iter().enumerate() {
            if let Some((socket, listener)) = bound
                && listener.transport == Transport::Tcp
            {
                let data = epoll::EventData::new_u64(number(Kind::Listener, place));
                // It was added with the same socket; there is nothing that the kernel could refuse.
                let _ = epoll::modify(&self.epoll, socket, data, flags);
            }
        }
    }
}

impl Drop for Server {
    /// Those that are cut off are told so.
    fn drop(&mut self) {
        for connection in self.connections.drain(..).flatten() {
            reset(connection.client);
        }
    }
}

fn watch_connection(epoll: &OwnedFd, socket: &OwnedFd, place: usize) -> io::Result<()> {
    let flags = epoll::EventFlags::IN
        | epoll::EventFlags::OUT
        | epoll::EventFlags::RDHUP
        | epoll::EventFlags::ET;
    watch(epoll, socket, Kind::Connection, place, flags)
}

fn watch(
    epoll: &OwnedFd,
    socket: impl AsFd,
    kind: Kind,
    place: usize,
    flags: epoll::EventFlags,
) -> io::Result<()> {
    let data = epoll::EventData::new_u64(number(kind, place));
    Ok(epoll::add(epoll, socket, data, flags)?)
}

fn number(kind: Kind, place: usize) -> u64 {
    ((kind as u64) << 32) | (place as u64 & 0xFFFF_FFFF)
}

fn parse(number: u64) -> (Kind, usize) {
    let kind = match number >> 32 {
        0 => Kind::End,
        1 => Kind::Listener,
        2 => Kind::Connection,
        _ => Kind::Flow,
    };
    (kind, (number & 0xFFFF_FFFF) as usize)
}
