//! The default network and published ports, as their users meet them: by the command line, with real servers inside and
//! real clients outside. Ports are the kernel's choice, so that tests can run beside each other.

// A panic is how tests fail.
#![allow(clippy::unwrap_used)]

mod world;

use std::fs;
use std::io::{Read as _, Write as _};
use std::net::{IpAddr, SocketAddr, TcpListener, TcpStream, UdpSocket};
use std::thread;
use std::time::{Duration, Instant};

use estiva_shared::protocol::ContainerSummary;
use rustix::fd::AsFd as _;
use rustix::process::{Pid, Signal, kill_process};
use rustix::thread::{LinkNameSpaceType, move_into_link_name_space};
use world::{World, eventually};

/// Longer than anything here takes on a busy host.
const PATIENCE: Duration = Duration::from_secs(20);

/// A web server with one page, on IPv4 only.
const WEB: &str = "mkdir /www; echo hello > /www/index.html; exec httpd -f -p 0.0.0.0:80 -h /www";

fn web<'a>(name: &'a str, options: &[&'a str]) -> Vec<&'a str> {
    let mut words = vec!["run", "-d", "--name", name];
    words.extend(options);
    words.extend(["busybox", "sh", "-c", WEB]);
    words
}

/// What `ps --json` knows of a running container.
fn seen(world: &World, name: &str) -> ContainerSummary {
    let json = world.ok(&["ps", "--json"]);
    let all: Vec<ContainerSummary> = serde_json::from_str(&json).unwrap();
    all.into_iter().find(|one| one.name == name).unwrap()
}

fn host_port(world: &World, name: &str) -> u16 {
    seen(world, name).ports[0].host_port
}

/// Asks for the page until it comes: the server inside begins a moment after its container.
fn page(address: SocketAddr) -> String {
    let begun = Instant::now();
    loop {
        match try_page(address) {
            Ok(page) if page.ends_with("hello\n") => return page,
            other => assert!(begun.elapsed() < PATIENCE, "{address}: {other:?}"),
        }
        thread::sleep(Duration::from_millis(20));
    }
}

fn try_page(address: SocketAddr) -> std::io::Result<String> {
    let mut stream = TcpStream::connect_timeout(&address, Duration::from_secs(2))?;
    stream.set_read_timeout(Some(Duration::from_secs(2)))?;
    stream.write_all(b"GET / HTTP/1.0\r\n\r\n")?;
    let mut page = String::new();
    stream.read_to_string(&mut page)?;
    Ok(page)
}

/// Runs something in the network of a running container, by a thread that ends with it.
fn inside<T: Send + 'static>(
    container: &ContainerSummary,
    work: impl FnOnce() -> T + Send + 'static,
) -> T {
    let namespace = fs::File::open(format!("/proc/{}/ns/net", container.pid.unwrap())).unwrap();
    let thread = thread::spawn(move || {
        move_into_link_name_space(namespace.as_fd(), Some(LinkNameSpaceType::Network)).unwrap();
        work()
    });
    thread.join().unwrap()
}

/// The gateway of a container's network: the host's own address on the bridge, of each family that there is.
fn gateways(container: &ContainerSummary) -> Vec<IpAddr> {
    let first = |address: &IpAddr| match address {
        IpAddr::V4(address) => {
            // A /22, of which the bridge has the first address.
            IpAddr::V4(((u32::from(*address) & !0x3FF) + 1).into())
        }
        IpAddr::V6(address) => IpAddr::V6(((u128::from(*address) >> 64 << 64) + 1).into()),
    };
    container.addresses.iter().map(first).collect()
}

/// The interfaces that still say they are of one of these containers.
fn interfaces_of(ids: &[String]) -> Vec<String> {
    let interfaces = fs::read_dir("/sys/class/net").unwrap().flatten();
    let aliases = interfaces
        .map(|interface| fs::read_to_string(interface.path().join("ifalias")).unwrap_or_default());
    aliases
        .filter(|alias| ids.iter().any(|id| alias.contains(&id[..12])))
        .collect()
}

fn until(what: &str, mut holds: impl FnMut() -> bool) {
    let begun = Instant::now();
    while !holds() {
        assert!(begun.elapsed() < PATIENCE, "never: {what}");
        thread::sleep(Duration::from_millis(20));
    }
}

