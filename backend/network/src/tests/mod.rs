//! A world's network among real kernel objects. Each test works in a network namespace of its own, which is "the host"
//! to it, with another one, "outside", behind a veth pair: the machine's table, settings and interfaces are not touched.

mod crash;
mod crowd;
mod faults;
mod healing;
mod hosts;
mod traffic;

use std::fs::{self, File};
use std::io::{Read, Write};
use std::net::{IpAddr, SocketAddr, TcpListener, TcpStream, UdpSocket};
use std::os::fd::{AsFd, AsRawFd, OwnedFd};
use std::os::unix::fs::MetadataExt;
use std::path::PathBuf;
use std::sync::atomic::{AtomicU32, Ordering};
use std::thread;
use std::time::Duration;

use netlink_packet_core::NetlinkMessage;
use netlink_packet_route::RouteNetlinkMessage;
use netlink_packet_route::link::{
    InfoData, InfoKind, InfoVeth, LinkAttribute, LinkInfo, LinkMessage,
};
use nix::sched::{CloneFlags, setns, unshare};

use crate::names::Names;
use crate::netlink::Netlink;
use crate::nft::{Nftables, table};
use crate::request::{AttachRequest, Attached, PortRule, Protocol};
use crate::route::Route;
use crate::{Network, NetworkError};

/// A connection that comes comes at once; one that is dropped never does.
const PATIENCE: Duration = Duration::from_millis(400);

/// The smallest packets that the uplink takes, to be found again inside.
const UPLINK_MTU: u32 = 1400;

/// A host of the test's own. The thread that made it is in it, and so are the threads that it starts.
struct Host {
    outside: OwnedFd,
}

/// The addresses of the host and of the outside on their common link.
const HOST4: &str = "198.51.100.1";
const HOST6: &str = "fd51::1";
const OUTSIDE4: &str = "198.51.100.2";
const OUTSIDE6: &str = "fd51::2";

impl Host {
    /// `None`, said aloud, where this process may not make one.
    fn new() -> Option<Self> {
        if unshare(CloneFlags::CLONE_NEWNET).is_err() {
            println!("SKIP needs root: a network namespace can't be made");
            return None;
        }
        at_once();
        let host = Self {
            outside: new_namespace(),
        };
        host.link("up0", [HOST4, HOST6], &host.outside, [OUTSIDE4, OUTSIDE6]);
        let route = Route::open().unwrap();
        let up0 = route.link("up0").unwrap().unwrap().index;
        route.raise(1).unwrap();
        for gateway in [OUTSIDE4, OUTSIDE6] {
            route
                .add_default_route(up0, ip(gateway), UPLINK_MTU)
                .unwrap();
        }
        Some(host)
    }

    /// A link to a namespace, with addresses of both families at both ends.
    fn link(&self, name: &str, here: [&str; 2], there: &OwnedFd, others: [&str; 2]) {
        add_veth(name, there);
        let configure = |name: &str, addresses: [&str; 2]| {
            let route = Route::open().unwrap();
            let index = route.link(name).unwrap().unwrap().index;
            for (address, prefix) in addresses.iter().zip([24, 64]) {
                route.add_address(index, ip(address), prefix).unwrap();
            }
            // The kernel gives another one, but a moment later.
            let local = if addresses[0].ends_with(".1") {
                "fe80::a"
            } else {
                "fe80::b"
            };
            route.add_address(index, ip(local), 64).unwrap();
            route.raise(index).unwrap();
            if let IpAddr::V6(address) = ip(addresses[1]) {
                Route::wait_until_heard(address).unwrap();
            }
        };
        configure(name, here);
        within(there, || {
            configure("out0", others);
            Route::open().unwrap().wait_until_running("out0").unwrap();
        });
        Route::open().unwrap().wait_until_running(name).unwrap();
    }
}

impl Drop for Host {
    fn drop(&mut self) {
        // What a failed test leaves of its world ends with its namespace, but for this file.
        let _ = fs::remove_file(ledger_file());
    }
}

fn ledger_file() -> PathBuf {
    let inode = fs::metadata("/proc/thread-self/ns/net").unwrap().ino();
    PathBuf::from(format!("/run/estiva/network-{inode}.json"))
}

fn new_namespace() -> OwnedFd {
    thread::spawn(|| {
        unshare(CloneFlags::CLONE_NEWNET).unwrap();
        at_once();
        Route::open().unwrap().raise(1).unwrap();
        here()
    })
    .join()
    .unwrap()
}

/// Addresses that nobody else can have are looked for by nobody, as on a host that has long been up.
fn at_once() {
    fs::write("/proc/sys/net/ipv6/conf/default/accept_dad", "0").unwrap();
}

fn here() -> OwnedFd {
    File::open("/proc/thread-self/ns/net").unwrap().into()
}

