//! Random access to an image's files.

mod version;

pub use version::{FileVersion, versions};