fn kill(pid: i32) {
    kill_process(Pid::from_raw(pid).unwrap(), Signal::KILL).unwrap();
}

/// The number that stands in a file of a container's folder.
fn number(world: &World, id: &str, file: &str, key: &str) -> i32 {
    let path = world.root().join("containers").join(id).join(file);
    let json: serde_json::Value = serde_json::from_slice(&fs::read(path).unwrap()).unwrap();
    i32::try_from(json[key].as_i64().unwrap()).unwrap()
}

#[test]
fn a_published_port_answers_from_everywhere_and_does_not_notice_the_servers_end() {
    let test = "a_published_port_answers_from_everywhere_and_does_not_notice_the_servers_end";
    let (Some(world), Some(other)) = (World::with_busybox(test), World::with_busybox(test)) else {
        return;
    };
    // It listens on both families: what comes over IPv6 from elsewhere, the kernel leads to its IPv6 address.
    let script = WEB.replace("0.0.0.0:80", "80");
    world.ok(&[
        "run", "-d", "--name", "web", "-p", "80", "busybox", "sh", "-c", &script,
    ]);
    let web = seen(&world, "web");
    let port = host_port(&world, "web");
    let mut addresses: Vec<IpAddr> = ["127.0.0.1", "127.0.0.7", "::1"]
        .iter()
        .map(|address| address.parse().unwrap())
        .collect();
    addresses.extend(gateways(&web));
    let all_answer = || {
        for address in &addresses {
            page(SocketAddr::new(*address, port));
        }
    };
    all_answer();
    // Another network namespace, behind another world's bridge: to it, the host is that bridge's address.
    other.ok(&["run", "-d", "--name", "client", "busybox", "sleep", "1000"]);
    let client = seen(&other, "client");
    for gateway in gateways(&client) {
        inside(&client, move || page(SocketAddr::new(gateway, port)));
    }
    world.kill_server();
    all_answer();
    assert_eq!(seen(&world, "web").ports, web.ports);
    assert_eq!(seen(&world, "web").addresses, web.addresses);
    all_answer();
    world.ok(&["rm", "-f", "web"]);
    // Free at once, to the last of its addresses.
    TcpListener::bind(("::", port)).unwrap();
    // The pair goes with its namespace, a moment later.
    let own = [web.id];
    eventually("its pair's end", || interfaces_of(&own).is_empty());
}

#[test]
fn datagrams_find_their_way_in_and_back() {
    let Some(world) = World::with_busybox("datagrams_find_their_way_in_and_back") else {
        return;
    };
    world.ok(&[
        "run",
        "-d",
        "--name",
        "dns",
        "-p",
        "127.0.0.1::53/udp",
        "-p",
        "[::1]::53/udp",
        "busybox",
        "sleep",
        "1000",
    ]);
    let container = seen(&world, "dns");
    let echo = inside(&container, || UdpSocket::bind("0.0.0.0:53").unwrap());
    echo.set_read_timeout(Some(PATIENCE)).unwrap();
    thread::spawn(move || {
        let mut bytes = [0; 1024];
        while let Ok((length, from)) = echo.recv_from(&mut bytes) {
            let _ = echo.send_to(&bytes[..length], from);
        }
    });
    assert_eq!(container.ports.len(), 2);
    for published in &container.ports {
        let address = published.address.unwrap();
        let client = UdpSocket::bind((address, 0)).unwrap();
        client.connect((address, published.host_port)).unwrap();
        client.set_read_timeout(Some(PATIENCE)).unwrap();
        for text in ["one", "two"] {
            client.send(text.as_bytes()).unwrap();
            let mut answer = [0; 16];
            let length = client.recv(&mut answer).unwrap();
            assert_eq!(&answer[..length], text.as_bytes());
        }
    }
    let said = world.ok(&["port", "dns", "53/udp"]);
    assert_eq!(said.lines().count(), 2, "{said}");
    world.fails(1, &["port", "dns", "53"]);
    world.fails(1, &["port", "dns", "54/udp"]);
}

