//! Names that look like one that was not found: a slip of the fingers should cost a glance.

/// How many names are offered.
const OFFERED_MAX: usize = 3;

/// Names longer than this are compared by their start only, so that a hostile one costs no time.
const COMPARED_CHARS_MAX: usize = 64;

/// The names nearest to `asked`, best first: those that begin with it, then those that are a few letters away.
pub(crate) fn similar<'a>(asked: &str, names: impl Iterator<Item = &'a str>) -> Vec<String> {
    // One slip in three letters is a slip; more is another word.
    let distance_max = (asked.chars().count() / 3).clamp(1, 4);
    let mut near: Vec<(usize, &str)> = names
        .filter_map(|name| match distance(asked, name) {
            _ if !asked.is_empty() && name.starts_with(asked) => Some((0, name)),
            distance if distance <= distance_max => Some((distance, name)),
            _ => None,
        })
        .collect();
    near.sort_unstable();
    near.into_iter()
        .take(OFFERED_MAX)
        .map(|(_, name)| name.to_owned())
        .collect()
}

/// Levenshtein's distance: letters to add, drop or change.
fn distance(one: &str, other: &str) -> usize {
    let one: Vec<char> = one.chars().take(COMPARED_CHARS_MAX).collect();
    let other: Vec<char> = other.chars().take(COMPARED_CHARS_MAX).collect();
    let mut row: Vec<usize> = (0..=other.len()).collect();
    for (index, letter) in one.iter().enumerate() {
        let mut diagonal = row[0];
        row[0] = index + 1;
        for (column, other_letter) in other.iter().enumerate() {
            let change = diagonal + usize::from(letter != other_letter);
            diagonal = row[column + 1];
            row[column + 1] = change.min(diagonal + 1).min(row[column] + 1);
        }
    }
    row[other.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn offers_slips_and_starts_and_nothing_far() {
        let names = ["web", "web-2", "worker", "database"];
        assert_eq!(similar("wbe", names.into_iter()), Vec::<String>::new());
        assert_eq!(similar("wab", names.into_iter()), ["web"]);
        assert_eq!(similar("we", names.into_iter()), ["web", "web-2"]);
        assert_eq!(similar("databaes", names.into_iter()), ["database"]);
        assert_eq!(similar("", names.into_iter()), Vec::<String>::new());
    }

    #[test]
    fn distance_is_levenshteins() {
        assert_eq!(distance("kitten", "sitting"), 3);
        assert_eq!(distance("", "abc"), 3);
        assert_eq!(distance("abc", "abc"), 0);
    }
}
