//! A set of paths that answers quickly which of them lie above a path.
//!
//! Looking each folder above a path up by its name takes time by the square of the path's length, and Linux allows 2,048
//! names in one: 60,000 such entries took half a minute. Here a path is hashed once, from its start on, and each `/` on the
//! way gives the hash of one folder more; most are passed over, since no path in the set has their length. A hit is only a candidate: who makes hashes collide gets the slow way back, no more.

use std::collections::HashMap;

/// The multiplier of the hash (Knuth's, from the golden ratio).
const MULTIPLIER: u64 = 0x9E37_79B9_7F4A_7C15;

/// Hashes of paths, each with how many paths have it.
#[derive(Default)]
pub(super) struct PathSet {
    known: HashMap<u64, usize>,
    /// How many paths there are of each length.
    lengths: Vec<usize>,
}

impl PathSet {
    pub(super) fn insert(&mut self, path: &str) {
        *self.known.entry(hash_on(0, path)).or_default() += 1;
        if self.lengths.len() <= path.len() {
            self.lengths.resize(path.len() + 1, 0);
        }
        self.lengths[path.len()] += 1;
    }

    /// Takes out a path that was put in.
    pub(super) fn remove(&mut self, path: &str) {
        let hash = hash_on(0, path);
        if let Some(count) = self.known.get_mut(&hash) {
            if let Some(length) = self.lengths.get_mut(path.len()) {
                *length = length.saturating_sub(1);
            }
            *count -= 1;
            if *count == 0 {
                self.known.remove(&hash);
            }
        }
    }

    /// The folders above a path that are (almost certainly) in the set, the nearest first.
    pub(super) fn above<'p>(&self, path: &'p str) -> Vec<&'p str> {
        let mut found = Vec::new();
        let (mut hash, mut start) = (0, 0);
        for (slash, _) in path.match_indices('/') {
            if self.lengths.get(slash).is_none_or(|count| *count == 0) {
                continue;
            }
            hash = hash_on(hash, &path[start..slash]);
            start = slash;
            if self.known.contains_key(&hash) {
                found.push(&path[..slash]);
            }
        }
        found.reverse();
        found
    }
}

/// The hash of a text that begins with what was hashed before.
fn hash_on(before: u64, text: &str) -> u64 {
    text.bytes().fold(before, |hash, byte| {
        (hash.rotate_left(5) ^ u64::from(byte)).wrapping_mul(MULTIPLIER)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn folders_above_are_found_nearest_first() {
        let mut set = PathSet::default();
        for path in ["a", "a/b/c", "a/b/c", "d", "a/bc"] {
            set.insert(path);
        }
        assert_eq!(set.above("a/b/c/d"), ["a/b/c", "a"]);
        assert_eq!(set.above("a/b/c"), ["a"]);
        assert!(set.above("da/x").is_empty());
        set.remove("a/b/c");
        assert_eq!(set.above("a/b/c/d"), ["a/b/c", "a"]);
        set.remove("a/b/c");
        set.remove("a");
        assert!(set.above("a/b/c/d").is_empty());
    }
}
