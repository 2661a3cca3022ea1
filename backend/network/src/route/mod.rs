//! rtnetlink: interfaces, addresses and routes (rtnetlink(7)). Requests are built and answers read by
//! `netlink-packet-route`; an answer that it can't read is of a kind that is not ours, and is passed over. This file reads;
//! [`change`] makes and takes away.

mod change;

use std::fs;
use std::io;
use std::net::{IpAddr, Ipv6Addr};
use std::os::fd::{AsFd, BorrowedFd};
use std::thread;
use std::time::{Duration, Instant};

use netlink_packet_core::{NetlinkMessage, ParseableParametrized};
use netlink_packet_route::address::{AddressAttribute, AddressMessage};
use netlink_packet_route::link::{
    InfoKind, LinkAttribute, LinkFlags, LinkInfo, LinkMessage, State,
};
use netlink_packet_route::route::{RouteAddress, RouteAttribute, RouteMessage};
use netlink_packet_route::{AddressFamily, RouteNetlinkMessage};

pub(crate) use self::change::Pair;
use crate::netlink::{FLAG_DUMP, FLAG_REQUEST, Frame, Netlink};

/// The kernel's routing table of the host's own addresses (`RT_TABLE_LOCAL`).
const TABLE_LOCAL: u32 = 255;

/// `ENODEV`: there is no such interface.
const NO_DEVICE: i32 = 19;

/// `ENOBUFS`: more happened than the socket holds.
const NO_BUFFERS: i32 = 105;

/// `RTMGRP_LINK`, `RTMGRP_IPV4_IFADDR` and `RTMGRP_IPV6_IFADDR`.
const CHANGES: u32 = 0x1 | 0x10 | 0x100;

/// How long a carrier is waited for. It comes within a millisecond, or when a crowd of others has let go of the lock; one
/// that does not is no reason to fail.
const CARRIER_PATIENCE: Duration = Duration::from_secs(1);
const CARRIER_PAUSE: Duration = Duration::from_micros(100);

/// The multicast groups of IPv6 that a namespace listens to.
const GROUPS: &str = "/proc/thread-self/net/igmp6";

/// A connection to rtnetlink in one network namespace.
pub(crate) struct Route(Netlink);

/// What is known of an interface.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Link {
    pub(crate) index: u32,
    pub(crate) name: String,
    pub(crate) alias: Option<String>,
    pub(crate) mac: Vec<u8>,
    pub(crate) mtu: u32,
    pub(crate) up: bool,
    /// It hands packets on: up, with a carrier, and the kernel has acted on both.
    pub(crate) running: bool,
    pub(crate) loopback: bool,
    pub(crate) bridge: bool,
    /// The index of the bridge that it is a port of.
    pub(crate) controller: Option<u32>,
}

/// An address of an interface.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct Address {
    pub(crate) index: u32,
    pub(crate) address: IpAddr,
    pub(crate) prefix: u8,
}

/// A destination that the host has a route to, other than its own addresses.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Destination {
    /// None for a default route.
    pub(crate) network: Option<IpAddr>,
    pub(crate) prefix: u8,
    /// The index of the interface that it leaves by, where it is one.
    pub(crate) out: Option<u32>,
}

impl Route {
    /// In this thread's network namespace.
    pub(crate) fn open() -> io::Result<Self> {
        Netlink::route().map(Self)
    }

    /// The interface of this name; `None` where there is none.
    pub(crate) fn link(&self, name: &str) -> io::Result<Option<Link>> {
        let mut message = LinkMessage::default();
        message
            .attributes
            .push(LinkAttribute::IfName(name.to_owned()));
        let request = encoded(RouteNetlinkMessage::GetLink(message), FLAG_REQUEST);
        self.0.send(&request)?;
        let mut found = None;
        let answer = self.0.receive(|frame| match frame.verdict() {
            Some(verdict) => verdict.map(|()| true),
            None => {
                found = link_of(&frame);
                Ok(true)
            }
        });
        match answer {
            Err(error) if is_no_device(&error) => Ok(None),
            other => other.map(|()| found),
        }
    }

    /// Waits until this thread's namespace hears who looks for an IPv6 address of its own: the kernel joins that group
    /// (RFC 4291, section 2.7.1) some time after it took the address.
    pub(crate) fn wait_until_heard(address: Ipv6Addr) -> io::Result<()> {
        let [.., a, b, c] = address.octets();
        let group = format!("ff0200000000000000000001ff{a:02x}{b:02x}{c:02x}");
        let begun = Instant::now();
        while begun.elapsed() < CARRIER_PATIENCE {
            if fs::read_to_string(GROUPS)?.contains(&group) {
                break;
            }
            thread::sleep(CARRIER_PAUSE);
        }
        Ok(())
    }

    /// Waits until an interface that has been brought up hands packets on. The kernel learns of a carrier in a moment of its
    /// own (`linkwatch`); what is sent before is lost, and a first packet that is lost costs its sender a second.
    pub(crate) fn wait_until_running(&self, name: &str) -> io::Result<()> {
        let begun = Instant::now();
        while begun.elapsed() < CARRIER_PATIENCE {
            if self.link(name)?.is_none_or(|link| link.running) {
                break;
            }
            thread::sleep(CARRIER_PAUSE);
        }
        Ok(())
    }

    /// Every interface.
    pub(crate) fn links(&self) -> io::Result<Vec<Link>> {
        let request = encoded(
            RouteNetlinkMessage::GetLink(LinkMessage::default()),
            FLAG_REQUEST | FLAG_DUMP,
        );
        let mut links = Vec::new();
        self.0
            .dump(&request, |frame| links.extend(link_of(&frame)))?;
        Ok(links)
    }

