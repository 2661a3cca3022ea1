//! `estiva inspect --rebuild`: a Dockerfile from an image's history, and that held against a Dockerfile.

use std::path::Path;

use estiva_shared::dockerfile::{Diagnostic, SOURCE_BYTES_MAX};
use estiva_shared::image::{ImageAnalysis, Rebuilt, Reconciled, Verdict, rebuild, reconcile};
use estiva_shared::text::escape_name;
use serde::Serialize;

use super::Outcome;
use super::options::small_text;
use crate::failure::{EXIT_FAILURE, Failure};
use crate::output::{say, say_json_of, table};

/// What `--json` prints for each image.
#[derive(Serialize)]
struct Document {
    names: Vec<String>,
    rebuilt: Rebuilt,
    #[serde(skip_serializing_if = "Option::is_none")]
    reconciled: Option<Reconciled>,
}

/// Prints what was rebuilt. The exit status is 1 where a Dockerfile disagrees.
///
/// # Errors
/// A Dockerfile that can't be read, or has mistakes.
pub(super) fn show(
    dockerfile: Option<&Path>,
    as_json: bool,
    analyses: &[ImageAnalysis],
) -> Outcome {
    let source = dockerfile.map(source).transpose()?;
    let mut documents = Vec::new();
    for analysis in analyses {
        let rebuilt = rebuild(&analysis.image);
        let reconciled = match &source {
            Some((path, source)) => {
                let found = reconcile(&rebuilt, source);
                Some(found.map_err(|mistakes| mistaken(path, &mistakes))?)
            }
            None => None,
        };
        documents.push(Document {
            names: analysis.image.names.clone(),
            rebuilt,
            reconciled,
        });
    }
    match as_json {
        true => say_json_of(&documents)?,
        false => documents.iter().try_for_each(|each| say(&text(each)))?,
    }
    let mut held = documents.iter().filter_map(|each| each.reconciled.as_ref());
    Ok(match held.all(|reconciled| reconciled.agrees) {
        true => 0,
        false => EXIT_FAILURE,
    })
}

/// A Dockerfile's text, and what it is called.
fn source(path: &Path) -> Result<(String, String), Failure> {
    let shown = escape_name(&path.to_string_lossy()).into_owned();
    Ok((shown, small_text("open", path, SOURCE_BYTES_MAX)?))
}

fn mistaken(path: &str, mistakes: &[Diagnostic]) -> Failure {
    let first = mistakes.first().map(|found| {
        let start = found.span.start;
        format!("{path}:{}:{}: {}", start.line, start.column, found.message)
    });
    Failure::new(first.unwrap_or_else(|| format!("{path} can't be read")))
}

fn text(document: &Document) -> String {
    match &document.reconciled {
        None => document.rebuilt.text.clone(),
        Some(reconciled) => rows(reconciled),
    }
}

/// The lines of both side by side.
fn rows(reconciled: &Reconciled) -> String {
    let rows: Vec<_> = reconciled
        .rows
        .iter()
        .map(|row| {
            let number = |value: Option<String>| value.unwrap_or_else(|| "-".to_owned());
            let shown = match row.verdict {
                Verdict::Differs => format!(
                    "{}  <>  {}",
                    row.dockerfile.as_deref().unwrap_or_default(),
                    row.recovered.as_deref().unwrap_or_default()
                ),
                _ => row
                    .dockerfile
                    .clone()
                    .or(row.recovered.clone())
                    .unwrap_or_default(),
            };
            [
                number(row.dockerfile_line.map(|line| line.to_string())),
                number(row.layer.map(|layer| layer.to_string())),
                row.verdict.name().replace('_', " "),
                shown,
            ]
        })
        .collect();
    let mut text = table::table(["LINE", "LAYER", "", "INSTRUCTION"], &rows);
    text.push_str(match reconciled.agrees {
        true => "\nThe history says nothing that this Dockerfile doesn't.\n",
        false => "\nThe history and this Dockerfile disagree.\n",
    });
    text
}
