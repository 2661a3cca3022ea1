//! A text in colours: line by line, by a few rules a language, for what images hold.
//!
//! It is no parser. A line is painted from what was open at its start (a comment, a string) and says what is open at its end,
//! so that any part of a text can be drawn once the lines above it were passed; what a rule gets wrong is a colour. Each line costs
//! its length, and a line that is longer than [`LINE_BYTES_MAX`] is left plain.

mod grammar;

use grammar::{Grammar, Keys, Quote};

/// Longest line that is painted, in bytes: longer ones are made for machines, such as a minified script.
pub const LINE_BYTES_MAX: usize = 10_000;

/// The language of a text.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Language {
    /// None that is known.
    #[default]
    Plain,
    /// POSIX shells and bash.
    Shell,
    /// A Dockerfile.
    Dockerfile,
    /// JSON.
    Json,
    /// YAML.
    Yaml,
    /// Lines of names and values: INI, TOML, environment files, most of `/etc`.
    Conf,
    /// JavaScript and TypeScript.
    JavaScript,
    /// Python.
    Python,
    /// XML and HTML.
    Markup,
    /// C, Go, Rust, Java, CSS: what has braces and `/* */`.
    CLike,
    /// Keys and certificates (RFC 7468).
    Pem,
}

impl Language {
    /// Its name for people; none of what is plain.
    pub fn name(self) -> Option<&'static str> {
        Some(match self {
            Self::Plain => return None,
            Self::Shell => "Shell",
            Self::Dockerfile => "Dockerfile",
            Self::Json => "JSON",
            Self::Yaml => "YAML",
            Self::Conf => "conf",
            Self::JavaScript => "JavaScript",
            Self::Python => "Python",
            Self::Markup => "XML",
            Self::CLike => "C",
            Self::Pem => "PEM",
        })
    }
}

/// What a run of characters is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Paint {
    /// Anything.
    #[default]
    Plain,
    /// A comment.
    Comment,
    /// A string.
    Quoted,
    /// A number, or a word that stands for a value.
    Number,
    /// A word of the language.
    Keyword,
    /// The name of a value.
    Key,
}

/// What is open where a line begins.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum State {
    /// Nothing.
    #[default]
    Ground,
    /// A comment.
    Comment,
    /// A string, by its place among the language's quotes.
    Quote(u8),
    /// A tag of markup.
    Tag,
    /// An instruction that goes on.
    Continued,
}

/// A run of one paint, up to this byte of the line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Run {
    /// The first byte behind it; always between two characters.
    pub end: usize,
    /// What it is.
    pub paint: Paint,
}

/// Paints a line, which is given without its end: its runs, in order and without gaps, and what is open behind it.
pub fn paint_line(language: Language, state: State, line: &str) -> (Vec<Run>, State) {
    if line.len() > LINE_BYTES_MAX || language == Language::Plain {
        return (
            Vec::new(),
            if language == Language::Plain {
                State::Ground
            } else {
                state
            },
        );
    }
    let mut painter = Painter {
        grammar: grammar::of(language),
        line,
        at: 0,
        runs: Vec::new(),
    };
    let state = match language {
        Language::Pem => painter.pem(),
        Language::Markup => painter.markup(state),
        _ => painter.code(state),
    };
    (painter.runs, state)
}

struct Painter<'a> {
    grammar: &'static Grammar,
    line: &'a str,
    at: usize,
    runs: Vec<Run>,
}

