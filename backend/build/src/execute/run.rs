//! RUN: a container with a short life. Its file system is the stage's, what it changes becomes the layer.

use std::fs;
use std::io::{self, PipeReader, Read as _};
use std::path::{Path, PathBuf};

use estiva_network::resolver::resolver;
use estiva_network::{Endpoint, NetworkError};
use estiva_runtime::defaults::{Bind, Network, ProcessOptions, default_spec, host_ca_variables};
use estiva_runtime::launch::Canceller;
use estiva_runtime::{
    CgroupPath, Exit, LaunchError, Mode, MonitorSpec, OverlayRootfs, Rootfs, StepHandle, spawn_step,
};
use estiva_shared::image::DiffId;
use estiva_shared::protocol::{BuildEvent, BuildFailure, NetworkMode, OutputStream};
use estiva_store::LayerRecord;
use rustix::event::{PollFd, PollFlags, poll};

use super::output::Output;
use super::snapshot::{Snapshot, View};
use super::{Executor, StepError};
use crate::CancelFlag;
use crate::failure::{cancelled, failure};
use crate::plan::RunStep;

/// The host name that a step sees. Always the same, so that it can't make one build differ from another.
const HOSTNAME: &str = "build";

/// The resolver's files: given to the step, and kept out of the layer.
const RESOLVER_FILES: [&str; 3] = ["hosts", "hostname", "resolv.conf"];

/// Where the runtime's own mounts go: made where the image has no such folder, and kept out of the layer.
const MOUNT_POINTS: [&str; 3] = ["proc", "sys", "dev"];

/// Read from a step at once, in bytes: a pipe's own size.
const CHUNK_BYTES: usize = 64 << 10;

