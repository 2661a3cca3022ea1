//! What is made and taken away by rtnetlink: bridges, pairs, addresses, default routes. Each verb is one request that the
//! kernel acknowledges.

use std::io;
use std::net::IpAddr;
use std::os::fd::{AsRawFd, BorrowedFd};

use netlink_packet_core::DefaultNla;
use netlink_packet_route::address::{AddressAttribute, AddressFlags, AddressMessage};
use netlink_packet_route::link::{
    AfSpecInet6, AfSpecUnspec, BridgeStpState, In6AddrGenMode, InfoBridge, InfoData, InfoKind,
    InfoVeth, LinkAttribute, LinkFlags, LinkInfo, LinkMessage, LinkProtoInfoBridge,
};
use netlink_packet_route::neighbour::{NeighbourAttribute, NeighbourMessage, NeighbourState};
use netlink_packet_route::route::{
    RouteAddress, RouteAttribute, RouteMessage, RouteMetric, RouteProtocol, RouteScope, RouteType,
};
use netlink_packet_route::{AddressFamily, RouteNetlinkMessage};

use super::{Route, encoded, is_no_device};
use crate::names::{INNER, Mac};
use crate::netlink::{FLAG_ACK, FLAG_CREATE, FLAG_EXCLUSIVE, FLAG_REPLACE, FLAG_REQUEST};

/// The size of packets between containers and the host, which no wire has to carry: the most that a bridge and a pair take
/// (`ETH_MAX_MTU` in the kernel), and the most of IP.
const MTU_MAX: u32 = 65_535;

/// `IFLA_BRPORT_MODE`: hairpin, as the kernel calls it.
const BRIDGE_PORT_MODE: u16 = 4;

/// `EEXIST`.
const EXISTS: i32 = 17;

/// A pair of interfaces to be made.
pub(crate) struct Pair<'a> {
    /// The host's end.
    pub(crate) outer: &'a str,
    /// What the host's end says whose it is.
    pub(crate) alias: &'a str,
    /// The index of the bridge that it becomes a port of.
    pub(crate) bridge: u32,
    /// The namespace of the other end.
    pub(crate) namespace: BorrowedFd<'a>,
    /// The other end's hardware address.
    pub(crate) inner_mac: Mac,
}

impl Route {
    fn change(&self, message: RouteNetlinkMessage, flags: u16) -> io::Result<()> {
        self.0
            .acknowledged(&encoded(message, FLAG_REQUEST | FLAG_ACK | flags))
    }

    /// A bridge that forwards at once (no spanning tree, no delay) and floods multicast, as neighbour discovery needs it.
    pub(crate) fn add_bridge(&self, name: &str, mac: Mac) -> io::Result<()> {
        let mut message = LinkMessage::default();
        message.attributes = vec![
            LinkAttribute::IfName(name.to_owned()),
            LinkAttribute::Address(mac.to_vec()),
            LinkAttribute::Mtu(MTU_MAX),
            LinkAttribute::LinkInfo(vec![
                LinkInfo::Kind(InfoKind::Bridge),
                LinkInfo::Data(InfoData::Bridge(vec![
                    InfoBridge::ForwardDelay(0),
                    InfoBridge::StpState(BridgeStpState::Disabled),
                    InfoBridge::MulticastSnooping(false),
                ])),
            ]),
        ];
        self.change(
            RouteNetlinkMessage::NewLink(message),
            FLAG_CREATE | FLAG_EXCLUSIVE,
        )
    }

    /// A veth pair: one end a port of the bridge, the other one `eth0` in the namespace, both still down.
    pub(crate) fn add_pair(&self, pair: &Pair<'_>) -> io::Result<()> {
        let mut inner = LinkMessage::default();
        inner.attributes = vec![
            LinkAttribute::IfName(INNER.to_owned()),
            LinkAttribute::Address(pair.inner_mac.to_vec()),
            LinkAttribute::Mtu(MTU_MAX),
            LinkAttribute::NetNsFd(pair.namespace.as_raw_fd()),
        ];
        let mut message = LinkMessage::default();
        message.attributes = vec![
            LinkAttribute::IfName(pair.outer.to_owned()),
            LinkAttribute::Mtu(MTU_MAX),
            LinkAttribute::Controller(pair.bridge),
            LinkAttribute::LinkInfo(vec![
                LinkInfo::Kind(InfoKind::Veth),
                LinkInfo::Data(InfoData::Veth(InfoVeth::Peer(inner))),
            ]),
        ];
        self.change(
            RouteNetlinkMessage::NewLink(message),
            FLAG_CREATE | FLAG_EXCLUSIVE,
        )?;
        // What the kernel does not take when it makes an interface. An end needs no address of its own.
        let mut message = described(pair.outer, pair.alias);
        raised(&mut message);
        self.change(RouteNetlinkMessage::SetLink(message), 0)
    }

    /// Says whose an interface is, and that the kernel shall give it no link-local address.
    pub(crate) fn describe(&self, name: &str, alias: &str) -> io::Result<()> {
        self.change(RouteNetlinkMessage::SetLink(described(name, alias)), 0)
    }

    /// Makes an interface a port of a bridge.
    pub(crate) fn set_controller(&self, name: &str, bridge: u32) -> io::Result<()> {
        let mut message = named(name);
        message.attributes.push(LinkAttribute::Controller(bridge));
        raised(&mut message);
        self.change(RouteNetlinkMessage::SetLink(message), 0)
    }

