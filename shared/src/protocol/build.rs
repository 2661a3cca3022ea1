//! A build as the wire knows it: what is asked for, and what happens, step by step.

use serde::{Deserialize, Serialize};

use super::{NetworkMode, RegistryCredentials, TransferEvent};
use crate::dockerfile::Diagnostic;

/// What a client asks the builder for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct BuildRequest {
    /// Where the files are.
    pub context: BuildContext,
    /// The Dockerfile's text, where it does not come from the context (typed on the page, or `-f -`).
    #[serde(default)]
    pub dockerfile_text: Option<String>,
    /// The Dockerfile's path within the context; `Dockerfile` where none is given. What it leaves out of the context is
    /// looked for beside it there (`PATH.dockerignore`), unless `dockerfile_origin` says it.
    #[serde(default)]
    pub dockerfile_path: Option<String>,
    /// The file outside of the context that the client read into `dockerfile_text`; `None` where there was none, as for a
    /// text that was typed on the page.
    #[serde(default)]
    pub dockerfile_origin: Option<DockerfileOrigin>,
    /// Names for the image, `NAME[:TAG]`.
    #[serde(default)]
    pub tags: Vec<String>,
    /// `--build-arg`, in order; a value of `None` was taken from nowhere and is an error.
    #[serde(default)]
    pub build_args: Vec<(String, String)>,
    /// `--target`: a stage's name or number.
    #[serde(default)]
    pub target: Option<String>,
    /// Look no step up in the cache.
    #[serde(default)]
    pub no_cache: bool,
    /// The network of RUN steps.
    #[serde(default)]
    pub network: NetworkMode,
    /// `--trust-host-ca`: RUN steps trust the certificates that the host trusts. Not part of the cache key, and nowhere in the image.
    #[serde(default)]
    pub trust_host_ca: bool,
    /// `--pull`: ask the registry for each base, also where the store has one of that name.
    #[serde(default)]
    pub pull: bool,
    /// What the registries of its bases are shown, one each; those that are not named here are shown nothing.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub credentials: Vec<RegistryCredentials>,
}

/// A Dockerfile that the client opened itself (command line, `-f`). Its path is the client's: it says nothing about the
/// context, in which a file of the same name may be another one.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DockerfileOrigin {
    /// The path as the client's user wrote it, for messages only.
    pub name: String,
    /// The text of `NAME.dockerignore` beside it, where there is one: it goes before the context's `.dockerignore`.
    #[serde(default)]
    pub ignore: Option<String>,
}

/// Where a build's files come from.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "from", rename_all = "snake_case")]
pub enum BuildContext {
    /// A folder that the client holds open: its descriptor's number. The server takes the descriptor from the peer of
    /// the Unix socket (`pidfd_getfd`), so that the folder was opened with the caller's rights. Refused on the page's listener.
    Descriptor {
        /// The descriptor's number in the client's process.
        fd: i32,
        /// The folder's name, for messages only.
        name: String,
    },
    /// A context uploaded before by `POST /api/v1/contexts`.
    Uploaded {
        /// The id that the upload answered.
        id: String,
    },
    /// A folder under the server's `--context-root`.
    Rooted {
        /// Relative to that root.
        path: String,
    },
    /// No files at all: COPY from the context finds nothing.
    Empty,
}

/// What happens during a build, in order. The server sends them as [`super::ServerMessage::Build`].
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "event", rename_all = "snake_case")]
pub enum BuildEvent {
    /// Once, before any step: all that will be done, in order.
    Planned {
        /// The steps; a step is named by its index in here.
        steps: Vec<PlannedStep>,
    },
    /// A base is pulled; before [`BuildEvent::Planned`], because the plan depends on what the base says. Of a base that
    /// the store has, none comes.
    Pull {
        /// The base as the Dockerfile names it, expanded.
        reference: String,
        /// What happens.
        transfer: TransferEvent,
    },
    /// A warning about the Dockerfile.
    Warning(Diagnostic),
    /// A step begins.
    Started {
        /// Its index.
        step: usize,
    },
    /// Output of a RUN step.
    Output {
        /// Its index.
        step: usize,
        /// Where it was written to.
        stream: OutputStream,
        /// Text; bytes that are not UTF-8 are replaced by U+FFFD.
        text: String,
    },
    /// Progress of a step that moves bytes (COPY, packing a layer).
    Progress {
        /// Its index.
        step: usize,
        /// Bytes done.
        done_bytes: u64,
        /// Bytes in all, where known.
        total_bytes: Option<u64>,
    },
    /// A step ended well.
    Finished {
        /// Its index.
        step: usize,
        /// It came from the cache.
        cached: bool,
        /// How long it took, in milliseconds.
        duration_ms: u64,
        /// The layer it made, where it made one: uncompressed bytes.
        layer_bytes: Option<u64>,
    },
    /// A step failed; [`BuildEvent::Failed`] follows.
    StepFailed {
        /// Its index.
        step: usize,
        /// How long it took, in milliseconds.
        duration_ms: u64,
        /// What went wrong.
        message: String,
    },
    /// The build ended well. The last event.
    Done {
        /// The image's id (`sha256:…`, the digest of its config).
        image_id: String,
        /// The names it now has.
        tags: Vec<String>,
        /// Sum of its layers, uncompressed, in bytes.
        size_bytes: u64,
        /// How long all took, in milliseconds.
        duration_ms: u64,
    },
    /// The build failed. The last event.
    Failed(BuildFailure),
}

/// Why a build failed.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct BuildFailure {
    /// A stable name in kebab-case: `dockerfile`, `not-built`, `bad-request`, `unknown-image`, `step-failed`, `cancelled`,
    /// `context`, `internal`.
    pub code: String,
    /// What went wrong.
    pub message: String,
    /// What to do about it.
    #[serde(default)]
    pub hint: Option<String>,
    /// The Dockerfile's mistakes, where those are the reason.
    #[serde(default)]
    pub diagnostics: Vec<Diagnostic>,
    /// The Dockerfile's path for messages.
    #[serde(default)]
    pub dockerfile: Option<String>,
    /// The line of the failed step, from 1.
    #[serde(default)]
    pub line: Option<u32>,
    /// The exit status of the RUN that failed, where it was that.
    #[serde(default)]
    pub exit_code: Option<i32>,
}

/// One step of a build's plan.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PlannedStep {
    /// The stage it belongs to: its name, or its number from 0.
    pub stage: String,
    /// The instruction as shown, one line, such as `COPY . /app`.
    pub text: String,
    /// Its line in the Dockerfile, from 1.
    pub line: u32,
}

/// Standard output or standard error.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum OutputStream {
    /// File descriptor 1.
    Stdout,
    /// File descriptor 2.
    Stderr,
}
