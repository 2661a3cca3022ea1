//! What a container's first process does before it becomes the container's program.
//!
//! [`run`] is the whole of it, in order; each step is a function in a module of its own and has an error of its own.
//! The process is alone in its namespaces all along: nobody in the container can interfere, because there is nobody.

mod cgroups;
mod devices;
mod masks;
mod mounts;
mod pivot;
mod program;
mod rootfs;
mod settings;
mod terminal;

use std::convert::Infallible;
use std::fs::File;
use std::io;
use std::os::fd::{AsFd as _, OwnedFd};
use std::path::PathBuf;

use thiserror::Error;

pub(crate) use self::devices::take_own_null;
pub(crate) use self::program::{Identity, become_program};
pub(crate) use self::settings::{
    close_descriptors_on_exec, enter_working_directory, make_session, reset_signals, set_stdio,
};
pub(crate) use self::terminal::{
    Console, open as open_terminal, set_size as set_terminal_size, take as take_terminal,
};
use crate::cgroup::{Cgroup, CgroupError};
use crate::channel::{Failure, FailureKind};
use crate::order::MonitorOrder;
use crate::user::UserError;

/// What the process begins with.
pub(crate) struct Plan<'a> {
    pub(crate) order: &'a MonitorOrder,
    pub(crate) cgroup: &'a Cgroup,
    pub(crate) stdio: Stdio,
    /// The network namespace to join, where there is one.
    pub(crate) network: Option<OwnedFd>,
    /// The terminal that takes their place, where there is one.
    pub(crate) console: Option<Console>,
    /// The reading end is the monitor's: a writing end that is broken tells that it has died.
    pub(crate) to_monitor: &'a File,
}

/// The three standard descriptors.
#[derive(Debug)]
pub(crate) struct Stdio {
    pub(crate) stdin: OwnedFd,
    pub(crate) stdout: OwnedFd,
    pub(crate) stderr: OwnedFd,
}

