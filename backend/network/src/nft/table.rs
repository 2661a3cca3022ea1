//! A world's own table: its chains, its rules, and the maps that say which port leads where. docs/network.md shows it as
//! `nft list ruleset` does. Rules never change while it stands: an attached container is an element of a map.

use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use super::attributes::Attributes;
use super::batch::{
    Batch, DELETE_ELEMENTS, DELETE_TABLE, GET_TABLE, NEW_CHAIN, NEW_ELEMENTS, NEW_RULE, NEW_SET,
    NEW_TABLE, Nftables, Refused,
};
use super::expression::{
    ADDRESS_LOCAL, Base, Decision, Meta, Rule, STATE_ESTABLISHED, STATE_INVALID, STATE_RELATED,
    STATUS_DNAT, Tracked, WORD_0, interface_name,
};
use crate::names::BRIDGE_PREFIX;
use crate::request::{Endpoint, PortRule, Protocol};

/// `NFPROTO_IPV4` and `NFPROTO_IPV6`.
const IPV4: u8 = 2;
const IPV6: u8 = 10;

/// The elements in one message: an attribute's length is 16 bits, and an element takes up to 64 bytes.
const ELEMENTS_A_MESSAGE: usize = 500;

/// The elements in one transaction: the kernel takes 208 KiB at once by default.
const ELEMENTS_A_BATCH: usize = 2000;

/// `nft`'s numbers for the types of keys, which the kernel only keeps, so that it can show them.
const TYPE_IPV4: u32 = 7;
const TYPE_IPV6: u32 = 8;
const TYPE_PROTOCOL: u32 = 12;
const TYPE_PORT: u32 = 13;
const TYPE_INTERFACE: u32 = 41;

/// What the table is built for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Layout<'a> {
    /// The table's name.
    pub(crate) table: &'a str,
    /// The world's bridge.
    pub(crate) bridge: &'a str,
    /// Its IPv4 network and the length of the prefix.
    pub(crate) ipv4: (Ipv4Addr, u8),
    /// Its IPv6 network, of 64 bits.
    pub(crate) ipv6: Option<Ipv6Addr>,
    /// Whether every interface forwards IPv6 because of us, so that none but the bridges may.
    pub(crate) every_ipv6: bool,
}

/// Where an element belongs: the maps of ports, and the sets of interfaces that forward because of us.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Set {
    /// A port of every IPv4 address of the host.
    Ports4,
    /// A port of one.
    Addressed4,
    Ports6,
    Addressed6,
    Routed4,
    Routed6,
}

/// All of them, in the order in which they are made.
const SETS: [Set; 6] = [
    Set::Ports4,
    Set::Addressed4,
    Set::Ports6,
    Set::Addressed6,
    Set::Routed4,
    Set::Routed6,
];

impl Set {
    fn name(self) -> &'static str {
        match self {
            Self::Ports4 => "ports4",
            Self::Addressed4 => "addressed4",
            Self::Ports6 => "ports6",
            Self::Addressed6 => "addressed6",
            Self::Routed4 => "routed4",
            Self::Routed6 => "routed6",
        }
    }

    /// The key's types and bytes, and the value's.
    fn shape(self) -> (u32, u32, Option<(u32, u32)>) {
        let port = TYPE_PROTOCOL << 6 | TYPE_PORT;
        let to4 = Some((TYPE_IPV4 << 6 | TYPE_PORT, 8));
        let to6 = Some((TYPE_IPV6 << 6 | TYPE_PORT, 20));
        match self {
            Self::Ports4 => (port, 8, to4),
            Self::Addressed4 => (TYPE_IPV4 << 12 | port, 12, to4),
            Self::Ports6 => (port, 8, to6),
            Self::Addressed6 => (TYPE_IPV6 << 12 | port, 24, to6),
            Self::Routed4 | Self::Routed6 => (TYPE_INTERFACE, 16, None),
        }
    }
}

