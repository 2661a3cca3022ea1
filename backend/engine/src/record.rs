//! What is written down about a container, once, before it starts: `container.json`.
//!
//! How it runs and ended is not in here but in the monitor's own files (`monitor.json`, `exit.json`), because the
//! engine may be away when that happens. The one thing that only the engine can know is why a container failed; the
//! record is then written a second time.

use std::{
    fs,
    io::Read as _,
    path::{Path, PathBuf},
};

use estiva_shared::{
    image::Digest,
    protocol::{Limits, Mount, NetworkMode, TerminalSize},
};
use serde::{Deserialize, Serialize};

use crate::{ContainerId, EngineError, files::write_durably, name::ContainerName};

/// The version of the format. A record of a newer one is shown as failed and left alone.
pub(crate) const RECORD_VERSION: u32 = 1;

/// The largest record read, in bytes: the kernel takes at most 6 MiB of arguments and environment (execve(2)), and
/// JSON may write one byte as six.
const RECORD_BYTES_MAX: u64 = 40 << 20;

/// A container as it was asked for, merged with its image.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct ContainerRecord {
    /// [`RECORD_VERSION`].
    pub(crate) version: u32,
    /// Its id; the folder's name too.
    pub(crate) id: ContainerId,
    /// Its name.
    pub(crate) name: ContainerName,
    /// The image as asked for.
    pub(crate) image: String,
    /// The image's id.
    pub(crate) image_id: Digest,
    /// The program and its arguments, merged.
    pub(crate) command: Vec<String>,
    /// `NAME=value`, merged.
    pub(crate) env: Vec<String>,
    /// Where it starts.
    pub(crate) workdir: String,
    /// `user[:group]`, looked up inside; root where none is given.
    pub(crate) user: Option<String>,
    /// Its host name.
    pub(crate) hostname: String,
    /// The signal that stops it, by number.
    pub(crate) stop_signal: i32,
    /// Its limits.
    pub(crate) limits: Limits,
    /// Its network.
    pub(crate) network: NetworkMode,
    /// Remove it when it ends.
    pub(crate) remove: bool,
    /// Set-user-ID programs in it gain nothing.
    #[serde(default)]
    pub(crate) no_new_privileges: bool,
    /// It has a standard input, which clients write to.
    #[serde(default)]
    pub(crate) interactive: bool,
    /// Its standard streams are a terminal.
    #[serde(default)]
    pub(crate) terminal: bool,
    /// The terminal's size at first, where one was asked for.
    #[serde(default)]
    pub(crate) terminal_size: Option<TerminalSize>,
    /// What is mounted into it beside its image; each volume has a name.
    #[serde(default)]
    pub(crate) mounts: Vec<Mount>,
    /// The names of those volumes that nobody named: they go with it.
    #[serde(default)]
    pub(crate) anonymous: Vec<String>,
    /// Its own file system can't be written.
    #[serde(default)]
    pub(crate) read_only: bool,
    /// The host's bundle of certificates, where it is shown in it.
    #[serde(default)]
    pub(crate) host_ca: Option<PathBuf>,
    /// When it was made, milliseconds since 1970.
    pub(crate) created_ms: u64,
    /// Why it failed, where it did.
    #[serde(default)]
    pub(crate) failure: Option<String>,
}

/// Why a record can't be used.
#[derive(Debug, thiserror::Error)]
pub(crate) enum RecordError {
    /// There is none: the container was never acknowledged.
    #[error("there is no container.json")]
    Missing,
    /// It could not be read.
    #[error("container.json can't be read: {0}")]
    Read(std::io::Error),
    /// A newer Estiva wrote it.
    #[error("expected container.json of version {RECORD_VERSION} or older, but found version {0}")]
    Newer(u32),
    /// It is not a record.
    #[error("container.json can't be understood: {0}")]
    Parse(serde_json::Error),
    /// It lies in another container's folder.
    #[error("container.json is another container's: {0}")]
    OtherId(ContainerId),
}

/// The part of every version's record that does not change.
#[derive(Deserialize)]
struct Versioned {
    version: u32,
}

impl ContainerRecord {
    /// Writes it so that it is there, whole, after a loss of power.
    ///
    /// # Errors
    /// [`EngineError::File`].
    pub(crate) fn write(&self, path: &Path) -> Result<(), EngineError> {
        let json = serde_json::to_vec_pretty(self).map_err(|error| EngineError::Internal {
            reason: format!("container.json can't be made: {error}"),
        })?;
        write_durably(path, &json)
    }

    /// Reads the record of the container with this id.
    ///
    /// # Errors
    /// [`RecordError`], by what is wrong with the file.
    pub(crate) fn read(path: &Path, id: &ContainerId) -> Result<Self, RecordError> {
        let file = fs::File::open(path).map_err(|error| match error.kind() {
            std::io::ErrorKind::NotFound => RecordError::Missing,
            _ => RecordError::Read(error),
        })?;
        let mut json = Vec::new();
        file.take(RECORD_BYTES_MAX)
            .read_to_end(&mut json)
            .map_err(RecordError::Read)?;
        let Versioned { version } = serde_json::from_slice(&json).map_err(RecordError::Parse)?;
        if version > RECORD_VERSION {
            return Err(RecordError::Newer(version));
        }
        let record: Self = serde_json::from_slice(&json).map_err(RecordError::Parse)?;
        if record.id != *id {
            return Err(RecordError::OtherId(record.id));
        }
        Ok(record)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn record() -> ContainerRecord {
        ContainerRecord {
            version: RECORD_VERSION,
            id: ContainerId::random().unwrap(),
            name: "web".parse().unwrap(),
            image: "busybox".to_owned(),
            image_id: Digest::of(b"image"),
            command: vec!["sh".to_owned()],
            env: vec!["A=b".to_owned()],
            workdir: "/".to_owned(),
            user: None,
            hostname: "porto".to_owned(),
            stop_signal: 15,
            limits: Limits {
                memory_bytes: Some(64 << 20),
                cpus: Some(0.5),
                pids: None,
            },
            network: NetworkMode::None,
            remove: true,
            no_new_privileges: true,
            interactive: false,
            terminal: false,
            terminal_size: None,
            mounts: vec![Mount::Volume {
                name: Some("db".to_owned()),
                target: "/data".to_owned(),
                read_only: true,
            }],
            anonymous: vec!["db".to_owned()],
            read_only: true,
            host_ca: Some("/etc/ssl/cert.pem".into()),
            created_ms: 1_700_000_000_000,
            failure: None,
        }
    }

    #[test]
    fn reads_back_what_was_written() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("container.json");
        let record = record();
        record.write(&path).unwrap();
        assert_eq!(ContainerRecord::read(&path, &record.id).unwrap(), record);
    }

    #[test]
    fn tells_what_is_wrong_with_a_file() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("container.json");
        let record = record();
        let read = || ContainerRecord::read(&path, &record.id).unwrap_err();
        assert!(matches!(read(), RecordError::Missing));
        fs::write(&path, r#"{"version": 2, "anything": "else"}"#).unwrap();
        assert!(matches!(read(), RecordError::Newer(2)));
        fs::write(&path, r#"{"version": 1, "id": "../../etc"}"#).unwrap();
        assert!(matches!(read(), RecordError::Parse(_)));
        fs::write(&path, "not json").unwrap();
        assert!(matches!(read(), RecordError::Parse(_)));
        ContainerRecord {
            id: ContainerId::random().unwrap(),
            ..record.clone()
        }
        .write(&path)
        .unwrap();
        assert!(matches!(read(), RecordError::OtherId(_)));
    }
}
