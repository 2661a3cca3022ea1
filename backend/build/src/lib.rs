//! From a Dockerfile and its context to an image in the store. `docs/build.md` says what is built and how it behaves.
//!
//! The way of a build: `plan` (pure: text, arguments and the bases' configurations in; a list of steps with expanded
//! words out) → `cache` (a pure key for each step) → `execute` (COPY and WORKDIR through a detached overlay mount, RUN
//! through `estiva-runtime`) → the store (layer, image, names, timings).
//!
//! Everything is synchronous: an asynchronous caller runs [`Builder::build`] on a blocking thread.
//!
//! **Invariant:** nothing runs before the whole Dockerfile has been read and planned: a mistake on the last line is
//! told before the first step begins. What can't be built is refused by name; nothing is skipped.
//! **Invariant:** a name is given to an image at the very end, so that a build that fails or is stopped changes none.
//! **Invariant:** values of build arguments enter no history and no timing, unless the Dockerfile itself writes them
//! into ENV or a LABEL.
#![forbid(unsafe_code)]
#![allow(
    clippy::result_large_err,
    reason = "a failure is what the wire carries, made once a build: a box would only stand in its readers' way"
)]

mod bases;
mod builder;
mod cache;
mod cancel;
mod clock;
mod context;
mod execute;
mod failure;
mod image;
mod limits;
mod plan;
mod scratch;
mod tree;

pub use builder::{Builder, Built};
pub use cancel::CancelFlag;
pub use clock::Clock;
pub use context::Context;
pub use plan::registries;