#[test]
fn a_port_that_is_taken_is_refused_by_its_holders_name_and_nothing_is_made() {
    let test = "a_port_that_is_taken_is_refused_by_its_holders_name_and_nothing_is_made";
    let Some(world) = World::with_busybox(test) else {
        return;
    };
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = taken.local_addr().unwrap().port();
    let publish = format!("{port}:80");
    let said = world.fails(125, &web("web", &["-p", &publish]));
    let me = format!("(process {})", std::process::id());
    assert!(
        said.contains(&me) && said.contains(&port.to_string()),
        "{said}"
    );
    world.ok(&web("first", &["-p", "127.0.0.1::80"]));
    let publish = format!("127.0.0.1:{}:80", host_port(&world, "first"));
    let said = world.fails(125, &web("web", &["-p", &publish]));
    assert!(said.contains("taken by container first"), "{said}");
    for network in ["none", "host"] {
        let said = world.fails(125, &web("web", &["-P", "--network", network]));
        assert!(said.contains(&format!("--network {network}")), "{said}");
    }
    let said = world.fails(125, &web("web", &["-p", "192.0.2.1:80:80"]));
    assert!(said.contains("can't be published"), "{said}");
    for words in [
        "0",
        "65536",
        "80:65536",
        "8000-8002:80-81",
        "localhost:80:80",
        "80/sctp",
    ] {
        let said = world.fails(125, &web("web", &["-p", words]));
        assert!(said.contains("expected") || said.contains("SCTP"), "{said}");
    }
    let all = world.ok(&["ps", "-aq"]);
    assert_eq!(all.lines().count(), 1, "only the first is there: {all}");
}

#[test]
fn all_that_an_image_exposes_is_published_by_one_option() {
    let test = "all_that_an_image_exposes_is_published_by_one_option";
    let Some(world) = World::with_busybox(test) else {
        return;
    };
    let context = world.path("context");
    fs::create_dir(&context).unwrap();
    let dockerfile = format!("FROM busybox\nEXPOSE 80 53/udp\nCMD [\"sh\", \"-c\", \"{WEB}\"]\n");
    fs::write(context.join("Dockerfile"), dockerfile).unwrap();
    world.ok(&["build", "-t", "site", context.to_str().unwrap()]);
    world.ok(&["run", "-d", "-P", "--name", "site", "site"]);
    let ports: Vec<_> = seen(&world, "site")
        .ports
        .iter()
        .map(|port| port.container_port)
        .collect();
    assert_eq!(ports, [53, 80]);
    let lines = world.ok(&["port", "site", "80"]);
    let address = lines.lines().next().unwrap();
    let port = address.strip_prefix("0.0.0.0:").unwrap();
    page(format!("127.0.0.1:{port}").parse().unwrap());
    assert!(world.ok(&["ps"]).contains(&format!("{address}->80/tcp")));
}

#[test]
fn whoever_is_killed_in_whatever_order_nothing_stays_and_the_port_answers_while_it_can() {
    let test = "whoever_is_killed_in_whatever_order_nothing_stays_and_the_port_answers";
    let Some(world) = World::with_busybox(test) else {
        return;
    };
    let id = world.ok(&web("web", &["-p", "80"])).trim().to_owned();
    let address = SocketAddr::new("127.0.0.1".parse().unwrap(), host_port(&world, "web"));
    page(address);
    let proxy = || number(&world, &id, "proxy.json", "pid");
    // The server notices.
    let first = proxy();
    kill(first);
    until("another proxy", || proxy() != first);
    page(address);
    // Nobody notices, until a server is there again.
    let second = proxy();
    world.kill_server();
    page(address);
    kill(second);
    assert!(world.ok(&["ps"]).contains("web"));
    until("a third proxy", || proxy() != second);
    page(address);
    // The monitor, while no server looks.
    let third = proxy();
    let monitor = number(&world, &id, "monitor.json", "monitor_pid");
    world.kill_server();
    kill(monitor);
    until("the proxy ends with its container", || {
        let state = fs::read_to_string(format!("/proc/{third}/stat")).unwrap_or_default();
        state.is_empty() || state.contains(") Z ")
    });
    assert!(world.ok(&["ps", "-a"]).contains("Failed"));
    assert_eq!(
        interfaces_of(std::slice::from_ref(&id)),
        Vec::<String>::new()
    );
    TcpListener::bind(("::", address.port())).unwrap();
    world.ok(&["rm", "web"]);
}

