//! Attaching to a container or an exec: its output as it comes, from the last of what it wrote on, and a way in.
//!
//! The client holds (`estiva_runtime::monitor::protocol`): nothing is lost to one that reads slowly. Where the process
//! ends before such a client has read everything, the rest is read from the log, from the very place that was come to. A
//! lock on the folder keeps it there meanwhile.

use std::{
    fs::File,
    io,
    path::{Path, PathBuf},
    sync::Arc,
};

use estiva_runtime::{
    Exit, TerminalSize,
    log::{Position, Reader},
    monitor::{
        client::resize_frame,
        frame::{Frame, FrameKind, HEADER_BYTES},
        protocol::{AttachFrom, INPUT_BYTES_MAX, Request, socket_path},
    },
};
use estiva_shared::protocol::RunResponse;
use rustix::fs::{FlockOperation, flock};
use tokio::{
    io::AsyncWriteExt as _,
    net::unix::{OwnedReadHalf, OwnedWriteHalf},
    task::spawn_blocking,
};

use crate::{
    EngineError, entry::Entry, follow::read_exit, monitor::Connection, session, status::Verb,
};

/// Both ways of one client.
#[derive(Debug)]
pub struct Attachment {
    /// Its standard streams are a terminal.
    pub terminal: bool,
    /// It has a standard input.
    pub interactive: bool,
    /// What it writes.
    pub output: AttachedOutput,
    /// What is typed.
    pub input: AttachedInput,
}

/// What comes from the process, in order.
#[derive(Debug)]
pub enum AttachEvent {
    /// It wrote this.
    Output(Vec<u8>),
    /// It ended so. The last event.
    Exited(Exit),
}

/// The way from the process.
#[derive(Debug)]
pub struct AttachedOutput {
    state_dir: PathBuf,
    source: Source,
    /// Where in the log the next byte lies.
    place: Option<Position>,
    /// Locked for as long as this lives.
    _folder: Option<File>,
}

#[derive(Debug)]
enum Source {
    Monitor(Connection<OwnedReadHalf>),
    /// What the monitor had no time to send.
    Log(Box<Reader>),
    /// Nothing more comes, but the end.
    Exit,
    Nothing,
}

/// The way to the process.
#[derive(Debug)]
pub struct AttachedInput(OwnedWriteHalf);

/// Where the container's monitor listens.
pub(crate) fn monitor(entry: &Entry) -> Result<RunResponse, EngineError> {
    Verb::Attach.check(entry.name(), &entry.state().status)?;
    Ok(RunResponse {
        id: entry.record.id.to_string(),
        name: entry.name().to_owned(),
        monitor_socket: socket_path(entry.folder.path())
            .into_os_string()
            .into_string()
            .ok(),
    })
}

/// Attaches.
pub(crate) async fn attach(
    entry: &Arc<Entry>,
    exec: Option<&str>,
) -> Result<Attachment, EngineError> {
    Verb::Attach.check(entry.name(), &entry.state().status)?;
    let (state_dir, terminal, interactive) = match exec {
        Some(id) => {
            let (folder, exec) = session::find(entry, id)?;
            (folder, exec.terminal, exec.interactive)
        }
        None => {
            let record = &entry.record;
            let folder = entry.folder.path().to_owned();
            (folder, record.terminal, record.interactive)
        }
    };
    // Of a terminal, the screen; of anything else, what comes.
    let from = if terminal {
        AttachFrom::Recent
    } else {
        AttachFrom::Now
    };
    let folder = locked(&state_dir);
    let connection = Connection::ask(&state_dir, Request::AttachTyping(from)).await;
    let connection = connection.map_err(|source| EngineError::Monitor {
        name: entry.name().to_owned(),
        source,
    })?;
    let (reader, writer) = connection.into_split();
    Ok(Attachment {
        terminal,
        interactive,
        output: AttachedOutput {
            state_dir,
            source: Source::Monitor(reader),
            place: None,
            _folder: folder,
        },
        input: AttachedInput(writer),
    })
}

