//! Who a container's program runs as: `USER[:GROUP]`, looked up in the container's own files.
//!
//! The files are the image's, so nothing in them is trusted: they are opened from inside the pivoted root, must be
//! ordinary files, and are read up to a bound.

use std::fs::File;
use std::io::{self, BufRead, BufReader};
use std::os::fd::{AsFd, BorrowedFd};
use std::path::Path;

use rustix::fs::{FileType, OFlags};
use thiserror::Error;

use crate::resolve;

/// How much of a user or group file is read, in bytes. Large ones have tens of thousands of lines of some 60 bytes.
const FILE_BYTES_MAX: u64 = 16 << 20;

/// The largest id, as in Docker: the kernel's are 32 bits, but negative ones in other programs' eyes.
const ID_MAX: u32 = i32::MAX as u32;

/// A user as the kernel knows it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ResolvedUser {
    /// The user's number.
    pub uid: u32,
    /// The group's.
    pub gid: u32,
    /// Further groups, as `/etc/group` lists the user; none if a group was asked for by name or number.
    pub groups: Vec<u32>,
    /// The home folder; `/` for a number without an entry.
    pub home: String,
}

/// Why a user couldn't be found.
#[derive(Debug, Error)]
pub enum UserError {
    /// No entry has the name.
    #[error("expected the user {0:?} in the image's /etc/passwd, but found no such entry")]
    UnknownUser(String),
    /// No entry has the name.
    #[error("expected the group {0:?} in the image's /etc/group, but found no such entry")]
    UnknownGroup(String),
    /// A number beyond what a user can have.
    #[error("expected a user or group number of at most {ID_MAX}, but found {0}")]
    OutOfRange(String),
    /// One of the files couldn't be read.
    #[error("can't read the image's {path}: {source}")]
    Read {
        /// Which.
        path: &'static str,
        /// Why.
        #[source]
        source: io::Error,
    },
}

/// Looks up `USER[:GROUP]` in the files under `root`.
///
/// # Errors
/// If a name is in no file, a number is too large, or a file can't be read. A missing file is an empty one.
pub fn resolve(root: impl AsFd, wanted: &str) -> Result<ResolvedUser, UserError> {
    let root = root.as_fd();
    let passwd = open(root, "/etc/passwd")?;
    let group = open(root, "/etc/group")?;
    resolve_in(
        wanted,
        passwd.map(BufReader::new),
        group.map(BufReader::new),
    )
}

fn resolve_in(
    wanted: &str,
    passwd: Option<impl BufRead>,
    group: Option<impl BufRead>,
) -> Result<ResolvedUser, UserError> {
    let (user, wanted_group) = match wanted.split_once(':') {
        Some((user, group)) => (user, Some(group).filter(|group| !group.is_empty())),
        None => (wanted, None),
    };
    let user = if user.is_empty() { "0" } else { user };
    let found = find_user(user, passwd)?;
    let (uid, mut gid, name, home) = match found {
        Some(entry) => entry,
        None => {
            let uid = number(user)?.ok_or_else(|| UserError::UnknownUser(user.to_owned()))?;
            (uid, 0, String::new(), "/".to_owned())
        }
    };
    let mut groups = Vec::new();
    if let Some(wanted_group) = wanted_group {
        gid = match find_group(wanted_group, group)? {
            Some(gid) => gid,
            None => number(wanted_group)?
                .ok_or_else(|| UserError::UnknownGroup(wanted_group.to_owned()))?,
        };
    } else if !name.is_empty() {
        groups = groups_of(&name, group)?;
    }
    Ok(ResolvedUser {
        uid,
        gid,
        groups,
        home,
    })
}

/// uid, gid, name and home of the entry whose name or number is `wanted`.
fn find_user(
    wanted: &str,
    file: Option<impl BufRead>,
) -> Result<Option<(u32, u32, String, String)>, UserError> {
    let mut found = None;
    each_line(file, "/etc/passwd", &mut |fields| {
        if let [name, _, uid, gid, _, home, ..] = fields
            && found.is_none()
            && (*name == wanted || *uid == wanted)
            && let (Ok(Some(uid)), Ok(Some(gid))) = (number(uid), number(gid))
        {
            found = Some((uid, gid, (*name).to_owned(), (*home).to_owned()));
        }
    })?;
    Ok(found)
}

