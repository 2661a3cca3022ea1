//! What stays when a server goes and comes, and what is mended when others take parts away.

use super::*;
use crate::request::Held;

fn held(id: &str, attached: &Attached, ports: &[PortRule]) -> Held {
    Held {
        id: id.to_owned(),
        endpoint: attached.endpoint.clone(),
        ports: ports.to_vec(),
    }
}

#[test]
fn a_new_server_keeps_the_living_and_removes_the_others() {
    let Some(host) = Host::new() else { return };
    let former = Network::new("living");
    let ports = [tcp(8080, 80)];
    let one = attach(&former, "one", &ports);
    let two = attach(&former, "two", &[tcp(8081, 80)]);
    let (first, second) = (listen(&one.namespace, 80), listen(&two.namespace, 80));
    // The former server is killed: nothing of it is dropped.
    std::mem::forget(former);

    let network = Network::new("living");
    network.recover(&[held("one", &one, &ports)]).unwrap();
    assert!(reach(&host.outside, (ip(HOST4), 8080), &first).is_some());
    assert_eq!(reach(&host.outside, (ip(HOST4), 8081), &second), None);
    assert_eq!(
        reach(
            &two.namespace,
            (ip(OUTSIDE4), 80),
            &listen(&host.outside, 80)
        ),
        None
    );
    let three = attach(&network, "three", &[tcp(8081, 80)]);
    assert_ne!(three.endpoint.ipv4, one.endpoint.ipv4);
    assert_eq!(three.endpoint.ipv4_gateway, one.endpoint.ipv4_gateway);

    network.detach("one").unwrap();
    network.detach("three").unwrap();
    network.settle().unwrap();
    assert_eq!(traces("living"), Vec::<String>::new());
}

#[test]
fn a_flushed_ruleset_is_made_again_by_the_next_attachment() {
    let Some(host) = Host::new() else { return };
    let network = Network::new("flushed");
    let one = attach(&network, "one", &[tcp(8080, 80)]);
    let listener = listen(&one.namespace, 80);
    table::delete(&Nftables::default(), &Names::new("flushed").table).unwrap();
    assert_eq!(reach(&host.outside, (ip(HOST4), 8080), &listener), None);
    let _two = attach(&network, "two", &[]);
    assert!(reach(&host.outside, (ip(HOST4), 8080), &listener).is_some());
    network.detach("one").unwrap();
}

#[test]
fn a_deleted_bridge_is_made_again_with_those_that_were_on_it() {
    let Some(host) = Host::new() else { return };
    let network = Network::new("unbridged");
    let one = attach(&network, "one", &[tcp(8080, 80)]);
    let listener = listen(&one.namespace, 80);
    Route::open()
        .unwrap()
        .delete_link(&Names::new("unbridged").bridge)
        .unwrap();
    let two = attach(&network, "two", &[]);
    assert_eq!(two.endpoint.ipv4_gateway, one.endpoint.ipv4_gateway);
    for address in [HOST4, HOST6] {
        assert!(reach(&host.outside, (ip(address), 8080), &listener).is_some());
    }
}

#[test]
fn detaching_is_no_error_when_everything_is_gone() {
    let Some(_host) = Host::new() else { return };
    let network = Network::new("gone");
    drop(attach(&network, "one", &[tcp(8080, 80)]));
    let names = Names::new("gone");
    table::delete(&Nftables::default(), &names.table).unwrap();
    Route::open().unwrap().delete_link(&names.bridge).unwrap();
    network.detach("one").unwrap();
    network.detach("never attached").unwrap();
    network.settle().unwrap();
    assert_eq!(traces("gone"), Vec::<String>::new());
}

#[test]
fn a_container_that_is_started_again_at_once_is_attached_again() {
    let Some(host) = Host::new() else { return };
    let network = Network::new("again");
    let mut former = Vec::new();
    for _ in 0..5 {
        // The former namespace is held on to, so that only `detach` ends its pair.
        former.push(attach(&network, "one", &[tcp(8080, 80)]));
        let now = former.last().unwrap();
        let listener = listen(&now.namespace, 80);
        assert!(reach(&host.outside, (ip(HOST4), 8080), &listener).is_some());
        network.detach("one").unwrap();
    }
}

#[test]
fn what_goes_later_goes_by_itself() {
    let Some(_host) = Host::new() else { return };
    let before = forwarding();
    let network = Network::new("later");
    let one = attach(&network, "one", &[tcp(8080, 80)]);
    network.detach("one").unwrap();
    assert!(!traces("later").is_empty(), "the next one finds the bridge");
    // Bounded, so that a test that fails ends; how long it takes is not what is tested.
    let gone = (0..600).any(|_| {
        thread::sleep(Duration::from_millis(50));
        traces("later").is_empty()
    });
    assert!(gone, "{:?}", traces("later"));
    assert_eq!(forwarding(), before);
    drop(one);
}

#[test]
fn a_network_that_is_dropped_without_containers_leaves_nothing() {
    let Some(_host) = Host::new() else { return };
    let network = Network::new("dropped");
    drop(attach(&network, "one", &[]));
    network.detach("one").unwrap();
    drop(network);
    assert_eq!(traces("dropped"), Vec::<String>::new());
}
