//! `logs`: read from the log files, which hold all that a container printed, whether it runs or not.
//!
//! Following reads the same files and waits at their end. So a client that reads slowly slows nobody, a container's end
//! cuts no client short, and any number can follow. Only what was rotated away before a client came to it is lost to
//! that client, and it is told so.

use std::{io, path::Path, sync::Arc};

use estiva_runtime::{
    log::Reader,
    monitor::frame::{Frame, FrameKind},
};
use estiva_shared::protocol::{LogChunk, OutputStream};
use tokio::sync::mpsc;
use tokio_stream::wrappers::ReceiverStream;

use crate::{
    EngineError,
    doorbell::Doorbell,
    engine::{LogStream, blocking},
    entry::Entry,
};

/// Chunks that wait for the client. One is 64 KiB at most, so that a slow client holds 1 MiB, and as much again in the
/// frames that were read for it.
const CHUNKS_WAITING_MAX: usize = 16;

/// Frames that are read at once.
const FRAMES_AT_ONCE: usize = 16;

/// What a client is told that was too slow.
const OVERTAKEN: &str = "estiva: output was rotated away before it was read\n";

type Sender = mpsc::Sender<Result<LogChunk, EngineError>>;

/// A container's output.
pub(crate) fn logs(entry: Arc<Entry>, follow: bool, tail: Option<u64>) -> LogStream {
    let (sender, receiver) = mpsc::channel(CHUNKS_WAITING_MAX);
    // It ends by itself when the client drops the stream.
    tokio::spawn(async move {
        if let Err(error) = send_all(&entry, follow, tail, &sender).await {
            // A client that is gone needs no error.
            let _ = sender.send(Err(error)).await;
        }
    });
    ReceiverStream::new(receiver)
}

/// Sends what there is, then, following, what comes until the end.
async fn send_all(
    entry: &Arc<Entry>,
    follow: bool,
    tail: Option<u64>,
    sender: &Sender,
) -> Result<(), EngineError> {
    // Before the first read, so that nothing is written unheard between that and the first wait.
    let doorbell = Doorbell::new(entry.folder.path());
    let mut log = OpenLog::new(entry, tail);
    let mut is_last = !follow;
    loop {
        let (opened, frames) = log.read().await?;
        log = opened;
        let is_at_end = frames.is_empty();
        for frame in frames {
            if let Some(chunk) = chunk(frame)
                && sender.send(Ok(chunk)).await.is_err()
            {
                return Ok(());
            }
        }
        if is_at_end && is_last {
            break;
        }
        if is_at_end {
            tokio::select! {
                () = doorbell.ring() => {}
                // All was written before the end was known; it is read once more.
                () = entry.ended() => is_last = true,
                () = sender.closed() => return Ok(()),
            }
        }
    }
    Ok(())
}

/// A place in a container's log.
struct OpenLog {
    entry: Arc<Entry>,
    tail: Option<u64>,
    /// `None` while there is no log.
    reader: Option<Reader>,
    lines_to_skip: u64,
}

impl OpenLog {
    fn new(entry: &Arc<Entry>, tail: Option<u64>) -> Self {
        Self {
            entry: Arc::clone(entry),
            tail,
            reader: None,
            lines_to_skip: 0,
        }
    }

    /// Reads some frames, on a thread that may block; none at the end of what there is.
    async fn read(mut self) -> Result<(Self, Vec<Frame>), EngineError> {
        blocking(move || {
            let path = self.entry.folder.path().join("log");
            let frames = self
                .read_frames()
                .map_err(EngineError::file("read", path))?;
            Ok((self, frames))
        })
        .await
    }

    fn read_frames(&mut self) -> io::Result<Vec<Frame>> {
        if self.reader.is_none() {
            match open_at_tail(self.entry.folder.path(), self.tail) {
                // One that was not started yet, or never, has no log.
                Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
                opened => {
                    (self.reader, self.lines_to_skip) =
                        opened.map(|(reader, skip)| (Some(reader), skip))?
                }
            }
        }
        let Some(reader) = &mut self.reader else {
            return Ok(Vec::new());
        };
        let mut frames = Vec::new();
        while frames.len() < FRAMES_AT_ONCE {
            let generation = reader.position().generation;
            let Some(mut frame) = reader.next_frame()? else {
                break;
            };
            if reader.position().generation > generation + 1 {
                frames.push(Frame {
                    kind: FrameKind::Note,
                    time_ms: frame.time_ms,
                    payload: OVERTAKEN.into(),
                });
            }
            skip_lines(&mut frame.payload, &mut self.lines_to_skip);
            frames.push(frame);
        }
        Ok(frames)
    }
}

/// A reader near the start of the last `tail` lines, and how many lines come before them.
fn open_at_tail(state_dir: &Path, tail: Option<u64>) -> io::Result<(Reader, u64)> {
    let Some(tail) = tail else {
        return Ok((Reader::open(state_dir)?, 0));
    };
    let lines = usize::try_from(tail).unwrap_or(usize::MAX);
    let mut counting = Reader::tail(state_dir, lines)?;
    let start = counting.position();
    let (mut ended, mut is_open) = (0u64, false);
    while let Some(frame) = counting.next_frame()? {
        ended += frame.payload.iter().filter(|byte| **byte == b'\n').count() as u64;
        is_open = frame.payload.last().map_or(is_open, |byte| *byte != b'\n');
    }
    // A last line without its end is a line too.
    let lines = ended + u64::from(is_open);
    Ok((Reader::at(state_dir, start)?, lines.saturating_sub(tail)))
}

/// Drops whole lines from the front, as many as are still to be skipped.
fn skip_lines(payload: &mut Vec<u8>, lines_to_skip: &mut u64) {
    let mut start = 0;
    while *lines_to_skip > 0 && start < payload.len() {
        match payload[start..].iter().position(|byte| *byte == b'\n') {
            Some(end) => {
                start += end + 1;
                *lines_to_skip -= 1;
            }
            None => start = payload.len(),
        }
    }
    payload.drain(..start);
}

/// The frame as a client gets it; `None` where there is nothing in it.
fn chunk(frame: Frame) -> Option<LogChunk> {
    let stream = match frame.kind {
        FrameKind::Stdout => OutputStream::Stdout,
        FrameKind::Stderr | FrameKind::Note => OutputStream::Stderr,
        // Never in a log.
        FrameKind::State
        | FrameKind::Exit
        | FrameKind::Done
        | FrameKind::Refused
        | FrameKind::Place
        | FrameKind::Input
        | FrameKind::EndOfInput
        | FrameKind::Resize => return None,
    };
    (!frame.payload.is_empty()).then_some(LogChunk {
        time_ms: frame.time_ms,
        stream,
        bytes: frame.payload,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn skips_whole_lines_across_frames() {
        let mut left = 2;
        let mut frames = [
            b"one\ntw".to_vec(),
            b"o\nthree\nfour".to_vec(),
            b"\n".to_vec(),
        ];
        for frame in &mut frames {
            skip_lines(frame, &mut left);
        }
        assert_eq!(frames.concat(), b"three\nfour\n");
        assert_eq!(left, 0);
    }
}
