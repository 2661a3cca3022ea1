//! Makes a report of an analysis: copies what the report's types name, and passes every text through [`Redactor`].

use serde::{Deserialize, Serialize};

use super::limits;
use super::redact::Redactor;
use super::{
    REPORT_VERSION, Report, ReportBuild, ReportConfig, ReportFile, ReportLayer, ReportStep,
    ReportWaste, ReportWasteCause,
};
use crate::image::{Change, EntryKind, ImageAnalysis, LayerView, Waste};

/// Largest files that are listed of the whole image.
const LARGEST_FILES: usize = 20;

/// Largest files that are listed of one layer, or of one cause of waste.
const LARGEST_FILES_OF_PART: usize = 10;

/// Whether the text of RUN instructions, and of other commands (CMD, ENTRYPOINT, HEALTHCHECK, SHELL), may be shown.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum RunText {
    /// It is left out.
    #[default]
    Hidden,
    /// It is shown, with the values of variables, labels and build arguments taken out.
    Shown,
}

/// How long a build took, as the builder recorded it. Not redacted: it stays in the store.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct BuildTimings {
    /// In all, in milliseconds.
    pub duration_ms: u64,
    /// Step by step.
    pub steps: Vec<BuildStepTiming>,
}

/// One step of a build.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct BuildStepTiming {
    /// The stage's name or number.
    pub stage: String,
    /// The instruction as the builder showed it.
    pub text: String,
    /// It came from the cache.
    pub cached: bool,
    /// In milliseconds.
    pub duration_ms: u64,
    /// The layer it made, uncompressed bytes.
    pub layer_bytes: Option<u64>,
}

impl Report {
    /// Makes the report of an image under the name that it is shared by.
    #[must_use]
    pub fn build(
        name: &str,
        analysis: &ImageAnalysis,
        timings: Option<&BuildTimings>,
        run_text: RunText,
    ) -> Self {
        let image = &analysis.image;
        let redactor = Redactor::new(analysis, timings, run_text);
        let mut left_out: Vec<_> = ["env-values", "label-values", "arg-values"]
            .map(str::to_owned)
            .into();
        if run_text == RunText::Hidden {
            left_out.extend(["run-text", "command-text"].map(str::to_owned));
        }
        left_out.push("file-content".to_owned());
        let mut report = Self {
            version: REPORT_VERSION,
            image: name.to_owned(),
            image_id: image.config_digest.clone(),
            platform: redactor.text(&image.platform).0,
            size_bytes: image.uncompressed_bytes,
            layers: image
                .layers
                .iter()
                .map(|layer| report_layer(layer, analysis, &redactor))
                .collect(),
            instructions: image
                .history
                .iter()
                .map(|line| redactor.instruction(&line.created_by))
                .collect(),
            largest_files: largest(
                analysis
                    .tree
                    .iter()
                    .filter(|entry| entry.kind == EntryKind::File)
                    .map(|entry| FileRef {
                        path: &entry.path,
                        size_bytes: entry.size_bytes,
                        layer: entry.layer,
                    }),
                LARGEST_FILES,
                &redactor,
            ),
            waste: report_waste(&analysis.waste, &redactor),
            build: timings.map(|timings| report_build(timings, &redactor)),
            config: report_config(analysis, &redactor),
            left_out,
        };
        limits::fit(&mut report);
        report
    }
}

fn report_layer(layer: &LayerView, analysis: &ImageAnalysis, redactor: &Redactor) -> ReportLayer {
    let written = layer
        .entries
        .iter()
        .filter(|entry| entry.kind == EntryKind::File && entry.change != Change::Removed);
    let files = written.map(|entry| FileRef {
        path: &entry.path,
        size_bytes: entry.size_bytes,
        layer: layer.index,
    });
    ReportLayer {
        diff_id: layer.diff_id.clone(),
        size_bytes: layer.uncompressed_bytes,
        instruction: analysis
            .image
            .history
            .iter()
            .position(|line| line.layer == Some(layer.index)),
        added: layer.added,
        changed: layer.changed,
        removed: layer.removed,
        largest_files: largest(files, LARGEST_FILES_OF_PART, redactor),
    }
}

fn report_waste(waste: &Waste, redactor: &Redactor) -> ReportWaste {
    let causes = waste.by_cause.iter().map(|cause| ReportWasteCause {
        cause: cause.cause.clone(),
        reclaimable_bytes: cause.reclaimable_bytes,
        files: cause.files.len() as u64,
        largest_files: largest(
            cause.files.iter().map(|file| FileRef {
                path: &file.path,
                size_bytes: file.size_bytes,
                layer: file.layer,
            }),
            LARGEST_FILES_OF_PART,
            redactor,
        ),
    });
    ReportWaste {
        reclaimable_bytes: waste.reclaimable_bytes,
        by_cause: causes.collect(),
    }
}

fn report_build(timings: &BuildTimings, redactor: &Redactor) -> ReportBuild {
    let steps = timings.steps.iter().map(|step| ReportStep {
        stage: redactor.text(&step.stage).0,
        instruction: redactor.instruction(&step.text),
        cached: step.cached,
        duration_ms: step.duration_ms,
        layer_bytes: step.layer_bytes,
    });
    ReportBuild {
        duration_ms: timings.duration_ms,
        steps: steps.collect(),
    }
}

/// The configuration's names; of its texts, the ports, the user and the folder that the history's own text tells of.
fn report_config(analysis: &ImageAnalysis, redactor: &Redactor) -> ReportConfig {
    let config = &analysis.image.config;
    let env_names = config
        .env
        .iter()
        .filter_map(|line| line.split_once('='))
        .map(|(name, _)| name.to_owned());
    ReportConfig {
        env_names: env_names.collect(),
        label_names: config.labels.iter().map(|(name, _)| name.clone()).collect(),
        exposed_ports: redactor.settings.exposed_ports(),
        user: redactor.settings.user().map(|user| redactor.text(user).0),
        working_dir: redactor
            .settings
            .working_dir()
            .map(|folder| redactor.text(folder).0),
    }
}

/// A file as the lists see it, before it is copied.
struct FileRef<'a> {
    path: &'a str,
    size_bytes: u64,
    layer: usize,
}

/// The largest files, largest first, then by path; empty ones are left out.
fn largest<'a>(
    files: impl Iterator<Item = FileRef<'a>>,
    count: usize,
    redactor: &Redactor,
) -> Vec<ReportFile> {
    let order = |file: &FileRef<'a>| (std::cmp::Reverse(file.size_bytes), file.path, file.layer);
    let mut all: Vec<_> = files.filter(|file| file.size_bytes > 0).collect();
    if all.len() > count {
        // Only those that are shown are worth sorting: an image may have a million files.
        all.select_nth_unstable_by(count, |one, other| order(one).cmp(&order(other)));
        all.truncate(count);
    }
    all.sort_by(|one, other| order(one).cmp(&order(other)));
    let shown = all.into_iter().map(|file| ReportFile {
        path: redactor.settings.path(file.path),
        size_bytes: file.size_bytes,
        layer: file.layer,
    });
    shown.collect()
}
