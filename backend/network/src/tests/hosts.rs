//! Hosts of all kinds: routers, without IPv6, with other interfaces that come later, with an older kernel's IPv6.

use super::*;
use crate::forwarding::{self, Ipv6};
use crate::ledger::Ledger;

fn set(path: &str, value: &str) {
    fs::write(format!("/proc/sys/net/{path}"), value).unwrap();
}

fn get(path: &str) -> String {
    let text = fs::read_to_string(format!("/proc/sys/net/{path}")).unwrap();
    text.trim().to_owned()
}

#[test]
fn forwarding_is_on_for_uplink_and_bridge_alone_and_put_back() {
    let Some(_host) = Host::new() else { return };
    let before = super::forwarding();
    let network = Network::new("put-back");
    let one = attach(&network, "one", &[]);
    assert_eq!(get("ipv4/conf/up0/forwarding"), "1");
    assert_eq!(get("ipv4/conf/all/forwarding"), "0");
    assert_eq!(get("ipv4/conf/default/forwarding"), "0");
    assert_eq!(get("ipv4/conf/lo/forwarding"), "0");
    drop(one);
    network.detach("one").unwrap();
    network.settle().unwrap();
    assert_eq!(super::forwarding(), before);
    assert_eq!(traces("put-back"), Vec::<String>::new());
}

#[test]
fn the_last_of_several_worlds_puts_forwarding_back() {
    let Some(host) = Host::new() else { return };
    let before = super::forwarding();
    let (left, right) = (Network::new("first-world"), Network::new("second-world"));
    let one = attach(&left, "one", &[]);
    let two = attach(&right, "two", &[tcp(8080, 80)]);
    left.remove_all().unwrap();
    assert_eq!(get("ipv4/conf/up0/forwarding"), "1");
    let listener = listen(&two.namespace, 80);
    assert!(reach(&host.outside, (ip(HOST4), 8080), &listener).is_some());
    right.remove_all().unwrap();
    assert_eq!(super::forwarding(), before);
    drop(one);
}

#[test]
fn a_host_that_is_a_router_stays_one() {
    let Some(host) = Host::new() else { return };
    set("ipv4/conf/all/forwarding", "1");
    set("ipv6/conf/all/forwarding", "1");
    let far = new_namespace();
    host.link(
        "up1",
        ["203.0.113.1", "fd99::1"],
        &far,
        ["203.0.113.2", "fd99::2"],
    );
    within(&far, || {
        let route = Route::open().unwrap();
        let out0 = route.link("out0").unwrap().unwrap().index;
        for gateway in ["203.0.113.1", "fd99::1"] {
            route
                .add_default_route(out0, ip(gateway), UPLINK_MTU)
                .unwrap();
        }
    });
    let before = super::forwarding();
    let network = Network::new("router");
    let one = attach(&network, "one", &[]);
    let listener = listen(&host.outside, 80);
    within(&host.outside, || {
        let route = Route::open().unwrap();
        let out0 = route.link("out0").unwrap().unwrap().index;
        for gateway in [HOST4, HOST6] {
            route
                .add_default_route(out0, ip(gateway), UPLINK_MTU)
                .unwrap();
        }
    });
    for address in [OUTSIDE4, OUTSIDE6] {
        assert!(reach(&far, (ip(address), 80), &listener).is_some());
        assert!(reach(&one.namespace, (ip(address), 80), &listener).is_some());
    }
    network.remove_all().unwrap();
    assert_eq!(super::forwarding(), before);
}

#[test]
fn a_host_that_becomes_a_router_meanwhile_stays_one() {
    let Some(_host) = Host::new() else { return };
    let network = Network::new("router-later");
    let _one = attach(&network, "one", &[]);
    set("ipv4/conf/all/forwarding", "1");
    let _two = attach(&network, "two", &[]);
    network.remove_all().unwrap();
    assert_eq!(get("ipv4/conf/up0/forwarding"), "1");
    assert_eq!(get("ipv4/conf/all/forwarding"), "1");
}