fn find_group(wanted: &str, file: Option<impl BufRead>) -> Result<Option<u32>, UserError> {
    let mut found = None;
    each_line(file, "/etc/group", &mut |fields| {
        if let [name, _, gid, ..] = fields
            && found.is_none()
            && (*name == wanted || *gid == wanted)
            && let Ok(Some(gid)) = number(gid)
        {
            found = Some(gid);
        }
    })?;
    Ok(found)
}

fn groups_of(user: &str, file: Option<impl BufRead>) -> Result<Vec<u32>, UserError> {
    let mut groups = Vec::new();
    each_line(file, "/etc/group", &mut |fields| {
        if let [_, _, gid, members, ..] = fields
            && members.split(',').any(|member| member == user)
            && let Ok(Some(gid)) = number(gid)
        {
            groups.push(gid);
        }
    })?;
    Ok(groups)
}

fn each_line(
    file: Option<impl BufRead>,
    path: &'static str,
    with: &mut dyn FnMut(&[&str]),
) -> Result<(), UserError> {
    let Some(file) = file else { return Ok(()) };
    let mut file = file.take(FILE_BYTES_MAX);
    let mut line = Vec::new();
    loop {
        line.clear();
        let read = file
            .read_until(b'\n', &mut line)
            .map_err(|source| UserError::Read { path, source })?;
        if read == 0 {
            return Ok(());
        }
        // A line that is not text names nobody that could be asked for.
        if let Ok(text) = std::str::from_utf8(&line) {
            let fields: Vec<_> = text.trim().splitn(8, ':').collect();
            with(&fields);
        }
    }
}

/// The number that `text` is; none if it is a name.
fn number(text: &str) -> Result<Option<u32>, UserError> {
    if text.is_empty() || !text.bytes().all(|byte| byte.is_ascii_digit()) {
        return Ok(None);
    }
    match text.parse::<u32>() {
        Ok(number) if number <= ID_MAX => Ok(Some(number)),
        _ => Err(UserError::OutOfRange(text.to_owned())),
    }
}

/// Opens one of the files. What it is gets asked of its location (O_PATH), which opens nothing: an image may have a
/// device there, and the opening alone makes some of them act, on the host.
fn open(root: BorrowedFd<'_>, path: &'static str) -> Result<Option<File>, UserError> {
    let fault = |source| UserError::Read { path, source };
    let location = match resolve::open(root, Path::new(path), OFlags::PATH) {
        Ok(location) => location,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(source) => return Err(fault(source)),
    };
    must_be_file(location.as_fd()).map_err(fault)?;
    // By its path again, because only /proc turns a location into an open file, and here it may be the container's own.
    // A program of the container that puts something else there meanwhile could open that by itself; with these flags
    // it neither waits for ever nor becomes a terminal of this process.
    let flags = OFlags::RDONLY | OFlags::NONBLOCK | OFlags::NOCTTY;
    let file = resolve::open(root, Path::new(path), flags).map_err(fault)?;
    must_be_file(file.as_fd()).map_err(fault)?;
    Ok(Some(file.into()))
}

fn must_be_file(opened: BorrowedFd<'_>) -> io::Result<()> {
    let found = rustix::fs::fstat(opened)?;
    if FileType::from_raw_mode(found.st_mode) == FileType::RegularFile {
        return Ok(());
    }
    Err(io::Error::new(
        io::ErrorKind::InvalidData,
        "expected an ordinary file",
    ))
}

#[cfg(test)]
mod tests {
    use std::fs::{self, File};

    use rustix::fs::inotify::{self, CreateFlags, WatchFlags};
    use rustix::fs::{CWD, FileType, Mode};

