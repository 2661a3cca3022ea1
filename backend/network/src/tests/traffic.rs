//! Who reaches whom, over both families.

use super::*;

#[test]
fn a_container_reaches_outside_by_the_hosts_address() {
    let Some(host) = Host::new() else { return };
    let network = Network::new("outwards");
    let one = attach(&network, "one", &[]);
    let listener = listen(&host.outside, 80);
    for (outside, seen) in [(OUTSIDE4, HOST4), (OUTSIDE6, HOST6)] {
        let peer = reach(&one.namespace, (ip(outside), 80), &listener);
        assert_eq!(peer, Some(ip(seen)));
    }
}

#[test]
fn outside_reaches_a_published_port_and_no_other() {
    let Some(host) = Host::new() else { return };
    let network = Network::new("inwards");
    let one = attach(&network, "one", &[tcp(8080, 80)]);
    let (open, closed) = (listen(&one.namespace, 80), listen(&one.namespace, 81));
    for (address, seen) in [(HOST4, OUTSIDE4), (HOST6, OUTSIDE6)] {
        let peer = reach(&host.outside, (ip(address), 8080), &open);
        assert_eq!(peer, Some(ip(seen)), "the container sees who asks");
        assert_eq!(reach(&host.outside, (ip(address), 81), &closed), None);
    }
    // Somebody on the same link who takes the host for a router.
    within(&host.outside, || {
        let route = Route::open().unwrap();
        let out0 = route.link("out0").unwrap().unwrap().index;
        for gateway in [HOST4, HOST6] {
            route
                .add_default_route(out0, ip(gateway), UPLINK_MTU)
                .unwrap();
        }
    });
    for inside in [one.endpoint.ipv4.into(), one.endpoint.ipv6.unwrap().into()] {
        assert_eq!(reach(&host.outside, (inside, 81), &closed), None);
        assert_eq!(reach(&host.outside, (inside, 80), &open), None);
    }
}

#[test]
fn a_port_is_closed_when_its_container_is_detached() {
    let Some(host) = Host::new() else { return };
    let network = Network::new("closing");
    let one = attach(&network, "one", &[tcp(8080, 80)]);
    let listener = listen(&one.namespace, 80);
    assert!(reach(&host.outside, (ip(HOST4), 8080), &listener).is_some());
    network.detach("one").unwrap();
    network.detach("one").unwrap();
    assert_eq!(reach(&host.outside, (ip(HOST4), 8080), &listener), None);
}

#[test]
fn containers_reach_each_other_and_the_host() {
    let Some(_host) = Host::new() else { return };
    let network = Network::new("neighbours");
    let (one, two) = (attach(&network, "one", &[]), attach(&network, "two", &[]));
    let listener = listen(&two.namespace, 80);
    let ends = [
        (two.endpoint.ipv4.into(), one.endpoint.ipv4.into()),
        (
            IpAddr::from(two.endpoint.ipv6.unwrap()),
            IpAddr::from(one.endpoint.ipv6.unwrap()),
        ),
    ];
    for (to, from) in ends {
        assert_eq!(reach(&one.namespace, (to, 80), &listener), Some(from));
    }
    let listener = listen(&here(), 80);
    let gateway = one.endpoint.ipv4_gateway.into();
    assert!(reach(&one.namespace, (gateway, 80), &listener).is_some());
}

#[test]
fn the_host_reaches_a_published_port_by_its_own_address() {
    let Some(_host) = Host::new() else { return };
    let network = Network::new("itself");
    let one = attach(&network, "one", &[tcp(8080, 80)]);
    let listener = listen(&one.namespace, 80);
    for address in [HOST4, HOST6] {
        let peer = reach(&here(), (ip(address), 8080), &listener);
        assert_eq!(peer, Some(ip(address)));
    }
    // Loopback is left to the proxy.
    for address in ["127.0.0.1", "::1"] {
        assert_eq!(reach(&here(), (ip(address), 8080), &listener), None);
    }
}

#[test]
fn a_container_reaches_published_ports_of_itself_and_its_neighbour() {
    let Some(_host) = Host::new() else { return };
    let network = Network::new("hairpin");
    let one = attach(&network, "one", &[tcp(8080, 80)]);
    let two = attach(&network, "two", &[]);
    let listener = listen(&one.namespace, 80);
    for address in [HOST4, HOST6] {
        for from in [&one, &two] {
            let peer = reach(&from.namespace, (ip(address), 8080), &listener);
            assert!(peer.is_some(), "{address} from {:?}", from.endpoint);
        }
    }
}

