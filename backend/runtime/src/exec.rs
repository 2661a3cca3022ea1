//! The exec entry: a further process in a running container.
//!
//! This program joins the container's cgroup and pid namespace and makes a child, which joins the other namespaces and
//! becomes the program; the parent stays outside and passes the exit status on. One that is typed into (a terminal, or
//! a standard input that is held open) outlives the server as a container does: its parent then is a monitor, with the
//! same files, socket and code ([`crate::monitor`]), in a folder of its own.
//!
//! The child is in reach of the container's processes from its first moment on. What they could take from it is little:
//! it is not dumpable (so that `/proc/PID` gives away neither its memory nor its descriptors), it is this program's
//! sealed copy (CVE-2019-5736), and all its descriptors close at exec.

use std::convert::Infallible;
use std::fs::File;
use std::io;
use std::os::fd::{AsFd as _, OwnedFd};
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::process::ExitCode;

use rustix::event::{PollFd, PollFlags, poll};
use rustix::fs::{Mode, OFlags};
use rustix::process::{DumpableBehavior, Pid, PidfdFlags, pidfd_open, set_dumpable_behavior};
use rustix::thread::{ThreadNameSpaceType, move_into_thread_name_spaces};

use crate::cgroup::Cgroup;
use crate::channel::{self, Failure, Report};
use crate::clock::now_ms;
use crate::init::{self, Identity, InitError};
use crate::monitor::output::{self, Asked, Far};
use crate::monitor::protocol::STARTED;
use crate::monitor::{
    PROGRAM, Patience, Watched, await_exec, setup_failure, spawners_stdio, start_ticks, take_stdin,
    tell, until_end, wait_for, write_record,
};
use crate::order::ExecOrder;
use crate::spec::{Exit, Started};
use crate::sys::{self, Cloned};

/// Everything that a container has of its own, but the pid namespace, which is joined before the child is made.
const NAMESPACES: ThreadNameSpaceType = ThreadNameSpaceType::MOUNT
    .union(ThreadNameSpaceType::CONTROL_GROUP)
    .union(ThreadNameSpaceType::HOST_NAME_AND_NIS_DOMAIN_NAME)
    .union(ThreadNameSpaceType::INTER_PROCESS_COMMUNICATION)
    .union(ThreadNameSpaceType::NETWORK);

/// The size at which an exec's log is rotated, in bytes. It is a buffer between the program and its clients, and nothing
/// to be looked up later; who attaches again is shown the end of it.
const LOG_BYTES_MAX: u64 = 4 << 20;

/// The whole life of an exec's parent. Its standard input is the socket to its spawner; its standard output and error
/// are the program's, unless it has a monitor's files to keep.
pub fn main() -> ExitCode {
    for signal in [libc::SIGTERM, libc::SIGINT, libc::SIGHUP, libc::SIGPIPE] {
        sys::ignore_signal(signal);
    }
    let Ok(spawner) = take_stdin(PROGRAM) else {
        return ExitCode::FAILURE;
    };
    let Ok(Some((order, stdin))) = channel::receive::<ExecOrder>(&spawner) else {
        return ExitCode::FAILURE;
    };
    if let Some(state_dir) = &order.state_dir {
        return outliving(&order, state_dir, spawner);
    }
    let begun = attended_far(stdin)
        .map_err(|error| setup_failure(&error))
        .and_then(|far| start(&order, far, &spawner));
    let (report, code) = match begun {
        Ok((started, process)) => {
            let told = channel::send(&spawner, &Report::Started(started), None);
            match told.and_then(|()| watch(&process, &spawner)) {
                Ok(exit) => (Report::Exited(exit), ExitCode::SUCCESS),
                Err(error) => (Report::Failed(setup_failure(&error)), ExitCode::FAILURE),
            }
        }
        Err(failure) => (Report::Failed(failure), ExitCode::FAILURE),
    };
    // The spawner may be gone; there is nobody else to tell.
    let _ = channel::send(&spawner, &report, None);
    code
}

/// The streams of an exec that its spawner attends to.
fn attended_far(stdin: Option<OwnedFd>) -> io::Result<Far> {
    let mut stdio = spawners_stdio()?;
    if let Some(stdin) = stdin {
        stdio.stdin = stdin;
    }
    let console = None;
    Ok(Far { stdio, console })
}

/// An exec that outlives its spawner: its parent is a monitor as a container's is, with the same files and socket.
fn outliving(order: &ExecOrder, state_dir: &Path, spawner: UnixStream) -> ExitCode {
    let fail = |failure: Failure| {
        let _ = channel::send(&spawner, &Report::Failed(failure), None);
        ExitCode::FAILURE
    };
    let opened = output::open(&Asked {
        state_dir,
        world: &order.cgroup.world,
        terminal: order.program.terminal,
        interactive: order.interactive,
        log_bytes_max: LOG_BYTES_MAX,
    });
    let (output, far) = match opened {
        Ok(opened) => opened,
        Err(failure) => return fail(failure),
    };
    let begun = start(order, far, &spawner).and_then(|(started, process)| {
        let recorded = write_record(state_dir, STARTED, &started);
        recorded.map_err(|error| setup_failure(&format!("can't write monitor.json: {error}")))?;
        Ok((started, process))
    });
    let (started, process) = match begun {
        Ok(begun) => begun,
        Err(failure) => {
            output.give_up(state_dir);
            return fail(failure);
        }
    };
    // Whether it hears this or not, the program runs on.
    let _ = channel::send(&spawner, &Report::Started(started), None);
    drop(spawner);
    sys::release_free_memory();
    // As a container's monitor: away from the group that ends with the server.
    let _ = output.enter_monitors_group();
    let watched = Watched {
        started: &started,
        process: process.as_fd(),
        cgroup: None,
        state_dir,
        awaits_client: true,
        patience: Some(Patience::with(order.program.terminal.is_some())),
    };
    match until_end(&watched, output) {
        Ok(()) => ExitCode::SUCCESS,
        Err(_) => ExitCode::FAILURE,
    }
}

