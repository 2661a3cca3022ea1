//! Secrets that tell by their form what they are: private keys, and the tokens of services that give theirs a prefix.

use super::super::DangerKind;
use super::super::mask::masked;

/// A token's prefix and what follows it.
struct Form {
    prefix: &'static str,
    /// Fewest characters after the prefix.
    least: usize,
    /// Which ones.
    is_part: fn(u8) -> bool,
}

const fn form(prefix: &'static str, least: usize, is_part: fn(u8) -> bool) -> Form {
    Form {
        prefix,
        least,
        is_part,
    }
}

fn capital(byte: u8) -> bool {
    byte.is_ascii_uppercase() || byte.is_ascii_digit()
}

fn letter(byte: u8) -> bool {
    byte.is_ascii_alphanumeric()
}

fn word(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-')
}

/// The forms, each found by the `A` that its prefix begins with, or by the `-` or `_` that it ends with.
const FORMS: [Form; 26] = [
    // AWS.
    form("AKIA", 16, capital),
    form("ASIA", 16, capital),
    // Google.
    form("AIza", 35, word),
    // GitHub.
    form("ghp_", 36, letter),
    form("gho_", 36, letter),
    form("ghu_", 36, letter),
    form("ghs_", 36, letter),
    form("ghr_", 36, letter),
    form("github_pat_", 22, word),
    // GitLab.
    form("glpat-", 20, word),
    form("gldt-", 20, word),
    // Slack.
    form("xoxb-", 20, word),
    form("xoxp-", 20, word),
    form("xoxa-", 20, word),
    form("xoxr-", 20, word),
    form("xoxs-", 20, word),
    // Stripe.
    form("sk_live_", 16, letter),
    form("rk_live_", 16, letter),
    // npm, Docker Hub, PyPI, Hugging Face, DigitalOcean.
    form("npm_", 36, letter),
    form("dckr_pat_", 20, word),
    form("pypi-", 50, word),
    form("hf_", 34, letter),
    form("dop_v1_", 64, letter),
    // Anthropic and OpenAI.
    form("sk-ant-", 30, word),
    form("sk-proj-", 30, word),
    // age.
    form("AGE-SECRET-KEY-", 50, capital),
];

/// The kinds of private keys that are shown by name.
const KEY_LABELS: [&str; 8] = [
    "PRIVATE KEY",
    "RSA PRIVATE KEY",
    "EC PRIVATE KEY",
    "DSA PRIVATE KEY",
    "OPENSSH PRIVATE KEY",
    "ENCRYPTED PRIVATE KEY",
    "ED25519 PRIVATE KEY",
    "PGP PRIVATE KEY BLOCK",
];

/// Characters of base64 that must follow a key's first line: texts about keys show that line alone.
const KEY_CHARS_MIN: usize = 16;

/// The first private key or token of a content, and its masked start.
pub(in super::super) fn find(content: &[u8]) -> Option<(DangerKind, String)> {
    for (at, byte) in content.iter().enumerate() {
        let found = match byte {
            b'-' if content[at..].starts_with(b"-----BEGIN ") => {
                key_at(&content[at..]).map(|shown| (DangerKind::PrivateKey, shown))
            }
            // Every prefix has a letter or digit before its mark: runs of dashes are passed over.
            b'-' | b'_' if at == 0 || !content[at - 1].is_ascii_alphanumeric() => None,
            b'-' | b'_' | b'A' => {
                token_at(content, at).map(|token| (DangerKind::Token, masked(token)))
            }
            _ => None,
        };
        if found.is_some() {
            return found;
        }
    }
    None
}

/// The first private key of a content, by the words of its first line.
pub(super) fn private_key(content: &[u8]) -> Option<String> {
    const PUTTY: &[u8] = b"PuTTY-User-Key-File";
    if content.starts_with(PUTTY) {
        return Some("PuTTY key …".to_owned());
    }
    let mut rest = content;
    while let Some(at) = rest.iter().position(|byte| *byte == b'-') {
        rest = &rest[at..];
        match rest.starts_with(b"-----BEGIN ") {
            true => match key_at(rest) {
                None => rest = &rest[1..],
                found => return found,
            },
            false => rest = &rest[1..],
        }
    }
    None
}

/// The words of a key's first line, where a key follows it.
fn key_at(content: &[u8]) -> Option<String> {
    let label = content.strip_prefix(b"-----BEGIN ")?;
    let name = KEY_LABELS.iter().find(|name| {
        label
            .strip_prefix(name.as_bytes())
            .is_some_and(|rest| rest.starts_with(b"-----"))
    })?;
    let rest = &label[name.len() + 5..];
    // In JSON and in variables the line's end is written as `\n`; a locked key has fields first.
    let rest = rest.strip_prefix(b"\\r").unwrap_or(rest);
    let rest = rest.strip_prefix(b"\\n").unwrap_or(rest).trim_ascii_start();
    let is_locked = rest.starts_with(b"Proc-Type:")
        || rest.starts_with(b"Version:")
        || rest.starts_with(b"Comment:");
    let body = rest
        .iter()
        .take_while(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'/' | b'='))
        .count();
    (is_locked || body >= KEY_CHARS_MIN).then(|| format!("BEGIN {name} …"))
}

