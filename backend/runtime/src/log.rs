//! A container's log: frames in a file of bounded size, with one older file beside it.
//!
//! `log` begins with a header of 16 bytes (eight of magic, eight with the file's generation, a number that grows by
//! one with each rotation) and goes on with frames ([`crate::monitor::frame`]). When it is full it becomes `log.1`,
//! in the place of the one before. A reader holds the file open and so reads it to its end even if it is replaced.

use std::collections::VecDeque;
use std::fs::{self, File, OpenOptions};
use std::io::{self, IoSlice, Read as _, Write as _};
use std::os::unix::fs::{FileExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::monitor::frame::{Frame, FrameHeader, FrameKind, HEADER_BYTES, PAYLOAD_BYTES_MAX};

/// The size at which the log is rotated, in bytes. With its predecessor a container's output takes at most twice
/// that: enough to hold days of an ordinary service, and little enough that a loop of prints fills no disk.
pub const LOG_BYTES_MAX: u64 = 64 << 20;

/// Says what the file is, and in which form.
const MAGIC: [u8; 8] = *b"ESTLOG1\n";

/// The size of a log file's header, in bytes; the first frame begins there.
pub const FILE_HEADER_BYTES: u64 = 16;

/// More than a note with its header takes, in bytes: a sentence and a number.
const NOTE_BYTES_MAX: u64 = 128;

/// How much of a log's end is sent where `Recent` is asked for, in bytes: a terminal's last screens, colours too.
pub const RECENT_BYTES: u64 = 64 << 10;

/// How far apart the places are that a writer remembers of that end, in bytes.
const MARK_EVERY_BYTES: u64 = 4 << 10;

/// A place between two frames of a container's log.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Position {
    /// Which file: how many rotations there were before it.
    pub generation: u64,
    /// The offset in that file, in bytes.
    pub offset: u64,
}

/// The current log file of a container.
#[must_use]
pub fn path(state_dir: &Path) -> PathBuf {
    state_dir.join("log")
}

/// The log file before the current one, if there was a rotation.
#[must_use]
pub fn older_path(state_dir: &Path) -> PathBuf {
    state_dir.join("log.1")
}

/// The writing end; the monitor's alone.
#[derive(Debug)]
pub(crate) struct Writer {
    state_dir: PathBuf,
    file: File,
    end: Position,
    bytes_max: u64,
    lost_bytes: u64,
    /// Of `lost_bytes`, those that no note in the log tells of yet.
    untold_bytes: u64,
    /// Places between frames near the end, each with the bytes that were written before it.
    marks: VecDeque<(Position, u64)>,
    written_bytes: u64,
}

impl Writer {
    /// Begins a new log. A log of an earlier run in the same folder becomes the older file.
    pub(crate) fn create(state_dir: &Path, bytes_max: u64) -> io::Result<Self> {
        let (file, generation) = match open_file(&path(state_dir)) {
            Ok((_, generation)) => (succeed(state_dir, generation + 1)?, generation + 1),
            Err(_) => (begin(state_dir, 0)?, 0),
        };
        Ok(Self {
            state_dir: state_dir.to_owned(),
            file,
            end: Position {
                generation,
                offset: FILE_HEADER_BYTES,
            },
            bytes_max,
            lost_bytes: 0,
            untold_bytes: 0,
            marks: VecDeque::new(),
            written_bytes: 0,
        })
    }

    /// Where the log ends.
    pub(crate) fn end(&self) -> Position {
        self.end
    }

    /// Where the last [`RECENT_BYTES`] begin, about; the end of a log with nothing in it.
    pub(crate) fn recent(&self) -> Position {
        self.marks.front().map_or(self.end, |(place, _)| *place)
    }

    /// Output that couldn't be written, in bytes.
    pub(crate) fn lost_bytes(&self) -> u64 {
        self.lost_bytes
    }

    /// Output that couldn't be written, in bytes, and of which no note in the log tells.
    pub(crate) fn untold_bytes(&self) -> u64 {
        self.untold_bytes
    }

    /// Whether the next frame may begin a new file, and so take the older one away.
    pub(crate) fn may_rotate(&self) -> bool {
        let frame = HEADER_BYTES as u64 + u64::from(PAYLOAD_BYTES_MAX);
        self.end.offset + frame + NOTE_BYTES_MAX > self.bytes_max
    }

