//! Base images that are made from this host, without a registry.
//!
//! `busybox` copies one static program. `debian` and `node` are installed by mmdebstrap from Debian's packages: the same
//! packages give the same bytes, on any host, from any mirror.

mod busybox;
mod date;
mod debian;
mod mirror;
mod mmdebstrap;

use std::io;
use std::path::PathBuf;

use estiva_shared::text::escape_name;

pub use mmdebstrap::BaseStep;

/// Why no base image could be made.
#[derive(Debug, thiserror::Error)]
pub enum BaseError {
    /// There is no such program.
    #[error("expected a static busybox at {}, but found none; Debian's package is busybox-static", path.display())]
    Missing {
        /// Where it was looked for.
        path: PathBuf,
    },
    /// It could not be read.
    #[error("read {}: {source}", path.display())]
    Read {
        /// The program.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// It is no ELF program, or one of absurd size.
    #[error("expected a program for Linux at {}, but found {found}", path.display())]
    NotAProgram {
        /// The program.
        path: PathBuf,
        /// What it is.
        found: &'static str,
    },
    /// It wants a dynamic loader and libraries, which the image hasn't.
    #[error("expected a static busybox at {}, but found one that needs a dynamic loader; Debian's package is busybox-static", path.display())]
    Dynamic {
        /// The program.
        path: PathBuf,
    },
    /// It did not list its applets.
    #[error("expected the applets of {} from its --list, but found {found}", path.display())]
    NoApplets {
        /// The program.
        path: PathBuf,
        /// What came instead.
        found: String,
    },
    /// A program or a file of the host's that makes it is missing.
    #[error("expected {program} on this host, but found none")]
    NoTool {
        /// Which.
        program: &'static str,
        /// What brings it.
        package: &'static str,
    },
    /// It could not be run.
    #[error("run {program}: {source}")]
    Tool {
        /// Which.
        program: &'static str,
        /// Why.
        source: io::Error,
    },
    /// No release of Debian's can have this name.
    #[error(
        "expected a release of Debian's by its code name, such as bookworm, but found: {}",
        escape_name(found)
    )]
    BadSuite {
        /// As it was asked for.
        found: String,
    },
    /// The archive did not say when it was made.
    #[error("expected the date of {suite} in its Release file at {uri}, but found {found}")]
    NoDate {
        /// The release.
        suite: String,
        /// The mirror.
        uri: String,
        /// What came instead.
        found: String,
    },
    /// The package manager gave up.
    #[error("mmdebstrap ended with {status}; its last lines:\n{}", last.join("\n"))]
    Debootstrap {
        /// How it ended.
        status: String,
        /// The last that it said.
        last: Vec<String>,
    },
    /// The packages hold no such file as is needed to name the image.
    #[error("expected {expected} in the packages of {suite}, but found none")]
    Incomplete {
        /// What was looked for.
        expected: &'static str,
        /// The release.
        suite: String,
    },
    /// The caller wants it no more.
    #[error("the making of the base image was stopped")]
    Cancelled,
}

impl BaseError {
    /// What to do about it, where that can be said.
    pub fn hint(&self) -> Option<String> {
        match self {
            Self::Missing { .. } | Self::Dynamic { .. } | Self::NotAProgram { .. } => {
                Some("install it: apt-get install busybox-static".to_owned())
            }
            Self::NoTool { package, .. } => Some(format!("install it: apt-get install {package}")),
            Self::NoDate { .. } | Self::Debootstrap { .. } => {
                Some("see that this host reaches its Debian mirror: apt-get update".to_owned())
            }
            _ => None,
        }
    }
}
