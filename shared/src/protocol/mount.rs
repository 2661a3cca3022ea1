//! What is mounted into a container beside its image, and the volumes of the store, as the wire knows them.

use serde::{Deserialize, Serialize};

/// A mount that is asked for, or that a container has.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum Mount {
    /// A file or folder of the host.
    Bind {
        /// Absolute path on the host.
        source: String,
        /// Absolute path in the container.
        target: String,
        /// The container may only read it.
        #[serde(default)]
        read_only: bool,
        /// Make the source, as a folder, where there is none: what `-v` does, and `--mount` does not.
        #[serde(default)]
        create_source: bool,
    },
    /// A volume of the store.
    Volume {
        /// Its name; one is made up, and the volume goes with a container of `--rm`, where none is given.
        #[serde(default)]
        name: Option<String>,
        /// Absolute path in the container.
        target: String,
        /// The container may only read it.
        #[serde(default)]
        read_only: bool,
    },
    /// A folder in memory.
    Tmpfs {
        /// Absolute path in the container.
        target: String,
        /// The most that it may hold, in bytes; half of the host's memory where none is given.
        #[serde(default)]
        size_bytes: Option<u64>,
        /// Its mode; 1777 (octal) where none is given.
        #[serde(default)]
        mode: Option<u32>,
        /// Its owner's number; 0 where none is given.
        #[serde(default)]
        uid: Option<u32>,
        /// Its group's number; 0 where none is given.
        #[serde(default)]
        gid: Option<u32>,
        /// The container may only read it.
        #[serde(default)]
        read_only: bool,
        /// Programs in it can be run.
        #[serde(default)]
        exec: bool,
    },
}

impl Mount {
    /// Where it is in the container.
    pub fn target(&self) -> &str {
        match self {
            Self::Bind { target, .. }
            | Self::Volume { target, .. }
            | Self::Tmpfs { target, .. } => target,
        }
    }
}

/// A volume, as `GET /api/v1/volumes` lists them.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct VolumeSummary {
    /// Its name.
    pub name: String,
    /// Where it lies on the host.
    pub mountpoint: String,
    /// When it was made, milliseconds since 1970.
    pub created_ms: u64,
    /// It was made up for a container that named none.
    pub anonymous: bool,
    /// The ids of the containers that have it mounted, or would have when they run.
    pub containers: Vec<String>,
}

/// What a client asks for with `POST /api/v1/volumes`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct VolumeRequest {
    /// Its name; one is made up where none is given.
    #[serde(default)]
    pub name: Option<String>,
}
