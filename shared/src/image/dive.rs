//! The two figures that dive prints, by its own definition, for those who know an image by them.
//!
//! dive looks at each path that is no folder, in every layer: `score` is the sum over all paths of the smallest size that
//! a layer has at the path, divided by the sum of all sizes there; `wasted_bytes` is the sum of all sizes at paths that occur
//! in two layers or more. A whiteout is an occurrence, of size 0 for a file, and of all that it hides for a folder; a
//! hard link has size 0. So the copy that is seen counts as wasted too, and what an opaque folder hides does not:
//! [`Waste::reclaimable_bytes`](super::Waste::reclaimable_bytes) is what a rebuild would save.

use std::collections::HashMap;

use super::{DiveFigures, EntryKind, IndexEntry};

/// Gathers the sizes at each path, layer by layer.
#[derive(Default)]
pub(super) struct DiveTally<'a> {
    paths: HashMap<&'a str, Occurrences>,
}

/// What was seen at one path.
struct Occurrences {
    layers: usize,
    /// Over the layers before the last one.
    smallest: u64,
    sum: u64,
    last_layer: usize,
    last_size: u64,
}

/// What dive takes for the size of an entry.
pub(super) fn size_for_dive(entry: &IndexEntry) -> u64 {
    match entry.kind {
        EntryKind::File => entry.apparent_bytes.unwrap_or(entry.size_bytes),
        _ => 0,
    }
}

impl<'a> DiveTally<'a> {
    /// Counts an entry of a layer. Layers come in their order.
    pub(super) fn entry(&mut self, layer: usize, entry: &'a IndexEntry) {
        if entry.kind != EntryKind::Directory {
            self.note(layer, &entry.path, size_for_dive(entry));
        }
    }

    /// Counts a whiteout that hides so many bytes in a folder.
    pub(super) fn whiteout(&mut self, layer: usize, path: &'a str, folder_bytes: u64) {
        self.note(layer, path, folder_bytes);
    }

    fn note(&mut self, layer: usize, path: &'a str, size: u64) {
        let seen = self.paths.entry(path).or_insert(Occurrences {
            layers: 0,
            smallest: u64::MAX,
            sum: 0,
            last_layer: layer,
            last_size: size,
        });
        if seen.layers == 0 || seen.last_layer != layer {
            if seen.layers > 0 {
                seen.smallest = seen.smallest.min(seen.last_size);
            }
            seen.layers += 1;
        } else {
            // Twice in one layer: the later one is what dive's tree holds.
            seen.sum = seen.sum.saturating_sub(seen.last_size);
        }
        seen.sum = seen.sum.saturating_add(size);
        (seen.last_layer, seen.last_size) = (layer, size);
    }

    /// The figures. An image without a byte has nothing that could be better: its score is 1.
    pub(super) fn figures(&self) -> DiveFigures {
        let (mut smallest, mut all, mut wasted_bytes) = (0_u64, 0_u64, 0_u64);
        for seen in self.paths.values() {
            smallest = smallest.saturating_add(seen.smallest.min(seen.last_size));
            all = all.saturating_add(seen.sum);
            if seen.layers > 1 {
                wasted_bytes = wasted_bytes.saturating_add(seen.sum);
            }
        }
        let score = match all {
            0 => 1.0,
            all => smallest as f64 / all as f64,
        };
        DiveFigures {
            score,
            wasted_bytes,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(path: &str, size_bytes: u64) -> IndexEntry {
        IndexEntry {
            path: path.into(),
            kind: EntryKind::File,
            mode: 0o644,
            uid: 0,
            gid: 0,
            mtime: 0,
            size_bytes,
            apparent_bytes: None,
            crc: 0,
            link: None,
        }
    }

    #[test]
    fn a_path_of_two_layers_counts_with_all_its_sizes() {
        let (old, new, other) = (file("a", 30), file("a", 10), file("b", 60));
        let mut tally = DiveTally::default();
        tally.entry(0, &old);
        tally.entry(0, &other);
        tally.entry(1, &new);
        let figures = tally.figures();
        assert_eq!(figures.wasted_bytes, 40);
        // (10 + 60) / (40 + 60)
        assert_eq!(figures.score, 0.7);
    }

    #[test]
    fn a_whiteout_is_an_occurrence_of_what_it_hides_in_a_folder() {
        let (kept, deleted) = (file("kept", 50), file("deleted", 25));
        let mut tally = DiveTally::default();
        tally.entry(0, &kept);
        tally.entry(0, &deleted);
        tally.whiteout(1, "deleted", 0);
        assert_eq!(tally.figures().wasted_bytes, 25);
        assert_eq!(tally.figures().score, 50.0 / 75.0);
        // Alone at its path, a folder's whiteout is no waste to dive.
        tally.whiteout(1, "folder", 25);
        assert_eq!(tally.figures().wasted_bytes, 25);
        assert_eq!(tally.figures().score, 0.75);
    }

    #[test]
    fn one_layer_and_none_have_a_score() {
        let (first, again) = (file("a", 30), file("a", 20));
        let mut tally = DiveTally::default();
        assert_eq!(tally.figures(), DiveFigures::default());
        tally.entry(0, &first);
        tally.entry(0, &again);
        assert_eq!(tally.figures().score, 1.0);
        assert_eq!(tally.figures().wasted_bytes, 0);
    }
}
