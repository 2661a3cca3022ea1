//! Bases of Debian's packages, and the example that is built on one. They need mmdebstrap, a mirror, and npm's registry; without
//! them they say SKIP.

#![allow(
    clippy::unwrap_used,
    clippy::print_stderr,
    reason = "a failed unwrap is a failed test, and a skip is printed for the log to be counted"
)]

mod world;

use std::fs;
use std::io::{Read as _, Write as _};
use std::net::{IpAddr, Ipv6Addr, SocketAddr, TcpStream};
use std::os::fd::AsFd as _;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use estiva_shared::image::ImageAnalysis;
use estiva_shared::image::holdings::DangerKind;
use rustix::thread::{LinkNameSpaceType, move_into_link_name_space};
use world::{World, eventually, umoci};

/// What a failed installation says where the host reaches no mirror: that is no fault of the program's.
const UNREACHABLE: [&str; 5] = [
    "in its Release file",
    "Could not resolve",
    "Unable to connect",
    "Connection failed",
    "Temporary failure",
];

/// Makes a base; false, with the reason printed, where this host can't.
fn has_base(world: &World, test: &str, base: &str) -> bool {
    if !Path::new("/usr/bin/mmdebstrap").exists() {
        eprintln!("SKIP {test}: needs Debian's package mmdebstrap");
        return false;
    }
    let made = world.estiva(&["base", base]);
    let said = String::from_utf8_lossy(&made.stderr).into_owned();
    if UNREACHABLE.iter().any(|word| said.contains(word)) {
        eprintln!("SKIP {test}: no Debian mirror can be reached: {said}");
        return false;
    }
    assert!(made.status.success(), "{said}");
    true
}

fn id(world: &World, image: &str) -> String {
    let images = world.ok(&["images", "--json"]);
    let images: serde_json::Value = serde_json::from_str(&images).unwrap();
    let found = images.as_array().unwrap().iter().find(|found| {
        let names = found["names"].as_array().unwrap();
        names.iter().any(|name| name == image)
    });
    found.unwrap()["id"].as_str().unwrap().to_owned()
}

#[test]
fn the_same_packages_give_the_same_image_and_tell_nothing_of_the_host() {
    let test = "the_same_packages_give_the_same_image_and_tell_nothing_of_the_host";
    let (Some(first), Some(second)) = (World::new(test), World::new(test)) else {
        return;
    };
    let other = std::thread::scope(|scope| {
        let other = scope.spawn(|| has_base(&second, test, "debian"));
        has_base(&first, test, "debian") & other.join().unwrap()
    });
    if !other {
        return;
    }
    assert_eq!(
        id(&first, "debian:bookworm"),
        id(&second, "debian:bookworm")
    );
    let host = rustix::system::uname()
        .nodename()
        .to_string_lossy()
        .into_owned();
    let sources = first.ok(&["run", "--rm", "debian", "cat", "/etc/apt/sources.list"]);
    assert_eq!(
        sources,
        "deb http://deb.debian.org/debian bookworm main\n\
         deb http://deb.debian.org/debian bookworm-updates main\n\
         deb http://deb.debian.org/debian-security bookworm-security main\n"
    );
    let left = first.ok(&["run", "--rm", "debian", "sh", "-c",
        "ls /var/log /var/cache/apt/archives/*.deb /etc/apt/apt.conf.d /etc/machine-id 2>/dev/null; cat /etc/hostname; true"]);
    assert!(
        !left.contains(".log") && !left.contains("99mmdebstrap"),
        "{left}"
    );
    assert!(host.len() < 4 || !left.contains(&host), "{left}");
    assert_holdings(&first);
    if umoci::is_there(test) {
        umoci::assert_image_unpacks_as_shown(&first, "debian");
    }
    assert_nothing_is_left(&first);
}

