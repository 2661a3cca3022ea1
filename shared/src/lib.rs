//! What an image, a Dockerfile, a report and a message *are*.
//!
//! The browser, the server and the command line run this same code, so that they can't disagree. It is pure:
//!
//! **Invariant:** no I/O of its own (bytes come through [`image::ReadAt`] or `std::io::Read`), no clock, no
//! environment, no global state, no `unsafe`, and no panic on any input.
#![forbid(unsafe_code)]

pub mod dockerfile;
pub mod gate;
pub mod image;
pub mod packed;
pub mod protocol;
pub mod report;
pub mod suggest;
pub mod text;
