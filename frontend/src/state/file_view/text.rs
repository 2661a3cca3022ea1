//! A text in rows: its lines, cut where they are longer than the place for them, in colours, with what is searched for marked.
//!
//! Only the rows in sight are painted; of the lines above them what each leaves open is kept, so that none is painted twice.

use std::cell::RefCell;
use std::ops::Range;

use estiva_shared::image::view::highlight::{Language, Paint, State, paint_line};
use estiva_shared::image::view::{Encoding, decode};
use estiva_shared::text::escape_name;

/// Columns of a row where lines are not wrapped: a longer line goes on in the next row all the same, because no browser
/// lays out a line of a megabyte.
pub const PLAIN_COLUMNS: usize = 2000;

/// Columns from one tab stop to the next.
const TAB_COLUMNS: usize = 4;

/// Most finds that are kept.
const FINDS_MAX: usize = 10_000;

/// A text.
#[derive(Debug)]
pub struct Document {
    text: String,
    /// Where each line begins.
    starts: Vec<usize>,
    language: Language,
    /// What is open where each line begins; of the first lines, as far as they were passed.
    states: RefCell<Vec<State>>,
    has_crlf: bool,
}

/// A row: a line, or a part of one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TextRow {
    /// The line, from 0.
    pub line: usize,
    /// Its first byte within the line.
    pub start: usize,
    /// The first byte behind it.
    pub end: usize,
}

/// A run of characters that look alike.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Piece {
    /// The characters, made safe to show.
    pub text: String,
    /// What they are.
    pub paint: Paint,
    /// They are what is searched for.
    pub is_found: bool,
}

/// What is searched for, and where it is.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Find {
    /// The line of each find, from 0, and its first byte there and the first behind it.
    pub found: Vec<(usize, Range<usize>)>,
    /// There are more than are kept.
    pub is_cut: bool,
}

impl Document {
    /// A text of these bytes; `is_all` tells whether they are all of it.
    pub fn of(bytes: &[u8], encoding: Encoding, language: Language, is_all: bool) -> Self {
        let text = decode(bytes, encoding, is_all);
        let ends = memchr_lines(&text);
        let mut starts: Vec<usize> = std::iter::once(0).chain(ends).collect();
        // What ends with a line's end has no further line.
        if starts.last() == Some(&text.len()) && starts.len() > 1 {
            starts.pop();
        }
        let has_crlf = text.contains("\r\n");
        Self {
            text,
            starts,
            language,
            states: RefCell::new(vec![State::default()]),
            has_crlf,
        }
    }

    /// All of the text.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// How many lines it has.
    pub fn lines(&self) -> usize {
        self.starts.len()
    }

    /// Whether lines end as on Windows.
    pub fn has_crlf(&self) -> bool {
        self.has_crlf
    }

    /// A line, without its end.
    pub fn line(&self, number: usize) -> &str {
        let Some(start) = self.starts.get(number) else {
            return "";
        };
        let end = self
            .starts
            .get(number + 1)
            .copied()
            .unwrap_or(self.text.len());
        let line = &self.text[*start..end];
        let line = line.strip_suffix('\n').unwrap_or(line);
        line.strip_suffix('\r').unwrap_or(line)
    }

    /// Its rows, of at most so many columns.
    pub fn rows(&self, columns: usize) -> Vec<TextRow> {
        let columns = columns.max(1);
        let mut rows = Vec::with_capacity(self.lines());
        for line in 0..self.lines() {
            let text = self.line(line);
            let mut start = 0;
            let mut column = 0;
            // A line of so few bytes has no more columns than them, where all of them are plain.
            let is_plain = text.bytes().all(|byte| (b' '..=b'~').contains(&byte));
            if text.len() > columns || !is_plain {
                for (at, c) in text.char_indices() {
                    let width = width_of(c, column);
                    if column + width > columns && at > start {
                        rows.push(TextRow {
                            line,
                            start,
                            end: at,
                        });
                        (start, column) = (at, 0);
                    }
                    column += width_of(c, column);
                }
            }
            rows.push(TextRow {
                line,
                start,
                end: text.len(),
            });
        }
        rows
    }

    /// The pieces of a row.
    pub fn pieces(&self, row: TextRow, find: &Find) -> Vec<Piece> {
        let line = self.line(row.line);
        let (runs, _) = paint_line(self.language, self.state(row.line), line);
        let first = find.found.partition_point(|(number, _)| *number < row.line);
        let finds = find.found[first..]
            .iter()
            .take_while(|(number, _)| *number == row.line);
        let finds: Vec<_> = finds.map(|(_, range)| range.clone()).collect();
        let mut pieces: Vec<Piece> = Vec::new();
        let mut column = 0;
        let mut run = 0;
        for (at, c) in line[row.start..row.end].char_indices() {
            let at = row.start + at;
            while runs.get(run).is_some_and(|run| run.end <= at) {
                run += 1;
            }
            let paint = runs.get(run).map(|run| run.paint).unwrap_or_default();
            let is_found = finds.iter().any(|range| range.contains(&at));
            let is_next = pieces
                .last()
                .is_none_or(|last| (last.paint, last.is_found) != (paint, is_found));
            if is_next {
                pieces.push(Piece {
                    text: String::new(),
                    paint,
                    is_found,
                });
            }
            let width = width_of(c, column);
            if let Some(last) = pieces.last_mut() {
                match c {
                    '\t' => last.text.extend(std::iter::repeat_n(' ', width)),
                    c => last.text.push_str(&escape_name(c.encode_utf8(&mut [0; 4]))),
                }
            }
            column += width;
        }
        pieces
    }

