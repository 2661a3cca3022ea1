//! The headers that a pull or a push depends on, each as a type. Pure, and total on any text: what a registry sends is
//! nobody's friend.
//!
//! RFC 9110: sections 10.2.3 (Retry-After), 11.6.1 (WWW-Authenticate), 14.4 (Content-Range). Distribution specification:
//! "Pushing a blob in chunks" for `Range` and `OCI-Chunk-Min-Length`.

use std::time::Duration;

/// Challenges read from one header: registries send one or two.
const CHALLENGES_MAX: usize = 16;

/// Parameters read of one challenge: three are in use.
const PARAMETERS_MAX: usize = 32;

/// One way to show who asks, as a server offers it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Challenge {
    /// `bearer`, `basic`, …, in lower case.
    pub(super) scheme: String,
    /// Names in lower case.
    parameters: Vec<(String, String)>,
}

impl Challenge {
    /// A parameter's value.
    pub(super) fn parameter(&self, name: &str) -> Option<&str> {
        let found = self.parameters.iter().find(|(key, _)| key == name);
        found.map(|(_, value)| value.as_str())
    }
}

/// Reads `WWW-Authenticate`. What can't be read ends the list; what stands before it counts.
pub(super) fn challenges(header: &str) -> Vec<Challenge> {
    let mut found: Vec<Challenge> = Vec::new();
    let mut rest = header;
    loop {
        rest = rest.trim_start_matches([' ', '\t', ',']);
        let Some((word, after)) = token(rest) else {
            return found;
        };
        let value = after.trim_start_matches([' ', '\t']);
        match (value.strip_prefix('='), found.last_mut()) {
            (Some(value), Some(challenge)) => {
                let Some((value, after)) = parameter_value(value.trim_start_matches([' ', '\t']))
                else {
                    return found;
                };
                if challenge.parameters.len() < PARAMETERS_MAX {
                    let name = word.to_ascii_lowercase();
                    challenge.parameters.push((name, value));
                }
                rest = after;
            }
            // A value before any scheme.
            (Some(_), None) => return found,
            (None, _) => {
                if found.len() == CHALLENGES_MAX {
                    return found;
                }
                found.push(Challenge {
                    scheme: word.to_ascii_lowercase(),
                    parameters: Vec::new(),
                });
                rest = after;
            }
        }
    }
}

/// A token of RFC 9110, section 5.6.2, and what follows it.
fn token(text: &str) -> Option<(&str, &str)> {
    let is_part = |each: char| each.is_ascii_alphanumeric() || "!#$%&'*+-.^_`|~".contains(each);
    let end = text.find(|each| !is_part(each)).unwrap_or(text.len());
    (end > 0).then(|| text.split_at(end))
}

/// A token or a quoted string, and what follows it.
fn parameter_value(text: &str) -> Option<(String, &str)> {
    let Some(quoted) = text.strip_prefix('"') else {
        return token(text).map(|(value, rest)| (value.to_owned(), rest));
    };
    let mut value = String::new();
    let mut characters = quoted.char_indices();
    while let Some((at, each)) = characters.next() {
        match each {
            '"' => return Some((value, &quoted[at + 1..])),
            '\\' => value.push(characters.next()?.1),
            each => value.push(each),
        }
    }
    // The closing quote is missing.
    None
}

/// What part of a document an answer holds: `bytes FIRST-LAST/TOTAL`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct ContentRange {
    /// The first byte's place, from 0.
    pub(super) first: u64,
    /// The last byte's.
    pub(super) last: u64,
    /// The whole document's bytes, where the server says.
    pub(super) total: Option<u64>,
}

/// Reads `Content-Range`.
pub(super) fn content_range(header: &str) -> Option<ContentRange> {
    let range = header.trim().strip_prefix("bytes")?.trim_start();
    let (span, total) = range.split_once('/')?;
    let (first, last) = span.split_once('-')?;
    let total = match total.trim() {
        "*" => None,
        total => Some(number(total)?),
    };
    let (first, last) = (number(first.trim())?, number(last.trim())?);
    let fits = first <= last && total.is_none_or(|total| last < total);
    fits.then_some(ContentRange { first, last, total })
}

/// How many bytes an upload has by `Range: 0-LAST` (or `bytes=0-LAST`). A registry that has none says `0-0`, or nothing,
/// so that one byte can't be told from none: none is taken.
pub(super) fn uploaded_bytes(header: &str) -> Option<u64> {
    let range = header.trim();
    let range = range.strip_prefix("bytes=").unwrap_or(range);
    let (first, last) = range.split_once('-')?;
    match (number(first.trim())?, number(last.trim())?) {
        (0, 0) => Some(0),
        (0, last) => last.checked_add(1),
        _ => None,
    }
}

