//! The part of a terminal that is drawn anew some times a second, below the lines that stay.

use std::io::{self, Write};

use estiva_shared::text::escape_name;
use unicode_width::UnicodeWidthChar as _;

/// An output with a live part at its end; in a pipe it has none.
#[derive(Debug)]
pub(crate) struct Live<W> {
    out: W,
    /// Columns of the terminal; `None` in a pipe.
    columns: Option<usize>,
    /// Lines of the live part, to be drawn over.
    drawn: usize,
}

impl<W: Write> Live<W> {
    /// On a terminal of so many columns, or in a pipe.
    pub(crate) fn new(out: W, columns: Option<usize>) -> Self {
        Self {
            out,
            columns,
            drawn: 0,
        }
    }

    /// Whether there is a live part.
    pub(crate) fn is_terminal(&self) -> bool {
        self.columns.is_some()
    }

    /// Draws these lines in the place of those before.
    ///
    /// # Errors
    /// If they can't be written.
    pub(crate) fn draw(&mut self, lines: &[String]) -> io::Result<()> {
        let Some(columns) = self.columns else {
            return Ok(());
        };
        self.clear()?;
        for line in lines {
            // A line that wraps would be two to draw over.
            writeln!(self.out, "{}", cut(line, columns.saturating_sub(1)))?;
        }
        self.drawn = lines.len();
        self.out.flush()
    }

    /// Takes the live part away.
    ///
    /// # Errors
    /// If it can't be written.
    pub(crate) fn clear(&mut self) -> io::Result<()> {
        if self.drawn > 0 {
            // Up so many lines, to the first column, and erase to the end of the screen (ECMA-48 CPL and ED).
            write!(self.out, "\x1b[{}F\x1b[J", self.drawn)?;
            self.drawn = 0;
        }
        self.out.flush()
    }

    /// Writes a line that stays, escaped, in the place of the live part.
    ///
    /// # Errors
    /// If it can't be written.
    pub(crate) fn keep(&mut self, line: &str) -> io::Result<()> {
        self.clear()?;
        writeln!(self.out, "{}", escape_name(line))?;
        self.out.flush()
    }

    /// What it writes to.
    #[cfg(test)]
    pub(super) fn into_inner(self) -> W {
        self.out
    }
}

/// As much of a line as so many columns hold: an East Asian character takes two.
pub(super) fn cut(line: &str, columns: usize) -> &str {
    let mut taken = 0;
    let end = line.char_indices().find(|(_, letter)| {
        taken += letter.width().unwrap_or_default();
        taken > columns
    });
    end.map_or(line, |(end, _)| &line[..end])
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Lines were cut by characters: one of wide ones wrapped, and the live list left a trail of itself.
    #[test]
    fn a_line_is_cut_where_the_terminal_ends_also_of_wide_characters() {
        for (line, columns, expected) in [
            ("abcdef", 4, "abcd"),
            ("船船船", 4, "船船"),
            ("船船船", 5, "船船"),
            ("e\u{301}e\u{301}x", 2, "e\u{301}e\u{301}"),
            ("abc", 80, "abc"),
            ("abc", 0, ""),
        ] {
            assert_eq!(cut(line, columns), expected);
        }
    }
}
