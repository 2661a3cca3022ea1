//! `estiva inspect --ci`: an image held to rules, for a pipeline to stop at.
//!
//! What is judged, and how JSON, SARIF and Markdown look, is in `estiva_shared::gate`. Here files are found and read, the
//! table is drawn, and the exit status is told: 0 where all rules pass, 1 where one is broken, 2 where something can't be
//! read, so that a pipeline never takes a typing mistake for a verdict.

use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use clap::ValueHint;
use estiva_shared::dockerfile::{self, Dockerfile};
use estiva_shared::gate::{
    GateReport, ImageVerdict, Mistake, Origins, Place, RULES_BYTES_MAX, RuleResult, Rules, Status,
    judge_all, markdown, read_rules, sarif,
};
use estiva_shared::image::ImageAnalysis;
use estiva_shared::text::{escape_name, human_bytes};

use crate::command::Outcome;
use crate::command::completion::names;
use crate::command::options::small_text;
use crate::failure::{EXIT_FAILURE, EXIT_UNREADABLE, Failure};
use crate::output::{complain, say, say_json, table};

/// The rules files that are looked for in the working folder; the first that is there counts.
const RULES_FILES: [&str; 2] = ["estiva-ci.yaml", ".dive-ci"];

/// Longest name in the table's places, in characters.
const NAME_CHARS_MAX: usize = 200;

/// The gate's words.
#[derive(Debug, clap::Args)]
pub(super) struct GateArgs {
    /// Hold the image to rules: the exit status is 1 where one is broken, and 2 where something can't be read
    #[arg(long)]
    ci: bool,
    /// The rules file [default: estiva-ci.yaml or .dive-ci of the working folder]
    #[arg(long, requires = "ci", value_name = "FILE", value_hint = ValueHint::FilePath)]
    ci_config: Option<PathBuf>,
    /// Set a rule, before what the file says; may be given several times
    #[arg(long = "rule", requires = "ci", value_name = "NAME=VALUE", add = names::rules())]
    rules: Vec<String>,
    /// How the result is written [default: table]
    #[arg(long, requires = "ci", value_enum, conflicts_with = "json")]
    format: Option<Format>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
enum Format {
    /// Aligned columns
    Table,
    /// A versioned document
    Json,
    /// SARIF 2.1.0, for code scanning
    Sarif,
    /// For a pull request's comment
    Markdown,
}

/// What the image is held to.
pub(super) struct Gate {
    rules: Rules,
    rules_from: Option<String>,
    dockerfile: Option<(String, Dockerfile)>,
    format: Format,
}

impl GateArgs {
    /// Whether a gate is wanted.
    pub(super) fn is_asked(&self) -> bool {
        self.ci
    }

    /// Reads the rules and the Dockerfile; nothing where no gate is wanted.
    pub(super) fn read(&self, dockerfile: Option<&Path>) -> Result<Option<Gate>, Failure> {
        if !self.ci {
            return Ok(None);
        }
        let path = self.ci_config.clone().or_else(|| {
            let files = RULES_FILES.into_iter().map(PathBuf::from);
            files.into_iter().find(|path| is_there(path))
        });
        let mut rules = match &path {
            Some(path) => rules_of(path)?,
            None => Rules::default(),
        };
        rules
            .set_options(self.rules.iter().map(String::as_str))
            .map_err(|mistake| {
                let failure = Failure::new(format_args!("--rule: {mistake}"));
                Failure {
                    hint: mistake.hint,
                    ..failure
                }
            })?;
        let dockerfile = match dockerfile {
            Some(path) => {
                let text = small_text("read", path, dockerfile::SOURCE_BYTES_MAX)?;
                Some((shown(path), dockerfile::parse(&text).0))
            }
            None => None,
        };
        Ok(Some(Gate {
            rules,
            rules_from: path.as_deref().map(shown),
            dockerfile,
            format: self.format.unwrap_or(Format::Table),
        }))
    }

    /// A failure on the way to a verdict is none of the verdicts.
    pub(super) fn failed(&self, failure: Failure) -> Failure {
        match self.ci && failure.exit_code == EXIT_FAILURE {
            true => failure.exit_code(EXIT_UNREADABLE),
            false => failure,
        }
    }
}

impl Gate {
    /// Judges, tells and answers the exit status. With `aside`, standard output is another document's, and the table goes
    /// to standard error.
    pub(super) fn tell(&self, subject: &str, analyses: &[ImageAnalysis], aside: bool) -> Outcome {
        let dockerfile = self.dockerfile.as_ref();
        let dockerfile = dockerfile.map(|(path, parsed)| (path.as_str(), parsed));
        let report = judge_all(
            &self.rules,
            analyses,
            subject,
            self.rules_from.as_deref(),
            dockerfile,
        );
        self.warn_of_strange_dockerfile(analyses);
        let told = match self.format {
            Format::Table if aside => {
                complain(&text(&report));
                Ok(())
            }
            Format::Table => say(&text(&report)),
            Format::Json => say_json(&report),
            Format::Sarif => say_json(&sarif(&report, env!("CARGO_PKG_VERSION"))),
            Format::Markdown => say(&markdown(&report)),
        };
        match told {
            // A reader that went away wants no more, and does not change the verdict.
            Err(failure) if failure.exit_code != 0 => Err(failure),
            _ => Ok(match report.status {
                Status::Fail => EXIT_FAILURE,
                Status::Pass | Status::Skipped => 0,
            }),
        }
    }

