//! RUN on the bridge: a way out, a namespace apart, one place on the network a build, and nothing left of it.

use std::fs;
use std::io::{Read as _, Write as _};
use std::net::TcpListener;
use std::time::{Duration, Instant};

use estiva_shared::protocol::NetworkMode;

use crate::world::World;

/// A server that answers each request with one word; its port.
fn word_server() -> u16 {
    let listener = TcpListener::bind("0.0.0.0:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    std::thread::spawn(move || {
        for mut stream in listener.incoming().flatten() {
            let _ = stream.read(&mut [0; 1024]);
            let _ = stream.write_all(b"HTTP/1.0 200 OK\r\nContent-Length: 5\r\n\r\nword\n");
        }
    });
    port
}

/// The aliases of interfaces that tell of this world.
fn interfaces_of(world: &World) -> Vec<String> {
    let interfaces = fs::read_dir("/sys/class/net").unwrap().flatten();
    let aliases = interfaces
        .map(|interface| fs::read_to_string(interface.path().join("ifalias")).unwrap_or_default());
    aliases
        .filter(|alias| alias.contains(&world.name))
        .collect()
}

#[test]
fn steps_on_the_bridge_reach_out_from_one_place_and_leave_nothing() {
    let Some(world) = World::new("run_bridge") else {
        return;
    };
    let port = word_server();
    let mut request = World::request(&format!(
        "FROM busybox\n\
         RUN wget -qO /word http://$(ip route | awk '/^default/ {{print $3}}'):{port}/ && ip -4 addr show eth0 | grep inet\n\
         RUN ip -4 addr show eth0 | grep inet; (nc -l -p 80 &) ; echo more >> /word\n\
         RUN nc -z 127.0.0.1 80 || echo nobody listens\n\
         RUN --network=none ip addr | grep eth0 || echo apart\n"
    ));
    request.network = NetworkMode::Bridge;
    let outcome = world.build_request(&request);
    let output = outcome.output();
    outcome.result.unwrap();
    let addresses: Vec<&str> = output
        .lines()
        .filter(|line| line.trim_start().starts_with("inet "))
        .collect();
    assert!(
        addresses.len() == 2 && addresses[0] == addresses[1],
        "{output}"
    );
    assert!(output.contains("nobody listens"), "{output}");
    assert!(output.contains("apart"), "{output}");
    let files = world.files("test");
    assert_eq!(files.read("/word"), "word\nmore\n");
    assert!(!files.exists("/etc/resolv.conf") && !files.exists("/etc/hosts"));
    drop(files);
    let name = world.name.clone();
    let begun = Instant::now();
    // Bridge and pair go a moment after the last step.
    while !interfaces_of(&world).is_empty() {
        assert!(begun.elapsed() < Duration::from_secs(20), "left: {name}");
        std::thread::sleep(Duration::from_millis(50));
    }
    world.assert_clean();
}

#[test]
fn a_step_on_another_network_is_another_step_to_the_cache() {
    let Some(world) = World::new("run_bridge_cache") else {
        return;
    };
    let dockerfile = "FROM busybox\nRUN ip addr | grep -c eth0 > /count || true\n";
    let count = |network| {
        let mut request = World::request(dockerfile);
        request.network = network;
        world.build_request(&request).result.unwrap();
        let files = world.files("test");
        files.read("/count").trim().to_owned()
    };
    assert_eq!(count(NetworkMode::None), "0");
    assert_ne!(count(NetworkMode::Bridge), "0");
    assert_eq!(count(NetworkMode::None), "0");
    world.assert_clean();
}
