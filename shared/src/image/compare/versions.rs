//! Which of two versions is the newer, by the rules of what installs the package.
//!
//! dpkg: deb-version(7). apk: apk-package(5), "Version". npm and cargo: Semantic Versioning 2.0.0, section 11; Go's modules are
//! the same with a `v` before. Python: PEP 440, "Summary of permitted suffixes and relative ordering". A version that breaks its
//! own rules has no place in an order: then nothing is said.

use std::cmp::Ordering;

use super::super::holdings::PackageKind;

/// How `a` stands to `b`; none where one of them can't be read, or they are as new as each other and yet not the same.
pub(super) fn order(kind: PackageKind, a: &str, b: &str) -> Option<Ordering> {
    let order = match kind {
        PackageKind::Deb => Some(debian(a, b)),
        PackageKind::Apk => Some(Apk::read(a)?.cmp(&Apk::read(b)?)),
        PackageKind::Npm | PackageKind::Cargo => semantic(a, b),
        PackageKind::Go => semantic(a.strip_prefix('v')?, b.strip_prefix('v')?),
        PackageKind::Pypi => Some(Python::read(a)?.cmp(&Python::read(b)?)),
    };
    order.filter(|order| *order != Ordering::Equal || a == b)
}

/// Debian's order: the epoch, then the upstream version, then the revision.
fn debian(a: &str, b: &str) -> Ordering {
    let parts = |text: &str| {
        let (epoch, rest) = text.split_once(':').unwrap_or(("0", text));
        let (upstream, revision) = rest.rsplit_once('-').unwrap_or((rest, "0"));
        (epoch.to_owned(), upstream.to_owned(), revision.to_owned())
    };
    let ((epoch_a, upstream_a, revision_a), (epoch_b, upstream_b, revision_b)) =
        (parts(a), parts(b));
    debian_part(&epoch_a, &epoch_b)
        .then_with(|| debian_part(&upstream_a, &upstream_b))
        .then_with(|| debian_part(&revision_a, &revision_b))
}

/// By turns a part without digits, whose letters come before other signs and `~` before the end, and a number.
fn debian_part(mut a: &str, mut b: &str) -> Ordering {
    while !a.is_empty() || !b.is_empty() {
        let ((text_a, rest_a), (text_b, rest_b)) = (before_digits(a), before_digits(b));
        let signs = text_a.len().max(text_b.len());
        for at in 0..signs {
            let weight = |text: &str| match text.as_bytes().get(at) {
                Some(b'~') => -1,
                None => 0,
                Some(letter) if letter.is_ascii_alphabetic() => i32::from(*letter),
                Some(other) => i32::from(*other) + 256,
            };
            match weight(text_a).cmp(&weight(text_b)) {
                Ordering::Equal => {}
                order => return order,
            }
        }
        let ((number_a, next_a), (number_b, next_b)) = (digits(rest_a), digits(rest_b));
        match numbers(number_a, number_b) {
            Ordering::Equal => {}
            order => return order,
        }
        (a, b) = (next_a, next_b);
    }
    Ordering::Equal
}

fn before_digits(text: &str) -> (&str, &str) {
    text.split_at(
        text.find(|letter: char| letter.is_ascii_digit())
            .unwrap_or(text.len()),
    )
}

fn digits(text: &str) -> (&str, &str) {
    text.split_at(
        text.find(|letter: char| !letter.is_ascii_digit())
            .unwrap_or(text.len()),
    )
}

/// Two numbers of any length, as digits.
fn numbers(a: &str, b: &str) -> Ordering {
    let (a, b) = (a.trim_start_matches('0'), b.trim_start_matches('0'));
    a.len().cmp(&b.len()).then_with(|| a.cmp(b))
}

/// A version of Alpine's: `1.2.3a_rc1-r0`.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Apk {
    numbers: Vec<u64>,
    letter: Option<char>,
    /// Each suffix with its rank and number; the end stands between those before a release and those after one.
    suffixes: Vec<(i8, u64)>,
    revision: u64,
}

