//! Starts containers, build steps and execs from a multi-threaded program.
//!
//! Everything here blocks for the few milliseconds that a start takes; an async caller uses a blocking thread. What is
//! started is always `estiva-runtime` itself, by `std::process::Command`, which runs no code of ours between `fork`
//! and `exec`.

use std::io::{self, PipeReader};
use std::os::fd::{AsFd as _, OwnedFd};
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use serde::Serialize;
use thiserror::Error;

use crate::binary::RuntimeBinary;
use crate::channel::{self, Failure, FailureKind, Report};
use crate::order::{ExecOrder, MonitorOrder, OrderError};
use crate::spec::{ExecSpec, Exit, Mode, MonitorSpec, Started};

/// How long a start may take. It takes milliseconds, on a host without breath a second; but a process that is to join a
/// container can be stopped by that container's own processes before it has become its program, and would stay so.
const STARTS_WITHIN: Duration = Duration::from_secs(30);

/// Why nothing was started, or its end is not known.
#[derive(Debug, Error)]
pub enum LaunchError {
    /// The container was built, but its program is not in it.
    #[error("{0}")]
    ProgramNotFound(String),
    /// The container's program is there, but can't be executed.
    #[error("{0}")]
    ProgramNotExecutable(String),
    /// The container couldn't be built; the text names the step and its cause.
    #[error("{0}")]
    Setup(String),
    /// The spec asks for the other way of starting.
    #[error("expected a spec of mode {expected:?}, but found {found:?}")]
    WrongMode {
        /// What the called function starts.
        expected: Mode,
        /// What the spec says.
        found: Mode,
    },
    /// `estiva-runtime` itself couldn't be run.
    #[error("can't run estiva-runtime: {0}")]
    Spawn(#[source] io::Error),
    /// The conversation with it broke off.
    #[error("the conversation with estiva-runtime broke off: {0}")]
    Channel(#[source] io::Error),
    /// It did not come to its program's execution in time. What there was of it is killed.
    #[error(
        "expected the start within {} seconds, but it still goes on: do processes of the container stop it?",
        STARTS_WITHIN.as_secs()
    )]
    TooSlow,
    /// It ended without an answer; something killed it.
    #[error("estiva-runtime ended without an answer: was it killed?")]
    MonitorDied,
}

impl LaunchError {
    /// The exit status that Docker gives for it: 127, 126, or 125 for the rest.
    #[must_use]
    pub fn exit_code(&self) -> i32 {
        match self {
            Self::ProgramNotFound(_) => 127,
            Self::ProgramNotExecutable(_) => 126,
            _ => 125,
        }
    }

    #[allow(
        clippy::needless_pass_by_value,
        reason = "it is the shape that map_err takes"
    )]
    fn from_order(error: OrderError) -> Self {
        Self::Setup(error.to_string())
    }

    fn from_failure(Failure { kind, message }: Failure) -> Self {
        match kind {
            FailureKind::Setup => Self::Setup(message),
            FailureKind::ProgramNotFound => Self::ProgramNotFound(message),
            FailureKind::ProgramNotExecutable => Self::ProgramNotExecutable(message),
        }
    }
}

/// Starts a container that outlives the caller, and returns once its program has been executed.
///
/// Its monitor then keeps the output, the exit status and `monitor.sock` in the spec's `state_dir`. The monitor is a
/// child of the calling process for as long as both live: see [`reap_monitors`].
///
/// # Errors
/// If the container couldn't be built or its program couldn't be executed. Nothing is left of it then, but the
/// `state_dir` and what the file system layers had received.
pub fn spawn_container(
    runtime: &RuntimeBinary,
    spec: &MonitorSpec,
) -> Result<Started, LaunchError> {
    spawn_monitor(runtime, spec, false)
}

/// As [`spawn_container`], for a caller whose client is going to attach holding
/// ([`crate::monitor::protocol::Request::AttachHolding`]): the container waits for it, for a while, rather than lose
/// output before it comes.
///
/// # Errors
/// As for [`spawn_container`].
pub fn spawn_attended_container(
    runtime: &RuntimeBinary,
    spec: &MonitorSpec,
) -> Result<Started, LaunchError> {
    spawn_monitor(runtime, spec, true)
}

fn spawn_monitor(
    runtime: &RuntimeBinary,
    spec: &MonitorSpec,
    awaits_client: bool,
) -> Result<Started, LaunchError> {
    expect_mode(spec, Mode::Container)?;
    let mut order = MonitorOrder::read(spec).map_err(LaunchError::from_order)?;
    order.awaits_client = awaits_client;
    start_to_stay(runtime, "monitor", &order)
}

/// Starts a process of the runtime's that outlives the caller, and returns once its program has been executed.
fn start_to_stay(
    runtime: &RuntimeBinary,
    verb: &str,
    order: &impl Serialize,
) -> Result<Started, LaunchError> {
    reap_monitors();
    let mut command = runtime.command();
    command
        .arg(verb)
        .stdout(Stdio::null())
        .stderr(Stdio::null());
    let (socket, child) = start(command, order, None)?;
    let outcome = await_started(&socket, STARTS_WITHIN);
    remember(child);
    outcome
}

