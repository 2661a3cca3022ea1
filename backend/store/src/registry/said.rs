//! What a registry says of a fault, made fit to be shown: short, in one line, and only where it is meant for people.
//!
//! Distribution specification, "Error Codes": `{"errors": [{"code": …, "message": …, "detail": …}]}`.

use serde::Deserialize;

use super::client::{Answer, Client};

/// The most bytes of an answer that are read for its words.
const ANSWER_BYTES_MAX: u64 = 64 << 10;

/// The most bytes of them that are shown.
const SHOWN_BYTES_MAX: usize = 300;

#[derive(Deserialize)]
struct Document {
    #[serde(default)]
    errors: Vec<Fault>,
    /// Token services say it so.
    #[serde(default)]
    details: Option<String>,
    /// RFC 6749, section 5.2.
    #[serde(default)]
    error_description: Option<String>,
}

#[derive(Deserialize)]
struct Fault {
    #[serde(default)]
    code: Option<String>,
    #[serde(default)]
    message: Option<String>,
}

/// The words of an answer; none where it has none that can be read.
pub(super) fn said(client: &Client, answer: Answer) -> Option<String> {
    if answer.media_type() == "text/html" {
        return Some("a page of HTML, as a proxy or a login page sends it".to_owned());
    }
    let bytes = client.read(answer, "an answer", ANSWER_BYTES_MAX).ok()?;
    let document: Document = serde_json::from_slice(&bytes).ok()?;
    let fault = document.errors.into_iter().next();
    let words = match fault {
        Some(Fault {
            message: Some(message),
            ..
        }) if !message.trim().is_empty() => message,
        Some(Fault {
            code: Some(code), ..
        }) => code,
        _ => document.details.or(document.error_description)?,
    };
    Some(shorten(&words))
}

/// One line, no longer than people read.
pub(super) fn shorten(words: &str) -> String {
    let line: String = words
        .chars()
        .map(|each| if each.is_control() { ' ' } else { each })
        .collect();
    let line = line.trim();
    match line.len() <= SHOWN_BYTES_MAX {
        true => line.to_owned(),
        false => format!("{}…", &line[..line.floor_char_boundary(SHOWN_BYTES_MAX)]),
    }
}