/// The token whose prefix has its mark here.
fn token_at(content: &[u8], mark: usize) -> Option<&str> {
    FORMS.iter().find_map(|form| {
        let prefix = form.prefix.as_bytes();
        // Its mark is its last character, or the `A` that it begins with.
        let begin = match prefix[0] {
            b'A' if content[mark] == b'A' => Some(mark),
            _ if prefix[prefix.len() - 1] == content[mark] => mark.checked_sub(prefix.len() - 1),
            _ => None,
        }?;
        let rest = content[begin..].strip_prefix(prefix)?;
        let is_inside = begin > 0 && content[begin - 1].is_ascii_alphanumeric();
        let length = rest
            .iter()
            .take_while(|byte| (form.is_part)(**byte))
            .count();
        // AWS's are of one length; longer words of capitals are something else.
        let is_whole = form.least != 16 || prefix[0] != b'A' || length == form.least;
        let token = std::str::from_utf8(&content[begin..begin + prefix.len() + length]).ok()?;
        let is_real = !is_inside && length >= form.least && is_whole && !is_sample(token);
        is_real.then_some(token)
    })
}

/// Whether a token is one that documentation shows.
fn is_sample(token: &str) -> bool {
    let upper = token.to_ascii_uppercase();
    let body = token.trim_end_matches(|c: char| token.ends_with(c));
    upper.contains("EXAMPLE") || upper.contains("XXXXX") || token.len() - body.len() >= 10
}

/// The password of the first address of a text that has one (`scheme://user:password@host`).
pub(in super::super) fn in_address(text: &str) -> Option<&str> {
    text.match_indices("://").find_map(|(at, _)| {
        let rest = &text[at + 3..];
        let end = rest
            .find(|c: char| {
                c.is_whitespace() || matches!(c, '/' | '"' | '\'' | '?' | '#' | '<' | '>')
            })
            .unwrap_or(rest.len());
        let (user, _) = rest[..end].rsplit_once('@')?;
        let (_, password) = user.split_once(':')?;
        super::is_value(password).then_some(password)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(text: &str) -> Option<(DangerKind, String)> {
        find(text.as_bytes())
    }

    /// Put together here, so that no scanner of this repository takes them for real ones.
    fn token(prefix: &str, length: usize) -> String {
        let body = "0a1B2c3D4e5F6g7H8i9J".chars().cycle().take(length);
        format!("{prefix}{}", body.collect::<String>())
    }

    #[test]
    fn tokens_are_found_and_masked() {
        for (prefix, length, mask) in [
            ("ghp_", 36, "ghp_…"),
            ("github_pat_", 60, "gith…"),
            ("glpat-", 20, "glpa…"),
            ("xoxb-", 40, "xoxb…"),
            ("sk_live_", 24, "sk_l…"),
            ("npm_", 36, "npm_…"),
            ("AIza", 35, "AIza…"),
            ("sk-ant-", 40, "sk-a…"),
        ] {
            let text = format!("const key = \"{}\";", token(prefix, length));
            assert_eq!(
                shown(&text),
                Some((DangerKind::Token, mask.to_owned())),
                "{prefix}"
            );
        }
        let aws = format!("AKIA{}", "0A1B2C3D4E5F6G7H");
        assert_eq!(
            shown(&format!("x={aws}\n")),
            Some((DangerKind::Token, "AKIA…".to_owned()))
        );
    }

    #[test]
    fn what_only_looks_like_one_is_none() {
        let sample = ["AKIA", "IOSFODNN7EXAMPLE"].concat();
        let inside = format!("my{}", token("ghp_", 36));
        let short = token("ghp_", 20);
        let constant = ["AKIA", "0A1B2C3D4E5F6G7H9"].concat();
        let filled = format!("ghp_{}", "x".repeat(36));
        for text in [
            sample.as_str(),
            &inside,
            &short,
            &constant,
            &filled,
            "npm_config_registry",
            "--------",
            "A",
        ] {
            assert_eq!(shown(text), None, "{text}");
        }
    }

    #[test]
    fn private_keys_need_a_body() {
        let body = "MIIEpAIBAAKCAQEA0123456789";
        for (text, label) in [
            (
                format!("-----BEGIN RSA PRIVATE KEY-----\n{body}\n"),
                "BEGIN RSA PRIVATE KEY …",
            ),
            (
                format!("{{\"key\":\"-----BEGIN PRIVATE KEY-----\\n{body}\"}}"),
                "BEGIN PRIVATE KEY …",
            ),
            (
                "-----BEGIN RSA PRIVATE KEY-----\nProc-Type: 4,ENCRYPTED\n".to_owned(),
                "BEGIN RSA PRIVATE KEY …",
            ),
        ] {
            let expected = Some((DangerKind::PrivateKey, label.to_owned()));
            assert_eq!(shown(&text), expected);
            assert_eq!(private_key(text.as_bytes()).as_deref(), Some(label));
        }
        for text in [
            "-----BEGIN PRIVATE KEY-----",
            "-----BEGIN CERTIFICATE-----\nMIIEpAIBAAKCAQEA0123456789",
            "-----BEGIN ",
        ] {
            assert_eq!(shown(text), None);
            assert_eq!(private_key(text.as_bytes()), None);
        }
    }

    #[test]
    fn addresses_with_a_password_are_found() {
        assert_eq!(
            in_address("see http://a/b and https://u:secret@h/x"),
            Some("secret")
        );
        for text in ["https://user@host", "https://u:$P@host", "://", "a://b:c"] {
            assert_eq!(in_address(text), None);
        }
    }
}
