//! Looks at the host: each thing that containers stand on, whether it is there, and what to do where it isn't.
//!
//! Nothing is changed by looking: what is tried is tried in descriptors that vanish.

mod checks;
mod network;

use std::path::Path;

use serde::Serialize;

/// How a thing stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Status {
    /// As it should be.
    Ok,
    /// Estiva works, and something in it does not.
    Limited,
    /// No container can run without it.
    Missing,
}

/// What was found of one thing.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(crate) struct Finding {
    /// The thing, such as `overlayfs`.
    pub(crate) name: &'static str,
    /// How it stands.
    pub(crate) status: Status,
    /// What was found.
    pub(crate) found: String,
    /// What to do about it.
    pub(crate) fix: Option<String>,
}

impl Finding {
    fn new(
        name: &'static str,
        status: Status,
        found: impl Into<String>,
        fix: impl Into<String>,
    ) -> Self {
        Self {
            name,
            status,
            found: found.into(),
            fix: (status != Status::Ok).then(|| fix.into()),
        }
    }
}

/// Looks at everything, in the order in which a person would.
pub(crate) fn examine(root: &Path) -> Vec<Finding> {
    let mut findings = vec![
        checks::user(),
        checks::kernel(),
        checks::namespaces(),
        checks::overlayfs(),
        checks::detached_mounts(),
        checks::openat2(),
        checks::memfd(),
        checks::pidfd(),
        checks::seccomp(),
        checks::cgroups(),
        checks::controllers(),
        checks::disk(root),
        checks::runtime(),
        checks::proxy(),
        checks::busybox(),
        network::resolver(),
    ];
    findings.extend(network::bridge());
    findings
}