    /// Where a text is, in any case of ASCII's letters; nowhere where it is empty.
    pub fn find(&self, wanted: &str) -> Find {
        let mut find = Find::default();
        let wanted = wanted.as_bytes();
        let Some(first) = wanted.first() else {
            return find;
        };
        for number in 0..self.lines() {
            let line = self.line(number).as_bytes();
            let mut at = 0;
            while at + wanted.len() <= line.len() {
                let is_here = line[at].eq_ignore_ascii_case(first)
                    && line[at..at + wanted.len()].eq_ignore_ascii_case(wanted);
                if !is_here {
                    at += 1;
                    continue;
                }
                if find.found.len() == FINDS_MAX {
                    find.is_cut = true;
                    return find;
                }
                find.found.push((number, at..at + wanted.len()));
                at += wanted.len();
            }
        }
        find
    }

    /// What is open where a line begins.
    fn state(&self, line: usize) -> State {
        let mut states = self.states.borrow_mut();
        while states.len() <= line {
            let number = states.len() - 1;
            let (_, next) = paint_line(self.language, states[number], self.line(number));
            states.push(next);
        }
        states[line]
    }
}

/// The byte behind each line's end.
fn memchr_lines(text: &str) -> impl Iterator<Item = usize> + '_ {
    text.match_indices('\n').map(|(at, _)| at + 1)
}

/// Columns of a character that stands at a column; what is spelled out takes as many as it is spelled with.
fn width_of(c: char, column: usize) -> usize {
    match c {
        '\t' => TAB_COLUMNS - column % TAB_COLUMNS,
        ' '..='~' => 1,
        c => match escape_name(c.encode_utf8(&mut [0; 4])).len() {
            // Letters of East Asia are twice as wide as others (Unicode Standard Annex 11).
            _ if ('\u{1100}'..='\u{115f}').contains(&c)
                || ('\u{2e80}'..='\u{a4cf}').contains(&c)
                || ('\u{ac00}'..='\u{d7a3}').contains(&c)
                || ('\u{f900}'..='\u{faff}').contains(&c)
                || ('\u{ff00}'..='\u{ff60}').contains(&c) =>
            {
                2
            }
            spelled if spelled > c.len_utf8() => spelled,
            _ => 1,
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn document(text: &str, language: Language) -> Document {
        Document::of(text.as_bytes(), Encoding::Utf8, language, true)
    }

    #[test]
    fn lines_are_those_of_an_editor() {
        for (text, lines) in [
            ("", vec![""]),
            ("a", vec!["a"]),
            ("a\n", vec!["a"]),
            ("a\r\nb", vec!["a", "b"]),
            ("\n\n", vec!["", ""]),
        ] {
            let document = document(text, Language::Plain);
            let found: Vec<_> = (0..document.lines())
                .map(|line| document.line(line))
                .collect();
            assert_eq!(found, lines, "{text:?}");
        }
        assert!(document("a\r\nb", Language::Plain).has_crlf());
        assert_eq!(document("a", Language::Plain).line(9), "");
    }

    #[test]
    fn long_lines_go_on_in_the_next_row() {
        let text = document("abcdefgh\nxy\n\tz\n日本語", Language::Plain);
        let rows: Vec<_> = text
            .rows(4)
            .iter()
            .map(|row| (row.line, &text.line(row.line)[row.start..row.end]))
            .collect();
        assert_eq!(
            rows,
            [
                (0, "abcd"),
                (0, "efgh"),
                (1, "xy"),
                (2, "\t"),
                (2, "z"),
                (3, "日本"),
                (3, "語")
            ]
        );
        // No row is empty for want of room.
        assert_eq!(text.rows(0).iter().filter(|row| row.line == 0).count(), 8);
        assert_eq!(document("\u{202e}ab", Language::Plain).rows(8).len(), 2);
    }

    #[test]
    fn a_row_is_drawn_in_colours_with_finds_and_nothing_that_moves_the_text() {
        let text = document("x = 'a\u{202e}'\t# Ab\n\"\"\"\nab", Language::Python);
        let find = text.find("AB");
        assert_eq!(find.found, [(0, 13..15), (2, 0..2)]);
        let rows = text.rows(100);
        let row: Vec<_> = text
            .pieces(rows[0], &find)
            .into_iter()
            .map(|piece| (piece.text, piece.paint, piece.is_found))
            .collect();
        let piece = |text: &str, paint, is_found| (text.to_owned(), paint, is_found);
        assert_eq!(
            row,
            [
                piece("x = ", Paint::Plain, false),
                piece("'a\\u{202e}'", Paint::Quoted, false),
                // The tab, to its next stop.
                piece(" ", Paint::Plain, false),
                piece("# ", Paint::Comment, false),
                piece("Ab", Paint::Comment, true),
            ]
        );
        // What a line above left open is known, also where that was never drawn.
        let last = text.pieces(rows[2], &find);
        assert_eq!(
            (&*last[0].text, last[0].paint, last[0].is_found),
            ("ab", Paint::Quoted, true)
        );
    }

    #[test]
    fn finds_are_bounded_and_nothing_is_found_nowhere() {
        let text = document(&"a".repeat(FINDS_MAX + 1), Language::Plain);
        let find = text.find("a");
        assert!(find.is_cut && find.found.len() == FINDS_MAX);
        assert_eq!(text.find(""), Find::default());
        assert_eq!(document("ab", Language::Plain).find("abc"), Find::default());
    }
}
