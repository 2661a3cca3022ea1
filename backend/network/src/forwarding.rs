//! Forwarding: which interfaces hand packets on because of us, and that they stop when we are gone.
//!
//! The kernel asks the interface that a packet *came in by* whether it may be handed on (`ip_route_input_slow`,
//! `ip6_forward`). Answers to containers and traffic to published ports may come in by any interface with an address, so
//! each that is up and has one is turned on, besides our bridge. That would make a router of the host; the rule over the
//! sets `routed4` and `routed6` keeps it from being one, for what was off before us. Where all was on, nothing is touched.
//!
//! IPv6 has a setting for each interface since Linux 6.17 (`force_forwarding`). Before it there is one for all, which also
//! makes interfaces deaf for routers' advertisements; `accept_ra` is raised to 2 where it was 1, so that they are not.

use std::net::IpAddr;
use std::path::PathBuf;

use crate::error::NetworkError;
use crate::ledger::{Change, Ledger, Page};
use crate::names::{Names, is_ours};
use crate::nft::Nftables;
use crate::nft::table::{self, Element};
use crate::route::{Address, Link, Route};
use crate::setting::{self, Family};

/// What of the host decides which interfaces forward.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Seen {
    addresses: Vec<Address>,
    routers: [Option<String>; 2],
}

impl Seen {
    /// As it is now.
    pub(crate) fn look(route: &Route) -> Result<Self, NetworkError> {
        let mut addresses = route
            .addresses()
            .map_err(NetworkError::netlink("list addresses", "the host"))?;
        // They come and go with other engines' containers, and decide nothing.
        addresses.retain(|address| !is_link_local(address));
        let routers = [Family::Ipv4, Family::Ipv6]
            .map(|family| setting::read(&setting::path(family, "all", "forwarding")));
        Ok(Self { addresses, routers })
    }
}

/// The interfaces that forward because of us.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Routed {
    ipv4: Vec<String>,
    ipv6: Vec<String>,
    /// Whether all do, IPv6.
    pub(crate) every_ipv6: bool,
}

impl Routed {
    pub(crate) fn elements(&self) -> Vec<Element> {
        table::routed(
            self.ipv4.iter().map(String::as_str),
            self.ipv6.iter().map(String::as_str),
        )
    }
}

/// How this kernel forwards IPv6.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Ipv6 {
    /// By interface (Linux 6.17 and later).
    Each,
    /// All or none.
    All,
    /// The host has no IPv6.
    None,
}

impl Ipv6 {
    pub(crate) fn detect() -> Self {
        if !setting::has_ipv6() {
            Self::None
        } else if setting::read(&setting::path(Family::Ipv6, "all", "force_forwarding")).is_some() {
            Self::Each
        } else {
            Self::All
        }
    }
}

/// What is to be turned on, written down, before it is.
pub(crate) struct Plan {
    page: Page,
    pub(crate) routed: Routed,
    bridge: Vec<PathBuf>,
}

/// Writes down what is to be turned on for a world whose bridge stands. [`Plan::apply`] does it, once the world's table
/// keeps strangers from profiting.
pub(crate) fn plan(
    ledger: &Ledger,
    names: &Names,
    route: &Route,
    nftables: &Nftables,
    ipv6: Ipv6,
) -> Result<Plan, NetworkError> {
    let links = route
        .links()
        .map_err(NetworkError::netlink("list interfaces", "the host"))?;
    let seen = Seen::look(route)?;
    let mut page = ledger.read(|bridge| links.iter().any(|link| link.name == bridge))?;
    if page.holders.is_empty() {
        // Left by worlds that are gone without a word.
        put_back_all(&page)?;
        page.changes.clear();
    }
    page.holders
        .insert(names.bridge.clone(), names.table.clone());
    forget_what_others_took(&mut page, ipv6);
    for change in wanted(&links, &seen.addresses, ipv6) {
        let known = page.changes.iter().any(|known| known.path == change.path);
        let needed = match change.was == change.now {
            // Only to be put back: it goes by itself when all are turned off.
            true => true,
            false => setting::is(&change.path, &change.was),
        };
        if needed && !known {
            page.changes.push(change);
        }
    }
    ledger.write(&page)?;
    let routed = routed(&page);
    for (bridge, table) in &page.holders {
        if *bridge != names.bridge {
            // Another world's table may be gone, or in the making; it knows these when it is built.
            let _ = table::add(nftables, table, &routed.elements());
        }
    }
    let mut bridge = vec![setting::path(Family::Ipv4, &names.bridge, "forwarding")];
    if ipv6 == Ipv6::Each {
        bridge.push(setting::path(
            Family::Ipv6,
            &names.bridge,
            "force_forwarding",
        ));
    }
    Ok(Plan {
        page,
        routed,
        bridge,
    })
}

impl Plan {
    /// Turns it on.
    pub(crate) fn apply(self) -> Result<(), NetworkError> {
        for path in self.bridge {
            if !setting::is(&path, "1") {
                write(path, "1")?;
            }
        }
        for change in self.page.changes {
            if setting::is(&change.path, &change.was) && change.was != change.now {
                write(change.path, &change.now)?;
            }
        }
        Ok(())
    }
}

