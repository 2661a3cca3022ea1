//! What the HTTP routes take and answer, but for containers.

use serde::{Deserialize, Serialize};

/// Most bytes of a file that `GET /api/v1/images/NAME/file` answers at once.
pub const FILE_BYTES_MAX: u64 = 1 << 20;

/// The header of that answer with the layer that holds the bytes, from 0.
pub const FILE_LAYER_HEADER: &str = "estiva-layer";

/// The header of that answer with the whole file's bytes.
pub const FILE_SIZE_HEADER: &str = "estiva-size";

/// `GET /api/v1/version`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct VersionInfo {
    /// The program's version, such as `0.1.0`.
    pub version: String,
    /// Which build of it: digest of the program's file, 16 hexadecimal digits; the command line compares its own.
    pub build: String,
    /// [`super::PROTOCOL_VERSION`].
    pub protocol: u32,
    /// The server's process id.
    pub pid: u32,
    /// The address of its loopback listener, such as `127.0.0.1:7878`.
    pub listen: Option<String>,
    /// The address of the second listener for shared links.
    pub share_listen: Option<String>,
    /// Whether contexts can be picked under a root on the server.
    pub has_context_root: bool,
}

/// `POST /api/v1/session` takes the one-time code of the printed address …
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct SessionRequest {
    /// The code, from the address's fragment.
    pub code: String,
}

/// … and answers a token, to be sent as `Authorization: Bearer …` and in [`super::ClientMessage::Hello`].
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct SessionResponse {
    /// 64 hexadecimal digits.
    pub token: String,
}

/// `POST /api/v1/codes` (Unix socket only) answers a new page address.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct CodeResponse {
    /// `http://127.0.0.1:7878/#code=…`; the code works once, for ten minutes.
    pub address: String,
}

/// An image of the store, as `GET /api/v1/images` lists them.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ImageSummary {
    /// The config's digest, `sha256:…`.
    pub id: String,
    /// Its names, familiar form (`hello:latest`); an image without a name is listed too.
    pub names: Vec<String>,
    /// Sum of its layers, uncompressed, in bytes.
    pub size_bytes: u64,
    /// Number of layers.
    pub layers: usize,
    /// When it came into the store, milliseconds since 1970.
    pub created_ms: u64,
    /// `linux/amd64`.
    pub platform: String,
    /// Containers made from it.
    pub containers: usize,
    /// The ports that it says it listens on (EXPOSE), as its config writes them: `3000/tcp`.
    #[serde(default)]
    pub exposed_ports: Vec<String>,
}

/// An image that `POST /api/v1/images/load` took from an archive.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LoadedImage {
    /// The config's digest, `sha256:…`.
    pub id: String,
    /// The names that it was given, familiar form; none where the archive had none for it.
    pub names: Vec<String>,
}

/// What `DELETE /api/v1/images/NAME` removed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RemovedImage {
    /// The names that were taken away, familiar form.
    pub untagged: Vec<String>,
    /// The ids of the images that went with their last name.
    pub deleted: Vec<String>,
}

/// `POST /api/v1/prune` answers what was freed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Pruned {
    /// Layers that only cached steps had, or nothing.
    pub layers: u64,
    /// What they and other content took on the disk, in bytes.
    pub bytes: u64,
    /// Something is being made: it all goes when that ends, and nothing was freed yet.
    pub postponed: bool,
}

/// `POST /api/v1/contexts` (body: a tar, not compressed) answers the context's id.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ContextResponse {
    /// For [`super::BuildContext::Uploaded`].
    pub id: String,
    /// Files and folders taken.
    pub entries: u64,
    /// Their bytes.
    pub bytes: u64,
}

/// `GET /api/v1/context-root?path=…` answers what is under the server's `--context-root`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ContextFolder {
    /// The path asked for, relative to the root, `` for the root itself.
    pub path: String,
    /// Folders in it, by name.
    pub folders: Vec<String>,
    /// Files in it whose name says Dockerfile.
    pub dockerfiles: Vec<String>,
}

/// `POST /api/v1/shares`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ShareRequest {
    /// An image's name or id.
    pub image: String,
    /// Show the text of RUN; otherwise only that there was a RUN. Asked for after a preview.
    #[serde(default)]
    pub include_run_text: bool,
    /// The digest of the report that was looked at before. Where the image's report is another by now, because its name leads
    /// to another image, say, the answer is 409 with `report-changed` and nothing is shared. Without it, what is there is shared.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub report_digest: Option<String>,
}

/// A shared link, as `POST` and `GET /api/v1/shares` answer it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ShareSummary {
    /// 128 random bits, 32 hexadecimal digits.
    pub id: String,
    /// The path to open, `/s/ID`.
    pub path: String,
    /// The whole address, on the second listener where there is one.
    pub link: String,
    /// The image as it was asked for.
    pub image: String,
    /// The report's digest.
    pub digest: String,
    /// When it was made, milliseconds since 1970.
    pub created_ms: u64,
}

/// What an HTTP error's body holds.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ErrorBody {
    /// A stable name in kebab-case, such as `unknown-image`.
    pub code: String,
    /// What went wrong, in a sentence's form without its dot.
    pub message: String,
    /// What to do about it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hint: Option<String>,
}
