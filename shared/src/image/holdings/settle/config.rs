//! What the config and the history tell: variables and arguments that look like secrets, and who set the user.

use std::collections::HashSet;

use super::super::mask::{masked, masked_assignment};
use super::super::secrets::{assigned, find_token, in_address, is_secret_name, is_value};
use super::super::{Danger, DangerKind};
use super::Seen;
use super::dangers::Dangers;
use crate::image::HistoryView;

/// Lines of a config or history that are looked at: an image has some hundred at most.
const LINES_MAX: usize = 10_000;

/// What is looked at of one line, in bytes.
const LINE_BYTES_MAX: usize = 16 << 10;

/// Finds what looks like a secret; one that the config has is not told again from the history.
pub(super) fn secrets(seen: &Seen<'_, '_>, found: &mut Dangers) {
    let mut told: HashSet<&str> = HashSet::new();
    for variable in seen.config.env.iter().take(LINES_MAX) {
        let variable = cut(variable);
        let Some((name, value)) = variable.split_once('=') else {
            continue;
        };
        let named = (is_secret_name(name) && is_value(value))
            .then(|| (value, masked_assignment(name, value)));
        let Some((secret, detail)) = named.or_else(|| by_form(value)) else {
            continue;
        };
        told.insert(secret);
        let line = seen
            .history
            .iter()
            .take(LINES_MAX)
            .position(|line| line.created_by.contains(secret));
        found.add(
            DangerKind::SecretInConfig,
            Danger {
                detail,
                line,
                ..Danger::default()
            },
        );
    }
    for (number, line) in seen.history.iter().enumerate().take(LINES_MAX) {
        let text = cut(&line.created_by);
        let mut here: Vec<_> = assigned(text)
            .into_iter()
            .map(|(name, value)| (value, masked_assignment(name, value)))
            .collect();
        here.extend(spaced(text));
        if here.is_empty() {
            here.extend(by_form(text));
        }
        for (secret, detail) in here {
            if told.insert(secret) {
                let layer = line.layer;
                found.add(
                    DangerKind::SecretInHistory,
                    Danger {
                        detail,
                        layer,
                        line: Some(number),
                        ..Danger::default()
                    },
                );
            }
        }
    }
}

/// The line of the history that set the user last.
pub(super) fn user_line(history: &[HistoryView]) -> Option<usize> {
    history
        .iter()
        .rposition(|line| instruction(&line.created_by).starts_with("USER "))
}

/// A value that tells by its form that it is a secret, and its masked start.
fn by_form(text: &str) -> Option<(&str, String)> {
    if let Some(password) = in_address(text) {
        return Some((password, masked(password)));
    }
    // The whole text stands for what was found in it: it is only compared with others.
    find_token(text.as_bytes()).map(|(_, shown)| (text, shown))
}

/// `ENV NAME value`, the old form.
fn spaced(text: &str) -> Option<(&str, String)> {
    let rest = instruction(text).strip_prefix("ENV ")?;
    let (name, value) = rest.trim_start().split_once(char::is_whitespace)?;
    let value = value.trim();
    let is_secret = !name.contains('=') && is_secret_name(name) && is_value(value);
    is_secret.then(|| (value, masked_assignment(name, value)))
}

/// A line without what the classic builder writes before an instruction.
fn instruction(text: &str) -> &str {
    text.trim_start()
        .trim_start_matches("/bin/sh -c #(nop)")
        .trim_start()
}

fn cut(text: &str) -> &str {
    &text[..text.floor_char_boundary(LINE_BYTES_MAX)]
}
