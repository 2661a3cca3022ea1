//! What clients type, on its way to the process: at most one frame of it, so that it takes no memory.
//!
//! A further frame is read from a client's socket only when the one before is written. So a process that doesn't read
//! its input holds up those who type, as at any pipe, and neither the monitor nor the process's output.

use std::fs::File;
use std::io::{self, Read as _, Write as _};
use std::os::fd::{AsFd as _, BorrowedFd};
use std::os::unix::net::UnixStream;

use super::frame::{FrameHeader, FrameKind, HEADER_BYTES};
use super::protocol::INPUT_BYTES_MAX;
use crate::init::set_terminal_size;
use crate::spec::TerminalSize;

/// The way into the process.
#[derive(Debug)]
pub(super) struct Input {
    /// Until the process takes no more.
    writer: Option<File>,
    /// Whether the writer is a terminal's master.
    is_terminal: bool,
    /// Whether clients may write.
    is_open: bool,
    /// What is not written yet of the last frame.
    pending: Vec<u8>,
    /// The end comes after that.
    ends: bool,
}

/// What one client sends: frames, of which the last may not be there in full.
#[derive(Debug, Default)]
pub(super) struct Typing(Vec<u8>);

impl Input {
    /// A standard input that is a pipe, or `/dev/null`.
    pub(super) fn pipe(writer: Option<File>) -> Self {
        Self {
            is_open: writer.is_some(),
            writer,
            is_terminal: false,
            pending: Vec::new(),
            ends: false,
        }
    }

    /// A terminal; not an `interactive` one can be given another size, and not be typed into.
    pub(super) fn terminal(master: File, interactive: bool) -> Self {
        Self {
            writer: Some(master),
            is_terminal: true,
            is_open: interactive,
            pending: Vec::new(),
            ends: false,
        }
    }

    /// Whether a next frame can be taken.
    pub(super) fn is_idle(&self) -> bool {
        self.pending.is_empty()
    }

    /// What must be able to take bytes before there is something to do here.
    pub(super) fn waits_for(&self) -> Option<BorrowedFd<'_>> {
        let writer = self.writer.as_ref().filter(|_| !self.is_idle());
        writer.map(File::as_fd)
    }

    /// Writes what can be written now.
    pub(super) fn write(&mut self) {
        while let (Some(writer), false) = (&mut self.writer, self.pending.is_empty()) {
            match writer.write(&self.pending) {
                Ok(written) => drop(self.pending.drain(..written)),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return,
                // The process has closed it: nobody is there to read what is typed.
                Err(_) => self.writer = None,
            }
        }
        self.pending.clear();
        if self.ends {
            self.writer = None;
        }
    }

    fn take(&mut self, bytes: &[u8]) -> io::Result<()> {
        if !self.is_open {
            return Err(invalid("expected no input: the standard input is not open"));
        }
        if self.writer.is_some() {
            self.pending.extend_from_slice(bytes);
            self.write();
        }
        Ok(())
    }

    /// After this a pipe's reader sees the end. A terminal has none: its programs take Ctrl-D for it.
    fn end(&mut self) {
        if !self.is_terminal {
            self.ends = true;
            self.write();
        }
    }

    fn resize(&self, payload: &[u8]) -> io::Result<()> {
        let Ok([r0, r1, c0, c1]) = <[u8; 4]>::try_from(payload) else {
            return Err(invalid("expected rows and columns in four bytes"));
        };
        let size = TerminalSize {
            rows: u16::from_le_bytes([r0, r1]),
            columns: u16::from_le_bytes([c0, c1]),
        };
        match &self.writer {
            Some(master) if self.is_terminal => set_terminal_size(master.as_fd(), size),
            _ => Ok(()),
        }
    }
}

/// What a look at a client's socket gave.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Read {
    Some,
    /// Nothing now.
    Nothing,
    /// The client has gone.
    End,
}

impl Typing {
    /// A client's, of which this came along with its request.
    pub(super) fn after(request: Vec<u8>) -> Self {
        Self(request)
    }

    /// Reads what the socket has, as far as one frame goes.
    pub(super) fn read(&mut self, mut stream: &UnixStream) -> io::Result<Read> {
        let mut part = [0; 4096];
        let room = (HEADER_BYTES + INPUT_BYTES_MAX as usize).saturating_sub(self.0.len());
        let room = room.min(part.len());
        if room == 0 {
            return Ok(Read::Nothing);
        }
        match stream.read(&mut part[..room]) {
            Ok(0) => Ok(Read::End),
            Ok(length) => {
                self.0.extend_from_slice(&part[..length]);
                Ok(Read::Some)
            }
            Err(error)
                if matches!(
                    error.kind(),
                    io::ErrorKind::WouldBlock | io::ErrorKind::Interrupted
                ) =>
            {
                Ok(Read::Nothing)
            }
            Err(error) => Err(error),
        }
    }

