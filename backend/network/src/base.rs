//! What a world's containers share: the bridge, the table, and forwarding. Built when it is missing, mended when somebody
//! else took a part away, and removed in the order that keeps the host closed: forwarding, rules, interfaces.

use std::collections::HashMap;
use std::net::{IpAddr, Ipv6Addr};

use netlink_packet_route::AddressFamily;

use crate::error::NetworkError;
use crate::forwarding::{self, Ipv6, Routed, Seen};
use crate::ledger::Ledger;
use crate::names::{Names, ipv6_beside};
use crate::network::Entry;
use crate::nft::Nftables;
use crate::nft::table::{self, Element, Layout};
use crate::route::{Destination, Link, Route};
use crate::setting::{self, Family};
use crate::subnet::{POOL, Plan, free_subnet, is_free_ipv6};

/// The size of packets that leave the host where no route says which interface they leave by.
const MTU_DEFAULT: u32 = 1500;

/// IPv6 is not for links with smaller packets (RFC 8200, section 5); one that has them is no measure for a bridge.
const MTU_MIN: u32 = 1280;

/// The bridge's link-local address.
const LINK_LOCAL: Ipv6Addr = Ipv6Addr::new(0xfe80, 0, 0, 0, 0, 0, 0, 1);

/// How often another IPv6 network is tried where the host has the world's own.
const IPV6_ATTEMPTS: u8 = 16;

/// A bridge and a table that stand.
#[derive(Debug, Clone)]
pub(crate) struct Base {
    pub(crate) plan: Plan,
    /// The bridge's index.
    pub(crate) bridge: u32,
    /// The size of packets that leave the host.
    pub(crate) mtu: u32,
    /// What the host was like when forwarding was turned on; `None` where that is to be looked at.
    seen: Option<Seen>,
    /// The interfaces that the table knows of.
    routed: Routed,
}

impl Base {
    /// Whether all of it is as it was left. Costs three requests; where the host's addresses changed, forwarding is looked
    /// at anew.
    pub(crate) fn stands(
        &mut self,
        names: &Names,
        nftables: &Nftables,
    ) -> Result<bool, NetworkError> {
        let route = open()?;
        let bridge = route
            .link(&names.bridge)
            .map_err(NetworkError::netlink("find the bridge", &names.bridge))?;
        let table = table::exists(nftables, &names.table)
            .map_err(NetworkError::netlink("find the table", &names.table))?;
        let stands = bridge.is_some_and(|link| link.index == self.bridge && link.up);
        if !stands || !table {
            return Ok(false);
        }
        let seen = Seen::look(&route)?;
        if Some(&seen) != self.seen.as_ref() {
            let ledger = Ledger::lock()?;
            let plan = forwarding::plan(&ledger, names, &route, nftables, Ipv6::detect())?;
            if plan.routed != self.routed {
                return Ok(false);
            }
            plan.apply()?;
            self.seen = Some(seen);
        }
        Ok(true)
    }

    /// Has forwarding be looked at anew, whatever the host's addresses say: an interface that had one came up, or another one
    /// came with its name and number.
    pub(crate) fn look_again(&mut self) {
        self.seen = None;
    }
}

/// Builds or mends it. `known` is the network that it had in this process.
pub(crate) fn build(
    names: &Names,
    nftables: &Nftables,
    known: Option<Plan>,
    entries: &HashMap<String, Entry>,
) -> Result<Base, NetworkError> {
    setting::may_forward()
        .map_err(|(path, source)| NetworkError::ForwardingForbidden { path, source })?;
    let route = open()?;
    let ledger = Ledger::lock()?;
    let links = route
        .links()
        .map_err(NetworkError::netlink("list interfaces", "the host"))?;
    let held = entries
        .values()
        .next()
        .map(|entry| Plan::of(&entry.endpoint));
    let plan = match held.or(known) {
        Some(plan) => plan,
        None => choose(names, &route)?,
    };
    let mtu = mtu(&route, &links)?;
    let bridge = raise_bridge(names, &route, plan)?;
    rejoin(names, &route, &links, entries, bridge)?;
    let ipv6 = Ipv6::detect();
    let forwarding = forwarding::plan(&ledger, names, &route, nftables, ipv6)?;
    let layout = Layout {
        table: &names.table,
        bridge: &names.bridge,
        ipv4: (plan.ipv4.network(), plan.ipv4.prefix()),
        ipv6: plan.ipv6.map(|prefix| ipv6_beside(prefix, 0)),
        every_ipv6: forwarding.routed.every_ipv6,
    };
    let mut elements = forwarding.routed.elements();
    elements.extend(published(entries));
    table::build(nftables, &layout, &elements).map_err(NetworkError::nftables)?;
    let routed = forwarding.routed.clone();
    forwarding.apply()?;
    Ok(Base {
        plan,
        bridge,
        mtu,
        seen: Some(Seen::look(&route)?),
        routed,
    })
}