/// Reads `Retry-After` in seconds. A date is left to the caller's own waiting: clocks differ.
pub(super) fn retry_after(header: &str) -> Option<Duration> {
    number(header.trim()).map(Duration::from_secs)
}

/// A number of digits alone: `parse` would take a sign too.
pub(super) fn number(text: &str) -> Option<u64> {
    let is_number = !text.is_empty() && text.bytes().all(|digit| digit.is_ascii_digit());
    is_number.then(|| text.parse().ok()).flatten()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn challenges_are_read_as_registries_write_them() {
        let hub = challenges(
            r#"Bearer realm="https://auth.docker.io/token",service="registry.docker.io",scope="repository:library/node:pull""#,
        );
        assert_eq!(hub.len(), 1);
        assert_eq!(hub[0].scheme, "bearer");
        assert_eq!(
            hub[0].parameter("realm"),
            Some("https://auth.docker.io/token")
        );
        assert_eq!(
            hub[0].parameter("scope"),
            Some("repository:library/node:pull")
        );
        let both = challenges(r#"Basic realm="a, \"b\"" , BEARER Realm = x,service=y"#);
        assert_eq!(both.len(), 2);
        assert_eq!(both[0].parameter("realm"), Some("a, \"b\""));
        assert_eq!(both[1].scheme, "bearer");
        assert_eq!(both[1].parameter("realm"), Some("x"));
        assert_eq!(both[1].parameter("service"), Some("y"));
    }

    #[test]
    fn challenges_that_make_no_sense_are_none() {
        for text in ["", ",,,", "=x", "\"", "é", " = "] {
            assert_eq!(challenges(text), [], "{text:?}");
        }
        let open = challenges("Bearer realm=\"never closed");
        assert_eq!(open[0].parameter("realm"), None);
    }

    #[test]
    fn ranges_are_read_and_nonsense_is_refused() {
        let range = content_range("bytes 5-9/10").unwrap();
        assert_eq!((range.first, range.last, range.total), (5, 9, Some(10)));
        assert_eq!(content_range("bytes 0-0/*").unwrap().total, None);
        for text in [
            "",
            "bytes",
            "bytes 9-5/10",
            "bytes 0-10/10",
            "bytes +1-2/3",
            "bytes */10",
            "items 0-1/2",
            "bytes 0-99999999999999999999/*",
        ] {
            assert_eq!(content_range(text), None, "{text:?}");
        }
        assert_eq!(uploaded_bytes("0-1023"), Some(1024));
        assert_eq!(uploaded_bytes("bytes=0-9"), Some(10));
        assert_eq!(uploaded_bytes("0-0"), Some(0));
        for text in ["", "5-9", "0-18446744073709551615", "-", "0--1"] {
            assert_eq!(uploaded_bytes(text), None, "{text:?}");
        }
    }

    #[test]
    fn a_wait_is_read_in_seconds_alone() {
        assert_eq!(retry_after(" 7 "), Some(Duration::from_secs(7)));
        for text in ["", "-1", "1.5", "Wed, 21 Oct 2015 07:28:00 GMT"] {
            assert_eq!(retry_after(text), None, "{text:?}");
        }
    }

    /// Every parser meets texts made of the very characters that it knows, and ends without a panic; a challenge's
    /// parameters are always found under a scheme.
    #[test]
    fn no_text_makes_a_parser_fail() {
        let alphabet: Vec<char> = "bearer basic=\"\\,; \t-/*0189é\u{0}\u{fffd}"
            .chars()
            .collect();
        let mut state = 0x9e37_79b9_7f4a_7c15_u64;
        for _ in 0..20_000 {
            let mut text = String::new();
            for _ in 0..(state % 40) {
                state ^= state << 13;
                state ^= state >> 7;
                state ^= state << 17;
                text.push(alphabet[(state % alphabet.len() as u64) as usize]);
            }
            state = state.wrapping_mul(0x2545_f491_4f6c_dd1d).wrapping_add(1);
            for challenge in challenges(&text) {
                assert!(!challenge.scheme.is_empty(), "{text:?}");
            }
            if let Some(range) = content_range(&text) {
                assert!(range.first <= range.last, "{text:?}");
            }
            let _ = (uploaded_bytes(&text), retry_after(&text));
        }
    }
}
