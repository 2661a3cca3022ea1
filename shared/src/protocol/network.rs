//! A container's network and its published ports, as the wire knows them.

use core::net::IpAddr;

use serde::{Deserialize, Serialize};

/// A container's network.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum NetworkMode {
    /// An address of its own on the bridge that all such containers share, and a way out through the host.
    #[default]
    Bridge,
    /// A namespace with a loopback interface and nothing else.
    None,
    /// The host's own network.
    Host,
}

/// What a port carries.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize,
)]
#[serde(rename_all = "lowercase")]
pub enum PortProtocol {
    /// TCP.
    #[default]
    Tcp,
    /// UDP.
    Udp,
}

/// A port to be published: `-p [ADDRESS:][HOST:]CONTAINER[/PROTOCOL]`, one port each (a client unfolds ranges).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct PortRequest {
    /// The host's address to listen on; every one of both families where none is given.
    #[serde(default)]
    pub address: Option<IpAddr>,
    /// The host's port; a free one where none is given.
    #[serde(default)]
    pub host_port: Option<u16>,
    /// Any free port of the host's from `host_port` to this one: `-p 8000-8010:80`.
    #[serde(default)]
    pub host_port_last: Option<u16>,
    /// The port in the container, from 1.
    pub container_port: u16,
    /// What it carries.
    #[serde(default)]
    pub protocol: PortProtocol,
}

/// A port that is published.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct PublishedPort {
    /// The host's address; `None` is every one of both families.
    #[serde(default)]
    pub address: Option<IpAddr>,
    /// The host's port.
    pub host_port: u16,
    /// The port in the container.
    pub container_port: u16,
    /// What it carries.
    #[serde(default)]
    pub protocol: PortProtocol,
}
