//! A container's published ports as the page shows them: where each leads, and whether a browser can go there.

use std::net::IpAddr;

use estiva_shared::protocol::{PortProtocol, PublishedPort};

/// Where a browser finds a published port: `http://HOST:PORT/`, with the page's own host where the port listens on every
/// address. Nothing for UDP, which no browser opens.
pub fn address(port: &PublishedPort, page_host: &str) -> Option<String> {
    (port.protocol == PortProtocol::Tcp)
        .then(|| format!("http://{}:{}/", host(port, page_host), port.host_port))
}

/// The port as it is read: `127.0.0.1:8080 → 80/tcp`; without an address where it listens on all of them.
pub fn words(port: &PublishedPort) -> String {
    let from = match listens_on(port) {
        Some(address) => format!("{}:{}", in_brackets(address), port.host_port),
        None => port.host_port.to_string(),
    };
    format!("{from} → {}", inside(port))
}

/// The port in the container with its protocol, `80/tcp`.
pub fn inside(port: &PublishedPort) -> String {
    format!("{}/{}", port.container_port, protocol_word(port.protocol))
}

/// The word for a protocol.
pub fn protocol_word(protocol: PortProtocol) -> &'static str {
    match protocol {
        PortProtocol::Tcp => "tcp",
        PortProtocol::Udp => "udp",
    }
}

/// The ports without those that say the same again: one that listens on every address of both families may come as two.
pub fn distinct(ports: &[PublishedPort]) -> Vec<PublishedPort> {
    let mut seen: Vec<PublishedPort> = Vec::with_capacity(ports.len());
    for port in ports {
        if !seen.iter().any(|other| words(other) == words(port)) {
            seen.push(*port);
        }
    }
    seen
}

fn host(port: &PublishedPort, page_host: &str) -> String {
    listens_on(port).map_or_else(|| page_host.to_owned(), in_brackets)
}

/// The one address that it listens on; none where it is all of them.
fn listens_on(port: &PublishedPort) -> Option<IpAddr> {
    port.address.filter(|address| !address.is_unspecified())
}

fn in_brackets(address: IpAddr) -> String {
    match address {
        IpAddr::V4(address) => address.to_string(),
        IpAddr::V6(address) => format!("[{address}]"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn port(listens_on: Option<&str>, protocol: PortProtocol) -> PublishedPort {
        PublishedPort {
            address: listens_on.map(|text| text.parse().expect("an address")),
            host_port: 8080,
            container_port: 80,
            protocol,
        }
    }

    #[test]
    fn a_port_of_all_addresses_is_found_where_the_page_was() {
        for all in [None, Some("0.0.0.0"), Some("::")] {
            let port = port(all, PortProtocol::Tcp);
            assert_eq!(
                address(&port, "[::1]").as_deref(),
                Some("http://[::1]:8080/")
            );
            assert_eq!(words(&port), "8080 → 80/tcp");
        }
    }

    #[test]
    fn a_port_of_one_address_is_found_there() {
        let four = port(Some("192.0.2.1"), PortProtocol::Tcp);
        assert_eq!(
            address(&four, "localhost").as_deref(),
            Some("http://192.0.2.1:8080/")
        );
        let six = port(Some("::1"), PortProtocol::Tcp);
        assert_eq!(
            address(&six, "localhost").as_deref(),
            Some("http://[::1]:8080/")
        );
        assert_eq!(words(&six), "[::1]:8080 → 80/tcp");
    }

    #[test]
    fn no_browser_opens_udp() {
        let port = port(None, PortProtocol::Udp);
        assert_eq!(address(&port, "localhost"), None);
        assert_eq!(words(&port), "8080 → 80/udp");
    }

    #[test]
    fn both_families_are_one_port() {
        let all = [
            port(Some("0.0.0.0"), PortProtocol::Tcp),
            port(Some("::"), PortProtocol::Tcp),
            port(Some("::"), PortProtocol::Udp),
        ];
        assert_eq!(distinct(&all), [all[0], all[2]]);
    }
}
