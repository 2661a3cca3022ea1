//! The ports that a container publishes: from what is asked for to sockets that listen.
//!
//! A port of the host is reserved by really listening on it, before anything else is made: who else has it can't be
//! known in any other way, and nobody can take it between the look and the use. The sockets go to the container's proxy.

mod exposed;
mod holder;
mod listen;

use std::os::fd::OwnedFd;

use estiva_network::{PortRule, Protocol};
use estiva_proxy::order::Transport;
use estiva_shared::protocol::{NetworkMode, PortProtocol, PortRequest, PublishedPort};

use crate::{EngineError, table::Table};

pub(crate) use exposed::exposed;

/// Ports that a container may publish: each is a descriptor of the server for a moment, and of the proxy for as long as the
/// container runs.
pub(crate) const PORTS_MAX: usize = 1024;

/// A port with its socket, which listens.
#[derive(Debug)]
pub(crate) struct Reserved {
    /// As it is published.
    pub(crate) port: PublishedPort,
    /// Bound; of TCP, listening.
    pub(crate) socket: OwnedFd,
}

/// Checks what is asked for, with what `-P` adds.
///
/// # Errors
/// [`EngineError::BadRequest`].
pub(crate) fn wanted(
    network: NetworkMode,
    asked: &[PortRequest],
    all_of: Option<Vec<PortRequest>>,
) -> Result<Vec<PortRequest>, EngineError> {
    let refuse = |expected: &'static str, found: String| EngineError::BadRequest {
        what: "--publish",
        expected,
        found,
    };
    if network != NetworkMode::Bridge && (!asked.is_empty() || all_of.is_some()) {
        let found = match network {
            NetworkMode::Host => {
                "--network host, where a service listens on the host's ports itself"
            }
            _ => "--network none, where there is nobody to reach",
        };
        return Err(refuse("a container on --network bridge", found.to_owned()));
    }
    let mut wanted: Vec<PortRequest> = Vec::new();
    for request in asked {
        if request.container_port == 0 || request.host_port == Some(0) {
            return Err(refuse("ports from 1 to 65535", "0".to_owned()));
        }
        // As Docker: what is said twice is meant once.
        if !wanted.contains(request) {
            wanted.push(*request);
        }
    }
    let is_asked = |exposed: &PortRequest, asked: &[PortRequest]| {
        asked.iter().any(|asked| {
            (asked.container_port, asked.protocol) == (exposed.container_port, exposed.protocol)
        })
    };
    for exposed in all_of.into_iter().flatten() {
        if !is_asked(&exposed, &wanted) {
            wanted.push(exposed);
        }
    }
    if wanted.len() > PORTS_MAX {
        let found = format!("{} ports", wanted.len());
        return Err(refuse("at most 1024 ports", found));
    }
    Ok(wanted)
}

/// Listens on every port. All or none: what was reserved is free again where one can't be had.
///
/// # Errors
/// [`EngineError::PortTaken`], [`EngineError::PortUnusable`].
pub(crate) fn reserve(wanted: &[PortRequest], table: &Table) -> Result<Vec<Reserved>, EngineError> {
    let mut reserved: Vec<Reserved> = Vec::with_capacity(wanted.len());
    // Those that name a port before those that take any: the kernel might choose one of the former for the latter.
    let (named, free): (Vec<&PortRequest>, Vec<&PortRequest>) = wanted
        .iter()
        .partition(|request| request.host_port.is_some());
    for request in named.into_iter().chain(free) {
        let found = reserve_one(request, table, &reserved)?;
        reserved.push(found);
    }
    reserved.sort_by_key(|reserved| {
        let port = &reserved.port;
        (port.container_port, port.protocol, port.host_port)
    });
    Ok(reserved)
}

fn reserve_one(
    request: &PortRequest,
    table: &Table,
    own: &[Reserved],
) -> Result<Reserved, EngineError> {
    let first = request.host_port.unwrap_or(0);
    let last = request.host_port_last.unwrap_or(first).max(first);
    let mut port = first;
    loop {
        let error = match listen::listen(request.address, port, request.protocol) {
            Ok((socket, address, host_port)) => {
                let port = PublishedPort {
                    address,
                    host_port,
                    container_port: request.container_port,
                    protocol: request.protocol,
                };
                return Ok(Reserved { port, socket });
            }
            Err(error) => error,
        };
        let is_taken = error.kind() == std::io::ErrorKind::AddrInUse;
        if is_taken && port < last {
            port += 1;
            continue;
        }
        let shown = shown(request.address, port, request.protocol);
        if !is_taken {
            return Err(EngineError::PortUnusable {
                port: shown,
                source: error,
            });
        }
        let by = taken_by(request, port, table, own);
        return Err(EngineError::PortTaken { port: shown, by });
    }
}

