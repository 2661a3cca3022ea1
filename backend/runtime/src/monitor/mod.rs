//! The process that stays beside a container: it holds the container's output, knows its end, and cleans up.
//!
//! There is one for each container, so it is small: one thread, no runtime, a buffer of 64 KiB. A container's monitor
//! outlives its spawner and answers on a socket ([`protocol`]); a step's ends with it. An exec that is typed into has one
//! of the same kind (the module `exec`): its parent.
//!
//! **Invariant:** a monitor that ends by itself leaves no process, no cgroup and no socket behind, and has written
//! `exit.json` before (a container's). One that is killed takes the container's first process with it, and
//! [`crate::cgroup::sweep`] removes the rest.

pub mod claim;
pub mod client;
mod clients;
pub mod frame;
mod input;
pub(crate) mod output;
mod patience;
pub mod protocol;
mod records;
mod serve;
mod start;

use std::ffi::CStr;
use std::fs::File;
use std::io;
use std::os::fd::AsFd as _;
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::process::ExitCode;

use rustix::process::{WaitId, WaitIdOptions, waitid};

pub(crate) use self::patience::Patience;
pub(crate) use self::records::start_ticks;
pub(crate) use self::records::write as write_record;
pub(crate) use self::serve::{Watched, until_end};
use self::start::Running;
pub(crate) use self::start::{await_exec, spawners_stdio, tell};
use crate::channel::{self, Failure, FailureKind, Report};
use crate::clock::now_ms;
use crate::order::MonitorOrder;
use crate::spec::{Exit, Mode};
use crate::sys;

/// What this program is listed as.
pub(crate) const PROGRAM: &CStr = c"estiva-runtime";

/// The monitor's whole life. Its standard input is the socket to its spawner.
pub fn main() -> ExitCode {
    // What stops other programs of the host must not stop the one that records the end.
    for signal in [libc::SIGTERM, libc::SIGINT, libc::SIGHUP, libc::SIGPIPE] {
        sys::ignore_signal(signal);
    }
    let Ok(spawner) = take_stdin(PROGRAM) else {
        return ExitCode::FAILURE;
    };
    let order = match channel::receive::<MonitorOrder>(&spawner) {
        Ok(Some((order, _))) => order,
        // The spawner has gone, or speaks another language.
        Ok(None) | Err(_) => return ExitCode::FAILURE,
    };
    match start::start(&order, &spawner) {
        Ok(running) => watch(order, running, spawner),
        Err(failure) => {
            // It may be gone too; the exit status is all that is left then.
            let _ = channel::send(&spawner, &Report::Failed(failure), None);
            ExitCode::FAILURE
        }
    }
}

fn watch(order: MonitorOrder, running: Running, spawner: UnixStream) -> ExitCode {
    let (state_dir, mode) = (order.state_dir.clone(), order.mode);
    let awaits_client = order.awaits_client;
    // It has served; what stays for days should be small.
    drop(order);
    sys::release_free_memory();
    let ended = match mode {
        Mode::Step => {
            let sent = channel::send(&spawner, &Report::Started(running.started), None);
            let exit = sent.and_then(|()| serve::step(&running, &spawner));
            exit.and_then(|exit| channel::send(&spawner, &Report::Exited(exit), None))
        }
        Mode::Container => {
            // Whether it hears this or not, the container runs on.
            let _ = channel::send(&spawner, &Report::Started(running.started), None);
            drop(spawner);
            container(running, &state_dir, awaits_client)
        }
    };
    if ended.is_ok() {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    }
}

fn container(running: Running, state_dir: &Path, awaits_client: bool) -> io::Result<()> {
    let Some(output) = running.output else {
        return Err(io::Error::other("expected a container's output"));
    };
    // Off the way of the start, because it can wait some milliseconds. If it is refused, the monitor stays in its
    // spawner's group, and works as well as long as nobody stops that as a whole.
    let _ = output.enter_monitors_group();
    let watched = Watched {
        started: &running.started,
        process: running.init.as_fd(),
        cgroup: Some(&running.cgroup),
        state_dir,
        awaits_client,
        patience: None,
    };
    until_end(&watched, output)
}

/// The first thing that this program does: lets go of what it inherited, and takes the socket to the spawner away from
/// standard input, so that nothing started later inherits that.
///
/// # Errors
/// If standard input is none, or the kernel is older than 5.9.
pub fn take_stdin(name: &CStr) -> io::Result<UnixStream> {
    // A lock or a pipe of whoever started the server would be held for as long as the container runs.
    sys::close_inherited()?;
    // Run from a descriptor, it would be listed by that descriptor's number.
    rustix::thread::set_name(name)?;
    let socket = rustix::io::fcntl_dupfd_cloexec(rustix::stdio::stdin(), 3)?;
    let null = File::open("/dev/null")?;
    rustix::stdio::dup2_stdin(&null)?;
    Ok(UnixStream::from(socket))
}

/// Waits for the process that `pidfd` means, and says how it ended.
pub(crate) fn wait_for(pidfd: impl std::os::fd::AsFd) -> io::Result<Exit> {
    let status = loop {
        match waitid(WaitId::PidFd(pidfd.as_fd()), WaitIdOptions::EXITED) {
            Ok(Some(status)) => break status,
            Ok(None) | Err(rustix::io::Errno::INTR) => {}
            Err(error) => return Err(error.into()),
        }
    };
    let signal = status.terminating_signal();
    let code = match signal {
        // As a shell says it.
        Some(signal) => 128 + signal,
        None => status.exit_status().unwrap_or(0),
    };
    Ok(Exit {
        code,
        signal,
        oom_killed: false,
        finished_ms: now_ms(),
    })
}

pub(crate) fn setup_failure(error: &dyn std::fmt::Display) -> Failure {
    Failure {
        kind: FailureKind::Setup,
        message: error.to_string(),
    }
}
