//! The lexer: one pass over the word, one function for each thing that a character can begin.

use std::iter::Peekable;
use std::str::Chars;

use super::trim::{self, Reach};
use super::{DEPTH_MAX, EXPANDED_BYTES_MAX, ExpandError};

/// Reads a word.
pub(super) struct Lexer<'a> {
    rest: Peekable<Chars<'a>>,
    escape: char,
    lookup: &'a dyn Fn(&str) -> Option<String>,
    depth: usize,
    /// Escapes stay in the result: of a pattern, whose own reader needs them.
    raw_escapes: bool,
}

/// What was read: as one text and as words.
#[derive(Default)]
pub(super) struct Output {
    pub(super) text: String,
    words: Vec<String>,
    word: String,
}

impl Output {
    /// A character that quotes or an escape protect.
    fn push_protected(&mut self, c: char) {
        self.text.push(c);
        self.word.push(c);
    }

    /// A bare character: white space ends a word.
    fn push_bare(&mut self, c: char) {
        self.text.push(c);
        if !c.is_whitespace() {
            self.word.push(c);
        } else if !self.word.is_empty() {
            self.words.push(std::mem::take(&mut self.word));
        }
    }

    fn check_length(&self) -> Result<(), ExpandError> {
        if self.text.len() > EXPANDED_BYTES_MAX {
            Err(ExpandError::TooLong)
        } else {
            Ok(())
        }
    }

    pub(super) fn into_words(mut self) -> Vec<String> {
        if !self.word.is_empty() {
            self.words.push(self.word);
        }
        self.words
    }
}

impl<'a> Lexer<'a> {
    pub(super) fn new(
        word: &'a str,
        escape: char,
        lookup: &'a dyn Fn(&str) -> Option<String>,
    ) -> Self {
        Self {
            rest: word.chars().peekable(),
            escape,
            lookup,
            depth: 0,
            raw_escapes: false,
        }
    }

    /// Reads to the end of the word.
    pub(super) fn whole(mut self) -> Result<Output, ExpandError> {
        self.until(None)
    }

    /// Reads the word inside braces, up to and over `stop`.
    fn inner(&mut self, stop: char, raw_escapes: bool) -> Result<String, ExpandError> {
        if self.depth == DEPTH_MAX {
            return Err(ExpandError::TooDeep);
        }
        self.depth += 1;
        let outer = std::mem::replace(&mut self.raw_escapes, raw_escapes);
        let inner = self.until(Some(stop));
        self.raw_escapes = outer;
        self.depth -= 1;
        inner.map(|output| output.text)
    }

    fn until(&mut self, stop: Option<char>) -> Result<Output, ExpandError> {
        let mut output = Output::default();
        while let Some(&c) = self.rest.peek() {
            if stop == Some(c) {
                self.rest.next();
                return Ok(output);
            }
            match c {
                '\'' => self
                    .single_quoted()?
                    .chars()
                    .for_each(|c| output.push_protected(c)),
                '"' => self
                    .double_quoted()?
                    .chars()
                    .for_each(|c| output.push_protected(c)),
                '$' => self.dollar()?.chars().for_each(|c| output.push_bare(c)),
                _ => {
                    self.rest.next();
                    if c == self.escape {
                        self.escaped(&mut output);
                    } else {
                        output.push_bare(c);
                    }
                }
            }
            output.check_length()?;
        }
        match stop {
            None => Ok(output),
            Some('/') => Err(ExpandError::NoReplacement),
            Some(_) => Err(ExpandError::UnclosedBrace),
        }
    }

    /// What follows an escape outside quotes: any character, as itself. At the end of the word it escapes nothing.
    fn escaped(&mut self, output: &mut Output) {
        if self.raw_escapes {
            output.push_protected(self.escape);
        }
        if let Some(c) = self.rest.next() {
            output.push_protected(c);
        }
    }

    /// Between single quotes everything is itself.
    fn single_quoted(&mut self) -> Result<String, ExpandError> {
        self.rest.next();
        let mut text = String::new();
        for c in self.rest.by_ref() {
            if c == '\'' {
                return Ok(text);
            }
            text.push(c);
        }
        Err(ExpandError::UnclosedQuote { quote: '\'' })
    }