#[test]
fn an_interface_that_comes_later_is_turned_on_by_the_next_attachment() {
    let Some(host) = Host::new() else { return };
    let (network, other) = (Network::new("later-uplink"), Network::new("other-uplink"));
    let one = attach(&network, "one", &[tcp(8080, 80)]);
    let two = attach(&other, "two", &[]);
    let far = new_namespace();
    host.link(
        "up1",
        ["203.0.113.1", "fd99::1"],
        &far,
        ["203.0.113.2", "fd99::2"],
    );
    let listener = listen(&one.namespace, 80);
    let _three = attach(&other, "three", &[]);
    for address in ["203.0.113.1", "fd99::1"] {
        assert!(reach(&far, (ip(address), 8080), &listener).is_some());
    }
    // The world that turned it on goes; the other one's table keeps the host from being a router.
    other.remove_all().unwrap();
    within(&far, || {
        let route = Route::open().unwrap();
        let out0 = route.link("out0").unwrap().unwrap().index;
        route
            .add_default_route(out0, ip("203.0.113.1"), UPLINK_MTU)
            .unwrap();
    });
    let outside = listen(&host.outside, 80);
    within(&host.outside, || {
        let route = Route::open().unwrap();
        let out0 = route.link("out0").unwrap().unwrap().index;
        route
            .add_default_route(out0, ip(HOST4), UPLINK_MTU)
            .unwrap();
    });
    assert_eq!(get("ipv4/conf/up1/forwarding"), "1");
    assert_eq!(reach(&far, (ip(OUTSIDE4), 80), &outside), None);
    drop(two);
}

/// A VPN that was started after a container did not reach its published port, until another container came.
#[test]
fn an_interface_that_comes_later_is_turned_on_without_another_attachment() {
    let Some(host) = Host::new() else { return };
    let network = Network::new("later-alone");
    let one = attach(&network, "one", &[tcp(8080, 80)]);
    let listener = listen(&one.namespace, 80);
    let far = new_namespace();
    // The second one has the name and the addresses of the first.
    for _ in 0..2 {
        host.link(
            "up1",
            ["203.0.113.1", "fd99::1"],
            &far,
            ["203.0.113.2", "fd99::2"],
        );
        for address in ["203.0.113.1", "fd99::1"] {
            until(address, || {
                reach(&far, (ip(address), 8080), &listener).is_some()
            });
        }
        Route::open().unwrap().delete_link("up1").unwrap();
    }
}

#[test]
fn an_interface_with_an_address_that_comes_up_later_is_turned_on() {
    let Some(_host) = Host::new() else { return };
    let far = new_namespace();
    add_veth("up1", &far);
    let route = Route::open().unwrap();
    let up1 = route.link("up1").unwrap().unwrap().index;
    route.add_address(up1, ip("203.0.113.1"), 24).unwrap();
    let network = Network::new("raised");
    let _one = attach(&network, "one", &[tcp(8080, 80)]);
    assert_eq!(get("ipv4/conf/up1/forwarding"), "0");
    route.raise(up1).unwrap();
    until("it forwards", || get("ipv4/conf/up1/forwarding") == "1");
    network.remove_all().unwrap();
    assert_eq!(get("ipv4/conf/up1/forwarding"), "0");
}

/// Bounded, so that a test that fails ends; how long it takes is not what is tested.
fn until(what: &str, holds: impl Fn() -> bool) {
    let held = (0..400).any(|_| {
        thread::sleep(Duration::from_millis(25));
        holds()
    });
    assert!(held, "never: {what}");
}

#[test]
fn a_host_without_ipv6_has_containers_without() {
    let Some(host) = Host::new() else { return };
    set("ipv6/conf/all/disable_ipv6", "1");
    set("ipv6/conf/default/disable_ipv6", "1");
    let network = Network::new("no-ipv6");
    let one = attach(&network, "one", &[tcp(8080, 80)]);
    assert_eq!((one.endpoint.ipv6, one.endpoint.ipv6_gateway), (None, None));
    let listener = listen(&one.namespace, 80);
    assert!(reach(&host.outside, (ip(HOST4), 8080), &listener).is_some());
}

#[test]
fn an_older_kernels_ipv6_is_turned_on_for_all_and_put_back() {
    let Some(_host) = Host::new() else { return };
    set("ipv6/conf/lo/forwarding", "1");
    let before = super::forwarding();
    let names = Names::new("older");
    let route = Route::open().unwrap();
    // The bridge stands while its world is written down.
    route.add_bridge(&names.bridge, names.bridge_mac()).unwrap();
    let ledger = Ledger::lock().unwrap();
    let nftables = Nftables::default();
    let plan = forwarding::plan(&ledger, &names, &route, &nftables, Ipv6::All).unwrap();
    assert!(plan.routed.every_ipv6);
    plan.apply().unwrap();
    assert_eq!(get("ipv6/conf/all/forwarding"), "1");
    assert_eq!(get("ipv6/conf/up0/forwarding"), "1");
    assert_eq!(get("ipv6/conf/up0/accept_ra"), "2");
    forwarding::give_up(&ledger, &names, &route, Ipv6::All).unwrap();
    route.delete_link(&names.bridge).unwrap();
    assert_eq!(super::forwarding(), before);
}