/// Who has a port: this very container, another of ours, or any process of the host.
fn taken_by(request: &PortRequest, port: u16, table: &Table, own: &[Reserved]) -> String {
    let is_it = |published: &PublishedPort| {
        let (one, other) = (published.address, request.address);
        (published.host_port, published.protocol) == (port, request.protocol)
            && (one.is_none() || other.is_none() || one == other)
    };
    if own.iter().any(|reserved| is_it(&reserved.port)) {
        return "this container itself: it is asked for twice".to_owned();
    }
    if let Some(name) = table.publisher(&is_it) {
        return format!("container {name}");
    }
    match holder::holder(request.address, port, request.protocol) {
        Some(holder) if holder.pid == std::process::id() => {
            "a container that is being started or ended".to_owned()
        }
        Some(holder) => format!("{} (process {})", holder.name, holder.pid),
        None => "a process that can't be seen from here".to_owned(),
    }
}

/// Listens again on a port whose proxy has died.
///
/// # Errors
/// The system's, where somebody else has it meanwhile.
pub(crate) fn reserve_again(port: PublishedPort) -> std::io::Result<Reserved> {
    let (socket, _, _) = listen::listen(port.address, port.host_port, port.protocol)?;
    Ok(Reserved { port, socket })
}

/// A port in the network's words.
pub(crate) fn rule(port: &PublishedPort) -> PortRule {
    PortRule {
        address: port.address,
        host_port: port.host_port,
        container_port: port.container_port,
        protocol: match port.protocol {
            PortProtocol::Tcp => Protocol::Tcp,
            PortProtocol::Udp => Protocol::Udp,
        },
    }
}

/// What a port carries, in the proxy's words.
pub(crate) fn transport(protocol: PortProtocol) -> Transport {
    match protocol {
        PortProtocol::Tcp => Transport::Tcp,
        PortProtocol::Udp => Transport::Udp,
    }
}

/// A port as its user writes it.
pub(crate) fn shown(
    address: Option<std::net::IpAddr>,
    port: u16,
    protocol: PortProtocol,
) -> String {
    let protocol = match protocol {
        PortProtocol::Tcp => "tcp",
        PortProtocol::Udp => "udp",
    };
    match address {
        None => format!("{port}/{protocol}"),
        Some(address) => format!("{}/{protocol}", std::net::SocketAddr::new(address, port)),
    }
}

#[cfg(test)]
mod tests {
    use std::net::{Ipv4Addr, TcpListener, UdpSocket};

    use super::*;

    fn request(container_port: u16) -> PortRequest {
        PortRequest {
            address: Some(Ipv4Addr::LOCALHOST.into()),
            container_port,
            ..PortRequest::default()
        }
    }

    #[test]
    fn a_network_without_a_bridge_publishes_nothing() {
        for network in [NetworkMode::Host, NetworkMode::None] {
            assert!(wanted(network, &[], None).unwrap().is_empty());
            let refused = wanted(network, &[request(80)], None).unwrap_err();
            assert!(refused.to_string().contains("--network"), "{refused}");
            assert!(wanted(network, &[], Some(Vec::new())).is_err());
        }
    }

    #[test]
    fn what_is_exposed_is_published_once_and_what_is_said_twice_too() {
        let exposed = vec![request(80), request(81)];
        let asked = [request(80), request(80)];
        let wanted = wanted(NetworkMode::Bridge, &asked, Some(exposed)).unwrap();
        let ports: Vec<_> = wanted.iter().map(|wanted| wanted.container_port).collect();
        assert_eq!(ports, [80, 81]);
    }

    #[test]
    fn a_port_that_is_taken_says_by_whom_and_a_range_gives_the_next() {
        let table = Table::default();
        let taken = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = taken.local_addr().unwrap().port();
        let mut asked = request(80);
        asked.host_port = Some(port);
        let error = reserve(&[asked], &table).unwrap_err();
        assert_eq!(error.code(), "port-taken");
        let text = error.to_string();
        assert!(text.contains(&format!("127.0.0.1:{port}/tcp")), "{text}");
        // The tests' own process, which is what the engine's is to a container that is being started.
        assert!(text.contains("being started"), "{text}");
        asked.address = None;
        assert_eq!(reserve(&[asked], &table).unwrap_err().code(), "port-taken");
        // As many as a range has are tried.
        asked.address = Some(Ipv4Addr::LOCALHOST.into());
        asked.host_port_last = Some(port.saturating_add(50));
        let found = reserve(&[asked], &table).unwrap();
        assert!(found[0].port.host_port > port);
    }

    #[test]
    fn the_same_port_twice_is_told_so_and_gives_back_what_it_had() {
        let table = Table::default();
        let free = UdpSocket::bind("127.0.0.1:0").unwrap();
        let port = free.local_addr().unwrap().port();
        drop(free);
        let asked = |container_port| PortRequest {
            host_port: Some(port),
            protocol: PortProtocol::Udp,
            ..request(container_port)
        };
        let error = reserve(&[asked(1), asked(2)], &table).unwrap_err();
        assert!(error.to_string().contains("asked for twice"), "{error}");
        assert!(reserve(&[asked(1)], &table).is_ok());
    }

    #[test]
    fn an_address_of_another_host_is_told_so() {
        let asked = PortRequest {
            address: Some("192.0.2.1".parse().unwrap()),
            ..request(80)
        };
        let error = reserve(&[asked], &Table::default()).unwrap_err();
        assert_eq!(error.code(), "port-unusable");
    }
}