#[test]
fn a_port_of_one_address_answers_there_alone() {
    let Some(host) = Host::new() else { return };
    let route = Route::open().unwrap();
    let up0 = route.link("up0").unwrap().unwrap().index;
    for (address, prefix) in [("198.51.100.9", 24), ("fd51::9", 64)] {
        route.add_address(up0, ip(address), prefix).unwrap();
    }
    let network = Network::new("addressed");
    let ports = ["198.51.100.9", "fd51::9"].map(|address| PortRule {
        address: Some(ip(address)),
        ..tcp(8080, 80)
    });
    let one = attach(&network, "one", &ports);
    let listener = listen(&one.namespace, 80);
    for (address, answers) in [
        ("198.51.100.9", true),
        ("fd51::9", true),
        (HOST4, false),
        (HOST6, false),
    ] {
        let peer = reach(&host.outside, (ip(address), 8080), &listener);
        assert_eq!(peer.is_some(), answers, "{address}");
    }
}

#[test]
fn a_port_of_udp_is_published_and_its_answer_comes_back() {
    let Some(host) = Host::new() else { return };
    let network = Network::new("datagrams");
    let port = PortRule {
        protocol: Protocol::Udp,
        ..tcp(5353, 53)
    };
    let one = attach(&network, "one", &[port]);
    for (any, address) in [("0.0.0.0", HOST4), ("[::]", HOST6)] {
        let service = udp(&one.namespace, &format!("{any}:53"));
        let client = udp(&host.outside, &format!("{any}:0"));
        client.send_to(b"question", (ip(address), 5353)).unwrap();
        let mut buffer = [0; 16];
        let (length, from) = service.recv_from(&mut buffer).unwrap();
        assert_eq!(&buffer[..length], b"question");
        service.send_to(b"answer", from).unwrap();
        let (length, from) = client.recv_from(&mut buffer).unwrap();
        assert_eq!((&buffer[..length], from.port()), (&b"answer"[..], 5353));
    }
}

#[test]
fn the_worlds_of_one_host_are_apart_but_for_published_ports() {
    let Some(_host) = Host::new() else { return };
    let (left, right) = (Network::new("left"), Network::new("right"));
    let one = attach(&left, "one", &[]);
    let two = attach(&right, "one", &[tcp(8080, 80)]);
    assert_ne!(one.endpoint.ipv4_gateway, two.endpoint.ipv4_gateway);
    let listener = listen(&two.namespace, 80);
    let direct = [two.endpoint.ipv4.into(), two.endpoint.ipv6.unwrap().into()];
    for address in direct {
        assert_eq!(reach(&one.namespace, (address, 80), &listener), None);
    }
    for address in [HOST4, HOST6] {
        assert!(reach(&one.namespace, (ip(address), 8080), &listener).is_some());
    }
}

#[test]
fn the_host_does_not_become_a_router() {
    let Some(host) = Host::new() else { return };
    let far = new_namespace();
    host.link(
        "up1",
        ["203.0.113.1", "fd99::1"],
        &far,
        ["203.0.113.2", "fd99::2"],
    );
    for (namespace, gateways) in [
        (&host.outside, [HOST4, HOST6]),
        (&far, ["203.0.113.1", "fd99::1"]),
    ] {
        within(namespace, || {
            let route = Route::open().unwrap();
            let out0 = route.link("out0").unwrap().unwrap().index;
            for gateway in gateways {
                route
                    .add_default_route(out0, ip(gateway), UPLINK_MTU)
                    .unwrap();
            }
        });
    }
    let network = Network::new("no-router");
    let one = attach(&network, "one", &[tcp(8080, 80)]);
    let listener = listen(&far, 80);
    for address in ["203.0.113.2", "fd99::2"] {
        assert_eq!(reach(&host.outside, (ip(address), 80), &listener), None);
        assert!(reach(&one.namespace, (ip(address), 80), &listener).is_some());
    }
    let listener = listen(&one.namespace, 80);
    for address in ["203.0.113.1", "fd99::1"] {
        assert!(reach(&far, (ip(address), 8080), &listener).is_some());
    }
}

/// How many pieces of datagrams a namespace has sent.
fn pieces(namespace: &OwnedFd) -> u64 {
    within(namespace, || {
        let counters = std::fs::read_to_string("/proc/thread-self/net/snmp").unwrap();
        let mut ip = counters.lines().filter(|line| line.starts_with("Ip: "));
        let names = ip.next().unwrap().split(' ');
        let mut both = names.zip(ip.next().unwrap().split(' '));
        let found = both.find(|(name, _)| *name == "FragCreates").unwrap();
        found.1.parse().unwrap()
    })
}