    use super::{ResolvedUser, UserError, resolve, resolve_in};

    const PASSWD: &str =
        "root:x:0:0:root:/root:/bin/sh\nbroken\nnode:x:1000:1001::/home/node:/bin/sh\n";
    const GROUP: &str = "root:x:0:\nnode:x:1001:\nstaff:x:50:root,node\naudio:x:63:node\n";

    fn look_up(wanted: &str) -> Result<ResolvedUser, UserError> {
        resolve_in(wanted, Some(PASSWD.as_bytes()), Some(GROUP.as_bytes()))
    }

    fn user(uid: u32, gid: u32, groups: &[u32], home: &str) -> ResolvedUser {
        ResolvedUser {
            uid,
            gid,
            groups: groups.to_vec(),
            home: home.to_owned(),
        }
    }

    #[test]
    fn finds_users_and_groups_by_name_and_by_number() {
        assert_eq!(
            look_up("node").unwrap(),
            user(1000, 1001, &[50, 63], "/home/node")
        );
        assert_eq!(
            look_up("1000").unwrap(),
            user(1000, 1001, &[50, 63], "/home/node")
        );
        assert_eq!(
            look_up("node:staff").unwrap(),
            user(1000, 50, &[], "/home/node")
        );
        assert_eq!(look_up("node:7").unwrap(), user(1000, 7, &[], "/home/node"));
        assert_eq!(look_up("").unwrap(), user(0, 0, &[50], "/root"));
        assert_eq!(look_up(":audio").unwrap(), user(0, 63, &[], "/root"));
        assert_eq!(
            look_up("node:").unwrap(),
            user(1000, 1001, &[50, 63], "/home/node")
        );
    }

    #[test]
    fn takes_an_unknown_number_but_no_unknown_name() {
        assert_eq!(look_up("4711").unwrap(), user(4711, 0, &[], "/"));
        assert!(matches!(look_up("nobody"), Err(UserError::UnknownUser(name)) if name == "nobody"));
        assert!(matches!(look_up("node:x"), Err(UserError::UnknownGroup(name)) if name == "x"));
        assert!(matches!(
            look_up("4294967295"),
            Err(UserError::OutOfRange(_))
        ));
        assert!(matches!(look_up("-1"), Err(UserError::UnknownUser(_))));
    }

    #[test]
    fn needs_no_files_for_numbers() {
        let nothing = None::<&[u8]>;
        assert_eq!(
            resolve_in("5:6", nothing, nothing).unwrap(),
            user(5, 6, &[], "/")
        );
        assert!(resolve_in("root", nothing, nothing).is_err());
    }

    /// An image whose /etc/passwd was a device had it opened on the host, by a WORKDIR or a `COPY --chown`: its kind was
    /// looked at afterwards. A pipe stands for the device here: it needs no rights to be made.
    #[test]
    fn what_is_no_ordinary_file_is_not_even_opened() {
        let root = tempfile::TempDir::new().unwrap();
        fs::create_dir(root.path().join("etc")).unwrap();
        let passwd = root.path().join("etc/passwd");
        rustix::fs::mknodat(CWD, &passwd, FileType::Fifo, Mode::RUSR, 0).unwrap();
        let watcher = inotify::init(CreateFlags::NONBLOCK | CreateFlags::CLOEXEC).unwrap();
        inotify::add_watch(&watcher, &passwd, WatchFlags::OPEN).unwrap();

        let folder = File::open(root.path()).unwrap();
        let error = resolve(&folder, "node").unwrap_err();
        assert!(
            error.to_string().ends_with("expected an ordinary file"),
            "{error}"
        );
        let mut events = [0; 256];
        assert_eq!(
            rustix::io::read(&watcher, &mut events),
            Err(rustix::io::Errno::AGAIN),
            "it was opened"
        );

        fs::remove_file(&passwd).unwrap();
        fs::write(&passwd, PASSWD).unwrap();
        assert_eq!(resolve(&folder, "node").unwrap().uid, 1000);
    }
}
