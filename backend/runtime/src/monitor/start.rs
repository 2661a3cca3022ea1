//! Starts the container: cgroup, clone, and the wait until its program runs or can't.

use std::fs::File;
use std::io::{self, PipeReader, Read as _, Write as _};
use std::os::fd::{AsFd as _, OwnedFd};
use std::os::unix::net::UnixStream;

use rustix::event::{PollFd, PollFlags, poll};

use super::claim::{self, Claim};
use super::output::{self, Asked, Far, Output};
use super::{records, setup_failure, wait_for};
use crate::cgroup::{Cgroup, CgroupError};
use crate::channel::Failure;
use crate::clock::now_ms;
use crate::init::{self, Plan, Stdio};
use crate::log;
use crate::order::MonitorOrder;
use crate::spec::{Mode, Started};
use crate::sys::{self, Cloned};

/// A container whose program runs.
#[derive(Debug)]
pub(super) struct Running {
    pub(super) started: Started,
    pub(super) init: OwnedFd,
    pub(super) cgroup: Cgroup,
    /// A container's; a step's goes straight to its spawner.
    pub(super) output: Option<Output>,
}

/// Starts what `order` says. If that fails, nothing is left of it.
pub(super) fn start(order: &MonitorOrder, spawner: &UnixStream) -> Result<Running, Failure> {
    // Until the start has worked or failed: dropped at the end of this function, whichever it is.
    let _claim = match order.mode {
        Mode::Container => Some(claim_start(order)?),
        Mode::Step => None,
    };
    let cgroup = Cgroup::find(&order.cgroup).map_err(|error| setup_failure(&error))?;
    // Away from the spawner's terminal and process group, whose signals are not meant for it.
    rustix::process::setsid().map_err(|error| setup_failure(&error))?;
    let (output, far) = match order.mode {
        Mode::Container => {
            let (output, far) = output::open(&Asked {
                state_dir: &order.state_dir,
                world: &order.cgroup.world,
                terminal: order.program.terminal,
                interactive: order.interactive,
                log_bytes_max: log::LOG_BYTES_MAX,
            })?;
            (Some(output), far)
        }
        Mode::Step => {
            let stdio = spawners_stdio().map_err(|error| setup_failure(&error))?;
            let console = None;
            (None, Far { stdio, console })
        }
    };
    let started = make_cgroup(&cgroup, order).and_then(|()| run(order, &cgroup, far, spawner));
    let recorded = started.and_then(|(started, init)| {
        if output.is_some() {
            records::write(&order.state_dir, super::protocol::STARTED, &started)
                .map_err(|error| setup_failure(&format!("can't write monitor.json: {error}")))?;
        }
        Ok((started, init))
    });
    match recorded {
        Ok((started, init)) => Ok(Running {
            started,
            init,
            cgroup,
            output,
        }),
        Err(failure) => {
            // The failure is what is told; what can't be removed now, a sweep will find.
            let _ = cgroup.remove();
            if let Some(output) = &output {
                output.give_up(&order.state_dir);
            }
            Err(failure)
        }
    }
}

/// A step needs none: it ends with its spawner.
fn claim_start(order: &MonitorOrder) -> Result<Claim, Failure> {
    match claim::claim(&order.state_dir) {
        Ok(Some(claim)) => Ok(claim),
        Ok(None) => Err(setup_failure(&"a later server has given the container up")),
        Err(error) => Err(output::unusable(&order.state_dir, &error)),
    }
}

/// A step, or an exec without a monitor, writes into its spawner's pipes. This process keeps no end of them, or they
/// would not end with it.
pub(crate) fn spawners_stdio() -> io::Result<Stdio> {
    let stdout = rustix::io::fcntl_dupfd_cloexec(rustix::stdio::stdout(), 3)?;
    let stderr = rustix::io::fcntl_dupfd_cloexec(rustix::stdio::stderr(), 3)?;
    let null = File::options().read(true).write(true).open("/dev/null")?;
    rustix::stdio::dup2_stdout(&null)?;
    rustix::stdio::dup2_stderr(&null)?;
    Ok(Stdio {
        stdin: null.into(),
        stdout,
        stderr,
    })
}

