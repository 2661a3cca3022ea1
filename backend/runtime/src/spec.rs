//! What is asked of the runtime, and what it answers: the messages between the server and `estiva-runtime`.
//!
//! They travel as JSON between two programs that were built together, so they carry no version of their own. The
//! container itself is described by the OCI runtime specification's `config.json` ([`oci_spec::runtime::Spec`]); what
//! is added here is what that document leaves to the caller: where the root file system comes from, which cgroup, and
//! where the monitor keeps its files.

use std::path::PathBuf;

use oci_spec::runtime::Spec;
use serde::{Deserialize, Serialize};

/// Everything that a monitor needs to start one container or build step.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct MonitorSpec {
    /// The container's id: names its cgroup, and is shown in its process list entry.
    pub id: String,
    /// Process, mounts, namespaces, resources, seccomp and paths. `root.path` is not used (see [`Self::rootfs`]),
    /// `root.readonly` is. `process.user.username`, if present, is `USER[:GROUP]` in Docker's form, and is looked up
    /// in the container's own `/etc/passwd` and `/etc/group`, from inside; it then wins over `uid` and `gid`.
    pub spec: Spec,
    /// Where the root file system comes from.
    pub rootfs: Rootfs,
    /// Which cgroup the container lives in.
    pub cgroup: CgroupPath,
    /// The folder of `monitor.json`, `exit.json`, `log` and `monitor.sock`; it must exist. A step has none of these.
    pub state_dir: PathBuf,
    /// Container or build step.
    pub mode: Mode,
    /// A container's standard input stays open for clients to write to, whether it is a terminal (the OCI spec's
    /// `process.terminal`) or a pipe. Otherwise it reads an end at once.
    #[serde(default)]
    pub interactive: bool,
}

/// Where a container's root file system comes from.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Rootfs {
    /// A folder, used in place.
    Folder(PathBuf),
    /// Read-only layers with a writable one on top. The container's init mounts it in its own mount namespace.
    Overlay(OverlayRootfs),
}

/// An overlayfs mount, described so that many layers fit in the one page that the kernel takes as options.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct OverlayRootfs {
    /// Absolute folder that `lowers` are relative to: init changes into it before it mounts.
    pub base: PathBuf,
    /// The read-only layers, relative to `base`, topmost first.
    pub lowers: Vec<String>,
    /// Absolute folder that receives the changes.
    pub upper: PathBuf,
    /// Absolute, empty folder on the same file system as `upper`.
    pub work: PathBuf,
    /// Absolute, existing folder that the overlay is mounted on; on the host it stays empty.
    pub mountpoint: PathBuf,
    /// Whether overlayfs may leave out syncing at unmount. Right where `upper` is used by one mount only, as a build
    /// step's is: the kernel refuses to mount a volatile `upper` a second time.
    #[serde(default)]
    pub volatile: bool,
}

/// Names a container's cgroup: `estiva-<world>/<id>` in each hierarchy.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CgroupPath {
    /// The world (one root folder of Estiva) it belongs to: letters, digits, `-`, `_` and `.` only.
    pub world: String,
    /// The container's id, of the same letters.
    pub id: String,
}

/// What the monitor does beside watching.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Mode {
    /// Outlives its spawner: keeps the output in a log, answers on a socket, records the exit.
    Container,
    /// Lives and dies with its spawner, who holds the ends of its output.
    Step,
}

/// A further process in a running container.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct ExecSpec {
    /// The container's id, for messages.
    pub id: String,
    /// The container's first process, in the spawner's pid namespace.
    pub init_pid: i32,
    /// When that process began ([`Started::init_start_ticks`]), so that a reused pid is not mistaken for it.
    pub init_start_ticks: u64,
    /// What runs: args, env, cwd (which must exist), user (as in [`MonitorSpec::spec`]), capabilities, rlimits, no_new_privileges.
    pub process: oci_spec::runtime::Process,
    /// The container's seccomp profile.
    pub seccomp: Option<oci_spec::runtime::LinuxSeccomp>,
    /// The container's cgroup.
    pub cgroup: CgroupPath,
    /// As of [`MonitorSpec::interactive`], for an exec that has a monitor of its own
    /// ([`crate::launch::spawn_exec_session`]).
    #[serde(default)]
    pub interactive: bool,
}

impl ExecSpec {
    /// An exec in the container that was started by `spec`: same capabilities, seccomp, environment, user and cwd.
    /// Change `process` for what differs.
    #[must_use]
    pub fn like(spec: &MonitorSpec, started: &Started, args: Vec<String>) -> Self {
        let mut process = spec.spec.process().clone().unwrap_or_default();
        process.set_args(Some(args));
        Self {
            id: spec.id.clone(),
            init_pid: started.init_pid,
            init_start_ticks: started.init_start_ticks,
            process,
            seccomp: spec
                .spec
                .linux()
                .as_ref()
                .and_then(|linux| linux.seccomp().clone()),
            cgroup: spec.cgroup.clone(),
            interactive: false,
        }
    }
}

/// A terminal's size, in characters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TerminalSize {
    /// Lines.
    pub rows: u16,
    /// Characters in a line.
    pub columns: u16,
}

impl Default for TerminalSize {
    /// What programs take a terminal for that tells no size.
    fn default() -> Self {
        Self {
            rows: 24,
            columns: 80,
        }
    }
}

/// A container or step whose program has been executed. A container's is kept in `monitor.json` too.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Started {
    /// The monitor's pid.
    pub monitor_pid: i32,
    /// When the monitor began, in clock ticks since boot (field 22 of `/proc/PID/stat`).
    pub monitor_start_ticks: u64,
    /// The container's first process, seen from outside.
    pub init_pid: i32,
    /// When it began, in the same unit.
    pub init_start_ticks: u64,
    /// When its program was executed, in milliseconds since 1970.
    pub started_ms: u64,
}

/// How a container, a step or an exec ended. A container's is kept in `exit.json`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Exit {
    /// The exit status as a shell gives it: 0 to 255, or 128 + signal.
    pub code: i32,
    /// The signal that ended it, if one did.
    pub signal: Option<i32>,
    /// Whether the kernel killed a process of the container because it reached its memory limit.
    pub oom_killed: bool,
    /// When it ended, in milliseconds since 1970.
    pub finished_ms: u64,
}
