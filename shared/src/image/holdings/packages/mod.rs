//! What package managers and compilers write down of packages: a reader for each form.
//!
//! Every reader takes bytes that nobody trusts, takes time by their length alone, and answers with what it could read; none
//! where the bytes are something else.

mod apk;
mod cargo;
mod dpkg;
mod go;
mod npm;
mod program;
mod pypi;

pub(super) use apk::installed;
pub(super) use dpkg::{files as dpkg_files, md5sums, status};
pub(super) use npm::{is_installed as is_installed_npm, package_json};
pub(super) use program::{Found, HEAD_BYTES, Program};
pub(super) use pypi::{metadata, record};
