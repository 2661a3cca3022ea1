//! A blocking client of a monitor's socket. An async one needs nothing from here but [`connect`].

use std::fs::File;
use std::io::{self, Write as _};
use std::os::fd::AsRawFd as _;
use std::os::unix::net::UnixStream;
use std::path::Path;

use super::frame::{Frame, FrameKind};
use super::protocol::{AttachFrom, INPUT_BYTES_MAX, MonitorState, Request, SOCKET};
use crate::spec::{Exit, TerminalSize};

/// Connects to the monitor of the container whose state folder is given. Works for paths that are longer than the 107
/// bytes a socket address holds.
///
/// # Errors
/// `ConnectionRefused` or `NotFound` if the monitor has ended (then `exit.json` says how the container did).
pub fn connect(state_dir: &Path) -> io::Result<UnixStream> {
    let folder = File::open(state_dir)?;
    UnixStream::connect(format!("/proc/self/fd/{}/{SOCKET}", folder.as_raw_fd()))
}

/// A connection to a monitor. Each carries one request.
#[derive(Debug)]
pub struct MonitorClient {
    stream: UnixStream,
}

impl MonitorClient {
    /// Connects to the monitor of the container whose state folder is given.
    ///
    /// # Errors
    /// As for [`connect`].
    pub fn connect(state_dir: &Path) -> io::Result<Self> {
        Ok(Self {
            stream: connect(state_dir)?,
        })
    }

    /// Asks for the container's output; read it with [`Attached::next_frame`].
    ///
    /// # Errors
    /// If the monitor has gone away.
    pub fn attach(mut self, from: AttachFrom) -> io::Result<Attached> {
        self.stream.write_all(&Request::Attach(from).encode()?)?;
        Ok(Attached {
            stream: self.stream,
        })
    }

    /// The same, for a client that must miss nothing: the container waits for it. Each `Place` frame says where the
    /// frames after it lie.
    ///
    /// # Errors
    /// If the monitor has gone away.
    pub fn attach_holding(mut self, from: AttachFrom) -> io::Result<Attached> {
        self.stream
            .write_all(&Request::AttachHolding(from).encode()?)?;
        Ok(Attached {
            stream: self.stream,
        })
    }

    /// The same, for a client that types too, by [`Attached::typist`].
    ///
    /// # Errors
    /// If the monitor has gone away.
    pub fn attach_typing(mut self, from: AttachFrom) -> io::Result<Attached> {
        self.stream
            .write_all(&Request::AttachTyping(from).encode()?)?;
        Ok(Attached {
            stream: self.stream,
        })
    }

    /// Waits for the container's end.
    ///
    /// # Errors
    /// `UnexpectedEof` if the monitor was killed.
    pub fn wait(self) -> io::Result<Exit> {
        let payload = self.ask(Request::Wait, FrameKind::Exit)?;
        Ok(serde_json::from_slice(&payload)?)
    }

    /// Sends a signal to the container's first process.
    ///
    /// # Errors
    /// If the container has ended, or there is no such signal.
    pub fn kill(self, signal: i32) -> io::Result<()> {
        self.ask(Request::Kill(signal), FrameKind::Done).map(drop)
    }

    /// Asks how the container is.
    ///
    /// # Errors
    /// If the monitor has gone away.
    pub fn state(self) -> io::Result<MonitorState> {
        let payload = self.ask(Request::State, FrameKind::State)?;
        Ok(serde_json::from_slice(&payload)?)
    }

    fn ask(mut self, request: Request, answer: FrameKind) -> io::Result<Vec<u8>> {
        self.stream.write_all(&request.encode()?)?;
        match Frame::read(&mut self.stream)? {
            Some(frame) if frame.kind == answer => Ok(frame.payload),
            Some(Frame {
                kind: FrameKind::Refused,
                payload,
                ..
            }) => Err(io::Error::other(
                String::from_utf8_lossy(&payload).into_owned(),
            )),
            Some(frame) => Err(io::Error::new(
                io::ErrorKind::InvalidData,
                format!("expected {answer:?}, but found {:?}", frame.kind),
            )),
            None => Err(io::ErrorKind::UnexpectedEof.into()),
        }
    }
}

/// A container's output as it comes.
#[derive(Debug)]
pub struct Attached {
    stream: UnixStream,
}

impl Attached {
    /// The next frame; blocks for it. The last is `Exit`; `None` without one before means that this client read too
    /// slowly and was dropped, or that the monitor was killed.
    ///
    /// # Errors
    /// If the connection broke off in the middle of a frame.
    pub fn next_frame(&mut self) -> io::Result<Option<Frame>> {
        Frame::read(&mut self.stream)
    }

    /// The connection itself, to shut it down from another thread.
    #[must_use]
    pub fn stream(&self) -> &UnixStream {
        &self.stream
    }

    /// The way in, for another thread; only of a client that attached typing.
    ///
    /// # Errors
    /// If the process has no descriptor left.
    pub fn typist(&self) -> io::Result<Typist> {
        Ok(Typist {
            stream: self.stream.try_clone()?,
        })
    }
}

/// The way into a container's standard input. Each call waits while the container doesn't read.
#[derive(Debug)]
pub struct Typist {
    stream: UnixStream,
}

impl Typist {
    /// Types this.
    ///
    /// # Errors
    /// If the monitor has gone away.
    pub fn input(&mut self, bytes: &[u8]) -> io::Result<()> {
        for bytes in bytes.chunks(INPUT_BYTES_MAX as usize) {
            self.stream
                .write_all(&Frame::encode(FrameKind::Input, 0, bytes))?;
        }
        Ok(())
    }

    /// Says that nothing more comes.
    ///
    /// # Errors
    /// If the monitor has gone away.
    pub fn end(&mut self) -> io::Result<()> {
        self.stream
            .write_all(&Frame::encode(FrameKind::EndOfInput, 0, &[]))
    }

    /// Gives the terminal another size.
    ///
    /// # Errors
    /// If the monitor has gone away.
    pub fn resize(&mut self, size: TerminalSize) -> io::Result<()> {
        self.stream.write_all(&resize_frame(size))
    }
}

/// The frame that gives a terminal this size.
#[must_use]
pub fn resize_frame(size: TerminalSize) -> Vec<u8> {
    let payload = [size.rows.to_le_bytes(), size.columns.to_le_bytes()].concat();
    Frame::encode(FrameKind::Resize, 0, &payload)
}
