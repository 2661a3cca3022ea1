//! The proxy between real sockets: the "container" is a service on loopback, so that no namespace is needed.

#![allow(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]

use std::io::{self, ErrorKind, PipeWriter, Read as _, Write as _};
use std::net::{
    IpAddr, Ipv4Addr, Ipv6Addr, Shutdown, SocketAddr, TcpListener, TcpStream, UdpSocket,
};
use std::os::fd::{AsFd as _, OwnedFd};
use std::os::unix::net::UnixStream;
use std::os::unix::process::CommandExt as _;
use std::process::{Command, Stdio};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use estiva_proxy::order::{self, Listener, Order, Target, Transport};
use estiva_proxy::{Ends, serve};

/// Longer than anything here takes on a busy host.
const PATIENCE: Duration = Duration::from_secs(30);

/// A proxy in a thread; it ends when its container does, which is this value's end.
struct Proxy {
    address: SocketAddr,
    container: Option<PipeWriter>,
    thread: Option<JoinHandle<io::Result<()>>>,
}

impl Proxy {
    fn new(transport: Transport, listen: &str, port: u16) -> Self {
        let target = Target {
            ipv4: Ipv4Addr::LOCALHOST,
            ipv6: Some(Ipv6Addr::LOCALHOST),
        };
        let (socket, address): (OwnedFd, _) = match transport {
            Transport::Tcp => {
                let listener = TcpListener::bind(listen).unwrap();
                let address = listener.local_addr().unwrap();
                (listener.into(), address)
            }
            Transport::Udp => {
                let socket = UdpSocket::bind(listen).unwrap();
                let address = socket.local_addr().unwrap();
                (socket.into(), address)
            }
        };
        let listener = Listener {
            transport,
            container_port: port,
        };
        let (end, container) = io::pipe().unwrap();
        let ends = Ends {
            descriptors: vec![end.into()],
            target,
        };
        let thread = thread::spawn(move || serve(&ends, &[listener], vec![socket]));
        Self {
            address,
            container: Some(container),
            thread: Some(thread),
        }
    }

    fn tcp(port: u16) -> Self {
        Self::new(Transport::Tcp, "127.0.0.1:0", port)
    }

    fn connect(&self) -> TcpStream {
        let stream = TcpStream::connect(self.address).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        stream.set_write_timeout(Some(PATIENCE)).unwrap();
        stream
    }

    /// The container ends. Returns when the proxy has.
    fn end(mut self) {
        self.container = None;
        self.thread.take().unwrap().join().unwrap().unwrap();
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.container = None;
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

/// A service that answers each connection by `serve`, and its port.
fn service(address: impl Into<IpAddr>, serve: impl Fn(TcpStream) + Send + Clone + 'static) -> u16 {
    let listener = TcpListener::bind((address.into(), 0)).unwrap();
    let port = listener.local_addr().unwrap().port();
    thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            let serve = serve.clone();
            thread::spawn(move || serve(stream));
        }
    });
    port
}

fn echo(mut stream: TcpStream) {
    let mut bytes = [0; 16 << 10];
    while let Ok(length) = stream.read(&mut bytes) {
        if length == 0 || stream.write_all(&bytes[..length]).is_err() {
            return;
        }
    }
}

fn pattern(length: usize, seed: usize) -> Vec<u8> {
    (0..length)
        .map(|index| ((index * 7 + seed) % 251) as u8)
        .collect()
}

#[test]
fn five_hundred_connections_at_once_each_get_their_own_bytes() {
    let proxy = Proxy::tcp(service(Ipv4Addr::LOCALHOST, echo));
    let mut streams: Vec<TcpStream> = (0..500).map(|_| proxy.connect()).collect();
    for (seed, stream) in streams.iter_mut().enumerate() {
        stream.write_all(&pattern(5000, seed)).unwrap();
    }
    for (seed, stream) in streams.iter_mut().enumerate() {
        let mut read = vec![0; 5000];
        stream.read_exact(&mut read).unwrap();
        assert!(read == pattern(5000, seed), "connection {seed}");
    }
    drop(streams);
    proxy.end();
}

#[test]
fn a_side_that_has_said_all_still_hears_the_answer() {
    // Answers when it has read to the end: it would wait for ever if that did not arrive.
    let port = service(Ipv4Addr::LOCALHOST, |mut stream| {
        let mut all = Vec::new();
        stream.read_to_end(&mut all).unwrap();
        stream.write_all(&all).unwrap();
    });
    let proxy = Proxy::tcp(port);
    let mut stream = proxy.connect();
    let sent = pattern(1 << 20, 3);
    stream.write_all(&sent).unwrap();
    stream.shutdown(Shutdown::Write).unwrap();
    let mut read = Vec::new();
    stream.read_to_end(&mut read).unwrap();
    assert!(read == sent);
}

