//! What a search asks for: a pattern on names, and what a path must be.
//!
//! A pattern is compiled to an automaton without backtracking and with a bound on its size (the `regex` crate), so that none
//! takes more than a name's length times that bound. A mistake in it is told, and nothing is searched for.

use estiva_shared::image::{Change, EntryKind};
use regex::{Regex, RegexBuilder};
use serde::{Deserialize, Serialize};

use super::{History, Slice};

/// Longest pattern, in bytes.
const PATTERN_BYTES_MAX: usize = 1_000;

/// Most bytes of a compiled pattern; one of a thousand letters takes some 30 KiB.
const AUTOMATON_BYTES_MAX: usize = 256 << 10;

/// How a pattern is written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Syntax {
    /// Part of a name, in any case.
    #[default]
    Text,
    /// `*`, `**`, `?` and `[a-z]`, for a whole name.
    Glob,
    /// A regular expression, for part of a name.
    Regex,
}

/// What a path is, as far as one searches for it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    /// A regular file, under any of its names.
    File,
    /// A folder.
    Folder,
    /// A symbolic link.
    Link,
    /// A device or a pipe.
    Special,
}

/// Permission bits that one searches for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Bits {
    /// Set-user-ID or set-group-ID.
    SetId,
    /// Everybody may write it.
    Writable,
}

/// What is searched for. Without a condition, nothing is.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Find {
    /// The pattern; with a `/` it is matched against whole paths.
    pub text: String,
    /// How it is written.
    pub syntax: Syntax,
    /// What the path is.
    pub kind: Option<Kind>,
    /// What the layer did to it.
    pub change: Option<Change>,
    /// The layer that last wrote it.
    pub layer: Option<usize>,
    /// Its owner, `USER` or `USER:GROUP` as numbers.
    pub owner: String,
    /// Permission bits.
    pub bits: Option<Bits>,
    /// At least so many bytes. Folders are left out then, but where they are asked for.
    pub min_bytes: u64,
}

impl Find {
    /// Whether it asks for anything.
    pub fn is_any(&self) -> bool {
        *self
            != Find {
                syntax: self.syntax,
                ..Find::default()
            }
    }

    /// How many conditions there are beside the pattern.
    pub fn conditions(&self) -> usize {
        [
            self.kind.is_some(),
            self.change.is_some(),
            self.layer.is_some(),
            !self.owner.trim().is_empty(),
            self.bits.is_some(),
            self.min_bytes > 0,
        ]
        .into_iter()
        .filter(|is_set| *is_set)
        .count()
    }
}

/// Why a search can't be made.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "fault", content = "why", rename_all = "snake_case")]
pub enum FindFault {
    /// The pattern can't be read, or is too large; the reason, in English.
    Pattern(String),
    /// The owner is no number, or two with a colon.
    Owner(String),
}

/// A search that is ready to be made.
#[derive(Debug)]
pub(super) struct Filter {
    pattern: Option<Regex>,
    by_path: bool,
    owner: Option<(u64, Option<u64>)>,
    find: Find,
}

impl Filter {
    /// Makes a search ready.
    ///
    /// # Errors
    /// A pattern or an owner that can't be read.
    pub(super) fn of(find: &Find) -> Result<Filter, FindFault> {
        Ok(Filter {
            pattern: pattern_of(find)?,
            by_path: find.text.contains('/'),
            owner: owner_of(find.owner.trim())?,
            find: find.clone(),
        })
    }

    /// Whether it wants whole paths instead of names.
    pub(super) fn by_path(&self) -> bool {
        self.by_path && self.pattern.is_some()
    }

    /// Whether a path is one of those that are searched for; `name` is its path where [`Filter::by_path`] says so.
    pub(super) fn takes(&self, history: &History, slice: &Slice, node: usize, name: &str) -> bool {
        let is_named = |pattern: &Regex| pattern.is_match(name);
        self.is_such(history, slice, node) && self.pattern.as_ref().is_none_or(is_named)
    }

