//! What it costs to attach a container and to detach it: `attach_cost [ROUNDS]`, as root. It works in a network namespace of
//! its own, so the host's table and settings are not touched. The first attach builds bridge and table; the others are warm.
//! With `ESTIVA_COMMAND` set, that shell command runs while one container with a published port is attached, to look around.
#![allow(
    clippy::print_stdout,
    reason = "a program for the terminal prints its numbers"
)]

use std::env;
use std::process::Command;
use std::time::{Duration, Instant};

use estiva_network::{AttachRequest, Network, PortRule, Protocol};
use nix::sched::{CloneFlags, unshare};

fn request(index: usize) -> AttachRequest {
    let host_port = 1000 + u16::try_from(index % 10_000).expect("it is below 10,000");
    AttachRequest {
        id: format!("{index:064x}"),
        ports: vec![PortRule {
            address: None,
            host_port,
            container_port: 80,
            protocol: Protocol::Tcp,
        }],
    }
}

fn median(mut times: Vec<Duration>) -> Duration {
    times.sort();
    times[times.len() / 2]
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let rounds: usize = match env::args().nth(1) {
        Some(text) => text.parse()?,
        None => 100,
    };
    unshare(CloneFlags::CLONE_NEWNET)?;
    let network = Network::new("attach-cost");
    network.recover(&[])?;
    let begun = Instant::now();
    let first = network.attach(&request(0))?;
    println!("first attach {:?}: {:?}", begun.elapsed(), first.endpoint);
    if let Ok(command) = env::var("ESTIVA_COMMAND") {
        Command::new("sh").args(["-c", &command]).status()?;
    }
    let (mut attaches, mut detaches) = (Vec::new(), Vec::new());
    for index in 1..=rounds {
        let begun = Instant::now();
        let attached = network.attach(&request(index))?;
        attaches.push(begun.elapsed());
        drop(attached);
        let begun = Instant::now();
        network.detach(&format!("{index:064x}"))?;
        detaches.push(begun.elapsed());
        if env::var("ESTIVA_GAP").is_ok() {
            std::thread::sleep(Duration::from_millis(100));
        }
    }
    if rounds > 0 {
        println!(
            "{rounds} rounds, median: attach {:?}, detach {:?}",
            median(attaches),
            median(detaches)
        );
    }
    drop(first);
    network.detach(&request(0).id)?;
    let begun = Instant::now();
    network.settle()?;
    println!("the last goes: {:?}", begun.elapsed());
    Ok(())
}
