//! A container's network namespace: made, joined to the bridge, and configured, by a thread that lives as long as that
//! takes. A thread that has left its namespace can't be trusted to come back, so it ends.

use std::fs::File;
use std::io;
use std::net::IpAddr;
use std::os::fd::{AsFd, OwnedFd};
use std::thread;

use nix::sched::{CloneFlags, unshare};

use crate::error::NetworkError;
use crate::names::{INNER, Mac, inner_mac};
use crate::request::Endpoint;
use crate::route::{Pair, Route};
use crate::setting::{self, Family};

/// The index of `lo` in every network namespace (`LOOPBACK_IFINDEX` in the kernel).
const LOOPBACK: u32 = 1;

/// What a namespace is made with.
pub(crate) struct Recipe<'a> {
    /// The host's end of its pair.
    pub(crate) outer: &'a str,
    /// What that says whose it is.
    pub(crate) alias: &'a str,
    /// The bridge's hardware address, name and index.
    pub(crate) bridge_mac: Mac,
    pub(crate) bridge_name: &'a str,
    pub(crate) bridge: u32,
    /// The size of packets that leave the host.
    pub(crate) mtu: u32,
    pub(crate) endpoint: &'a Endpoint,
}

/// Makes a namespace with `lo` and `eth0` up, and with a way out. Without the descriptor that is returned, and without a
/// process inside, the kernel takes it away, and the pair with it.
pub(crate) fn make(recipe: &Recipe<'_>) -> Result<OwnedFd, NetworkError> {
    thread::scope(|scope| {
        let thread = thread::Builder::new().name("estiva-namespace".to_owned());
        thread
            .spawn_scoped(scope, || inside(recipe))
            .map_err(NetworkError::netlink("start a thread", recipe.outer))?
            .join()
            .unwrap_or_else(|_| {
                let ended = io::Error::other("the thread panicked");
                Err(NetworkError::netlink("make a namespace", recipe.outer)(
                    ended,
                ))
            })
    })
}

fn inside(recipe: &Recipe<'_>) -> Result<OwnedFd, NetworkError> {
    let failed = |step| NetworkError::netlink(step, recipe.outer);
    let filters_bridges = setting::filters_bridges();
    // Opened here, the first speaks of the host's namespace for good; the second, opened inside, of the new one.
    let host = Route::open().map_err(failed("open a netlink socket"))?;
    unshare(CloneFlags::CLONE_NEWNET)
        .map_err(io::Error::from)
        .map_err(failed("make a network namespace"))?;
    let namespace = File::open("/proc/thread-self/ns/net")
        .map(OwnedFd::from)
        .map_err(failed("open the network namespace"))?;
    let here = Route::open().map_err(failed("open a netlink socket inside"))?;
    quiet().map_err(failed("write the namespace's settings"))?;
    here.raise(LOOPBACK).map_err(failed("bring lo up"))?;
    let pair = Pair {
        outer: recipe.outer,
        alias: recipe.alias,
        bridge: recipe.bridge,
        namespace: namespace.as_fd(),
        inner_mac: inner_mac(recipe.endpoint.ipv4),
    };
    host.add_pair(&pair).map_err(failed("add a veth pair"))?;
    if filters_bridges {
        // Then the bridge itself leads what a container sends to its own published port back to it, by the same port.
        host.set_hairpin(recipe.outer)
            .map_err(failed("let a port send back"))?;
    }
    let inner = configure(&here, recipe)?;
    acquaint(&host, &here, inner, recipe)
        .map_err(failed("make bridge and eth0 known to each other"))?;
    if let Some(address) = recipe.endpoint.ipv6 {
        Route::wait_until_heard(address).map_err(failed("wait for the address"))?;
    }
    // The bridge's own carrier comes with its first port's.
    host.wait_until_running(recipe.outer)
        .and_then(|()| host.wait_until_running(recipe.bridge_name))
        .and_then(|()| here.wait_until_running(INNER))
        .map_err(failed("wait for the carrier"))?;
    Ok(namespace)
}

/// What an `eth0` that comes to be here does not do: look whether somebody has its addresses (nobody can, and a service
/// that binds at once would fail meanwhile), and believe a neighbour that calls itself a router (CVE-2020-13401).
fn quiet() -> io::Result<()> {
    for name in ["accept_dad", "accept_ra"] {
        setting::write(&setting::path(Family::Ipv6, "default", name), "0")?;
    }
    Ok(())
}

/// Tells both sides the other's hardware address, which follows from its name, so that the first packet need not look for it.
fn acquaint(host: &Route, here: &Route, inner: u32, recipe: &Recipe<'_>) -> io::Result<()> {
    let endpoint = recipe.endpoint;
    let mac = inner_mac(endpoint.ipv4);
    host.add_neighbour(recipe.bridge, endpoint.ipv4.into(), mac)?;
    here.add_neighbour(inner, endpoint.ipv4_gateway.into(), recipe.bridge_mac)?;
    if let (Some(address), Some(gateway)) = (endpoint.ipv6, endpoint.ipv6_gateway) {
        host.add_neighbour(recipe.bridge, address.into(), mac)?;
        here.add_neighbour(inner, gateway.into(), recipe.bridge_mac)?;
    }
    Ok(())
}

/// Gives `eth0` its addresses and the ways out, and says which index it has.
fn configure(here: &Route, recipe: &Recipe<'_>) -> Result<u32, NetworkError> {
    let failed = |step| NetworkError::netlink(step, recipe.outer);
    let inner = here
        .link(INNER)
        .and_then(|link| link.ok_or_else(|| io::ErrorKind::NotFound.into()))
        .map_err(failed("find eth0"))?
        .index;
    let endpoint = recipe.endpoint;
    let mut addresses = vec![(
        IpAddr::from(endpoint.ipv4),
        endpoint.ipv4_prefix,
        IpAddr::from(endpoint.ipv4_gateway),
    )];
    if let (Some(address), Some(gateway)) = (endpoint.ipv6, endpoint.ipv6_gateway) {
        addresses.push((address.into(), endpoint.ipv6_prefix, gateway.into()));
    }
    for (address, prefix, _) in &addresses {
        here.add_address(inner, *address, *prefix)
            .map_err(failed("give eth0 an address"))?;
    }
    here.raise(inner).map_err(failed("bring eth0 up"))?;
    for (_, _, gateway) in &addresses {
        here.add_default_route(inner, *gateway, recipe.mtu)
            .map_err(failed("add a default route"))?;
    }
    Ok(inner)
}
