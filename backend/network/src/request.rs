//! What is asked of a network and what it answers: the ports to publish, the addresses given out, and what stands in a
//! firewall's way. Plain values, apart from the code that makes them true; a record on a disk holds them as they are.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::os::fd::OwnedFd;

use serde::{Deserialize, Serialize};

/// The transport of a published port.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Protocol {
    /// RFC 9293.
    Tcp,
    /// RFC 768.
    Udp,
}

/// One published port: what arrives at the host is led to the container.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct PortRule {
    /// The host's address to answer on. `None` is every address of both families. One of loopback makes no rule here: a
    /// proxy serves it.
    pub address: Option<IpAddr>,
    /// The port on the host.
    pub host_port: u16,
    /// The port inside.
    pub container_port: u16,
    /// Its transport.
    pub protocol: Protocol,
}

/// Whom to attach, and what to publish of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AttachRequest {
    /// A container's id (64 hexadecimal digits) or a build step's. Its own within a world.
    pub id: String,
    /// Its published ports.
    pub ports: Vec<PortRule>,
}

/// An attached network namespace.
#[derive(Debug)]
pub struct Attached {
    /// The namespace. It lives as long as this descriptor, or a process inside; a runtime joins it by `/proc/PID/fd/N`.
    pub namespace: OwnedFd,
    /// The addresses of its `eth0`.
    pub endpoint: Endpoint,
}

/// The addresses of one container, and the way out. Written into its record, so that a new server finds it again.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Endpoint {
    /// Its IPv4 address.
    pub ipv4: Ipv4Addr,
    /// The length of the subnet's prefix, in bits.
    pub ipv4_prefix: u8,
    /// The bridge's address.
    pub ipv4_gateway: Ipv4Addr,
    /// Its IPv6 address; none where the host has no IPv6.
    pub ipv6: Option<Ipv6Addr>,
    /// The length of the subnet's prefix, in bits.
    pub ipv6_prefix: u8,
    /// The bridge's address.
    pub ipv6_gateway: Option<Ipv6Addr>,
}

/// What a living container holds, as its record has it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Held {
    /// As it was attached.
    pub id: String,
    /// As it was given.
    pub endpoint: Endpoint,
    /// As they were asked for.
    pub ports: Vec<PortRule>,
}

/// Something of the host that stops our traffic.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Obstacle {
    /// One sentence: what it is and what it stops.
    pub what: String,
    /// One sentence: what to do.
    pub fix: String,
}