    /// From here on the file grows beyond its limit instead of being rotated: for the last of a container's output,
    /// which is no more than its pipes hold.
    pub(crate) fn stop_rotating(&mut self) {
        self.bytes_max = u64::MAX;
    }

    /// Appends one frame. A full disk must not stop the container, so what can't be written is counted and dropped,
    /// and a note says so when there is room again.
    pub(crate) fn append(&mut self, kind: FrameKind, time_ms: u64, payload: &[u8]) {
        if self.untold_bytes > 0 {
            let note = lost_note(self.untold_bytes);
            if self
                .try_append(FrameKind::Note, time_ms, note.as_bytes())
                .is_ok()
            {
                self.untold_bytes = 0;
            }
        }
        if self.try_append(kind, time_ms, payload).is_err() {
            let lost = payload.len() as u64;
            self.lost_bytes += lost;
            self.untold_bytes += lost;
        }
    }

    fn try_append(&mut self, kind: FrameKind, time_ms: u64, payload: &[u8]) -> io::Result<()> {
        let size = (HEADER_BYTES + payload.len()) as u64;
        if self.end.offset + size > self.bytes_max && self.end.offset > FILE_HEADER_BYTES {
            self.rotate()?;
        }
        let length = u32::try_from(payload.len()).map_err(io::Error::other)?;
        let header = FrameHeader {
            kind,
            time_ms,
            length,
        }
        .encode();
        let written = self
            .file
            .write_vectored(&[IoSlice::new(&header), IoSlice::new(payload)])?;
        let rest = (written as u64) < size;
        let written = if !rest {
            Ok(())
        } else if written < HEADER_BYTES {
            self.file
                .write_all(&header[written..])
                .and_then(|()| self.file.write_all(payload))
        } else {
            self.file.write_all(&payload[written - HEADER_BYTES..])
        };
        if let Err(error) = written {
            // Half a frame would make all that follows unreadable.
            self.file.set_len(self.end.offset)?;
            return Err(error);
        }
        self.mark(size);
        self.end.offset += size;
        Ok(())
    }

    /// Remembers where a frame of this size begins, where that is far enough from the last such place.
    fn mark(&mut self, size: u64) {
        let last = self.marks.back().map(|(_, before)| *before);
        if last.is_none_or(|before| self.written_bytes - before >= MARK_EVERY_BYTES) {
            self.marks.push_back((self.end, self.written_bytes));
        }
        self.written_bytes += size;
        // The first can go when the second leads to enough.
        while let Some((_, before)) = self.marks.get(1)
            && self.written_bytes - before >= RECENT_BYTES
        {
            self.marks.pop_front();
        }
    }

    fn rotate(&mut self) -> io::Result<()> {
        let generation = self.end.generation + 1;
        self.file = succeed(&self.state_dir, generation)?;
        self.end = Position {
            generation,
            offset: FILE_HEADER_BYTES,
        };
        Ok(())
    }
}

/// What is said of output that couldn't be written.
pub(crate) fn lost_note(bytes: u64) -> String {
    format!("{bytes} bytes of output were lost: the log couldn't be written\n")
}

/// The reading end, for anyone who may read the state folder; the container need not run.
#[derive(Debug)]
pub struct Reader {
    state_dir: PathBuf,
    file: File,
    place: Position,
}

impl Reader {
    /// A reader at the oldest output that is still there.
    ///
    /// # Errors
    /// `NotFound` if the container has no log; `InvalidData` if the file is not one.
    pub fn open(state_dir: &Path) -> io::Result<Self> {
        let (file, generation) = open_oldest(state_dir)?;
        let place = Position {
            generation,
            offset: FILE_HEADER_BYTES,
        };
        Ok(Self {
            state_dir: state_dir.to_owned(),
            file,
            place,
        })
    }

    /// A reader at `position`, or at the oldest output if that is gone.
    ///
    /// # Errors
    /// As for [`Self::open`].
    pub fn at(state_dir: &Path, position: Position) -> io::Result<Self> {
        for path in [path(state_dir), older_path(state_dir)] {
            if let Ok((file, generation)) = open_file(&path)
                && generation == position.generation
                && (FILE_HEADER_BYTES..=file.metadata()?.len()).contains(&position.offset)
            {
                return Ok(Self {
                    state_dir: state_dir.to_owned(),
                    file,
                    place: position,
                });
            }
        }
        Self::open(state_dir)
    }

