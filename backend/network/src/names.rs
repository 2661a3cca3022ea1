//! The names of a world's interfaces and table, and the addresses that follow from names. All are functions of the
//! world's name and the container's id, so that a process that knows nothing else finds what a former one made.

use std::net::{Ipv4Addr, Ipv6Addr};

use sha2::{Digest, Sha256};

/// Every world's bridge has a name that begins so; rules tell by it what is ours.
pub(crate) const BRIDGE_PREFIX: &str = "estiva";

/// Every table of ours has a name that begins so.
pub(crate) const TABLE_PREFIX: &str = "estiva-";

/// The host's end of a veth pair has a name that begins so.
const VETH_PREFIX: &str = "ev";

/// The interface of a container.
pub(crate) const INNER: &str = "eth0";

/// Letters and digits that are told apart in print (RFC 4648, section 6, in lower case).
const ALPHABET: &[u8; 32] = b"abcdefghijklmnopqrstuvwxyz234567";

/// A hardware address.
pub(crate) type Mac = [u8; 6];

/// What one world's things are called.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Names {
    /// As it was given.
    pub(crate) world: String,
    /// The bridge: 14 bytes, of the 15 that an interface's name may have.
    pub(crate) bridge: String,
    /// The nftables table.
    pub(crate) table: String,
    /// What the alias of each interface says (at most 255 bytes).
    pub(crate) alias: String,
    veths: String,
}

impl Names {
    pub(crate) fn new(world: &str) -> Self {
        let hash = hash("world", world);
        Self {
            world: world.to_owned(),
            bridge: format!("{BRIDGE_PREFIX}{}", letters(&hash, 8)),
            table: format!("{TABLE_PREFIX}{}", shortened(world)),
            alias: format!("estiva world {}", shortened(world)),
            veths: format!("{VETH_PREFIX}{}", letters(&hash, 5)),
        }
    }

    /// The host's end of a container's pair: 15 bytes.
    pub(crate) fn veth(&self, id: &str) -> String {
        format!("{}{}", self.veths, letters(&hash("container", id), 8))
    }

    /// Whether an interface with this name is an end of this world.
    pub(crate) fn is_veth(&self, name: &str) -> bool {
        name.len() == 15 && name.starts_with(&self.veths)
    }

    /// The bridge's hardware address: its own, lest it change with the lowest of its ports.
    pub(crate) fn bridge_mac(&self) -> Mac {
        let hash = hash("bridge", &self.world);
        [0x02, 0x65, hash[0], hash[1], hash[2], hash[3]]
    }

    /// The first 64 bits of the world's own IPv6 network (RFC 4193: `fd`, 40 bits of its own, subnet 0). `attempt` gives
    /// another one, for the case that the host has the first.
    pub(crate) fn ipv6_prefix(&self, attempt: u8) -> [u8; 8] {
        let hash = hash("prefix", &format!("{attempt} {}", self.world));
        [0xfd, hash[0], hash[1], hash[2], hash[3], hash[4], 0, 0]
    }
}

/// Whether an interface with this name is a bridge or a pair's end of some world.
pub(crate) fn is_ours(name: &str) -> bool {
    name.starts_with(BRIDGE_PREFIX) || (name.starts_with(VETH_PREFIX) && name.len() == 15)
}

/// The hardware address of the container with this address. The same address has the same one always, so that no
/// neighbour's memory of it is ever wrong.
pub(crate) fn inner_mac(address: Ipv4Addr) -> Mac {
    let [a, b, c, d] = address.octets();
    [0x0a, 0x65, a, b, c, d]
}

/// The IPv6 address with the same place in its network as an IPv4 address has.
pub(crate) fn ipv6_beside(prefix: [u8; 8], place: u32) -> Ipv6Addr {
    let mut octets = [0; 16];
    octets[..8].copy_from_slice(&prefix);
    octets[12..].copy_from_slice(&place.to_be_bytes());
    octets.into()
}

fn hash(what: &str, name: &str) -> [u8; 32] {
    Sha256::new()
        .chain_update(what)
        .chain_update([0])
        .chain_update(name)
        .finalize()
        .into()
}

/// The first `count` times 5 bits, as letters.
fn letters(hash: &[u8; 32], count: usize) -> String {
    hash.iter()
        .take(count)
        .map(|byte| char::from(ALPHABET[usize::from(byte & 31)]))
        .collect()
}

/// A world's name, cut to what an alias and a table's name can hold. A world with so long a name is told from others by
/// its hash.
fn shortened(world: &str) -> String {
    const BYTES_MAX: usize = 64;
    if world.len() <= BYTES_MAX {
        world.to_owned()
    } else {
        letters(&hash("long", world), 32)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_fit_an_interface_and_differ_by_world_and_id() {
        let (one, two) = (Names::new("one"), Names::new("two"));
        assert_eq!((one.bridge.len(), one.veth("a").len()), (14, 15));
        assert_ne!(one.bridge, two.bridge);
        assert_ne!(one.veth("a"), one.veth("b"));
        assert_ne!(one.veth("a"), two.veth("a"));
        assert_eq!(one, Names::new("one"));
    }

    #[test]
    fn an_interface_is_told_to_belong_to_its_own_world_alone() {
        let (one, two) = (Names::new("one"), Names::new("two"));
        assert!(one.is_veth(&one.veth("a")) && !two.is_veth(&one.veth("a")));
        assert!(is_ours(&one.veth("a")) && is_ours(&one.bridge));
        assert!(!is_ours("eth0") && !is_ours("ev") && !one.is_veth("eth0"));
    }

    #[test]
    fn hardware_addresses_are_local_and_for_one_station() {
        let inner = inner_mac(Ipv4Addr::new(10, 224, 3, 7));
        assert_eq!(inner[2..], [10, 224, 3, 7]);
        for first in [inner[0], Names::new("one").bridge_mac()[0]] {
            assert_eq!(first & 0b11, 0b10);
        }
    }

    #[test]
    fn an_ipv6_network_is_unique_local_and_has_a_second_choice() {
        let names = Names::new("one");
        assert_eq!(names.ipv6_prefix(0)[0], 0xfd);
        assert_ne!(names.ipv6_prefix(0), names.ipv6_prefix(1));
        let address = ipv6_beside(names.ipv6_prefix(0), 259);
        assert_eq!(address.segments()[7], 0x103);
    }

    #[test]
    fn a_long_name_of_a_world_is_shortened_and_stays_its_own() {
        let (one, two) = (Names::new(&"a".repeat(300)), Names::new(&"a".repeat(301)));
        assert!(one.alias.len() < 255 && one.table.len() < 255);
        assert_ne!(one.table, two.table);
    }
}
