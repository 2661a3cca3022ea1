//! A container as the wire knows it: what is asked for, and what state it is in.

use serde::{Deserialize, Serialize};

use super::{LogChunk, Mount, NetworkMode, PortRequest, PublishedPort};

/// What a client asks for with `POST /api/v1/containers`: made and started at once.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct RunRequest {
    /// A name, or an id (or a unique start of one, 4 characters at least).
    pub image: String,
    /// Replaces the image's CMD where it is not empty.
    #[serde(default)]
    pub args: Vec<String>,
    /// `--name`.
    #[serde(default)]
    pub name: Option<String>,
    /// `-e`, on top of the image's.
    #[serde(default)]
    pub env: Vec<(String, String)>,
    /// `-w`.
    #[serde(default)]
    pub workdir: Option<String>,
    /// `-u`: `user[:group]`, names or numbers.
    #[serde(default)]
    pub user: Option<String>,
    /// `--entrypoint`: replaces the image's, and drops its CMD, as Docker's does.
    #[serde(default)]
    pub entrypoint: Option<String>,
    /// Limits, where any.
    #[serde(default)]
    pub limits: Limits,
    /// `--network`.
    #[serde(default)]
    pub network: NetworkMode,
    /// `--rm`: remove it when it ends.
    #[serde(default)]
    pub remove: bool,
    /// `--security-opt no-new-privileges`: set-user-ID programs in it (`sudo`, `su`) gain nothing.
    #[serde(default)]
    pub no_new_privileges: bool,
    /// `-p`: ports to publish; on the bridge only.
    #[serde(default)]
    pub ports: Vec<PortRequest>,
    /// `-P`: publish every port that the image exposes, each at a free one of the host's.
    #[serde(default)]
    pub publish_all: bool,
    /// `-v`, `--mount`, `--tmpfs`.
    #[serde(default)]
    pub mounts: Vec<Mount>,
    /// `--read-only`: its own file system can't be written, only what is mounted.
    #[serde(default)]
    pub read_only: bool,
    /// `--trust-host-ca`: it trusts the certificates that the host trusts.
    #[serde(default)]
    pub trust_host_ca: bool,
    /// `-i`: it has a standard input, which clients that attach write to; otherwise it reads an end at once.
    #[serde(default)]
    pub interactive: bool,
    /// `-t`: its standard streams are a terminal.
    #[serde(default)]
    pub terminal: bool,
    /// The terminal's size at first.
    #[serde(default)]
    pub terminal_size: Option<TerminalSize>,
    /// `--pull`: when the registry is asked for the image.
    #[serde(default)]
    pub pull: PullPolicy,
}

/// A terminal's size, in characters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TerminalSize {
    /// Lines.
    pub rows: u16,
    /// Characters in a line.
    pub columns: u16,
}

/// When a registry is asked for an image.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum PullPolicy {
    /// Where the store has none of that name.
    #[default]
    Missing,
    /// Each time.
    Always,
    /// Never.
    Never,
}

/// A container's limits; `None` is none.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Limits {
    /// Memory, in bytes.
    #[serde(default)]
    pub memory_bytes: Option<u64>,
    /// Cores, such as 0.5.
    #[serde(default)]
    pub cpus: Option<f64>,
    /// Processes and threads.
    #[serde(default)]
    pub pids: Option<u64>,
}

/// What `POST /api/v1/containers` answers.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct RunResponse {
    /// 64 hexadecimal digits.
    pub id: String,
    /// Its name.
    pub name: String,
    /// The monitor's socket, for clients of the Unix socket; they attach to it without the server.
    #[serde(default)]
    pub monitor_socket: Option<String>,
}

