//! The Dockerfile editor's text as it is drawn behind the text area: rows of pieces, each with its paint and its fault.
//!
//! Painting reads the text alone, so that it never waits for the worker; the parser's findings are laid over it, and
//! are carried along while a newer answer is on its way ([`carry`]).

use estiva_shared::dockerfile::{Diagnostic, Severity, Span};

/// Above this many bytes the text is shown as it is, without paint and marks: laying out more at each key press would be felt.
pub const PAINTED_BYTES_MAX: usize = 128 * 1024;

/// What a piece of the text is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Paint {
    /// Anything else.
    #[default]
    Plain,
    /// An instruction's name, and `AS`.
    Keyword,
    /// `--name=value`.
    Flag,
    /// From `#` to the line's end.
    Comment,
    /// `$NAME` or `${NAME…}`.
    Variable,
    /// Between quotes.
    Quoted,
}

/// A run of text with one paint and one fault.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Piece {
    /// The text.
    pub text: String,
    /// What it is.
    pub paint: Paint,
    /// The gravest finding about it.
    pub fault: Option<Severity>,
}

/// One line of the text.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Row {
    /// Its pieces, in order; none for an empty line.
    pub pieces: Vec<Piece>,
    /// The gravest finding that begins in it.
    pub fault: Option<Severity>,
}

/// The range of a span in UTF-16 units, as a text area's selection counts.
pub fn selection(source: &str, span: &Span) -> (u32, u32) {
    let units = |offset: u32| {
        let end = floor_boundary(source, offset as usize);
        source[..end].encode_utf16().count() as u32
    };
    (units(span.start.offset), units(span.end.offset))
}

/// The first character of a line (from 1) to its end, in UTF-16 units.
pub fn line_selection(source: &str, line: u32) -> (u32, u32) {
    let index = line.saturating_sub(1) as usize;
    let before: usize = source
        .split_inclusive('\n')
        .take(index)
        .map(|text| text.encode_utf16().count())
        .sum();
    let text = source.lines().nth(index).unwrap_or_default();
    (before as u32, (before + text.encode_utf16().count()) as u32)
}

/// Whether a text is too long to be painted. The text area's own is then in sight: what is drawn behind it would have to be
/// laid out a second time at each key press.
pub fn is_plain(source: &str) -> bool {
    source.len() > PAINTED_BYTES_MAX
}

/// The text in rows, painted, with the findings laid over it; none for one that is too long.
pub fn rows(source: &str, findings: &[Diagnostic]) -> Vec<Row> {
    if is_plain(source) {
        return Vec::new();
    }
    let paints = paint(source);
    let faults = faults(source, findings);
    let mut rows = Vec::new();
    let mut start = 0;
    for line in source.split('\n') {
        let begins_here = |finding: &&Diagnostic| {
            (start..=start + line.len()).contains(&(finding.span.start.offset as usize))
        };
        rows.push(Row {
            pieces: pieces(line, start, &paints, &faults),
            fault: findings
                .iter()
                .filter(begins_here)
                .map(|finding| finding.severity)
                .min(),
        });
        start += line.len() + 1;
    }
    rows
}

/// Findings about `old`, moved to where their text is in `new`; those about text that changed are left out.
pub fn carry(findings: &[Diagnostic], old: &str, new: &str) -> Vec<Diagnostic> {
    let same_start = old
        .bytes()
        .zip(new.bytes())
        .take_while(|(left, right)| left == right)
        .count();
    let rest = old.len().min(new.len()) - same_start;
    let same_end = old
        .bytes()
        .rev()
        .zip(new.bytes().rev())
        .take(rest)
        .take_while(|(left, right)| left == right)
        .count();
    let moved = new.len() as i64 - old.len() as i64;
    findings
        .iter()
        .filter_map(|finding| {
            let mut finding = finding.clone();
            if finding.span.end.offset as usize > same_start {
                if (finding.span.start.offset as usize) < old.len() - same_end {
                    return None;
                }
                for position in [&mut finding.span.start, &mut finding.span.end] {
                    position.offset =
                        u32::try_from(i64::from(position.offset) + moved).unwrap_or(0);
                }
            }
            Some(finding)
        })
        .collect()
}

