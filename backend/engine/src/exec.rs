//! `exec`: a further process in a running container, its output as it comes, and its end.

use std::{io, os::fd::OwnedFd, sync::Arc, time::Duration};

use estiva_runtime::{Canceller, ExecSpec, Exit, LaunchError, Starting, StepHandle, begin_exec};
use estiva_shared::protocol::{ExecEvent, ExecRequest, LogChunk, OutputStream};
use tokio::{
    io::AsyncReadExt as _,
    net::unix::pipe,
    sync::{mpsc, oneshot},
    time::{Instant, sleep_until},
};
use tokio_stream::wrappers::ReceiverStream;

use crate::{
    EngineError, cgroups,
    engine::{ExecStream, Shared, blocking},
    entry::Entry,
    environment::extend_environment,
    plan::{self, check_user, check_words, check_workdir},
    run::now_ms,
    status::Verb,
};

/// Events that wait for the client; a process that writes more waits too, as at any pipe.
const EVENTS_WAITING_MAX: usize = 16;

/// How much is read at once: a pipe's whole content.
const READ_BYTES: usize = 64 << 10;

/// How long output is still waited for after the process has ended, where one that it left behind holds the pipe open.
const OUTPUT_AFTER_END: Duration = Duration::from_millis(100);

type Sender = mpsc::Sender<Result<ExecEvent, EngineError>>;

/// Starts the process.
pub(crate) async fn exec(
    shared: &Arc<Shared>,
    name: &str,
    request: ExecRequest,
) -> Result<ExecStream, EngineError> {
    if request.terminal || request.interactive {
        return Err(EngineError::BadRequest {
            what: "exec",
            expected: "one without a terminal and a standard input; those go by POST …/execs",
            found: "one with".to_owned(),
        });
    }
    let entry = shared.table.find(name)?;
    let spec = exec_spec(shared, &entry, request)?;
    let runtime = shared.runtime.clone();
    let begun =
        blocking(move || begin_exec(&runtime, &spec, None).map_err(EngineError::launch)).await?;
    let process = Process::start(begun).await?;
    let (sender, receiver) = mpsc::channel(EVENTS_WAITING_MAX);
    tokio::spawn(process.run(sender));
    Ok(ReceiverStream::new(receiver))
}

/// What runs: as the container's first process, but for what was asked for.
///
/// # Errors
/// [`EngineError::WrongState`] where the container does not run; [`EngineError::BadRequest`].
pub(crate) fn exec_spec(
    shared: &Shared,
    entry: &Entry,
    request: ExecRequest,
) -> Result<ExecSpec, EngineError> {
    let state = entry.state();
    Verb::Exec.check(entry.name(), &state.status)?;
    let Some(started) = state.started else {
        return Err(EngineError::Internal {
            reason: format!("container {} runs without a start", entry.name()),
        });
    };
    if request.args.first().is_none_or(String::is_empty) {
        return Err(EngineError::BadRequest {
            what: "COMMAND",
            expected: "a program",
            found: String::new(),
        });
    }
    check_words("COMMAND", &request.args)?;
    let mut record = entry.record.clone();
    record.command = request.args;
    record.env = extend_environment(&record.env, &request.env)?;
    if let Some(workdir) = request.workdir {
        record.workdir = check_workdir(workdir)?;
    }
    if request.user.is_some() {
        record.user = check_user(request.user)?;
    }
    if request.terminal {
        plan::name_terminal(&mut record.env);
    }
    record.terminal = request.terminal;
    record.terminal_size = request.terminal_size;
    let spec = plan::spec(&record, &entry.folder, &shared.volumes, None);
    Ok(ExecSpec {
        id: record.id.to_string(),
        init_pid: started.init_pid,
        init_start_ticks: started.init_start_ticks,
        process: spec.process().clone().unwrap_or_default(),
        seccomp: spec
            .linux()
            .as_ref()
            .and_then(|linux| linux.seccomp().clone()),
        cgroup: cgroups::path(&shared.world, &record.id),
        interactive: request.interactive,
    })
}

/// A process that runs.
struct Process {
    stdout: pipe::Receiver,
    stderr: pipe::Receiver,
    guard: Guard,
    exit: oneshot::Receiver<Result<Exit, LaunchError>>,
}

/// Kills the process when it is dropped: a client may leave at any time, also while the process starts, which the
/// container's own processes can draw out by stopping it.
struct Guard(Canceller);

impl Drop for Guard {
    fn drop(&mut self) {
        self.0.cancel();
    }
}