#[test]
fn a_slow_reader_holds_its_writer_up_and_nobody_else() {
    const BYTES: usize = 64 << 20;
    let (written, progress) = std::sync::mpsc::channel();
    let port = service(Ipv4Addr::LOCALHOST, move |mut stream| {
        let mut kind = [0];
        stream.read_exact(&mut kind).unwrap();
        if kind[0] == b'e' {
            return echo(stream);
        }
        let chunk = pattern(1 << 20, 0);
        for _ in 0..BYTES / chunk.len() {
            if stream.write_all(&chunk).is_err() {
                return;
            }
            let _ = written.send(chunk.len());
        }
    });
    let proxy = Proxy::tcp(port);
    let mut slow = proxy.connect();
    slow.write_all(b"s").unwrap();
    // It fills what there is between the two, and then no more.
    let mut begun = progress.recv_timeout(PATIENCE).unwrap();
    while let Ok(more) = progress.recv_timeout(Duration::from_millis(500)) {
        begun += more;
    }
    assert!(begun < BYTES / 2, "{begun} bytes are held by somebody");
    let mut other = proxy.connect();
    other.write_all(b"ehello").unwrap();
    let mut answer = [0; 5];
    other.read_exact(&mut answer).unwrap();
    assert_eq!(&answer, b"hello");
    let mut all = Vec::new();
    slow.read_to_end(&mut all).unwrap();
    assert_eq!(all.len(), BYTES);
    assert!(
        all.chunks(1 << 20)
            .all(|chunk| chunk == pattern(1 << 20, 0))
    );
}

#[test]
fn what_is_refused_inside_is_reset_outside() {
    // Bound, and not listening.
    let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
    let proxy = Proxy::tcp(socket.local_addr().unwrap().port());
    let mut stream = proxy.connect();
    let error = stream.read(&mut [0]).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::ConnectionReset);
}

#[test]
fn what_is_aborted_inside_is_reset_outside_and_the_other_way_round() {
    let (aborted, seen) = std::sync::mpsc::channel();
    let port = service(Ipv4Addr::LOCALHOST, move |mut stream| {
        let mut byte = [0];
        stream.read_exact(&mut byte).unwrap();
        if byte[0] == b'a' {
            // Closed with unread bytes, which is an abort (RFC 1122, section 4.2.2.13).
            thread::sleep(Duration::from_millis(100));
            return;
        }
        let _ = aborted.send(stream.read(&mut byte).map_err(|error| error.kind()));
    });
    let proxy = Proxy::tcp(port);
    let mut stream = proxy.connect();
    stream.write_all(b"abc").unwrap();
    let error = stream.read(&mut [0; 8]).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::ConnectionReset);

    let mut stream = proxy.connect();
    stream.write_all(b"x").unwrap();
    let socket = rustix::fd::AsFd::as_fd(&stream);
    rustix::net::sockopt::set_socket_linger(socket, Some(Duration::ZERO)).unwrap();
    drop(stream);
    let seen = seen.recv_timeout(PATIENCE).unwrap();
    assert_eq!(seen, Err(ErrorKind::ConnectionReset));
}

#[test]
fn a_service_of_either_family_is_reached_from_both() {
    for inside in [
        IpAddr::V4(Ipv4Addr::LOCALHOST),
        IpAddr::V6(Ipv6Addr::LOCALHOST),
    ] {
        let port = service(inside, echo);
        // Listens on every address of both families.
        let proxy = Proxy::new(Transport::Tcp, "[::]:0", port);
        for outside in ["127.0.0.1", "127.0.0.9", "::1"] {
            let address = (outside.parse::<IpAddr>().unwrap(), proxy.address.port());
            let mut stream = TcpStream::connect(address).unwrap();
            stream.set_read_timeout(Some(PATIENCE)).unwrap();
            stream.write_all(b"hello").unwrap();
            let mut answer = [0; 5];
            stream.read_exact(&mut answer).unwrap();
            assert_eq!(&answer, b"hello", "{outside} to {inside}");
        }
    }
}