/// What is read from the layers is what the system itself says: dpkg's packages, and the setuid programs that `find` finds.
fn assert_holdings(world: &World) {
    let json = world.ok(&["inspect", "--json", "debian"]);
    let analysis: ImageAnalysis = serde_json::from_str(&json).unwrap();
    let holdings = &analysis.holdings;
    let said = |words: &[&str]| {
        let said = world.ok(&[&["run", "--rm", "--net=none", "debian"], words].concat());
        let mut lines: Vec<_> = said.lines().map(str::to_owned).collect();
        lines.sort();
        lines
    };
    let format = "${Package} ${Version} ${Architecture}\\n";
    let packages = holdings.packages.iter().map(|found| {
        let architecture = found.architecture.as_deref().unwrap_or_default();
        format!("{} {} {architecture}", found.name, found.version)
    });
    let mut packages: Vec<_> = packages.collect();
    packages.sort();
    assert_eq!(packages, said(&["dpkg-query", "-W", "-f", format]));
    let setuid = holdings
        .dangers
        .iter()
        .find(|group| group.kind == DangerKind::Setuid)
        .unwrap();
    let paths: Vec<_> = setuid
        .found
        .iter()
        .map(|found| format!("/{}", found.path.as_deref().unwrap()))
        .collect();
    let find = ["find", "/", "-xdev", "-type", "f", "-perm", "-4000"];
    assert_eq!(paths, said(&find));
    // What dpkg's lists don't name is little: caches, links, what the configuration of packages made.
    let files = analysis
        .tree
        .iter()
        .map(|entry| entry.size_bytes)
        .sum::<u64>();
    let owned = holdings.by_kind[0].size_bytes;
    assert!(
        owned <= files && owned > files / 10 * 8,
        "{owned} of {files}"
    );
    assert!(holdings.user.is_root && holdings.distribution.as_ref().unwrap().id == "debian");
    let names = holdings.unread.iter().map(|unread| &unread.path);
    assert_eq!(names.collect::<Vec<_>>(), Vec::<&Option<String>>::new());
}

fn assert_nothing_is_left(world: &World) {
    let ingest = world.root().join("ingest");
    assert_eq!(
        fs::read_dir(&ingest).unwrap().count(),
        0,
        "something is left in {}",
        ingest.display()
    );
    let mounts = fs::read_to_string("/proc/self/mounts").unwrap();
    assert!(
        !mounts.contains(ingest.to_str().unwrap()),
        "a mount is left"
    );
}

#[test]
fn an_installation_that_nobody_waits_for_any_more_leaves_nothing() {
    let test = "an_installation_that_nobody_waits_for_any_more_leaves_nothing";
    let Some(world) = World::new(test) else {
        return;
    };
    if !Path::new("/usr/bin/mmdebstrap").exists() {
        eprintln!("SKIP {test}: needs Debian's package mmdebstrap");
        return;
    }
    for kill_server in [false, true] {
        let mut client = world
            .command(&["base", "debian"])
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut said = String::new();
        let mut stderr = client.stderr.take().unwrap();
        while !said.contains("running apt-get update") {
            let mut piece = [0; 512];
            let read = stderr.read(&mut piece).unwrap();
            if read == 0 {
                client.wait().unwrap();
                eprintln!("SKIP {test}: no Debian mirror can be reached: {said}");
                return;
            }
            said.push_str(&String::from_utf8_lossy(&piece[..read]));
        }
        if kill_server {
            world.kill_server();
        } else {
            client.kill().unwrap();
        }
        client.wait().unwrap();
        let root = world.root().to_str().unwrap().to_owned();
        eventually("the installation's end", || {
            !has_process(&root, "mmdebstrap")
        });
        // Of a killed server, the next one removes what is left.
        world.ok(&["images"]);
        eventually("its folder's end", || {
            fs::read_dir(world.root().join("ingest")).unwrap().count() == 0
        });
        assert_nothing_is_left(&world);
    }
    assert_eq!(world.ok(&["images", "-q"]), "");
}