impl Executor<'_> {
    /// Runs the step to its end.
    pub(super) fn run(
        &mut self,
        step: &RunStep,
        parents: &[DiffId],
    ) -> Result<Option<LayerRecord>, StepError> {
        let snapshot = Snapshot::new(self.store, parents)?;
        let (network, endpoint) = match step.network {
            NetworkMode::None => (Network::None, None),
            NetworkMode::Host => (Network::Host, None),
            NetworkMode::Bridge => {
                let (namespace, endpoint) =
                    self.network.join().map_err(|error| no_network(&error))?;
                (Network::Joined(namespace), Some(endpoint.clone()))
            }
        };
        let spec = self.spec(step, network, endpoint.as_ref(), &snapshot);
        let spec = spec.map_err(|error| {
            StepError::Failure(failure(
                "internal",
                format!("can't prepare the step's files: {error}"),
            ))
        })?;
        let handle = spawn_step(self.runtime, &spec).map_err(|error| not_started(step, &error))?;
        let exit = self.follow(handle)?;
        if self.cancel.is_cancelled() {
            return Err(StepError::Failure(cancelled()));
        }
        if let Some(failure) = bad_exit(step, exit) {
            return Err(StepError::Failure(failure));
        }
        let hide = self.stubs(parents)?;
        self.commit(snapshot, &hide)
    }

    /// What the runtime makes for its mounts where the image has nothing, and what must not be in the layer.
    fn stubs(&self, parents: &[DiffId]) -> Result<Vec<PathBuf>, StepError> {
        let image = View::new(self.store, parents)?;
        let mut stubs: Vec<PathBuf> = MOUNT_POINTS.iter().map(PathBuf::from).collect();
        for name in RESOLVER_FILES {
            // In many images /etc/resolv.conf is a link to what exists in a running system alone; then the link's target
            // is made, and the folders that it lacks.
            let file = image.tree.resolve(&Path::new("etc").join(name))?.path;
            let with_folders = file.ancestors().filter(|path| path.file_name().is_some());
            stubs.extend(with_folders.map(Path::to_owned));
        }
        Ok(stubs)
    }

    /// Passes the output on until both streams end, and waits for the exit. Kills the step when the build is stopped.
    fn follow(&mut self, mut handle: StepHandle) -> Result<Exit, StepError> {
        let broken = |error: io::Error| {
            StepError::Failure(failure(
                "internal",
                format!("can't read the step's output: {error}"),
            ))
        };
        let canceller = handle.canceller().map_err(broken)?;
        let mut streams = [
            (OutputStream::Stdout, handle.take_stdout()),
            (OutputStream::Stderr, handle.take_stderr()),
        ];
        let mut output = Output::default();
        let mut chunk = vec![0; CHUNK_BYTES];
        while streams.iter().any(|(_, pipe)| pipe.is_some()) {
            let (ready, stopped) = wait_for(&streams, self.cancel).map_err(broken)?;
            if stopped {
                // The step's monitor kills every process of it; the rest of the output is of no interest.
                canceller.cancel();
                break;
            }
            for ((stream, pipe), _) in streams.iter_mut().zip(ready).filter(|(_, ready)| *ready) {
                let length = match pipe {
                    Some(pipe) => pipe.read(&mut chunk).map_err(broken)?,
                    None => continue,
                };
                let text = if length == 0 {
                    *pipe = None;
                    output.end(*stream)
                } else {
                    output.take(*stream, &chunk[..length])
                };
                if let Some(text) = text {
                    (self.events)(BuildEvent::Output {
                        step: self.step,
                        stream: *stream,
                        text,
                    });
                }
            }
        }
        drop(streams);
        wait(handle, &canceller, self.cancel)
            .map_err(|error| StepError::Failure(failure("internal", error.to_string())))
    }

    fn spec(
        &self,
        step: &RunStep,
        network: Network,
        endpoint: Option<&Endpoint>,
        snapshot: &Snapshot<'_>,
    ) -> io::Result<MonitorSpec> {
        let id = format!("{}-{}", self.scratch.id(), self.step);
        let env = step.env.iter().chain(&step.proxy_env);
        let mut env: Vec<String> = env.map(|(name, value)| format!("{name}={value}")).collect();
        let mut binds = self.resolver_binds(step.network, endpoint)?;
        if let Some(host_ca) = &self.host_ca {
            env.extend(host_ca_variables(&env));
            binds.push(host_ca.clone());
        }
        let options = ProcessOptions {
            args: step.args.clone(),
            env,
            cwd: PathBuf::from(&step.workdir),
            user: (!step.user.is_empty()).then(|| step.user.clone()),
            hostname: HOSTNAME.to_owned(),
            network,
            limits: self.limits,
            binds,
            ..ProcessOptions::default()
        };
        let (upper, work) = snapshot.folders();
        let lowers = snapshot.lowers();
        let rootfs = if lowers.names.is_empty() {
            Rootfs::Folder(upper)
        } else {
            Rootfs::Overlay(OverlayRootfs {
                base: lowers.base.clone(),
                lowers: lowers.names.clone(),
                upper,
                work,
                mountpoint: self.scratch.folder("rootfs")?,
                volatile: true,
            })
        };
        Ok(MonitorSpec {
            id: id.clone(),
            spec: default_spec(&options),
            rootfs,
            cgroup: CgroupPath {
                world: self.world.to_owned(),
                id,
            },
            state_dir: self.scratch.folder("state")?,
            mode: Mode::Step,
            interactive: false,
        })
    }

    /// The resolver's files, written for this step.
    fn resolver_binds(
        &self,
        network: NetworkMode,
        endpoint: Option<&Endpoint>,
    ) -> io::Result<Vec<Bind>> {
        // On the bridge too: its address there differs from build to build, and a step may print what it finds.
        let hosts = format!(
            "127.0.0.1\tlocalhost\n::1\tlocalhost ip6-localhost ip6-loopback\n127.0.0.1\t{HOSTNAME}\n"
        );
        let resolver = match network {
            // Without a network no name can be asked for.
            NetworkMode::None => String::new(),
            NetworkMode::Bridge => {
                resolver(endpoint.is_some_and(|endpoint| endpoint.ipv6.is_some()))?.text
            }
            NetworkMode::Host => fs::read_to_string("/etc/resolv.conf").unwrap_or_default(),
        };
        let contents = [hosts, format!("{HOSTNAME}\n"), resolver];
        let mut binds = Vec::new();
        for (name, content) in RESOLVER_FILES.iter().zip(contents) {
            let source = self.scratch.path(name);
            fs::write(&source, content)?;
            let mode = std::os::unix::fs::PermissionsExt::from_mode(0o644);
            fs::set_permissions(&source, mode)?;
            let destination = Path::new("/etc").join(name);
            binds.push(Bind {
                source,
                destination,
                read_only: true,
            });
        }
        Ok(binds)
    }
}

