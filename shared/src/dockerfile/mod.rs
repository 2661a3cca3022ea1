//! The Dockerfile language: text to instructions with spans, to stages; variable expansion; `.dockerignore`.
//!
//! Follows the reference of `docker/dockerfile:1`. Parsing is total: any text gives a tree and diagnostics.

mod ast;
mod built;
mod expand;
mod ignore;
mod language;
mod parse;
mod pattern;
mod stages;

pub use ast::*;
pub use built::not_built;
pub use expand::{ExpandError, expand, expand_list};
pub use ignore::{Ignore, PATTERN_BYTES_MAX, PATTERNS_MAX};
pub(crate) use language::distance;
pub use parse::{SOURCE_BYTES_MAX, parse};
pub use stages::{needed_stages, resolve_stage};
