//! The files of a container's state folder, beside its log.

use std::fs::{self, File};
use std::io::{self, Write as _};
use std::os::unix::net::UnixListener;
use std::path::Path;

use rustix::fs::Mode;
use serde::Serialize;

use super::protocol::SOCKET;

/// Only its owner may connect or read.
const OWNER_ONLY: u32 = 0o177;

/// Writes a record so that it is there whole or not at all. For what means nothing after a loss of power, because the
/// processes that it tells of are gone then.
pub(crate) fn write(state_dir: &Path, name: &str, record: &impl Serialize) -> io::Result<()> {
    put(state_dir, name, record, false)
}

/// Writes a record so that it is there whole or not at all, even after a loss of power.
pub(super) fn write_durably(
    state_dir: &Path,
    name: &str,
    record: &impl Serialize,
) -> io::Result<()> {
    put(state_dir, name, record, true)
}

fn put(state_dir: &Path, name: &str, record: &impl Serialize, synced: bool) -> io::Result<()> {
    let temporary = state_dir.join(format!("{name}.new"));
    let mut file = File::create(&temporary)?;
    file.write_all(&serde_json::to_vec(record)?)?;
    if synced {
        file.sync_all()?;
    }
    fs::rename(temporary, state_dir.join(name))
}

/// Listens on the folder's socket. One of an earlier run is replaced.
pub(super) fn listen(state_dir: &Path) -> io::Result<UnixListener> {
    unlisten(state_dir);
    // Relative, because an address holds 107 bytes and the folder's path may be longer.
    rustix::process::chdir(state_dir)?;
    let before = rustix::process::umask(Mode::from_raw_mode(OWNER_ONLY));
    let listener = UnixListener::bind(SOCKET);
    rustix::process::umask(before);
    // The folder shall be removable, and its file system too.
    rustix::process::chdir("/")?;
    let listener = listener?;
    listener.set_nonblocking(true)?;
    Ok(listener)
}

/// Removes the socket.
pub(super) fn unlisten(state_dir: &Path) {
    // There may be none.
    let _ = fs::remove_file(state_dir.join(SOCKET));
}

/// When a process began, in clock ticks since boot: with its pid, a name that is never used twice.
pub(crate) fn start_ticks(pid: i32) -> io::Result<u64> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat"))?;
    // The second field is the program's name in parentheses, and may hold spaces and parentheses itself.
    let after_name = stat.rsplit_once(") ").map_or("", |(_, rest)| rest);
    after_name
        .split(' ')
        // Field 22, of which the third is the first here.
        .nth(19)
        .and_then(|ticks| ticks.parse().ok())
        .ok_or_else(|| {
            io::Error::new(
                io::ErrorKind::InvalidData,
                format!("expected the start time of process {pid}"),
            )
        })
}

#[cfg(test)]
mod tests {
    use super::{start_ticks, write, write_durably};

    #[test]
    fn knows_when_a_process_began() {
        let me = i32::try_from(std::process::id()).unwrap();
        assert!(start_ticks(me).unwrap() > 0);
        assert_eq!(start_ticks(me).unwrap(), start_ticks(me).unwrap());
        assert!(start_ticks(i32::MAX).is_err());
    }

    #[test]
    fn leaves_only_the_finished_record() {
        let folder = tempfile::TempDir::new().unwrap();
        write(folder.path(), "a.json", &[1, 2]).unwrap();
        write_durably(folder.path(), "a.json", &[3]).unwrap();
        let names: Vec<_> = std::fs::read_dir(folder.path())
            .unwrap()
            .map(|entry| entry.unwrap().file_name())
            .collect();
        assert_eq!(names, ["a.json"]);
        assert_eq!(std::fs::read(folder.path().join("a.json")).unwrap(), b"[3]");
    }
}