/// Waits for the exit. A step may have closed its output and run on, so that the flag is watched here too.
fn wait(
    handle: StepHandle,
    canceller: &Canceller,
    cancel: &CancelFlag,
) -> Result<Exit, LaunchError> {
    let (ended, end) = io::pipe().map_err(LaunchError::Channel)?;
    std::thread::scope(|scope| {
        scope.spawn(move || {
            let mut polled = [
                PollFd::new(cancel, PollFlags::IN),
                PollFd::new(&ended, PollFlags::IN),
            ];
            while poll(&mut polled, None) == Err(rustix::io::Errno::INTR) {}
            if !polled[0].revents().is_empty() {
                canceller.cancel();
            }
        });
        let exit = handle.wait();
        // The watcher sees its pipe close, and ends.
        drop(end);
        exit
    })
}

/// Which streams have something, and whether the build was stopped.
fn wait_for(
    streams: &[(OutputStream, Option<PipeReader>); 2],
    cancel: &CancelFlag,
) -> io::Result<([bool; 2], bool)> {
    let mut polled = vec![PollFd::new(cancel, PollFlags::IN)];
    let open = streams.iter().filter_map(|(_, pipe)| pipe.as_ref());
    polled.extend(open.map(|pipe| PollFd::new(pipe, PollFlags::IN)));
    loop {
        match poll(&mut polled, None) {
            Ok(_) => break,
            Err(rustix::io::Errno::INTR) => {}
            Err(error) => return Err(error.into()),
        }
    }
    let mut found = polled[1..]
        .iter()
        .map(|polled| !polled.revents().is_empty());
    let ready = [0, 1].map(|index: usize| streams[index].1.is_some() && found.next() == Some(true));
    Ok((ready, !polled[0].revents().is_empty()))
}

fn no_network(error: &NetworkError) -> StepError {
    StepError::Failure(BuildFailure {
        hint: Some(
            "`estiva doctor` says what is missing; --network none and --network host need no bridge"
                .to_owned(),
        ),
        ..failure(
            "network",
            format!("the steps' network could not be made: {}", with_causes(error)),
        )
    })
}

/// An error with what it comes from, in one line.
fn with_causes(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        text.push_str(&format!(": {error}"));
        cause = error.source();
    }
    text
}

fn not_started(step: &RunStep, error: &LaunchError) -> StepError {
    match error {
        LaunchError::ProgramNotFound(_) | LaunchError::ProgramNotExecutable(_) => {
            let message = format!("can't run {}: {error}", step.args[0]);
            StepError::Failure(BuildFailure {
                exit_code: Some(error.exit_code()),
                hint: (step.args[0] == "/bin/sh").then(|| {
                    "the image has no shell: use the form RUN [\"program\", \"argument\"]"
                        .to_owned()
                }),
                ..failure("step-failed", message)
            })
        }
        LaunchError::Setup(message) => StepError::Failure(failure(
            "step-failed",
            format!("can't start the step: {message}"),
        )),
        _ => StepError::Failure(failure("internal", error.to_string())),
    }
}

fn bad_exit(step: &RunStep, exit: Exit) -> Option<BuildFailure> {
    if exit.code == 0 && exit.signal.is_none() {
        return None;
    }
    let program = match step.args.as_slice() {
        [shell, flag, line] if shell == "/bin/sh" && flag == "-c" => line.clone(),
        words => words.join(" "),
    };
    let program = shortened(&program);
    let message = if exit.oom_killed {
        format!("expected exit status 0, but the kernel killed it for want of memory: {program}")
    } else if let Some(signal) = exit.signal {
        format!("expected exit status 0, but signal {signal} ended it: {program}")
    } else {
        format!("expected exit status 0, but found {}: {program}", exit.code)
    };
    Some(BuildFailure {
        exit_code: Some(exit.code),
        ..failure("step-failed", message)
    })
}

/// A command's beginning: a message is one line.
fn shortened(command: &str) -> String {
    const CHARACTERS_MAX: usize = 200;
    let line: String = command
        .chars()
        .map(|c| if c.is_control() { ' ' } else { c })
        .take(CHARACTERS_MAX)
        .collect();
    if command.chars().count() > CHARACTERS_MAX {
        line + "…"
    } else {
        line
    }
}
