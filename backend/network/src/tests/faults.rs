//! What goes wrong, and what is said of it.

use super::*;

#[test]
fn a_bridges_name_that_somebody_else_has_is_named_and_left_alone() {
    let Some(_host) = Host::new() else { return };
    let names = Names::new("name-taken");
    let far = new_namespace();
    add_veth(&names.bridge, &far);
    let before = Route::open().unwrap().link(&names.bridge).unwrap();
    let network = Network::new("name-taken");
    let error = network.attach(&request("one", &[])).unwrap_err();
    assert!(
        matches!(&error, NetworkError::BridgeNameTaken { name } if *name == names.bridge),
        "{error}"
    );
    network.detach("one").unwrap();
    network.remove_all().unwrap();
    assert_eq!(Route::open().unwrap().link(&names.bridge).unwrap(), before);
}

#[test]
fn a_pool_without_a_free_subnet_is_named() {
    let Some(_host) = Host::new() else { return };
    let far = new_namespace();
    add_veth("up1", &far);
    let route = Route::open().unwrap();
    let up1 = route.link("up1").unwrap().unwrap().index;
    for (address, prefix) in [("10.0.0.1", 8), ("172.16.0.1", 12), ("192.168.0.1", 16)] {
        route.add_address(up1, ip(address), prefix).unwrap();
    }
    route.raise(up1).unwrap();
    let network = Network::new("no-subnet");
    let error = network.attach(&request("one", &[])).unwrap_err();
    assert!(
        matches!(error, NetworkError::SubnetsExhausted { .. }),
        "{error}"
    );
    assert_eq!(traces("no-subnet"), Vec::<String>::new());
}

#[test]
fn a_port_that_another_container_publishes_is_named_with_its_holder() {
    let Some(_host) = Host::new() else { return };
    let network = Network::new("port-taken");
    let _one = attach(&network, "one", &[tcp(8080, 80)]);
    let error = network
        .attach(&request("two", &[tcp(8080, 81)]))
        .unwrap_err();
    assert!(
        matches!(&error, NetworkError::PortTaken { port: 8080, holder, .. } if holder == "one"),
        "{error}"
    );
    let error = network.attach(&request("one", &[])).unwrap_err();
    assert!(
        matches!(error, NetworkError::AlreadyAttached { .. }),
        "{error}"
    );
    network.detach("one").unwrap();
    attach(&network, "two", &[tcp(8080, 81)]);
}

#[test]
fn an_attachment_that_fails_half_way_leaves_nothing() {
    let Some(_host) = Host::new() else { return };
    let network = Network::new("half-way");
    // Somebody has the name of the pair's end.
    let veth = Names::new("half-way").veth("two");
    let _one = attach(&network, "one", &[]);
    let far = new_namespace();
    add_veth(&veth, &far);
    let error = network
        .attach(&request("two", &[tcp(8080, 80)]))
        .unwrap_err();
    assert!(matches!(error, NetworkError::Netlink { .. }), "{error}");
    network.settle().unwrap();
    attach(&network, "two", &[tcp(8080, 80)]);
}

#[test]
fn another_firewall_that_drops_our_traffic_is_named_until_it_makes_an_exception() {
    use crate::nft::test_chain;
    let Some(_host) = Host::new() else { return };
    assert_eq!(Network::obstacles(), []);
    test_chain::add("strict", "FORWARD");
    let found = Network::obstacles();
    assert_eq!(found.len(), 1, "{found:?}");
    assert!(found[0].what.contains("chain FORWARD of table inet strict"));
    assert!(found[0].fix.contains("nft insert rule inet strict FORWARD"));
    test_chain::except("strict", "FORWARD");
    assert_eq!(Network::obstacles(), []);
}

#[test]
fn our_own_table_is_no_obstacle() {
    let Some(_host) = Host::new() else { return };
    let network = Network::new("own-table");
    let _one = attach(&network, "one", &[]);
    assert_eq!(Network::obstacles(), []);
}

