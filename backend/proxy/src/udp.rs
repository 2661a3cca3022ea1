//! UDP through the proxy: a flow is what one client sends to one address of the host, and what comes back for it.
//!
//! UDP has no end, so that a flow's is that nothing came for a while (RFC 4787, section 4.3, wants two minutes at least
//! of a translator; this one stands before one host's own programs, and takes Docker's 90 seconds). An answer leaves from
//! the address that the question came to (RFC 1122, section 4.1.3.5): a client that asked 127.0.0.2 takes none from
//! 127.0.0.1.

use std::collections::HashMap;
use std::io::{self, IoSlice, IoSliceMut};
use std::net::{IpAddr, Ipv6Addr, SocketAddr, SocketAddrV4, SocketAddrV6};
use std::os::fd::{AsRawFd as _, OwnedFd};
use std::time::{Duration, Instant};

use nix::sys::socket::{
    ControlMessage, ControlMessageOwned, MsgFlags, SockaddrStorage, recvmsg, sendmsg, setsockopt,
    sockopt,
};
use rustix::io::Errno;
use rustix::net::{
    AddressFamily, RecvFlags, SendFlags, SocketFlags, SocketType, connect, getsockname, recv, send,
    socket_with,
};

use crate::order::{Listener, Target};

/// How long a flow may be silent.
const IDLE_MAX: Duration = Duration::from_secs(90);

/// Flows at once; with one more, the one that was silent longest ends.
const FLOWS_MAX: usize = 4096;

/// The largest datagram (RFC 768: a length of 16 bits).
const DATAGRAM_BYTES_MAX: usize = 65_535;

/// Datagrams taken from one socket in a turn.
const DATAGRAMS_A_TURN: usize = 64;

/// Who sent to whom.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
struct Route {
    listener: usize,
    client: SocketAddr,
    /// The host's address that was sent to, and the interface for one that needs it; absent where the socket has one only.
    local: Option<(IpAddr, u32)>,
}

#[derive(Debug)]
struct Flow {
    route: Route,
    inside: OwnedFd,
    /// The container's other address, until the first has answered.
    next: Option<SocketAddr>,
    used: Instant,
}

/// All flows.
#[derive(Debug)]
pub(crate) struct Flows {
    flows: Vec<Option<Flow>>,
    by_route: HashMap<Route, usize>,
    places: usize,
    datagram: Vec<u8>,
}

/// The listening sockets, by their places.
type Bound = [Option<(OwnedFd, Listener)>];

/// Has the socket of the flow at this place watched.
type Watch<'a> = dyn FnMut(&OwnedFd, usize) -> io::Result<()> + 'a;

impl Flows {
    /// None yet; so many at most.
    pub(crate) fn new(places: usize) -> Self {
        Self {
            flows: Vec::new(),
            by_route: HashMap::new(),
            places: places.min(FLOWS_MAX),
            datagram: Vec::new(),
        }
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.by_route.is_empty()
    }

    /// Takes what clients have sent to one listening socket, and passes it on.
    pub(crate) fn receive(
        &mut self,
        place: usize,
        bound: &Bound,
        target: Target,
        watch: &mut Watch<'_>,
    ) {
        let Some(Some((socket, listener))) = bound.get(place) else {
            return;
        };
        self.datagram.resize(DATAGRAM_BYTES_MAX, 0);
        for _ in 0..DATAGRAMS_A_TURN {
            let mut datagram = std::mem::take(&mut self.datagram);
            let received = receive(socket, &mut datagram);
            if let Ok(Some((length, client, local))) = received {
                let route = Route {
                    listener: place,
                    client,
                    local,
                };
                // A datagram that can't be passed on is lost, as UDP's may be.
                let _ = self.pass(
                    route,
                    target,
                    listener.container_port,
                    &datagram[..length],
                    watch,
                );
            }
            self.datagram = datagram;
            if received.is_err() {
                return;
            }
        }
    }

    fn pass(
        &mut self,
        route: Route,
        target: Target,
        port: u16,
        datagram: &[u8],
        watch: &mut Watch<'_>,
    ) -> io::Result<()> {
        let place = match self.by_route.get(&route) {
            Some(place) => *place,
            None => self.open(route, target, port, watch)?,
        };
        if self.send(place, datagram)? {
            return Ok(());
        }
        // The refusal was of what was sent before: once more, to where it goes now.
        self.switch(place, watch)?;
        self.send(place, datagram).map(drop)
    }

