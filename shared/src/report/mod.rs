//! The shareable layer breakdown: a versioned, canonical document. See `docs/share.md`.
//!
//! **Invariant:** it is an allow-list. Only what is named here can be in it; values of ENV, ARG, LABEL and build
//! arguments never are, and no file's content.

mod build;
mod canonical;
mod document;
mod html;
mod limits;
mod redact;
mod settings;
mod values;

pub use build::{BuildStepTiming, BuildTimings, RunText};
pub use canonical::{ReportError, canonical_json, parse};
pub use document::*;
pub use html::{Lang, STYLE as HTML_STYLE, html};
pub use limits::REPORT_BYTES_MAX;
pub(crate) use redact::split as split_history;