#[test]
fn a_firewall_of_iptables_is_to_be_mended_by_iptables() {
    use crate::nft::test_chain;
    let Some(_host) = Host::new() else { return };
    test_chain::add_ipv4("filter", "FORWARD");
    let found = Network::obstacles();
    assert_eq!(found.len(), 1, "{found:?}");
    assert!(found[0].fix.contains("iptables -I FORWARD -i estiva+"));
}

#[test]
fn settings_that_can_not_be_written_are_named_and_nothing_is_left() {
    use nix::mount::{MsFlags, mount};
    let Some(_host) = Host::new() else { return };
    // In a mount namespace of the test's own, as most containers have it.
    unshare(CloneFlags::CLONE_NEWNS).unwrap();
    let none = None::<&str>;
    mount(none, "/", none, MsFlags::MS_REC | MsFlags::MS_PRIVATE, none).unwrap();
    let sys = Some("/proc/sys");
    mount(sys, "/proc/sys", none, MsFlags::MS_BIND, none).unwrap();
    let again = MsFlags::MS_REMOUNT | MsFlags::MS_BIND | MsFlags::MS_RDONLY;
    mount(none, "/proc/sys", none, again, none).unwrap();
    let network = Network::new("read-only");
    let error = network.attach(&request("one", &[])).unwrap_err();
    assert!(
        matches!(error, NetworkError::ForwardingForbidden { .. }),
        "{error}"
    );
    assert_eq!(traces("read-only"), Vec::<String>::new());
    let found = Network::obstacles();
    assert!(found[0].what.contains("forwarding"), "{found:?}");
    assert!(found[0].fix.contains("mount /proc/sys"), "{found:?}");
}

#[test]
fn a_foundation_that_can_not_be_laid_leaves_nothing() {
    use crate::nft::test_chain;
    let Some(_host) = Host::new() else { return };
    let before = forwarding();
    // A table that belongs to an open socket can't be replaced by another.
    let network = Network::new("owned");
    network.recover(&[]).unwrap();
    let owner = test_chain::own(&Names::new("owned").table);
    let error = network.attach(&request("one", &[])).unwrap_err();
    assert!(matches!(error, NetworkError::Permission { .. }), "{error}");
    let left = traces("owned");
    assert_eq!(left, [Names::new("owned").table], "the other's table alone");
    assert_eq!(forwarding(), before);
    drop(owner);
    attach(&network, "one", &[]);
}

#[test]
fn thousands_of_ports_are_published_and_closed() {
    let Some(host) = Host::new() else { return };
    let network = Network::new("thousands");
    let ports: Vec<_> = (10_000..13_000).map(|port| tcp(port, 80)).collect();
    let one = attach(&network, "one", &ports);
    let listener = listen(&one.namespace, 80);
    for port in [10_000, 12_999] {
        assert!(reach(&host.outside, (ip(HOST4), port), &listener).is_some());
    }
    // More than one transaction takes at once, when all is built again.
    table::delete(&Nftables::default(), &Names::new("thousands").table).unwrap();
    drop(attach(&network, "two", &[]));
    for port in [10_000, 12_999] {
        assert!(reach(&host.outside, (ip(HOST4), port), &listener).is_some());
    }
    network.detach("one").unwrap();
    for port in [10_000, 12_999] {
        assert_eq!(reach(&host.outside, (ip(HOST4), port), &listener), None);
    }
}

#[test]
fn odd_names_of_worlds_and_containers_are_as_good_as_others() {
    let Some(_host) = Host::new() else { return };
    let network = Network::new(&"\u{1f6a2} weird/world ".repeat(20));
    for id in ["", "\u{1f6a2}", "a/b c", &"x".repeat(500)] {
        drop(attach(&network, id, &[]));
        network.detach(id).unwrap();
    }
    network.settle().unwrap();
}
