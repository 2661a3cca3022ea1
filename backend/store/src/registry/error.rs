//! What goes wrong between a registry and the store: what was expected, what was found, at which address. No error holds a
//! query, a token or a password.

use std::path::PathBuf;
use std::time::Duration;

use estiva_shared::image::{DiffId, Digest, Reference};

use crate::error::StoreError;

/// Any fault of a pull or a push.
#[derive(Debug, thiserror::Error)]
pub enum RegistryError {
    /// The name can't be asked for.
    #[error("{0}")]
    Name(String),
    /// A file of settings can't be used.
    #[error("{}: {reason}", path.display())]
    Settings {
        /// The file.
        path: PathBuf,
        /// Why.
        reason: String,
    },
    /// The settings say not to ask it.
    #[error("the settings block the registry {registry}")]
    Blocked {
        /// Its name.
        registry: String,
    },
    /// No connection came about.
    #[error("can't reach the registry at {url}: {reason}")]
    Unreachable {
        /// What was asked.
        url: String,
        /// Why.
        reason: String,
        /// The certificate was the reason.
        certificate: bool,
    },
    /// A connection was there, and ended or fell silent.
    #[error("the connection to {url} was lost: {reason}")]
    Lost {
        /// What was asked.
        url: String,
        /// Why.
        reason: String,
    },
    /// The registry refused who asked.
    #[error("{url} answered {status}: {said}")]
    Denied {
        /// What was asked.
        url: String,
        /// 401 or 403.
        status: u16,
        /// The registry's own words, or ours.
        said: String,
        /// The registry, as a login names it.
        registry: String,
        /// It was shown credentials.
        had_login: bool,
    },
    /// The registry has none of it.
    #[error("the registry has no {what}: {url} answered 404{said}")]
    NotFound {
        /// What was asked for.
        what: String,
        /// Where.
        url: String,
        /// Its own words, after a colon; empty where there are none.
        said: String,
    },
    /// The registry answers too many questions, or is out of order.
    #[error("{url} answered {status}{said}")]
    Busy {
        /// What was asked.
        url: String,
        /// 429 or 5xx.
        status: u16,
        /// Its own words, after a colon; empty where there are none.
        said: String,
        /// How long it wants to be left alone.
        after: Option<Duration>,
    },
    /// An answer that the distribution specification doesn't have here.
    #[error("{url}: expected {expected}, but found {found}")]
    Answer {
        /// What was asked.
        url: String,
        /// What should have come.
        expected: String,
        /// What came.
        found: String,
    },
    /// It leads where it may not lead.
    #[error("{url} leads to {to}, which is refused: {reason}")]
    Redirect {
        /// What was asked.
        url: String,
        /// Where it leads.
        to: String,
        /// Why not.
        reason: String,
    },
    /// Content isn't what its digest says.
    #[error("{what} at {url}: expected content of digest {expected}, but found {found}")]
    Digest {
        /// A manifest, a layer, …
        what: &'static str,
        /// Where.
        url: String,
        /// As it was announced.
        expected: Digest,
        /// As it was computed.
        found: Digest,
    },
    /// Unpacked, a layer isn't what the image's config says.
    #[error("layer {layer}: expected a tar of diff id {expected}, but found {found}")]
    DiffId {
        /// The layer's digest in the manifest.
        layer: Digest,
        /// As the config says.
        expected: DiffId,
        /// As it was computed.
        found: Digest,
    },
    /// A layer that can't be decompressed or unpacked.
    #[error("layer {layer}: {reason}")]
    Layer {
        /// Its digest.
        layer: Digest,
        /// Why.
        reason: String,
    },
    /// The image is there for other platforms.
    #[error("expected an image for {wanted}, but {name} has {found}")]
    Platform {
        /// Asked for.
        wanted: String,
        /// The image's name.
        name: String,
        /// Which it has.
        found: String,
    },
    /// A kind of image or layer that isn't taken.
    #[error("{0}")]
    Unsupported(String),
    /// Somebody gave it up.
    #[error("the transfer was cancelled")]
    Cancelled,
    /// The store's own.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Whether, and how, another try may help.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Again {
    /// It would end the same.
    No,
    /// After the usual wait.
    Soon,
    /// After a wait that the registry names.
    After(Duration),
    /// Only where the registry was reached before: it may be starting anew.
    OnceReached,
}

/// Names of Docker Hub's that `estiva base` makes from this host, without a registry.
const BASES: [&str; 3] = ["busybox", "debian", "node"];

impl RegistryError {
    /// What to do about it where this image was to be pulled: some need no registry.
    #[must_use]
    pub fn hint_for(&self, reference: &Reference) -> Option<String> {
        let name = reference.path().strip_prefix("library/");
        let base = name.filter(|name| BASES.contains(name));
        match base.filter(|_| reference.domain() == "docker.io") {
            Some(base) if self.is_about_the_way() || self.hint().is_none() => {
                Some(format!("make it without a registry: estiva base {base}"))
            }
            _ => self.hint(),
        }
    }

    /// What to do about it.
    #[must_use]
    pub fn hint(&self) -> Option<String> {
        match self {
            Self::Unreachable {
                certificate: true, ..
            } => Some(
                "give the certificate that signed it, in certs.d/REGISTRY/ca.crt; docs/registry.md says where"
                    .to_owned(),
            ),
            Self::Denied {
                registry,
                had_login: false,
                ..
            } => Some(format!(
                "log in with: estiva login {registry}; a name that is misspelt gets this answer too"
            )),
            Self::Denied { registry, .. } => Some(format!(
                "log in anew with: estiva login {registry}; or this user may not do it"
            )),
            Self::Busy { status: 429, .. } => {
                Some("wait a while; a registry lets those who log in do more".to_owned())
            }
            Self::Blocked { .. } => Some("see registries.json; docs/registry.md describes it".to_owned()),
            Self::Platform { .. } => Some("choose one with --platform OS/ARCHITECTURE".to_owned()),
            _ => None,
        }
    }

    /// A stable name in kebab-case.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::Name(_) => "bad-name",
            Self::Settings { .. } => "bad-settings",
            Self::Blocked { .. } => "registry-blocked",
            Self::Unreachable { .. } => "registry-unreachable",
            Self::Lost { .. } => "registry-lost",
            Self::Denied { .. } => "registry-denied",
            Self::NotFound { .. } => "not-in-registry",
            Self::Busy { .. } => "registry-busy",
            Self::Answer { .. } => "registry-answer",
            Self::Redirect { .. } => "registry-redirect",
            Self::Digest { .. } | Self::DiffId { .. } | Self::Layer { .. } => "bad-content",
            Self::Platform { .. } => "no-platform",
            Self::Unsupported(_) => "unsupported-image",
            Self::Cancelled => "cancelled",
            Self::Store(_) => "store",
        }
    }

    /// Whether the registry, or the way to it, is why: nothing is known then of whether it has what was asked for.
    #[must_use]
    pub fn is_about_the_way(&self) -> bool {
        matches!(
            self,
            Self::Blocked { .. } | Self::Unreachable { .. } | Self::Lost { .. } | Self::Busy { .. }
        )
    }

    pub(super) fn again(&self) -> Again {
        match self {
            Self::Lost { .. } | Self::Busy { after: None, .. } => Again::Soon,
            Self::Busy {
                after: Some(after), ..
            } => Again::After(*after),
            Self::Unreachable {
                certificate: false, ..
            } => Again::OnceReached,
            _ => Again::No,
        }
    }
}