    /// Every address of every interface, of both families.
    pub(crate) fn addresses(&self) -> io::Result<Vec<Address>> {
        let request = encoded(
            RouteNetlinkMessage::GetAddress(AddressMessage::default()),
            FLAG_REQUEST | FLAG_DUMP,
        );
        let mut addresses = Vec::new();
        self.0
            .dump(&request, |frame| addresses.extend(address_of(&frame)))?;
        Ok(addresses)
    }

    /// Every route of one family, of every table but the kernel's own.
    pub(crate) fn destinations(&self, family: AddressFamily) -> io::Result<Vec<Destination>> {
        let mut message = RouteMessage::default();
        message.header.address_family = family;
        let request = encoded(
            RouteNetlinkMessage::GetRoute(message),
            FLAG_REQUEST | FLAG_DUMP,
        );
        let mut found = Vec::new();
        self.0
            .dump(&request, |frame| found.extend(destination_of(&frame)))?;
        Ok(found)
    }
}

/// Whether the kernel says that there is no such interface.
pub(crate) fn is_no_device(error: &io::Error) -> bool {
    error.raw_os_error() == Some(NO_DEVICE)
}

/// Whoever is told of changes of interfaces and addresses.
pub(crate) struct Listener(Netlink);

impl Listener {
    /// In this thread's network namespace.
    pub(crate) fn open() -> io::Result<Self> {
        Netlink::route_listener(CHANGES).map(Self)
    }

    /// Gives each interface and each address that came or changed since the last call to `link` and `address`. `false` where
    /// the kernel could not keep all that there was to say.
    pub(crate) fn changes(
        &self,
        mut link: impl FnMut(Link),
        mut address: impl FnMut(Address),
    ) -> io::Result<bool> {
        let all = self.0.receive(|frame| {
            match link_of(&frame) {
                Some(found) => link(found),
                None => address_of(&frame).into_iter().for_each(&mut address),
            }
            Ok(false)
        });
        match all {
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => Ok(true),
            Err(error) if error.raw_os_error() == Some(NO_BUFFERS) => Ok(false),
            other => other.map(|()| true),
        }
    }
}

impl AsFd for Listener {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.0.as_fd()
    }
}

fn encoded(message: RouteNetlinkMessage, flags: u16) -> Vec<u8> {
    let mut message = NetlinkMessage::from(message);
    message.header.flags = flags;
    message.header.sequence_number = 1;
    message.finalize();
    let mut bytes = vec![0; message.buffer_len()];
    message.serialize(&mut bytes);
    bytes
}

fn parsed(frame: &Frame<'_>) -> Option<RouteNetlinkMessage> {
    RouteNetlinkMessage::parse_with_param(frame.body, frame.kind).ok()
}

fn link_of(frame: &Frame<'_>) -> Option<Link> {
    let RouteNetlinkMessage::NewLink(message) = parsed(frame)? else {
        return None;
    };
    let flags = message.header.flags;
    let mut link = Link {
        index: message.header.index,
        up: flags.contains(LinkFlags::Up),
        loopback: flags.contains(LinkFlags::Loopback),
        ..Link::default()
    };
    for attribute in message.attributes {
        match attribute {
            LinkAttribute::IfName(name) => link.name = name,
            LinkAttribute::IfAlias(alias) => link.alias = Some(alias),
            LinkAttribute::Address(mac) => link.mac = mac,
            LinkAttribute::Mtu(mtu) => link.mtu = mtu,
            // Not the flag: that is set, too, while the kernel does not know yet.
            LinkAttribute::OperState(state) => link.running = state == State::Up,
            LinkAttribute::Controller(index) => link.controller = Some(index),
            LinkAttribute::LinkInfo(infos) => {
                link.bridge = infos.contains(&LinkInfo::Kind(InfoKind::Bridge));
            }
            _ => {}
        }
    }
    Some(link)
}

fn address_of(frame: &Frame<'_>) -> Option<Address> {
    let RouteNetlinkMessage::NewAddress(message) = parsed(frame)? else {
        return None;
    };
    let find = |wanted: fn(&AddressAttribute) -> Option<IpAddr>| {
        message.attributes.iter().find_map(wanted)
    };
    // Over a point-to-point link, `Address` is the other end's.
    let local = find(|attribute| match attribute {
        AddressAttribute::Local(address) => Some(*address),
        _ => None,
    });
    let address = local.or_else(|| {
        find(|attribute| match attribute {
            AddressAttribute::Address(address) => Some(*address),
            _ => None,
        })
    })?;
    Some(Address {
        index: message.header.index,
        address,
        prefix: message.header.prefix_len,
    })
}

fn destination_of(frame: &Frame<'_>) -> Option<Destination> {
    let RouteNetlinkMessage::NewRoute(message) = parsed(frame)? else {
        return None;
    };
    let mut table = u32::from(message.header.table);
    let (mut network, mut out) = (None, None);
    for attribute in &message.attributes {
        match attribute {
            RouteAttribute::Destination(RouteAddress::Inet(found)) => {
                network = Some((*found).into())
            }
            RouteAttribute::Destination(RouteAddress::Inet6(found)) => {
                network = Some((*found).into());
            }
            RouteAttribute::Oif(index) => out = Some(*index),
            RouteAttribute::Table(found) => table = *found,
            _ => {}
        }
    }
    (table != TABLE_LOCAL).then_some(Destination {
        network,
        prefix: message.header.destination_prefix_length,
        out,
    })
}
