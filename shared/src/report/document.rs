//! The types of a report. Canonical JSON: keys sorted, no spaces, integers only (RFC 8785's subset), so that the same
//! image gives the same bytes.

use serde::{Deserialize, Serialize};

/// The version of this document.
pub const REPORT_VERSION: u32 = 1;

/// What one can see of an image by its link.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Report {
    /// [`REPORT_VERSION`].
    pub version: u32,
    /// The image's name as shared, familiar form.
    pub image: String,
    /// The image's id.
    pub image_id: String,
    /// `linux/amd64`.
    pub platform: String,
    /// Sum of the layers, uncompressed, in bytes.
    pub size_bytes: u64,
    /// The layers, lowest first.
    pub layers: Vec<ReportLayer>,
    /// The history's lines that made no layer stand here too, in order.
    pub instructions: Vec<ReportInstruction>,
    /// The twenty largest files of the merged tree.
    pub largest_files: Vec<ReportFile>,
    /// What could be saved.
    pub waste: ReportWaste,
    /// How long the build took, where it was built here.
    pub build: Option<ReportBuild>,
    /// Keys of ENV and LABEL, ports, … : names only.
    pub config: ReportConfig,
    /// What was left out, one stable name each: `env-values`, `label-values`, `arg-values`, `run-text`, `command-text`,
    /// `file-content`, `over-limits`.
    pub left_out: Vec<String>,
}

/// One layer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ReportLayer {
    /// The digest of its uncompressed tar.
    pub diff_id: String,
    /// Its tar's bytes.
    pub size_bytes: u64,
    /// The instruction that made it, by index in [`Report::instructions`].
    pub instruction: Option<usize>,
    /// Paths added, changed, removed.
    pub added: u64,
    /// See `added`.
    pub changed: u64,
    /// See `added`.
    pub removed: u64,
    /// Its ten largest files.
    pub largest_files: Vec<ReportFile>,
}

/// One line of the history, with every value taken out.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ReportInstruction {
    /// `RUN`, `COPY`, ….
    pub name: String,
    /// What may be shown of the rest: `KEY=…` for ENV, ARG and LABEL; empty for RUN unless its text was allowed.
    pub text: String,
    /// Whether something was taken out.
    pub redacted: bool,
}

/// A path and its size.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ReportFile {
    /// The path.
    pub path: String,
    /// Its bytes.
    pub size_bytes: u64,
    /// The layer, by index.
    pub layer: usize,
}

/// What could be saved.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ReportWaste {
    /// In all, in bytes.
    pub reclaimable_bytes: u64,
    /// By cause.
    pub by_cause: Vec<ReportWasteCause>,
}

/// One cause of waste, with its largest files.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ReportWasteCause {
    /// Its name, as in the analysis.
    pub cause: String,
    /// In bytes.
    pub reclaimable_bytes: u64,
    /// How many files.
    pub files: u64,
    /// The ten largest.
    pub largest_files: Vec<ReportFile>,
}

/// A build's timings.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ReportBuild {
    /// In all, in milliseconds.
    pub duration_ms: u64,
    /// Step by step.
    pub steps: Vec<ReportStep>,
}

/// One step's timing; its text is redacted as [`ReportInstruction`]'s.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ReportStep {
    /// The stage's name or number.
    pub stage: String,
    /// The instruction.
    pub instruction: ReportInstruction,
    /// It came from the cache.
    pub cached: bool,
    /// In milliseconds.
    pub duration_ms: u64,
    /// The layer it made, uncompressed bytes.
    pub layer_bytes: Option<u64>,
}

/// The configuration's names.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ReportConfig {
    /// Names of the environment's variables.
    pub env_names: Vec<String>,
    /// Names of labels.
    pub label_names: Vec<String>,
    /// Such as `8080/tcp`.
    pub exposed_ports: Vec<String>,
    /// The user it runs as.
    pub user: Option<String>,
    /// The folder it starts in.
    pub working_dir: Option<String>,
}
