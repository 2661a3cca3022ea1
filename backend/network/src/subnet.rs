//! Which network a world gets, and which addresses its containers get: arithmetic, apart from the kernel that it is told
//! about. A network is the first of a pool that touches nothing of the host's; an address is the one that was given back
//! longest ago.

use std::collections::BTreeSet;
use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use crate::names::ipv6_beside;
use crate::request::Endpoint;
use crate::route::Destination;

/// A world's network: 1022 addresses, of which the bridge has the first.
pub(crate) const SUBNET_PREFIX: u8 = 22;

/// Where networks are taken from, in this order (RFC 1918): parts that other programs' defaults leave alone come first.
pub(crate) const POOL: [Subnet; 3] = [
    Subnet::new(Ipv4Addr::new(10, 224, 0, 0), 12),
    Subnet::new(Ipv4Addr::new(172, 16, 0, 0), 12),
    Subnet::new(Ipv4Addr::new(192, 168, 0, 0), 16),
];

/// A route to more than this (a shorter prefix) is a way out, as of a tunnel that takes everything (`0.0.0.0/1`), and
/// claims no network as its own.
const WAY_OUT_PREFIX_MAX: u8 = 7;

/// A range of IPv4 addresses with a common prefix.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Subnet {
    network: u32,
    prefix: u8,
}

impl fmt::Display for Subnet {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            formatter,
            "{}/{}",
            Ipv4Addr::from(self.network),
            self.prefix
        )
    }
}

impl Subnet {
    pub(crate) const fn new(address: Ipv4Addr, prefix: u8) -> Self {
        let network = address.to_bits() & mask(prefix);
        Self { network, prefix }
    }

    pub(crate) fn network(self) -> Ipv4Addr {
        self.network.into()
    }

    pub(crate) fn prefix(self) -> u8 {
        self.prefix
    }

    /// The bridge's address.
    pub(crate) fn gateway(self) -> Ipv4Addr {
        (self.network + 1).into()
    }

    /// The address at a place; 1 is the gateway's.
    pub(crate) fn at(self, place: u32) -> Ipv4Addr {
        (self.network + place).into()
    }

    pub(crate) fn contains(self, address: Ipv4Addr) -> bool {
        u32::from(address) & mask(self.prefix) == self.network
    }

    fn overlaps(self, other: Self) -> bool {
        let mask = mask(self.prefix.min(other.prefix));
        self.network & mask == other.network & mask
    }

    /// The places of containers: not the network's own, the gateway's and the broadcast's.
    pub(crate) fn places(self) -> std::ops::Range<u32> {
        2..!mask(self.prefix)
    }
}

const fn mask(prefix: u8) -> u32 {
    match u32::MAX.checked_shl(32u32.saturating_sub(prefix as u32)) {
        Some(mask) => mask,
        None => 0,
    }
}

/// The first network of the pool that no route and no address of the host touches.
pub(crate) fn free_subnet(
    pool: &[Subnet],
    routes: &[Destination],
    own: &[IpAddr],
) -> Option<Subnet> {
    let mut taken: Vec<Subnet> = routes
        .iter()
        .filter(|route| route.prefix > WAY_OUT_PREFIX_MAX)
        .filter_map(|route| match route.network {
            Some(IpAddr::V4(network)) => Some(Subnet::new(network, route.prefix)),
            _ => None,
        })
        .collect();
    taken.extend(own.iter().filter_map(|address| match address {
        IpAddr::V4(address) => Some(Subnet::new(*address, 32)),
        IpAddr::V6(_) => None,
    }));
    pool.iter()
        .flat_map(|block| {
            let step = 1usize << (32 - SUBNET_PREFIX);
            let last = block.network | !mask(block.prefix);
            (block.network..=last)
                .step_by(step)
                .map(|network| Subnet::new(network.into(), SUBNET_PREFIX))
        })
        .find(|subnet| !taken.iter().any(|other| subnet.overlaps(*other)))
}

/// Whether a /64 of IPv6 touches no route and no address of the host.
pub(crate) fn is_free_ipv6(prefix: [u8; 8], routes: &[Destination], own: &[IpAddr]) -> bool {
    let wanted = u64::from_be_bytes(prefix);
    let high = |address: Ipv6Addr| (address.to_bits() >> 64) as u64;
    let routed = routes.iter().any(|route| match route.network {
        Some(IpAddr::V6(network)) if route.prefix > WAY_OUT_PREFIX_MAX => {
            let mask = u64::MAX
                .checked_shl(64 - u32::from(route.prefix.min(64)))
                .unwrap_or(0);
            high(network) & mask == wanted & mask
        }
        _ => false,
    });
    let addressed = own
        .iter()
        .any(|address| matches!(address, IpAddr::V6(address) if high(*address) == wanted));
    !routed && !addressed
}

/// The network of a world, of both families.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Plan {
    pub(crate) ipv4: Subnet,
    /// The first 64 bits; none where the host has no IPv6.
    pub(crate) ipv6: Option<[u8; 8]>,
}

impl Plan {
    /// The network that a container's addresses are of.
    pub(crate) fn of(endpoint: &Endpoint) -> Self {
        Self {
            ipv4: Subnet::new(endpoint.ipv4, endpoint.ipv4_prefix),
            ipv6: endpoint.ipv6.and_then(|address| {
                let octets = address.octets();
                octets.first_chunk().copied()
            }),
        }
    }

