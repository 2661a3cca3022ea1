//! How near an address is to this host, so that a registry far away can't send us to what only we can reach: the cloud's
//! metadata service, a database on loopback.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// From far to near. A registry may send us as near as it is itself, and no nearer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Nearness {
    /// Anywhere.
    Public,
    /// Within an organisation: RFC 1918, RFC 4193, and carriers' own (RFC 6598).
    Private,
    /// This host alone.
    Loopback,
    /// The link alone, where clouds keep their metadata: no registry is there, and nobody is sent there.
    Link,
}

impl Nearness {
    /// How near an address is.
    pub(super) fn of(address: IpAddr) -> Self {
        match address {
            IpAddr::V4(address) => Self::of_v4(address),
            IpAddr::V6(address) => Self::of_v6(address),
        }
    }

    /// How near a host is by its name alone: an address, or a name that always means this host.
    pub(super) fn of_host(host: &str) -> Option<Self> {
        let host = host.trim_start_matches('[').trim_end_matches(']');
        if let Ok(address) = host.parse() {
            return Some(Self::of(address));
        }
        let host = host.trim_end_matches('.').to_ascii_lowercase();
        // RFC 6761, section 6.3.
        let is_local = host == "localhost" || host.ends_with(".localhost");
        is_local.then_some(Self::Loopback)
    }

    fn of_v4(address: Ipv4Addr) -> Self {
        let [first, second, ..] = address.octets();
        if address.is_loopback() || first == 0 {
            Self::Loopback
        } else if address.is_link_local() || address.is_broadcast() || address.is_multicast() {
            Self::Link
        } else if address.is_private() || (first == 100 && (64..128).contains(&second)) {
            Self::Private
        } else {
            Self::Public
        }
    }

    fn of_v6(address: Ipv6Addr) -> Self {
        // An IPv4 address in other clothes: RFC 4291, section 2.5.5, and RFC 6052, section 2.1.
        let [high @ .., _, _] = address.segments();
        let embeds = matches!(high, [0, 0, 0, 0, 0, 0xffff] | [0x64, 0xff9b, 0, 0, 0, 0]);
        if embeds {
            let [.., a, b, c, d] = address.octets();
            return Self::of_v4(Ipv4Addr::new(a, b, c, d));
        }
        if address.is_loopback() || address.is_unspecified() {
            Self::Loopback
        } else if address.is_unicast_link_local() || address.is_multicast() {
            Self::Link
        } else if address.is_unique_local() {
            Self::Private
        } else {
            Self::Public
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_as_near_as_its_network() {
        for (host, nearness) in [
            ("127.0.0.1", Nearness::Loopback),
            ("127.9.9.9", Nearness::Loopback),
            ("0.0.0.0", Nearness::Loopback),
            ("[::1]", Nearness::Loopback),
            ("::ffff:127.0.0.1", Nearness::Loopback),
            ("localhost", Nearness::Loopback),
            ("a.LocalHost.", Nearness::Loopback),
            ("169.254.169.254", Nearness::Link),
            ("fe80::1", Nearness::Link),
            ("::ffff:169.254.169.254", Nearness::Link),
            ("64:ff9b::127.0.0.1", Nearness::Loopback),
            ("64:ff9b::169.254.169.254", Nearness::Link),
            ("10.1.2.3", Nearness::Private),
            ("192.168.1.1", Nearness::Private),
            ("100.64.0.1", Nearness::Private),
            ("fd00::1", Nearness::Private),
            ("1.1.1.1", Nearness::Public),
            ("2606:4700::1111", Nearness::Public),
        ] {
            assert_eq!(Nearness::of_host(host), Some(nearness), "{host}");
        }
        assert_eq!(Nearness::of_host("registry.example"), None);
    }
}
