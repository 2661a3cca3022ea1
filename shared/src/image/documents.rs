//! The JSON documents that an image is described by, as they lie: index, manifest, config; laid out for the eye.
//!
//! They are no part of the analysis, which says what they mean. Their order and every value stay; only the room between
//! them changes. What is no JSON is shown as it is.

use serde::{Deserialize, Serialize};

/// Most bytes of one document that are kept, laid out; the largest that a registry takes has 4 MiB.
pub const DOCUMENT_BYTES_MAX: usize = 8 << 20;

/// Most bytes of all documents of an archive together.
pub const DOCUMENTS_BYTES_MAX: usize = 32 << 20;

/// Deepest nesting that is laid out with an indentation of its own.
const INDENT_MAX: usize = 32;

/// One document.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RawDocument {
    /// What it is: `index`, `manifest` or `config`.
    pub kind: String,
    /// Where it lies: its path in the archive, or its digest.
    pub place: String,
    /// Its bytes as it lies.
    pub size_bytes: u64,
    /// Its text, laid out; none where it is too long to be kept.
    pub text: Option<String>,
}

impl RawDocument {
    /// A document of these bytes. `budget` is what is left for all of them, in bytes.
    #[must_use]
    pub fn of(kind: &str, place: &str, bytes: &[u8], budget: &mut usize) -> Self {
        let most = DOCUMENT_BYTES_MAX.min(*budget);
        let text = lay_out(&String::from_utf8_lossy(bytes), most);
        *budget -= text.as_ref().map_or(0, String::len);
        Self {
            kind: kind.to_owned(),
            place: place.to_owned(),
            size_bytes: bytes.len() as u64,
            text,
        }
    }
}

/// JSON with a line for each value; none where that takes more bytes than these.
fn lay_out(json: &str, bytes_max: usize) -> Option<String> {
    if serde_json::from_str::<serde::de::IgnoredAny>(json).is_err() {
        return (json.len() <= bytes_max).then(|| json.to_owned());
    }
    let mut out = String::with_capacity(json.len().min(bytes_max) * 2);
    let mut depth = 0usize;
    let mut letters = json.chars().peekable();
    let mut is_text = false;
    let new_line = |out: &mut String, depth: usize| {
        out.push('\n');
        for _ in 0..depth.min(INDENT_MAX) {
            out.push_str("  ");
        }
    };
    while let Some(letter) = letters.next() {
        if out.len() > bytes_max {
            return None;
        }
        if is_text {
            out.push(letter);
            match letter {
                '\\' => out.extend(letters.next()),
                '"' => is_text = false,
                _ => {}
            }
            continue;
        }
        match letter {
            ' ' | '\n' | '\r' | '\t' => {}
            '"' => {
                is_text = true;
                out.push(letter);
            }
            '{' | '[' => {
                out.push(letter);
                while letters
                    .next_if(|next| matches!(next, ' ' | '\n' | '\r' | '\t'))
                    .is_some()
                {}
                if let Some(end) = letters.next_if(|next| matches!(next, '}' | ']')) {
                    out.push(end);
                } else {
                    depth += 1;
                    new_line(&mut out, depth);
                }
            }
            '}' | ']' => {
                depth = depth.saturating_sub(1);
                new_line(&mut out, depth);
                out.push(letter);
            }
            ',' => {
                out.push(letter);
                new_line(&mut out, depth);
            }
            ':' => out.push_str(": "),
            other => out.push(other),
        }
    }
    (out.len() <= bytes_max).then_some(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_document_keeps_its_order_and_its_values() {
        let json = r#"{"b":[1,{"x":"a\"{,:"}],"a":{ },"n":1.50e3,"e":[]}"#;
        let laid = lay_out(json, 1_000).unwrap_or_default();
        let expected = "{\n  \"b\": [\n    1,\n    {\n      \"x\": \"a\\\"{,:\"\n    }\n  ],\n  \"a\": {},\n  \"n\": 1.50e3,\n  \"e\": []\n}";
        assert_eq!(laid, expected);
        assert_eq!(lay_out(&laid, 1_000).as_deref(), Some(expected));
    }

    #[test]
    fn what_is_no_json_is_shown_as_it_is() {
        assert_eq!(lay_out("{\"a\":", 100).as_deref(), Some("{\"a\":"));
        assert_eq!(lay_out("not json", 3), None);
    }

    #[test]
    fn what_is_kept_has_a_bound() {
        let json = format!("[{}0]", "0,".repeat(1_000));
        let mut budget = 8_000;
        let first = RawDocument::of("config", "config.json", json.as_bytes(), &mut budget);
        let second = RawDocument::of("config", "config.json", json.as_bytes(), &mut budget);
        assert_eq!(
            (first.text.is_some(), second.text, second.size_bytes),
            (true, None, 2_003)
        );
        assert!(budget < 3_000);
    }
}
