//! The asynchronous side of a monitor's socket. What is said on it is `estiva_runtime::monitor::protocol`'s.

use std::{fs::File, io, os::fd::AsRawFd as _, path::Path, time::Duration};

use estiva_runtime::{
    Exit,
    monitor::{
        frame::{Frame, FrameHeader, FrameKind, HEADER_BYTES},
        protocol::{Request, socket_path},
    },
};
use tokio::{
    io::{AsyncRead, AsyncReadExt as _, AsyncWriteExt as _},
    net::{
        UnixStream,
        unix::{OwnedReadHalf, OwnedWriteHalf},
    },
    time::{sleep, timeout},
};

/// How long a monitor has to take a connection and answer a request that it answers at once. It is single-threaded and
/// does little, so that only a host without breath takes longer.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(10);

/// How often a full queue of connections is tried again, 10 ms apart.
const CONNECT_ATTEMPTS_MAX: u32 = 100;

/// A connection that has sent its one request.
#[derive(Debug)]
pub(crate) struct Connection<Stream = UnixStream> {
    stream: Stream,
    received: Vec<u8>,
}

impl Connection {
    /// Connects to the monitor of the container with this state folder, and asks.
    ///
    /// # Errors
    /// `ConnectionRefused` or `NotFound` where the monitor has ended.
    pub(crate) async fn ask(state_dir: &Path, request: Request) -> io::Result<Self> {
        let asked = async {
            let mut stream = connect(state_dir).await?;
            stream.write_all(&request.encode()?).await?;
            Ok(Self {
                stream,
                received: Vec::new(),
            })
        };
        timeout(ANSWER_TIMEOUT, asked)
            .await
            .unwrap_or_else(|_| Err(io::ErrorKind::TimedOut.into()))
    }

    /// The way from the monitor and the way to it.
    pub(crate) fn into_split(self) -> (Connection<OwnedReadHalf>, OwnedWriteHalf) {
        let (stream, writer) = self.stream.into_split();
        let reader = Connection {
            stream,
            received: self.received,
        };
        (reader, writer)
    }
}

impl<Stream: AsyncRead + Unpin> Connection<Stream> {
    /// The next frame; `None` where the monitor closed. Dropping the future loses nothing: what was read stays here.
    ///
    /// # Errors
    /// If the connection broke off in the middle of a frame, or what came is none.
    pub(crate) async fn next_frame(&mut self) -> io::Result<Option<Frame>> {
        loop {
            if let Some(frame) = self.take_frame()? {
                return Ok(Some(frame));
            }
            if self.stream.read_buf(&mut self.received).await? == 0 {
                return if self.received.is_empty() {
                    Ok(None)
                } else {
                    Err(io::ErrorKind::UnexpectedEof.into())
                };
            }
        }
    }

    /// The frame at the start of what was received, where all of it is there.
    fn take_frame(&mut self) -> io::Result<Option<Frame>> {
        let Some((header, rest)) = self.received.split_first_chunk::<HEADER_BYTES>() else {
            return Ok(None);
        };
        let FrameHeader {
            kind,
            time_ms,
            length,
        } = FrameHeader::decode(header)?;
        let Some(payload) = rest.get(..length as usize) else {
            return Ok(None);
        };
        let frame = Frame {
            kind,
            time_ms,
            payload: payload.to_vec(),
        };
        self.received.drain(..HEADER_BYTES + length as usize);
        Ok(Some(frame))
    }
}

/// Waits for the container's end.
///
/// # Errors
/// If there is no monitor, or it went away without a word.
pub(crate) async fn wait(state_dir: &Path) -> io::Result<Exit> {
    let mut connection = Connection::ask(state_dir, Request::Wait).await?;
    match connection.next_frame().await? {
        Some(frame) if frame.kind == FrameKind::Exit => Ok(serde_json::from_slice(&frame.payload)?),
        other => Err(unexpected("Exit", other)),
    }
}

/// Sends a signal to the container's first process.
///
/// # Errors
/// If there is no monitor, it does not answer, or it refuses.
pub(crate) async fn kill(state_dir: &Path, signal: i32) -> io::Result<()> {
    let mut connection = Connection::ask(state_dir, Request::Kill(signal)).await?;
    let answer = timeout(ANSWER_TIMEOUT, connection.next_frame());
    match answer
        .await
        .unwrap_or_else(|_| Err(io::ErrorKind::TimedOut.into()))?
    {
        Some(frame) if frame.kind == FrameKind::Done => Ok(()),
        other => Err(unexpected("Done", other)),
    }
}

