//! The server's own log, `ROOT/server.log`: starts, ends, faults that no client was told. Never a token, never a
//! request's content. Its size is bounded; what is full becomes `server.log.1`.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};
use std::time::{SystemTime, UNIX_EPOCH};

use crate::output::time::utc;

/// The size at which the log is rotated, in bytes: years of starts and stops, or an hour of something very wrong.
const LOG_BYTES_MAX: u64 = 1 << 20;

/// The log. A fault in writing it is not told anywhere: there is no better place than this one.
#[derive(Debug)]
pub(crate) struct Log {
    path: PathBuf,
    inner: Mutex<Inner>,
}

#[derive(Debug)]
struct Inner {
    file: File,
    bytes: u64,
}

impl Log {
    /// Opens the log, and goes on where it ended.
    ///
    /// # Errors
    /// If it can't be opened.
    pub(crate) fn open(path: &Path) -> io::Result<Self> {
        let file = append(path)?;
        let bytes = file.metadata()?.len();
        Ok(Self {
            path: path.to_owned(),
            inner: Mutex::new(Inner { file, bytes }),
        })
    }

    /// Adds a line, with the time before it.
    pub(crate) fn line(&self, text: &str) {
        let now_ms = SystemTime::now()
            .duration_since(UNIX_EPOCH)
            .map_or(0, |since| since.as_millis() as u64);
        let line = format!(
            "{} {}\n",
            utc(now_ms),
            estiva_shared::text::escape_name(text)
        );
        let mut inner = self.inner.lock().unwrap_or_else(PoisonError::into_inner);
        if inner.bytes + line.len() as u64 > LOG_BYTES_MAX
            && fs::rename(&self.path, self.path.with_extension("log.1")).is_ok()
            && let Ok(file) = append(&self.path)
        {
            *inner = Inner { file, bytes: 0 };
        }
        if inner.file.write_all(line.as_bytes()).is_ok() {
            inner.bytes += line.len() as u64;
        }
    }
}

/// Opens a log file for appending.
///
/// # Errors
/// If it can't be opened.
pub(crate) fn append(path: &Path) -> io::Result<File> {
    OpenOptions::new()
        .create(true)
        .append(true)
        .mode(0o600)
        .open(path)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_never_grows_beyond_two_files_and_a_line_stays_one_line() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("server.log");
        let log = Log::open(&path).unwrap();
        log.line("one\nstill one");
        assert_eq!(fs::read_to_string(&path).unwrap().lines().count(), 1);
        let long = "x".repeat(1 << 16);
        for _ in 0..100 {
            log.line(&long);
        }
        let all: u64 = fs::read_dir(folder.path())
            .unwrap()
            .map(|entry| entry.unwrap().metadata().unwrap().len())
            .sum();
        assert!(all <= 2 * LOG_BYTES_MAX, "{all}");
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 2);
    }
}