fn pieces(line: &str, start: usize, paints: &[Paint], faults: &[Option<Severity>]) -> Vec<Piece> {
    let mut pieces: Vec<Piece> = Vec::new();
    for (offset, character) in line.char_indices() {
        let at = start + offset;
        let look = (
            paints.get(at).copied().unwrap_or_default(),
            faults.get(at).copied().flatten(),
        );
        match pieces.last_mut() {
            Some(last) if (last.paint, last.fault) == look => last.text.push(character),
            _ => pieces.push(Piece {
                text: character.into(),
                paint: look.0,
                fault: look.1,
            }),
        }
    }
    pieces
}

/// The gravest finding of each byte.
fn faults(source: &str, findings: &[Diagnostic]) -> Vec<Option<Severity>> {
    let mut faults = vec![None; source.len()];
    for finding in findings {
        let start = floor_boundary(source, finding.span.start.offset as usize);
        let end = floor_boundary(source, finding.span.end.offset as usize);
        // A finding without width marks the rest of its line, or it could not be seen.
        let end = if end > start {
            end
        } else {
            source[start..]
                .find('\n')
                .map_or(source.len(), |length| start + length)
        };
        for fault in &mut faults[start..end] {
            *fault = Some(fault.map_or(finding.severity, |other: Severity| {
                other.min(finding.severity)
            }));
        }
    }
    faults
}

/// The paint of each byte.
fn paint(source: &str) -> Vec<Paint> {
    let mut paints = vec![Paint::Plain; source.len()];
    let mut start = 0;
    let mut continued = false;
    for line in source.split('\n') {
        let body = line.trim_start();
        let indent = line.len() - body.len();
        let place = &mut paints[start..start + line.len()];
        if body.starts_with('#') {
            place[indent..].fill(Paint::Comment);
        } else {
            paint_line(body, &mut place[indent..], continued);
            continued = body.trim_end().ends_with('\\');
        }
        start += line.len() + 1;
    }
    paints
}

fn paint_line(body: &str, paints: &mut [Paint], continued: bool) {
    let mut word_start = 0;
    let mut is_first = !continued;
    for word in body.split(' ') {
        let end = word_start + word.len();
        let letters = !word.is_empty() && word.bytes().all(|byte| byte.is_ascii_alphabetic());
        if letters && (is_first || word == "AS") {
            paints[word_start..end].fill(Paint::Keyword);
        } else if word.starts_with("--") {
            paints[word_start..end].fill(Paint::Flag);
        }
        is_first &= word.is_empty();
        word_start = end + 1;
    }
    paint_quotes(body, paints);
    paint_variables(body, paints);
}

fn paint_quotes(body: &str, paints: &mut [Paint]) {
    let mut open: Option<(usize, u8)> = None;
    for (at, byte) in body.bytes().enumerate() {
        match open {
            Some((start, quote)) if byte == quote => {
                paints[start..=at].fill(Paint::Quoted);
                open = None;
            }
            None if byte == b'"' || byte == b'\'' => open = Some((at, byte)),
            _ => {}
        }
    }
}

fn paint_variables(body: &str, paints: &mut [Paint]) {
    let bytes = body.as_bytes();
    for (start, _) in body.match_indices('$') {
        let length = if bytes.get(start + 1) == Some(&b'{') {
            body[start..].find('}').map_or(0, |end| end + 1)
        } else {
            let is_name = |byte: &&u8| byte.is_ascii_alphanumeric() || **byte == b'_';
            match bytes[start + 1..].iter().take_while(is_name).count() {
                0 => 0,
                name => name + 1,
            }
        };
        paints[start..start + length].fill(Paint::Variable);
    }
}

/// The nearest place at or before `offset` where the text can be cut.
fn floor_boundary(source: &str, offset: usize) -> usize {
    let mut end = offset.min(source.len());
    while !source.is_char_boundary(end) {
        end -= 1;
    }
    end
}