    /// Lets a bridge's port send back what came in by it.
    pub(crate) fn set_hairpin(&self, name: &str) -> io::Result<()> {
        let mut message = named(name);
        message.header.interface_family = AddressFamily::Bridge;
        message.header.index = self
            .link(name)?
            .ok_or_else(|| io::Error::from(io::ErrorKind::NotFound))?
            .index;
        message.attributes = vec![LinkAttribute::ProtoInfoBridge(vec![
            LinkProtoInfoBridge::Other(DefaultNla::new(BRIDGE_PORT_MODE, vec![1])),
        ])];
        self.change(RouteNetlinkMessage::SetLink(message), 0)
    }

    /// Brings an interface up.
    pub(crate) fn raise(&self, index: u32) -> io::Result<()> {
        let mut message = LinkMessage::default();
        message.header.index = index;
        raised(&mut message);
        self.change(RouteNetlinkMessage::SetLink(message), 0)
    }

    /// Deletes an interface; one of a pair takes the other with it. One that is gone is no error.
    pub(crate) fn delete_link(&self, name: &str) -> io::Result<()> {
        match self.change(RouteNetlinkMessage::DelLink(named(name)), 0) {
            Err(error) if is_no_device(&error) => Ok(()),
            other => other,
        }
    }

    /// Gives an interface an address, without looking for others that have it. One that it has is no error.
    pub(crate) fn add_address(&self, index: u32, address: IpAddr, prefix: u8) -> io::Result<()> {
        let mut message = AddressMessage::default();
        message.header.index = index;
        message.header.prefix_len = prefix;
        message.attributes = vec![AddressAttribute::Local(address)];
        match address {
            IpAddr::V4(ipv4) => {
                message.header.family = AddressFamily::Inet;
                let hosts = u32::MAX.checked_shr(prefix.into()).unwrap_or(0);
                message.attributes.extend([
                    AddressAttribute::Address(address),
                    AddressAttribute::Broadcast((u32::from(ipv4) | hosts).into()),
                ]);
            }
            IpAddr::V6(_) => {
                message.header.family = AddressFamily::Inet6;
                message
                    .attributes
                    .push(AddressAttribute::Flags(AddressFlags::Nodad));
            }
        }
        exists_already(self.change(
            RouteNetlinkMessage::NewAddress(message),
            FLAG_CREATE | FLAG_EXCLUSIVE,
        ))
    }

    /// Takes an address away.
    pub(crate) fn delete_address(&self, index: u32, address: IpAddr, prefix: u8) -> io::Result<()> {
        let mut message = AddressMessage::default();
        message.header.index = index;
        message.header.prefix_len = prefix;
        message.header.family = match address {
            IpAddr::V4(_) => AddressFamily::Inet,
            IpAddr::V6(_) => AddressFamily::Inet6,
        };
        message.attributes = vec![AddressAttribute::Local(address)];
        self.change(RouteNetlinkMessage::DelAddress(message), 0)
    }

    /// Says which hardware address a neighbour has. The kernel asks for itself again when that grows old.
    pub(crate) fn add_neighbour(&self, index: u32, address: IpAddr, mac: Mac) -> io::Result<()> {
        let mut message = NeighbourMessage::default();
        message.header.family = match address {
            IpAddr::V4(_) => AddressFamily::Inet,
            IpAddr::V6(_) => AddressFamily::Inet6,
        };
        message.header.ifindex = index;
        message.header.state = NeighbourState::Reachable;
        message.attributes = vec![
            NeighbourAttribute::Destination(address.into()),
            NeighbourAttribute::LinkLayerAddress(mac.to_vec()),
        ];
        self.change(
            RouteNetlinkMessage::NewNeighbour(message),
            FLAG_CREATE | FLAG_REPLACE,
        )
    }

    /// The way out, for packets of this size.
    pub(crate) fn add_default_route(
        &self,
        index: u32,
        gateway: IpAddr,
        mtu: u32,
    ) -> io::Result<()> {
        let mut message = RouteMessage::default();
        message.header.table = netlink_packet_route::route::RouteHeader::RT_TABLE_MAIN;
        message.header.protocol = RouteProtocol::Boot;
        message.header.scope = RouteScope::Universe;
        message.header.kind = RouteType::Unicast;
        message.header.address_family = match gateway {
            IpAddr::V4(_) => AddressFamily::Inet,
            IpAddr::V6(_) => AddressFamily::Inet6,
        };
        message.attributes = vec![
            RouteAttribute::Gateway(RouteAddress::from(gateway)),
            RouteAttribute::Oif(index),
            RouteAttribute::Metrics(vec![RouteMetric::Mtu(mtu)]),
        ];
        exists_already(self.change(
            RouteNetlinkMessage::NewRoute(message),
            FLAG_CREATE | FLAG_EXCLUSIVE,
        ))
    }
}

fn named(name: &str) -> LinkMessage {
    let mut message = LinkMessage::default();
    message
        .attributes
        .push(LinkAttribute::IfName(name.to_owned()));
    message
}

fn described(name: &str, alias: &str) -> LinkMessage {
    let mut message = named(name);
    message.attributes.extend([
        LinkAttribute::IfAlias(alias.to_owned()),
        LinkAttribute::AfSpecUnspec(vec![AfSpecUnspec::Inet6(vec![AfSpecInet6::AddrGenMode(
            In6AddrGenMode::None,
        )])]),
    ]);
    message
}

fn raised(message: &mut LinkMessage) {
    message.header.flags |= LinkFlags::Up;
    message.header.change_mask |= LinkFlags::Up;
}

fn exists_already(answer: io::Result<()>) -> io::Result<()> {
    match answer {
        Err(error) if error.raw_os_error() == Some(EXISTS) => Ok(()),
        other => other,
    }
}
