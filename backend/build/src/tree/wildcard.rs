//! Wildcards of COPY's sources: Go's `filepath.Match`, on one path component at a time.
//!
//! `*` any bytes, `?` one character, `[a-z]` and `[^a-z]` one of a class, `\x` the character x.

/// Whether a component has to be matched at all.
pub(super) fn is_pattern(component: &str) -> bool {
    component.contains(['*', '?', '['])
}

/// Whether a path may mean none, one or several files: it holds a wildcard that no `\` takes back.
pub(crate) fn may_find_nothing(path: &str) -> bool {
    let mut rest = path.chars();
    while let Some(c) = rest.next() {
        match c {
            '\\' => drop(rest.next()),
            '*' | '?' | '[' => return true,
            _ => {}
        }
    }
    false
}

/// Whether the pattern means something.
pub(super) fn is_valid(pattern: &str) -> bool {
    let mut rest: Vec<char> = pattern.chars().rev().collect();
    while let Some(&next) = rest.last() {
        match next {
            '[' => match class(&rest, 'x') {
                Some((_, length)) => rest.truncate(rest.len() - length),
                None => return false,
            },
            '\\' if rest.len() < 2 => return false,
            '\\' => rest.truncate(rest.len() - 2),
            _ => {
                rest.pop();
            }
        }
    }
    true
}

/// Whether `name` matches. Bytes that are not UTF-8 were made U+FFFD before, so that `*` and `?` take them.
pub(super) fn matches(pattern: &str, name: &str) -> bool {
    let pattern: Vec<char> = pattern.chars().collect();
    let name: Vec<char> = name.chars().collect();
    let (mut p, mut n) = (0, 0);
    // The last star, and how much of the name it has taken: going back there alone keeps this from being exponential.
    let mut star: Option<(usize, usize)> = None;
    loop {
        if p < pattern.len() && pattern[p] == '*' {
            star = Some((p, n));
            p += 1;
            continue;
        }
        if p == pattern.len() && n == name.len() {
            return true;
        }
        if let Some(length) = name.get(n).and_then(|&found| one(&pattern[p..], found)) {
            p += length;
            n += 1;
            continue;
        }
        match star {
            Some((at, taken)) if taken < name.len() => {
                star = Some((at, taken + 1));
                p = at + 1;
                n = taken + 1;
            }
            _ => return false,
        }
    }
}

/// Matches one character against the pattern's beginning; how many characters of the pattern that took.
fn one(pattern: &[char], found: char) -> Option<usize> {
    match *pattern.first()? {
        '?' => Some(1),
        '[' => {
            let reversed: Vec<char> = pattern.iter().rev().copied().collect();
            class(&reversed, found)
                .filter(|(inside, _)| *inside)
                .map(|(_, length)| length)
        }
        '\\' => (pattern.get(1) == Some(&found)).then_some(2),
        expected => (expected == found).then_some(1),
    }
}

/// Reads the class at the end of `reversed` (a reversed pattern): whether `found` is in it, and its length. `None`
/// where it isn't closed or is empty.
fn class(reversed: &[char], found: char) -> Option<(bool, usize)> {
    let mut rest = reversed.iter().rev().copied().skip(1).peekable();
    let mut length = 1;
    let negated = rest.next_if_eq(&'^').is_some();
    length += usize::from(negated);
    let (mut inside, mut ranges) = (false, 0);
    loop {
        if rest.peek() == Some(&']') && ranges > 0 {
            return Some((inside != negated, length + 1));
        }
        let (low, taken) = character(&mut rest)?;
        length += taken;
        let mut high = low;
        if rest.next_if_eq(&'-').is_some() {
            let (last, taken) = character(&mut rest)?;
            high = last;
            length += 1 + taken;
        }
        ranges += 1;
        inside |= (low..=high).contains(&found);
    }
}

/// One character of a class, a `\` before it removed.
fn character(rest: &mut impl Iterator<Item = char>) -> Option<(char, usize)> {
    match rest.next()? {
        '-' | ']' => None,
        '\\' => rest.next().map(|escaped| (escaped, 2)),
        plain => Some((plain, 1)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn matches_as_go_does() {
        for (pattern, name, expected) in [
            ("*", "anything.txt", true),
            ("*.txt", "a.txt", true),
            ("*.txt", "a.txt.gz", false),
            ("a*b*c", "a1b2b3c", true),
            ("a*b*c", "a1b2b3", false),
            ("hom?.txt", "home.txt", true),
            ("hom?.txt", "hom.txt", false),
            ("[a-c]x", "bx", true),
            ("[^a-c]x", "bx", false),
            ("[^a-c]x", "dx", true),
            ("arr[[]0].txt", "arr[0].txt", true),
            (r"a\*b", "a*b", true),
            (r"a\*b", "axb", false),
            (r"[\]]", "]", true),
            ("", "", true),
            ("?", "é", true),
        ] {
            assert_eq!(matches(pattern, name), expected, "{pattern} {name}");
        }
    }

    #[test]
    fn an_escaped_wildcard_names_one_file() {
        for (path, expected) in [
            ("yarn.lock*", true),
            ("a/?/b", true),
            ("[a]", true),
            ("plain", false),
            (r"a\*b", false),
            (r"\[x]", false),
            (r"\\*", true),
            (r"a\", false),
        ] {
            assert_eq!(may_find_nothing(path), expected, "{path}");
        }
    }

    #[test]
    fn a_pattern_of_many_stars_ends_soon() {
        assert!(!matches(&format!("{}b", "*a".repeat(60)), &"a".repeat(250)));
    }

    #[test]
    fn tells_patterns_that_mean_nothing() {
        for pattern in ["[", "a[", "[]", "[a-]", "[^]", r"a\", "[-a]"] {
            assert!(!is_valid(pattern), "{pattern}");
        }
        for pattern in ["[a]", r"[\]]", "*?", r"\[", "[a-z0-9]x"] {
            assert!(is_valid(pattern), "{pattern}");
        }
    }
}