#[cfg(test)]
mod tests {
    use super::*;
    use estiva_shared::dockerfile::Position;

    fn span(start: u32, end: u32) -> Span {
        let position = |offset| Position {
            offset,
            line: 1,
            column: offset + 1,
        };
        Span {
            start: position(start),
            end: position(end),
        }
    }

    fn finding(start: u32, end: u32) -> Diagnostic {
        Diagnostic {
            severity: Severity::Error,
            code: "test".into(),
            message: "test".into(),
            hint: None,
            span: span(start, end),
        }
    }

    fn shown(source: &str) -> Vec<(String, Paint)> {
        let row = rows(source, &[]).remove(0);
        row.pieces
            .into_iter()
            .map(|piece| (piece.text, piece.paint))
            .collect()
    }

    #[test]
    fn selects_in_utf16_units() {
        let source = "# ação 🚢\nFROM x";
        assert_eq!(selection(source, &span(14, 18)), (10, 14));
        assert_eq!(line_selection(source, 2), (10, 16));
        assert_eq!(line_selection(source, 9), (16, 16));
    }

    #[test]
    fn paints_what_a_line_is_made_of() {
        let part = |text: &str, paint| (text.to_owned(), paint);
        assert_eq!(
            shown("COPY --from=build \"a b\" $HOME"),
            [
                part("COPY", Paint::Keyword),
                part(" ", Paint::Plain),
                part("--from=build", Paint::Flag),
                part(" ", Paint::Plain),
                part("\"a b\"", Paint::Quoted),
                part(" ", Paint::Plain),
                part("$HOME", Paint::Variable),
            ]
        );
        assert_eq!(
            shown("  # a note"),
            [part("  ", Paint::Plain), part("# a note", Paint::Comment)]
        );
    }

    /// A text of a million bytes became a row for each line and a piece for each word: 3 seconds to draw, one a key press.
    #[test]
    fn a_very_long_text_is_not_painted() {
        let source = "RUN a\n".repeat(PAINTED_BYTES_MAX / 5);
        assert!(is_plain(&source) && rows(&source, &[finding(0, 3)]).is_empty());
        assert!(!is_plain("RUN a\n"));
    }

    #[test]
    fn a_continued_line_has_no_instruction() {
        let rows = rows("RUN a && \\\n  make all", &[]);
        assert!(
            rows[1]
                .pieces
                .iter()
                .all(|piece| piece.paint == Paint::Plain)
        );
    }

    #[test]
    fn lays_findings_over_the_text() {
        let rows = rows("FROM x\nRUNN y", &[finding(7, 11)]);
        assert_eq!(
            (rows[0].fault, rows[1].fault),
            (None, Some(Severity::Error))
        );
        assert_eq!(rows[1].pieces[0].text, "RUNN");
        assert_eq!(rows[1].pieces[1].fault, None);
    }

    #[test]
    fn a_finding_without_width_marks_its_line() {
        let rows = rows("FROM\nRUN", &[finding(0, 0)]);
        assert_eq!(rows[0].pieces[0].fault, Some(Severity::Error));
        assert_eq!(rows[1].pieces[0].fault, None);
    }

    #[test]
    fn survives_spans_beyond_the_text() {
        assert_eq!(rows("é", &[finding(1, 900)]).len(), 1);
        assert_eq!(selection("é", &span(1, 900)), (0, 1));
    }

    #[test]
    fn findings_move_with_their_text() {
        let old = "FROM x\nRUNN y\n";
        let carried = carry(&[finding(7, 11)], old, "FROM xyz\nRUNN y\n");
        assert_eq!(carried[0].span.start.offset, 9);
        assert!(carry(&[finding(7, 11)], old, "FROM x\nRUN y\n").is_empty());
        assert_eq!(carry(&[finding(7, 11)], old, old)[0], finding(7, 11));
        assert!(carry(&[finding(7, 11)], old, "").is_empty());
    }
}
