//! One port of the host, listened on.

use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::os::fd::OwnedFd;

use estiva_shared::protocol::PortProtocol;
use rustix::io::Errno;
use rustix::net::{
    AddressFamily, SocketFlags, SocketType, bind, getsockname, listen as start_listening,
    socket_with, sockopt,
};

/// Connections that wait for the proxy, which begins some milliseconds after the container; the kernel takes at most
/// `net.core.somaxconn` of it (4096).
const BACKLOG: i32 = 4096;

/// Listens on a port (0: any free one) of one address, or of all of both families. Returns the address as it came out,
/// which is IPv4's alone where the host has no IPv6, and the port.
///
/// # Errors
/// The system's: taken, no address of this host.
pub(super) fn listen(
    address: Option<IpAddr>,
    port: u16,
    protocol: PortProtocol,
) -> io::Result<(OwnedFd, Option<IpAddr>, u16)> {
    let Some(address) = address else {
        let all = IpAddr::V6(Ipv6Addr::UNSPECIFIED);
        return match listen_on(all, port, protocol, true) {
            Ok((socket, port)) => Ok((socket, None, port)),
            Err(error) if is_without_ipv6(&error) => {
                listen(Some(Ipv4Addr::UNSPECIFIED.into()), port, protocol)
            }
            Err(error) => Err(error),
        };
    };
    let (socket, port) = listen_on(address, port, protocol, false)?;
    Ok((socket, Some(address), port))
}

fn listen_on(
    address: IpAddr,
    port: u16,
    protocol: PortProtocol,
    both_families: bool,
) -> io::Result<(OwnedFd, u16)> {
    let family = match address {
        IpAddr::V4(_) => AddressFamily::INET,
        IpAddr::V6(_) => AddressFamily::INET6,
    };
    let kind = match protocol {
        PortProtocol::Tcp => SocketType::STREAM,
        PortProtocol::Udp => SocketType::DGRAM,
    };
    let socket = socket_with(family, kind, SocketFlags::CLOEXEC, None)?;
    if family == AddressFamily::INET6 {
        // Said either way: the host's default may be changed (net.ipv6.bindv6only).
        sockopt::set_ipv6_v6only(&socket, !both_families)?;
    }
    if protocol == PortProtocol::Tcp {
        // Connections of a container that ended a moment ago are no reason to wait a minute (TIME-WAIT). For UDP it would
        // mean to share the port.
        sockopt::set_socket_reuseaddr(&socket, true)?;
    }
    bind(&socket, &SocketAddr::new(address, port))?;
    if protocol == PortProtocol::Tcp {
        start_listening(&socket, BACKLOG)?;
    }
    let bound = SocketAddr::try_from(getsockname(&socket)?).map_err(io::Error::from)?;
    Ok((socket, bound.port()))
}

/// The kernel has no IPv6, or it is turned off on every interface.
fn is_without_ipv6(error: &io::Error) -> bool {
    let code = error.raw_os_error();
    code == Some(Errno::AFNOSUPPORT.raw_os_error())
        || code == Some(Errno::ADDRNOTAVAIL.raw_os_error())
}