    /// Whether it was sent; otherwise an earlier datagram was refused, and this one is still to be sent.
    fn send(&mut self, place: usize, datagram: &[u8]) -> io::Result<bool> {
        let Some(flow) = &mut self.flows[place] else {
            return Ok(true);
        };
        flow.used = Instant::now();
        match send(&flow.inside, datagram, SendFlags::NOSIGNAL) {
            Ok(_) => Ok(true),
            Err(Errno::CONNREFUSED) => Ok(false),
            Err(error) => Err(error.into()),
        }
    }

    fn open(
        &mut self,
        route: Route,
        target: Target,
        port: u16,
        watch: &mut Watch<'_>,
    ) -> io::Result<usize> {
        if self.by_route.len() >= self.places {
            self.forget_oldest();
        }
        let first = SocketAddr::V4(SocketAddrV4::new(target.ipv4, port));
        let second = target
            .ipv6
            .map(|address| SocketAddr::V6(SocketAddrV6::new(address, port, 0, 0)));
        let flow = Flow {
            route,
            inside: connected(first)?,
            next: second,
            used: Instant::now(),
        };
        let free = self.flows.iter().position(Option::is_none);
        let place = free.unwrap_or(self.flows.len());
        watch(&flow.inside, place)?;
        if place == self.flows.len() {
            self.flows.push(None);
        }
        self.flows[place] = Some(flow);
        self.by_route.insert(route, place);
        Ok(place)
    }

    /// Passes on what the container has sent for one flow.
    pub(crate) fn answer(&mut self, place: usize, bound: &Bound, watch: &mut Watch<'_>) {
        let Some(Some(flow)) = self.flows.get_mut(place) else {
            return;
        };
        let Some(Some((socket, _))) = bound.get(flow.route.listener) else {
            return;
        };
        self.datagram.resize(DATAGRAM_BYTES_MAX, 0);
        for _ in 0..DATAGRAMS_A_TURN {
            match recv(&flow.inside, &mut self.datagram[..], RecvFlags::DONTWAIT) {
                Ok((length, _)) => {
                    flow.used = Instant::now();
                    flow.next = None;
                    // A client that is gone hears nothing.
                    let _ = reply(socket, &flow.route, &self.datagram[..length]);
                }
                // The client's next datagram goes to the container's other address; it sends one if it still wants to.
                Err(Errno::CONNREFUSED) => {
                    let _ = self.switch(place, watch);
                    return;
                }
                Err(_) => return,
            }
        }
    }

    /// The container refused on its first address: the second is this flow's from now on.
    fn switch(&mut self, place: usize, watch: &mut Watch<'_>) -> io::Result<()> {
        if let Some(flow) = &mut self.flows[place]
            && let Some(next) = flow.next.take()
        {
            flow.inside = connected(next)?;
            watch(&flow.inside, place)?;
        }
        Ok(())
    }

    /// Ends the flows for which nothing came for a while.
    pub(crate) fn forget_idle(&mut self, now: Instant) {
        for place in 0..self.flows.len() {
            let is_idle = |flow: &Flow| now.saturating_duration_since(flow.used) >= IDLE_MAX;
            if self.flows[place].as_ref().is_some_and(is_idle) {
                self.forget(place);
            }
        }
    }

    fn forget_oldest(&mut self) {
        let used = |flow: &Option<Flow>| flow.as_ref().map(|flow| flow.used);
        let oldest = (0..self.flows.len())
            .filter(|place| self.flows[*place].is_some())
            .min_by_key(|place| used(&self.flows[*place]));
        if let Some(place) = oldest {
            self.forget(place);
        }
    }

    fn forget(&mut self, place: usize) {
        if let Some(flow) = self.flows[place].take() {
            self.by_route.remove(&flow.route);
        }
    }
}

