//! Pipes for splice(2), through which bytes go from socket to socket without being copied into this process.
//!
//! A connection needs one only while its reader is slower than its writer; all others share a few.

use std::io;
use std::os::fd::OwnedFd;

use rustix::io::Errno;
use rustix::pipe::{PipeFlags, SpliceFlags, pipe_with, splice};

/// Empty pipes that are kept: enough for the connections of one turn.
const SPARE_MAX: usize = 16;

/// Moved at once, in bytes: what a pipe holds (pipe(7)).
const CHUNK_BYTES: usize = 64 << 10;

/// The two ends of a pipe, and how many bytes are in it.
#[derive(Debug)]
pub(crate) struct Pipe {
    reader: OwnedFd,
    writer: OwnedFd,
    pub(crate) filled: usize,
}

/// What one move gave.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Moved {
    /// So many bytes; none is the end.
    Bytes(usize),
    /// Nothing now.
    Nothing,
}

/// Pipes that are empty.
#[derive(Debug, Default)]
pub(crate) struct Pipes(Vec<Pipe>);

impl Pipes {
    /// An empty pipe.
    pub(crate) fn take(&mut self) -> io::Result<Pipe> {
        if let Some(pipe) = self.0.pop() {
            return Ok(pipe);
        }
        let (reader, writer) = pipe_with(PipeFlags::CLOEXEC | PipeFlags::NONBLOCK)?;
        Ok(Pipe {
            reader,
            writer,
            filled: 0,
        })
    }

    /// Takes one back, where it is empty and there are not enough.
    pub(crate) fn give(&mut self, pipe: Pipe) {
        if pipe.filled == 0 && self.0.len() < SPARE_MAX {
            self.0.push(pipe);
        }
    }
}

impl Pipe {
    /// From a socket into the pipe.
    pub(crate) fn fill(&mut self, from: &OwnedFd) -> io::Result<Moved> {
        let moved = moved(splice(from, None, &self.writer, None, CHUNK_BYTES, flags()))?;
        if let Moved::Bytes(bytes) = moved {
            self.filled += bytes;
        }
        Ok(moved)
    }

    /// From the pipe into a socket.
    pub(crate) fn empty(&mut self, to: &OwnedFd) -> io::Result<Moved> {
        let moved = moved(splice(&self.reader, None, to, None, self.filled, flags()))?;
        if let Moved::Bytes(bytes) = moved {
            self.filled -= bytes;
        }
        Ok(moved)
    }
}

fn flags() -> SpliceFlags {
    SpliceFlags::MOVE | SpliceFlags::NONBLOCK
}

fn moved(result: Result<usize, Errno>) -> io::Result<Moved> {
    match result {
        Ok(bytes) => Ok(Moved::Bytes(bytes)),
        // What interrupts is a stop and a continuation; nobody here handles signals.
        Err(Errno::AGAIN | Errno::INTR) => Ok(Moved::Nothing),
        Err(error) => Err(error.into()),
    }
}
