//! What a caller is told when a build fails: a stable code, a sentence, the line.

use estiva_shared::dockerfile::Diagnostic;
use estiva_shared::protocol::BuildFailure;
use estiva_shared::text::escape_name;

use crate::plan::{BaseError, PlanError};

/// Diagnostics in a failure: nobody reads more at once, and a megabyte of mistakes must fit into a message.
const DIAGNOSTICS_MAX: usize = 100;

/// A failure with nothing but its code and sentence.
pub(crate) fn failure(code: &str, message: impl Into<String>) -> BuildFailure {
    BuildFailure {
        code: code.to_owned(),
        message: message.into(),
        hint: None,
        diagnostics: Vec::new(),
        dockerfile: None,
        line: None,
        exit_code: None,
    }
}

/// Someone stopped the build.
pub(crate) fn cancelled() -> BuildFailure {
    failure("cancelled", "the build was stopped")
}

/// The Dockerfile is not built, for these reasons.
pub(crate) fn diagnosed(code: &str, mut diagnostics: Vec<Diagnostic>) -> BuildFailure {
    let first = diagnostics.first();
    let message = match (first, diagnostics.len()) {
        (Some(first), 1) => first.message.clone(),
        (Some(first), count) => format!("{} (and {} more)", first.message, count - 1),
        (None, _) => "the Dockerfile can't be built".to_owned(),
    };
    let hint = first.and_then(|first| first.hint.clone());
    let line = first
        .map(|first| first.span.start.line)
        .filter(|&line| line > 0);
    diagnostics.truncate(DIAGNOSTICS_MAX);
    BuildFailure {
        hint,
        line,
        diagnostics,
        ..failure(code, message)
    }
}

/// A plan that could not be made.
pub(crate) fn unplanned(error: PlanError) -> BuildFailure {
    let message = error.to_string();
    match error {
        PlanError::Dockerfile(diagnostic) => diagnosed("dockerfile", vec![diagnostic]),
        PlanError::NotBuilt(diagnostic) => diagnosed("not-built", vec![diagnostic]),
        PlanError::UnknownTarget { names, .. } => BuildFailure {
            hint: (!names.is_empty()).then(|| format!("the stages are: {}", list(&names))),
            ..failure("dockerfile", message)
        },
        PlanError::Base { line, source } => {
            let (code, hint) = match &source {
                BaseError::Unknown { similar, .. } if similar.is_empty() => (
                    "unknown-image",
                    Some(
                        "load one with `estiva load`, or make one with `estiva base busybox`"
                            .to_owned(),
                    ),
                ),
                BaseError::Unknown { similar, .. } => (
                    "unknown-image",
                    Some(format!("there is: {}", list(similar))),
                ),
                BaseError::NotPulled { similar, .. } if !similar.is_empty() => (
                    "unknown-image",
                    Some(format!("there is: {}", list(similar))),
                ),
                BaseError::NotPulled { hint, .. } => ("unknown-image", hint.clone()),
                BaseError::Other(_) => ("internal", None),
            };
            BuildFailure {
                hint,
                line: Some(line),
                ..failure(code, message)
            }
        }
    }
}

fn list(names: &[String]) -> String {
    names
        .iter()
        .map(|name| escape_name(name))
        .collect::<Vec<_>>()
        .join(", ")
}
