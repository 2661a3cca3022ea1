//! Lines to logical lines: parser directives, comments, continuations, here-documents.

use super::findings::{Findings, shown};
use super::logical::Logical;
use super::source::{Line, Source};
use crate::dockerfile::{Directive, Position, Severity, Span, Word};

/// Reads the source from its first line to its last.
pub(super) struct Reader<'a> {
    source: &'a Source<'a>,
    next: usize,
    /// Escapes characters in words and continues lines: a backslash, or what `# escape=` says.
    pub(super) escape: char,
}

impl<'a> Reader<'a> {
    pub(super) fn new(source: &'a Source<'a>) -> Self {
        Self {
            source,
            next: 0,
            escape: '\\',
        }
    }

    /// Reads the directives at the top; the first line that is not one ends them.
    pub(super) fn directives(&mut self, findings: &mut Findings) -> Vec<Directive> {
        let mut directives: Vec<Directive> = Vec::new();
        // BuildKit passes over a shebang where it looks for the front end, but not where it looks for the escape character.
        let has_shebang = self
            .source
            .line(0)
            .is_some_and(|line| line.text.starts_with("#!"));
        self.next += usize::from(has_shebang);
        while let Some(line) = self.source.line(self.next) {
            let Some((name, value)) = directive(line) else {
                break;
            };
            self.next += 1;
            if has_shebang && name == "escape" {
                self.late_directive(line, findings);
                continue;
            }
            let span = self.source.span(value.start, value.end());
            if directives.iter().any(|earlier| earlier.name == name) {
                let message = format!("expected one {name} directive, but found another");
                findings.error(
                    "duplicate-directive",
                    message,
                    self.source.span(line.start, line.end()),
                );
                continue;
            }
            if name == "escape" {
                self.set_escape(value.text, span, findings);
            }
            directives.push(Directive {
                name,
                value: Word {
                    text: value.text.to_owned(),
                    span,
                },
            });
        }
        directives
    }

    fn set_escape(&mut self, value: &str, span: Span, findings: &mut Findings) {
        match value {
            "\\" => self.escape = '\\',
            "`" => self.escape = '`',
            _ => {
                let message = format!(
                    "expected \\ or ` as the escape character, but found: {}",
                    shown(value)
                );
                findings.error("bad-escape-directive", message, span);
            }
        }
    }

    /// The next logical line, or none at the end of the source.
    pub(super) fn statement(&mut self, findings: &mut Findings) -> Option<Logical<'a>> {
        loop {
            let first = self.take_line()?;
            if let Some(comment) = comment(first) {
                self.late_directive(comment, findings);
                continue;
            }
            let indent = first.text.len() - first.text.trim_start().len();
            let first = Line {
                start: first.start + indent,
                text: &first.text[indent..],
            };
            if first.text.is_empty() {
                continue;
            }
            let line = self.join(first, findings);
            if !line.trimmed().is_empty() {
                return Some(line);
            }
        }
    }

    /// Joins a line with those that continue it. Comments between them vanish; empty lines do too, with a warning.
    fn join(&mut self, first: Line<'a>, findings: &mut Findings) -> Logical<'a> {
        let mut line = Logical::new(self.source);
        let mut end = first.end();
        let (piece, mut goes_on) = self.without_continuation(first);
        line.push(piece);
        let mut empty = None;
        while goes_on {
            let Some(next) = self.take_line() else { break };
            if comment(next).is_some() {
                continue;
            }
            if next.text.trim_start().is_empty() {
                empty = empty.or(Some(next));
                continue;
            }
            end = next.end();
            let (piece, more) = self.without_continuation(next);
            line.push(piece);
            goes_on = more;
        }
        // Blank lines at the end of the file, after a last escape, continue nothing that anyone could misread.
        if let Some(empty) = empty.filter(|empty| empty.start < end) {
            findings.warning(
                "empty-continuation",
                "expected the line to go on, but found an empty line inside the instruction",
                "remove the empty line, or make it a comment",
                self.source.span(empty.start, empty.end()),
            );
        }
        line
    }

    /// Cuts the escape character off a line's end, where it continues the line. Two of them there are an escaped one.
    fn without_continuation(&self, line: Line<'a>) -> (Line<'a>, bool) {
        let text = line.text.trim_end_matches([' ', '\t']);
        match text.strip_suffix(self.escape) {
            Some(text) if !text.ends_with(self.escape) => (Line { text, ..line }, true),
            _ => (line, false),
        }
    }

    /// The lines of a here-document up to the one that ends it, and where that one ends.
    /// Without such a line, all that is left of the source, as `Err`.
    pub(super) fn heredoc(&mut self, name: &str, strip_tabs: bool) -> Result<(Span, usize), Span> {
        let start = self
            .source
            .line(self.next)
            .map_or(usize::MAX, |line| line.start);
        let mut end = start;
        while let Some(line) = self.take_line() {
            let text = if strip_tabs {
                line.text.trim_start_matches('\t')
            } else {
                line.text
            };
            if text == name {
                return Ok((self.source.span(start, line.start), line.end()));
            }
            end = line.end();
        }
        Err(self.source.span(start, end))
    }

    /// The position of a byte of the source.
    pub(super) fn position(&self, offset: usize) -> Position {
        self.source.position(offset)
    }

    fn take_line(&mut self) -> Option<Line<'a>> {
        let line = self.source.line(self.next)?;
        self.next += 1;
        Some(line)
    }

    /// A directive below the first line that is none has no effect, which is easily missed.
    fn late_directive(&self, comment: Line<'_>, findings: &mut Findings) {
        let Some((name, _)) = directive(comment).filter(|(name, _)| name != "check") else {
            return;
        };
        let message = format!(
            "expected a {name} directive at the top of the file, but found it below other lines: it is a comment there"
        );
        let span = self.source.span(comment.start, comment.end());
        findings.add(Severity::Warning, "late-directive", message, None, span);
    }
}

/// The comment that a line is, white space before it cut off.
fn comment(line: Line<'_>) -> Option<Line<'_>> {
    let indent = line.text.len() - line.text.trim_start().len();
    let text = &line.text[indent..];
    text.starts_with('#').then_some(Line {
        start: line.start + indent,
        text,
    })
}

/// Name and value of a line `# name = value`, where the name is one of the language's.
fn directive(line: Line<'_>) -> Option<(String, Line<'_>)> {
    let body = comment(line)?.text[1..].trim_start();
    let (name, value) = body.split_once('=')?;
    let name = name.trim_end().to_ascii_lowercase();
    let value = value.trim();
    if value.is_empty() || !["syntax", "escape", "check"].contains(&name.as_str()) {
        return None;
    }
    // The value is the line's last text but white space.
    let start = line.start + line.text.trim_end().len() - value.len();
    Some((name, Line { start, text: value }))
}
