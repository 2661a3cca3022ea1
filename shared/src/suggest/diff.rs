//! Changes of a text by lines, and the unified diff that `patch` and `git apply` read (POSIX `diff -u`).

use std::fmt::Write as _;

/// Lines around a change that say where it is.
const CONTEXT: usize = 3;

/// One change: these lines, from 0 and without the last, are replaced by others. Lines have no `\n`; a `\r` before it is
/// part of the line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Edit {
    pub(crate) first: usize,
    pub(crate) end: usize,
    pub(crate) lines: Vec<String>,
}

#[cfg(test)]
impl Edit {
    pub(crate) fn of(first: usize, end: usize, lines: &[&str]) -> Self {
        Self {
            first,
            end,
            lines: lines.iter().map(|&line| line.to_owned()).collect(),
        }
    }
}

/// A text as its lines.
pub(crate) struct Lines<'t> {
    pub(crate) lines: Vec<&'t str>,
    /// The last line ends with `\n`.
    ends: bool,
}

impl<'t> Lines<'t> {
    pub(crate) fn of(text: &'t str) -> Self {
        let ends = text.ends_with('\n');
        let body = text.strip_suffix('\n').unwrap_or(text);
        let lines = match text.is_empty() {
            true => Vec::new(),
            false => body.split('\n').collect(),
        };
        Self { lines, ends }
    }

    /// The text after these changes, which are sorted and don't touch each other.
    pub(crate) fn edited(&self, edits: &[Edit]) -> String {
        let mut lines: Vec<&str> = Vec::with_capacity(self.lines.len());
        let mut at = 0;
        for edit in edits {
            lines.extend(&self.lines[at..edit.first]);
            lines.extend(edit.lines.iter().map(String::as_str));
            at = edit.end;
        }
        lines.extend(&self.lines[at..]);
        let mut text = lines.join("\n");
        // What stood before a last line that goes had an end.
        let last_goes = |edit: &Edit| edit.end == self.lines.len() && edit.lines.is_empty();
        if (self.ends || edits.last().is_some_and(last_goes)) && !lines.is_empty() {
            text.push('\n');
        }
        text
    }

    /// These changes as a unified diff of a file of this name.
    pub(crate) fn diff(&self, edits: &[Edit], name: &str) -> String {
        let edits: Vec<_> = edits.iter().map(|edit| self.narrowed(edit)).collect();
        let mut text = format!("--- a/{name}\n+++ b/{name}\n");
        // Lines that were added by the hunks above, less those that were removed.
        let mut moved = 0_i64;
        for hunk in edits.chunk_by(|one, next| next.first - one.end <= 2 * CONTEXT) {
            self.hunk(hunk, &mut moved, &mut text);
        }
        text
    }

    /// Without the lines at its start and end that stay as they are.
    fn narrowed(&self, edit: &Edit) -> Edit {
        let old = &self.lines[edit.first..edit.end];
        let alike = |one: &&str, other: &String| *one == other.as_str();
        let start = old
            .iter()
            .zip(&edit.lines)
            .take_while(|(one, other)| alike(one, other))
            .count();
        let (old, new) = (&old[start..], &edit.lines[start..]);
        let end = old
            .iter()
            .rev()
            .zip(new.iter().rev())
            .take_while(|(one, other)| alike(one, other))
            .count();
        Edit {
            first: edit.first + start,
            end: edit.end - end,
            lines: new[..new.len() - end].to_vec(),
        }
    }

    fn hunk(&self, edits: &[Edit], moved: &mut i64, text: &mut String) {
        let [first, ..] = edits else { return };
        let end = edits.last().map_or(first.end, |last| last.end);
        let (from, to) = (
            first.first.saturating_sub(CONTEXT),
            (end + CONTEXT).min(self.lines.len()),
        );
        let mut body = String::new();
        let (mut at, mut added, mut removed) = (from, 0, 0);
        for edit in edits {
            self.put(&mut body, ' ', at..edit.first);
            self.put(&mut body, '-', edit.first..edit.end);
            for (number, line) in edit.lines.iter().enumerate() {
                let is_last = edit.end == self.lines.len() && number + 1 == edit.lines.len();
                self.put_line(&mut body, '+', line, is_last);
            }
            added += edit.lines.len();
            removed += edit.end - edit.first;
            at = edit.end;
        }
        self.put(&mut body, ' ', at..to);
        let (old, new) = (to - from, to - from + added - removed);
        // A range without lines is named by the line before it.
        let start = |lines: usize, at: i64| at + i64::from(lines > 0);
        let before = i64::try_from(from).unwrap_or(i64::MAX);
        // Writing to a String can't fail.
        let _ = writeln!(
            text,
            "@@ -{},{old} +{},{new} @@",
            start(old, before),
            start(new, before + *moved)
        );
        text.push_str(&body);
        *moved += i64::try_from(added).unwrap_or(0) - i64::try_from(removed).unwrap_or(0);
    }

    fn put(&self, body: &mut String, sign: char, range: std::ops::Range<usize>) {
        for number in range {
            let is_last = number + 1 == self.lines.len();
            self.put_line(body, sign, self.lines[number], is_last);
        }
    }

    fn put_line(&self, body: &mut String, sign: char, line: &str, is_last: bool) {
        body.push(sign);
        body.push_str(line);
        body.push('\n');
        if is_last && !self.ends {
            body.push_str("\\ No newline at end of file\n");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hunks_have_three_lines_around_and_join_where_they_meet() {
        let text: String = (1..=20).map(|number| format!("{number}\n")).collect();
        let lines = Lines::of(&text);
        let far = [Edit::of(1, 2, &["two", "and"]), Edit::of(15, 16, &[])];
        assert_eq!(
            lines.diff(&far, "x"),
            "--- a/x\n+++ b/x\n@@ -1,5 +1,6 @@\n 1\n-2\n+two\n+and\n 3\n 4\n 5\n\
             @@ -13,7 +14,6 @@\n 13\n 14\n 15\n-16\n 17\n 18\n 19\n"
        );
        let near = [Edit::of(4, 5, &["five"]), Edit::of(9, 10, &["10", "ten"])];
        let diff = lines.diff(&near, "x");
        assert_eq!(diff.matches("@@ ").count(), 1, "{diff}");
        // What stays the same is no change.
        assert!(diff.contains(" 10\n+ten\n"), "{diff}");
        assert!(lines.edited(&near).starts_with("1\n2\n3\n4\nfive\n6\n"));
    }

    #[test]
    fn a_last_line_that_goes_leaves_the_end_of_the_one_before() {
        let lines = Lines::of("a\nb");
        let edits = [Edit::of(1, 2, &[])];
        assert_eq!(lines.edited(&edits), "a\n");
        assert_eq!(
            lines.diff(&edits, "x"),
            "--- a/x\n+++ b/x\n@@ -1,2 +1,1 @@\n a\n-b\n\\ No newline at end of file\n"
        );
    }

    #[test]
    fn a_missing_end_of_the_last_line_is_kept_and_told() {
        let lines = Lines::of("a\nb");
        let edits = [Edit::of(1, 2, &["b \\", "c"])];
        assert_eq!(lines.edited(&edits), "a\nb \\\nc");
        assert_eq!(
            lines.diff(&edits, "x"),
            "--- a/x\n+++ b/x\n@@ -1,2 +1,3 @@\n a\n-b\n\\ No newline at end of file\n+b \\\n+c\n\\ No newline at end of file\n"
        );
    }
}