impl Apk {
    /// Suffixes in their order; the release itself stands at 0.
    const SUFFIXES: [(&'static str, i8); 9] = [
        ("alpha", -4),
        ("beta", -3),
        ("pre", -2),
        ("rc", -1),
        ("cvs", 1),
        ("svn", 2),
        ("git", 3),
        ("hg", 4),
        ("p", 5),
    ];

    fn read(text: &str) -> Option<Self> {
        let (rest, revision) = match text.rsplit_once("-r") {
            Some((rest, revision)) => (rest, number(revision)?),
            None => (text, 0),
        };
        let mut parts = rest.split('_');
        let main = parts.next()?;
        let (main, letter) = match main.chars().last()? {
            letter if letter.is_ascii_lowercase() => (&main[..main.len() - 1], Some(letter)),
            _ => (main, None),
        };
        let numbers = main
            .split('.')
            .enumerate()
            // After the first, a number with a zero before it is a fraction, whose order is another.
            .map(|(at, text)| {
                (at == 0 || text == "0" || !text.starts_with('0')).then(|| number(text))?
            })
            .collect::<Option<Vec<_>>>()?;
        let mut suffixes = parts
            .map(|part| {
                let (name, count) = before_digits(part);
                let (_, rank) = Self::SUFFIXES.iter().find(|(known, _)| *known == name)?;
                let count = if count.is_empty() { 0 } else { number(count)? };
                Some((*rank, count))
            })
            .collect::<Option<Vec<_>>>()?;
        suffixes.push((0, 0));
        Some(Self {
            numbers,
            letter,
            suffixes,
            revision,
        })
    }
}

fn number(text: &str) -> Option<u64> {
    let is_number = !text.is_empty() && text.bytes().all(|letter| letter.is_ascii_digit());
    is_number.then(|| text.parse().ok()).flatten()
}

/// By precedence of Semantic Versioning.
fn semantic(a: &str, b: &str) -> Option<Ordering> {
    let ((core_a, pre_a), (core_b, pre_b)) = (semantic_parts(a)?, semantic_parts(b)?);
    let order = core_a.cmp(&core_b);
    Some(order.then_with(|| match (pre_a, pre_b) {
        (None, None) => Ordering::Equal,
        // What comes before a release is older than it.
        (None, Some(_)) => Ordering::Greater,
        (Some(_), None) => Ordering::Less,
        (Some(a), Some(b)) => pre_releases(a, b),
    }))
}

/// The three numbers, and the identifiers of a pre-release.
fn semantic_parts(text: &str) -> Option<([u64; 3], Option<&str>)> {
    let (text, _) = text.split_once('+').unwrap_or((text, ""));
    let (core, pre) = match text.split_once('-') {
        Some((core, pre)) => (core, Some(pre)),
        None => (text, None),
    };
    let mut numbers = core.split('.').map(number);
    let core = [numbers.next()??, numbers.next()??, numbers.next()??];
    numbers.next().is_none().then_some((core, pre))
}

fn pre_releases(a: &str, b: &str) -> Ordering {
    let (mut one, mut two) = (a.split('.'), b.split('.'));
    loop {
        let order = match (one.next(), two.next()) {
            (None, None) => return Ordering::Equal,
            (None, Some(_)) => Ordering::Less,
            (Some(_), None) => Ordering::Greater,
            (Some(a), Some(b)) => match (number(a), number(b)) {
                (Some(_), Some(_)) => numbers(a, b),
                (Some(_), None) => Ordering::Less,
                (None, Some(_)) => Ordering::Greater,
                (None, None) => a.cmp(b),
            },
        };
        if order != Ordering::Equal {
            return order;
        }
    }
}

/// A version of Python's, its parts in the order in which they are compared.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Python {
    epoch: u64,
    release: Vec<u64>,
    /// A version of development alone comes first, then pre-releases, then the release.
    pre: (u8, u8, u64),
    post: Option<u64>,
    /// One of development comes before what it leads to.
    dev: (bool, u64),
}