/// Takes away every trace of a world.
pub(crate) fn remove(names: &Names, nftables: &Nftables) -> Result<(), NetworkError> {
    let route = open()?;
    if !leaves_traces(names, nftables, &route)? {
        return Ok(());
    }
    let ledger = Ledger::lock()?;
    forwarding::give_up(&ledger, names, &route, Ipv6::detect())?;
    // From here on, what can't be removed is no reason to leave the rest.
    let rules = match table::delete(nftables, &names.table) {
        // A kernel without nf_tables has no table of ours.
        Err(refused) if !table::is_unsupported(&refused.source) => {
            Err(NetworkError::nftables(refused))
        }
        _ => Ok(()),
    };
    let pairs = remove_pairs(names, |_| false);
    let bridge = bridge_of(names, &route).and_then(|link| match link {
        Some(link) if is_our_bridge(names, &link) => route
            .delete_link(&names.bridge)
            .map_err(NetworkError::netlink("delete the bridge", &names.bridge)),
        _ => Ok(()),
    });
    rules.and(pairs).and(bridge)
}

/// Whether there is anything to take away. A server that may not or can't make networks may start where there is not.
fn leaves_traces(names: &Names, nftables: &Nftables, route: &Route) -> Result<bool, NetworkError> {
    let links = route
        .links()
        .map_err(NetworkError::netlink("list interfaces", "the host"))?;
    let linked = links
        .iter()
        .any(|link| names.is_veth(&link.name) || is_our_bridge(names, link));
    // Whoever may not ask, or has a kernel that can't answer, made no table either.
    let tabled = || table::exists(nftables, &names.table).unwrap_or(false);
    Ok(linked || Ledger::is_written() || tabled())
}

/// Deletes the world's ends, but those to be kept.
pub(crate) fn remove_pairs(names: &Names, keep: impl Fn(&str) -> bool) -> Result<(), NetworkError> {
    let route = open()?;
    let links = route
        .links()
        .map_err(NetworkError::netlink("list interfaces", "the host"))?;
    for link in links {
        if names.is_veth(&link.name) && !keep(&link.name) {
            route
                .delete_link(&link.name)
                .map_err(NetworkError::netlink("delete a veth pair", &link.name))?;
        }
    }
    Ok(())
}

fn open() -> Result<Route, NetworkError> {
    Route::open().map_err(NetworkError::netlink("open a netlink socket", "the host"))
}

fn published(entries: &HashMap<String, Entry>) -> Vec<Element> {
    let staying = entries.values().filter(|entry| !entry.going);
    staying
        .flat_map(|entry| table::published(&entry.endpoint, &entry.ports))
        .collect()
}

fn bridge_of(names: &Names, route: &Route) -> Result<Option<Link>, NetworkError> {
    route
        .link(&names.bridge)
        .map_err(NetworkError::netlink("find the bridge", &names.bridge))
}

/// By its hardware address, which it has from its first moment; the alias comes later.
fn is_our_bridge(names: &Names, link: &Link) -> bool {
    link.bridge && link.name == names.bridge && link.mac == names.bridge_mac()
}

/// A network that the host does not use.
fn choose(names: &Names, route: &Route) -> Result<Plan, NetworkError> {
    let routes = |family| {
        route
            .destinations(family)
            .map_err(NetworkError::netlink("list routes", "the host"))
    };
    let addresses = route
        .addresses()
        .map_err(NetworkError::netlink("list addresses", "the host"))?;
    let own: Vec<IpAddr> = addresses.iter().map(|address| address.address).collect();
    let exhausted = || NetworkError::SubnetsExhausted {
        pool: POOL.map(|block| block.to_string()).join(", "),
    };
    let ipv4 = free_subnet(&POOL, &routes(AddressFamily::Inet)?, &own).ok_or_else(exhausted)?;
    let ipv6 = if setting::has_ipv6() {
        let routes = routes(AddressFamily::Inet6)?;
        (0..IPV6_ATTEMPTS)
            .map(|attempt| names.ipv6_prefix(attempt))
            .find(|prefix| is_free_ipv6(*prefix, &routes, &own))
    } else {
        None
    };
    Ok(Plan { ipv4, ipv6 })
}