/// The folder is opened first, because its path may be longer than the 107 bytes that a socket's address holds.
async fn connect(state_dir: &Path) -> io::Result<UnixStream> {
    let folder = File::open(state_dir)?;
    let socket = socket_path(Path::new(&format!("/proc/self/fd/{}", folder.as_raw_fd())));
    let mut attempts = 0;
    loop {
        match UnixStream::connect(&socket).await {
            // A full queue, where a blocking socket would wait.
            Err(error)
                if error.kind() == io::ErrorKind::WouldBlock && attempts < CONNECT_ATTEMPTS_MAX =>
            {
                attempts += 1;
                sleep(Duration::from_millis(10)).await;
            }
            other => return other,
        }
    }
}

fn unexpected(expected: &str, found: Option<Frame>) -> io::Error {
    match found {
        Some(frame) if frame.kind == FrameKind::Refused => {
            io::Error::other(String::from_utf8_lossy(&frame.payload).into_owned())
        }
        Some(frame) => io::Error::new(
            io::ErrorKind::InvalidData,
            format!("expected {expected}, but found {:?}", frame.kind),
        ),
        None => io::ErrorKind::UnexpectedEof.into(),
    }
}

#[cfg(test)]
mod tests {
    use tokio::net::UnixListener;

    use super::*;

    /// A monitor that answers one request with these pieces, and closes.
    fn monitor(folder: &Path, pieces: Vec<Vec<u8>>) {
        let listener = UnixListener::bind(socket_path(folder)).unwrap();
        tokio::spawn(async move {
            let (mut stream, _) = listener.accept().await.unwrap();
            let mut request = [0; 1024];
            assert!(stream.read(&mut request).await.unwrap() > 4);
            for piece in pieces {
                stream.write_all(&piece).await.unwrap();
                sleep(Duration::from_millis(2)).await;
            }
        });
    }

    fn exit() -> Exit {
        Exit {
            code: 3,
            signal: None,
            oom_killed: true,
            finished_ms: 7,
        }
    }

    #[tokio::test]
    async fn understands_an_answer_cut_anywhere() {
        let frame = Frame::encode(FrameKind::Exit, 1, &serde_json::to_vec(&exit()).unwrap());
        for cut in [
            1,
            HEADER_BYTES - 1,
            HEADER_BYTES,
            HEADER_BYTES + 1,
            frame.len() - 1,
        ] {
            let folder = tempfile::tempdir().unwrap();
            monitor(
                folder.path(),
                vec![frame[..cut].to_vec(), frame[cut..].to_vec()],
            );
            assert_eq!(wait(folder.path()).await.unwrap(), exit(), "cut at {cut}");
        }
    }

    #[tokio::test]
    async fn tells_a_refusal_a_closed_connection_and_nonsense_apart() {
        let ask = async |pieces: Vec<Vec<u8>>| {
            let folder = tempfile::tempdir().unwrap();
            monitor(folder.path(), pieces);
            kill(folder.path(), 15).await
        };
        let done = Frame::encode(FrameKind::Done, 1, b"");
        assert!(ask(vec![done.clone()]).await.is_ok());
        let refused = ask(vec![Frame::encode(FrameKind::Refused, 1, b"it has ended")])
            .await
            .unwrap_err();
        assert_eq!(refused.to_string(), "it has ended");
        assert_eq!(
            ask(vec![]).await.unwrap_err().kind(),
            io::ErrorKind::UnexpectedEof
        );
        assert_eq!(
            ask(vec![done[..5].to_vec()]).await.unwrap_err().kind(),
            io::ErrorKind::UnexpectedEof
        );
        assert_eq!(
            ask(vec![vec![0xFF; 64]]).await.unwrap_err().kind(),
            io::ErrorKind::InvalidData
        );
        let state = Frame::encode(FrameKind::State, 1, b"{}");
        assert_eq!(
            ask(vec![state]).await.unwrap_err().to_string(),
            "expected Done, but found State"
        );
    }

    #[tokio::test]
    async fn reaches_a_monitor_whose_path_is_longer_than_a_sockets_address() {
        let folder = tempfile::tempdir().unwrap();
        let deep = folder.path().join("d".repeat(120));
        std::fs::create_dir(&deep).unwrap();
        assert_eq!(
            wait(&deep).await.unwrap_err().kind(),
            io::ErrorKind::NotFound
        );
    }
}
