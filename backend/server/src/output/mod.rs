//! What the command line writes: text, tables, times, the live view of a build.

pub(crate) mod build;
pub(crate) mod compare;
pub(crate) mod compare_markdown;
pub(crate) mod file;
pub(crate) mod live;
pub(crate) mod progress;
pub(crate) mod table;
pub(crate) mod time;
pub(crate) mod transfer;

use std::io::{self, Write as _};
use std::os::fd::AsFd;

use estiva_shared::image::write_json;
use serde::Serialize;

use crate::failure::Failure;

/// Writes to standard output, as it stands.
///
/// # Errors
/// If it can't be written; a reader that went away (`| head`) wants no more, which is told nobody.
pub(crate) fn say(text: &str) -> Result<(), Failure> {
    say_bytes(text.as_bytes())
}

fn say_bytes(bytes: &[u8]) -> Result<(), Failure> {
    let mut out = io::stdout().lock();
    out.write_all(bytes)
        .and_then(|()| out.flush())
        .map_err(not_written)
}

/// A line to standard output.
///
/// # Errors
/// As for [`say`].
pub(crate) fn say_line(text: &str) -> Result<(), Failure> {
    say(&format!("{text}\n"))
}

/// JSON to standard output, for people and programs.
///
/// # Errors
/// As for [`say`].
pub(crate) fn say_json(value: &impl Serialize) -> Result<(), Failure> {
    let text = serde_json::to_string_pretty(value)
        .map_err(|error| Failure::new(format_args!("can't write the answer: {error}")))?;
    say_line(&text)
}

/// JSON of each image of a file: the one by itself, several as a list.
///
/// # Errors
/// As for [`say`].
pub(crate) fn say_json_of<T: Serialize>(images: &[T]) -> Result<(), Failure> {
    let mut text = Vec::new();
    write_json(&mut text, images)
        .map_err(|error| Failure::new(format_args!("can't write the answer: {error}")))?;
    say_bytes(&text)
}

/// The width of a terminal; 80 where it does not say.
pub(crate) fn columns(terminal: impl AsFd) -> usize {
    match rustix::termios::tcgetwinsize(terminal) {
        Ok(size) if size.ws_col > 0 => usize::from(size.ws_col),
        _ => 80,
    }
}

/// Writes to standard error. A fault has no better place to be told.
pub(crate) fn complain(text: &str) {
    let _ = io::stderr().lock().write_all(text.as_bytes());
}

/// What a failed write to standard output means.
pub(crate) fn not_written(error: io::Error) -> Failure {
    if error.kind() == io::ErrorKind::BrokenPipe {
        return Failure::told(0);
    }
    Failure::new(format_args!("can't write to standard output: {error}"))
}

/// The first 12 digits of an id, as people know things by.
pub(crate) fn short_id(id: &str) -> &str {
    let digits = id.strip_prefix("sha256:").unwrap_or(id);
    digits.get(..12).unwrap_or(digits)
}
