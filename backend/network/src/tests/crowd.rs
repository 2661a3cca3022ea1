//! Many at once.

use std::collections::HashSet;
use std::sync::Mutex;
use std::sync::atomic::AtomicUsize;

use super::*;

/// How many containers come and go, and how many of them at a time.
const CONTAINERS: usize = 200;
const AT_A_TIME: usize = 8;

#[test]
fn two_hundred_containers_eight_at_a_time_leave_nothing() {
    let Some(_host) = Host::new() else { return };
    let before = forwarding();
    let network = Network::new("crowd");
    let next = AtomicUsize::new(0);
    let addresses = Mutex::new(HashSet::new());
    thread::scope(|scope| {
        for _ in 0..AT_A_TIME {
            scope.spawn(|| {
                loop {
                    let index = next.fetch_add(1, Ordering::Relaxed);
                    if index >= CONTAINERS {
                        break;
                    }
                    let id = format!("{index:064x}");
                    let port = tcp(10_000 + u16::try_from(index).unwrap(), 80);
                    let attached = attach(&network, &id, &[port]);
                    let address = attached.endpoint.ipv4;
                    assert!(addresses.lock().unwrap().insert(address), "given out twice");
                    within(&attached.namespace, || {
                        assert!(Route::open().unwrap().link("eth0").unwrap().unwrap().up);
                    });
                    drop(attached);
                    addresses.lock().unwrap().remove(&address);
                    network.detach(&id).unwrap();
                }
            });
        }
    });
    network.settle().unwrap();
    assert_eq!(traces("crowd"), Vec::<String>::new());
    assert_eq!(forwarding(), before);
}

#[test]
fn several_worlds_that_begin_at_once_get_networks_of_their_own() {
    let Some(_host) = Host::new() else { return };
    let networks: Vec<_> = (0..6)
        .map(|index| Network::new(&format!("rush-{index}")))
        .collect();
    let gateways: HashSet<_> = thread::scope(|scope| {
        let threads: Vec<_> = networks
            .iter()
            .map(|network| scope.spawn(|| attach(network, "one", &[]).endpoint))
            .collect();
        threads
            .into_iter()
            .map(|thread| thread.join().unwrap().ipv4_gateway)
            .collect()
    });
    assert_eq!(gateways.len(), networks.len());
    for network in &networks {
        network.remove_all().unwrap();
    }
    assert!(!ledger_file().exists());
}