/// One element of a map or set.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Element {
    set: Set,
    key: Vec<u8>,
    value: Option<Vec<u8>>,
}

/// The elements that publish one container's ports. A port of a loopback address has none: a proxy serves it.
pub(crate) fn published(endpoint: &Endpoint, ports: &[PortRule]) -> Vec<Element> {
    let mut elements = Vec::new();
    for port in ports {
        let inside = [port.container_port.to_be_bytes().as_slice(), &[0; 2]].concat();
        let to4 = || Some([endpoint.ipv4.octets().as_slice(), &inside].concat());
        let to6 = |address: Ipv6Addr| Some([address.octets().as_slice(), &inside].concat());
        let mut add = |set, address: &[u8], value| {
            let key = [address, &port_key(port.protocol, port.host_port)].concat();
            elements.push(Element { set, key, value });
        };
        let any = port.address.is_none_or(|address| address.is_unspecified());
        let loopback = port.address.is_some_and(|address| address.is_loopback());
        match (port.address, endpoint.ipv6) {
            _ if loopback => {}
            (None, ipv6) => {
                add(Set::Ports4, &[], to4());
                if let Some(ipv6) = ipv6 {
                    add(Set::Ports6, &[], to6(ipv6));
                }
            }
            (Some(IpAddr::V4(_)), _) if any => add(Set::Ports4, &[], to4()),
            (Some(IpAddr::V4(address)), _) => add(Set::Addressed4, &address.octets(), to4()),
            (Some(IpAddr::V6(_)), Some(ipv6)) if any => add(Set::Ports6, &[], to6(ipv6)),
            (Some(IpAddr::V6(address)), Some(ipv6)) => {
                add(Set::Addressed6, &address.octets(), to6(ipv6));
            }
            (Some(IpAddr::V6(_)), None) => {}
        }
    }
    elements.sort();
    elements.dedup();
    elements
}

/// The elements that say which interfaces forward because of us.
pub(crate) fn routed<'a>(
    ipv4: impl IntoIterator<Item = &'a str>,
    ipv6: impl IntoIterator<Item = &'a str>,
) -> Vec<Element> {
    let element = |set| {
        move |name| Element {
            set,
            key: interface_name(name).to_vec(),
            value: None,
        }
    };
    let ipv4 = ipv4.into_iter().map(element(Set::Routed4));
    ipv4.chain(ipv6.into_iter().map(element(Set::Routed6)))
        .collect()
}

/// Builds the table, in the place of one that is there.
pub(crate) fn build(
    nftables: &Nftables,
    layout: &Layout<'_>,
    elements: &[Element],
) -> Result<(), Refused> {
    let mut batch = Batch::new();
    let table = layout.table;
    let name = || Attributes::new().text(1, table);
    if exists(nftables, table).unwrap_or(true) {
        // A table that is deleted must be there; one that is added may be.
        batch.add(NEW_TABLE, format!("add table {table}"), name());
        batch.delete(DELETE_TABLE, format!("replace table {table}"), name());
    }
    batch.add(NEW_TABLE, format!("add table {table}"), name());
    for set in SETS {
        add_set(&mut batch, table, set);
    }
    chain(&mut batch, table, "prerouting", "nat", 0, -100);
    chain(&mut batch, table, "output", "nat", 3, -100);
    chain(&mut batch, table, "postrouting", "nat", 4, 100);
    chain(&mut batch, table, "forward", "filter", 2, 0);
    for hook in ["prerouting", "output"] {
        for rule in publishing() {
            append(&mut batch, table, hook, rule);
        }
    }
    for rule in leaving(layout) {
        append(&mut batch, table, "postrouting", rule);
    }
    for rule in forwarding(layout) {
        append(&mut batch, table, "forward", rule);
    }
    let (first, rest) = elements.split_at(elements.len().min(ELEMENTS_A_BATCH));
    elements_into(&mut batch, table, NEW_ELEMENTS, first);
    nftables.commit(batch)?;
    change(nftables, table, NEW_ELEMENTS, rest)
}

