//! The tail of a text that a program writes: whole lines, bounded, with what a terminal would do to them.

use std::collections::VecDeque;

use estiva_shared::protocol::OutputStream;

/// Lines kept of one output. A chatty build writes some thousands; what is older is in the server's log.
pub const LINES_MAX: usize = 4_000;

/// The longest line kept, in bytes: a minified file printed by mistake must not make the page slow.
pub const LINE_BYTES_MAX: usize = 4_096;

/// One line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Line {
    /// Counted from the output's first line; stays the same when older lines are dropped.
    pub number: u64,
    /// Where it was written to.
    pub stream: OutputStream,
    /// Its text, without control characters.
    pub text: String,
}

/// The last lines of an output.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Output {
    lines: VecDeque<Line>,
    next_number: u64,
    dropped: u64,
    // The last line has no line feed yet, so the next text of its stream goes on in it.
    open: bool,
    stdout: Terminal,
    stderr: Terminal,
}

/// What a terminal would still have in mind of a stream when a piece of it ends: a piece can end anywhere.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Terminal {
    // A carriage return came, and nothing to write since: the line is over, or is about to be written again.
    returned: bool,
    escape: Escape,
}

/// Where in a control sequence of ECMA-48 a stream is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Escape {
    /// In none.
    #[default]
    None,
    /// After `ESC`.
    Begun,
    /// In `ESC [ … letter`.
    Control,
    /// In `ESC ] … BEL`, or `… ESC \`.
    Text,
}

impl Output {
    /// Adds text as it came.
    pub fn push(&mut self, stream: OutputStream, text: &str) {
        let mut rest = text;
        while !rest.is_empty() {
            let (piece, ended, after) = match rest.find('\n') {
                Some(end) => (&rest[..end], true, &rest[end + 1..]),
                None => (rest, false, ""),
            };
            self.write(stream, piece);
            self.open = !ended;
            if ended {
                // A sequence that is never closed must not swallow all that follows it.
                *self.terminal(stream) = Terminal::default();
            }
            rest = after;
        }
    }

    /// The lines kept, oldest first.
    pub fn lines(&self) -> impl DoubleEndedIterator<Item = &Line> {
        self.lines.iter()
    }

    /// How many lines are kept.
    pub fn len(&self) -> usize {
        self.lines.len()
    }

    /// Whether nothing was written.
    pub fn is_empty(&self) -> bool {
        self.lines.is_empty()
    }

    /// How many older lines were dropped.
    pub fn dropped(&self) -> u64 {
        self.dropped
    }

    fn write(&mut self, stream: OutputStream, piece: &str) {
        let goes_on = self.open && self.lines.back().is_some_and(|line| line.stream == stream);
        if !goes_on {
            if self.lines.len() == LINES_MAX {
                self.lines.pop_front();
                self.dropped += 1;
            }
            self.lines.push_back(Line {
                number: self.next_number,
                stream,
                text: String::new(),
            });
            self.next_number += 1;
        }
        let mut terminal = *self.terminal(stream);
        if let Some(line) = self.lines.back_mut() {
            for character in piece.chars() {
                terminal.write(&mut line.text, character);
            }
        }
        *self.terminal(stream) = terminal;
    }

    fn terminal(&mut self, stream: OutputStream) -> &mut Terminal {
        match stream {
            OutputStream::Stdout => &mut self.stdout,
            OutputStream::Stderr => &mut self.stderr,
        }
    }
}

impl Terminal {
    /// Adds a character to a line: after a carriage return the line starts over, colour sequences and other control
    /// characters go.
    fn write(&mut self, line: &mut String, character: char) {
        self.escape = match (self.escape, character) {
            (_, '\u{1b}') => Escape::Begun,
            (Escape::Begun, '[') => Escape::Control,
            (Escape::Begun, ']') => Escape::Text,
            (Escape::Begun, _) => Escape::None,
            (Escape::Control, '@'..='~') | (Escape::Text, '\u{7}') => Escape::None,
            (Escape::Control | Escape::Text, _) => self.escape,
            (Escape::None, '\r') => {
                self.returned = true;
                Escape::None
            }
            (Escape::None, control) if control.is_control() && control != '\t' => Escape::None,
            (Escape::None, other) => {
                // Only now: "\r" before "\n" ends a line, elsewhere a progress bar draws itself again.
                if std::mem::take(&mut self.returned) {
                    line.clear();
                }
                if line.len() < LINE_BYTES_MAX {
                    line.push(other);
                }
                Escape::None
            }
        };
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use OutputStream::{Stderr, Stdout};

    fn texts(output: &Output) -> Vec<&str> {
        output.lines().map(|line| line.text.as_str()).collect()
    }

    #[test]
    fn joins_pieces_of_a_line() {
        let mut output = Output::default();
        output.push(Stdout, "hel");
        output.push(Stdout, "lo\nwor");
        output.push(Stdout, "ld");
        assert_eq!(texts(&output), ["hello", "world"]);
    }

    #[test]
    fn keeps_streams_on_lines_of_their_own() {
        let mut output = Output::default();
        output.push(Stdout, "out ");
        output.push(Stderr, "err\n");
        output.push(Stdout, "more\n\n");
        assert_eq!(texts(&output), ["out ", "err", "more", ""]);
    }

    #[test]
    fn does_what_a_terminal_does() {
        let mut output = Output::default();
        output.push(
            Stdout,
            "10%\r20%\r\n\u{1b}[31mred\u{1b}[0m \u{1b}]0;title\u{7}done\u{8}\n",
        );
        assert_eq!(texts(&output), ["20%", "red done"]);
    }

    /// A progress bar and its colours came apart where the pieces of a stream did: "1%2%3%" and "1mred" were shown.
    #[test]
    fn does_what_a_terminal_does_wherever_the_text_is_cut() {
        let text = "1%\r2%\r\u{1b}[K3%\r\n\u{1b}[31mred\u{1b}[0m \u{1b}]0;title\u{7}\u{1b}]8;;x\u{1b}\\done\n";
        for size in 1..text.len() {
            let mut output = Output::default();
            for piece in text.as_bytes().chunks(size) {
                output.push(Stdout, std::str::from_utf8(piece).expect("ASCII"));
            }
            assert_eq!(texts(&output), ["3%", "red done"], "pieces of {size}");
        }
    }

    #[test]
    fn an_escape_that_never_ends_takes_its_line_alone() {
        let mut output = Output::default();
        output.push(Stdout, "a\u{1b}]open\nnext\n");
        assert_eq!(texts(&output), ["a", "next"]);
    }

    #[test]
    fn drops_the_oldest_lines_and_counts_them() {
        let mut output = Output::default();
        for number in 0..LINES_MAX + 10 {
            output.push(Stdout, &format!("{number}\n"));
        }
        assert_eq!(output.len(), LINES_MAX);
        assert_eq!(output.dropped(), 10);
        assert_eq!(output.lines().next().map(|line| line.number), Some(10));
    }

    #[test]
    fn cuts_a_line_without_end() {
        let mut output = Output::default();
        output.push(Stdout, &"x".repeat(LINE_BYTES_MAX * 3));
        assert_eq!(texts(&output)[0].len(), LINE_BYTES_MAX);
    }
}
