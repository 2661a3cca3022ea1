//! A server of HTTP/1.1 on loopback, by hand, that answers what a test says, byte by byte where it must, and remembers
//! what it was asked.

use std::collections::BTreeMap;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::Duration;

/// A request, with its headers' names in lower case.
#[derive(Clone, Debug)]
pub(crate) struct Asked {
    pub(crate) method: String,
    pub(crate) path: String,
    pub(crate) headers: BTreeMap<String, String>,
    pub(crate) body: Vec<u8>,
}

impl Asked {
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).map(String::as_str)
    }

    pub(crate) fn is(&self, method: &str, end: &str) -> bool {
        self.method == method && self.path.ends_with(end)
    }
}

/// What is answered.
#[derive(Clone, Debug, Default)]
pub(crate) struct Reply {
    pub(crate) status: u16,
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: Vec<u8>,
    /// So many bytes of the body are sent, and then this happens.
    pub(crate) after: Option<(usize, After)>,
    /// Announce another length than the body's.
    pub(crate) length: Option<usize>,
}

/// What happens in the middle of a body.
#[derive(Clone, Copy, Debug)]
pub(crate) enum After {
    /// The connection ends.
    Cut,
    /// Nothing, for as long as the server lives.
    Stall,
    /// A byte now and then.
    Drip,
}

impl Reply {
    pub(crate) fn new(status: u16) -> Self {
        Self {
            status,
            ..Self::default()
        }
    }

    pub(crate) fn header(mut self, name: &str, value: impl Into<String>) -> Self {
        self.headers.push((name.to_owned(), value.into()));
        self
    }

    pub(crate) fn body(mut self, body: impl Into<Vec<u8>>) -> Self {
        self.body = body.into();
        self
    }

    pub(crate) fn then(mut self, bytes: usize, after: After) -> Self {
        self.after = Some((bytes, after));
        self
    }
}

type Handler = dyn Fn(&Asked) -> Reply + Send + Sync;