fn make_cgroup(cgroup: &Cgroup, order: &MonitorOrder) -> Result<(), Failure> {
    let make = || {
        cgroup
            .make()
            .and_then(|()| cgroup.limit(&order.container.resources))
    };
    make().map_err(|error: CgroupError| setup_failure(&error))
}

fn run(
    order: &MonitorOrder,
    cgroup: &Cgroup,
    far: Far,
    spawner: &UnixStream,
) -> Result<(Started, OwnedFd), Failure> {
    let (from_init, to_monitor) = io::pipe().map_err(|error| setup_failure(&error))?;
    // The cgroup namespace comes later: its root is the group that a process is in when it is made.
    let namespaces = order.container.namespaces & !(libc::CLONE_NEWCGROUP as u64);
    let network = open_network(order)?;
    let v2 = cgroup.v2_folder().map_err(|error| setup_failure(&error))?;
    let v2 = v2.as_ref().map(|folder| folder.as_fd());
    let cloned = sys::clone_process(namespaces, v2);
    match cloned.map_err(|error| {
        setup_failure(&format!(
            "can't make the container's first process: {error}"
        ))
    })? {
        Cloned::Child => {
            drop(from_init);
            let to_monitor = File::from(OwnedFd::from(to_monitor));
            let plan = Plan {
                order,
                cgroup,
                stdio: far.stdio,
                console: far.console,
                network,
                to_monitor: &to_monitor,
            };
            let Err(error) = init::run(plan);
            tell(&to_monitor, &error.to_failure());
            sys::exit_now(1)
        }
        Cloned::Parent { pid, pidfd } => {
            // The other ends are the child's alone now: its exec, or its end, closes the pipe.
            drop((to_monitor, far, network));
            await_exec(
                from_init,
                &pidfd,
                (order.mode == Mode::Step).then_some(spawner),
            )?;
            let me = rustix::process::getpid().as_raw_nonzero().get();
            let ticks = |pid| records::start_ticks(pid).map_err(|error| setup_failure(&error));
            let started = Started {
                monitor_pid: me,
                monitor_start_ticks: ticks(me)?,
                init_pid: pid,
                init_start_ticks: ticks(pid)?,
                started_ms: now_ms(),
            };
            Ok((started, pidfd))
        }
    }
}

/// The network namespace that the container is to join. Opened here, by the path's name in this process's `/proc`: what it
/// names may be its spawner's descriptor, which the spawner closes when the start is done.
fn open_network(order: &MonitorOrder) -> Result<Option<OwnedFd>, Failure> {
    let Some(path) = &order.container.joined_network else {
        return Ok(None);
    };
    let opened = File::open(path);
    opened
        .map(|file| Some(file.into()))
        .map_err(|error| setup_failure(&format!("can't open the network namespace: {error}")))
}

/// Writes a failure for [`await_exec`] to read.
pub(crate) fn tell(mut to_monitor: &File, failure: &Failure) {
    if let Ok(json) = serde_json::to_vec(failure) {
        // Where the monitor has died, nobody waits for it.
        let _ = to_monitor.write_all(&json);
    }
}

/// Waits until the pipe from the new process closes: empty if its program runs, with a failure in it if not. If
/// `control` closes first, the process is killed.
pub(crate) fn await_exec(
    mut from_init: PipeReader,
    init: &OwnedFd,
    control: Option<&UnixStream>,
) -> Result<(), Failure> {
    if let Some(control) = control {
        let mut watched = [
            PollFd::new(&from_init, PollFlags::IN),
            PollFd::new(control, PollFlags::IN | PollFlags::RDHUP),
        ];
        while let Err(rustix::io::Errno::INTR) = poll(&mut watched, None) {}
        if watched[0].revents().is_empty() {
            let _ = sys::send_signal(init.as_fd(), libc::SIGKILL);
        }
    }
    let mut told = Vec::new();
    from_init
        .read_to_end(&mut told)
        .map_err(|error| setup_failure(&error))?;
    if told.is_empty() {
        return Ok(());
    }
    let _ = wait_for(init);
    Err(serde_json::from_slice(&told).unwrap_or_else(|error| setup_failure(&error)))
}