impl Python {
    /// Words of a pre-release, with their rank.
    const PRE: [(&'static str, u8); 8] = [
        ("alpha", 0),
        ("a", 0),
        ("beta", 1),
        ("b", 1),
        ("preview", 2),
        ("pre", 2),
        ("rc", 2),
        ("c", 2),
    ];

    fn read(text: &str) -> Option<Self> {
        let text = text.trim().to_ascii_lowercase();
        // A local version is of who built it, and says nothing of what is newer.
        let (text, _) = text.split_once('+').unwrap_or((&text, ""));
        let text = text.strip_prefix('v').unwrap_or(text);
        let (epoch, text) = match text.split_once('!') {
            Some((epoch, rest)) => (number(epoch)?, rest),
            None => (0, text),
        };
        let end = text
            .find(|letter: char| !(letter.is_ascii_digit() || letter == '.'))
            .unwrap_or(text.len());
        let (main, mut rest) = text.split_at(end);
        let mut release = main
            .trim_end_matches('.')
            .split('.')
            .map(number)
            .collect::<Option<Vec<_>>>()?;
        while release.len() > 1 && release.last() == Some(&0) {
            release.pop();
        }
        let pre = Self::take(&mut rest, &Self::PRE);
        let post = match rest.strip_prefix('-').map(digits) {
            Some((count, after)) if !count.is_empty() => {
                rest = after;
                Some(number(count)?)
            }
            _ => {
                Self::take(&mut rest, &[("post", 0), ("rev", 0), ("r", 0)]).map(|(_, count)| count)
            }
        };
        let dev = Self::take(&mut rest, &[("dev", 0)]).map(|(_, count)| count);
        if !rest.is_empty() {
            return None;
        }
        let pre = match pre {
            Some((rank, count)) => (1, rank, count),
            None if post.is_none() && dev.is_some() => (0, 0, 0),
            None => (2, 0, 0),
        };
        Some(Self {
            epoch,
            release,
            pre,
            post,
            dev: (dev.is_none(), dev.unwrap_or(0)),
        })
    }

    /// Takes one of the words and the number after it off the front, with the signs that may stand between.
    fn take(rest: &mut &str, words: &[(&str, u8)]) -> Option<(u8, u64)> {
        let signs = ['.', '-', '_'];
        let start = rest.strip_prefix(signs).unwrap_or(rest);
        let (word, rank) = words.iter().find(|(word, _)| start.starts_with(word))?;
        let after = &start[word.len()..];
        let (count, left) = digits(after.strip_prefix(signs).unwrap_or(after));
        let (count, left) = match count.is_empty() {
            true => (0, after),
            false => (number(count)?, left),
        };
        *rest = left;
        Some((*rank, count))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Each is older than the next.
    fn assert_sorted(kind: PackageKind, versions: &[&str]) {
        for (at, old) in versions.iter().enumerate() {
            assert_eq!(order(kind, old, old), Some(Ordering::Equal), "{old}");
            for new in &versions[at + 1..] {
                assert_eq!(order(kind, old, new), Some(Ordering::Less), "{old} {new}");
                assert_eq!(
                    order(kind, new, old),
                    Some(Ordering::Greater),
                    "{new} {old}"
                );
            }
        }
    }

    #[test]
    fn debians_versions_have_its_order() {
        let versions = [
            "1.0~beta1~svn1245-1",
            "1.0~beta1-1",
            "1.0-1",
            "1.0-1+deb12u1",
            "1.0-1.1",
            "1.0a-1",
            "1.0.1-1",
            "1.2-9",
            "1.10-1",
            "1:0.1-1",
            "2:0~0",
        ];
        assert_sorted(PackageKind::Deb, &versions);
        // As new as each other, and yet not the same text.
        assert_eq!(order(PackageKind::Deb, "1.0", "1.00"), None);
        let long = "9".repeat(500);
        assert_eq!(order(PackageKind::Deb, "1", &long), Some(Ordering::Less));
    }

    #[test]
    fn alpines_versions_have_its_order() {
        let versions = [
            "1.2_alpha1-r0",
            "1.2_beta2-r0",
            "1.2_rc1-r0",
            "1.2-r0",
            "1.2-r1",
            "1.2-r10",
            "1.2_p1-r0",
            "1.2a-r0",
            "1.2.1-r0",
            "1.10-r0",
        ];
        assert_sorted(PackageKind::Apk, &versions);
        for odd in ["1.02-r0", "x", "", "1.2_strange1", "1.2-rx"] {
            assert_eq!(order(PackageKind::Apk, odd, "1.2-r0"), None, "{odd}");
        }
    }

    #[test]
    fn semantic_versions_have_their_order() {
        let versions = [
            "1.0.0-alpha",
            "1.0.0-alpha.1",
            "1.0.0-alpha.beta",
            "1.0.0-beta",
            "1.0.0-beta.2",
            "1.0.0-beta.11",
            "1.0.0-rc.1",
            "1.0.0",
            "1.0.10",
            "1.2.0",
        ];
        assert_sorted(PackageKind::Npm, &versions);
        let go = [
            "v0.0.0-20190101000000-abcdef123456",
            "v0.0.0-20200101000000-0123456789ab",
            "v1.2.3",
        ];
        assert_sorted(PackageKind::Go, &go);
        for odd in ["1.2", "(devel)", "1.2.3.4", "a.b.c", ""] {
            assert_eq!(order(PackageKind::Cargo, odd, "1.0.0"), None, "{odd}");
            assert_eq!(order(PackageKind::Go, odd, "v1.0.0"), None, "{odd}");
        }
        assert_eq!(order(PackageKind::Npm, "1.0.0+a", "1.0.0+b"), None);
    }

    #[test]
    fn pythons_versions_have_their_order() {
        let versions = [
            "1.0.dev456",
            "1.0a1",
            "1.0a2.dev456",
            "1.0a12.dev456",
            "1.0a12",
            "1.0b1.dev456",
            "1.0b2",
            "1.0b2.post345.dev456",
            "1.0b2.post345",
            "1.0rc1.dev456",
            "1.0rc1",
            "1.0",
            "1.0.post456.dev34",
            "1.0.post456",
            "1.0.15",
            "1.1.dev1",
            "1!0.1",
        ];
        assert_sorted(PackageKind::Pypi, &versions);
        assert_eq!(order(PackageKind::Pypi, "1.0", "1.0.0"), None);
        assert_eq!(order(PackageKind::Pypi, "2004d", "1.0"), None);
        assert_eq!(
            order(PackageKind::Pypi, "1.0-1", "1.0"),
            Some(Ordering::Greater)
        );
    }
}