impl Process {
    /// Waits for the program's execution. Dropping the future kills what there is of the process.
    ///
    /// It is waited for, here and until its end, on a thread of its own: those of the pool are few, and everything else
    /// in the server needs them.
    async fn start(begun: Starting) -> Result<Self, EngineError> {
        let guard = Guard(begun.canceller().map_err(unreadable)?);
        let (start_sender, start) = oneshot::channel();
        let (exit_sender, exit) = oneshot::channel();
        std::thread::Builder::new()
            .name("exec".to_owned())
            .spawn(move || {
                let handle = begun.started().and_then(|mut handle| {
                    let pipes = pipes(&mut handle).map_err(LaunchError::Channel)?;
                    Ok((handle, pipes))
                });
                // Where nobody waits for these words any more, the process is being killed.
                match handle {
                    Ok((handle, pipes)) => {
                        let _ = start_sender.send(Ok(pipes));
                        let _ = exit_sender.send(handle.wait());
                    }
                    Err(error) => drop(start_sender.send(Err(error))),
                }
            })
            .map_err(unreadable)?;
        let (stdout, stderr) = start.await.map_err(lost)?.map_err(EngineError::launch)?;
        let receiver = |pipe| pipe::Receiver::from_owned_fd(pipe).map_err(unreadable);
        Ok(Self {
            stdout: receiver(stdout)?,
            stderr: receiver(stderr)?,
            guard,
            exit,
        })
    }

    /// Passes the output on until the process has ended; kills it where the client is gone.
    async fn run(self, sender: Sender) {
        let Self {
            stdout,
            stderr,
            guard,
            exit,
        } = self;
        let (ended, has_ended) = tokio::sync::watch::channel(false);
        let out = tokio::spawn(pass_on(
            stdout,
            OutputStream::Stdout,
            sender.clone(),
            has_ended.clone(),
        ));
        let err = tokio::spawn(pass_on(
            stderr,
            OutputStream::Stderr,
            sender.clone(),
            has_ended,
        ));
        let mut exit = exit;
        let exit = tokio::select! {
            exit = &mut exit => exit,
            () = sender.closed() => {
                drop(guard);
                exit.await
            }
        };
        ended.send_replace(true);
        // They end by themselves, and have no result.
        let _ = tokio::join!(out, err);
        let event = match exit {
            Ok(Ok(Exit { code, signal, .. })) => Ok(ExecEvent::Exited { code, signal }),
            Ok(Err(error)) => Err(EngineError::launch(error)),
            Err(error) => Err(lost(error)),
        };
        // A client that is gone needs no end.
        let _ = sender.send(event).await;
    }
}

fn pipes(handle: &mut StepHandle) -> io::Result<(OwnedFd, OwnedFd)> {
    let missing = || io::Error::other("the pipe is taken");
    let stdout = handle.take_stdout().ok_or_else(missing)?;
    let stderr = handle.take_stderr().ok_or_else(missing)?;
    Ok((stdout.into(), stderr.into()))
}

fn unreadable(source: io::Error) -> EngineError {
    EngineError::Internal {
        reason: format!("an exec can't be followed: {source}"),
    }
}

/// The thread that waits for a process has panicked.
fn lost(error: oneshot::error::RecvError) -> EngineError {
    EngineError::Internal {
        reason: format!("an exec is followed no more: {error}"),
    }
}

/// Passes one stream on, until it ends or nothing comes after the process's end.
async fn pass_on(
    mut pipe: pipe::Receiver,
    stream: OutputStream,
    sender: Sender,
    mut has_ended: tokio::sync::watch::Receiver<bool>,
) {
    let mut buffer = vec![0; READ_BYTES];
    let mut is_ending = false;
    loop {
        let deadline = Instant::now() + OUTPUT_AFTER_END;
        let read = tokio::select! {
            biased;
            read = pipe.read(&mut buffer) => read.unwrap_or(0),
            // The sender lives as long as this task's owner waits for it.
            _ = has_ended.wait_for(|ended| *ended), if !is_ending => {
                is_ending = true;
                continue;
            }
            () = sleep_until(deadline), if is_ending => 0,
        };
        if read == 0 {
            return;
        }
        let chunk = LogChunk {
            time_ms: now_ms(),
            stream,
            bytes: buffer[..read].to_vec(),
        };
        if sender.send(Ok(ExecEvent::Output(chunk))).await.is_err() {
            return;
        }
    }
}
