//! Why a rule can't be read: where it stands, what was expected and what was found.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::yaml::At;
use crate::text::escape_name;

/// Longest piece of the text that a message quotes, in characters.
const QUOTED_CHARS_MAX: usize = 80;

/// One mistake in a rules file or an option. It shows as `LINE:COLUMN: KEY: expected X, but found Y`, its names escaped.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Mistake {
    /// The line, from 1; none where it stands in no file.
    pub line: Option<u32>,
    /// The column in characters, from 1.
    pub column: Option<u32>,
    /// The key concerned, as written.
    pub key: Option<String>,
    /// `expected X, but found Y`.
    pub message: String,
    /// What to do about it.
    pub hint: Option<String>,
}

impl Mistake {
    /// One without a place.
    pub(super) fn new(message: impl Into<String>) -> Self {
        Self {
            line: None,
            column: None,
            key: None,
            message: message.into(),
            hint: None,
        }
    }

    pub(super) fn at(at: At, message: impl Into<String>) -> Self {
        Self {
            line: Some(at.line),
            column: Some(at.column),
            ..Self::new(message)
        }
    }

    pub(super) fn key(mut self, key: &str) -> Self {
        self.key = Some(key.to_owned());
        self
    }

    pub(super) fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    /// The same, at a place where it has none.
    pub(super) fn or_at(mut self, at: At) -> Self {
        if self.line.is_none() {
            (self.line, self.column) = (Some(at.line), Some(at.column));
        }
        self
    }
}

impl fmt::Display for Mistake {
    fn fmt(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let (Some(line), Some(column)) = (self.line, self.column) {
            write!(to, "{line}:{column}: ")?;
        }
        if let Some(key) = &self.key {
            write!(to, "{}: ", quoted(key))?;
        }
        to.write_str(&escape_name(&self.message))
    }
}

/// A text from outside, escaped and cut for a message.
pub(super) fn quoted(text: &str) -> String {
    super::show::cut(text, QUOTED_CHARS_MAX)
}