/// Adds elements, all or none (up to [`ELEMENTS_A_BATCH`] of them).
pub(crate) fn add(nftables: &Nftables, table: &str, elements: &[Element]) -> Result<(), Refused> {
    change(nftables, table, NEW_ELEMENTS, elements)
}

/// Takes elements away. One that is gone already is no error.
pub(crate) fn remove(
    nftables: &Nftables,
    table: &str,
    elements: &[Element],
) -> Result<(), Refused> {
    match change(nftables, table, DELETE_ELEMENTS, elements) {
        Err(refused) if is_missing(&refused.source) && !exists(nftables, table).unwrap_or(true) => {
            Ok(())
        }
        // Somebody flushed a map. Nothing of the transaction was done, so each goes by itself.
        Err(refused) if is_missing(&refused.source) => elements.iter().try_for_each(|element| {
            match change(
                nftables,
                table,
                DELETE_ELEMENTS,
                std::slice::from_ref(element),
            ) {
                Err(refused) if is_missing(&refused.source) => Ok(()),
                other => other,
            }
        }),
        other => other,
    }
}

/// Whether a table of this name is there.
pub(crate) fn exists(nftables: &Nftables, table: &str) -> io::Result<bool> {
    match nftables.get(GET_TABLE, Attributes::new().text(1, table)) {
        Err(error) if is_missing(&error) => Ok(false),
        other => other.map(|()| true),
    }
}

/// Takes the table away, with all that is in it. One that is gone already is no error.
pub(crate) fn delete(nftables: &Nftables, table: &str) -> Result<(), Refused> {
    let mut batch = Batch::new();
    let name = Attributes::new().text(1, table);
    batch.delete(DELETE_TABLE, format!("delete table {table}"), name);
    match nftables.commit(batch) {
        Err(refused) if is_missing(&refused.source) => Ok(()),
        other => other,
    }
}

/// Whether the kernel says that something is not there.
pub(crate) fn is_missing(error: &io::Error) -> bool {
    error.kind() == io::ErrorKind::NotFound
}

/// Whether the kernel says that it has no nf_tables.
pub(crate) fn is_unsupported(error: &io::Error) -> bool {
    error.kind() == io::ErrorKind::Unsupported || matches!(error.raw_os_error(), Some(93 | 97))
}

fn port_key(protocol: Protocol, port: u16) -> [u8; 8] {
    let number = match protocol {
        Protocol::Tcp => 6,
        Protocol::Udp => 17,
    };
    let [high, low] = port.to_be_bytes();
    [number, 0, 0, 0, high, low, 0, 0]
}

fn change(
    nftables: &Nftables,
    table: &str,
    message: u16,
    elements: &[Element],
) -> Result<(), Refused> {
    for elements in elements.chunks(ELEMENTS_A_BATCH) {
        let mut batch = Batch::new();
        elements_into(&mut batch, table, message, elements);
        nftables.commit(batch)?;
    }
    Ok(())
}

fn elements_into(batch: &mut Batch, table: &str, message: u16, elements: &[Element]) {
    for set in SETS {
        let of_set: Vec<_> = elements.iter().filter(|one| one.set == set).collect();
        for elements in of_set.chunks(ELEMENTS_A_MESSAGE) {
            let mut list = Attributes::new();
            for element in elements {
                let mut inner =
                    Attributes::new().nested(1, Attributes::new().bytes(1, &element.key));
                if let Some(value) = &element.value {
                    inner = inner.nested(2, Attributes::new().bytes(1, value));
                }
                list = list.nested(1, inner);
            }
            let attributes = Attributes::new()
                .text(1, table)
                .text(2, set.name())
                .nested(3, list);
            if message == NEW_ELEMENTS {
                let step = format!("add to {} of table {table}", set.name());
                batch.add(message, step, attributes);
            } else {
                let step = format!("take from {} of table {table}", set.name());
                batch.delete(message, step, attributes);
            }
        }
    }
}

