//! The gate's report as Markdown, for a pull request's comment: short, and bounded as comments are.
//!
//! Names from the image stand in code spans, where no Markdown, HTML, mention or link begins; what could end a span or a
//! table's cell is spelled out, as control and bidirectional characters are.

use std::fmt::Write as _;

use super::{GateReport, ImageVerdict, Place, RuleResult, Status};
use crate::text::{escape_name, human_bytes};

/// Longest text, in bytes: GitHub's comments end at 65,536 characters, and a workflow adds words of its own.
const TEXT_BYTES_MAX: usize = 50_000;

/// Places that are shown of each rule.
const PLACES_SHOWN: usize = 5;

/// Longest name that is shown, in characters.
const NAME_CHARS_MAX: usize = 100;

/// Writes the report. What doesn't fit is counted at the end.
#[must_use]
pub fn markdown(report: &GateReport) -> String {
    let mut text = format!(
        "### Image gate: {}\n",
        match report.status {
            Status::Fail => "failed",
            _ => "passed",
        }
    );
    for (index, image) in report.images.iter().enumerate() {
        let part = of_image(report, image);
        if index > 0 && text.len() + part.len() > TEXT_BYTES_MAX {
            let rest = &report.images[index..];
            let fail = rest.iter().filter(|image| image.status == Status::Fail);
            // Writing to a String can't fail.
            let _ = write!(
                text,
                "\n{} more images are not shown; {} of them fail.\n",
                rest.len(),
                fail.count()
            );
            break;
        }
        text.push_str(&part);
    }
    text
}

fn of_image(report: &GateReport, image: &ImageVerdict) -> String {
    let name = image.names.first().unwrap_or(&report.subject);
    let mut text = format!(
        "\n{} · {} · {} in {} {}\n\n| Rule | Result | Found | Limit |\n|---|---|---|---|\n",
        code(name),
        code(&image.platform),
        human_bytes(image.uncompressed_bytes),
        image.layers,
        if image.layers == 1 { "layer" } else { "layers" },
    );
    for result in &image.rules {
        let (measured, limit) = (result.measured_text(), result.limit_text());
        let status = match result.status {
            Status::Fail => "**fail**",
            other => other.name(),
        };
        let _ = writeln!(
            text,
            "| {} | {status} | {} | {} |",
            code(&result.rule),
            code(&measured),
            code(&limit)
        );
    }
    for result in &image.rules {
        if let Some(note) = &result.note {
            let _ = write!(text, "\n{}: {}\n", code(&result.rule), code(note));
        }
    }
    let failed = image
        .rules
        .iter()
        .filter(|result| !result.places.is_empty());
    let mut failed = failed.peekable();
    let mut together = Vec::new();
    while let Some(result) = failed.next() {
        together.push(code(&result.rule));
        // Rules that the same places break have one list.
        if failed
            .peek()
            .is_some_and(|next| next.is_broken_alike(result))
        {
            continue;
        }
        text.push_str(&details(report, result, &together.join(", ")));
        together.clear();
    }
    text
}

/// The places of the rules that are named, which are those of this one.
fn details(report: &GateReport, result: &RuleResult, names: &str) -> String {
    let mut text = format!("\n{names}:\n\n");
    for place in result.places.iter().take(PLACES_SHOWN) {
        text.push_str(&line(report, place));
    }
    let left_out = result.places_total - result.places.len().min(PLACES_SHOWN);
    if left_out > 0 {
        let _ = writeln!(text, "- and {left_out} more");
    }
    text
}

fn line(report: &GateReport, place: &Place) -> String {
    let mut text = format!("- {}", code(&place.text(NAME_CHARS_MAX)));
    if place.size_bytes > 0 {
        let _ = write!(text, ", {}", human_bytes(place.size_bytes));
    }
    if let (Some(file), Some(line)) = (&report.dockerfile, place.line) {
        let _ = write!(text, ", {}", code(&format!("{file}:{line}")));
    }
    text.push('\n');
    text
}

/// A text from outside as a code span that nothing in it can end.
fn code(text: &str) -> String {
    let cut = super::show::cut(text, NAME_CHARS_MAX * 2);
    let shown = escape_name(&cut)
        .replace('`', "\\u{60}")
        .replace('|', "\\u{7c}");
    match shown.trim().is_empty() {
        // An empty span is none.
        true => "-".to_owned(),
        false => format!("`{}`", shown.trim()),
    }
}

#[cfg(test)]
mod tests {
    use super::code;

    #[test]
    fn nothing_breaks_out_of_a_code_span() {
        for (name, shown) in [
            ("usr/bin/sh", "`usr/bin/sh`"),
            ("a`b``c", "`a\\u{60}b\\u{60}\\u{60}c`"),
            ("a|b", "`a\\u{7c}b`"),
            ("a\\|b", "`a\\\\u{7c}b`"),
            ("<script>@all #1", "`<script>@all #1`"),
            ("a\n# b\r", "`a\\u{a}# b\\u{d}`"),
            ("x\u{202e}gpj.exe", "`x\\u{202e}gpj.exe`"),
            ("  ", "-"),
            ("", "-"),
            ("a\\", "`a\\`"),
        ] {
            assert_eq!(code(name), shown, "{name:?}");
        }
    }
}