    /// A reader at the start of the frame in which the last `lines` lines begin. It may give a little more, because a
    /// frame can hold several lines; that is the caller's to cut. Reads everything once, and remembers places for
    /// `lines` lines at most.
    ///
    /// # Errors
    /// As for [`Self::open`].
    pub fn tail(state_dir: &Path, lines: usize) -> io::Result<Self> {
        let mut reader = Self::open(state_dir)?;
        // Frames at the end: where each begins, how many lines end in it, and whether it ends with one.
        let mut recent = VecDeque::<(Position, usize, bool)>::new();
        let mut held = 0;
        while let Some(frame) = reader.next_frame()? {
            let size = (HEADER_BYTES + frame.payload.len()) as u64;
            let place = Position {
                offset: reader.place.offset - size,
                ..reader.place
            };
            let ends = frame.payload.iter().filter(|byte| **byte == b'\n').count();
            recent.push_back((place, ends, frame.payload.ends_with(b"\n")));
            held += ends;
            // The first frame can go when those after it hold the lines, from the first one's beginning.
            while let Some((_, first, whole)) = recent.front()
                && held - first + usize::from(*whole) > lines
            {
                held -= first;
                recent.pop_front();
            }
        }
        match recent.front() {
            Some((place, ..)) if lines > 0 => Self::at(state_dir, *place),
            _ => Ok(reader),
        }
    }

    /// Where this reader is: between the frame it gave last and the next.
    #[must_use]
    pub fn position(&self) -> Position {
        self.place
    }

    /// The next frame; `None` at the end of what there is now. Asking again later goes on from there.
    ///
    /// # Errors
    /// If the file can't be read or is damaged.
    pub fn next_frame(&mut self) -> io::Result<Option<Frame>> {
        loop {
            if let Some(frame) = self.frame_here()? {
                return Ok(Some(frame));
            }
            // The end of this file: it goes on in the next, if there is one.
            match open_file(&path(&self.state_dir)) {
                Ok((_, generation)) if generation == self.place.generation => return Ok(None),
                Ok(_) => {}
                Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
                Err(error) => return Err(error),
            }
            // It may have grown between the look at its end and the rotation.
            if let Some(frame) = self.frame_here()? {
                return Ok(Some(frame));
            }
            let (file, generation) = open_after(&self.state_dir, self.place.generation)?;
            self.file = file;
            self.place = Position {
                generation,
                offset: FILE_HEADER_BYTES,
            };
        }
    }

    fn frame_here(&mut self) -> io::Result<Option<Frame>> {
        let mut header = [0; HEADER_BYTES];
        match self.file.read_exact_at(&mut header, self.place.offset) {
            Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => return Ok(None),
            other => other?,
        }
        let FrameHeader {
            kind,
            time_ms,
            length,
        } = FrameHeader::decode(&header)?;
        let mut payload = vec![0; length as usize];
        match self
            .file
            .read_exact_at(&mut payload, self.place.offset + HEADER_BYTES as u64)
        {
            // The writer is in the middle of it.
            Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => return Ok(None),
            other => other?,
        }
        self.place.offset += HEADER_BYTES as u64 + u64::from(length);
        Ok(Some(Frame {
            kind,
            time_ms,
            payload,
        }))
    }

    /// The file and the place in it, for a caller that sends the bytes as they lie.
    pub(crate) fn into_parts(self) -> (File, Position) {
        (self.file, self.place)
    }
}

/// A first current file. It gets its name when its header is whole, so that a reader never opens half of one.
fn begin(state_dir: &Path, generation: u64) -> io::Result<File> {
    let file = unnamed_file(state_dir, generation)?;
    fs::rename(unnamed_path(state_dir), path(state_dir))?;
    Ok(file)
}

/// A new current file; the one before becomes the older one. Nothing is moved before the new file is whole: on a full
/// disk all stays as it was, and the next attempt finds it so.
fn succeed(state_dir: &Path, generation: u64) -> io::Result<File> {
    let file = unnamed_file(state_dir, generation)?;
    // An attempt that ended between the two renames has left no current file to be moved.
    or_missing(fs::rename(path(state_dir), older_path(state_dir)))?;
    fs::rename(unnamed_path(state_dir), path(state_dir))?;
    Ok(file)
}

fn unnamed_path(state_dir: &Path) -> PathBuf {
    state_dir.join("log.new")
}