/// Starts a build step, and returns once its program has been executed.
///
/// # Errors
/// As for [`spawn_container`].
pub fn spawn_step(runtime: &RuntimeBinary, spec: &MonitorSpec) -> Result<StepHandle, LaunchError> {
    expect_mode(spec, Mode::Step)?;
    let order = MonitorOrder::read(spec).map_err(LaunchError::from_order)?;
    let mut command = runtime.command();
    command.arg("monitor");
    Starting::begin(command, &order, None)?.started()
}

/// Starts a further process in a running container, and returns once its program has been executed.
///
/// `stdin` becomes its standard input; without one it reads `/dev/null`.
///
/// # Errors
/// If the container is gone, its namespaces can't be joined, or the program can't be executed.
pub fn exec(
    runtime: &RuntimeBinary,
    spec: &ExecSpec,
    stdin: Option<OwnedFd>,
) -> Result<ExecHandle, LaunchError> {
    begin_exec(runtime, spec, stdin)?.started()
}

/// The first half of [`exec`], for a caller that may want to cancel before the program is executed.
///
/// # Errors
/// If the spec can't be carried out, or `estiva-runtime` can't be run.
pub fn begin_exec(
    runtime: &RuntimeBinary,
    spec: &ExecSpec,
    stdin: Option<OwnedFd>,
) -> Result<Starting, LaunchError> {
    let order = ExecOrder::read(spec, None).map_err(LaunchError::from_order)?;
    let mut command = runtime.command();
    command.arg("exec");
    Starting::begin(command, &order, stdin)
}

/// Starts a further process in a running container that outlives the caller, and returns once its program has been
/// executed. It can have a terminal and be typed into.
///
/// Its monitor keeps `monitor.json`, `log`, `exit.json` and `monitor.sock` in `state_dir`, which must exist, and is asked
/// and attached to as a container's is. It waits for a client that holds; with nobody attached it ends after an hour (one
/// with a terminal) or half a minute. Killing the monitor kills the process.
///
/// # Errors
/// As for [`exec`]. Nothing is left then but the folder.
pub fn spawn_exec_session(
    runtime: &RuntimeBinary,
    spec: &ExecSpec,
    state_dir: &Path,
) -> Result<Started, LaunchError> {
    let order = ExecOrder::read(spec, Some(state_dir.to_owned()));
    let order = order.map_err(LaunchError::from_order)?;
    start_to_stay(runtime, "exec", &order)
}

/// A step or an exec on its way to its program. Dropping it kills what there is of it.
#[derive(Debug)]
pub struct Starting(StepHandle);

impl Starting {
    fn begin(
        mut command: Command,
        spec: &impl Serialize,
        stdin: Option<OwnedFd>,
    ) -> Result<Self, LaunchError> {
        reap_monitors();
        let (stdout, stdout_writer) = io::pipe().map_err(LaunchError::Spawn)?;
        let (stderr, stderr_writer) = io::pipe().map_err(LaunchError::Spawn)?;
        command.stdout(stdout_writer).stderr(stderr_writer);
        let (control, child) = start(command, spec, stdin)?;
        Ok(Self(StepHandle {
            started: Started::default(),
            stdout: Some(stdout),
            stderr: Some(stderr),
            control,
            child: Some(child),
        }))
    }

    /// A way to stop it from another thread, before its start as after.
    ///
    /// # Errors
    /// If the process has no descriptor left.
    pub fn canceller(&self) -> io::Result<Canceller> {
        self.0.canceller()
    }

    /// Waits until its program has been executed.
    ///
    /// # Errors
    /// If the container is gone, its namespaces can't be joined, the program can't be executed, or all that takes too
    /// long.
    pub fn started(self) -> Result<StepHandle, LaunchError> {
        let mut handle = self.0;
        handle.started = await_started(&handle.control, STARTS_WITHIN)?;
        Ok(handle)
    }
}

/// A running exec: the same handle as a step's. Cancelling it kills the process that it began, not what that began
/// in turn; those end with the container.
pub type ExecHandle = StepHandle;

/// A running build step (or exec). Dropping it kills what it runs.
#[derive(Debug)]
pub struct StepHandle {
    /// What was started.
    pub started: Started,
    stdout: Option<PipeReader>,
    stderr: Option<PipeReader>,
    control: UnixStream,
    child: Option<Child>,
}

impl StepHandle {
    /// The reading end of its standard output, once. It ends when the last process of the step has.
    pub fn take_stdout(&mut self) -> Option<PipeReader> {
        self.stdout.take()
    }

    /// The reading end of its standard error, once.
    pub fn take_stderr(&mut self) -> Option<PipeReader> {
        self.stderr.take()
    }

    /// A way to stop it from another thread while this one waits.
    ///
    /// # Errors
    /// If the process has no descriptor left.
    pub fn canceller(&self) -> io::Result<Canceller> {
        Ok(Canceller {
            control: self.control.try_clone()?,
        })
    }