    fn is_such(&self, history: &History, slice: &Slice, node: usize) -> bool {
        if self.find.conditions() == 0 {
            return true;
        }
        let Some(version) = slice.version(history, node) else {
            // A folder that no entry names has a kind and a size, and nothing else.
            let Find {
                change: None,
                layer: None,
                bits: None,
                ..
            } = self.find
            else {
                return false;
            };
            return self.find.kind == Some(Kind::Folder)
                && self.owner.is_none()
                && slice.total_bytes(node) >= self.find.min_bytes;
        };
        let kind = match version.kind {
            EntryKind::File | EntryKind::Hardlink => Kind::File,
            EntryKind::Directory => Kind::Folder,
            EntryKind::Symlink => Kind::Link,
            EntryKind::CharDevice | EntryKind::BlockDevice | EntryKind::Fifo => Kind::Special,
        };
        let is_large = self.find.min_bytes == 0
            || (slice.total_bytes(node) >= self.find.min_bytes
                && (kind != Kind::Folder || self.find.kind == Some(Kind::Folder)));
        let has_bits = |bits| match bits {
            Bits::SetId => version.mode & 0o6000 != 0,
            Bits::Writable => version.mode & 0o002 != 0,
        };
        is_large
            && self.find.kind.is_none_or(|wanted| wanted == kind)
            && self.find.change.is_none_or(|wanted| slice.change(history, node) == Some(wanted))
            && self.find.layer.is_none_or(|wanted| version.layer as usize == wanted)
            // The mode of a symbolic link says nothing: it is always rwxrwxrwx.
            && self.find.bits.is_none_or(|bits| kind != Kind::Link && has_bits(bits))
            && self.owner.is_none_or(|(user, group)| {
                version.owner.0 == user && group.is_none_or(|group| version.owner.1 == group)
            })
    }
}

/// The automaton of a pattern; none where there is no pattern.
fn pattern_of(find: &Find) -> Result<Option<Regex>, FindFault> {
    let text = find.text.trim();
    if text.is_empty() {
        return Ok(None);
    }
    if text.len() > PATTERN_BYTES_MAX {
        return Err(FindFault::Pattern(format!(
            "expected at most {PATTERN_BYTES_MAX} bytes, but found {}",
            text.len()
        )));
    }
    let source = match find.syntax {
        Syntax::Text => regex::escape(text),
        Syntax::Glob => glob(text)?,
        Syntax::Regex => text.to_owned(),
    };
    let made = RegexBuilder::new(&source)
        .case_insensitive(find.syntax == Syntax::Text)
        .dot_matches_new_line(true)
        .size_limit(AUTOMATON_BYTES_MAX)
        .dfa_size_limit(4 * AUTOMATON_BYTES_MAX)
        .nest_limit(50)
        .build();
    made.map(Some)
        .map_err(|error| FindFault::Pattern(reason(&error)))
}

/// What is wrong with a pattern, in one line: the message's first lines draw the pattern.
fn reason(error: &regex::Error) -> String {
    match error {
        regex::Error::CompiledTooBig(_) => {
            "expected a smaller pattern, but found one whose repetitions grow too large".to_owned()
        }
        other => {
            let text = other.to_string();
            let last = text.lines().last().unwrap_or_default();
            last.trim_start_matches("error: ").to_owned()
        }
    }
}

/// A shell's pattern as a regular expression.
fn glob(text: &str) -> Result<String, FindFault> {
    let mut made = String::from("^");
    let text = if let Some(rooted) = text.strip_prefix('/') {
        rooted
    } else if text.contains('/') {
        // Not from the root: below any folder.
        made.push_str("(?:.*/)?");
        text
    } else {
        text
    };
    let mut rest = text.chars().peekable();
    while let Some(letter) = rest.next() {
        match letter {
            '*' if rest.peek() == Some(&'*') => {
                rest.next();
                if rest.peek() == Some(&'/') {
                    rest.next();
                    made.push_str("(?:.*/)?");
                } else {
                    made.push_str(".*");
                }
            }
            '*' => made.push_str("[^/]*"),
            '?' => made.push_str("[^/]"),
            '[' => {
                let is_not = rest.next_if(|next| matches!(next, '!' | '^')).is_some();
                let mut class = String::new();
                loop {
                    match rest.next() {
                        Some(']') if !class.is_empty() => break,
                        Some('-') => class.push('-'),
                        Some(inside) => class.push_str(&regex::escape(&inside.to_string())),
                        None => {
                            let why = "expected ] after [, but found the end";
                            return Err(FindFault::Pattern(why.to_owned()));
                        }
                    }
                }
                made.push_str(if is_not { "[^/" } else { "[" });
                made.push_str(&class);
                made.push(']');
            }
            '\\' => match rest.next() {
                Some(escaped) => made.push_str(&regex::escape(&escaped.to_string())),
                None => {
                    let why = "expected a character after \\, but found the end";
                    return Err(FindFault::Pattern(why.to_owned()));
                }
            },
            other => made.push_str(&regex::escape(&other.to_string())),
        }
    }
    made.push('$');
    Ok(made)
}