/// A file with a header, under a name that no reader looks for.
fn unnamed_file(state_dir: &Path, generation: u64) -> io::Result<File> {
    let unnamed = unnamed_path(state_dir);
    // One may be left from a writer that was killed just here, or whose disk was full.
    or_missing(fs::remove_file(&unnamed))?;
    let mut file = OpenOptions::new()
        .append(true)
        .create_new(true)
        .mode(0o600)
        .open(&unnamed)?;
    file.write_all(&[MAGIC, generation.to_le_bytes()].concat())?;
    Ok(file)
}

fn or_missing(done: io::Result<()>) -> io::Result<()> {
    match done {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        other => other,
    }
}

fn open_file(path: &Path) -> io::Result<(File, u64)> {
    let mut file = File::open(path)?;
    let mut header = [0; FILE_HEADER_BYTES as usize];
    file.read_exact(&mut header)?;
    let [m0, m1, m2, m3, m4, m5, m6, m7, generation @ ..] = header;
    if [m0, m1, m2, m3, m4, m5, m6, m7] != MAGIC {
        return Err(io::Error::new(
            io::ErrorKind::InvalidData,
            format!(
                "expected a container's log, but found something else: {}",
                path.display()
            ),
        ));
    }
    Ok((file, u64::from_le_bytes(generation)))
}

fn open_oldest(state_dir: &Path) -> io::Result<(File, u64)> {
    match open_file(&older_path(state_dir)) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => open_file(&path(state_dir)),
        other => other,
    }
}