    /// The addresses at a place.
    pub(crate) fn endpoint(self, place: u32) -> Endpoint {
        Endpoint {
            ipv4: self.ipv4.at(place),
            ipv4_prefix: self.ipv4.prefix(),
            ipv4_gateway: self.ipv4.gateway(),
            ipv6: self.ipv6.map(|prefix| ipv6_beside(prefix, place)),
            ipv6_prefix: 64,
            ipv6_gateway: self.ipv6.map(|prefix| ipv6_beside(prefix, 1)),
        }
    }
}

/// Which places of a network are given out.
#[derive(Debug, Default)]
pub(crate) struct Places {
    taken: BTreeSet<u32>,
    last: u32,
}

impl Places {
    /// A place that nobody has; `None` when all are taken. They go round, so that the one that comes is the one that was
    /// free for longest.
    pub(crate) fn take(&mut self, subnet: Subnet) -> Option<u32> {
        let all = subnet.places();
        let next = (self.last + 1).max(all.start);
        let place = (next..all.end)
            .chain(all.start..next.min(all.end))
            .find(|place| !self.taken.contains(place))?;
        self.taken.insert(place);
        self.last = place;
        Some(place)
    }

    /// Notes that somebody has an address.
    pub(crate) fn hold(&mut self, subnet: Subnet, address: Ipv4Addr) {
        if subnet.contains(address) {
            let place = u32::from(address) - subnet.network;
            self.taken.insert(place);
            self.last = self.last.max(place);
        }
    }

    /// Gives an address back.
    pub(crate) fn give_back(&mut self, subnet: Subnet, address: Ipv4Addr) {
        if subnet.contains(address) {
            self.taken.remove(&(u32::from(address) - subnet.network));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn subnet(text: &str) -> Subnet {
        let (address, prefix) = text.split_once('/').unwrap();
        Subnet::new(address.parse().unwrap(), prefix.parse().unwrap())
    }

    fn route(text: &str) -> Destination {
        let (address, prefix) = text.split_once('/').unwrap();
        Destination {
            network: Some(address.parse().unwrap()),
            prefix: prefix.parse().unwrap(),
            out: None,
        }
    }

    fn first(routes: &[&str], own: &[&str]) -> Option<String> {
        let routes: Vec<_> = routes.iter().map(|text| route(text)).collect();
        let own: Vec<_> = own.iter().map(|text| text.parse().unwrap()).collect();
        free_subnet(&POOL, &routes, &own).map(|subnet| subnet.to_string())
    }

    #[test]
    fn a_world_gets_the_first_network_that_the_host_does_not_use() {
        assert_eq!(first(&[], &[]).unwrap(), "10.224.0.0/22");
        let routes = ["10.224.0.0/22", "10.224.5.0/24"];
        assert_eq!(first(&routes, &[]).unwrap(), "10.224.8.0/22");
        assert_eq!(first(&["10.0.0.0/8"], &[]).unwrap(), "172.16.0.0/22");
        assert_eq!(first(&[], &["10.224.3.255"]).unwrap(), "10.224.4.0/22");
    }

    #[test]
    fn a_route_that_takes_everything_claims_no_network() {
        assert_eq!(
            first(&["0.0.0.0/1", "128.0.0.0/1", "8.0.0.0/5"], &[]).unwrap(),
            "10.224.0.0/22"
        );
    }

    #[test]
    fn a_pool_can_be_exhausted() {
        let routes = ["10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16"];
        assert_eq!(first(&routes, &[]), None);
    }

    #[test]
    fn a_world_has_a_thousand_addresses() {
        assert!(
            POOL.map(|block| Subnet::new(block.network(), SUBNET_PREFIX))
                .iter()
                .all(|subnet| subnet.places().len() >= 1000)
        );
    }

    #[test]
    fn an_address_is_given_out_once_and_the_longest_free_comes_first() {
        let small = subnet("10.0.0.0/29");
        let mut places = Places::default();
        let all: Vec<_> = std::iter::from_fn(|| places.take(small)).collect();
        assert_eq!(all, [2, 3, 4, 5, 6]);
        for place in [5, 3] {
            places.give_back(small, small.at(place));
        }
        // 6 was the last, so the circle begins anew.
        assert_eq!([places.take(small), places.take(small)], [Some(3), Some(5)]);
        assert_eq!(places.take(small), None);
    }

    #[test]
    fn what_a_living_container_holds_is_not_given_out() {
        let small = subnet("10.0.0.0/29");
        let mut places = Places::default();
        places.hold(small, small.at(2));
        places.hold(small, "192.168.0.9".parse().unwrap());
        assert_eq!(places.take(small), Some(3));
    }

    #[test]
    fn an_ipv6_network_that_the_host_uses_is_not_free() {
        let prefix = [0xfd, 1, 2, 3, 4, 5, 0, 0];
        assert!(is_free_ipv6(
            prefix,
            &[route("fd01::/64"), route("::/0")],
            &[]
        ));
        assert!(!is_free_ipv6(prefix, &[route("fd01:203::/32")], &[]));
        let own = ["fd01:203:405::9".parse().unwrap()];
        assert!(!is_free_ipv6(prefix, &[], &own));
    }

    #[test]
    fn an_endpoint_names_its_network() {
        let plan = Plan {
            ipv4: subnet("10.224.0.0/22"),
            ipv6: Some([0xfd, 1, 2, 3, 4, 5, 0, 0]),
        };
        let endpoint = plan.endpoint(300);
        assert_eq!(endpoint.ipv4.to_string(), "10.224.1.44");
        assert_eq!(endpoint.ipv6.unwrap().to_string(), "fd01:203:405::12c");
        assert_eq!(
            endpoint.ipv6_gateway.unwrap().to_string(),
            "fd01:203:405::1"
        );
        assert_eq!(Plan::of(&endpoint), plan);
    }
}