/// Has the bridge stand, with its addresses and no others; answers its index.
fn raise_bridge(names: &Names, route: &Route, plan: Plan) -> Result<u32, NetworkError> {
    let name = &names.bridge;
    let failed = |step| NetworkError::netlink(step, name);
    let link = match bridge_of(names, route)? {
        Some(link) if is_our_bridge(names, &link) => link,
        Some(_) => return Err(NetworkError::BridgeNameTaken { name: name.clone() }),
        None => {
            route
                .add_bridge(name, names.bridge_mac())
                .map_err(failed("add the bridge"))?;
            bridge_of(names, route)?.ok_or_else(|| NetworkError::Netlink {
                step: "find the bridge that was added".to_owned(),
                object: name.clone(),
                source: std::io::ErrorKind::NotFound.into(),
            })?
        }
    };
    route
        .describe(name, &names.alias)
        .map_err(failed("name the bridge's world"))?;
    // A container may not tell the host the way (CVE-2020-13401); nobody else can have the bridge's addresses.
    for setting in ["accept_ra", "accept_dad"] {
        let path = setting::path(Family::Ipv6, name, setting);
        setting::write(&path, "0").map_err(NetworkError::file("write the setting", &path))?;
    }
    let mut wanted = vec![(IpAddr::from(plan.ipv4.gateway()), plan.ipv4.prefix())];
    if let Some(prefix) = plan.ipv6 {
        wanted.push((ipv6_beside(prefix, 1).into(), 64));
        // The kernel's own would come a moment too late: without one it looks for no neighbour on a packet's behalf.
        wanted.push((LINK_LOCAL.into(), 64));
    }
    for found in route
        .addresses()
        .map_err(failed("list the bridge's addresses"))?
    {
        let stays = wanted.contains(&(found.address, found.prefix));
        if found.index == link.index && !stays {
            route
                .delete_address(found.index, found.address, found.prefix)
                .map_err(failed("take an address from the bridge"))?;
        }
    }
    for (address, prefix) in wanted {
        route
            .add_address(link.index, address, prefix)
            .map_err(failed("give the bridge an address"))?;
    }
    route
        .raise(link.index)
        .map_err(failed("bring the bridge up"))?;
    Ok(link.index)
}

/// The size of packets that leave the host: the smallest of the interfaces that the default routes leave by. A larger packet
/// would have to be cut there, and where cutting is forbidden and messages about it are dropped, it vanishes.
fn mtu(route: &Route, links: &[Link]) -> Result<u32, NetworkError> {
    let mut smallest = None;
    for family in [AddressFamily::Inet, AddressFamily::Inet6] {
        let routes = route
            .destinations(family)
            .map_err(NetworkError::netlink("list routes", "the host"))?;
        let ways_out = routes.iter().filter(|route| is_way_out(route));
        for index in ways_out.filter_map(|route| route.out) {
            let mtu = links
                .iter()
                .find(|link| link.index == index && !link.loopback)
                .map(|link| link.mtu)
                .filter(|mtu| *mtu >= MTU_MIN);
            smallest = smallest.into_iter().chain(mtu).min();
        }
    }
    Ok(smallest.unwrap_or(MTU_DEFAULT))
}

fn is_way_out(route: &Destination) -> bool {
    route.network.is_none() && route.prefix == 0
}

/// Has the pairs of those that are attached be ports of this bridge, where it was made anew.
fn rejoin(
    names: &Names,
    route: &Route,
    links: &[Link],
    entries: &HashMap<String, Entry>,
    bridge: u32,
) -> Result<(), NetworkError> {
    for id in entries.keys() {
        let veth = names.veth(id);
        let astray = links
            .iter()
            .any(|link| link.name == veth && link.controller != Some(bridge));
        if astray {
            let joined = route.set_controller(&veth, bridge).and_then(|()| {
                if setting::filters_bridges() {
                    route.set_hairpin(&veth)?;
                }
                Ok(())
            });
            match joined {
                // It ended meanwhile.
                Err(error) if crate::route::is_no_device(&error) => {}
                other => {
                    other.map_err(NetworkError::netlink(
                        "join a veth pair to the bridge",
                        &veth,
                    ))?;
                }
            }
        }
    }
    Ok(())
}