/// Crosses a world out, while its bridge and its table still stand. With the last one, all is put back.
pub(crate) fn give_up(
    ledger: &Ledger,
    names: &Names,
    route: &Route,
    ipv6: Ipv6,
) -> Result<(), NetworkError> {
    let links = route
        .links()
        .map_err(NetworkError::netlink("list interfaces", "the host"))?;
    let mut page = ledger.read(|bridge| links.iter().any(|link| link.name == bridge))?;
    page.holders.remove(&names.bridge);
    forget_what_others_took(&mut page, ipv6);
    if page.holders.is_empty() {
        put_back_all(&page)?;
        page.changes.clear();
    }
    ledger.write(&page)
}

/// In the opposite order: what was turned on for all goes first, and then what interfaces said by themselves.
fn put_back_all(page: &Page) -> Result<(), NetworkError> {
    for change in page.changes.iter().rev() {
        // What has been changed again since is somebody else's wish. What all were told is told again to each.
        if setting::is(&change.path, &change.now) || change.was == change.now {
            write(change.path.clone(), &change.was)?;
        }
    }
    Ok(())
}

fn write(path: PathBuf, value: &str) -> Result<(), NetworkError> {
    setting::write(&path, value)
        .map_err(|source| NetworkError::ForwardingForbidden { path, source })
}

/// Somebody made a router of the host meanwhile (`ip_forward`): what interfaces do is theirs to say from now on.
fn forget_what_others_took(page: &mut Page, ipv6: Ipv6) {
    let router = |family| setting::is(&setting::path(family, "all", "forwarding"), "1");
    let lost4 = router(Family::Ipv4);
    let lost6 = ipv6 == Ipv6::Each && router(Family::Ipv6);
    page.changes
        .retain(|change| !(if change.ipv6 { lost6 } else { lost4 }));
}

/// The settings that should say otherwise, as far as interfaces go: whether they do is not looked at.
fn wanted(links: &[Link], addresses: &[Address], ipv6: Ipv6) -> Vec<Change> {
    let change = |interface: &str, family, name: &str, was: &str, now: &str| Change {
        interface: interface.to_owned(),
        ipv6: family == Family::Ipv6,
        path: setting::path(family, interface, name),
        was: was.to_owned(),
        now: now.to_owned(),
    };
    let uplinks = || links.iter().filter(|link| is_uplink(link));
    let has = |link: &Link, family| {
        addresses.iter().any(|address| {
            address.index == link.index
                && match address.address {
                    IpAddr::V4(_) => family == Family::Ipv4,
                    IpAddr::V6(_) => family == Family::Ipv6,
                }
        })
    };
    let off4 = setting::is(&setting::path(Family::Ipv4, "all", "forwarding"), "0");
    let mut changes: Vec<_> = uplinks()
        .filter(|link| off4 && has(link, Family::Ipv4))
        .map(|link| change(&link.name, Family::Ipv4, "forwarding", "0", "1"))
        .collect();
    let all6 = setting::path(Family::Ipv6, "all", "forwarding");
    let off = setting::is(&all6, "0");
    match ipv6 {
        Ipv6::Each if off => changes.extend(
            uplinks()
                .filter(|link| has(link, Family::Ipv6))
                .map(|link| change(&link.name, Family::Ipv6, "force_forwarding", "0", "1")),
        ),
        Ipv6::All if off => {
            for link in links.iter().filter(|link| !is_ours(&link.name)) {
                let alone = setting::path(Family::Ipv6, &link.name, "forwarding");
                if setting::is(&alone, "1") {
                    changes.push(change(&link.name, Family::Ipv6, "forwarding", "1", "1"));
                }
                changes.push(change(&link.name, Family::Ipv6, "accept_ra", "1", "2"));
            }
            changes.push(change("all", Family::Ipv6, "forwarding", "0", "1"));
        }
        _ => {}
    }
    changes
}

/// Whether an interface may bring us something from elsewhere.
pub(crate) fn is_uplink(link: &Link) -> bool {
    link.up && !link.loopback && !is_ours(&link.name)
}

pub(crate) fn is_link_local(address: &Address) -> bool {
    matches!(address.address, IpAddr::V6(ipv6) if ipv6.is_unicast_link_local())
}

fn routed(page: &Page) -> Routed {
    let of = |ipv6: bool, name: &str| -> Vec<String> {
        let changed = page
            .changes
            .iter()
            .filter(|change| change.was != change.now);
        changed
            .filter(|change| change.ipv6 == ipv6 && change.path.ends_with(name))
            .map(|change| change.interface.clone())
            .collect()
    };
    Routed {
        ipv4: of(false, "forwarding"),
        ipv6: of(true, "force_forwarding"),
        // With the one setting for all, `forwarding` is never changed for one interface.
        every_ipv6: !of(true, "forwarding").is_empty(),
    }
}
