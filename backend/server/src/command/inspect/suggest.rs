//! `estiva inspect --suggest`: what to change so that an image gets smaller, beside its Dockerfile where one is named.
//!
//! Patches stand at the start of their lines, so that what is printed can be given to `patch` and `git apply`.

use std::path::Path;

use estiva_shared::dockerfile::SOURCE_BYTES_MAX;
use estiva_shared::image::{ImageAnalysis, LayerView, split_instruction};
use estiva_shared::suggest::{Fit, Suggestion, Suggestions, suggest_for};
use estiva_shared::text::{escape_name, human_bytes};

use super::super::Outcome;
use super::super::options::small_text;
use crate::failure::Failure;
use crate::output::{say, say_json_of};

/// Longest instruction that is shown, in characters: about what a terminal's line has left.
const INSTRUCTION_CHARS: usize = 90;

/// Prints suggestions for images.
pub(super) fn show(dockerfile: Option<&Path>, json: bool, analyses: &[ImageAnalysis]) -> Outcome {
    let text = dockerfile
        .map(|path| small_text("open the Dockerfile", path, SOURCE_BYTES_MAX))
        .transpose()?;
    let suggestions: Vec<_> = analyses
        .iter()
        .map(|analysis| suggest_for(analysis, text.as_deref()))
        .collect();
    if json {
        say_json_of(&suggestions)?;
    } else {
        for (analysis, suggestions) in analyses.iter().zip(&suggestions) {
            say(&of_image(analysis, suggestions))?;
        }
    }
    match (dockerfile, &suggestions[..]) {
        // Where it is of one of several images, that one has its patches.
        (Some(path), [one]) if one.dockerfile != Fit::Fits => {
            Err(misfit(&one.dockerfile, &path.display().to_string()))
        }
        _ => Ok(0),
    }
}

/// Why a Dockerfile was of no use.
fn misfit(fit: &Fit, path: &str) -> Failure {
    let path = escape_name(path);
    let line = |line: u32| format!("{path}:{line}");
    match fit {
        Fit::Broken { line: at, message } => Failure::new(format_args!(
            "expected a Dockerfile without mistakes, but found one at {}: {}",
            line(*at),
            escape_name(message)
        )),
        Fit::Other {
            line: at,
            found,
            expected,
        } => {
            let place = at.map_or_else(|| path.to_string(), line);
            let found = match found.as_str() {
                "" => "no RUN, COPY or ADD",
                found => found,
            };
            let message = match expected.as_str() {
                "" => format!(
                    "expected no more than the image's history has, but found at {place}: {}",
                    short(found)
                ),
                expected => format!(
                    "expected the Dockerfile of this image ({}), but found at {place}: {}",
                    short(expected),
                    short(found)
                ),
            };
            Failure::new(message)
                .hint("the image may be older than the file; build it and inspect it again")
        }
        Fit::NotGiven | Fit::Fits => Failure::told(1),
    }
}

/// One image's suggestions.
fn of_image(analysis: &ImageAnalysis, suggestions: &Suggestions) -> String {
    let mut text = format!("{}\n", super::names(analysis));
    if suggestions.list.is_empty() {
        text.push_str("  nothing to suggest: every byte is needed\n");
    }
    for (number, suggestion) in suggestions.list.iter().enumerate() {
        text.push_str(&format!("\n{}. ", number + 1));
        text.push_str(&in_words(suggestion, &analysis.image.layers));
        if let Some(diff) = &suggestion.diff {
            text.push('\n');
            text.push_str(&shown_diff(diff));
        }
    }
    text
}

fn in_words(suggestion: &Suggestion, layers: &[LayerView]) -> String {
    let files = match suggestion.files {
        1 => "1 file".to_owned(),
        files => format!("{files} files"),
    };
    let causes = suggestion.causes.join(", ").replace('_', " ");
    let manager = suggestion
        .manager
        .as_ref()
        .map(|manager| format!(" of {manager}"));
    let mut text = format!(
        "{} ({causes}{}, {files}): {}\n",
        human_bytes(suggestion.saved_bytes),
        manager.unwrap_or_default(),
        suggestion.advice.sentence()
    );
    let lines = suggestion.lines.iter().map(|lines| {
        if lines.first == lines.last {
            format!("line {}", lines.first)
        } else {
            format!("lines {} to {}", lines.first, lines.last)
        }
    });
    let lines: Vec<_> = lines.collect();
    let mut fact = |name: &str, value: String| text.push_str(&format!("   {name:<10} {value}\n"));
    if !lines.is_empty() {
        fact("Dockerfile", lines.join(", "));
    }
    for layer in &suggestion.made_by {
        fact("made by", instruction(layers, *layer));
    }
    if let Some(layer) = suggestion.hidden_by {
        fact("hidden by", instruction(layers, layer));
    }
    for path in &suggestion.paths {
        fact("file", escape_name(path).into_owned());
    }
    text
}

/// A layer's number and the instruction that made it, shortened.
pub(super) fn instruction(layers: &[LayerView], layer: usize) -> String {
    let created_by = layers
        .get(layer)
        .and_then(|layer| layer.created_by.as_deref());
    match created_by {
        None => format!("layer {layer}"),
        Some(created_by) => {
            let (name, rest) = split_instruction(created_by);
            format!("layer {layer}: {}", short(format!("{name} {rest}").trim()))
        }
    }
}

/// A line that is safe to show and not too long.
fn short(line: &str) -> String {
    let shown = escape_name(line);
    match shown.char_indices().nth(INSTRUCTION_CHARS) {
        Some((end, _)) => format!("{} …", shown[..end].trim_end()),
        None => shown.into_owned(),
    }
}

/// A diff as it can be applied: tabs and carriage returns stay, what would move the cursor does not.
fn shown_diff(diff: &str) -> String {
    let lines = diff.split_terminator('\n').map(|line| {
        let (line, end) = match line.strip_suffix('\r') {
            Some(line) => (line, "\r\n"),
            None => (line, "\n"),
        };
        let parts: Vec<_> = line.split('\t').map(escape_name).collect();
        parts.join("\t") + end
    });
    lines.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn diffs_are_shown_so_that_they_apply_and_move_no_cursor() {
        assert_eq!(
            shown_diff("-a\tb\r\n+\u{1b}[2J\n"),
            "-a\tb\r\n+\\u{1b}[2J\n"
        );
    }

    #[test]
    fn long_instructions_are_cut_between_characters() {
        let cut = short(&"é".repeat(200));
        assert_eq!(cut.chars().count(), INSTRUCTION_CHARS + 2);
        assert!(cut.ends_with(" …"));
        assert_eq!(short("RUN true"), "RUN true");
    }
}