/// A container as it is now.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ContainerSummary {
    /// 64 hexadecimal digits.
    pub id: String,
    /// Its name.
    pub name: String,
    /// The image as asked for.
    pub image: String,
    /// The image's id.
    pub image_id: String,
    /// The command it runs, words in order.
    pub command: Vec<String>,
    /// Its status.
    pub status: ContainerStatus,
    /// When it was made, milliseconds since 1970.
    pub created_ms: u64,
    /// When it was last started, milliseconds since 1970.
    #[serde(default)]
    pub started_ms: Option<u64>,
    /// Its limits.
    #[serde(default)]
    pub limits: Limits,
    /// Its network.
    #[serde(default)]
    pub network: NetworkMode,
    /// The process id of its first process, as the host sees it, while it runs.
    #[serde(default)]
    pub pid: Option<u32>,
    /// Its published ports, while it runs.
    #[serde(default)]
    pub ports: Vec<PublishedPort>,
    /// Its addresses on the bridge, while it runs.
    #[serde(default)]
    pub addresses: Vec<core::net::IpAddr>,
    /// What is mounted into it, beside its image; a volume with its name.
    #[serde(default)]
    pub mounts: Vec<Mount>,
    /// Its standard streams are a terminal.
    #[serde(default)]
    pub terminal: bool,
    /// It has a standard input.
    #[serde(default)]
    pub interactive: bool,
    /// Its own file system can't be written, only what is mounted.
    #[serde(default)]
    pub read_only: bool,
}

/// Where a container is in its life (OCI runtime specification, "State", with how it ended).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "state", rename_all = "snake_case")]
pub enum ContainerStatus {
    /// Made, not started.
    Created,
    /// Its first process runs.
    Running,
    /// It ended.
    Exited {
        /// The exit status, or 128 + the signal's number, as a shell counts.
        code: i32,
        /// The signal that ended it, where one did.
        #[serde(default)]
        signal: Option<i32>,
        /// The kernel killed a process of it for memory.
        #[serde(default)]
        oom_killed: bool,
        /// When, milliseconds since 1970.
        finished_ms: u64,
    },
    /// It could not be started, or what is known of it can't be read.
    Failed {
        /// Why.
        message: String,
    },
}

/// What a container uses, sampled once a second.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct ContainerStats {
    /// When, milliseconds since 1970.
    pub time_ms: u64,
    /// Memory in use, in bytes, without the page cache that can be given back at once.
    pub memory_bytes: u64,
    /// The limit, where one is set.
    pub memory_limit_bytes: Option<u64>,
    /// Cores in use since the last sample: 1.0 is one core.
    pub cpu_cores: f64,
    /// CPU time since the start, in nanoseconds.
    pub cpu_total_ns: u64,
    /// Processes and threads.
    pub pids: u64,
    /// Their limit, where one is set.
    pub pids_limit: Option<u64>,
}

/// What a client asks for with [`super::ClientMessage::Exec`]: a further process in a running container.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ExecRequest {
    /// The program and its arguments.
    pub args: Vec<String>,
    /// `-e`, on top of the container's.
    #[serde(default)]
    pub env: Vec<(String, String)>,
    /// `-u`: `user[:group]`, names or numbers; the container's where none is given.
    #[serde(default)]
    pub user: Option<String>,
    /// `-w`: the container's where none is given.
    #[serde(default)]
    pub workdir: Option<String>,
    /// `-i`: it has a standard input.
    #[serde(default)]
    pub interactive: bool,
    /// `-t`: its standard streams are a terminal.
    #[serde(default)]
    pub terminal: bool,
    /// The terminal's size at first.
    #[serde(default)]
    pub terminal_size: Option<TerminalSize>,
}

/// What `POST /api/v1/containers/NAME/execs` answers: a further process with a terminal or a standard input, which goes
/// on without the connection that started it. [`super::ClientMessage::Attach`] leads to it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ExecResponse {
    /// 32 hexadecimal digits.
    pub id: String,
    /// Its monitor's socket, for clients of the Unix socket.
    #[serde(default)]
    pub monitor_socket: Option<String>,
}

/// Such a process that runs, as `GET /api/v1/containers/NAME/execs` lists them.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ExecSummary {
    /// 32 hexadecimal digits.
    pub id: String,
    /// The program and its arguments.
    pub command: Vec<String>,
    /// Its standard streams are a terminal.
    pub terminal: bool,
    /// It has a standard input.
    pub interactive: bool,
    /// When it was started, milliseconds since 1970.
    pub started_ms: u64,
}

/// What happens during an exec, in order.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "event", rename_all = "snake_case")]
pub enum ExecEvent {
    /// Output of the process.
    Output(LogChunk),
    /// It ended. The last event.
    Exited {
        /// The exit status, or 128 + the signal's number, as a shell counts.
        code: i32,
        /// The signal that ended it, where one did.
        #[serde(default)]
        signal: Option<i32>,
    },
}