#[test]
fn a_datagrams_answer_comes_from_where_the_question_went() {
    for inside in ["127.0.0.1:0", "[::1]:0"] {
        let service = UdpSocket::bind(inside).unwrap();
        let port = service.local_addr().unwrap().port();
        thread::spawn(move || {
            let mut bytes = [0; 2048];
            while let Ok((length, from)) = service.recv_from(&mut bytes) {
                let _ = service.send_to(&bytes[..length], from);
            }
        });
        for listen in ["[::]:0", "0.0.0.0:0", "127.0.0.3:0"] {
            let proxy = Proxy::new(Transport::Udp, listen, port);
            let asked: &[&str] = match listen {
                "[::]:0" => &["127.0.0.1", "127.0.0.2", "::1"],
                "0.0.0.0:0" => &["127.0.0.1", "127.0.0.2"],
                _ => &["127.0.0.3"],
            };
            for address in asked {
                let address: IpAddr = address.parse().unwrap();
                let client = UdpSocket::bind((
                    if address.is_ipv4() {
                        "127.0.0.1"
                    } else {
                        "::1"
                    },
                    0,
                ));
                let client = client.unwrap();
                // Connected: the kernel drops what comes from any other address.
                client.connect((address, proxy.address.port())).unwrap();
                assert_answer(&client, address.to_string().as_bytes());
            }
        }
    }
}

/// Sends until the answer comes: the first datagram to a container that refuses on IPv4 is lost, as UDP's may be.
fn assert_answer(client: &UdpSocket, text: &[u8]) {
    client
        .set_read_timeout(Some(Duration::from_millis(200)))
        .unwrap();
    let begun = Instant::now();
    let mut answer = [0; 64];
    loop {
        client.send(text).unwrap();
        match client.recv(&mut answer) {
            Ok(length) => return assert_eq!(&answer[..length], text),
            Err(error) => assert!(begun.elapsed() < PATIENCE, "no answer: {error}"),
        }
    }
}

#[test]
fn what_was_on_its_way_when_the_container_ended_still_arrives_and_the_port_is_free() {
    let (closed, done) = std::sync::mpsc::channel();
    let port = service(Ipv4Addr::LOCALHOST, move |mut stream| {
        stream.write_all(&pattern(300_000, 1)).unwrap();
        drop(stream);
        closed.send(()).unwrap();
    });
    let proxy = Proxy::tcp(port);
    let mut stream = proxy.connect();
    done.recv_timeout(PATIENCE).unwrap();
    let address = proxy.address;
    let idle = proxy.connect();
    let reader = thread::spawn(move || {
        let mut all = Vec::new();
        stream.read_to_end(&mut all).unwrap();
        all
    });
    proxy.end();
    assert!(reader.join().unwrap() == pattern(300_000, 1));
    drop(idle);
    TcpListener::bind(address).unwrap();
}

#[test]
fn the_program_says_what_it_is_and_keeps_nothing_but_what_it_was_given() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let port = service(Ipv4Addr::LOCALHOST, echo);
    // A careless parent: a descriptor that is open, and not marked to be closed.
    let leak = std::fs::File::open("/").unwrap();
    rustix::io::fcntl_setfd(&leak, rustix::io::FdFlags::empty()).unwrap();
    let (near, far) = UnixStream::pair().unwrap();
    let mut child = Command::new(env!("CARGO_BIN_EXE_estiva-proxy"))
        .arg0("estiva-proxy")
        .arg("web")
        .stdin(Stdio::from(OwnedFd::from(far)))
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let (end, container) = io::pipe().unwrap();
    let order = Order {
        // Where this is not allowed to make groups, it stays in its parent's.
        world: format!("test-{}-proxy", std::process::id()),
        target: Target {
            ipv4: Ipv4Addr::LOCALHOST,
            ipv6: None,
        },
        listeners: vec![Listener {
            transport: Transport::Tcp,
            container_port: port,
        }],
    };
    let null = std::fs::File::open("/dev/null").unwrap();
    // In place of the namespace, which is only held.
    let descriptors = [end.as_fd(), end.as_fd(), null.as_fd(), listener.as_fd()];
    order::send(&near, &order, &descriptors).unwrap();
    drop((listener, near, end));
    let mut stream = TcpStream::connect(address).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    stream.write_all(b"hello").unwrap();
    stream.read_exact(&mut [0; 5]).unwrap();
    let process = format!("/proc/{}", child.id());
    let text = |name: &str| std::fs::read_to_string(format!("{process}/{name}")).unwrap();
    assert_eq!(text("cmdline"), "estiva-proxy\0web\0");
    assert_eq!(text("comm"), "estiva-proxy\n");
    let links: Vec<_> = std::fs::read_dir(format!("{process}/fd"))
        .unwrap()
        .flatten()
        .map(|entry| std::fs::read_link(entry.path()).unwrap_or_default())
        .collect();
    assert!(
        !links.iter().any(|link| link.as_os_str() == "/"),
        "{links:?}"
    );
    drop(container);
    assert!(child.wait().unwrap().success());
}
