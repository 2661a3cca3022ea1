//! The connections that the kernel remembers (ctnetlink), of which those to a container that is gone are forgotten. A flow
//! of UDP has no end: as long as its sender goes on, it would be led to the former container's address, whoever publishes
//! the port since.
//!
//! The kernel can delete by a filter, but up to Linux 6.18 at least its filter for IPv6 picks all but the address that it is
//! given (`ctnetlink_filter_match_tuple`). So they are listed and picked here.

use std::io;
use std::net::IpAddr;

use crate::netlink::{FLAG_ACK, FLAG_DUMP, FLAG_REQUEST, Netlink};
use crate::nft::{Attributes, find, framed};
use crate::request::Endpoint;

/// `NFNL_SUBSYS_CTNETLINK`, with `IPCTNL_MSG_CT_GET` and `IPCTNL_MSG_CT_DELETE`.
const GET: u16 = 1 << 8 | 1;
const DELETE: u16 = 1 << 8 | 2;

/// The attributes of a connection (`enum ctattr_type`).
const TUPLE_ORIGINAL: u16 = 1;
const TUPLE_REPLY: u16 = 2;
const ID: u16 = 12;
const ZONE: u16 = 18;

/// Forgets the connections that a container answers.
pub(crate) fn forget(endpoint: &Endpoint) -> io::Result<()> {
    let socket = Netlink::netfilter()?;
    let mut addresses = vec![IpAddr::from(endpoint.ipv4)];
    addresses.extend(endpoint.ipv6.map(IpAddr::from));
    for address in addresses {
        let family = match address {
            IpAddr::V4(_) => 2,
            IpAddr::V6(_) => 10,
        };
        let mut found = Vec::new();
        let request = framed(GET, FLAG_REQUEST | FLAG_DUMP, 1, family, 0, &[]);
        socket.dump(&request, |frame| {
            let attributes = frame.body.get(4..).unwrap_or_default();
            if is_answered_by(attributes, address) {
                found.push(named(attributes));
            }
        })?;
        for connection in found {
            let body = connection.into_bytes();
            let request = framed(DELETE, FLAG_REQUEST | FLAG_ACK, 1, family, 0, &body);
            match socket.acknowledged(&request) {
                // It ended meanwhile.
                Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                other => other?,
            }
        }
    }
    Ok(())
}

/// Whether the answers of a connection come from an address.
fn is_answered_by(attributes: &[u8], address: IpAddr) -> bool {
    const TUPLE_IP: u16 = 1;
    const IPV4_SOURCE: u16 = 1;
    const IPV6_SOURCE: u16 = 3;
    let ip = find(attributes, TUPLE_REPLY).and_then(|tuple| find(tuple, TUPLE_IP));
    ip.is_some_and(|ip| match address {
        IpAddr::V4(address) => find(ip, IPV4_SOURCE) == Some(&address.octets()),
        IpAddr::V6(address) => find(ip, IPV6_SOURCE) == Some(&address.octets()),
    })
}

/// What tells a connection from all others.
fn named(attributes: &[u8]) -> Attributes {
    let mut name = Attributes::new();
    if let Some(tuple) = find(attributes, TUPLE_ORIGINAL) {
        name = name.nested_bytes(TUPLE_ORIGINAL, tuple);
    }
    for kind in [ID, ZONE] {
        if let Some(value) = find(attributes, kind) {
            name = name.bytes(kind, value);
        }
    }
    name
}
