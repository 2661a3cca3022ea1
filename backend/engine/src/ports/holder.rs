//! Which process listens on a port: the socket's inode from `/proc/net` (proc_pid_net(5)), its owner from the
//! descriptors of all processes.

use std::fs;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::path::Path;

use estiva_shared::protocol::PortProtocol;

/// A TCP socket that listens, in `/proc/net/tcp` (include/net/tcp_states.h).
const LISTENING: &str = "0A";

/// A process that has a port.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Holder {
    /// Its number.
    pub(super) pid: u32,
    /// Its name; of a proxy of another root's container, with that container's.
    pub(super) name: String,
}

/// Who listens on this port, of this address or of all.
pub(super) fn holder(address: Option<IpAddr>, port: u16, protocol: PortProtocol) -> Option<Holder> {
    let files = match protocol {
        PortProtocol::Tcp => ["/proc/net/tcp", "/proc/net/tcp6"],
        PortProtocol::Udp => ["/proc/net/udp", "/proc/net/udp6"],
    };
    let inode = files.iter().find_map(|file| {
        let text = fs::read_to_string(file).ok()?;
        inode_of(&text, address, port, protocol)
    })?;
    let socket = format!("socket:[{inode}]");
    fs::read_dir("/proc").ok()?.flatten().find_map(|process| {
        let pid = process.file_name().to_str()?.parse().ok()?;
        has(&process.path(), &socket).then(|| Holder {
            pid,
            name: name_of(&process.path()),
        })
    })
}

/// The inode of the socket that stands in the way.
fn inode_of(text: &str, address: Option<IpAddr>, port: u16, protocol: PortProtocol) -> Option<u64> {
    text.lines().skip(1).find_map(|line| {
        let fields: Vec<&str> = line.split_whitespace().collect();
        let (local, local_port) = fields.get(1)?.split_once(':')?;
        let is_listening = protocol == PortProtocol::Udp || *fields.get(3)? == LISTENING;
        if u16::from_str_radix(local_port, 16) != Ok(port) || !is_listening {
            return None;
        }
        let local = parse_address(local)?;
        let is_in_the_way =
            address.is_none_or(|address| local.is_unspecified() || local == address);
        is_in_the_way.then(|| fields.get(9)?.parse().ok()).flatten()
    })
}

/// An address as the kernel prints it: 32-bit words in the host's order of bytes.
fn parse_address(text: &str) -> Option<IpAddr> {
    let mut bytes = Vec::with_capacity(16);
    for word in text.as_bytes().chunks(8) {
        let word = u32::from_str_radix(std::str::from_utf8(word).ok()?, 16).ok()?;
        bytes.extend(word.to_ne_bytes());
    }
    match bytes.len() {
        4 => Some(Ipv4Addr::from(<[u8; 4]>::try_from(bytes).ok()?).into()),
        16 => Some(Ipv6Addr::from(<[u8; 16]>::try_from(bytes).ok()?).into()),
        _ => None,
    }
}

fn has(process: &Path, socket: &str) -> bool {
    // A process that ends meanwhile, or isn't ours to look into, has nothing.
    let Ok(descriptors) = fs::read_dir(process.join("fd")) else {
        return false;
    };
    descriptors
        .flatten()
        .any(|entry| fs::read_link(entry.path()).is_ok_and(|link| link.as_os_str() == socket))
}

fn name_of(process: &Path) -> String {
    let name = fs::read_to_string(process.join("comm")).unwrap_or_default();
    let name = name.trim_end();
    if name != estiva_proxy::PROGRAM {
        return name.to_owned();
    }
    let words = fs::read_to_string(process.join("cmdline")).unwrap_or_default();
    format!(
        "{name} of container {}",
        words.split('\0').nth(1).unwrap_or_default()
    )
}

#[cfg(test)]
mod tests {
    use std::net::{TcpListener, UdpSocket};

    use super::*;

    #[test]
    fn finds_who_listens_on_a_port_of_either_family_and_transport() {
        let me = std::process::id();
        for address in ["127.0.0.1:0", "[::1]:0", "[::]:0"] {
            let tcp = TcpListener::bind(address).unwrap().local_addr();
            let listener = TcpListener::bind(tcp.unwrap()).unwrap();
            let bound = listener.local_addr().unwrap();
            let found = holder(None, bound.port(), PortProtocol::Tcp).unwrap();
            assert_eq!(found.pid, me, "{address}");
            assert!(!found.name.is_empty());
            let udp = UdpSocket::bind(address).unwrap();
            let port = udp.local_addr().unwrap().port();
            let found = holder(Some(bound.ip()), port, PortProtocol::Udp).unwrap();
            assert_eq!(found.pid, me, "{address}");
        }
    }

    #[test]
    fn another_address_of_the_same_port_is_not_in_the_way() {
        let text = "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode\n   \
                    0: 0200007F:1F90 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 4711 1\n";
        let address = |text: &str| Some(text.parse::<IpAddr>().unwrap());
        let found = |address| inode_of(text, address, 8080, PortProtocol::Tcp);
        assert_eq!(found(address("127.0.0.2")), Some(4711));
        assert_eq!(found(None), Some(4711));
        assert_eq!(found(address("127.0.0.1")), None);
    }
}
