//! Many connections at once: what strangers can take from others, with and without a token.

// Closures and helpers beside the tests panic as tests do.
#![allow(clippy::unwrap_used)]

mod world;

use std::io::{ErrorKind, Read as _, Write as _};
use std::net::{Ipv4Addr, SocketAddrV4, TcpStream};
use std::time::Duration;

use rustix::net::{AddressFamily, SocketType, bind, socket};
use world::{World, eventually};

/// Long enough for an answer that comes at all.
const PATIENCE: Duration = Duration::from_secs(20);

fn connect(address: &str) -> TcpStream {
    let stream = TcpStream::connect(address).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    stream
}

/// Connects as 127.0.0.2, which is somebody else to the server.
fn from_another_address(port: u16) -> TcpStream {
    let socket = socket(AddressFamily::INET, SocketType::STREAM, None).unwrap();
    bind(&socket, &SocketAddrV4::new([127, 0, 0, 2].into(), 0)).unwrap();
    rustix::net::connect(&socket, &SocketAddrV4::new(Ipv4Addr::LOCALHOST, port)).unwrap();
    let stream = TcpStream::from(socket);
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    stream
}

/// Asks for a WebSocket; the status.
fn upgrade(stream: &mut TcpStream, address: &str) -> String {
    let request = format!(
        "GET /api/v1/socket HTTP/1.1\r\nHost: {address}\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\
         Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
    );
    stream.write_all(request.as_bytes()).unwrap();
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        let mut byte = [0];
        stream.read_exact(&mut byte).unwrap();
        head.extend(byte);
    }
    String::from_utf8(head[9..12].to_vec()).unwrap()
}

/// Shows the token on a WebSocket, and reads the welcome.
fn greet(stream: &mut TcpStream, token: &str) {
    let hello = format!(r#"{{"type":"hello","protocol":1,"token":"{token}"}}"#);
    // A whole text frame, masked with nothing (RFC 6455, 5.2).
    let mut frame = vec![0x81, 0x80 | u8::try_from(hello.len()).unwrap(), 0, 0, 0, 0];
    frame.extend(hello.bytes());
    stream.write_all(&frame).unwrap();
    let mut answer = [0; 20];
    stream.read_exact(&mut answer).unwrap();
    let answer = String::from_utf8_lossy(&answer).into_owned();
    assert!(answer.contains("welcome"), "{answer}");
}

/// A thousand WebSockets without a token were taken in less than a second: each left the listener's count when it
/// became one, and held a descriptor for as long as it liked.
#[test]
fn web_sockets_count_as_connections_and_few_may_wait_to_show_a_token() {
    let name = "web_sockets_count_as_connections_and_few_may_wait_to_show_a_token";
    let Some(world) = World::new(name) else {
        return;
    };
    let (address, token) = world.session();
    let mut waiting = Vec::new();
    let refused = loop {
        let mut stream = connect(&address);
        let status = upgrade(&mut stream, &address);
        waiting.push(stream);
        if status != "101" {
            break status;
        }
        assert!(waiting.len() < 100, "nobody counts them");
    };
    assert_eq!((refused.as_str(), waiting.len()), ("503", 33));
    drop(waiting);

    let mut pages = Vec::new();
    eventually("places for greetings", || {
        let mut stream = connect(&address);
        let is_taken = upgrade(&mut stream, &address) == "101";
        if is_taken {
            greet(&mut stream, &token);
            pages.push(stream);
        }
        is_taken
    });
    while pages.len() < 256 {
        let mut stream = connect(&address);
        assert_eq!(upgrade(&mut stream, &address), "101", "{}", pages.len());
        greet(&mut stream, &token);
        pages.push(stream);
    }
    let mut one_more = connect(&address);
    let request = format!("GET / HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n");
    one_more.write_all(request.as_bytes()).unwrap();
    one_more
        .set_read_timeout(Some(Duration::from_millis(500)))
        .unwrap();
    let unanswered = one_more.read(&mut [0]).unwrap_err();
    assert!(
        matches!(
            unanswered.kind(),
            ErrorKind::WouldBlock | ErrorKind::TimedOut
        ),
        "{unanswered}"
    );
    pages.pop();
    one_more.set_read_timeout(Some(PATIENCE)).unwrap();
    assert_eq!(one_more.read(&mut [0]).unwrap(), 1);
}

/// 256 idle connections of one address kept everybody from the shared links for half a minute, and again.
#[test]
fn a_stranger_at_the_shared_links_leaves_places_to_others() {
    let name = "a_stranger_at_the_shared_links_leaves_places_to_others";
    let Some(world) = World::new(name) else {
        return;
    };
    let (mut server, port) = world.serve_shares("0.0.0.0");
    let idle: Vec<_> = (0..300)
        .map(|_| connect(&format!("127.0.0.1:{port}")))
        .collect();
    let mut other = from_another_address(port);
    let path = "/s/00000000000000000000000000000000";
    let request = format!("GET {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
    other.write_all(request.as_bytes()).unwrap();
    let mut answer = String::new();
    other.read_to_string(&mut answer).unwrap();
    assert!(answer.starts_with("HTTP/1.1 404"), "{answer}");
    let mut held = &idle[0];
    held.set_read_timeout(Some(Duration::from_secs(10)))
        .unwrap();
    // It is ended, with or without a word, because its head does not come.
    assert!(held.read_to_end(&mut Vec::new()).is_ok());
    world.ok(&["stop-server"]);
    assert!(server.wait().unwrap().success());
}
