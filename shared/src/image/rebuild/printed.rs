//! What builders written in Go print into a history: lists, maps, quoted words, a health check. Each function gives nothing
//! for other text.

/// The words of a list of quoted words without commas, as `%q` prints them: `["nginx" "-g" "daemon off;"]`. Commas are
/// taken too, as JSON has them.
pub(super) fn quoted_list(text: &str) -> Option<Vec<String>> {
    let mut rest = text.trim().strip_prefix('[')?.trim_start();
    let mut words = Vec::new();
    loop {
        if let Some(after) = rest.strip_prefix(']') {
            return after.trim().is_empty().then_some(words);
        }
        let (word, after) = quoted(rest)?;
        words.push(word);
        let after = after.trim_start();
        rest = after.strip_prefix(',').unwrap_or(after).trim_start();
    }
}

/// A word in double quotes with Go's or JSON's escapes, and what follows it.
pub(super) fn quoted(text: &str) -> Option<(String, &str)> {
    let inside = text.strip_prefix('"')?;
    let mut word = String::new();
    let mut characters = inside.char_indices();
    while let Some((at, c)) = characters.next() {
        match c {
            '"' => return Some((word, &inside[at + 1..])),
            '\\' => word.push(escaped(&mut characters)?),
            _ => word.push(c),
        }
    }
    None
}

/// The character that an escape stands for, the backslash taken already.
fn escaped(characters: &mut std::str::CharIndices<'_>) -> Option<char> {
    let (_, c) = characters.next()?;
    Some(match c {
        'n' => '\n',
        't' => '\t',
        'r' => '\r',
        'a' => '\u{7}',
        'b' => '\u{8}',
        'f' => '\u{c}',
        'v' => '\u{b}',
        'x' => code(characters, 2)?,
        'u' => code(characters, 4)?,
        'U' => code(characters, 8)?,
        '\\' | '"' | '\'' | '/' => c,
        _ => return None,
    })
}

fn code(characters: &mut std::str::CharIndices<'_>, digits: usize) -> Option<char> {
    let mut value = 0;
    for _ in 0..digits {
        value = value * 16 + characters.next()?.1.to_digit(16)?;
    }
    char::from_u32(value)
}

/// The words of a list without quotes, as `%v` prints one: `[/data /logs]`; where a word ends is a blank's guess.
pub(super) fn plain_list(text: &str) -> Option<Vec<String>> {
    let inside = text.trim().strip_prefix('[')?.strip_suffix(']')?;
    Some(inside.split_whitespace().map(str::to_owned).collect())
}

/// Ports: `map[80/tcp:{} 443/tcp:{}]`, `[80/tcp]`, or words.
pub(super) fn ports(text: &str) -> Vec<String> {
    let text = text.trim();
    let inside = |open: &str| text.strip_prefix(open)?.strip_suffix(']');
    let words = inside("map[").or_else(|| inside("[")).unwrap_or(text);
    words
        .split_whitespace()
        .map(|word| word.trim_end_matches(":{}").to_owned())
        .collect()
}

/// A health check.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct HealthCheck {
    /// `NONE`; `CMD` and words; `CMD-SHELL` and a line.
    pub(super) test: Vec<String>,
    /// Interval, timeout, start period and, of newer builders, start interval, such as `30s`.
    pub(super) durations: Vec<String>,
    /// 0 is the default.
    pub(super) retries: u32,
}

/// `&{["CMD-SHELL" "curl -f http://localhost/"] "30s" "3s" "0s" '\x03'}`, with or without `&`.
pub(super) fn health_check(text: &str) -> Option<HealthCheck> {
    let text = text.trim();
    let text = text.strip_prefix('&').unwrap_or(text);
    let inside = text.strip_prefix('{')?.strip_suffix('}')?;
    let end = end_of_list(inside)?;
    let test = quoted_list(&inside[..end])?;
    let mut rest = inside[end..].trim_start();
    let mut durations = Vec::new();
    while let Some((word, after)) = quoted(rest) {
        durations.push(word);
        rest = after.trim_start();
    }
    let retries = rune(rest)?;
    (durations.len() <= 4).then_some(HealthCheck {
        test,
        durations,
        retries,
    })
}

/// Where a list of quoted words ends.
fn end_of_list(text: &str) -> Option<usize> {
    let mut rest = text.strip_prefix('[')?;
    loop {
        rest = rest.trim_start();
        if let Some(after) = rest.strip_prefix(']') {
            return Some(text.len() - after.len());
        }
        rest = quoted(rest)?.1;
    }
}

/// A number that `%q` prints as a character: `'\x03'` is 3.
fn rune(text: &str) -> Option<u32> {
    let inside = text.trim().strip_prefix('\'')?.strip_suffix('\'')?;
    let mut characters = inside.char_indices();
    let (_, first) = characters.next()?;
    let value = match first {
        '\\' => escaped(&mut characters)?,
        plain => plain,
    };
    characters.next().is_none().then_some(u32::from(value))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_are_read_as_go_prints_them() {
        let list = |text| quoted_list(text).unwrap_or_default().join("|");
        assert_eq!(
            list(r#"["nginx" "-g" "daemon off;"]"#),
            "nginx|-g|daemon off;"
        );
        assert_eq!(
            list(r#"["sh", "-c", "a \"b\"\t\u00e9\x41"]"#),
            "sh|-c|a \"b\"\té\u{41}"
        );
        assert_eq!(quoted_list("[]"), Some(Vec::new()));
        for bad in [
            "",
            "[",
            "[a]",
            "[\"a\"",
            "[\"a\"] b",
            "[\"\\q\"]",
            "[\"\\x4",
        ] {
            assert_eq!(quoted_list(bad), None, "{bad}");
        }
        assert_eq!(ports("map[80/tcp:{} 53/udp:{}]"), ["80/tcp", "53/udp"]);
        assert_eq!(ports("[80/tcp]"), ["80/tcp"]);
        assert_eq!(ports("80 443"), ["80", "443"]);
        assert_eq!(
            plain_list("[/data /logs]").unwrap_or_default(),
            ["/data", "/logs"]
        );
    }

    #[test]
    fn health_checks_of_every_age_are_read() {
        let check = health_check(
            r#"&{["CMD-SHELL" "curl -f http://[::1]/ || exit 1"] "30s" "3s" "0s" "0s" '\x03'}"#,
        )
        .unwrap();
        assert_eq!(check.test, ["CMD-SHELL", "curl -f http://[::1]/ || exit 1"]);
        assert_eq!((check.durations.len(), check.retries), (4, 3));
        let older = health_check(r#"{["NONE"] "0s" "0s" '\x00'}"#).unwrap();
        assert_eq!((older.durations.len(), older.retries), (2, 0));
        assert_eq!(
            health_check(r#"{["CMD" "a"] "1s" '!'}"#).unwrap().retries,
            33
        );
        for bad in ["", "{}", "{[\"CMD\"]}", "&{[\"CMD\" \"a\"] \"1s\" 3}"] {
            assert_eq!(health_check(bad), None, "{bad}");
        }
    }
}