/// Does something in a namespace. Sockets that are made there stay there.
fn within<T: Send>(namespace: &OwnedFd, act: impl FnOnce() -> T + Send) -> T {
    thread::scope(|scope| {
        scope
            .spawn(|| {
                setns(namespace.as_fd(), CloneFlags::CLONE_NEWNET).unwrap();
                act()
            })
            .join()
            .unwrap()
    })
}

/// A veth pair: `name` here, `out0` there.
fn add_veth(name: &str, there: &OwnedFd) {
    // Two ends with the same index look like one interface to the kernel, which then takes a second to see a carrier.
    static INDEX: AtomicU32 = AtomicU32::new(50);
    let index = INDEX.fetch_add(2, Ordering::Relaxed);
    let mut peer = LinkMessage::default();
    peer.header.index = index + 1;
    peer.attributes = vec![
        LinkAttribute::IfName("out0".to_owned()),
        LinkAttribute::Mtu(UPLINK_MTU),
        LinkAttribute::NetNsFd(there.as_raw_fd()),
    ];
    let mut message = LinkMessage::default();
    message.header.index = index;
    message.attributes = vec![
        LinkAttribute::IfName(name.to_owned()),
        LinkAttribute::Mtu(UPLINK_MTU),
        LinkAttribute::LinkInfo(vec![
            LinkInfo::Kind(InfoKind::Veth),
            LinkInfo::Data(InfoData::Veth(InfoVeth::Peer(peer))),
        ]),
    ];
    let mut message = NetlinkMessage::from(RouteNetlinkMessage::NewLink(message));
    message.header.flags = 0x605;
    message.finalize();
    let mut bytes = vec![0; message.buffer_len()];
    message.serialize(&mut bytes);
    Netlink::route().unwrap().acknowledged(&bytes).unwrap();
}

fn ip(text: &str) -> IpAddr {
    text.parse().unwrap()
}

fn tcp(host_port: u16, container_port: u16) -> PortRule {
    PortRule {
        address: None,
        host_port,
        container_port,
        protocol: Protocol::Tcp,
    }
}

fn request(id: &str, ports: &[PortRule]) -> AttachRequest {
    AttachRequest {
        id: id.to_owned(),
        ports: ports.to_vec(),
    }
}

fn attach(network: &Network, id: &str, ports: &[PortRule]) -> Attached {
    network.attach(&request(id, ports)).unwrap()
}

fn listen(namespace: &OwnedFd, port: u16) -> TcpListener {
    within(namespace, || {
        let listener = TcpListener::bind(("::", port)).unwrap();
        listener.set_nonblocking(true).unwrap();
        listener
    })
}

/// Connects from a namespace and sends a word. The address that the listener sees; `None` where nothing arrives.
fn reach(from: &OwnedFd, to: (IpAddr, u16), listener: &TcpListener) -> Option<IpAddr> {
    let sent = within(from, || {
        let mut stream = TcpStream::connect_timeout(&SocketAddr::from(to), PATIENCE).ok()?;
        stream.write_all(b"estiva").unwrap();
        Some(stream)
    });
    match sent {
        None => {
            assert!(listener.accept().is_err(), "half a connection arrived");
            None
        }
        Some(sent) => {
            let (mut stream, peer) = listener.accept().unwrap();
            drop(sent);
            stream.set_nonblocking(false).unwrap();
            let mut word = String::new();
            stream.read_to_string(&mut word).unwrap();
            assert_eq!(word, "estiva");
            Some(match peer.ip() {
                IpAddr::V6(address) => address.to_canonical(),
                address => address,
            })
        }
    }
}

fn udp(namespace: &OwnedFd, address: &str) -> UdpSocket {
    within(namespace, || {
        let socket = UdpSocket::bind(address).unwrap();
        socket.set_read_timeout(Some(PATIENCE)).unwrap();
        socket
    })
}

/// What there is of a world: interfaces, table, and the written-down settings.
fn traces(world: &str) -> Vec<String> {
    let names = Names::new(world);
    let mut found: Vec<_> = Route::open()
        .unwrap()
        .links()
        .unwrap()
        .into_iter()
        .filter(|link| link.name == names.bridge || names.is_veth(&link.name))
        .map(|link| link.name)
        .collect();
    if table::exists(&Nftables::default(), &names.table).unwrap() {
        found.push(names.table);
    }
    found.extend(fs::read_to_string(ledger_file()));
    found.extend(fs::read_to_string(ledger_file().with_extension("new")));
    found
}

/// Every setting of forwarding in this namespace, in order.
fn forwarding() -> Vec<(PathBuf, String)> {
    let mut found = Vec::new();
    for family in ["ipv4", "ipv6"] {
        for entry in fs::read_dir(format!("/proc/sys/net/{family}/conf")).unwrap() {
            for name in ["forwarding", "force_forwarding", "accept_ra"] {
                let path = entry.as_ref().unwrap().path().join(name);
                if let Ok(text) = fs::read_to_string(&path) {
                    found.push((path, text.trim().to_owned()));
                }
            }
        }
    }
    found.sort();
    found
}