/// The server; it ends with this.
pub(crate) struct Machine {
    pub(crate) port: u16,
    asked: Arc<Mutex<Vec<Asked>>>,
    ended: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Machine {
    pub(crate) fn start(handler: impl Fn(&Asked) -> Reply + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let (asked, ended) = (Arc::new(Mutex::default()), Arc::new(AtomicBool::new(false)));
        let (keeps, ends) = (Arc::clone(&asked), Arc::clone(&ended));
        let handler: Arc<Handler> = Arc::new(handler);
        let thread = std::thread::spawn(move || {
            let mut open = Vec::new();
            for stream in listener.incoming() {
                if ends.load(Ordering::Relaxed) {
                    break;
                }
                let Ok(stream) = stream else { continue };
                let (keeps, ends, handler) =
                    (Arc::clone(&keeps), Arc::clone(&ends), Arc::clone(&handler));
                open.push(std::thread::spawn(move || {
                    serve(stream, &keeps, &ends, &*handler);
                }));
            }
            for each in open {
                let _ = each.join();
            }
        });
        Self {
            port,
            asked,
            ended,
            thread: Some(thread),
        }
    }

    /// `127.0.0.1:PORT`.
    pub(crate) fn host(&self) -> String {
        format!("127.0.0.1:{}", self.port)
    }

    /// What it was asked so far.
    pub(crate) fn asked(&self) -> Vec<Asked> {
        self.asked.lock().unwrap().clone()
    }
}

impl Drop for Machine {
    fn drop(&mut self) {
        self.ended.store(true, Ordering::Relaxed);
        let _ = TcpStream::connect(("127.0.0.1", self.port));
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

fn serve(stream: TcpStream, asked: &Mutex<Vec<Asked>>, ended: &AtomicBool, handler: &Handler) {
    let slice = Duration::from_millis(50);
    stream.set_read_timeout(Some(slice)).unwrap();
    let mut reader = BufReader::new(stream.try_clone().unwrap());
    let mut writer = stream;
    if begins_tls(&mut reader, ended) {
        let _ = writer.shutdown(Shutdown::Both);
        return;
    }
    while let Some(request) = read(&mut reader, ended) {
        asked.lock().unwrap().push(request.clone());
        let reply = handler(&request);
        if write(&mut writer, &request, &reply, ended).is_none() {
            break;
        }
    }
    let _ = writer.shutdown(Shutdown::Both);
}

fn line(reader: &mut BufReader<TcpStream>, ended: &AtomicBool) -> Option<String> {
    let mut bytes = Vec::new();
    loop {
        match reader.read_until(b'\n', &mut bytes) {
            Ok(0) => return None,
            Ok(_) if bytes.ends_with(b"\n") => {
                return Some(String::from_utf8_lossy(&bytes).trim_end().to_owned());
            }
            Ok(_) => {}
            Err(error) if is_pause(&error) && !ended.load(Ordering::Relaxed) => {}
            Err(_) => return None,
        }
    }
}

/// Whether it is TLS that is spoken, by its first byte: a plain server would not understand it. A greeting has random
/// bytes, so that read as text it may pass for a request.
fn begins_tls(reader: &mut BufReader<TcpStream>, ended: &AtomicBool) -> bool {
    loop {
        match reader.fill_buf() {
            Ok(bytes) => return bytes.first() == Some(&0x16),
            Err(error) if is_pause(&error) && !ended.load(Ordering::Relaxed) => {}
            Err(_) => return false,
        }
    }
}

fn is_pause(error: &std::io::Error) -> bool {
    matches!(
        error.kind(),
        std::io::ErrorKind::WouldBlock | std::io::ErrorKind::TimedOut
    )
}

fn read(reader: &mut BufReader<TcpStream>, ended: &AtomicBool) -> Option<Asked> {
    let first = line(reader, ended)?;
    let mut words = first.split(' ');
    let (method, path) = (words.next()?.to_owned(), words.next()?.to_owned());
    let mut headers = BTreeMap::new();
    loop {
        let line = line(reader, ended)?;
        let Some((name, value)) = line.split_once(':') else {
            break;
        };
        headers.insert(name.to_ascii_lowercase(), value.trim().to_owned());
    }
    let length: usize = headers
        .get("content-length")
        .map_or(0, |length| length.parse().unwrap());
    let mut body = vec![0; length];
    let mut done = 0;
    while done < length {
        match reader.read(&mut body[done..]) {
            Ok(0) => return None,
            Ok(count) => done += count,
            Err(error) if is_pause(&error) && !ended.load(Ordering::Relaxed) => {}
            Err(_) => return None,
        }
    }
    Some(Asked {
        method,
        path,
        headers,
        body,
    })
}

/// Answers; none where the connection is over.
fn write(stream: &mut TcpStream, request: &Asked, reply: &Reply, ended: &AtomicBool) -> Option<()> {
    let mut head = format!("HTTP/1.1 {} X\r\n", reply.status);
    for (name, value) in &reply.headers {
        head.push_str(&format!("{name}: {value}\r\n"));
    }
    // A tunnel's answer has no body, and neither has this status.
    if request.method != "CONNECT" && reply.status != 204 {
        let length = reply.length.unwrap_or(reply.body.len());
        head.push_str(&format!("content-length: {length}\r\n"));
    }
    head.push_str("\r\n");
    stream.write_all(head.as_bytes()).ok()?;
    if request.method == "HEAD" {
        return Some(());
    }
    let Some((bytes, after)) = reply.after else {
        return stream.write_all(&reply.body).ok();
    };
    stream.write_all(&reply.body[..bytes]).ok()?;
    let wait = || std::thread::sleep(Duration::from_millis(20));
    match after {
        After::Cut => {}
        After::Stall => {
            while !ended.load(Ordering::Relaxed) {
                wait();
            }
        }
        After::Drip => {
            for byte in &reply.body[bytes..] {
                if ended.load(Ordering::Relaxed) {
                    break;
                }
                wait();
                stream.write_all(&[*byte]).ok()?;
            }
        }
    }
    None
}
