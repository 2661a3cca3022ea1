//! What the engine refuses or fails at: one enum, because its callers (the HTTP edge, the command line) treat every
//! verb alike. Each variant has a stable code for programs, a message for people, and a hint where one helps.
//!
//! **Invariant:** codes are part of the interface; a message may be reworded, a code may not.

use std::{io, path::PathBuf};

use estiva_network::NetworkError;
use estiva_runtime::{LaunchError, defaults::NoHostCa};
use estiva_shared::{protocol::PortProtocol, text::escape_name};

use crate::{ports::shown, table::Table};

/// The exit status of `estiva run` for a program that is not there, as POSIX shells have it.
pub const EXIT_PROGRAM_NOT_FOUND: i32 = 127;

/// The exit status for a program that is there and can't be executed.
pub const EXIT_PROGRAM_NOT_EXECUTABLE: i32 = 126;

/// The exit status for a container that could not be started for another reason, as Docker's client has it.
pub const EXIT_NOT_STARTED: i32 = 125;

/// Why the engine did not do what it was asked.
#[derive(Debug, thiserror::Error)]
pub enum EngineError {
    /// No container has this name or id.
    #[error("no container is called: {}", escape_name(name))]
    UnknownContainer {
        /// As it was asked for.
        name: String,
        /// Names of containers that look like it, best first.
        similar: Vec<String>,
    },
    /// No further process with a terminal or a standard input that runs has this id.
    #[error(
        "no exec of container {container} that runs has this id: {}",
        escape_name(id)
    )]
    UnknownExec {
        /// The container's name.
        container: String,
        /// As it was asked for.
        id: String,
    },
    /// The start of an id fits more than one container.
    #[error("expected the start of one id, but found {} containers: {}", matches.len(), escape_name(prefix))]
    AmbiguousId {
        /// As it was asked for.
        prefix: String,
        /// The names of those that it fits.
        matches: Vec<String>,
    },
    /// No image has this name or id.
    #[error("no image is called: {}", escape_name(name))]
    UnknownImage {
        /// As it was asked for.
        name: String,
        /// Names of images that look like it, best first.
        similar: Vec<String>,
    },
    /// The name belongs to another container.
    #[error("the name is taken by container {}: {name}", short(id))]
    NameTaken {
        /// The name.
        name: String,
        /// The container that has it.
        id: String,
    },
    /// The name can't be a container's.
    #[error(
        "expected a name of 2 to 128 letters, digits, `_`, `.` and `-`, that begins with a letter or digit, but found: {}",
        escape_name(name)
    )]
    BadName {
        /// As it was asked for.
        name: String,
    },
    /// A limit that can't be set.
    #[error("{limit}: expected {expected}, but found {found}")]
    BadLimit {
        /// The option's name, such as `--memory`.
        limit: &'static str,
        /// What would do.
        expected: String,
        /// What was asked for.
        found: String,
    },
    /// Another part of the request can't be used.
    #[error("{what}: expected {expected}, but found: {}", escape_name(found))]
    BadRequest {
        /// The option's name, such as `--workdir`.
        what: &'static str,
        /// What would do.
        expected: &'static str,
        /// What was asked for.
        found: String,
    },
    /// Neither the image nor the request says what to run.
    #[error(
        "expected a command, but the image {} has none and none was given",
        escape_name(image)
    )]
    NoCommand {
        /// The image as asked for.
        image: String,
    },
    /// The container's state does not allow it.
    #[error("can't {verb} container {name}: expected it {expected}, but it is {found}")]
    WrongState {
        /// What was to be done, such as `kill`.
        verb: &'static str,
        /// The container's name.
        name: String,
        /// The state in which it could have been done.
        expected: &'static str,
        /// The state it is in.
        found: String,
    },
    /// No signal has this name or number.
    #[error(
        "expected a signal's name or number, but found: {}",
        escape_name(signal)
    )]
    UnknownSignal {
        /// As it was asked for.
        signal: String,
    },
    /// A port of the host is somebody else's.
    #[error("port {port} is taken by {by}")]
    PortTaken {
        /// The port, such as `127.0.0.1:8080/tcp`.
        port: String,
        /// Whose it is.
        by: String,
    },
    /// A port of the host can't be listened on.
    #[error("port {port} can't be published: {source}")]
    PortUnusable {
        /// The port.
        port: String,
        /// The system's answer.
        source: io::Error,
    },
    /// The container's network could not be made.
    #[error("the container's network could not be made: {0}")]
    Network(#[source] NetworkError),
    /// The program is not in the container.
    #[error("{reason}")]
    ProgramNotFound {
        /// The runtime's words, which name the program and where it was looked for.
        reason: String,
    },
    /// The program is there, and the kernel won't execute it.
    #[error("{reason}")]
    ProgramNotExecutable {
        /// The runtime's words, which name the program and the kernel's answer.
        reason: String,
    },
    /// The container could not be set up.
    #[error("the container could not be started: {reason}")]
    NotStarted {
        /// What failed, step first.
        reason: String,
    },
    /// The container's monitor does not answer.
    #[error("the monitor of container {name} does not answer: {source}")]
    Monitor {
        /// The container's name.
        name: String,
        /// What the socket said.
        source: io::Error,
    },
    /// No volume has this name.
    #[error("no volume is called: {}", escape_name(name))]
    UnknownVolume {
        /// As it was asked for.
        name: String,
        /// Names of volumes that look like it, best first.
        similar: Vec<String>,
    },
    /// The name can't be a volume's.
    #[error(
        "expected a volume's name of 2 to 128 letters, digits, `_`, `.` and `-`, that begins with a letter or digit, but found: {}",
        escape_name(name)
    )]
    BadVolumeName {
        /// As it was asked for.
        name: String,
    },
    /// Containers have it.
    #[error("the volume {name} is used by: {}", containers.join(", "))]
    VolumeInUse {
        /// The volume.
        name: String,
        /// The names of the containers, sorted.
        containers: Vec<String>,
    },
    /// A new volume could not be filled with what the image has at its place.
    #[error("the image's files at {target} can't be copied into the volume {volume}: {source}")]
    VolumeFill {
        /// The volume.
        volume: String,
        /// Its place in the container.
        target: String,
        /// Why.
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// What of the host was to be mounted is not there, or can't be reached.
    #[error("can't mount {}: {source}", path.display())]
    MountSource {
        /// The path on the host.
        path: PathBuf,
        /// The system's answer.
        source: io::Error,
    },
    /// `--trust-host-ca` on a host without a bundle of certificates.
    #[error(transparent)]
    NoHostCa(#[from] NoHostCa),
    /// The store failed.
    #[error("the image could not be read: {0}")]
    Store(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// A file of the engine's own could not be read or written.
    #[error("can't {verb} {}: {source}", path.display())]
    File {
        /// What was being done, such as `write`.
        verb: &'static str,
        /// To which file or folder.
        path: PathBuf,
        /// The system's answer.
        source: io::Error,
    },
    /// A fault of the engine itself.
    #[error("the engine failed: {reason}")]
    Internal {
        /// What happened.
        reason: String,
    },
}

impl EngineError {
    /// A stable name in kebab-case, for programs.
    pub fn code(&self) -> &'static str {
        match self {
            Self::UnknownContainer { .. } => "unknown-container",
            Self::UnknownExec { .. } => "unknown-exec",
            Self::AmbiguousId { .. } => "ambiguous-id",
            Self::UnknownImage { .. } => "unknown-image",
            Self::NameTaken { .. } => "name-taken",
            Self::BadName { .. } => "bad-name",
            Self::BadLimit { .. } => "bad-limit",
            Self::BadRequest { .. } => "bad-request",
            Self::NoCommand { .. } => "no-command",
            Self::WrongState { .. } => "wrong-state",
            Self::UnknownSignal { .. } => "unknown-signal",
            Self::PortTaken { .. } => "port-taken",
            Self::PortUnusable { .. } => "port-unusable",
            Self::Network(_) => "network",
            Self::ProgramNotFound { .. } => "program-not-found",
            Self::ProgramNotExecutable { .. } => "program-not-executable",
            Self::NotStarted { .. } => "not-started",
            Self::Monitor { .. } => "monitor",
            Self::UnknownVolume { .. } => "unknown-volume",
            Self::BadVolumeName { .. } => "bad-volume-name",
            Self::VolumeInUse { .. } => "volume-in-use",
            Self::VolumeFill { .. } => "volume-fill",
            Self::MountSource { .. } => "mount-source",
            Self::NoHostCa(_) => "no-host-ca",
            Self::Store(_) => "store",
            Self::File { source, .. } if is_full(source) => "disk-full",
            Self::File { .. } => "file",
            Self::Internal { .. } => "internal",
        }
    }

    /// What to do about it, where that can be said.
    pub fn hint(&self) -> Option<String> {
        match self {
            Self::UnknownContainer { similar, .. }
            | Self::UnknownImage { similar, .. }
            | Self::UnknownVolume { similar, .. }
                if !similar.is_empty() =>
            {
                Some(format!("names like it: {}", similar.join(", ")))
            }
            Self::AmbiguousId { matches, .. } => Some(format!("it fits: {}", matches.join(", "))),
            Self::NameTaken { name, .. } => Some(format!(
                "choose another name, or remove it first: estiva rm {name}"
            )),
            Self::VolumeInUse { containers, .. } => Some(format!(
                "remove them first: estiva rm {}",
                containers.join(" ")
            )),
            Self::MountSource { source, .. } if source.kind() == io::ErrorKind::NotFound => {
                Some("make it first; with -v a folder is made, with --mount none is".to_owned())
            }
            Self::NoHostCa(_) => Some("install the package ca-certificates".to_owned()),
            Self::NoCommand { .. } => Some("name a command after the image".to_owned()),
            Self::PortTaken { .. } => Some(
                "choose another port of the host, or leave it out for any free one: -p CONTAINER"
                    .to_owned(),
            ),
            Self::Network(_) => Some(
                "`estiva doctor` says what is missing; `--network none` and `--network host` need no bridge"
                    .to_owned(),
            ),
            Self::WrongState {
                verb: "remove",
                name,
                ..
            } => Some(format!(
                "stop it first (estiva stop {name}), or use --force"
            )),
            Self::File { source, path, .. } if is_full(source) => Some(format!(
                "make room on the disk that holds {}",
                path.display()
            )),
            _ => None,
        }
    }

    /// The exit status that `estiva run` and `estiva exec` end with on this error, as Docker's client has them.
    pub fn exit_code(&self) -> i32 {
        match self {
            Self::ProgramNotFound { .. } => EXIT_PROGRAM_NOT_FOUND,
            Self::ProgramNotExecutable { .. } => EXIT_PROGRAM_NOT_EXECUTABLE,
            _ => EXIT_NOT_STARTED,
        }
    }

    /// The network's error, in the engine's terms.
    pub(crate) fn network(error: NetworkError, table: &Table) -> Self {
        let NetworkError::PortTaken {
            address,
            port,
            protocol,
            holder,
        } = &error
        else {
            return Self::Network(error);
        };
        let protocol = match protocol {
            estiva_network::Protocol::Tcp => PortProtocol::Tcp,
            estiva_network::Protocol::Udp => PortProtocol::Udp,
        };
        let name = table.find(holder).map(|entry| entry.name().to_owned());
        Self::PortTaken {
            port: shown(*address, *port, protocol),
            by: format!("container {}", name.as_deref().unwrap_or(short(holder))),
        }
    }

    /// The runtime's error, in the engine's terms.
    pub(crate) fn launch(error: LaunchError) -> Self {
        match error {
            LaunchError::ProgramNotFound(reason) => Self::ProgramNotFound { reason },
            LaunchError::ProgramNotExecutable(reason) => Self::ProgramNotExecutable { reason },
            other => Self::NotStarted {
                reason: other.to_string(),
            },
        }
    }

    /// A file's error, for `map_err`.
    pub(crate) fn file(
        verb: &'static str,
        path: impl Into<PathBuf>,
    ) -> impl FnOnce(io::Error) -> Self {
        let path = path.into();
        move |source| Self::File { verb, path, source }
    }
}

/// The first 12 characters of an id, as people know containers by.
fn short(id: &str) -> &str {
    id.get(..12).unwrap_or(id)
}

/// Whether there was no room, or none for this owner.
fn is_full(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_full_disk_has_a_code_and_a_hint_of_its_own() {
        let error =
            |kind: io::ErrorKind| EngineError::file("write", "/var/lib/estiva/x")(kind.into());
        let full = error(io::ErrorKind::StorageFull);
        assert_eq!(full.code(), "disk-full");
        assert!(full.hint().unwrap().contains("/var/lib/estiva/x"));
        assert!(
            full.to_string()
                .starts_with("can't write /var/lib/estiva/x: "),
            "{full}"
        );
        let other = error(io::ErrorKind::PermissionDenied);
        assert_eq!((other.code(), other.hint()), ("file", None));
    }

    #[test]
    fn the_runtimes_refusals_keep_their_exit_statuses() {
        let code = |error: LaunchError| EngineError::launch(error).exit_code();
        assert_eq!(code(LaunchError::ProgramNotFound("x".into())), 127);
        assert_eq!(code(LaunchError::ProgramNotExecutable("x".into())), 126);
        assert_eq!(code(LaunchError::MonitorDied), 125);
    }

    #[test]
    fn names_are_made_safe_to_show() {
        let error = EngineError::UnknownContainer {
            name: "a\u{1b}[31m\u{202e}b".to_owned(),
            similar: Vec::new(),
        };
        let shown = error.to_string();
        assert!(!shown.contains(['\u{1b}', '\u{202e}']), "{shown:?}");
    }
}
