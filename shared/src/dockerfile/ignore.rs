//! `.dockerignore`: which files of a context are left out.
//!
//! Follows Docker's own matcher: patterns are cleaned paths from the context's root; `*`, `?`, `[a-z]` and `\` as in Go's
//! `filepath.Match`, `**` for any number of folders; `!` takes back. Case counts.
//!
//! Which pattern decides is what BuildKit's walk finds (moby/patternmatcher, `MatchesUsingParentResults`): each folder is
//! judged on the way down, and what matched it holds for all below it. A `!` is only looked at where something was left out
//! before it, so one that names a folder which nothing left out takes nothing back inside: after `**/.env` and `!config`,
//! `config/.env` stays out.

use super::pattern::{Pattern, Set, Token};

/// The longest pattern that is read, in bytes: as long as the longest path that Linux takes (`PATH_MAX`).
pub const PATTERN_BYTES_MAX: usize = 4096;

/// The most patterns: each is asked about each file. The longest known files have some hundreds.
pub const PATTERNS_MAX: usize = 10_000;

/// A parsed `.dockerignore`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Ignore {
    rules: Vec<Rule>,
    mistakes: Vec<(u32, String)>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct Rule {
    /// Takes back what an earlier one leaves out.
    exception: bool,
    pattern: Pattern,
    /// What each match begins with: a cheap look before the pattern is run.
    literal_start: String,
}

impl Ignore {
    /// Reads the text of a `.dockerignore`. Patterns that can't be read are left out; [`Self::mistakes`] names them.
    pub fn parse(text: &str) -> Self {
        let mut ignore = Self::default();
        let text = text.strip_prefix('\u{feff}').unwrap_or(text);
        for (number, line) in (1..).zip(text.lines()) {
            if line.starts_with('#') || line.trim().is_empty() {
                continue;
            }
            if ignore.rules.len() == PATTERNS_MAX {
                let message = format!("expected at most {PATTERNS_MAX} patterns, but found more");
                ignore.mistakes.push((number, message));
                break;
            }
            match rule(line) {
                Ok(rule) => ignore.rules.push(rule),
                Err(message) => ignore.mistakes.push((number, message)),
            }
        }
        ignore
    }

    /// The patterns that could not be read: their line, from 1, and `expected X, but found Y`. Docker refuses a build
    /// for the first.
    pub fn mistakes(&self) -> &[(u32, String)] {
        &self.mistakes
    }

    /// Whether a path is left out: relative to the context's root, with slashes, without `.` and `..` in it. Its root
    /// itself (empty, or `.`) never is.
    pub fn excludes(&self, path: &str) -> bool {
        if path.is_empty() || path == "." {
            return false;
        }
        if self.rules.iter().all(|rule| !rule.exception) {
            return self.rules.iter().any(|rule| rule.matches_above(path));
        }
        self.judge(path)
            .is_some_and(|index| !self.rules[index].exception)
    }

    /// Whether something below a folder that is left out might be taken back. If not, a walk may skip the folder.
    pub fn may_hold_exceptions(&self, dir: &str) -> bool {
        // Only an exception after the rule that leaves the folder out can take something back.
        let after = self.judge(dir).map_or(0, |index| index + 1);
        self.rules[after..]
            .iter()
            .any(|rule| rule.exception && rule.may_match_below(dir))
    }

    /// The last rule that holds for a path: it decides.
    fn judge(&self, path: &str) -> Option<usize> {
        let levels: Vec<_> = self.rules.iter().map(|rule| rule.levels(path)).collect();
        let depth = path.matches('/').count();
        // Which rules hold for the folder above, and so for all in it.
        let mut held = vec![false; self.rules.len()];
        let mut last = None;
        for level in 0..=depth {
            last = None;
            let mut is_out = false;
            for (index, rule) in self.rules.iter().enumerate() {
                let is_looked_at = rule.exception == is_out;
                held[index] |= is_looked_at && levels[index].contains(&level);
                if held[index] {
                    is_out = !rule.exception;
                    last = Some(index);
                }
            }
        }
        last
    }
}

impl Rule {
    /// Matches the path, or a folder that it is in.
    fn matches_above(&self, path: &str) -> bool {
        !self.levels(path).is_empty()
    }

    /// Which of the folders that lead to a path, counted from 0, and of the path itself this matches.
    fn levels(&self, path: &str) -> Vec<usize> {
        let mut levels = Vec::new();
        if !path.starts_with(&self.literal_start) {
            return levels;
        }
        let mut run = self.pattern.run();
        let mut level = 0;
        for c in path.chars() {
            if c == '/' {
                if run.is_match() {
                    levels.push(level);
                }
                level += 1;
            }
            if !run.can_go_on() {
                return levels;
            }
            run.advance(c);
        }
        if run.is_match() {
            levels.push(level);
        }
        levels
    }