/// Where there is no lock to be had, the folder stays for a minute all the same.
fn locked(folder: &Path) -> Option<File> {
    let folder = File::open(folder).ok()?;
    flock(&folder, FlockOperation::NonBlockingLockShared).ok()?;
    Some(folder)
}

impl AttachedOutput {
    /// The next event; `None` after the end, and where the monitor was killed. Dropping the future loses nothing as long
    /// as the monitor sends.
    ///
    /// # Errors
    /// If what came, or what lies in the log, can't be read.
    pub async fn next(&mut self) -> io::Result<Option<AttachEvent>> {
        loop {
            match &mut self.source {
                Source::Monitor(connection) => match connection.next_frame().await {
                    Ok(Some(frame)) => {
                        if let Some(event) = self.take(frame)? {
                            return Ok(Some(event));
                        }
                    }
                    Ok(None) | Err(_) => self.source = self.rest().await,
                },
                Source::Log(_) => {
                    if let Some(event) = self.next_of_log().await? {
                        return Ok(Some(event));
                    }
                }
                Source::Exit => {
                    self.source = Source::Nothing;
                    return Ok(read_exit(&self.state_dir).map(AttachEvent::Exited));
                }
                Source::Nothing => return Ok(None),
            }
        }
    }

    fn take(&mut self, frame: Frame) -> io::Result<Option<AttachEvent>> {
        match frame.kind {
            FrameKind::Stdout | FrameKind::Stderr | FrameKind::Note => {
                if let Some(place) = &mut self.place {
                    place.offset += (HEADER_BYTES + frame.payload.len()) as u64;
                }
                // A note is the monitor's own, and no part of the screen.
                let is_output = frame.kind != FrameKind::Note;
                Ok(is_output.then_some(AttachEvent::Output(frame.payload)))
            }
            FrameKind::Place => {
                self.place = Some(serde_json::from_slice(&frame.payload)?);
                Ok(None)
            }
            FrameKind::Exit => {
                self.source = Source::Nothing;
                let exit = serde_json::from_slice(&frame.payload)?;
                Ok(Some(AttachEvent::Exited(exit)))
            }
            _ => Ok(None),
        }
    }

    /// What there is when the monitor has closed.
    async fn rest(&self) -> Source {
        let Some(place) = self.place else {
            return Source::Exit;
        };
        let state_dir = self.state_dir.clone();
        let reader = spawn_blocking(move || Reader::at(&state_dir, place)).await;
        match reader {
            Ok(Ok(reader)) => Source::Log(Box::new(reader)),
            _ => Source::Exit,
        }
    }

    async fn next_of_log(&mut self) -> io::Result<Option<AttachEvent>> {
        let Source::Log(mut reader) = std::mem::replace(&mut self.source, Source::Exit) else {
            return Ok(None);
        };
        let read = spawn_blocking(move || {
            let frame = reader.next_frame();
            (reader, frame)
        });
        let (reader, frame) = read.await.map_err(io::Error::other)?;
        match frame? {
            Some(frame) => {
                self.source = Source::Log(reader);
                self.take(frame)
            }
            None => Ok(None),
        }
    }
}

impl AttachedInput {
    /// Types this; waits while the process doesn't read.
    ///
    /// # Errors
    /// If the monitor is gone.
    pub async fn input(&mut self, bytes: &[u8]) -> io::Result<()> {
        for bytes in bytes.chunks(INPUT_BYTES_MAX as usize) {
            let frame = Frame::encode(FrameKind::Input, 0, bytes);
            self.0.write_all(&frame).await?;
        }
        Ok(())
    }

    /// Says that nothing more comes.
    ///
    /// # Errors
    /// If the monitor is gone.
    pub async fn end(&mut self) -> io::Result<()> {
        let frame = Frame::encode(FrameKind::EndOfInput, 0, &[]);
        self.0.write_all(&frame).await
    }

    /// Gives the terminal another size.
    ///
    /// # Errors
    /// If the monitor is gone.
    pub async fn resize(&mut self, rows: u16, columns: u16) -> io::Result<()> {
        let size = TerminalSize { rows, columns };
        self.0.write_all(&resize_frame(size)).await
    }
}