fn add_set(batch: &mut Batch, table: &str, set: Set) {
    const FLAG_MAP: u32 = 8;
    let (key_type, key_bytes, value) = set.shape();
    let mut attributes = Attributes::new()
        .text(1, table)
        .text(2, set.name())
        .number(3, if value.is_some() { FLAG_MAP } else { 0 })
        .number(4, key_type)
        .number(5, key_bytes);
    if let Some((value_type, value_bytes)) = value {
        attributes = attributes.number(6, value_type).number(7, value_bytes);
    }
    // A number to name it by within a transaction.
    attributes = attributes.number(10, set as u32 + 1);
    let step = format!("add set {} to table {table}", set.name());
    batch.add_new(NEW_SET, step, attributes);
}

fn chain(batch: &mut Batch, table: &str, name: &str, kind: &str, hook: u32, priority: i32) {
    const POLICY_ACCEPT: u32 = 1;
    let hook = Attributes::new()
        .number(1, hook)
        .number(2, priority.cast_unsigned());
    let attributes = Attributes::new()
        .text(1, table)
        .text(3, name)
        .nested(4, hook)
        .number(5, POLICY_ACCEPT)
        .text(7, kind);
    let step = format!("add {kind} chain {name} to table {table}");
    batch.add_new(NEW_CHAIN, step, attributes);
}

fn append(batch: &mut Batch, table: &str, chain: &str, rule: Rule) {
    let attributes = Attributes::new()
        .text(1, table)
        .text(2, chain)
        .nested(4, rule.into_attributes());
    let step = format!("add a rule to chain {chain} of table {table}");
    batch.append(NEW_RULE, step, attributes);
}

/// What arrives at (or is sent by the host to) a published port of one of its addresses goes to the container. A loopback
/// address is left to the proxy: such a packet could not come back without `route_localnet`.
fn publishing() -> [Rule; 4] {
    let port = |rule: Rule, register| {
        rule.meta(Meta::Transport, register)
            .payload(Base::Transport, 2, 2, register + 1)
    };
    let address4 = |rule: Rule| rule.payload(Base::Network, 16, 4, WORD_0);
    let address6 = |rule: Rule| rule.payload(Base::Network, 24, 16, WORD_0);
    let local = |rule: Rule| {
        rule.destination_kind(WORD_0)
            .equals(WORD_0, &ADDRESS_LOCAL.to_ne_bytes())
    };
    // One of another machine is not the host's to publish, though it may pass through.
    let addressed4 = port(address4(local(Rule::new().family(IPV4))), WORD_0 + 1)
        .mapped(Set::Addressed4.name(), WORD_0, WORD_0 + 4)
        .dnat(IPV4, WORD_0 + 4, WORD_0 + 5);
    let any4 = address4(local(Rule::new().family(IPV4)))
        .mask(WORD_0, &[255, 0, 0, 0])
        .differs(WORD_0, &[127, 0, 0, 0]);
    let any4 = port(any4, WORD_0)
        .mapped(Set::Ports4.name(), WORD_0, WORD_0 + 4)
        .dnat(IPV4, WORD_0 + 4, WORD_0 + 5);
    let addressed6 = port(address6(local(Rule::new().family(IPV6))), WORD_0 + 4)
        .mapped(Set::Addressed6.name(), WORD_0, WORD_0 + 6)
        .dnat(IPV6, WORD_0 + 6, WORD_0 + 10);
    let any6 =
        address6(local(Rule::new().family(IPV6))).differs(WORD_0, &Ipv6Addr::LOCALHOST.octets());
    let any6 = port(any6, WORD_0)
        .mapped(Set::Ports6.name(), WORD_0, WORD_0 + 6)
        .dnat(IPV6, WORD_0 + 6, WORD_0 + 10);
    [addressed4, any4, addressed6, any6]
}