    /// Waits for the end: of the step's first process, and of all that it left behind. Read both outputs meanwhile
    /// (or drop them): a step that writes to a full pipe waits too.
    ///
    /// # Errors
    /// If the monitor was killed, so that the exit status is not known.
    pub fn wait(mut self) -> Result<Exit, LaunchError> {
        let exit = match channel::receive(&self.control).map_err(LaunchError::Channel)? {
            Some((Report::Exited(exit), _)) => Ok(exit),
            Some((Report::Failed(failure), _)) => Err(LaunchError::from_failure(failure)),
            Some((Report::Started(_), _)) => Err(LaunchError::Channel(io::Error::new(
                io::ErrorKind::InvalidData,
                "expected the exit, but found a second start",
            ))),
            None => Err(LaunchError::MonitorDied),
        };
        // It ends right after its last word; waiting here leaves no zombie.
        if let Some(mut child) = self.child.take() {
            child.wait().map_err(LaunchError::Channel)?;
        }
        exit
    }
}

impl Drop for StepHandle {
    fn drop(&mut self) {
        if let Some(child) = self.child.take() {
            // The monitor sees the closed socket, kills, cleans up and ends by itself. Closed for all: a canceller may
            // hold the same socket. A failure means that the monitor is gone already.
            let _ = self.control.shutdown(std::net::Shutdown::Both);
            remember(child);
        }
    }
}

/// Stops a step or an exec; its [`StepHandle::wait`] then returns.
#[derive(Debug)]
pub struct Canceller {
    control: UnixStream,
}

impl Canceller {
    /// Kills every process of the step with SIGKILL. Does nothing if it has ended.
    pub fn cancel(&self) {
        // Only the direction to the monitor closes: its answer still comes. A failure means that it is gone already.
        let _ = self.control.shutdown(std::net::Shutdown::Write);
    }
}

/// Collects the exit status of monitors that have ended, so that they don't stay as zombies. Every start does so too;
/// call it when a container has ended, to be tidy sooner.
pub fn reap_monitors() {
    let mut children = ENDING.lock().unwrap_or_else(PoisonError::into_inner);
    children.retain_mut(|child| matches!(child.try_wait(), Ok(None)));
}

/// Monitors that nobody waits for. They are few: one for each running container that this process started.
static ENDING: Mutex<Vec<Child>> = Mutex::new(Vec::new());

fn remember(child: Child) {
    ENDING
        .lock()
        .unwrap_or_else(PoisonError::into_inner)
        .push(child);
}

fn expect_mode(spec: &MonitorSpec, expected: Mode) -> Result<(), LaunchError> {
    let found = spec.mode;
    if found == expected {
        Ok(())
    } else {
        Err(LaunchError::WrongMode { expected, found })
    }
}

fn start(
    mut command: Command,
    spec: &impl Serialize,
    descriptor: Option<OwnedFd>,
) -> Result<(UnixStream, Child), LaunchError> {
    let (near, far) = UnixStream::pair().map_err(LaunchError::Spawn)?;
    let child = command
        .stdin(OwnedFd::from(far))
        .spawn()
        .map_err(LaunchError::Spawn)?;
    // The command holds the far ends of the socket and the pipes: while it lives, their closing would go unseen.
    drop(command);
    let sent = channel::send(
        &near,
        spec,
        descriptor.as_ref().map(|descriptor| descriptor.as_fd()),
    );
    if let Err(error) = sent {
        remember(child);
        return Err(LaunchError::Channel(error));
    }
    Ok((near, child))
}

/// Waits for the word that the program was executed. The answer is one small message, so that a limit on its first byte
/// is one on all of it.
fn await_started(socket: &UnixStream, within: Duration) -> Result<Started, LaunchError> {
    socket
        .set_read_timeout(Some(within))
        .map_err(LaunchError::Channel)?;
    let answer = channel::receive(socket).map_err(|error| match error.kind() {
        io::ErrorKind::WouldBlock => LaunchError::TooSlow,
        _ => LaunchError::Channel(error),
    })?;
    socket
        .set_read_timeout(None)
        .map_err(LaunchError::Channel)?;
    match answer {
        Some((Report::Started(started), _)) => Ok(started),
        Some((Report::Failed(failure), _)) => Err(LaunchError::from_failure(failure)),
        Some((Report::Exited(_), _)) => Err(LaunchError::Channel(io::Error::new(
            io::ErrorKind::InvalidData,
            "expected a start, but found an exit",
        ))),
        None => Err(LaunchError::MonitorDied),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_start_that_goes_on_and_on_is_given_up_with_a_sentence() {
        let (near, _far) = UnixStream::pair().unwrap();
        let error = await_started(&near, Duration::from_millis(20)).unwrap_err();
        assert!(matches!(error, LaunchError::TooSlow), "{error:?}");
        assert!(error.to_string().contains("30 seconds"), "{error}");
    }
}
