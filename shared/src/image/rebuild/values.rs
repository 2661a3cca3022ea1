//! Values without quotes, as Docker's builders record them: `A=one two B=three`.

use std::collections::BTreeMap;

/// `K=V K=V` without quotes, and whether it is sure where each value ends: where the known values confirm it, or no
/// value can hold a blank.
pub(super) fn assignments(
    text: &str,
    known: &BTreeMap<&str, &str>,
) -> (Vec<(String, String)>, bool) {
    let mut pairs = Vec::new();
    let mut is_sure = true;
    let mut rest = text.trim();
    while !rest.is_empty() {
        let Some((name, after)) = rest.split_once('=').filter(|(name, _)| is_key(name)) else {
            // The old form, or the rest of a value that had a blank in it.
            let (name, value) = rest.split_once(char::is_whitespace).unwrap_or((rest, ""));
            pairs.push((name.to_owned(), value.trim().to_owned()));
            return (pairs, false);
        };
        let confirmed = known.get(name).and_then(|value| {
            let following = after.strip_prefix(*value)?;
            let ends = following.is_empty() || following.starts_with(char::is_whitespace);
            let is_next = |at: usize| following[..at].trim().is_empty();
            let starts_next =
                following.trim().is_empty() || next_key(following).is_some_and(is_next);
            (ends && starts_next).then_some(value.len())
        });
        let end = confirmed.unwrap_or_else(|| {
            let end = next_key(after).unwrap_or(after.len());
            is_sure &= !after[..end].contains(char::is_whitespace);
            end
        });
        let (value, following) = after.split_at(end);
        pairs.push((name.to_owned(), value.trim_end().to_owned()));
        rest = following.trim_start();
    }
    (pairs, is_sure)
}

/// Where the blank before the next ` NAME=` stands.
fn next_key(text: &str) -> Option<usize> {
    let blanks = text.match_indices(char::is_whitespace);
    blanks
        .filter(|(at, blank)| {
            let after = &text[at + blank.len()..];
            let word = after.split(char::is_whitespace).next().unwrap_or_default();
            word.split_once('=').is_some_and(|(name, _)| is_key(name))
        })
        .map(|(at, _)| at)
        .next()
}

/// Whether this may be a variable's or a label's name.
fn is_key(text: &str) -> bool {
    let starts_well = text.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_');
    let holds_well =
        |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'.' | b'-' | b'/');
    starts_well && text.bytes().all(holds_well)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_without_quotes_end_where_the_configuration_says() {
        let known = BTreeMap::from([("A", "one B=two"), ("C", "three four")]);
        let (pairs, is_sure) = assignments("A=one B=two C=three four", &known);
        let expected = [("A", "one B=two"), ("C", "three four")];
        assert!(is_sure);
        assert!(pairs.iter().map(|(k, v)| (&**k, &**v)).eq(expected));
        let (pairs, is_sure) = assignments("A=one two B=3", &BTreeMap::new());
        assert!(!is_sure);
        assert_eq!(
            pairs,
            [
                ("A".to_owned(), "one two".to_owned()),
                ("B".to_owned(), "3".to_owned())
            ]
        );
        let (pairs, is_sure) = assignments("PATH=/usr/bin:/bin", &BTreeMap::new());
        assert!(is_sure);
        assert_eq!(pairs.len(), 1);
        // What the configuration has now is not what the line set: a later line set it again.
        let (pairs, is_sure) = assignments("A=old", &known);
        assert_eq!((pairs[0].1.as_str(), is_sure), ("old", true));
    }
}
