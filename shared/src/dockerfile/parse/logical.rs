//! One logical line: an instruction whose lines were joined, and the way back from it to the source.

use std::ops::Range;

use super::source::{Line, Source};
use crate::dockerfile::{Span, Word};

/// Joined text. Every byte of it stands in the source too, in the same order.
pub(super) struct Logical<'a> {
    source: &'a Source<'a>,
    text: String,
    /// Where a piece begins: in the text, and in the source.
    pieces: Vec<(usize, usize)>,
}

impl<'a> Logical<'a> {
    pub(super) fn new(source: &'a Source<'a>) -> Self {
        Self {
            source,
            text: String::new(),
            pieces: Vec::new(),
        }
    }

    /// Appends a piece of a line.
    pub(super) fn push(&mut self, piece: Line<'_>) {
        if !piece.text.is_empty() || self.pieces.is_empty() {
            self.pieces.push((self.text.len(), piece.start));
            self.text.push_str(piece.text);
        }
    }

    pub(super) fn text(&self) -> &str {
        &self.text
    }

    /// All of it but the white space around it.
    pub(super) fn trimmed(&self) -> Range<usize> {
        self.trim(0..self.text.len())
    }

    /// A range without the white space around it.
    pub(super) fn trim(&self, range: Range<usize>) -> Range<usize> {
        let text = &self.text[range.clone()];
        let start = range.start + (text.len() - text.trim_start().len());
        start..start + text.trim().len()
    }

    /// Where a range stands in the source; comments and line ends between its pieces are inside.
    pub(super) fn span(&self, range: &Range<usize>) -> Span {
        let start = self.in_source(range.start);
        // The last byte's place, not the next one's, which may be a line below.
        let end = if range.end > range.start {
            self.in_source(range.end - 1) + 1
        } else {
            start
        };
        self.source.span(start, end)
    }

    /// A range as a word.
    pub(super) fn word(&self, range: &Range<usize>) -> Word {
        Word {
            text: self.text[range.clone()].to_owned(),
            span: self.span(range),
        }
    }

    fn in_source(&self, offset: usize) -> usize {
        let after = self.pieces.partition_point(|&(start, _)| start <= offset);
        self.pieces
            .get(after.saturating_sub(1))
            .map_or(0, |&(start, source)| source + offset - start)
    }
}
