//! Pulling and pushing as the wire knows them: what is asked for, and what happens, layer by layer.
//!
//! Credentials come with the request that needs them, are used for that one, and are kept nowhere: their types print nothing.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::image::{Digest, Referrer};

/// What a client asks for to have an image from its registry.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PullRequest {
    /// The image's name, short or whole: `node:20`, `registry.example/team/app@sha256:…`.
    pub reference: String,
    /// Whose image of several, `OS/ARCHITECTURE[/VARIANT]`; this host's where none is given.
    #[serde(default)]
    pub platform: Option<String>,
    /// Ask nobody where the store has an image of that name or id: what `run` and `FROM` want.
    #[serde(default)]
    pub only_if_missing: bool,
    /// What the registry is shown; nothing where none is given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub credentials: Option<RegistryCredentials>,
}

/// What a client asks for to bring an image to its registry.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PushRequest {
    /// The image's name, which says the registry too.
    pub reference: String,
    /// What the registry is shown; nothing where none is given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub credentials: Option<RegistryCredentials>,
}

/// What a client asks for to look at an image where its registry has it: its documents come, and none of its layers.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RemoteImageRequest {
    /// The image's name, short or whole.
    pub reference: String,
    /// Whose image of several, `OS/ARCHITECTURE[/VARIANT]`; this host's where none is given.
    #[serde(default)]
    pub platform: Option<String>,
    /// What the registry is shown; nothing where none is given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub credentials: Option<RegistryCredentials>,
}

/// An image where its registry has it. Both documents are what their digests say.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RemoteImage {
    /// The image's name, in full.
    pub reference: String,
    /// `linux/amd64`.
    pub platform: String,
    /// The digest of its manifest.
    pub manifest_digest: Digest,
    /// The manifest, as it lies.
    pub manifest: String,
    /// The config, as it lies.
    pub config: String,
    /// What else the registry has about it: signatures, bills of materials.
    pub referrers: Vec<Referrer>,
}

/// What a client asks for to have a layer of such an image, as it lies; its bytes are the answer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RemoteLayerRequest {
    /// The image's name, short or whole.
    pub reference: String,
    /// The layer's digest, as the manifest has it. Whether the bytes are what it says is for the client to find out.
    pub digest: Digest,
    /// What the registry is shown; nothing where none is given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub credentials: Option<RegistryCredentials>,
}

/// What one registry is shown, and no other.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RegistryCredentials {
    /// The registry as image names say it: `docker.io`, `registry.example:5000`.
    pub registry: String,
    /// Who asks.
    pub login: RegistryLogin,
}

/// How a registry is told who asks.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum RegistryLogin {
    /// A name and a password (RFC 7617), or a personal access token in its place.
    Password {
        /// The name.
        username: String,
        /// The password.
        password: Secret,
    },
    /// A token that the registry's token service gave for a password before (`identitytoken` of Docker's configuration).
    IdentityToken {
        /// The token.
        token: Secret,
    },
    /// A token that the registry itself takes (`registrytoken` of Docker's configuration).
    RegistryToken {
        /// The token.
        token: Secret,
    },
}

/// A text that is never shown: neither in a log nor in an error. It travels as what it is.
#[derive(Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Secret(String);

impl Secret {
    /// Keeps a text from being shown.
    #[must_use]
    pub fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    /// The text itself, for the one that it is meant for.
    #[must_use]
    pub fn reveal(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("Secret(…)")
    }
}

/// What happens during a pull or a push, in order. The server sends them as [`super::ServerMessage::Transfer`];
/// [`super::ServerMessage::Ended`] says how it went.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "event", rename_all = "snake_case")]
pub enum TransferEvent {
    /// What will be moved is known. Of a pull with `only_if_missing` that asks nobody, [`TransferEvent::Done`] alone comes.
    Resolved {
        /// The image's name, in full.
        reference: String,
        /// The digest of its manifest; of a push, none before the layers are compressed.
        digest: Option<String>,
        /// `linux/amd64`.
        platform: String,
        /// Its layers, lowest first; a layer that is listed twice comes once.
        layers: Vec<TransferLayer>,
    },
    /// How far a layer is. Between two of a kind lies a tenth of a second at least.
    Layer {
        /// As in [`TransferEvent::Resolved`].
        digest: String,
        /// How far.
        state: LayerState,
    },
    /// The registry, or the way to it, failed; it is asked again.
    Retrying {
        /// The layer concerned, where it is one.
        digest: Option<String>,
        /// Which try comes next, from 2.
        attempt: u32,
        /// When, in milliseconds from now.
        wait_ms: u64,
        /// What went wrong.
        message: String,
    },
    /// It ended well. The last event.
    Done {
        /// The image's id (`sha256:…`, the digest of its config).
        image_id: String,
        /// The digest of the manifest that the registry has; none where nobody was asked.
        digest: Option<String>,
        /// The names that the store has for it, familiar form, of a pull; of a push, the one that the registry has now.
        names: Vec<String>,
        /// The store has it as it was: nothing was moved.
        unchanged: bool,
    },
}

/// A layer that is moved.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TransferLayer {
    /// Of a pull, the digest of what is moved; of a push, the layer's diff ID.
    pub digest: String,
    /// How much it is: of a pull as it is moved, of a push uncompressed, in bytes.
    pub bytes: u64,
}

/// How far a layer is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "state", rename_all = "snake_case")]
pub enum LayerState {
    /// Others come first.
    Waiting,
    /// It is there already, in the store or in the registry. The layer's last state.
    Exists,
    /// It is compressed, before it is pushed.
    Compressing {
        /// How much of the uncompressed layer is done, in bytes.
        done_bytes: u64,
    },
    /// It is on its way.
    Transferring {
        /// How much of it is there, in bytes.
        done_bytes: u64,
        /// How much it is, in bytes: of a push, compressed.
        total_bytes: u64,
    },
    /// All bytes are there; their digest is compared.
    Verifying,
    /// It is unpacked into the store.
    Unpacking,
    /// It is there. The layer's last state.
    Done,
    /// The registry took it over from another repository of its own. The layer's last state.
    Mounted {
        /// That repository.
        from: String,
    },
}

/// What a client asks for with `POST /api/v1/images/NAME/tags`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TagRequest {
    /// The further name, `NAME[:TAG]`; taken from the image that has it.
    pub name: String,
}
