//! Which build of the program this is: what tells a client that the server is another than itself.
//!
//! Reading and digesting the program costs tens of milliseconds, so a client first looks whether the server runs the
//! very same file; only where it doesn't are digests compared.

use std::fs::{self, File};
use std::io;
use std::os::unix::fs::MetadataExt as _;
use std::sync::OnceLock;

use sha2::{Digest as _, Sha256};

/// This program's file, even where it was deleted or replaced since it was started.
const SELF: &str = "/proc/self/exe";

/// Hexadecimal digits of a build's id.
const ID_DIGITS: usize = 16;

/// The id of this program: the first digits of its file's digest.
///
/// # Errors
/// If the file can't be read.
pub(crate) fn of_this_program() -> io::Result<String> {
    static ID: OnceLock<String> = OnceLock::new();
    if let Some(id) = ID.get() {
        return Ok(id.clone());
    }
    let mut digest = Sha256::new();
    io::copy(&mut File::open(SELF)?, &mut HashWriter(&mut digest))?;
    let id = digest
        .finalize()
        .iter()
        .flat_map(|byte| [byte >> 4, byte & 15])
        .filter_map(|digit| char::from_digit(u32::from(digit), 16))
        .take(ID_DIGITS)
        .collect();
    Ok(ID.get_or_init(|| id).clone())
}

struct HashWriter<'a>(&'a mut Sha256);

impl io::Write for HashWriter<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.update(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Whether a process runs this program's very file. `false` where that can't be seen.
pub(crate) fn is_this_program(pid: i32) -> bool {
    let file = |path: String| {
        fs::metadata(path)
            .map(|found| (found.dev(), found.ino()))
            .ok()
    };
    let own = file(SELF.to_owned());
    own.is_some() && file(format!("/proc/{pid}/exe")) == own
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn this_process_runs_this_program_and_another_does_not() {
        assert!(is_this_program(i32::try_from(std::process::id()).unwrap()));
        assert!(!is_this_program(1) && !is_this_program(-1));
        assert_eq!(of_this_program().unwrap().len(), ID_DIGITS);
    }
}
