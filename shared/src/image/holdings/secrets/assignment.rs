//! Variables whose name says that their value is a secret.

/// Parts of a name, in capitals, that say so.
const SECRET_NAMES: [&str; 17] = [
    "PASSWORD",
    "PASSWD",
    "PASSPHRASE",
    "SECRET",
    "TOKEN",
    "APIKEY",
    "API_KEY",
    "ACCESS_KEY",
    "PRIVATE_KEY",
    "ENCRYPTION_KEY",
    "SIGNING_KEY",
    "AUTH_KEY",
    "MASTER_KEY",
    "CREDENTIAL",
    "_PWD",
    "_PASS",
    "CONNECTION_STRING",
];

/// Endings of a name that say that the value is not the secret itself, but where it is or how long it lives.
const HARMLESS_ENDS: [&str; 14] = [
    "_FILE",
    "_PATH",
    "_DIR",
    "_NAME",
    "_ID",
    "_TTL",
    "_EXPIRY",
    "_EXPIRATION",
    "_LENGTH",
    "_TYPE",
    "_URL",
    "_ENABLED",
    "_TIMEOUT",
    "_VERSION",
];

/// Longest line that is looked at, in bytes.
const LINE_BYTES_MAX: usize = 16 << 10;

/// Shortest value that may be a secret, in characters.
const VALUE_CHARS_MIN: usize = 4;

/// Whether a variable's name says that its value is a secret.
pub(in super::super) fn is_secret_name(name: &str) -> bool {
    let name = name.to_ascii_uppercase().replace('-', "_");
    SECRET_NAMES.iter().any(|part| name.contains(part))
        && !HARMLESS_ENDS.iter().any(|end| name.ends_with(end))
}

/// Whether this may be a value itself: no reference to another one, no place, no word that stands for nothing.
pub(in super::super) fn is_value(value: &str) -> bool {
    const NOTHINGS: [&str; 8] = [
        "true",
        "false",
        "null",
        "none",
        "yes",
        "no",
        "undefined",
        "nil",
    ];
    let first = value.chars().next().unwrap_or('$');
    let is_one_repeated = value.chars().all(|c| c == first);
    let is_number = value.len() <= 6 && value.bytes().all(|byte| byte.is_ascii_digit());
    value.chars().nth(VALUE_CHARS_MIN - 1).is_some()
        && !matches!(first, '$' | '<' | '{' | '%' | '/' | '…')
        && !is_one_repeated
        && !is_number
        && !NOTHINGS.contains(&value.to_ascii_lowercase().as_str())
}

/// The variables of a text that look like secrets: `NAME=VALUE` words, the value with or without quotes.
pub(in super::super) fn assigned(text: &str) -> Vec<(&str, &str)> {
    let text = &text[..text.floor_char_boundary(LINE_BYTES_MAX)];
    let mut found = Vec::new();
    let mut rest = text;
    while let Some(equals) = rest.find('=') {
        let (before, after) = (&rest[..equals], &rest[equals + 1..]);
        let begin = before
            .rfind(|c: char| !(c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '.')))
            .map_or(0, |at| {
                at + before[at..].chars().next().map_or(1, char::len_utf8)
            });
        let name = before[begin..].trim_start_matches('-');
        let (value, after) = value_of(after);
        if is_secret_name(name) && is_value(value) {
            found.push((name, value));
        }
        rest = after;
    }
    found
}

/// A value at a text's start, without its quotes, and what follows it.
fn value_of(text: &str) -> (&str, &str) {
    if let Some(quote) = text.chars().next().filter(|c| matches!(c, '"' | '\''))
        && let Some((value, after)) = text[1..].split_once(quote)
    {
        return (value, after);
    }
    let end = text
        .find(|c: char| c.is_whitespace() || matches!(c, '"' | '\'' | ';' | '&' | ')'))
        .unwrap_or(text.len());
    text.split_at(end)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_secrets_are_told_from_names_about_them() {
        for name in [
            "DB_PASSWORD",
            "npm_token",
            "AWS_SECRET_ACCESS_KEY",
            "api-key",
            "MYSQL_PWD",
        ] {
            assert!(is_secret_name(name), "{name}");
        }
        for name in [
            "GPG_KEY",
            "POSTGRES_PASSWORD_FILE",
            "TOKEN_TTL",
            "PATH",
            "PWD",
            "AWS_ACCESS_KEY_ID",
            "KEYMAP",
        ] {
            assert!(!is_secret_name(name), "{name}");
        }
    }

    #[test]
    fn values_are_told_from_what_stands_for_them() {
        for value in ["hunter22", "s3cr", "a$b cd"] {
            assert!(is_value(value), "{value}");
        }
        for value in [
            "",
            "$SECRET",
            "${X}",
            "/run/secrets/x",
            "xxxx",
            "****",
            "3600",
            "false",
            "<your-token>",
            "abc",
        ] {
            assert!(!is_value(value), "{value}");
        }
    }

    #[test]
    fn assignments_are_found_in_lines_of_any_kind() {
        let line = "|2 NPM_TOKEN=abcdefgh B=1 /bin/sh -c curl --password='it is long' -e \"SECRET=with \\\" é=x";
        assert_eq!(
            assigned(line),
            [
                ("NPM_TOKEN", "abcdefgh"),
                ("password", "it is long"),
                ("SECRET", "with")
            ]
        );
        assert_eq!(assigned("éTOKEN=abcdef"), [("TOKEN", "abcdef")]);
        assert_eq!(assigned("="), []);
        assert_eq!(assigned(&"=".repeat(100_000)), []);
    }
}
