//! The handlers, a file for each resource. A handler takes the request apart, calls the crate that knows, and maps.

pub(super) mod bases;
pub(super) mod containers;
pub(super) mod context_root;
pub(super) mod contexts;
pub(super) mod control;
pub(super) mod execs;
pub(super) mod files;
pub(super) mod images;
pub(super) mod prune;
pub(super) mod remote;
pub(super) mod reports;
pub(super) mod session;
pub(super) mod shares;
pub(super) mod stream;
pub(super) mod version;
pub(super) mod volumes;

/// The services, as handlers take them.
pub(super) type Of = axum::extract::State<std::sync::Arc<super::services::Services>>;
