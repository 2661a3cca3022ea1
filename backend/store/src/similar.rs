//! Names that look like one that isn't known, to offer them.

use crate::limits::SIMILAR_MAX;

/// Names that are further off than this share of the longer one's length aren't offered.
const DISTANCE_SHARE: usize = 3;

/// The names among `known` that are nearest to `wanted`, nearest first, at most [`SIMILAR_MAX`].
///
/// A name counts by the smallest distance of the whole, and of the repository and its last part alone, so that
/// `node:20` finds `node:22` and `api-roket` finds `me/api-rocket:latest`.
pub(crate) fn similar<'a>(wanted: &str, known: impl Iterator<Item = &'a str>) -> Vec<String> {
    let mut near: Vec<((usize, usize), &str)> = known
        .filter_map(|name| nearness(wanted, name).map(|distance| (distance, name)))
        .collect();
    near.sort_unstable();
    near.dedup();
    near.into_iter()
        .take(SIMILAR_MAX)
        .map(|(_, name)| name.to_owned())
        .collect()
}

/// How far off a name is, by its nearest part and, among those that are alike, by the whole; none where it is too far.
fn nearness(wanted: &str, name: &str) -> Option<(usize, usize)> {
    let (wanted, name) = without_their_registry(wanted, name);
    let pairs = [
        (wanted, name),
        (repository(wanted), repository(name)),
        (last_part(wanted), last_part(name)),
    ];
    pairs
        .into_iter()
        .filter(|(left, right)| !left.is_empty() && !right.is_empty())
        .filter_map(|(left, right)| {
            let distance = distance(left, right);
            let most = left.chars().count().max(right.chars().count()) / DISTANCE_SHARE;
            (distance <= most.max(1) && distance < left.chars().count()).then_some(distance)
        })
        .min()
        .map(|nearest| (nearest, distance(wanted, name)))
}

/// Two names without the first part that both have: a registry's many letters would make everything of it alike.
fn without_their_registry<'a>(wanted: &'a str, name: &'a str) -> (&'a str, &'a str) {
    match (wanted.split_once('/'), name.split_once('/')) {
        (Some((left, wanted)), Some((right, name))) if left == right => (wanted, name),
        _ => (wanted, name),
    }
}

/// The name without its tag and digest.
fn repository(name: &str) -> &str {
    let name = name.split_once('@').map_or(name, |(name, _)| name);
    match name.rsplit_once(':') {
        Some((repository, tag)) if !tag.contains('/') => repository,
        _ => name,
    }
}

fn last_part(name: &str) -> &str {
    let repository = repository(name);
    repository
        .rsplit_once('/')
        .map_or(repository, |(_, last)| last)
}

/// How many letters must be inserted, removed, changed, or swapped with their neighbour to make one of the other
/// (Damerau and Levenshtein, optimal string alignment).
fn distance(left: &str, right: &str) -> usize {
    let left: Vec<char> = left.chars().collect();
    let right: Vec<char> = right.chars().collect();
    let mut before: Vec<usize> = Vec::new();
    let mut above: Vec<usize> = (0..=right.len()).collect();
    for (row, &a) in left.iter().enumerate() {
        let mut current = vec![row + 1];
        for (column, &b) in right.iter().enumerate() {
            let changed = above[column] + usize::from(a != b);
            let mut least = changed.min(above[column + 1] + 1).min(current[column] + 1);
            let swapped =
                row > 0 && column > 0 && a == right[column - 1] && left[row - 1] == b && a != b;
            if swapped {
                least = least.min(before[column - 1] + 1);
            }
            current.push(least);
        }
        before = std::mem::replace(&mut above, current);
    }
    above[right.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_insertions_removals_changes_and_swaps() {
        let table = [
            ("", "", 0),
            ("", "abc", 3),
            ("abc", "abc", 0),
            ("abc", "acb", 1),
        ];
        for (left, right, expected) in table {
            assert_eq!(distance(left, right), expected, "{left} {right}");
        }
        assert_eq!(distance("busybx", "busybox"), 1);
        assert_eq!(distance("kitten", "sitting"), 3);
    }

    #[test]
    fn offers_the_nearest_first_and_nothing_far_off() {
        let known = [
            "busybox:latest",
            "node:22",
            "me/api-rocket:latest",
            "debian:12",
        ];
        let offered = |wanted| similar(wanted, known.into_iter());
        assert_eq!(offered("busybx:latest"), ["busybox:latest"]);
        assert_eq!(offered("node:20"), ["node:22"]);
        assert_eq!(offered("api-roket:latest"), ["me/api-rocket:latest"]);
        assert!(offered("postgres:latest").is_empty());
    }

    // All images of a registry with a long name were offered for each other.
    #[test]
    fn a_registry_in_common_makes_nothing_alike() {
        let known = [
            "127.0.0.1:15871/deb/base:1",
            "127.0.0.1:15871/big/x:latest",
            "127.0.0.1:15871/team/hello:1",
        ];
        assert_eq!(
            similar("127.0.0.1:15871/team/helo:1", known.into_iter()),
            ["127.0.0.1:15871/team/hello:1"]
        );
    }

    #[test]
    fn offers_no_more_than_the_limit() {
        let known: Vec<String> = (0..20).map(|number| format!("image:{number}")).collect();
        let offered = similar("imag:1", known.iter().map(String::as_str));
        assert_eq!(offered.len(), SIMILAR_MAX);
        assert_eq!(offered[0], "image:1");
    }
}