    /// Carries out the frames that are there in full, up to the first that has to wait.
    pub(super) fn advance(&mut self, input: &mut Input) -> io::Result<()> {
        while let Some((header, rest)) = self.0.split_first_chunk::<HEADER_BYTES>() {
            let FrameHeader { kind, length, .. } = FrameHeader::decode(header)?;
            if length > INPUT_BYTES_MAX {
                return Err(invalid("expected less in one frame"));
            }
            let Some(payload) = rest.get(..length as usize) else {
                break;
            };
            // In their order: an end or a size that comes after a text is for after it.
            if !input.is_idle() {
                break;
            }
            match kind {
                FrameKind::Input => input.take(payload)?,
                FrameKind::EndOfInput => input.end(),
                FrameKind::Resize => input.resize(payload)?,
                _ => return Err(invalid("expected input")),
            }
            self.0.drain(..HEADER_BYTES + length as usize);
        }
        Ok(())
    }
}

fn invalid(message: &str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, message)
}

#[cfg(test)]
mod tests {
    use std::io::{Read as _, Write as _};
    use std::os::fd::OwnedFd;
    use std::os::unix::net::UnixStream;

    use super::{Input, Read, Typing};
    use crate::monitor::frame::{Frame, FrameKind};
    use crate::monitor::protocol::INPUT_BYTES_MAX;

    fn pipe() -> (std::io::PipeReader, Input) {
        let (reader, writer) = std::io::pipe().unwrap();
        rustix::io::ioctl_fionbio(&writer, true).unwrap();
        (reader, Input::pipe(Some(OwnedFd::from(writer).into())))
    }

    fn typed(frames: &[u8], input: &mut Input) -> std::io::Result<()> {
        let (mut near, far) = UnixStream::pair().unwrap();
        near.write_all(frames).unwrap();
        drop(near);
        let mut typing = Typing::default();
        while typing.read(&far)? != Read::End {
            typing.advance(input)?;
        }
        Ok(())
    }

    #[test]
    fn what_is_typed_before_the_end_arrives_whole_and_then_the_end() {
        let (mut reader, mut input) = pipe();
        let mut frames = Frame::encode(FrameKind::Input, 0, b"one ");
        frames.extend(Frame::encode(FrameKind::Input, 0, b"two"));
        frames.extend(Frame::encode(FrameKind::EndOfInput, 0, b""));
        frames.extend(Frame::encode(FrameKind::Input, 0, b"late"));
        typed(&frames, &mut input).unwrap();
        let mut text = String::new();
        reader.read_to_string(&mut text).unwrap();
        assert_eq!(text, "one two");
    }

    #[test]
    fn a_reader_that_waits_makes_the_writer_wait_and_loses_nothing() {
        let (mut reader, mut input) = pipe();
        let (mut near, far) = UnixStream::pair().unwrap();
        let writer = std::thread::spawn(move || {
            for number in 0..100_u8 {
                let bytes = vec![number; INPUT_BYTES_MAX as usize];
                near.write_all(&Frame::encode(FrameKind::Input, 0, &bytes))
                    .unwrap();
            }
            near.write_all(&Frame::encode(FrameKind::EndOfInput, 0, b""))
                .unwrap();
        });
        let mut typing = Typing::default();
        while input.is_idle() {
            typing.read(&far).unwrap();
            typing.advance(&mut input).unwrap();
            assert!(typing.0.len() <= 2 * INPUT_BYTES_MAX as usize);
        }
        assert!(!writer.is_finished(), "it waits");
        let reader = std::thread::spawn(move || {
            let mut bytes = Vec::new();
            reader.read_to_end(&mut bytes).unwrap();
            bytes
        });
        while typing.read(&far).unwrap() != Read::End {
            input.write();
            typing.advance(&mut input).unwrap();
        }
        while input.writer.is_some() {
            input.write();
            typing.advance(&mut input).unwrap();
        }
        let bytes = reader.join().unwrap();
        assert_eq!(bytes.len(), 100 * INPUT_BYTES_MAX as usize);
        assert!(bytes.is_sorted());
    }

    #[test]
    fn nonsense_ends_the_connection() {
        let long = vec![0; INPUT_BYTES_MAX as usize + 1];
        for frames in [
            Frame::encode(FrameKind::Input, 0, &long),
            Frame::encode(FrameKind::Stdout, 0, b"x"),
            Frame::encode(FrameKind::Resize, 0, b"123"),
            vec![0xff; 64],
        ] {
            assert!(typed(&frames, &mut pipe().1).is_err());
        }
        let frames = Frame::encode(FrameKind::Input, 0, b"x");
        assert!(typed(&frames, &mut Input::pipe(None)).is_err());
    }

    #[test]
    fn a_process_that_reads_no_more_holds_nobody() {
        let (reader, mut input) = pipe();
        drop(reader);
        typed(&Frame::encode(FrameKind::Input, 0, b"x"), &mut input).unwrap();
        assert!(input.is_idle());
    }
}