    /// Might match a path that begins with this folder.
    fn may_match_below(&self, dir: &str) -> bool {
        let mut run = self.pattern.run();
        for c in dir.chars().chain(['/']) {
            if !run.can_go_on() {
                return false;
            }
            run.advance(c);
        }
        run.can_go_on() || run.is_match()
    }
}

fn rule(line: &str) -> Result<Rule, String> {
    let trimmed = line.trim();
    if trimmed.len() > PATTERN_BYTES_MAX {
        return Err(format!(
            "expected a pattern of at most {PATTERN_BYTES_MAX} bytes, but found {}",
            trimmed.len()
        ));
    }
    let (written, exception) = match trimmed.strip_prefix('!') {
        Some(rest) => (rest.trim(), true),
        None => (trimmed, false),
    };
    if written.is_empty() {
        return Err("expected a pattern after !, but found nothing".to_owned());
    }
    let cleaned = clean(written);
    let from_root = cleaned
        .strip_prefix('/')
        .filter(|rest| !rest.is_empty())
        .unwrap_or(&cleaned);
    let pattern = Pattern::new(tokens(from_root)?);
    let literal_start = pattern.literal_start();
    Ok(Rule {
        exception,
        pattern,
        literal_start,
    })
}

/// A path without `.`, `..`, doubled slashes and a slash at its end, as Go's `filepath.Clean` makes it.
fn clean(path: &str) -> String {
    let rooted = path.starts_with('/');
    let mut parts: Vec<&str> = Vec::new();
    for part in path.split('/') {
        match part {
            "" | "." => {}
            ".." if parts.last().is_some_and(|&last| last != "..") => drop(parts.pop()),
            ".." if rooted => {}
            part => parts.push(part),
        }
    }
    match (rooted, parts.join("/")) {
        (true, joined) => format!("/{joined}"),
        (false, joined) if joined.is_empty() => ".".to_owned(),
        (false, joined) => joined,
    }
}

fn tokens(pattern: &str) -> Result<Vec<Token>, String> {
    let mut tokens = Vec::new();
    let mut rest = pattern;
    while let Some(c) = rest.chars().next() {
        let at_start = rest.len() == pattern.len();
        rest = &rest[c.len_utf8()..];
        tokens.push(match c {
            '*' if rest.starts_with('*') => {
                rest = &rest[1..];
                double_star(at_start, &mut rest)
            }
            '*' => Token::Many(Set::NotSlash),
            '?' => Token::One(Set::NotSlash),
            '[' => Token::One(class(&mut rest).ok_or_else(|| {
                format!(
                    "expected a class such as [a-z], but found: {}",
                    crate::text::escape_name(pattern)
                )
            })?),
            '\\' => {
                let escaped = rest.chars().next().ok_or_else(|| {
                    let shown = crate::text::escape_name(pattern);
                    format!("expected a character after \\, but found the end of: {shown}")
                })?;
                rest = &rest[escaped.len_utf8()..];
                Token::Literal(escaped)
            }
            c => Token::Literal(c),
        });
    }
    Ok(tokens)
}

/// `**`, read already: at the end it is everything below; with a slash after it, any folders or none.
fn double_star(at_start: bool, rest: &mut &str) -> Token {
    let slash = rest.strip_prefix('/');
    *rest = slash.unwrap_or(rest);
    // Docker's matcher takes `**.log` by the end of the path alone, but only where nothing else in it is special.
    let by_its_end = at_start && slash.is_none() && !rest.contains(['*', '?', '[', ']', '\\']);
    if rest.is_empty() || by_its_end {
        Token::Many(Set::Any)
    } else {
        Token::Folders
    }
}

/// The class after `[`, up to and over `]`. None if it is empty or doesn't end.
fn class(rest: &mut &str) -> Option<Set> {
    let negated = rest.starts_with('^');
    *rest = rest.strip_prefix('^').unwrap_or(rest);
    let mut ranges = Vec::new();
    loop {
        if let Some(after) = rest.strip_prefix(']').filter(|_| !ranges.is_empty()) {
            *rest = after;
            return Some(Set::Class { negated, ranges });
        }
        let first = class_character(rest)?;
        let last = match rest.strip_prefix('-') {
            Some(after) => {
                *rest = after;
                class_character(rest)?
            }
            None => first,
        };
        ranges.push((first, last));
    }
}

fn class_character(rest: &mut &str) -> Option<char> {
    let escaped = rest.strip_prefix('\\');
    let text = escaped.unwrap_or(rest);
    let c = text.chars().next()?;
    if escaped.is_none() && (c == '-' || c == ']') {
        return None;
    }
    *rest = &text[c.len_utf8()..];
    Some(c)
}
