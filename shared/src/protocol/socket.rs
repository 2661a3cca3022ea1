//! The messages of the WebSocket. A client names each thing it starts with a number of its own (`id`), unique on its
//! connection; all that belongs to it comes back under that number and ends with [`ServerMessage::Ended`].

use serde::{Deserialize, Serialize};

use super::{
    BuildEvent, BuildRequest, ContainerStats, ContainerSummary, ErrorBody, ExecEvent, ExecRequest,
    ImageSummary, LogChunk, PullRequest, PushRequest, TerminalFrame, TerminalSize, TransferEvent,
};

/// From a client.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum ClientMessage {
    /// The first message, within five seconds; answered by [`ServerMessage::Welcome`].
    Hello {
        /// [`super::PROTOCOL_VERSION`].
        protocol: u32,
        /// The token; absent on the Unix socket.
        #[serde(default)]
        token: Option<String>,
    },
    /// Start a build; its events follow. The build ends with the connection.
    Build {
        /// The client's number for it.
        id: u64,
        /// What to build.
        request: BuildRequest,
    },
    /// Follow the list of containers: one [`ServerMessage::Containers`] now and one at each change.
    WatchContainers {
        /// The client's number for it.
        id: u64,
    },
    /// Follow the list of images likewise.
    WatchImages {
        /// The client's number for it.
        id: u64,
    },
    /// Read a container's log, and follow it where asked.
    Logs {
        /// The client's number for it.
        id: u64,
        /// A container's name or id.
        container: String,
        /// Go on until the container ends.
        follow: bool,
        /// Only the last so many lines.
        #[serde(default)]
        tail: Option<u64>,
    },
    /// Follow what a container uses, once a second, until it ends.
    Stats {
        /// The client's number for it.
        id: u64,
        /// A container's name or id.
        container: String,
    },
    /// Start a further process in a running container; its output and its end follow. It is killed with the connection.
    Exec {
        /// The client's number for it.
        id: u64,
        /// A container's name or id.
        container: String,
        /// What to run.
        request: ExecRequest,
    },
    /// Attach to a container that runs, or to a process that `POST /api/v1/containers/NAME/execs` started in it; answered by
    /// [`ServerMessage::Attached`]. Of a terminal the last of its output follows, and then what comes; of anything else,
    /// what comes. Several may be attached at once. [`ClientMessage::Cancel`] and the connection's end detach, and end
    /// nothing.
    Attach {
        /// The client's number for it.
        id: u64,
        /// A container's name or id.
        container: String,
        /// The process's id; the container itself where none is given.
        #[serde(default)]
        exec: Option<String>,
        /// The terminal's size from now on, which also has its programs draw anew.
        #[serde(default)]
        size: Option<TerminalSize>,
    },
    /// The terminal has another size.
    Resize {
        /// The attachment's number.
        id: u64,
        /// The size.
        size: TerminalSize,
    },
    /// So many bytes of output more were shown.
    Shown {
        /// The attachment's number.
        id: u64,
        /// How many.
        bytes: u64,
    },
    /// Nothing more is typed: a standard input that is no terminal ends.
    EndInput {
        /// The attachment's number.
        id: u64,
    },
    /// Something was typed. Travels as a binary frame.
    #[serde(skip)]
    Terminal(TerminalFrame),
    /// Bring an image from its registry into the store; its events follow. It is given up with the connection.
    Pull {
        /// The client's number for it.
        id: u64,
        /// Which one.
        request: PullRequest,
    },
    /// Bring an image of the store to its registry, likewise.
    Push {
        /// The client's number for it.
        id: u64,
        /// Which one.
        request: PushRequest,
    },
    /// End what was started under this number: a build is cancelled, a process killed, a pull given up, a subscription dropped.
    Cancel {
        /// The number.
        id: u64,
    },
}

/// From the server.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum ServerMessage {
    /// Answers [`ClientMessage::Hello`].
    Welcome {
        /// [`super::PROTOCOL_VERSION`].
        protocol: u32,
        /// The program's version.
        version: String,
    },
    /// Something that happened in a build.
    Build {
        /// The client's number.
        id: u64,
        /// What happened.
        event: BuildEvent,
    },
    /// All containers, newest first.
    Containers {
        /// The client's number.
        id: u64,
        /// Each as it is now.
        containers: Vec<ContainerSummary>,
    },
    /// All images, newest first.
    Images {
        /// The client's number.
        id: u64,
        /// Each as it is now.
        images: Vec<ImageSummary>,
    },
    /// Output of a container, oldest first.
    Logs {
        /// The client's number.
        id: u64,
        /// One chunk or more.
        chunks: Vec<LogChunk>,
    },
    /// A sample of what a container uses.
    Stats {
        /// The client's number.
        id: u64,
        /// The sample.
        stats: ContainerStats,
    },
    /// Answers [`ClientMessage::Attach`]. The process's end comes as [`ServerMessage::Exec`], with
    /// [`ExecEvent::Exited`].
    Attached {
        /// The client's number.
        id: u64,
        /// Its standard streams are a terminal.
        terminal: bool,
        /// It has a standard input.
        interactive: bool,
    },
    /// The process has taken so many bytes more of what was typed.
    Taken {
        /// The client's number.
        id: u64,
        /// How many.
        bytes: u64,
    },
    /// Output of what is attached to. Travels as a binary frame.
    #[serde(skip)]
    Terminal(TerminalFrame),
    /// Something that happened in an exec.
    Exec {
        /// The client's number.
        id: u64,
        /// What happened.
        event: ExecEvent,
    },
    /// Something that happened in a pull or a push.
    Transfer {
        /// The client's number.
        id: u64,
        /// What happened.
        event: TransferEvent,
    },
    /// What was started under this number is over; nothing more comes under it.
    Ended {
        /// The client's number.
        id: u64,
        /// Why, where it did not end well.
        #[serde(default)]
        error: Option<ErrorBody>,
    },
    /// The connection can't go on, and is closed: a wrong token, another protocol, a frame that can't be read.
    Refused(ErrorBody),
}