/// The file that follows `generation`: the older one if that is its successor, else the current one.
fn open_after(state_dir: &Path, generation: u64) -> io::Result<(File, u64)> {
    match open_file(&older_path(state_dir)) {
        Ok((file, older)) if older > generation => Ok((file, older)),
        _ => open_file(&path(state_dir)),
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::{FILE_HEADER_BYTES, Position, Reader, Writer, older_path, path};
    use crate::monitor::frame::FrameKind;

    fn text(mut reader: Reader) -> String {
        let mut text = String::new();
        while let Some(frame) = reader.next_frame().unwrap() {
            text.push_str(std::str::from_utf8(&frame.payload).unwrap());
        }
        text
    }

    fn write(folder: &Path, bytes_max: u64, lines: std::ops::Range<u32>) -> Writer {
        let mut writer = Writer::create(folder, bytes_max).unwrap();
        for line in lines {
            writer.append(FrameKind::Stdout, 1, format!("line {line}\n").as_bytes());
        }
        writer
    }

    #[test]
    fn keeps_two_files_of_bounded_size_and_reads_across_them() {
        let folder = tempfile::TempDir::new().unwrap();
        let writer = write(folder.path(), 200, 0..100);
        for path in [path(folder.path()), older_path(folder.path())] {
            assert!(std::fs::metadata(path).unwrap().len() <= 200);
        }
        let text = text(Reader::open(folder.path()).unwrap());
        assert!(
            text.ends_with("line 98\nline 99\n") && !text.contains("line 5\n"),
            "{text}"
        );
        assert!(writer.end().generation > 2);
        assert_eq!(writer.lost_bytes(), 0);
    }

    #[test]
    fn a_reader_follows_a_writer_through_a_rotation() {
        let folder = tempfile::TempDir::new().unwrap();
        let mut writer = Writer::create(folder.path(), 100).unwrap();
        let mut reader = Reader::open(folder.path()).unwrap();
        for number in 0..40 {
            assert!(reader.next_frame().unwrap().is_none());
            writer.append(FrameKind::Stderr, number, b"some output\n");
            let frame = reader.next_frame().unwrap().unwrap();
            assert_eq!((frame.kind, frame.time_ms), (FrameKind::Stderr, number));
        }
        assert_eq!(reader.position(), writer.end());
    }

    // On a full disk, rotation moved the log away and then had no room for a new one. Each later attempt failed on the
    // log that was not there, and everything that the container printed from then on was lost, room or no room.
    #[test]
    fn goes_on_after_a_rotation_that_had_no_room() {
        let folder = tempfile::TempDir::new().unwrap();
        let mut writer = write(folder.path(), 200, 0..6);
        // What can't be made where a folder lies can't be made on a full disk either.
        let in_the_way = folder.path().join("log.new");
        std::fs::create_dir(&in_the_way).unwrap();
        for _ in 0..2 {
            writer.append(FrameKind::Stdout, 1, &[b'x'; 120]);
        }
        assert_eq!(writer.lost_bytes(), 240);
        assert!(text(Reader::open(folder.path()).unwrap()).ends_with("line 5\n"));
        std::fs::remove_dir(in_the_way).unwrap();
        writer.append(FrameKind::Stdout, 1, b"again\n");
        let text = text(Reader::open(folder.path()).unwrap());
        assert!(
            text.starts_with("line 0") && text.contains("240 bytes") && text.ends_with("again\n"),
            "{text}"
        );
    }

    #[test]
    fn rotates_though_an_earlier_attempt_ended_between_its_renames() {
        let folder = tempfile::TempDir::new().unwrap();
        let mut writer = write(folder.path(), 100, 0..3);
        std::fs::rename(path(folder.path()), older_path(folder.path())).unwrap();
        writer.append(FrameKind::Stdout, 1, &[b'x'; 50]);
        assert_eq!((writer.lost_bytes(), writer.end().generation), (0, 1));
        assert!(text(Reader::open(folder.path()).unwrap()).starts_with("line 0\nline 1\n"));
    }

    #[test]
    fn goes_to_the_last_lines_and_on_from_a_position() {
        let folder = tempfile::TempDir::new().unwrap();
        let writer = write(folder.path(), 1 << 20, 0..10);
        assert_eq!(
            text(Reader::tail(folder.path(), 2).unwrap()),
            "line 8\nline 9\n"
        );
        assert_eq!(text(Reader::tail(folder.path(), 0).unwrap()), "");
        assert_eq!(
            text(Reader::tail(folder.path(), 100).unwrap())
                .lines()
                .count(),
            10
        );
        let mut reader = Reader::tail(folder.path(), 2).unwrap();
        reader.next_frame().unwrap();
        assert_eq!(
            text(Reader::at(folder.path(), reader.position()).unwrap()),
            "line 9\n"
        );
        assert_eq!(text(Reader::at(folder.path(), writer.end()).unwrap()), "");
        let gone = Position {
            generation: 7,
            offset: FILE_HEADER_BYTES,
        };
        assert_eq!(
            text(Reader::at(folder.path(), gone).unwrap())
                .lines()
                .count(),
            10
        );
    }

    #[test]
    fn leads_to_the_last_of_a_long_log_and_to_all_of_a_short_one() {
        let folder = tempfile::TempDir::new().unwrap();
        let mut writer = Writer::create(folder.path(), 100 << 10).unwrap();
        assert_eq!(writer.recent(), writer.end());
        let from_recent =
            |writer: &Writer| text(Reader::at(folder.path(), writer.recent()).unwrap());
        for line in 0..20_000 {
            writer.append(FrameKind::Stdout, 1, format!("line {line}\n").as_bytes());
            if line == 5 {
                assert!(from_recent(&writer).starts_with("line 0\n"));
            }
        }
        let bytes = writer.written_bytes - writer.marks[0].1;
        assert!((super::RECENT_BYTES..2 * super::RECENT_BYTES).contains(&bytes));
        assert!(writer.marks.len() < 20 && from_recent(&writer).ends_with("line 19999\n"));
    }

    #[test]
    fn begins_after_the_log_of_an_earlier_run() {
        let folder = tempfile::TempDir::new().unwrap();
        drop(write(folder.path(), 1 << 20, 0..1));
        drop(write(folder.path(), 1 << 20, 1..2));
        assert_eq!(
            text(Reader::open(folder.path()).unwrap()),
            "line 0\nline 1\n"
        );
    }

    #[test]
    fn refuses_a_file_that_is_no_log_and_stops_before_a_half_written_frame() {
        let folder = tempfile::TempDir::new().unwrap();
        std::fs::write(path(folder.path()), "not a log, but long enough").unwrap();
        assert_eq!(
            Reader::open(folder.path()).unwrap_err().kind(),
            std::io::ErrorKind::InvalidData
        );
        std::fs::remove_file(path(folder.path())).unwrap();
        let writer = write(folder.path(), 1 << 20, 0..2);
        let file = std::fs::File::options()
            .write(true)
            .open(path(folder.path()))
            .unwrap();
        file.set_len(writer.end().offset - 1).unwrap();
        assert_eq!(text(Reader::open(folder.path()).unwrap()), "line 0\n");
    }
}
