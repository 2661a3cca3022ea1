//! Patterns of paths, as rules name files.
//!
//! A pattern is one of `.dockerignore`'s ([`Ignore`]): from the image's root, `*`, `?`, `[a-z]`, `**` for any number of folders,
//! and what matches a folder matches all in it. One without a slash counts at any depth, as in `.gitignore`: a rule that
//! forbids `.env` means every one. `!` takes back.

use super::Mistake;
use super::mistake::quoted;
use crate::dockerfile::Ignore;

/// The patterns of one rule, ready to be matched.
pub(super) struct Paths {
    patterns: Ignore,
    /// A text that every match of one pattern holds: most paths hold none of them, and are done with.
    literals: Vec<String>,
}

impl Paths {
    /// Of patterns that were checked; one that can't be read matches nothing.
    pub(super) fn new(patterns: &[String]) -> Self {
        let lines: Vec<_> = patterns.iter().map(|pattern| line(pattern)).collect();
        Self {
            patterns: Ignore::parse(&lines.join("\n")),
            literals: patterns
                .iter()
                .filter_map(|pattern| literal(pattern))
                .collect(),
        }
    }

    /// Whether a path matches, or a folder that it is in.
    pub(super) fn hold(&self, path: &str) -> bool {
        let may_match = self.literals.iter().any(|literal| path.contains(literal));
        may_match && self.patterns.excludes(path)
    }
}

/// Whether a pattern can be read.
pub(super) fn check(pattern: &str) -> Result<(), Mistake> {
    if pattern.trim().is_empty() {
        return Err(Mistake::new("expected a pattern, but found nothing"));
    }
    if pattern.contains(char::is_control) {
        let message = format!(
            "expected a pattern without control characters, but found: {}",
            quoted(pattern)
        );
        return Err(Mistake::new(message));
    }
    match Ignore::parse(&line(pattern)).mistakes().first() {
        Some((_, message)) => Err(Mistake::new(message)),
        None => Ok(()),
    }
}

/// The pattern as a line of `.dockerignore`.
fn line(pattern: &str) -> String {
    let pattern = pattern.trim();
    let (taken_back, pattern) = match pattern.strip_prefix('!') {
        Some(rest) => ("!", rest.trim()),
        None => ("", pattern),
    };
    let is_name = !pattern.is_empty() && !pattern.trim_end_matches('/').contains('/');
    let depth = if is_name { "**/" } else { "" };
    // A line that begins with # would be a comment; with a name's ** before it, it does not.
    let escape = if pattern.starts_with('#') && !is_name {
        "\\"
    } else {
        ""
    };
    format!("{taken_back}{depth}{escape}{pattern}")
}

/// The longest text that a pattern takes as it is, within one name of the path; empty where that can't be said, and none
/// for one that takes back.
fn literal(pattern: &str) -> Option<String> {
    let pattern = pattern.trim();
    if pattern.starts_with('!') {
        return None;
    }
    // What follows an escape or a class is left aside, and so is a path that its cleaning shortens.
    let plain = pattern.split(['\\', '[']).next().unwrap_or_default();
    if pattern.split('/').any(|part| part == "." || part == "..") {
        return Some(String::new());
    }
    let texts = plain.split(['*', '?', '/']);
    Some(
        texts
            .max_by_key(|text| text.len())
            .unwrap_or_default()
            .to_owned(),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hold(patterns: &[&str], path: &str) -> bool {
        let patterns: Vec<_> = patterns
            .iter()
            .map(|pattern| (*pattern).to_owned())
            .collect();
        patterns.iter().for_each(|pattern| check(pattern).unwrap());
        Paths::new(&patterns).hold(path)
    }

    #[test]
    fn a_name_counts_at_any_depth_and_a_path_from_the_root() {
        for (pattern, path, expected) in [
            (".env", ".env", true),
            (".env", "srv/app/.env", true),
            (".env", "srv/.env/inside", true),
            (".env", "srv/x.env", false),
            ("/.env", ".env", true),
            ("/.env", "srv/.env", false),
            ("*.pem", "etc/ssl/a.pem", true),
            ("etc/*.pem", "etc/a.pem", true),
            ("etc/*.pem", "x/etc/a.pem", false),
            ("etc/*.pem", "etc/ssl/a.pem", false),
            ("**/.git", "srv/.git/config", true),
            (".git/", "srv/.git/config", true),
            ("#notes#", "a/#notes#", true),
            ("#a/b", "#a/b", true),
            ("**", "anything/at/all", true),
            ("id_*", "root/.ssh/id_ed25519", true),
            (".ENV", ".env", false),
            ("a/./b/../c", "a/c", true),
            ("[.]env", "x/.env", true),
            ("\\.env", "x/.env", true),
            ("a[x]long", "axlong", true),
        ] {
            assert_eq!(hold(&[pattern], path), expected, "{pattern} {path}");
        }
    }

    #[test]
    fn exceptions_take_back() {
        let patterns = ["*.pem", "!etc/ssl/certs/*.pem"];
        assert!(hold(&patterns, "srv/key.pem"));
        assert!(!hold(&patterns, "etc/ssl/certs/ca.pem"));
    }

    #[test]
    fn patterns_that_can_not_be_read_are_mistakes() {
        for pattern in ["", " ", "a\nb", "[a-", "a\\", "!"] {
            assert!(check(pattern).is_err(), "{pattern:?}");
        }
    }
}