impl Painter<'_> {
    fn rest(&self) -> &str {
        &self.line[self.at..]
    }

    /// Paints up to this byte.
    fn put(&mut self, end: usize, paint: Paint) {
        if end <= self.at {
            return;
        }
        match self.runs.last_mut() {
            Some(last) if last.paint == paint => last.end = end,
            _ => self.runs.push(Run { end, paint }),
        }
        self.at = end;
    }

    /// Paints the next character.
    fn put_char(&mut self, paint: Paint) {
        let length = self.rest().chars().next().map_or(1, char::len_utf8);
        self.put(self.at + length, paint);
    }

    /// Begin, end and armour (RFC 7468).
    fn pem(&mut self) -> State {
        let paint = match self.line {
            line if line.starts_with("-----") => Paint::Keyword,
            line if line.contains(": ") => Paint::Key,
            _ => Paint::Quoted,
        };
        self.put(self.line.len(), paint);
        State::Ground
    }

    fn code(&mut self, state: State) -> State {
        let mut state = match state {
            State::Comment => self.block_comment(),
            State::Quote(kind) => self.quote(kind),
            other => other,
        };
        if matches!(state, State::Comment | State::Quote(_)) {
            return state;
        }
        self.begin(state);
        state = State::Ground;
        while self.at < self.line.len() {
            if self.starts_comment() {
                self.put(self.line.len(), Paint::Comment);
                return State::Ground;
            }
            state = self.token();
            if state != State::Ground {
                return state;
            }
        }
        let goes_on =
            self.grammar.keys == Keys::Instruction && self.line.trim_end().ends_with('\\');
        if goes_on { State::Continued } else { state }
    }

    /// Paints what only stands at the beginning of a line.
    fn begin(&mut self, state: State) {
        let line = self.line;
        let body = line.trim_start();
        let indent = line.len() - body.len();
        if self.at > 0
            || self
                .grammar
                .comments
                .iter()
                .any(|mark| body.starts_with(mark))
        {
            return;
        }
        match self.grammar.keys {
            Keys::Instruction if state != State::Continued => {
                let word = body.split_whitespace().next().unwrap_or_default();
                if word.bytes().all(|byte| byte.is_ascii_alphabetic()) {
                    self.put(indent, Paint::Plain);
                    self.put(indent + word.len(), Paint::Keyword);
                }
            }
            Keys::Equals if body.starts_with('[') => self.put(line.len(), Paint::Keyword),
            Keys::Equals => self.key(indent, '='),
            Keys::Assignment => self.key(indent, '='),
            Keys::Colon => {
                // Of `- name: value`, the name.
                let dash = body.len() - body.trim_start_matches(['-', ' ']).len();
                self.key(indent + dash, ':');
            }
            _ => {}
        }
    }

    /// Paints a name from this byte on, where one stands there, and `sign` behind it.
    fn key(&mut self, from: usize, sign: char) {
        let rest = &self.line[from..];
        let Some(end) = rest.find(sign) else { return };
        let name = rest[..end].trim_end();
        let is_strict = self.grammar.keys == Keys::Assignment;
        let is_part =
            |c: char| c.is_alphanumeric() || c == '_' || (!is_strict && "-./ \"'$@*".contains(c));
        // `a:b` of YAML is no key, but one value.
        let is_sign = sign != ':'
            || rest[end + 1..]
                .chars()
                .next()
                .is_none_or(char::is_whitespace);
        if !name.is_empty() && is_sign && name.chars().all(is_part) {
            self.put(from, Paint::Plain);
            self.put(from + name.len(), Paint::Key);
        }
    }

    fn starts_comment(&self) -> bool {
        let is_word_start = self.line[..self.at]
            .chars()
            .next_back()
            .is_none_or(char::is_whitespace);
        let grammar = self.grammar;
        let is_here = |mark: &&str| self.rest().starts_with(*mark);
        // `#` within a word is a part of it in a shell, and `//` in the middle of an address no comment anywhere.
        (is_word_start || !grammar.comments_between_words)
            && !self.line[..self.at].ends_with(':')
            && grammar.comments.iter().any(is_here)
    }

    /// Paints one token; answers what it left open.
    fn token(&mut self) -> State {
        let rest = self.rest();
        if self.grammar.has_block_comments && rest.starts_with("/*") {
            self.put(self.at + 2, Paint::Comment);
            return self.block_comment();
        }
        let quotes = self.grammar.quotes.iter();
        if let Some(kind) = quotes
            .clone()
            .position(|quote| rest.starts_with(quote.mark))
        {
            return self.open_quote(kind);
        }
        let first = rest.chars().next().unwrap_or_default();
        let is_word = |c: char| c.is_alphanumeric() || c == '_';
        if !is_word(first) {
            self.put_char(Paint::Plain);
            return State::Ground;
        }
        let length = rest.find(|c| !is_word(c)).unwrap_or(rest.len());
        let word = &rest[..length];
        let is_part = self.line[..self.at].ends_with(['-', '.', '$', '@']);
        let is_in = |list: &[&str]| !is_part && list.contains(&word);
        let paint = if first.is_ascii_digit() || is_in(self.grammar.values) {
            Paint::Number
        } else if is_in(self.grammar.words) {
            Paint::Keyword
        } else {
            Paint::Plain
        };
        self.put(self.at + length, paint);
        State::Ground
    }

    fn open_quote(&mut self, kind: usize) -> State {
        let mark = self.grammar.quotes[kind].mark;
        // A run of its own, also beside another string: it may turn out to be a name.
        self.runs.push(Run {
            end: self.at + mark.len(),
            paint: Paint::Quoted,
        });
        self.at += mark.len();
        // The tables have few quotes.
        let state = self.quote(kind as u8);
        let is_key = self.grammar.keys == Keys::QuotedColon
            && state == State::Ground
            && self.rest().trim_start().starts_with(':');
        if let Some(last) = self.runs.last_mut().filter(|_| is_key) {
            last.paint = Paint::Key;
        }
        state
    }

    /// Paints to the end of a string that is open.
    fn quote(&mut self, kind: u8) -> State {
        let Some(quote) = self.grammar.quotes.get(usize::from(kind)) else {
            return State::Ground;
        };
        let Quote {
            mark,
            escapes,
            spans,
        } = *quote;
        let bytes = self.line.as_bytes();
        let mut at = self.at;
        while at < bytes.len() {
            if escapes && bytes[at] == b'\\' {
                at += 2;
            } else if bytes[at..].starts_with(mark.as_bytes()) {
                self.put(at + mark.len(), Paint::Quoted);
                return State::Ground;
            } else {
                at += 1;
            }
        }
        self.put(bytes.len(), Paint::Quoted);
        if spans {
            State::Quote(kind)
        } else {
            State::Ground
        }
    }

    fn block_comment(&mut self) -> State {
        match self.rest().find("*/") {
            Some(end) => {
                self.put(self.at + end + 2, Paint::Comment);
                State::Ground
            }
            None => {
                self.put(self.line.len(), Paint::Comment);
                State::Comment
            }
        }
    }

    /// Tags, their attributes, and comments.
    fn markup(&mut self, mut state: State) -> State {
        while self.at < self.line.len() {
            state = match state {
                State::Comment => match self.rest().find("-->") {
                    Some(end) => {
                        self.put(self.at + end + 3, Paint::Comment);
                        State::Ground
                    }
                    None => {
                        self.put(self.line.len(), Paint::Comment);
                        State::Comment
                    }
                },
                State::Quote(kind) => match self.quote(kind) {
                    State::Ground => State::Tag,
                    open => open,
                },
                State::Tag => self.tag(),
                _ => match self.rest().find('<') {
                    Some(start) => {
                        self.put(self.at + start, Paint::Plain);
                        if self.rest().starts_with("<!--") {
                            self.put(self.at + 4, Paint::Comment);
                            State::Comment
                        } else {
                            let rest = self.rest();
                            let end = rest.find(|c: char| c == '>' || c.is_whitespace());
                            self.put(self.at + end.unwrap_or(rest.len()), Paint::Keyword);
                            State::Tag
                        }
                    }
                    None => {
                        self.put(self.line.len(), Paint::Plain);
                        State::Ground
                    }
                },
            };
        }
        state
    }

    /// Paints a part of a tag.
    fn tag(&mut self) -> State {
        let rest = self.rest();
        let first = rest.chars().next().unwrap_or_default();
        let quotes = self.grammar.quotes.iter();
        if let Some(kind) = quotes
            .clone()
            .position(|quote| rest.starts_with(quote.mark))
        {
            self.put(self.at + 1, Paint::Quoted);
            return State::Quote(kind as u8);
        }
        if first == '>' {
            self.put_char(Paint::Keyword);
            return State::Ground;
        }
        let is_name = |c: char| c.is_alphanumeric() || "-_:.".contains(c);
        if is_name(first) {
            let length = rest.find(|c| !is_name(c)).unwrap_or(rest.len());
            self.put(self.at + length, Paint::Key);
        } else {
            self.put_char(if matches!(first, '/' | '?') {
                Paint::Keyword
            } else {
                Paint::Plain
            });
        }
        State::Tag
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A text with each painted run in brackets behind its paint's letter.
    fn painted(language: Language, text: &str) -> String {
        let mut state = State::default();
        let mut shown = String::new();
        for line in text.lines() {
            let (runs, next) = paint_line(language, state, line);
            let mut at = 0;
            for run in runs {
                let part = &line[at..run.end];
                let letter = match run.paint {
                    Paint::Plain => None,
                    Paint::Comment => Some('c'),
                    Paint::Quoted => Some('s'),
                    Paint::Number => Some('n'),
                    Paint::Keyword => Some('w'),
                    Paint::Key => Some('k'),
                };
                match letter {
                    Some(letter) => shown.push_str(&format!("{letter}[{part}]")),
                    None => shown.push_str(part),
                }
                at = run.end;
            }
            shown.push_str(&line[at..]);
            shown.push('\n');
            state = next;
        }
        shown.trim_end().to_owned()
    }

    #[test]
    fn each_language_has_its_colours() {
        let table = [
            (
                Language::Shell,
                "A=1 # x\necho \"a # b\" a#b\nif true; then exit 0; fi",
                "k[A]=n[1] c[# x]\necho s[\"a # b\"] a#b\nw[if] true; w[then] w[exit] n[0]; w[fi]",
            ),
            (Language::Shell, "X='a\nb' c", "k[X]=s['a]\ns[b'] c"),
            (
                Language::Dockerfile,
                "FROM a\nRUN b \\\n  COPY c\n# d",
                "w[FROM] a\nw[RUN] b \\\n  COPY c\nc[# d]",
            ),
            (
                Language::Json,
                "{\"a\": [true, -1.5, \"b\"], \"c\" : null}",
                "{k[\"a\"]: [n[true], -n[1].n[5], s[\"b\"]], k[\"c\"] : n[null]}",
            ),
            (
                Language::Yaml,
                "- a: \"x\" # y\n  b: http://c\nd: true",
                "- k[a]: s[\"x\"] c[# y]\n  k[b]: http://c\nk[d]: n[true]",
            ),
            (
                Language::Conf,
                "[main]\na.b = 1\n; c\n# d\nplain words",
                "w[[main]]\nk[a.b] = n[1]\nc[; c]\nc[# d]\nplain words",
            ),
            (
                Language::JavaScript,
                "const a = `b\nc` + 'd'; // e\n/* f\ng */ return null",
                "w[const] a = s[`b]\ns[c`] + s['d']; c[// e]\nc[/* f]\nc[g */] w[return] n[null]",
            ),
            (
                Language::Python,
                "def f(x): # y\n  '''a\nb'''\n  return None",
                "w[def] f(x): c[# y]\n  s['''a]\ns[b''']\n  w[return] n[None]",
            ),
            (
                Language::Markup,
                "<!-- a\nb --><p id=\"x\ny\">z</p>",
                "c[<!-- a]\nc[b -->]w[<p] k[id]=s[\"x]\ns[y\"]w[>]zw[</p>]",
            ),
            (
                Language::CLike,
                "int a = 0x1f; /* b */ char c = '\\'';",
                "w[int] a = n[0x1f]; c[/* b */] w[char] c = s['\\''];",
            ),
            (
                Language::Pem,
                "-----BEGIN X-----\nabc\n-----END X-----",
                "w[-----BEGIN X-----]\ns[abc]\nw[-----END X-----]",
            ),
            (Language::Plain, "if \"a\" # b", "if \"a\" # b"),
        ];
        for (language, text, expected) in table {
            assert_eq!(painted(language, text), expected, "{language:?}");
        }
    }

    #[test]
    fn a_line_for_machines_stays_plain_and_what_is_open_stays_open() {
        let line = "x".repeat(LINE_BYTES_MAX + 1);
        let (runs, state) = paint_line(Language::JavaScript, State::Comment, &line);
        assert_eq!((runs, state), (Vec::new(), State::Comment));
    }

    #[test]
    fn runs_end_between_characters_and_cover_what_they_paint() {
        let lines = [
            "é\"日\\",
            "\"\\é",
            "'\\",
            "<é \"日",
            "é: 日",
            "/*é",
            "`\\日`é",
            "[é",
            "=",
            ":",
            "é=\"\\",
        ];
        for language in [
            Language::Shell,
            Language::Dockerfile,
            Language::Json,
            Language::Yaml,
            Language::Conf,
            Language::JavaScript,
            Language::Python,
            Language::Markup,
            Language::CLike,
            Language::Pem,
        ] {
            for state in [
                State::Ground,
                State::Comment,
                State::Quote(0),
                State::Quote(1),
                State::Quote(200),
                State::Tag,
                State::Continued,
            ] {
                for line in lines {
                    let (runs, _) = paint_line(language, state, line);
                    let mut at = 0;
                    for run in &runs {
                        assert!(
                            run.end > at && line.is_char_boundary(run.end),
                            "{language:?} {line}"
                        );
                        at = run.end;
                    }
                    assert_eq!(at, line.len(), "{language:?} {state:?} {line}");
                }
            }
        }
    }
}