/// Which step failed, on what, and why.
#[derive(Debug, Error)]
pub(crate) enum InitError {
    #[error("can't reset the signals: {0}")]
    Signals(#[source] io::Error),
    #[error(transparent)]
    Cgroup(#[from] CgroupError),
    #[error("can't make a cgroup namespace: {0}")]
    CgroupNamespace(#[source] io::Error),
    #[error("can't set the OOM score: {0}")]
    OomScore(#[source] io::Error),
    #[error("can't set the host name to {name:?}: {source}")]
    Hostname { name: String, source: io::Error },
    #[error("can't join the network namespace: {0}")]
    JoinNetwork(#[source] io::Error),
    #[error("can't set {path} to {value}: {source}")]
    NetworkSetting {
        path: PathBuf,
        value: String,
        source: io::Error,
    },
    #[error("can't bring the loopback interface up: {0}")]
    Loopback(#[source] io::Error),
    #[error("can't join the container's namespaces: {0}")]
    Join(#[source] io::Error),
    #[error("can't make a session: {0}")]
    Session(#[source] io::Error),
    #[error("can't set standard input, output and error: {0}")]
    Stdio(#[source] io::Error),
    #[error("can't mark the descriptors to be closed: {0}")]
    CloseDescriptors(#[source] io::Error),
    #[error("can't make the mounts private: {0}")]
    PrivateMounts(#[source] io::Error),
    #[error(
        "expected overlay options of less than {max} bytes, but found {found} bytes: the image has too many layers, or too long a path"
    )]
    OverlayOptions { max: usize, found: usize },
    #[error("can't mount the root file system on {target}: {source}")]
    MountRootfs { target: PathBuf, source: io::Error },
    #[error("can't mount {kind} on {target} of the container: {source}")]
    Mount {
        kind: String,
        target: PathBuf,
        source: io::Error,
    },
    #[error("expected a mount of a kind that containers get, but found {0:?}")]
    MountKind(String),
    #[error("can't make the device {path}: {source}")]
    Device { path: PathBuf, source: io::Error },
    #[error("can't make the link {path}: {source}")]
    DeviceLink { path: PathBuf, source: io::Error },
    #[error("can't give it a terminal: {0}")]
    Terminal(#[source] io::Error),
    #[error("can't make the container's root file system the root: {0}")]
    PivotRoot(#[source] io::Error),
    #[error("can't hide {path}: {source}")]
    Mask { path: PathBuf, source: io::Error },
    #[error("can't make {path} read-only: {source}")]
    Readonly { path: PathBuf, source: io::Error },
    #[error("can't go to the working directory {path}: {source}")]
    WorkingDirectory { path: PathBuf, source: io::Error },
    #[error(transparent)]
    User(#[from] UserError),
    #[error("can't set the limit {name}: {source}")]
    Rlimit { name: String, source: io::Error },
    #[error("can't become user {uid} and group {gid}: {source}")]
    SetUser {
        uid: u32,
        gid: u32,
        source: io::Error,
    },
    #[error("can't reduce the capabilities: {0}")]
    Capabilities(#[source] io::Error),
    #[error("can't set no_new_privs: {0}")]
    NoNewPrivileges(#[source] io::Error),
    #[error("can't load the seccomp filter: {0}")]
    LoadSeccomp(#[source] io::Error),
    #[error("can't ask to end with the monitor: {0}")]
    ParentDeathSignal(#[source] io::Error),
    #[error("the monitor ended before the container began")]
    MonitorGone,
    #[error("expected a program to run, but found an empty command")]
    NoProgram,
    #[error("expected text without NUL bytes in {0}")]
    NulByte(&'static str),
    #[error("can't run {program:?}: no such file in the container's PATH")]
    NotInPath { program: String },
    #[error("can't run {program:?}: no such file or directory")]
    NoSuchFile { program: String },
    #[error(
        "can't run {program:?}: the file is there, but not the interpreter or loader that it names"
    )]
    NoInterpreter { program: String },
    #[error("can't run {program:?}: {source}")]
    Execute { program: String, source: io::Error },
}

impl InitError {
    /// The error as the monitor passes it on.
    pub(crate) fn to_failure(&self) -> Failure {
        let kind = match self {
            Self::NoProgram
            | Self::NotInPath { .. }
            | Self::NoSuchFile { .. }
            | Self::NoInterpreter { .. } => FailureKind::ProgramNotFound,
            Self::Execute { .. } => FailureKind::ProgramNotExecutable,
            _ => FailureKind::Setup,
        };
        Failure {
            kind,
            message: self.to_string(),
        }
    }
}

/// Builds the container around this process and becomes its program. Returns only if that fails.
pub(crate) fn run(plan: Plan<'_>) -> Result<Infallible, InitError> {
    let MonitorOrder {
        container,
        program,
        rootfs,
        ..
    } = plan.order;

    // The monitor's dispositions are its own, and exec keeps ignored ones.
    settings::reset_signals()?;
    // Before the cgroup namespace, whose root is where this process is then.
    plan.cgroup.enter_v1()?;
    // While /proc is the host's: later it is the container's, which could be anything (CVE-2025-52881).
    settings::set_oom_score(container.oom_score)?;
    settings::make_cgroup_namespace(container)?;
    settings::set_hostname(container)?;
    // Before the mounts: a /sys shows the network of the process that mounts it.
    settings::join_network(plan.network)?;
    settings::bring_up_loopback(container)?;
    // While /proc is the host's, as above; it shows each process the settings of its own network.
    settings::set_network_settings(container)?;
    // Away from the monitor's session, so that no terminal of it can be taken.
    settings::make_session()?;
    settings::set_stdio(plan.stdio)?;
    // A descriptor of a host folder that leaks into a container is a way out (CVE-2024-21626). All that are open now
    // end at exec, and what follows opens with O_CLOEXEC.
    settings::close_descriptors_on_exec()?;

    // Or what is mounted here would appear on the host.
    mounts::make_private()?;
    let root = rootfs::mount_root(rootfs)?;
    mounts::mount_all(root.as_fd(), &container.mounts, plan.cgroup)?;
    let null = devices::make_all(root.as_fd())?;
    // Of the devpts that was just mounted; before the root can be read-only.
    let terminal = match &plan.console {
        Some(console) => {
            let terminal = terminal::open(root.as_fd(), console)?;
            terminal::bind_console(root.as_fd(), &terminal)?;
            Some(terminal)
        }
        None => None,
    };
    // From here on "/" is the container's, so that no link in it leads to the host.
    pivot::into(root.as_fd())?;
    masks::hide_all(&container.masked_paths, &null)?;
    masks::make_readonly(container)?;
    drop((null, root));
    // Now that there is one that isn't the host's.
    devices::take_own_null()?;
    if let Some(terminal) = terminal {
        terminal::take(&terminal)?;
    }

    // Still as root, who may make it: WORKDIR need not exist.
    settings::make_working_directory(&program.cwd)?;
    let identity = Identity::of(program)?;
    become_program(program, &identity, plan.to_monitor)
}
