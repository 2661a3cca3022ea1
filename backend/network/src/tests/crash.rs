//! Killed at any moment: a child process attaches and detaches until it is killed, and the next one recovers.

use std::env;
use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};

use super::*;
use crate::request::Held;

/// Set in the child's environment: the world to work in.
const WORLD: &str = "ESTIVA_TEST_CRASH_WORLD";

/// How often a child is killed. Each dies a little later in its work than the one before.
const ROUNDS: u32 = 24;

/// A child that is killed when the test fails.
struct Killed(Child);

impl Drop for Killed {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// The child's part of the test below; nothing by itself.
#[test]
fn works_until_it_is_killed() {
    let Ok(world) = env::var(WORLD) else { return };
    let network = Network::new(&world);
    network.recover(&[]).unwrap();
    println!("ready");
    for index in 0u16.. {
        let id = format!("container {}", index % 7);
        let attached = attach(&network, &id, &[tcp(9000 + index % 7, 80)]);
        drop(attached);
        network.detach(&id).unwrap();
        if index % 3 == 0 {
            // Bridge, table and forwarding go, and come again with the next one.
            network.settle().unwrap();
        }
    }
}

fn start(world: &str) -> Killed {
    let child = Command::new(env::current_exe().unwrap())
        .args(["--exact", "tests::crash::works_until_it_is_killed"])
        .arg("--nocapture")
        .env(WORLD, world)
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut killed = Killed(child);
    let output = BufReader::new(killed.0.stdout.take().unwrap());
    let ready = output.lines().any(|line| line.unwrap().contains("ready"));
    assert!(ready, "the child ended before it was ready");
    killed
}

#[test]
fn killed_at_any_moment_it_leaves_nothing_that_a_recovery_does_not_remove() {
    let Some(_host) = Host::new() else { return };
    let before = forwarding();
    for round in 0..ROUNDS {
        let child = start("killed");
        // Not a multiple of the child's own time, so that the moment wanders.
        thread::sleep(Duration::from_micros(u64::from(round) * 1733));
        drop(child);
        let network = Network::new("killed");
        network.recover(&[]).unwrap();
        assert_eq!(traces("killed"), Vec::<String>::new(), "round {round}");
        assert_eq!(forwarding(), before, "round {round}");
    }
}

#[test]
fn killed_beside_a_living_container_it_keeps_that_one_and_its_address() {
    let Some(host) = Host::new() else { return };
    let before = forwarding();
    let ports = [tcp(8080, 80)];
    let former = Network::new("killed-beside");
    let one = attach(&former, "one", &ports);
    std::mem::forget(former);
    let living = Held {
        id: "one".to_owned(),
        endpoint: one.endpoint.clone(),
        ports: ports.to_vec(),
    };
    let listener = listen(&one.namespace, 80);
    for round in 0..ROUNDS / 4 {
        let network = Network::new("killed-beside");
        network.recover(std::slice::from_ref(&living)).unwrap();
        let two = attach(&network, "two", &[tcp(8081, 80)]);
        assert_ne!(two.endpoint.ipv4, one.endpoint.ipv4, "round {round}");
        assert!(reach(&host.outside, (ip(HOST4), 8080), &listener).is_some());
        std::mem::forget(network);
    }
    Network::new("killed-beside").recover(&[]).unwrap();
    assert_eq!(traces("killed-beside"), Vec::<String>::new());
    assert_eq!(forwarding(), before);
}

#[test]
fn killed_while_it_wrote_settings_down_it_leaves_no_draft() {
    let Some(_host) = Host::new() else { return };
    fs::create_dir_all("/run/estiva").unwrap();
    fs::write(ledger_file().with_extension("new"), "{\"boot\"").unwrap();
    Network::new("draft").recover(&[]).unwrap();
    assert_eq!(traces("draft"), Vec::<String>::new());
}