/// Whether a process whose command names both words runs.
fn has_process(root: &str, word: &str) -> bool {
    let commands = fs::read_dir("/proc").unwrap().flatten();
    commands
        .filter_map(|process| fs::read(process.path().join("cmdline")).ok())
        .map(|command| String::from_utf8_lossy(&command).into_owned())
        .any(|command| command.contains(root) && command.contains(word))
}

#[test]
fn the_notes_service_is_built_twice_and_runs_on_a_base_of_packages() {
    let test = "the_notes_service_is_built_twice_and_runs_on_a_base_of_packages";
    let Some(world) = World::with_busybox(test) else {
        return;
    };
    if !has_base(&world, test, "node") {
        return;
    }
    // Making it takes a minute: the suite's browser takes it from here.
    if let Some(kept) = std::env::var_os("ESTIVA_NODE_BASE") {
        world.ok(&["save", "-o", kept.to_str().unwrap(), "node"]);
    }
    // Read when it runs: a program kept from another checkout would name that one's folder.
    let package = std::env::var_os("CARGO_MANIFEST_DIR").expect("cargo names the package's folder");
    let example = Path::new(&package).join("../../examples/api-rocket");
    let example = example.to_str().unwrap();
    // On the bridge, as a user's first build is.
    let build = |tag: &str, file: &str| {
        let file = format!("{example}/{file}");
        let built = world.estiva(&["build", "-t", tag, "-f", &file, "--trust-host-ca", example]);
        let said = String::from_utf8_lossy(&[built.stdout, built.stderr].concat()).into_owned();
        if said.contains("EAI_AGAIN") || said.contains("ENOTFOUND") || said.contains("ETIMEDOUT") {
            // Whoever is reached from the host must be reached from a step, too.
            let words = ["build", "-f", &file, "--network", "host", "--trust-host-ca"];
            let host = world.estiva(&[&words[..], &[example]].concat());
            assert!(
                !host.status.success(),
                "the host reaches npm's registry, and a step does not: {said}"
            );
            eprintln!("SKIP {test}: npm's registry can't be reached: {said}");
            return false;
        }
        assert!(built.status.success(), "{said}");
        true
    };
    if !build("api-rocket", "Dockerfile") || !build("api-rocket:slim", "Dockerfile.slim") {
        return;
    }
    for image in ["api-rocket", "api-rocket:slim"] {
        let two = world.ok(&["run", "--rm", image, "node", "-e", "console.log(1+1)"]);
        assert_eq!(two, "2\n", "{image}");
        world.ok(&["run", "-d", "--name", "rocket", "-p", "3000", image]);
        let published = world.ok(&["port", "rocket", "3000"]);
        let port = published
            .trim()
            .rsplit(':')
            .next()
            .unwrap()
            .parse()
            .unwrap();
        let mut addresses = gateways(&world);
        addresses.extend([IpAddr::from([127, 0, 0, 1]), Ipv6Addr::LOCALHOST.into()]);
        for address in addresses {
            let address = SocketAddr::new(address, port);
            eventually(&format!("{image} answers on {address}"), || {
                health(address).is_ok_and(|said| said.contains(r#""status":"ok""#))
            });
        }
        let Some(neighbour) = Neighbour::new(test) else {
            return;
        };
        for address in [HERE4, HERE6] {
            let address = SocketAddr::new(address.parse().unwrap(), port);
            eventually(&format!("{image} answers a neighbour on {address}"), || {
                let said = neighbour.health(address);
                said.is_ok_and(|said| said.contains(r#""status":"ok""#))
            });
        }
        drop(neighbour);
        world.ok(&["stop", "--time", "60", "rocket"]);
        // It ended by itself: at SIGKILL the status would be 137.
        let ended = world.ok(&["ps", "-a", "--json"]);
        assert!(ended.contains("\"code\": 0"), "{image}: {ended}");
        world.ok(&["rm", "rocket"]);
        if umoci::is_there(test) {
            umoci::assert_image_unpacks_as_shown(&world, image);
        }
    }
    let size = |image: &str| {
        let images: serde_json::Value =
            serde_json::from_str(&world.ok(&["images", "--json"])).unwrap();
        let all = images.as_array().unwrap().clone();
        let found = all.into_iter().find(|found| found["names"][0] == image);
        found.unwrap()["size_bytes"].as_u64().unwrap()
    };
    assert!(size("api-rocket:slim") * 2 < size("api-rocket:latest"));
}

/// The host's addresses towards a neighbour, and the neighbour's: those for benchmarks (RFC 2544) and for local use (RFC 4193).
const HERE4: &str = "198.18.213.1";
const HERE6: &str = "fd18:213::1";
const THERE4: &str = "198.18.213.2";
const THERE6: &str = "fd18:213::2";

/// Another machine on a link of its own, as a network namespace; it ends with this.
struct Neighbour {
    name: String,
}

impl Neighbour {
    fn new(test: &str) -> Option<Self> {
        if !Path::new("/usr/sbin/ip").exists() && !Path::new("/usr/bin/ip").exists() {
            eprintln!("SKIP {test}: needs Debian's package iproute2");
            return None;
        }
        let neighbour = Self {
            name: format!("evn{}", std::process::id()),
        };
        let name = &neighbour.name;
        let ip = |words: &str| {
            let ended = Command::new("ip").args(words.split(' ')).output().unwrap();
            assert!(ended.status.success(), "ip {words}: {ended:?}");
        };
        ip(&format!("netns add {name}"));
        ip(&format!(
            "link add {name} type veth peer name eth0 netns {name}"
        ));
        ip(&format!("-n {name} addr add {THERE4}/30 dev eth0"));
        ip(&format!("-n {name} addr add {THERE6}/64 dev eth0 nodad"));
        ip(&format!("-n {name} link set eth0 up"));
        ip(&format!("addr add {HERE4}/30 dev {name}"));
        ip(&format!("addr add {HERE6}/64 dev {name} nodad"));
        ip(&format!("link set {name} up"));
        Some(neighbour)
    }

    /// Asks from there, in a thread that ends there.
    fn health(&self, address: SocketAddr) -> std::io::Result<String> {
        let namespace = fs::File::open(Path::new("/run/netns").join(&self.name))?;
        std::thread::scope(|scope| {
            let there = scope.spawn(|| {
                let kind = Some(LinkNameSpaceType::Network);
                move_into_link_name_space(namespace.as_fd(), kind)?;
                health(address)
            });
            there.join().unwrap()
        })
    }
}

impl Drop for Neighbour {
    fn drop(&mut self) {
        // The pair goes with the namespace, a moment later; by its name at once.
        let _ = Command::new("ip")
            .args(["link", "del", &self.name])
            .output();
        let _ = Command::new("ip")
            .args(["netns", "del", &self.name])
            .output();
    }
}

/// The host's own addresses on the bridge, as the container sees them: what is asked there, the kernel leads in.
fn gateways(world: &World) -> Vec<IpAddr> {
    let script = "const first = Object.values(os.networkInterfaces()).flat().filter(a => !a.internal && !a.address.startsWith('fe80'));\
                  console.log(first.map(a => a.address).join('\\n'))";
    let inside = world.ok(&["exec", "rocket", "node", "-e", script]);
    let first = |address: &str| match address.parse().unwrap() {
        // A /22 and a /64, of which the bridge has the first address.
        IpAddr::V4(address) => IpAddr::V4(((u32::from(address) & !0x3FF) + 1).into()),
        IpAddr::V6(address) => IpAddr::V6(((u128::from(address) >> 64 << 64) + 1).into()),
    };
    inside.lines().map(first).collect()
}

/// What the service says of itself.
fn health(address: SocketAddr) -> std::io::Result<String> {
    let mut stream = TcpStream::connect_timeout(&address, Duration::from_secs(2))?;
    stream.set_read_timeout(Some(Duration::from_secs(5)))?;
    stream.write_all(b"GET /health HTTP/1.0\r\n\r\n")?;
    let mut said = String::new();
    stream.read_to_string(&mut said)?;
    Ok(said)
}
