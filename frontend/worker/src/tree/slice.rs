//! The tree after one layer: which paths are there, and what is in their folders; or only what that layer did.
//!
//! Made in two passes over the paths, so that a slider can ask for one at each of its steps.

use estiva_shared::image::Change;

use super::{History, Version};

/// The tree after one layer.
#[derive(Debug, Default)]
pub struct Slice {
    layer: usize,
    /// Of each path its version, by number from 1; 0 for none, as of a folder that no entry names.
    now: Vec<u32>,
    shown: Vec<bool>,
    has_below: Vec<bool>,
    total_bytes: Vec<u64>,
    entries: usize,
}

impl Slice {
    /// The tree after a layer, with what the layer removed; with `changes`, only what it did.
    pub fn of(history: &History, layer: usize, changes: bool) -> Slice {
        let count = history.len();
        let mut slice = Slice {
            layer,
            now: vec![0; count],
            shown: vec![false; count],
            has_below: vec![false; count],
            total_bytes: vec![0; count],
            entries: 0,
        };
        for node in 0..count {
            let versions = history.versions(node);
            let last = versions
                .rev()
                .find(|version| history.version(*version).layer as usize <= layer);
            let Some(last) = last else {
                continue;
            };
            let version = history.version(last);
            let is_new = version.layer as usize == layer;
            if is_new || !(changes || version.change == Change::Removed) {
                slice.now[node] = last as u32 + 1;
                slice.shown[node] = true;
                slice.total_bytes[node] = version.size_bytes;
                slice.entries += 1;
            }
        }
        // From the end: what is below a folder is whole before the folder takes it.
        for node in (0..count).rev() {
            if let (true, Some(parent)) = (slice.shown[node], history.parent(node)) {
                slice.shown[parent] = true;
                slice.has_below[parent] = true;
                if !slice.is_removed(history, node) || slice.is_removed(history, parent) {
                    let below = slice.total_bytes[node];
                    let folder = &mut slice.total_bytes[parent];
                    *folder = folder.saturating_add(below);
                }
            }
        }
        slice
    }

    /// The layer after which it is.
    pub fn layer(&self) -> usize {
        self.layer
    }

    /// Whether a path is there, or was until this layer removed it.
    pub fn shows(&self, node: usize) -> bool {
        self.shown[node]
    }

    /// Whether anything is shown below a path.
    pub fn has_below(&self, node: usize) -> bool {
        self.has_below[node]
    }

    /// What a path is at this layer; none for a folder that no entry names.
    pub fn version<'h>(&self, history: &'h History, node: usize) -> Option<&'h Version> {
        let version = self.now[node].checked_sub(1)?;
        Some(history.version(version as usize))
    }

    /// What this layer did to a path; none where it left it alone.
    pub fn change(&self, history: &History, node: usize) -> Option<Change> {
        let version = self.version(history, node)?;
        (version.layer as usize == self.layer).then_some(version.change)
    }

    /// A path's content and that of all below it, in bytes. What was removed counts in removed folders alone.
    pub fn total_bytes(&self, node: usize) -> u64 {
        self.total_bytes[node]
    }

    /// How many paths with an entry are shown.
    pub fn entries(&self) -> usize {
        self.entries
    }

    fn is_removed(&self, history: &History, node: usize) -> bool {
        self.version(history, node)
            .is_some_and(|version| version.change == Change::Removed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tree::tests::{changed, entry, folder, removed};

    /// Three layers: a folder of two files and one beside it; one changed, one added; the folder deleted.
    fn history() -> History {
        let first = [
            folder("a"),
            entry("a/x", 10),
            entry("a/y", 5),
            entry("b", 1),
        ];
        let second = [changed("a/x", 20), entry("c", 2)];
        let third = [removed("a", 0), removed("a/x", 20), removed("a/y", 5)];
        History::of_layers([&first[..], &second[..], &third[..]])
    }

    fn shown(layer: usize, changes: bool) -> Vec<String> {
        let history = history();
        let slice = Slice::of(&history, layer, changes);
        let nodes = (0..history.len()).filter(|node| slice.shows(*node));
        let told = nodes.map(|node| {
            let mark = match slice.change(&history, node) {
                Some(Change::Added) => "+",
                Some(Change::Changed) => "~",
                Some(Change::Removed) => "-",
                None => " ",
            };
            format!("{mark}{} {}", history.path(node), slice.total_bytes(node))
        });
        told.collect()
    }

    #[test]
    fn each_layer_shows_what_is_there_and_marks_what_it_did() {
        assert_eq!(shown(0, false), ["+a 15", "+a/x 10", "+a/y 5", "+b 1"]);
        assert_eq!(
            shown(1, false),
            [" a 25", "~a/x 20", " a/y 5", " b 1", "+c 2"]
        );
        assert_eq!(
            shown(2, false),
            ["-a 25", "-a/x 20", "-a/y 5", " b 1", " c 2"]
        );
    }

    #[test]
    fn changes_alone_stand_in_their_folders_and_are_summed_alone() {
        assert_eq!(shown(1, true), [" a 20", "~a/x 20", "+c 2"]);
    }

    #[test]
    fn what_was_removed_is_gone_after_the_layer_that_removed_it() {
        let history =
            History::of_layers([&[entry("a", 1), entry("b", 1)][..], &[removed("a", 1)], &[]]);
        let slice = Slice::of(&history, 2, false);
        assert_eq!(
            (slice.entries(), slice.shows(0), slice.shows(1)),
            (1, false, true)
        );
    }

    #[test]
    fn a_file_removed_from_a_folder_that_stays_is_not_in_its_sum() {
        let history = History::of_layers([
            &[folder("a"), entry("a/x", 7), entry("a/y", 1)][..],
            &[removed("a/x", 7)],
        ]);
        let slice = Slice::of(&history, 1, false);
        assert_eq!((slice.total_bytes(0), slice.total_bytes(1)), (1, 7));
    }
}
