//! The source with its lines, and the position of any byte in it without reading the line again.
//!
//! A line may be megabytes long and hold as many words, each with a span: counting columns from the line's start for
//! each of them would take hours. Counts at fixed distances keep a position cheap.

use crate::dockerfile::{Position, Span};

/// Bytes between two counts of UTF-16 units: a position costs at most as many steps, the counts 2 % of the source.
const COUNT_EVERY_BYTES: usize = 256;

/// A text of at most `u32::MAX` bytes.
pub(super) struct Source<'a> {
    text: &'a str,
    /// Where each line begins; a byte order mark stands before the first.
    lines: Vec<usize>,
    /// UTF-16 units before each multiple of [`COUNT_EVERY_BYTES`].
    counts: Vec<u32>,
}

/// One line, without what ends it.
#[derive(Clone, Copy)]
pub(super) struct Line<'a> {
    /// Where it begins, in bytes.
    pub(super) start: usize,
    /// Its text; a carriage return before the line's end is not part of it.
    pub(super) text: &'a str,
}

impl Line<'_> {
    /// The byte after its last.
    pub(super) fn end(&self) -> usize {
        self.start + self.text.len()
    }
}

impl<'a> Source<'a> {
    pub(super) fn new(text: &'a str) -> Self {
        let mark = if text.starts_with('\u{feff}') {
            '\u{feff}'.len_utf8()
        } else {
            0
        };
        let mut lines = vec![mark];
        lines.extend(text.match_indices('\n').map(|(at, _)| at + 1));
        let mut counts = Vec::with_capacity(text.len() / COUNT_EVERY_BYTES + 1);
        let mut units = 0;
        for chunk in text.as_bytes().chunks(COUNT_EVERY_BYTES) {
            counts.push(units);
            units += utf16_units(chunk);
        }
        // For the position after the last byte, where the text ends at a multiple.
        counts.push(units);
        Self {
            text,
            lines,
            counts,
        }
    }

    /// The line of an index from 0. The text after the last line end is a line too, unless it is empty.
    pub(super) fn line(&self, index: usize) -> Option<Line<'a>> {
        let start = *self.lines.get(index)?;
        let end = match self.lines.get(index + 1) {
            Some(next) => next - 1,
            None if start >= self.text.len() => return None,
            None => self.text.len(),
        };
        Some(Line {
            start,
            text: self.text[start..end].trim_end_matches('\r'),
        })
    }

    /// The position of a byte; offsets past the end give the end.
    pub(super) fn position(&self, offset: usize) -> Position {
        let offset = offset.min(self.text.len());
        let line = self
            .lines
            .partition_point(|&start| start <= offset)
            .saturating_sub(1);
        let units = self
            .units_before(offset)
            .saturating_sub(self.units_before(self.lines[line]));
        Position {
            offset: count(offset),
            line: count(line + 1),
            column: units + 1,
        }
    }

    /// The span between two bytes.
    pub(super) fn span(&self, start: usize, end: usize) -> Span {
        Span {
            start: self.position(start),
            end: self.position(end),
        }
    }

    /// The span of the first character, for what concerns the whole file.
    pub(super) fn beginning(&self) -> Span {
        let first = self.text.chars().next().map_or(0, char::len_utf8);
        self.span(0, first)
    }

    fn units_before(&self, offset: usize) -> u32 {
        let index = offset / COUNT_EVERY_BYTES;
        let rest = &self.text.as_bytes()[index * COUNT_EVERY_BYTES..offset];
        self.counts[index] + utf16_units(rest)
    }
}

/// The UTF-16 units of the characters that begin in these bytes of UTF-8.
fn utf16_units(bytes: &[u8]) -> u32 {
    let units = |byte: &u8| match byte {
        0x80..=0xbf => 0,
        0xf0.. => 2,
        _ => 1,
    };
    bytes.iter().map(units).sum()
}

/// The parser refuses sources whose offsets don't fit.
fn count(value: usize) -> u32 {
    u32::try_from(value).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_count_utf16_units_however_long_the_line() {
        let text = format!("a\n{}😀é!", "x".repeat(1000));
        let source = Source::new(&text);
        let at = |offset| {
            let position = source.position(offset);
            (position.line, position.column)
        };
        assert_eq!(at(0), (1, 1));
        assert_eq!(at(2), (2, 1));
        assert_eq!(at(1002), (2, 1001));
        assert_eq!(at(1006), (2, 1003));
        assert_eq!(at(1008), (2, 1004));
        assert_eq!(at(1009), (2, 1005));
        assert_eq!(at(5000), (2, 1005));
    }

    #[test]
    fn lines_end_without_their_ends_and_begin_after_a_byte_order_mark() {
        let source = Source::new("\u{feff}a\r\n\nb");
        let lines: Vec<_> = (0..9).map_while(|index| source.line(index)).collect();
        let texts: Vec<_> = lines.iter().map(|line| line.text).collect();
        assert_eq!(texts, ["a", "", "b"]);
        assert_eq!(source.position(lines[0].start).column, 1);
        assert!(Source::new("").line(0).is_none());
        assert!(Source::new("a\n").line(1).is_none());
    }

    #[test]
    fn positions_hold_at_the_boundary_of_a_count() {
        let text = "é".repeat(256);
        let source = Source::new(&text);
        assert_eq!(source.position(512).column, 257);
        assert_eq!(source.position(256).column, 129);
    }
}