/// What leaves the world bears the host's address; so does what a container sends to a neighbour through a published port
/// of the host, since the neighbour would answer it directly otherwise.
fn leaving(layout: &Layout<'_>) -> Vec<Rule> {
    let mut rules = Vec::new();
    for from in sources(layout, Rule::equals) {
        rules.push(
            from.clone()
                .meta(Meta::OutInterface, WORD_0)
                .differs(WORD_0, &interface_name(layout.bridge))
                .masquerade(),
        );
        rules.push(
            from.interface(Meta::OutInterface, layout.bridge)
                .tracked(Tracked::Status, STATUS_DNAT)
                .masquerade(),
        );
    }
    rules
}

/// For each family, what matches a packet whose source is in the world's network, or is not.
fn sources(layout: &Layout<'_>, compare: fn(Rule, u32, &[u8]) -> Rule) -> Vec<Rule> {
    let (network, prefix) = layout.ipv4;
    let mask = (!0u32).checked_shl(32 - u32::from(prefix)).unwrap_or(0);
    let ipv4 = Rule::new()
        .family(IPV4)
        .payload(Base::Network, 12, 4, WORD_0)
        .mask(WORD_0, &mask.to_be_bytes());
    let mut rules = vec![compare(ipv4, WORD_0, &network.octets())];
    if let Some(network) = layout.ipv6 {
        let mask = [[255; 8], [0; 8]].concat();
        let ipv6 = Rule::new()
            .family(IPV6)
            .payload(Base::Network, 8, 16, WORD_0)
            .mask(WORD_0, &mask);
        rules.push(compare(ipv6, WORD_0, &network.octets()));
    }
    rules
}

/// What may pass. The last rules are for the host's sake: an interface forwards because of us, so nothing but our own
/// traffic may be forwarded from it.
fn forwarding(layout: &Layout<'_>) -> Vec<Rule> {
    let from = || Rule::new().interface(Meta::InInterface, layout.bridge);
    let to = || Rule::new().interface(Meta::OutInterface, layout.bridge);
    // A container that says it is somebody else would leave with that address.
    let mut rules: Vec<_> = sources(layout, Rule::differs)
        .into_iter()
        .map(|foreign| {
            foreign
                .interface(Meta::InInterface, layout.bridge)
                .meta(Meta::OutInterface, WORD_0)
                .differs(WORD_0, &interface_name(layout.bridge))
                .decide(Decision::Drop)
        })
        .collect();
    rules.extend([
        Rule::new()
            .tracked(Tracked::State, STATE_ESTABLISHED | STATE_RELATED)
            .decide(Decision::Accept),
        // Conntrack knows no way back for it, so it would leave with its own address.
        from()
            .tracked(Tracked::State, STATE_INVALID)
            .decide(Decision::Drop),
        from().decide(Decision::Accept),
        to().tracked(Tracked::Status, STATUS_DNAT)
            .decide(Decision::Accept),
        to().decide(Decision::Drop),
    ]);
    let routed = |family, set: Set| {
        Rule::new()
            .family(family)
            .meta(Meta::InInterface, WORD_0)
            .in_set(set.name(), WORD_0)
            .not_interfaces(Meta::OutInterface, BRIDGE_PREFIX)
            .decide(Decision::Drop)
    };
    rules.push(routed(IPV4, Set::Routed4));
    rules.push(routed(IPV6, Set::Routed6));
    if layout.every_ipv6 {
        rules.push(
            Rule::new()
                .family(IPV6)
                .not_interfaces(Meta::InInterface, BRIDGE_PREFIX)
                .not_interfaces(Meta::OutInterface, BRIDGE_PREFIX)
                .decide(Decision::Drop),
        );
    }
    rules
}
