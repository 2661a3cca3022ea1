//! Pulling and pushing: against Debian's registry, crosswise with skopeo and podman, and against servers written here that
//! do what no registry should.

#![allow(clippy::unwrap_used, reason = "a test's panic is its report")]

#[path = "../common/mod.rs"]
mod common;
mod goods;
mod hostile;
mod machine;
mod real;
mod uploads;
mod ways;
mod world;
