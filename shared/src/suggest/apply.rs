//! Patches applied to the Dockerfile that they were made for: one, or several that don't touch the same lines.

use crate::dockerfile::{self, Severity};

use super::diff::{Edit, Lines};

/// Why patches can't be applied together.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ApplyError {
    /// One is not for this text.
    #[error("expected a patch of this Dockerfile, but found one of another at line {line}")]
    Other {
        /// The line of the text, from 1.
        line: usize,
    },
    /// Two change the same lines.
    #[error("expected patches of different lines, but found two that change line {line}")]
    Overlap {
        /// The line of the text, from 1.
        line: usize,
    },
    /// Each is safe, and the two together are not.
    #[error("expected a Dockerfile without mistakes, but found one at line {line}: {message}")]
    Broken {
        /// The line of the new text, from 1.
        line: u32,
        /// What is wrong.
        message: String,
    },
}

/// The text after these diffs, each as [`Suggestion::diff`](super::Suggestion::diff) has it for that text.
///
/// # Errors
/// Diffs of another text, two that change the same lines, and a text with mistakes that comes of them.
pub fn apply(text: &str, diffs: &[&str]) -> Result<String, ApplyError> {
    if diffs.is_empty() {
        return Ok(text.to_owned());
    }
    let lines = Lines::of(text);
    let (mut edits, mut ends) = (Vec::new(), false);
    for diff in diffs {
        let (of_diff, gives_end) = edits_of(&lines, diff)?;
        edits.extend(of_diff);
        ends |= gives_end;
    }
    edits.sort_by_key(|edit: &Edit| (edit.first, edit.end));
    for pair in edits.windows(2) {
        // Where both only add lines, which are first is not said.
        let both_add = pair[0].first == pair[1].first;
        if pair[1].first < pair[0].end || both_add {
            return Err(ApplyError::Overlap {
                line: pair[1].first + 1,
            });
        }
    }
    let mut text = lines.edited(&edits);
    if ends && !text.is_empty() && !text.ends_with('\n') {
        text.push('\n');
    }
    let (_, findings) = dockerfile::parse(&text);
    let mut errors = findings.into_iter();
    match errors.find(|finding| finding.severity == Severity::Error) {
        Some(error) => Err(ApplyError::Broken {
            line: error.span.start.line,
            message: error.message,
        }),
        None => Ok(text),
    }
}

/// What a unified diff changes of the text, and whether it removes a last line without an end, so that the one before it, which
/// has an end, is the last.
fn edits_of(text: &Lines<'_>, diff: &str) -> Result<(Vec<Edit>, bool), ApplyError> {
    let mut edits: Vec<Edit> = Vec::new();
    let (mut at, mut gives_end, mut sign_before) = (0, false, "");
    // The change that goes on with the next line.
    let mut is_open = false;
    let body = diff.strip_suffix('\n').unwrap_or(diff).split('\n');
    for line in body.skip_while(|line| !line.starts_with("@@")) {
        let (sign, content) = line.split_at_checked(1).unwrap_or_default();
        let other = Err(ApplyError::Other { line: at + 1 });
        match sign {
            "@" => match start_of(line) {
                Some(start) if start >= at => (at, is_open) = (start, false),
                _ => return other,
            },
            // That the line before has no end.
            "\\" => gives_end = sign_before == "-",
            "+" => match edits.last_mut().filter(|_| is_open) {
                Some(edit) => edit.lines.push(content.to_owned()),
                None => {
                    is_open = true;
                    edits.push(Edit {
                        first: at,
                        end: at,
                        lines: vec![content.to_owned()],
                    });
                }
            },
            _ if text.lines.get(at) != Some(&content) => return other,
            "-" => {
                at += 1;
                match edits.last_mut().filter(|_| is_open) {
                    Some(edit) => edit.end = at,
                    None => {
                        is_open = true;
                        edits.push(Edit {
                            first: at - 1,
                            end: at,
                            lines: Vec::new(),
                        });
                    }
                }
            }
            _ => (at, is_open) = (at + 1, false),
        }
        sign_before = sign;
    }
    Ok((edits, gives_end))
}

/// The line, from 0, before which a hunk begins.
fn start_of(head: &str) -> Option<usize> {
    let range = head.strip_prefix("@@ -")?.split(' ').next()?;
    let (start, count) = range.split_once(',')?;
    let (start, count): (usize, usize) = (start.parse().ok()?, count.parse().ok()?);
    // A range without lines is named by the line before it.
    match count {
        0 => Some(start),
        _ => start.checked_sub(1),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = "FROM a\nRUN one\nRUN two\nRUN three\nRUN four\nRUN five";

    fn diff(edits: &[Edit]) -> String {
        Lines::of(TEXT).diff(edits, "Dockerfile")
    }

    #[test]
    fn patches_of_different_lines_are_applied_in_any_order() {
        let (one, other) = (
            diff(&[Edit::of(1, 3, &["RUN one && two"])]),
            diff(&[Edit::of(5, 6, &["RUN 5", "RUN 6"])]),
        );
        let both = "FROM a\nRUN one && two\nRUN three\nRUN four\nRUN 5\nRUN 6";
        assert_eq!(apply(TEXT, &[&one, &other]).as_deref(), Ok(both));
        assert_eq!(apply(TEXT, &[&other, &one]).as_deref(), Ok(both));
        assert_eq!(apply(TEXT, &[]).as_deref(), Ok(TEXT));
    }

    #[test]
    fn a_diff_of_several_changes_in_one_hunk_is_read() {
        let two = [
            Edit::of(1, 2, &["RUN 1"]),
            Edit::of(3, 4, &[]),
            Edit::of(5, 5, &["RUN 4b"]),
        ];
        let applied = apply(TEXT, &[&diff(&two)]);
        assert_eq!(
            applied.as_deref(),
            Ok(Lines::of(TEXT).edited(&two).as_str())
        );
    }

    #[test]
    fn patches_of_the_same_lines_are_told() {
        let (one, other) = (
            diff(&[Edit::of(1, 3, &["RUN x"])]),
            diff(&[Edit::of(2, 3, &[])]),
        );
        assert_eq!(
            apply(TEXT, &[&one, &other]),
            Err(ApplyError::Overlap { line: 3 })
        );
        let (one, other) = (
            diff(&[Edit::of(2, 2, &["RUN x"])]),
            diff(&[Edit::of(2, 2, &["RUN y"])]),
        );
        assert_eq!(
            apply(TEXT, &[&one, &other]),
            Err(ApplyError::Overlap { line: 3 })
        );
    }

    #[test]
    fn a_patch_of_another_text_is_told() {
        let one = diff(&[Edit::of(1, 3, &["RUN x"])]);
        assert_eq!(
            apply("FROM a\nRUN 1\n", &[&one]),
            Err(ApplyError::Other { line: 2 })
        );
        assert_eq!(
            apply(TEXT, &["@@ -9,1 +9,1 @@\n RUN\n"]),
            Err(ApplyError::Other { line: 9 })
        );
    }

    #[test]
    fn what_two_make_together_is_read_again() {
        let broken = diff(&[Edit::of(1, 2, &["RUN"])]);
        assert!(matches!(
            apply(TEXT, &[&broken]),
            Err(ApplyError::Broken { line: 2, .. })
        ));
    }
}
