//! A report as bytes: canonical JSON out, checked JSON in.
//!
//! Canonical means RFC 8785's form for what a report holds: keys sorted, no spaces, integers only. serde_json's map is
//! sorted by key, its writer leaves no space, and it escapes just what that RFC escapes.

use serde_json::Value;

use super::limits::{REPORT_BYTES_MAX, check};
use super::{REPORT_VERSION, Report};

/// Why bytes are not a report.
#[derive(Debug, thiserror::Error)]
pub enum ReportError {
    /// Too many bytes.
    #[error("expected a report of at most {REPORT_BYTES_MAX} bytes, but found {found}")]
    TooLong {
        /// How many.
        found: usize,
    },
    /// Not JSON, or not a report's.
    #[error("expected a report, but found other JSON: {0}")]
    Json(#[from] serde_json::Error),
    /// A version that this program does not know.
    #[error("expected a report of version {REPORT_VERSION} or older, but found version {found}")]
    Version {
        /// Which.
        found: u64,
    },
    /// A list is too long, or an index leads nowhere.
    #[error("expected {expected}, but found {found}")]
    Bounds {
        /// What should be.
        expected: String,
        /// What is.
        found: String,
    },
}

/// The report's bytes: the same report gives the same bytes.
#[must_use]
pub fn canonical_json(report: &Report) -> Vec<u8> {
    let mut value = serde_json::to_value(report).expect("a report has string keys and no floats");
    value.sort_all_objects();
    serde_json::to_vec(&value).expect("a value is always written")
}

/// Reads a report and checks its version, lengths and indexes.
///
/// # Errors
/// A [`ReportError`] for each thing checked.
pub fn parse(bytes: &[u8]) -> Result<Report, ReportError> {
    if bytes.len() > REPORT_BYTES_MAX {
        return Err(ReportError::TooLong { found: bytes.len() });
    }
    let value: Value = serde_json::from_slice(bytes)?;
    // Before anything else: a newer report may have fields that would be named as faults.
    match value.get("version").and_then(Value::as_u64) {
        Some(version) if version > u64::from(REPORT_VERSION) || version == 0 => {
            return Err(ReportError::Version { found: version });
        }
        _ => {}
    }
    let report: Report = serde_json::from_value(value)?;
    check(&report)?;
    Ok(report)
}