    fn warn_of_strange_dockerfile(&self, analyses: &[ImageAnalysis]) {
        let Some((path, parsed)) = &self.dockerfile else {
            return;
        };
        let is_strange = |analysis| Origins::new(parsed, analysis).is_strange();
        if analyses.iter().all(is_strange) {
            complain(&format!(
                "estiva: warning: no instruction of {} made a layer of this image, so places have no lines\n",
                escape_name(path)
            ));
        }
    }
}

/// Whether there is something of this name. What can't be looked at, or leads nowhere, is there: its reading says why it is no
/// rules file, where silence would let the image pass.
fn is_there(path: &Path) -> bool {
    path.symlink_metadata()
        .map_or_else(|error| error.kind() != ErrorKind::NotFound, |_| true)
}

/// Reads a rules file. All its mistakes are told, each with its place.
fn rules_of(path: &Path) -> Result<Rules, Failure> {
    let (rules, mistakes) = read_rules(&small_text("read", path, RULES_BYTES_MAX)?);
    if mistakes.is_empty() {
        return Ok(rules);
    }
    let file = shown(path);
    let lines = mistakes.iter().map(|mistake| mistake_text(&file, mistake));
    complain(&lines.collect::<String>());
    Err(Failure::told(EXIT_UNREADABLE))
}

/// `FILE:LINE:COLUMN: error: KEY: …`, as mistakes of a Dockerfile are told, and the hint below it.
fn mistake_text(file: &str, mistake: &Mistake) -> String {
    let place = match (mistake.line, mistake.column) {
        (Some(line), Some(column)) => format!(":{line}:{column}"),
        _ => String::new(),
    };
    let unplaced = Mistake {
        line: None,
        column: None,
        ..mistake.clone()
    };
    let file = escape_name(file);
    let mut text = format!("{file}{place}: error: {unplaced}\n");
    if let Some(hint) = &mistake.hint {
        text.push_str(&format!("hint: {}\n", escape_name(hint)));
    }
    text
}

fn shown(path: &Path) -> String {
    path.to_string_lossy().into_owned()
}

/// The report as a table for each image, with the places below it.
fn text(report: &GateReport) -> String {
    let mut text = match &report.rules_from {
        Some(file) => format!("rules of {}\n", escape_name(file)),
        None => "no rules file: dive's defaults\n".to_owned(),
    };
    for image in &report.images {
        text.push_str(&image_text(report, image));
    }
    text
}

fn image_text(report: &GateReport, image: &ImageVerdict) -> String {
    let failed = image.rules.iter();
    let failed = failed
        .filter(|result| result.status == Status::Fail)
        .count();
    let verdict = match failed {
        0 => "passed".to_owned(),
        failed => format!("failed, {failed} of {} rules", image.rules.len()),
    };
    let name = image.names.first().unwrap_or(&report.subject);
    let mut text = format!("\n{}: {verdict}\n", escape_name(name));
    let rows: Vec<_> = image
        .rules
        .iter()
        .map(|result| {
            [
                result.status.name().to_owned(),
                result.rule.clone(),
                result.measured_text(),
                result.limit_text(),
            ]
        })
        .collect();
    text.push_str(&table::table(["RESULT", "RULE", "FOUND", "LIMIT"], &rows));
    for result in &image.rules {
        if let Some(note) = &result.note {
            text.push_str(&format!("\nnote: {}: {}\n", result.rule, escape_name(note)));
        }
    }
    let failed = image.rules.iter();
    let mut failed = failed
        .filter(|result| result.status == Status::Fail)
        .peekable();
    let mut gap = "\n";
    while let Some(result) = failed.next() {
        text.push_str(&format!("{gap}{}: {}\n", result.rule, result.message()));
        // Rules that the same places break have one list.
        gap = match failed.peek() {
            Some(next) if next.is_broken_alike(result) => "",
            _ => {
                text.push_str(&places(report, result));
                "\n"
            }
        };
    }
    text
}

fn places(report: &GateReport, result: &RuleResult) -> String {
    let places = result.places.iter();
    let mut text: String = places.map(|place| place_text(report, place)).collect();
    if result.places_left_out() > 0 {
        text.push_str(&format!("  and {} more\n", result.places_left_out()));
    }
    text
}

fn place_text(report: &GateReport, place: &Place) -> String {
    let size = match place.size_bytes {
        0 => String::new(),
        bytes => human_bytes(bytes),
    };
    let line = match (&report.dockerfile, place.line) {
        (Some(file), Some(line)) => format!("  {}:{line}", escape_name(file)),
        _ => String::new(),
    };
    format!("  {size:>9}  {}{line}\n", place.text(NAME_CHARS_MAX))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The report's own tests make it, of an image whose names try to break out of what shows them.
    #[test]
    fn the_table_says_what_the_document_says() {
        let report = include_str!("../../../../../shared/tests/gate_golden/report.json");
        let report: GateReport = serde_json::from_str(report).unwrap();
        let golden = include_str!("../../../../../shared/tests/gate_golden/report.txt");
        let found = text(&report);
        assert!(found == golden, "{found}");
        assert!(!found.contains(|c: char| c.is_control() && c != '\n'));
    }
}
