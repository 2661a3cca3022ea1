//! The places that break a rule: the largest of them, and how many there are.

use std::collections::{HashMap, HashSet};

use super::{PLACES_MAX, Place};
use crate::image::{Change, EntryKind, ImageAnalysis, LayerView};

/// Gathers places. It holds a few more than are shown, however many come.
#[derive(Default)]
pub(super) struct Places {
    largest: Vec<Place>,
    total: usize,
}

impl Places {
    pub(super) fn add(&mut self, place: Place) {
        self.total += 1;
        self.largest.push(place);
        if self.largest.len() >= PLACES_MAX * 4 {
            self.keep_largest();
        }
    }

    /// How many came.
    pub(super) fn total(&self) -> usize {
        self.total
    }

    /// The largest, largest first; those of one size by layer and path.
    pub(super) fn into_largest(mut self) -> Vec<Place> {
        self.keep_largest();
        self.largest
    }

    fn keep_largest(&mut self) {
        self.largest.sort_by(|one, other| {
            let size = other.size_bytes.cmp(&one.size_bytes);
            let layer = || one.layer.cmp(&other.layer);
            size.then_with(layer)
                .then_with(|| one.path.cmp(&other.path))
        });
        self.largest.truncate(PLACES_MAX);
    }
}

impl Extend<Place> for Places {
    fn extend<I: IntoIterator<Item = Place>>(&mut self, places: I) {
        places.into_iter().for_each(|place| self.add(place));
    }
}

/// A file of a layer.
pub(super) fn file(layer: usize, path: &str, size_bytes: u64) -> Place {
    Place {
        layer: Some(layer),
        path: Some(path.to_owned()),
        size_bytes,
        ..Place::default()
    }
}

/// What dive lists as inefficient: the paths that two layers or more have, each with the sum of its sizes and the last of its
/// layers.
pub(super) fn twice_shipped(analysis: &ImageAnalysis) -> Places {
    struct Seen {
        layers: usize,
        last: usize,
        sum: u64,
    }
    let mut paths: HashMap<&str, Seen> = HashMap::new();
    for layer in &analysis.image.layers {
        for (path, size_bytes) in occurrences(layer) {
            let seen = paths.entry(path).or_insert(Seen {
                layers: 0,
                last: layer.index,
                sum: 0,
            });
            seen.layers += 1;
            seen.last = layer.index;
            seen.sum = seen.sum.saturating_add(size_bytes);
        }
    }
    let mut places = Places::default();
    let twice = paths
        .into_iter()
        .filter(|(_, seen)| seen.layers > 1 && seen.sum > 0);
    places.extend(twice.map(|(path, seen)| file(seen.last, path, seen.sum)));
    places
}

/// What dive counts of a layer: what is no folder, and whiteouts, with their sizes. What goes with its folder is none.
fn occurrences(layer: &LayerView) -> impl Iterator<Item = (&str, u64)> {
    let gone: HashSet<&str> = layer
        .entries
        .iter()
        .filter(|entry| entry.opaque || entry.change == Change::Removed)
        .filter(|entry| entry.kind == EntryKind::Directory)
        .map(|entry| entry.path.as_str())
        .collect();
    let goes_with_its_folder = move |path: &str| {
        let mut ends = path.match_indices('/').map(|(end, _)| &path[..end]);
        ends.any(|folder| gone.contains(folder))
    };
    let entries = layer
        .entries
        .iter()
        .filter(|entry| entry.kind != EntryKind::Directory);
    entries.filter_map(move |entry| match entry.change {
        Change::Removed if goes_with_its_folder(&entry.path) => None,
        Change::Removed => Some((entry.path.as_str(), 0)),
        _ if entry.kind == EntryKind::File => Some((entry.path.as_str(), entry.size_bytes)),
        _ => Some((entry.path.as_str(), 0)),
    })
}

/// What dive calls a layer's size: the content of its files.
pub(super) fn content_bytes(layer: &LayerView) -> u64 {
    let files = layer
        .entries
        .iter()
        .filter(|entry| entry.kind == EntryKind::File && entry.change != Change::Removed);
    files.fold(0, |sum, entry| sum.saturating_add(entry.size_bytes))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_largest_are_kept_and_all_are_counted() {
        let mut places = Places::default();
        places.extend((0..1000).map(|size| file(0, &format!("{size}"), size)));
        assert_eq!(places.total(), 1000);
        let largest = places.into_largest();
        let sizes: Vec<_> = largest.iter().map(|place| place.size_bytes).collect();
        assert_eq!(sizes, (980..1000).rev().collect::<Vec<_>>());
    }

    #[test]
    fn those_of_one_size_are_in_the_order_of_layer_and_path() {
        let mut places = Places::default();
        places.extend([
            file(1, "a", 5),
            file(0, "b", 5),
            file(0, "a", 5),
            file(2, "c", 9),
        ]);
        let paths: Vec<_> = places
            .into_largest()
            .into_iter()
            .map(|place| (place.layer, place.path))
            .collect();
        let expected = [(2, "c"), (0, "a"), (0, "b"), (1, "a")];
        let expected: Vec<_> = expected
            .map(|(layer, path)| (Some(layer), Some(path.to_owned())))
            .to_vec();
        assert_eq!(paths, expected);
    }
}
