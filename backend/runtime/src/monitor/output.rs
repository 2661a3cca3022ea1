//! What a monitor holds of the process that it stays beside: the near ends of its standard streams, its log and its
//! socket.
//!
//! A container's monitor and that of an exec that outlives its spawner have the same. The streams are pipes, or the
//! master of a terminal, which the process itself opens (`init::terminal`) and sends when it has.

use std::fs::File;
use std::io;
use std::os::fd::{AsFd as _, OwnedFd};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::Path;

use rustix::pty::{OpenptFlags, ioctl_tiocgptpeer};

use super::frame::FrameKind;
use super::input::Input;
use super::{records, setup_failure};
use crate::cgroup::{Cgroup, CgroupError, MONITORS};
use crate::channel::{self, Failure};
use crate::init::{Console, Stdio};
use crate::log;
use crate::spec::{CgroupPath, TerminalSize};

/// What is asked of [`open`].
pub(crate) struct Asked<'a> {
    pub(crate) state_dir: &'a Path,
    /// The world whose monitors this one belongs to.
    pub(crate) world: &'a str,
    /// The terminal's size, where the streams are one.
    pub(crate) terminal: Option<TerminalSize>,
    /// Standard input stays open for clients.
    pub(crate) interactive: bool,
    pub(crate) log_bytes_max: u64,
}

/// The monitor's side.
#[derive(Debug)]
pub(crate) struct Output {
    pub(super) near: Near,
    pub(super) log: log::Writer,
    pub(super) listener: UnixListener,
    /// The monitors' own group.
    pub(super) monitors: Cgroup,
}

/// The near ends, before the program is executed.
#[derive(Debug)]
pub(super) enum Near {
    Pipes {
        stdout: OwnedFd,
        stderr: OwnedFd,
        stdin: Option<OwnedFd>,
    },
    /// The master comes through this.
    Console {
        from_process: UnixStream,
        interactive: bool,
    },
}

/// The near ends once the program runs.
#[derive(Debug)]
pub(super) struct Streams {
    pub(super) readers: [Option<(File, FrameKind)>; 2],
    pub(super) input: Input,
    /// The other side of a terminal, held open: without one, the master would be ready for ever whenever the process has
    /// closed its own, although it may open it again.
    pub(super) held: Option<OwnedFd>,
}

/// The process's side.
#[derive(Debug)]
pub(crate) struct Far {
    pub(crate) stdio: Stdio,
    pub(crate) console: Option<Console>,
}

/// Makes both sides.
pub(crate) fn open(asked: &Asked<'_>) -> Result<(Output, Far), Failure> {
    let monitors = CgroupPath {
        world: asked.world.to_owned(),
        id: MONITORS.to_owned(),
    };
    let monitors = Cgroup::find(&monitors).map_err(|error| setup_failure(&error))?;
    let open = || -> io::Result<(Output, Far)> {
        let (near, far) = match asked.terminal {
            Some(size) => terminal(size, asked.interactive)?,
            None => pipes(asked.interactive)?,
        };
        let log = log::Writer::create(asked.state_dir, asked.log_bytes_max)?;
        let listener = records::listen(asked.state_dir)?;
        let output = Output {
            near,
            log,
            listener,
            monitors,
        };
        Ok((output, far))
    };
    open().map_err(|error| unusable(asked.state_dir, &error))
}

pub(super) fn unusable(state_dir: &Path, error: &io::Error) -> Failure {
    setup_failure(&format!(
        "can't use the state folder {}: {error}",
        state_dir.display()
    ))
}

fn pipes(interactive: bool) -> io::Result<(Near, Far)> {
    let (stdout, stdout_writer) = io::pipe()?;
    let (stderr, stderr_writer) = io::pipe()?;
    let (stdin_reader, stdin) = if interactive {
        let (reader, writer) = io::pipe()?;
        (OwnedFd::from(reader), Some(OwnedFd::from(writer)))
    } else {
        (File::open("/dev/null")?.into(), None)
    };
    let near = Near::Pipes {
        stdout: stdout.into(),
        stderr: stderr.into(),
        stdin,
    };
    let stdio = Stdio {
        stdin: stdin_reader,
        stdout: stdout_writer.into(),
        stderr: stderr_writer.into(),
    };
    let console = None;
    Ok((near, Far { stdio, console }))
}

fn terminal(size: TerminalSize, interactive: bool) -> io::Result<(Near, Far)> {
    let (from_process, to_monitor) = UnixStream::pair()?;
    let null = File::options().read(true).write(true).open("/dev/null")?;
    // Until the process has its terminal.
    let stdio = Stdio {
        stdin: null.try_clone()?.into(),
        stdout: null.try_clone()?.into(),
        stderr: null.into(),
    };
    let near = Near::Console {
        from_process,
        interactive,
    };
    let console = Some(Console { size, to_monitor });
    Ok((near, Far { stdio, console }))
}

impl Output {
    /// Moves this process into the group that the monitors of a world share.
    pub(crate) fn enter_monitors_group(&self) -> Result<(), CgroupError> {
        self.monitors.make_and_enter()
    }

    /// Takes the socket away again: nothing was started.
    pub(crate) fn give_up(&self, state_dir: &Path) {
        records::unlisten(state_dir);
    }
}

impl Near {
    /// The streams of a process whose program has been executed.
    pub(super) fn into_streams(self) -> io::Result<Streams> {
        match self {
            Self::Pipes {
                stdout,
                stderr,
                stdin,
            } => Ok(Streams {
                readers: [
                    Some((unblocked(stdout)?, FrameKind::Stdout)),
                    Some((unblocked(stderr)?, FrameKind::Stderr)),
                ],
                input: Input::pipe(stdin.map(unblocked).transpose()?),
                held: None,
            }),
            Self::Console {
                from_process,
                interactive,
            } => {
                let missing =
                    || io::Error::other("expected the terminal of a process that has one");
                // Sent before the program was executed, so that this waits for nothing.
                let (_, master) = channel::receive::<()>(&from_process)?.ok_or_else(missing)?;
                let master = unblocked(master.ok_or_else(missing)?)?;
                let flags = OpenptFlags::RDWR | OpenptFlags::NOCTTY | OpenptFlags::CLOEXEC;
                let held = ioctl_tiocgptpeer(master.as_fd(), flags)?;
                Ok(Streams {
                    input: Input::terminal(master.try_clone()?, interactive),
                    readers: [Some((master, FrameKind::Stdout)), None],
                    held: Some(held),
                })
            }
        }
    }
}

/// Only this end: the process's reads and writes wait, as they would anywhere.
fn unblocked(descriptor: OwnedFd) -> io::Result<File> {
    rustix::io::ioctl_fionbio(&descriptor, true)?;
    Ok(descriptor.into())
}