/// An owner's numbers; none where nothing is asked.
fn owner_of(text: &str) -> Result<Option<(u64, Option<u64>)>, FindFault> {
    if text.is_empty() {
        return Ok(None);
    }
    let number = |text: &str| text.parse().map_err(|_| FindFault::Owner(text.to_owned()));
    Ok(Some(match text.split_once(':') {
        Some((user, group)) => (number(user)?, Some(number(group)?)),
        None => (number(text)?, None),
    }))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tree::tests::{entry, folder};
    use estiva_shared::image::LayerEntry;

    fn found(find: Find) -> Vec<String> {
        let special = LayerEntry {
            mode: 0o4755,
            uid: 1000,
            gid: 50,
            ..entry("usr/bin/su", 90)
        };
        let open = LayerEntry {
            mode: 0o1777,
            ..folder("tmp")
        };
        let link = LayerEntry {
            kind: EntryKind::Symlink,
            mode: 0o777,
            ..entry("lib", 0)
        };
        let layer = [
            special,
            open,
            link,
            entry("usr/lib/libz.so.1", 500),
            entry("Makefile", 3),
        ];
        let history = History::of_layers([&layer[..]]);
        let slice = Slice::of(&history, 0, false);
        let filter = Filter::of(&find).unwrap_or_else(|fault| panic!("{fault:?}"));
        let nodes = (0..history.len()).filter(|node| {
            let path = history.path(*node);
            let name = if filter.by_path() {
                &path
            } else {
                history.name(*node)
            };
            filter.takes(&history, &slice, *node, name)
        });
        nodes.map(|node| history.path(node)).collect()
    }

    fn text(text: &str, syntax: Syntax) -> Find {
        Find {
            text: text.to_owned(),
            syntax,
            ..Find::default()
        }
    }

    #[test]
    fn names_are_found_by_a_part_a_glob_or_an_expression() {
        assert_eq!(found(text("MAKE", Syntax::Text)), ["Makefile"]);
        assert_eq!(found(text("lib/lib", Syntax::Text)), ["usr/lib/libz.so.1"]);
        assert_eq!(found(text("*.so.?", Syntax::Glob)), ["usr/lib/libz.so.1"]);
        assert_eq!(found(text("usr/*", Syntax::Glob)), ["usr/bin", "usr/lib"]);
        assert_eq!(found(text("/usr/**", Syntax::Glob)).len(), 4);
        assert_eq!(
            found(text("[!a-l]*", Syntax::Glob)),
            ["tmp", "usr", "usr/bin/su", "Makefile"]
        );
        assert_eq!(found(text("^s.$", Syntax::Regex)), ["usr/bin/su"]);
    }

    #[test]
    fn conditions_are_all_met() {
        let find = |change: fn(&mut Find)| {
            let mut find = Find::default();
            change(&mut find);
            found(find)
        };
        assert_eq!(find(|find| find.bits = Some(Bits::SetId)), ["usr/bin/su"]);
        assert_eq!(find(|find| find.bits = Some(Bits::Writable)), ["tmp"]);
        assert_eq!(find(|find| find.kind = Some(Kind::Link)), ["lib"]);
        assert_eq!(
            find(|find| find.kind = Some(Kind::Folder)),
            ["tmp", "usr", "usr/bin", "usr/lib"]
        );
        assert_eq!(find(|find| find.owner = "1000:50".into()), ["usr/bin/su"]);
        assert_eq!(
            find(|find| find.min_bytes = 90),
            ["usr/bin/su", "usr/lib/libz.so.1"]
        );
        assert_eq!(
            find(|find| find.change = Some(Change::Removed)),
            Vec::<String>::new()
        );
        assert_eq!(find(|find| find.layer = Some(1)), Vec::<String>::new());
    }

    #[test]
    fn mistakes_are_told() {
        for (pattern, syntax, why) in [
            ("(a", Syntax::Regex, "unclosed group"),
            ("[a", Syntax::Glob, "expected ]"),
            ("a\\", Syntax::Glob, "the end"),
            ("((a{100}){100}){100}", Syntax::Regex, "too large"),
        ] {
            match Filter::of(&text(pattern, syntax)) {
                Err(FindFault::Pattern(found)) => assert!(found.contains(why), "{found}"),
                other => panic!("{pattern}: {other:?}"),
            }
        }
        let long = "a".repeat(PATTERN_BYTES_MAX + 1);
        assert!(Filter::of(&text(&long, Syntax::Text)).is_err());
        let root = Find {
            owner: "root".into(),
            ..Find::default()
        };
        assert_eq!(
            Filter::of(&root).err(),
            Some(FindFault::Owner("root".into()))
        );
    }

    /// One that a backtracking engine would take until the end of days for.
    #[test]
    fn an_unfriendly_pattern_takes_no_time() {
        let layer = [entry(&"a".repeat(4_000), 1)];
        let history = History::of_layers([&layer[..]]);
        let slice = Slice::of(&history, 0, false);
        let filter = Filter::of(&text("(a*)*(a*)*b", Syntax::Regex)).expect("a pattern");
        assert!(!filter.takes(&history, &slice, 0, history.name(0)));
    }
}