fn start(order: &ExecOrder, far: Far, spawner: &UnixStream) -> Result<(Started, OwnedFd), Failure> {
    let fail = |what: &'static str| {
        move |error: io::Error| setup_failure(&format!("can't {what}: {error}"))
    };
    rustix::process::setsid().map_err(|error| fail("make a session")(error.into()))?;
    set_dumpable_behavior(DumpableBehavior::NotDumpable)
        .map_err(|error| fail("hide from the container")(error.into()))?;
    let container = open_container(order).map_err(|error| {
        setup_failure(&format!(
            "expected the container {} to run, but found it ended: {error}",
            order.id
        ))
    })?;
    let cgroup = Cgroup::find(&order.cgroup).map_err(|error| setup_failure(&error))?;
    let v2 = cgroup.v2_folder().map_err(|error| setup_failure(&error))?;
    // This alone, and not for this process but for its children: it keeps no part of the container alive.
    move_into_thread_name_spaces(container.as_fd(), ThreadNameSpaceType::PROCESS_ID)
        .map_err(|error| fail("join the container's pid namespace")(error.into()))?;
    let (from_child, to_parent) = io::pipe().map_err(fail("make a pipe"))?;
    match sys::clone_process(0, v2.as_ref().map(|folder| folder.as_fd()))
        .map_err(fail("make a process"))?
    {
        Cloned::Child => {
            drop(from_child);
            let to_parent = File::from(OwnedFd::from(to_parent));
            let Err(error) = become_exec(order, &cgroup, &container, far, &to_parent);
            tell(&to_parent, &error.to_failure());
            sys::exit_now(1)
        }
        Cloned::Parent { pid, pidfd } => {
            // The far ends are the child's now, and end with it.
            drop((to_parent, far, container));
            await_exec(from_child, &pidfd, Some(spawner))?;
            let me = rustix::process::getpid().as_raw_nonzero().get();
            let started = Started {
                monitor_pid: me,
                monitor_start_ticks: start_ticks(me).map_err(fail("read /proc"))?,
                init_pid: pid,
                // It may have ended already, and its number with it once it is waited for.
                init_start_ticks: start_ticks(pid).unwrap_or(0),
                started_ms: now_ms(),
            };
            Ok((started, pidfd))
        }
    }
}

/// Opens the container's first process, and makes sure that it is still the same one.
fn open_container(order: &ExecOrder) -> io::Result<OwnedFd> {
    let gone = || io::Error::from(rustix::io::Errno::SRCH);
    let pid = Pid::from_raw(order.init_pid).ok_or_else(gone)?;
    let pidfd = pidfd_open(pid, PidfdFlags::empty())?;
    // Read after the descriptor was had: if it is the right one now, it was then.
    if start_ticks(order.init_pid)? == order.init_start_ticks {
        Ok(pidfd)
    } else {
        Err(gone())
    }
}

fn become_exec(
    order: &ExecOrder,
    cgroup: &Cgroup,
    container: &OwnedFd,
    far: Far,
    to_parent: &File,
) -> Result<Infallible, InitError> {
    init::reset_signals()?;
    // While the cgroup file systems are the host's.
    cgroup.enter_v1()?;
    init::make_session()?;
    init::set_stdio(far.stdio)?;
    // As in a start: no descriptor of the host may lead a way out (CVE-2024-21626).
    init::close_descriptors_on_exec()?;
    // The host's /proc and cgroups are out of sight from here on, and the root is the container's.
    move_into_thread_name_spaces(container.as_fd(), NAMESPACES)
        .map_err(|source| InitError::Join(source.into()))?;
    init::take_own_null()?;
    if let Some(console) = &far.console {
        let flags = OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC;
        let root = rustix::fs::open("/", flags, Mode::empty())
            .map_err(|source| InitError::Terminal(source.into()))?;
        init::take_terminal(&init::open_terminal(root.as_fd(), console)?)?;
    }
    init::enter_working_directory(&order.program.cwd)?;
    let identity = Identity::of(&order.program)?;
    init::become_program(&order.program, &identity, to_parent)
}

/// Waits for the process. Closing `control` kills it.
fn watch(process: &OwnedFd, control: &UnixStream) -> io::Result<Exit> {
    let mut watched = [
        PollFd::new(process, PollFlags::IN),
        PollFd::new(control, PollFlags::IN | PollFlags::RDHUP),
    ];
    while let Err(rustix::io::Errno::INTR) = poll(&mut watched, None) {}
    if watched[0].revents().is_empty() {
        sys::send_signal(process.as_fd(), libc::SIGKILL)?;
    }
    wait_for(process)
}