#[test]
fn forty_containers_with_a_port_each_come_and_go_eight_at_a_time_and_leave_nothing() {
    let test = "forty_containers_with_a_port_each_come_and_go_eight_at_a_time_and_leave_nothing";
    let Some(world) = World::with_busybox(test) else {
        return;
    };
    let ids = thread::scope(|scope| {
        let workers: Vec<_> = (0..8)
            .map(|_| {
                scope.spawn(|| {
                    let mut ids = Vec::new();
                    for _ in 0..5 {
                        let words = [
                            "run",
                            "-d",
                            "-p",
                            "127.0.0.1::80",
                            "busybox",
                            "sleep",
                            "1000",
                        ];
                        let id = world.ok(&words).trim().to_owned();
                        world.ok(&["rm", "-f", &id]);
                        ids.push(id);
                    }
                    ids
                })
            })
            .collect();
        let ids = workers
            .into_iter()
            .flat_map(|worker| worker.join().unwrap());
        ids.collect::<Vec<_>>()
    });
    assert_eq!(ids.len(), 40);
    assert_eq!(world.ok(&["ps", "-aq"]), "");
    until("no interface is left", || interfaces_of(&ids).is_empty());
    let groups: Vec<_> = fs::read_dir("/sys/fs/cgroup")
        .unwrap()
        .flatten()
        .flat_map(|hierarchy| {
            fs::read_dir(hierarchy.path())
                .into_iter()
                .flatten()
                .flatten()
        })
        .flat_map(|world| fs::read_dir(world.path()).into_iter().flatten().flatten())
        .filter(|group| {
            ids.iter()
                .any(|id| group.file_name().to_string_lossy() == id.as_str())
        })
        .collect();
    assert!(groups.is_empty(), "{groups:?}");
}

/// `run --rm -p 80 busybox true` failed every third time: the program had ended before its proxy began.
#[test]
fn a_program_that_ends_at_once_may_publish_a_port() {
    let test = "a_program_that_ends_at_once_may_publish_a_port";
    let Some(world) = World::with_busybox(test) else {
        return;
    };
    thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                for _ in 0..10 {
                    world.ok(&["run", "--rm", "-p", "127.0.0.1::80", "busybox", "true"]);
                }
            });
        }
    });
    assert_eq!(world.ok(&["ps", "-aq"]), "");
}

#[test]
fn a_reset_takes_running_containers_and_their_ports_away() {
    let test = "a_reset_takes_running_containers_and_their_ports_away";
    let Some(world) = World::with_busybox(test) else {
        return;
    };
    let id = world.ok(&web("web", &["-p", "80"])).trim().to_owned();
    let port = host_port(&world, "web");
    page(SocketAddr::new("::1".parse().unwrap(), port));
    world.ok(&["reset", "--yes"]);
    TcpListener::bind(("::", port)).unwrap();
    assert_eq!(interfaces_of(&[id]), Vec::<String>::new());
}

#[test]
fn the_last_bytes_of_a_container_that_ends_arrive() {
    let test = "the_last_bytes_of_a_container_that_ends_arrive";
    let Some(world) = World::with_busybox(test) else {
        return;
    };
    // One connection, written into by the container's first process: it ends with most of it still on its way.
    let script = "exec nc -l -p 80 -e head -c 1000000 /dev/zero";
    world.ok(&[
        "run",
        "-d",
        "--rm",
        "--name",
        "once",
        "-p",
        "127.0.0.1::80",
        "busybox",
        "sh",
        "-c",
        script,
    ]);
    let address = ("127.0.0.1", host_port(&world, "once"));
    let begun = Instant::now();
    let received = loop {
        let mut stream = TcpStream::connect(address).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        let mut all = Vec::new();
        match stream.read_to_end(&mut all) {
            Ok(length) if length > 0 => break length,
            // It does not listen yet.
            other => assert!(begun.elapsed() < PATIENCE, "{other:?}"),
        }
        thread::sleep(Duration::from_millis(20));
    };
    assert_eq!(received, 1_000_000);
}
