//! Images with a history, and patches of their Dockerfiles applied without any leniency.
#![allow(
    dead_code,
    unreachable_pub,
    clippy::unwrap_used,
    reason = "test code that is no test itself; each file uses its own part"
)]

use estiva_shared::dockerfile::{self, Severity};
use estiva_shared::image::ImageAnalysis;
use estiva_shared::suggest::{Fit, Suggestion, Suggestions};
use serde_json::json;

use crate::image_support::*;

/// An image of these lines of history; those with entries made a layer.
pub fn image(lines: &[(&str, &[Item])]) -> ImageAnalysis {
    let tars: Vec<_> = lines
        .iter()
        .filter(|(_, items)| !items.is_empty())
        .map(|(_, items)| tar(items))
        .collect();
    let mut image = Image::new(&tars);
    let history: Vec<_> = lines
        .iter()
        .map(|(text, items)| json!({"created_by": text, "empty_layer": items.is_empty()}))
        .collect();
    image.config["history"] = history.into();
    inspect_one(&oci_archive(&image, "test:latest"))
}

/// Applies a unified diff without any leniency.
pub fn apply(text: &str, diff: &str) -> String {
    let mut ends_with_newline = text.ends_with('\n');
    let body = text.strip_suffix('\n').unwrap_or(text);
    let old: Vec<_> = body.split('\n').collect();
    let mut lines = diff.strip_suffix('\n').unwrap().split('\n');
    assert_eq!(lines.next(), Some("--- a/Dockerfile"));
    assert_eq!(lines.next(), Some("+++ b/Dockerfile"));
    let (mut new, mut at) = (Vec::new(), 0);
    let mut left = (0usize, 0usize);
    // Whether the last line of each side was said to have no end.
    let (mut last, mut old_is_open, mut new_is_open) = ("", false, false);
    for line in lines {
        if let Some(ranges) = line.strip_prefix("@@ -") {
            assert_eq!(left, (0, 0), "the hunk before has all its lines");
            let numbers: Vec<usize> = ranges
                .strip_suffix(" @@")
                .unwrap()
                .split([',', ' ', '+'])
                .filter(|number| !number.is_empty())
                .map(|number| number.parse().unwrap())
                .collect();
            let [start, old_count, new_start, new_count] = numbers[..] else {
                panic!("{line}")
            };
            let start = if old_count > 0 { start - 1 } else { start };
            new.extend(old[at..start].iter().map(|&line| line.to_owned()));
            assert_eq!(new.len() + usize::from(new_count > 0), new_start);
            (at, left) = (start, (old_count, new_count));
            continue;
        }
        let (sign, content) = line.split_at(1);
        if sign == "\\" {
            old_is_open |= last != "+";
            new_is_open |= last != "-";
            continue;
        }
        assert!(!(new_is_open && sign != "-"), "nothing follows a last line");
        last = sign;
        if sign != "+" {
            assert_eq!(old[at], content, "{diff}");
            (at, left.0) = (at + 1, left.0 - 1);
        }
        if sign != "-" {
            new.push(content.to_owned());
            left.1 -= 1;
        }
    }
    assert_eq!(left, (0, 0));
    if at == old.len() {
        assert_eq!(old_is_open, !ends_with_newline, "{diff}");
        ends_with_newline = !new_is_open;
    }
    new.extend(old[at..].iter().map(|&line| line.to_owned()));
    let mut text = new.join("\n");
    if ends_with_newline {
        text.push('\n');
    }
    text
}

/// What a patch makes of a Dockerfile. It applies, and has no mistake.
pub fn patched(text: &str, suggestion: &Suggestion) -> String {
    let diff = suggestion
        .diff
        .as_ref()
        .unwrap_or_else(|| panic!("no patch: {suggestion:?}"));
    let new = apply(text, diff);
    let (_, findings) = dockerfile::parse(&new);
    assert!(
        !findings
            .iter()
            .any(|finding| finding.severity == Severity::Error),
        "{new}\n{findings:?}"
    );
    new
}

pub fn only(suggestions: &Suggestions) -> &Suggestion {
    assert_eq!(suggestions.dockerfile, Fit::Fits);
    assert_eq!(suggestions.list.len(), 1, "{suggestions:?}");
    &suggestions.list[0]
}

/// A base, a RUN that makes a file, and a later RUN that removes it.
pub fn removed(made: &str, gone: &str) -> ImageAnalysis {
    image(&[
        ("/bin/sh -c #(nop) ADD file:1 in / ", &[sized("base", 5, 1)]),
        (
            &format!("RUN /bin/sh -c {made} # buildkit"),
            &[sized("big", 1000, 2)],
        ),
        (
            &format!("RUN /bin/sh -c {gone} # buildkit"),
            &[file(".wh.big", "")],
        ),
        ("CMD [\"sh\"]", &[]),
    ])
}
