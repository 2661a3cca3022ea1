//! The JSON ("exec") form of arguments: an array of strings.

use std::ops::Range;

/// What a text that might be an array of strings is.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Json {
    /// It doesn't begin with `[`.
    No,
    /// It begins with `[` but is not JSON: the language then reads it as a line for the shell.
    Broken,
    /// An array, but not of strings alone.
    NotStrings,
    /// The strings, and where each stands with its quotes.
    Strings(Vec<(String, Range<usize>)>),
}

/// Reads the text of a range.
pub(super) fn read(text: &str, range: Range<usize>) -> Json {
    let array = &text[range.clone()];
    if !array.trim_start().starts_with('[') {
        return Json::No;
    }
    if let Ok(strings) = serde_json::from_str::<Vec<String>>(array) {
        return Json::Strings(
            strings
                .into_iter()
                .zip(literals(array, range.start))
                .collect(),
        );
    }
    match serde_json::from_str::<serde::de::IgnoredAny>(array) {
        Ok(_) => Json::NotStrings,
        Err(_) => Json::Broken,
    }
}

/// Where the strings stand in an array that holds nothing else.
fn literals(array: &str, base: usize) -> impl Iterator<Item = Range<usize>> {
    let mut bytes = array.bytes().enumerate();
    std::iter::from_fn(move || {
        let (start, _) = bytes.find(|&(_, byte)| byte == b'"')?;
        loop {
            match bytes.next()? {
                (_, b'\\') => drop(bytes.next()),
                (end, b'"') => return Some(base + start..base + end + 1),
                _ => {}
            }
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn strings_know_where_they_stand() {
        let text = r#"[ "a", "b\"é" ]"#;
        let Json::Strings(strings) = read(text, 0..text.len()) else {
            panic!("not strings")
        };
        let found: Vec<_> = strings
            .iter()
            .map(|(s, range)| (s.as_str(), &text[range.clone()]))
            .collect();
        assert_eq!(found, [("a", r#""a""#), ("b\"é", r#""b\"é""#)]);
    }

    #[test]
    fn what_is_not_an_array_of_strings_says_why() {
        let kind = |text: &str| read(text, 0..text.len());
        assert_eq!(kind("echo [1]"), Json::No);
        assert_eq!(kind("['a']"), Json::Broken);
        assert_eq!(kind("[\"a\"] b"), Json::Broken);
        assert_eq!(kind("[\"a\", 1]"), Json::NotStrings);
        assert_eq!(kind("[]"), Json::Strings(vec![]));
        assert_eq!(kind(&"[".repeat(100_000)), Json::Broken);
    }
}
