//! `${name#pattern}`, `${name%pattern}` and `${name/pattern/text}`: cutting and replacing by a shell pattern.
//!
//! `*` is any text and `?` any character, both within a line; brackets are themselves, as in BuildKit.

use super::{EXPANDED_BYTES_MAX, ExpandError};
use crate::dockerfile::pattern::{Pattern, Run, Set, Token};

/// The most steps of one match: a fifth of a second. `${A//*a*b/}` over a long value costs its length squared.
const STEPS_MAX: usize = 1 << 24;

/// Which of several matches counts.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Reach {
    Shortest,
    Longest,
}

/// The value without the match at its start.
pub(super) fn start(value: &str, pattern: &str, reach: Reach) -> Result<String, ExpandError> {
    let pattern = Pattern::new(tokens(pattern)?);
    let mut steps = STEPS_MAX;
    let length = match_length(value.chars(), &mut pattern.run(), reach, &mut steps)?;
    Ok(value[length.unwrap_or(0)..].to_owned())
}

/// The value without the match at its end.
pub(super) fn end(value: &str, pattern: &str, reach: Reach) -> Result<String, ExpandError> {
    let mut tokens = tokens(pattern)?;
    tokens.reverse();
    let pattern = Pattern::new(tokens);
    let mut steps = STEPS_MAX;
    let length = match_length(value.chars().rev(), &mut pattern.run(), reach, &mut steps)?;
    Ok(value[..value.len() - length.unwrap_or(0)].to_owned())
}

/// The value with the first match replaced, or all: each the longest at the leftmost place.
pub(super) fn replace(
    value: &str,
    pattern: &str,
    replacement: &str,
    all: bool,
) -> Result<String, ExpandError> {
    let pattern = Pattern::new(tokens(pattern)?);
    let mut run = pattern.run();
    let mut steps = STEPS_MAX;
    let mut result = String::new();
    let mut at = 0;
    loop {
        let rest = &value[at..];
        let found = match_length(rest.chars(), &mut run, Reach::Longest, &mut steps)?;
        // A match of nothing right after another match, or where nothing is asked for, replaces nothing.
        let found = found.filter(|&length| length > 0 || value.is_empty());
        if let Some(length) = found {
            result.push_str(replacement);
            at += length;
            if result.len() > EXPANDED_BYTES_MAX {
                return Err(ExpandError::TooLong);
            }
            if all && length > 0 {
                continue;
            }
            break;
        }
        let Some(c) = rest.chars().next() else { break };
        result.push(c);
        at += c.len_utf8();
    }
    result.push_str(&value[at..]);
    Ok(result)
}

/// How many bytes from the first character on match.
fn match_length(
    characters: impl Iterator<Item = char>,
    run: &mut Run<'_>,
    reach: Reach,
    steps: &mut usize,
) -> Result<Option<usize>, ExpandError> {
    run.restart();
    pay(run, steps)?;
    let mut found = run.is_match().then_some(0);
    let mut length = 0;
    for c in characters {
        if (found.is_some() && reach == Reach::Shortest) || !run.can_go_on() {
            break;
        }
        pay(run, steps)?;
        run.advance(c);
        length += c.len_utf8();
        if run.is_match() {
            found = Some(length);
        }
    }
    Ok(found)
}

fn pay(run: &Run<'_>, steps: &mut usize) -> Result<(), ExpandError> {
    *steps = steps
        .checked_sub(run.width() + 1)
        .ok_or(ExpandError::TooCostly)?;
    Ok(())
}

/// Reads a pattern. `\` escapes `*`, `?` and itself, and `/` and `}`, which would have ended the pattern.
fn tokens(pattern: &str) -> Result<Vec<Token>, ExpandError> {
    let mut tokens = Vec::new();
    let mut characters = pattern.chars();
    while let Some(c) = characters.next() {
        tokens.push(match c {
            '*' => Token::Many(Set::NotNewline),
            '?' => Token::One(Set::NotNewline),
            '\\' => match characters.next() {
                Some(escaped @ ('*' | '?' | '\\' | '}' | '/')) => Token::Literal(escaped),
                other => {
                    let escaped = other.map(String::from).unwrap_or_default();
                    return Err(ExpandError::BadPattern { escaped });
                }
            },
            c => Token::Literal(c),
        });
    }
    Ok(tokens)
}
