//! Checks of single arguments: variables, stage names, ports, what was likely meant as JSON.

use super::findings::{Findings, shown};
use crate::dockerfile::{Word, expand};

/// Reports a word whose quotes or variables can't be read, whatever the variables will hold.
pub(super) fn expandable(word: &Word, escape: char, findings: &mut Findings) -> bool {
    // A value that is set and not empty satisfies every form that demands one.
    let Err(error) = expand(&word.text, escape, &|_| Some("x".to_owned())) else {
        return true;
    };
    let message = format!("{error}: {}", shown(&word.text));
    match error.hint() {
        Some(hint) => findings.error_with_hint("bad-expansion", message, hint, word.span),
        None => findings.error("bad-expansion", message, word.span),
    }
    false
}

/// Names with a meaning of their own in `FROM` and in named contexts.
const RESERVED_STAGE_NAMES: [&str; 2] = ["scratch", "context"];

/// Checks a stage's name: a letter, then letters, digits, `-`, `_` and `.`. Case does not count.
pub(super) fn stage_name(name: &Word, findings: &mut Findings) -> bool {
    let lower = name.text.to_ascii_lowercase();
    let mut characters = lower.chars();
    let good = characters
        .next()
        .is_some_and(|first| first.is_ascii_lowercase())
        && characters.all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || "-_.".contains(c));
    if !good {
        let message = format!(
            "expected a stage's name of a letter and then letters, digits, '-', '_' or '.', but found: {}",
            shown(&name.text)
        );
        findings.error("bad-stage-name", message, name.span);
    } else if RESERVED_STAGE_NAMES.contains(&lower.as_str()) {
        let message = format!("expected a stage's name that is not reserved, but found: {lower}");
        findings.warning(
            "reserved-stage-name",
            message,
            "choose another name",
            name.span,
        );
    }
    good
}

/// Checks `[[ADDRESS:]HOST:]PORT[-PORT][/PROTOCOL]`. What holds variables or quotes is known only in the build.
pub(super) fn port(word: &Word, findings: &mut Findings) -> bool {
    if word.text.contains(['$', '"', '\'', '\\', '`']) {
        return true;
    }
    let (range, protocol) = word.text.split_once('/').unwrap_or((&word.text, "tcp"));
    if !["tcp", "udp", "sctp"].contains(&protocol.to_ascii_lowercase().as_str()) {
        let message = format!(
            "expected the protocol tcp, udp or sctp, but found: {}",
            shown(protocol)
        );
        findings.error("bad-port", message, word.span);
        return false;
    }
    let ports = range.rsplit(':').next().unwrap_or_default();
    let (first, last) = ports.split_once('-').unwrap_or((ports, ports));
    match (number(first), number(last)) {
        (Some(first), Some(last)) if first <= last => true,
        (Some(_), Some(_)) => {
            let message = format!(
                "expected a range that begins with its lower port, but found: {}",
                shown(ports)
            );
            findings.error("bad-port", message, word.span);
            false
        }
        _ => {
            let message = format!(
                "expected a port from 1 to 65535, but found: {}",
                shown(&word.text)
            );
            if word.text.starts_with('#') {
                findings.error_with_hint(
                    "bad-port",
                    message,
                    "a comment stands on a line of its own",
                    word.span,
                );
            } else {
                findings.error("bad-port", message, word.span);
            }
            false
        }
    }
}

fn number(text: &str) -> Option<u16> {
    // `parse` alone would take a sign.
    let digits = text.bytes().all(|byte| byte.is_ascii_digit());
    text.parse().ok().filter(|&port| digits && port > 0)
}

/// Warns of a command that looks like the JSON form and isn't: the shell would get its brackets.
pub(super) fn meant_as_json(instruction: &str, arguments: &Word, findings: &mut Findings) {
    let text = arguments.text.trim();
    let Some(inside) = text.strip_prefix('[') else {
        return;
    };
    // `[ "$a" = b ] && c` is a test, and for the shell; without its last bracket it would be none.
    let is_list = text.ends_with(']') && inside.contains(',');
    let is_open = !inside.contains(']');
    if inside.trim_start().starts_with(['"', '\'']) && (is_list || is_open) {
        let message = format!(
            "expected JSON after {instruction} [, but found: {}; it is read as a line for the shell",
            shown(text)
        );
        let hint = if is_open {
            "the JSON form ends with ]"
        } else {
            "the JSON form has double quotes and a comma between its words"
        };
        findings.warning("not-json", message, hint, arguments.span);
    }
}