    /// Between double quotes, variables are replaced, and the escape works on `"`, `$` and itself.
    fn double_quoted(&mut self) -> Result<String, ExpandError> {
        self.rest.next();
        let mut text = String::new();
        while let Some(&c) = self.rest.peek() {
            if c == '$' {
                text.push_str(&self.dollar()?);
                if text.len() > EXPANDED_BYTES_MAX {
                    return Err(ExpandError::TooLong);
                }
                continue;
            }
            self.rest.next();
            if c == '"' {
                return Ok(text);
            }
            if c != self.escape {
                text.push(c);
                continue;
            }
            if self.raw_escapes {
                text.push(c);
            }
            let escape = self.escape;
            match self
                .rest
                .next_if(|&next| next == '"' || next == '$' || next == escape)
            {
                Some(escaped) => text.push(escaped),
                None => text.push(c),
            }
        }
        Err(ExpandError::UnclosedQuote { quote: '"' })
    }

    /// `$name`, `${…}`, or a dollar sign that begins nothing.
    fn dollar(&mut self) -> Result<String, ExpandError> {
        self.rest.next();
        if self.rest.next_if_eq(&'{').is_some() {
            return self.braces();
        }
        let name = self.name();
        if name.is_empty() {
            return Ok("$".to_owned());
        }
        Ok((self.lookup)(&name).unwrap_or_default())
    }

    fn braces(&mut self) -> Result<String, ExpandError> {
        if self.rest.peek().is_none() {
            return Err(ExpandError::UnclosedBrace);
        }
        let name = self.name();
        if name.is_empty() {
            return Err(ExpandError::BadSubstitution);
        }
        match self.rest.next() {
            None => Err(ExpandError::UnclosedBrace),
            Some('}') => Ok((self.lookup)(&name).unwrap_or_default()),
            Some(':') => match self.rest.next() {
                None => Err(ExpandError::UnclosedBrace),
                Some(modifier @ ('-' | '+' | '?')) => self.conditional(&name, modifier, true),
                Some(other) => Err(ExpandError::UnsupportedModifier {
                    modifier: format!(":{other}"),
                }),
            },
            Some(modifier @ ('-' | '+' | '?')) => self.conditional(&name, modifier, false),
            Some('#') => self.trimmed(&name, '#'),
            Some('%') => self.trimmed(&name, '%'),
            Some('/') => self.replaced(&name),
            Some(other) => Err(ExpandError::UnsupportedModifier {
                modifier: other.to_string(),
            }),
        }
    }

    fn conditional(
        &mut self,
        name: &str,
        modifier: char,
        empty_is_unset: bool,
    ) -> Result<String, ExpandError> {
        let word = self.inner('}', false)?;
        let found = (self.lookup)(name);
        let state = if found.is_none() { "unset" } else { "empty" };
        let value = found.filter(|value| !(empty_is_unset && value.is_empty()));
        match (modifier, value) {
            ('+', Some(_)) | ('-', None) => Ok(word),
            ('+', None) => Ok(String::new()),
            (_, Some(value)) => Ok(value),
            (_, None) => Err(ExpandError::Required {
                name: name.to_owned(),
                state,
                message: Some(word).filter(|word| !word.is_empty()),
            }),
        }
    }

    fn trimmed(&mut self, name: &str, side: char) -> Result<String, ExpandError> {
        let word = self.inner('}', true)?;
        let value = (self.lookup)(name).unwrap_or_default();
        let (pattern, reach) = match word.strip_prefix(side) {
            Some(pattern) => (pattern, Reach::Longest),
            None => (word.as_str(), Reach::Shortest),
        };
        match side {
            '#' => trim::start(&value, pattern, reach),
            _ => trim::end(&value, pattern, reach),
        }
    }

    fn replaced(&mut self, name: &str) -> Result<String, ExpandError> {
        let all = self.rest.next_if_eq(&'/').is_some();
        let pattern = self.inner('/', true)?;
        let replacement = self.inner('}', true)?;
        let value = (self.lookup)(name).unwrap_or_default();
        trim::replace(&value, &pattern, &replacement, all)
    }

    /// A name: letters, digits and `_`; or digits alone; or one special parameter.
    fn name(&mut self) -> String {
        let mut name = String::new();
        if let Some(special) = self.rest.next_if(|c| "@*#?-$!".contains(*c)) {
            name.push(special);
            return name;
        }
        let digits_only = self.rest.peek().is_some_and(|c| c.is_numeric());
        let belongs = |c: &char| {
            if digits_only {
                c.is_numeric()
            } else {
                c.is_alphanumeric() || *c == '_'
            }
        };
        while let Some(c) = self.rest.next_if(belongs) {
            name.push(c);
        }
        name
    }
}