#[test]
fn packets_are_as_large_as_ip_takes_inside_and_as_the_uplink_takes_outside() {
    let Some(host) = Host::new() else { return };
    let network = Network::new("sizes");
    let one = attach(&network, "one", &[]);
    let two = attach(&network, "two", &[]);
    let mut buffer = vec![0; 65_536];
    let mut sends = |bytes: usize, to: &UdpSocket, address: IpAddr| {
        let before = pieces(&one.namespace);
        let client = udp(&one.namespace, "0.0.0.0:0");
        client.send_to(&vec![7; bytes], (address, 9)).unwrap();
        assert_eq!(to.recv(&mut buffer).unwrap(), bytes);
        pieces(&one.namespace) - before
    };
    let outside = udp(&host.outside, "0.0.0.0:9");
    let fills = UPLINK_MTU as usize - 28;
    assert_eq!(sends(fills, &outside, ip(OUTSIDE4)), 0);
    assert_eq!(sends(fills + 1, &outside, ip(OUTSIDE4)), 2);
    let neighbour = udp(&two.namespace, "0.0.0.0:9");
    assert_eq!(sends(65_507, &neighbour, two.endpoint.ipv4.into()), 0);
    let own = udp(&here(), "0.0.0.0:9");
    assert_eq!(sends(65_507, &own, one.endpoint.ipv4_gateway.into()), 0);
    // What the host sends in.
    let inside = udp(&one.namespace, "0.0.0.0:10");
    own.send_to(&vec![7; 65_507], (one.endpoint.ipv4, 10))
        .unwrap();
    assert_eq!(inside.recv(&mut vec![0; 65_536]).unwrap(), 65_507);
}

#[test]
fn a_flow_of_udp_follows_its_port_to_the_next_container() {
    let Some(host) = Host::new() else { return };
    let network = Network::new("flow");
    let port = PortRule {
        protocol: Protocol::Udp,
        ..tcp(5353, 53)
    };
    // One socket, as a resolver or a logger has it, that never falls silent for long.
    let clients = [("0.0.0.0:4000", HOST4), ("[::]:4001", HOST6)]
        .map(|(own, to)| (udp(&host.outside, own), (ip(to), 5353)));
    let mut buffer = [0; 16];
    for id in ["one", "two", "three"] {
        let attached = attach(&network, id, std::slice::from_ref(&port));
        let service = udp(&attached.namespace, "[::]:53");
        for (client, to) in &clients {
            client.send_to(b"line", to).unwrap();
            service.recv_from(&mut buffer).expect(id);
        }
        network.detach(id).unwrap();
        network.settle().unwrap();
    }
}

#[test]
fn a_port_of_an_address_that_is_not_the_hosts_catches_nothing() {
    let Some(host) = Host::new() else { return };
    let network = Network::new("not-ours");
    let port = PortRule {
        address: Some(ip(OUTSIDE4)),
        ..tcp(8080, 80)
    };
    let one = attach(&network, "one", &[port]);
    let outside = listen(&host.outside, 8080);
    assert!(reach(&here(), (ip(OUTSIDE4), 8080), &outside).is_some());
    assert!(reach(&one.namespace, (ip(OUTSIDE4), 8080), &outside).is_some());
}

#[test]
fn a_container_that_says_it_is_somebody_else_is_not_heard_outside() {
    let Some(host) = Host::new() else { return };
    let network = Network::new("spoof");
    let one = attach(&network, "one", &[]);
    let service = udp(&host.outside, "[::]:9");
    let mut buffer = [0; 16];
    for (own, to) in [("203.0.113.66", OUTSIDE4), ("fd99::66", OUTSIDE6)] {
        let send = |from: &str| {
            udp(&one.namespace, &SocketAddr::from((ip(from), 0)).to_string())
                .send_to(b"hello", (ip(to), 9))
                .unwrap();
        };
        within(&one.namespace, || {
            let route = Route::open().unwrap();
            let eth0 = route.link("eth0").unwrap().unwrap().index;
            let prefix = if ip(own).is_ipv4() { 32 } else { 128 };
            route.add_address(eth0, ip(own), prefix).unwrap();
        });
        let endpoint = &one.endpoint;
        let given = match ip(own) {
            IpAddr::V4(_) => endpoint.ipv4.to_string(),
            IpAddr::V6(_) => endpoint.ipv6.unwrap().to_string(),
        };
        send(&given);
        assert!(service.recv_from(&mut buffer).is_ok());
        send(own);
        assert!(service.recv_from(&mut buffer).is_err(), "{own}");
    }
}