/// A socket that sends to one address, and hears from it alone.
fn connected(address: SocketAddr) -> io::Result<OwnedFd> {
    let family = match address {
        SocketAddr::V4(_) => AddressFamily::INET,
        SocketAddr::V6(_) => AddressFamily::INET6,
    };
    let flags = SocketFlags::NONBLOCK | SocketFlags::CLOEXEC;
    let socket = socket_with(family, SocketType::DGRAM, flags, None)?;
    connect(&socket, &address)?;
    Ok(socket)
}

/// Asks the kernel to tell of each datagram which address of the host it was sent to, where the socket has several.
///
/// # Errors
/// If it is no socket of the internet.
pub(crate) fn tell_local(socket: &OwnedFd) -> io::Result<()> {
    match SocketAddr::try_from(getsockname(socket)?).map_err(io::Error::from)? {
        SocketAddr::V4(address) if address.ip().is_unspecified() => {
            setsockopt(socket, sockopt::Ipv4PacketInfo, &true)?;
        }
        SocketAddr::V6(address) if address.ip().is_unspecified() => {
            setsockopt(socket, sockopt::Ipv6RecvPacketInfo, &true)?;
        }
        _ => {}
    }
    Ok(())
}

/// A datagram's length, its sender, and the address that it was sent to.
type Received = (usize, SocketAddr, Option<(IpAddr, u32)>);

/// One datagram; `Err` where there is none now.
fn receive(socket: &OwnedFd, datagram: &mut [u8]) -> io::Result<Option<Received>> {
    let mut space = nix::cmsg_space!(libc::in6_pktinfo, libc::in_pktinfo);
    let mut parts = [IoSliceMut::new(datagram)];
    let flags = MsgFlags::MSG_DONTWAIT;
    let received =
        recvmsg::<SockaddrStorage>(socket.as_raw_fd(), &mut parts, Some(&mut space), flags)?;
    let mut local = None;
    for message in received.cmsgs()? {
        match message {
            ControlMessageOwned::Ipv4PacketInfo(info) => {
                let address = u32::from_be(info.ipi_addr.s_addr);
                local = Some((IpAddr::V4(address.into()), 0));
            }
            ControlMessageOwned::Ipv6PacketInfo(info) => {
                let address = Ipv6Addr::from(info.ipi6_addr.s6_addr);
                // Only a link-local address needs its interface; another may be answered by whichever way leads back.
                let interface = if address.is_unicast_link_local() {
                    info.ipi6_ifindex
                } else {
                    0
                };
                local = Some((IpAddr::V6(address), interface));
            }
            _ => {}
        }
    }
    let client = received.address.as_ref().and_then(address_of);
    Ok(client.map(|client| (received.bytes, client, local)))
}

fn address_of(storage: &SockaddrStorage) -> Option<SocketAddr> {
    let v4 = storage
        .as_sockaddr_in()
        .map(|address| SocketAddr::V4((*address).into()));
    v4.or_else(|| {
        storage
            .as_sockaddr_in6()
            .map(|address| SocketAddr::V6((*address).into()))
    })
}

/// Sends an answer from where the question came to.
fn reply(socket: &OwnedFd, route: &Route, datagram: &[u8]) -> io::Result<()> {
    let client = SockaddrStorage::from(route.client);
    let parts = [IoSlice::new(datagram)];
    let flags = MsgFlags::MSG_DONTWAIT | MsgFlags::MSG_NOSIGNAL;
    let socket = socket.as_raw_fd();
    match route.local {
        None => sendmsg(socket, &parts, &[], flags, Some(&client))?,
        Some((IpAddr::V4(address), _)) => {
            let info = libc::in_pktinfo {
                ipi_ifindex: 0,
                ipi_spec_dst: libc::in_addr {
                    s_addr: u32::from(address).to_be(),
                },
                ipi_addr: libc::in_addr { s_addr: 0 },
            };
            let info = [ControlMessage::Ipv4PacketInfo(&info)];
            sendmsg(socket, &parts, &info, flags, Some(&client))?
        }
        Some((IpAddr::V6(address), interface)) => {
            let info = libc::in6_pktinfo {
                ipi6_addr: libc::in6_addr {
                    s6_addr: address.octets(),
                },
                ipi6_ifindex: interface,
            };
            let info = [ControlMessage::Ipv6PacketInfo(&info)];
            sendmsg(socket, &parts, &info, flags, Some(&client))?
        }
    };
    Ok(())
}
