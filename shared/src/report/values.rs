//! The values that an image is known to give to variables, labels and build arguments.
//!
//! Builders write values without quotes, so one with a blank in it can't be told from what follows: every reading counts.
//! How many are kept has a limit that holds while they are gathered, since a hostile history can have any number of readings.

use std::collections::{BTreeMap, BTreeSet};

use super::redact::{Line, is_name};
use crate::image::{ImageAnalysis, LayerView};

/// Shortest value that is taken out of other texts, in characters.
const VALUE_CHARS_MIN: usize = 4;

/// Most values that are looked for; with more, texts are left out whole, so that a hostile config can't cost minutes.
const VALUES_MAX: usize = 500;

/// Longest reading that words are joined to, in bytes: each word counts by itself besides, and the readings of a long text
/// would take memory by the square of its length.
const JOINED_BYTES_MAX: usize = 4096;

/// Values, until there are too many.
#[derive(Default)]
pub(super) struct Values {
    known: BTreeSet<String>,
    are_too_many: bool,
}

impl Values {
    /// All of them, longest first; none where there are too many.
    pub(super) fn longest_first(self) -> Option<Vec<String>> {
        let mut values: Vec<_> = self.known.into_iter().collect();
        values.sort_by_key(|value| std::cmp::Reverse(value.len()));
        (!self.are_too_many).then_some(values)
    }

    /// Adds a value, plain and as JSON writes it; too short ones are left.
    pub(super) fn add(&mut self, value: &str) {
        if self.are_too_many || value.chars().nth(VALUE_CHARS_MIN - 1).is_none() {
            return;
        }
        let in_json = serde_json::to_string(value).unwrap_or_default();
        let in_json = in_json.trim_matches('"');
        if in_json != value {
            self.known.insert(in_json.to_owned());
        }
        self.known.insert(value.to_owned());
        if self.known.len() > VALUES_MAX {
            self.are_too_many = true;
            self.known.clear();
        }
    }

    /// Adds the values that a line gives; `named` is what the config gives, and need not be guessed at.
    pub(super) fn add_line(&mut self, line: &Line<'_>, named: &BTreeMap<&str, &str>) {
        if let Some(arguments) = line.build_args {
            self.add_assignments(arguments);
            self.add_readings(arguments);
        }
        if matches!(line.name.as_str(), "ENV" | "ARG" | "LABEL") {
            self.add_assignments(line.rest);
            let nothing = BTreeMap::new();
            // An ARG may have the name of a variable, and another value.
            let named = if line.name == "ARG" { &nothing } else { named };
            let unclear = self.add_clear_assignments(line.rest, named);
            self.add_readings(&unclear);
        }
        // `KEY value`, the old form of ENV.
        if let ("ENV", Some((key, value))) = (
            line.name.as_str(),
            line.rest.split_once(char::is_whitespace),
        ) && !key.contains('=')
        {
            self.add(value.trim());
        }
    }

    /// Adds what follows the first `=`, and the value of each word with its quotes understood.
    fn add_assignments(&mut self, text: &str) {
        if let Some((_, rest)) = text.split_once('=') {
            self.add(rest.trim());
            self.add(rest.trim().trim_matches(['"', '\'']));
        }
        for word in quoted_words(text) {
            if let Some((_, value)) = word.split_once('=') {
                self.add(value);
            }
        }
    }

    /// Adds the values that are quoted; answers the text without them, and without what the config repeats word for word:
    /// else a label's description would take its every word out of all other texts.
    fn add_clear_assignments(&mut self, text: &str, named: &BTreeMap<&str, &str>) -> String {
        let mut unclear = String::new();
        let mut rest = text.trim_start();
        while !rest.is_empty() {
            let word_end = rest.find(char::is_whitespace).unwrap_or(rest.len());
            let clear = rest[..word_end].split_once('=').and_then(|(name, _)| {
                let given = &rest[name.len() + 1..];
                let name = name.trim_matches(['"', '\'']);
                let after = named
                    .get(name)
                    .and_then(|value| given.strip_prefix(*value))
                    .filter(|after| ends_word(after));
                match after {
                    Some(after) => Some(("", after)),
                    None => quoted(given),
                }
            });
            match clear {
                Some((value, after)) => {
                    self.add(value);
                    // Ends the value before it.
                    unclear.push_str("CLEAR= ");
                    rest = after.trim_start();
                }
                None => {
                    unclear.extend([&rest[..word_end], " "]);
                    rest = rest[word_end..].trim_start();
                }
            }
        }
        unclear
    }

    /// Adds each word, and what each assignment's value may go on to.
    fn add_readings(&mut self, text: &str) {
        let mut value = String::new();
        for (number, word) in text.split_whitespace().enumerate() {
            if self.are_too_many {
                return;
            }
            let assigned = word.split_once('=').filter(|(key, _)| is_name(key));
            match assigned {
                Some((_, first)) => {
                    self.add(first);
                    first.clone_into(&mut value);
                }
                // The name of a variable that has no value here.
                None if number == 0 => {}
                None => {
                    self.add(word);
                    if value.len() + word.len() < JOINED_BYTES_MAX {
                        value.extend([" ", word]);
                        self.add(&value);
                    }
                }
            }
        }
    }

    /// Forgets the values that are absolute paths of the image (folders that only their files tell of included): the report
    /// shows those anyway, and `WORKDIR …` would say nothing.
    pub(super) fn keep_paths(&mut self, analysis: &ImageAnalysis) {
        let layers = &analysis.image.layers;
        let is_path = |value: &String| {
            let path = value.trim_matches('/');
            let below = format!("{path}/");
            value.starts_with('/')
                && layers.iter().any(|layer| {
                    first_from(layer, path) == Some(path)
                        || first_from(layer, &below).is_some_and(|found| found.starts_with(&below))
                })
        };
        self.known.retain(|value| !is_path(value));
    }
}

/// The first path of a layer that is not before this one: its entries are sorted.
fn first_from<'a>(layer: &'a LayerView, path: &str) -> Option<&'a str> {
    let at = layer
        .entries
        .partition_point(|entry| entry.path.as_str() < path);
    layer.entries.get(at).map(|entry| entry.path.as_str())
}

/// Whether a word ends before this text.
fn ends_word(after: &str) -> bool {
    after.is_empty() || after.starts_with(char::is_whitespace)
}

/// A quoted value at a text's start, without its quotes, and what follows it; none where anything else touches it.
fn quoted(text: &str) -> Option<(&str, &str)> {
    let quote = text
        .chars()
        .next()
        .filter(|first| matches!(first, '"' | '\''))?;
    let (value, after) = text[1..].split_once(quote)?;
    (ends_word(after) && !value.ends_with('\\')).then_some((value, after))
}

/// Words as a shell would see them: quotes hold words together and go, a backslash keeps the next character.
fn quoted_words(text: &str) -> Vec<String> {
    let mut words = vec![String::new()];
    let mut quote = None;
    let mut characters = text.chars();
    while let Some(character) = characters.next() {
        let word = words.last_mut().expect("there is always a last word");
        match (quote, character) {
            (Some(open), _) if character == open => quote = None,
            (None, '"' | '\'') => quote = Some(character),
            (None | Some('"'), '\\') => word.extend(characters.next()),
            (None, _) if character.is_whitespace() => words.push(String::new()),
            _ => word.push(character),
        }
    }
    words
}
