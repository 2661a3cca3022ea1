//! The nodes in a container's `/dev`.
//!
//! Each is a mount of its own, on itself, and all that surrounds it is `nodev`. So these six can be opened, and
//! nothing that the container makes with `mknod` can: with cgroup v1 its device controller says the same once more,
//! with v2 this is what says it. The nodes are the container's own, in its own tmpfs: `chmod` of its `/dev/null`
//! doesn't change the host's.

use std::io;
use std::os::fd::{AsFd as _, BorrowedFd, OwnedFd};
use std::path::Path;

use rustix::fs::{
    AtFlags, FileType, Mode, OFlags, Stat, chmodat, fstat, major, makedev, minor, mknodat, openat,
    symlinkat,
};
use rustix::stdio;

use super::InitError;
use super::mounts::{attach, cloned};
use crate::resolve;
use crate::sys;

/// Name, major and minor number.
const NULL: (&str, u32, u32) = ("null", 1, 3);

/// The others that every program may expect (the OCI specification's list).
const NODES: [(&str, u32, u32); 5] = [
    ("zero", 1, 5),
    ("full", 1, 7),
    ("random", 1, 8),
    ("urandom", 1, 9),
    ("tty", 5, 0),
];

/// Names that lead to what a process has or the container's devpts gives.
const LINKS: [(&str, &str); 5] = [
    ("fd", "/proc/self/fd"),
    ("stdin", "/proc/self/fd/0"),
    ("stdout", "/proc/self/fd/1"),
    ("stderr", "/proc/self/fd/2"),
    ("ptmx", "pts/ptmx"),
];

/// Makes them, and gives the mount of `null`, to hide files with.
pub(super) fn make_all(root: BorrowedFd<'_>) -> Result<OwnedFd, InitError> {
    let dev = Path::new("/dev");
    let failed = |name: &str| {
        let path = dev.join(name);
        move |source| InitError::Device { path, source }
    };
    let folder = resolve::plain_folder(root, dev).map_err(failed(""))?;
    for (name, major, minor) in NODES {
        make_node(&folder, name, major, minor).map_err(failed(name))?;
    }
    for (name, target) in LINKS {
        match symlinkat(target, &folder, name) {
            // A spec without a tmpfs on /dev: the image's own link is as good.
            Ok(()) | Err(rustix::io::Errno::EXIST) => {}
            Err(source) => {
                let path = dev.join(name);
                return Err(InitError::DeviceLink {
                    path,
                    source: source.into(),
                });
            }
        }
    }
    let (name, major, minor) = NULL;
    make_node(&folder, name, major, minor).map_err(failed(name))
}

/// Puts the container's own null device in the place of the host's, wherever that is one of the standard descriptors.
///
/// What a process has open it can also `chmod` and `chown`, by `/proc/self/fd/0`, and the host's node is that of every
/// program of the host. The null device and not a pipe without a writer, because that is what programs know: it is
/// what daemons, `isatty` and `select` expect of a program that nobody types to.
///
/// To be called once "/" is the container's.
pub(crate) fn take_own_null() -> Result<(), InitError> {
    let take = || -> io::Result<()> {
        let (name, major, minor) = NULL;
        let is_null = |descriptor: BorrowedFd<'_>| -> io::Result<bool> {
            Ok(is_device(&fstat(descriptor)?, major, minor))
        };
        let [stdin, stdout, stderr] = [
            is_null(stdio::stdin())?,
            is_null(stdio::stdout())?,
            is_null(stdio::stderr())?,
        ];
        if !(stdin || stdout || stderr) {
            return Ok(());
        }
        let flags = OFlags::RDWR | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let own = rustix::fs::open(Path::new("/dev").join(name), flags, Mode::empty())?;
        // An exec comes to a container in which somebody else has been at work.
        make_sure(&own, major, minor)?;
        if stdin {
            stdio::dup2_stdin(&own)?;
        }
        if stdout {
            stdio::dup2_stdout(&own)?;
        }
        if stderr {
            stdio::dup2_stderr(&own)?;
        }
        Ok(())
    };
    take().map_err(InitError::Stdio)
}

/// Makes a node and mounts it on itself, as the one thing there that is not `nodev`.
fn make_node(folder: &OwnedFd, name: &str, major: u32, minor: u32) -> io::Result<OwnedFd> {
    let mode = Mode::from_raw_mode(0o666);
    match mknodat(
        folder,
        name,
        FileType::CharacterDevice,
        mode,
        makedev(major, minor),
    ) {
        // mknod's mode is cut by the umask. chmod follows links, but this is not one: it has just been made.
        Ok(()) => chmodat(folder, name, mode, AtFlags::empty())?,
        // Without a tmpfs on /dev, what the image has will do if it is the device; that is looked at below.
        Err(rustix::io::Errno::EXIST) => {}
        Err(error) => return Err(error.into()),
    }
    let flags = OFlags::PATH | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    let location = openat(folder, name, flags, Mode::empty())?;
    make_sure(&location, major, minor)?;
    let node = cloned(location.as_fd(), Path::new(""), false)?;
    sys::change_mount_attributes(node.as_fd(), 0, libc::MOUNT_ATTR_NODEV, false)?;
    attach(&node, &location)?;
    Ok(node)
}

/// What hides files must be the null device, and nothing that took its name (CVE-2025-31133).
fn make_sure(node: &OwnedFd, wanted_major: u32, wanted_minor: u32) -> io::Result<()> {
    if is_device(&fstat(node)?, wanted_major, wanted_minor) {
        return Ok(());
    }
    Err(io::Error::new(
        io::ErrorKind::InvalidData,
        format!("expected the device {wanted_major}:{wanted_minor}, but found something else"),
    ))
}

fn is_device(status: &Stat, wanted_major: u32, wanted_minor: u32) -> bool {
    FileType::from_raw_mode(status.st_mode) == FileType::CharacterDevice
        && (major(status.st_rdev), minor(status.st_rdev)) == (wanted_major, wanted_minor)
}
