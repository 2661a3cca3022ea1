//! A terminal for a container or an exec, and how its first process comes to have it.
//!
//! It is a pair of the container's own devpts, so that what is inside knows it by its name (`tty` says `/dev/pts/0`).
//! The process opens it itself, from within, and hands the master to its monitor through a socket, as `runc` does with
//! its console socket: the monitor has no business in the container's mounts.

use std::io;
use std::os::fd::{AsFd as _, BorrowedFd, OwnedFd};
use std::os::unix::net::UnixStream;
use std::path::Path;

use rustix::fs::{FileType, Mode, OFlags, fstat, fstatfs, openat};
use rustix::process::ioctl_tiocsctty;
use rustix::pty::{OpenptFlags, ioctl_tiocgptpeer, unlockpt};
use rustix::stdio;
use rustix::termios::{Winsize, tcsetwinsize};

use super::InitError;
use super::mounts::{attach, cloned};
use crate::channel;
use crate::resolve;
use crate::spec::TerminalSize;

/// What `statfs` calls the file system of the pseudo-terminals; from `linux/magic.h`.
pub(super) const DEVPTS_MAGIC: i64 = 0x1cd1;

/// A terminal, and the socket on which the monitor waits for its master.
#[derive(Debug)]
pub(crate) struct Console {
    pub(crate) size: TerminalSize,
    pub(crate) to_monitor: UnixStream,
}

/// Opens a pair under `root`, gives the master to the monitor, and returns the other end.
pub(crate) fn open(root: BorrowedFd<'_>, console: &Console) -> Result<OwnedFd, InitError> {
    let open = || -> io::Result<OwnedFd> {
        let flags = OFlags::RDWR | OFlags::NOCTTY | OFlags::NOFOLLOW;
        let master = resolve::open(root, Path::new("/dev/pts/ptmx"), flags)?;
        // An image, or an exec's container, could have put something else there.
        if !is_terminal(master.as_fd())? {
            return Err(io::Error::new(
                io::ErrorKind::InvalidData,
                "expected a devpts on /dev/pts, but found something else",
            ));
        }
        unlockpt(&master)?;
        // By the master and not by its name, which could lead elsewhere.
        let flags = OpenptFlags::RDWR | OpenptFlags::NOCTTY | OpenptFlags::CLOEXEC;
        let terminal = ioctl_tiocgptpeer(&master, flags)?;
        set_size(master.as_fd(), console.size)?;
        channel::send(&console.to_monitor, &(), Some(master.as_fd()))?;
        Ok(terminal)
    };
    open().map_err(InitError::Terminal)
}

/// Makes the terminal `/dev/console` too, where programs that begin before a log-in look for it (the OCI
/// specification's "Default Devices").
pub(super) fn bind_console(root: BorrowedFd<'_>, terminal: &OwnedFd) -> Result<(), InitError> {
    let bind = || -> io::Result<()> {
        let folder = resolve::plain_folder(root, Path::new("/dev"))?;
        let flags =
            OFlags::CREATE | OFlags::EXCL | OFlags::NOFOLLOW | OFlags::WRONLY | OFlags::CLOEXEC;
        match openat(&folder, "console", flags, Mode::from_raw_mode(0o600)) {
            Ok(_) | Err(rustix::io::Errno::EXIST) => {}
            Err(error) => return Err(error.into()),
        }
        let flags = OFlags::PATH | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let location = openat(&folder, "console", flags, Mode::empty())?;
        attach(&cloned(terminal.as_fd(), Path::new(""), false)?, &location)
    };
    bind().map_err(InitError::Terminal)
}

/// Makes it this session's terminal, and the standard streams. The caller is the leader of a session of its own.
pub(crate) fn take(terminal: &OwnedFd) -> Result<(), InitError> {
    let take = || -> io::Result<()> {
        ioctl_tiocsctty(terminal)?;
        stdio::dup2_stdin(terminal)?;
        stdio::dup2_stdout(terminal)?;
        stdio::dup2_stderr(terminal)?;
        Ok(())
    };
    take().map_err(InitError::Terminal)
}

/// Gives a terminal this size; the kernel tells its foreground programs by SIGWINCH where it changes.
pub(crate) fn set_size(terminal: BorrowedFd<'_>, size: TerminalSize) -> io::Result<()> {
    let size = Winsize {
        ws_row: size.rows,
        ws_col: size.columns,
        ws_xpixel: 0,
        ws_ypixel: 0,
    };
    Ok(tcsetwinsize(terminal, size)?)
}

fn is_terminal(descriptor: BorrowedFd<'_>) -> io::Result<bool> {
    let kind = FileType::from_raw_mode(fstat(descriptor)?.st_mode);
    Ok(kind == FileType::CharacterDevice && fstatfs(descriptor)?.f_type == DEVPTS_MAGIC)
}
