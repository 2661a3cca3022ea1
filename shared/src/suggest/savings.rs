//! Waste by who made it and who hid it: few enough to be read, and to be kept by the page beside an image.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

use serde::{Deserialize, Serialize};

use crate::image::{Change, EntryKind, ImageAnalysis, LayerEntry, WastedFile, package_cache};

/// Most savings that are kept, the largest: nobody reads further.
const SAVINGS_MAX: usize = 50;

/// Paths that are named of one saving, the largest files first.
pub(super) const PATHS_MAX: usize = 5;

/// Most places that one saving removes: more would be no line of a Dockerfile any more.
const REMOVALS_MAX: usize = 8;

/// The waste of an image, by the layers that made and hid it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Savings {
    /// Largest first.
    pub(super) list: Vec<Saving>,
}

/// What waste is about, as far as there is something to do about it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Kind {
    /// Deleted, alone or with a folder.
    Deleted,
    /// Written again.
    Overwritten,
    /// Copied for a change of mode or owner.
    Metadata,
    /// There twice.
    Duplicate,
    /// Left by a package manager.
    PackageCache,
    /// Unpacked, or never used.
    Archive,
}

impl Kind {
    fn of(cause: &str) -> Option<Self> {
        Some(match cause {
            "deleted_folder" | "opaque_folder" | "deleted_file" => Self::Deleted,
            "overwritten" => Self::Overwritten,
            "metadata_only" => Self::Metadata,
            "duplicate_content" => Self::Duplicate,
            "package_cache" => Self::PackageCache,
            "leftover_archive" => Self::Archive,
            _ => return None,
        })
    }
}

/// What one layer made and one hid.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Saving {
    pub(super) kind: Kind,
    /// Whose cache it is.
    pub(super) manager: Option<String>,
    pub(super) causes: Vec<String>,
    pub(super) bytes: u64,
    pub(super) files: u64,
    pub(super) paths: Vec<String>,
    pub(super) made_by: usize,
    pub(super) hidden_by: Option<usize>,
    /// What `rm -rf` removes, where that is all of it.
    pub(super) removals: Vec<String>,
    /// There are more places than are named in `removals`.
    more_removals: bool,
    /// Of a change of metadata: what else the layer wrote, at most two paths; and whether it wrote all that was copied.
    pub(super) beside: Vec<String>,
    pub(super) copied_whole: bool,
}

impl Savings {
    /// The largest savings of an image.
    #[must_use]
    pub fn of(analysis: &ImageAnalysis) -> Self {
        let mut groups = BTreeMap::new();
        for cause in &analysis.waste.by_cause {
            let Some(kind) = Kind::of(&cause.cause) else {
                continue;
            };
            for file in &cause.files {
                let cache = match kind {
                    Kind::PackageCache => package_cache(&file.path),
                    _ => None,
                };
                let manager = cache.map(|cache| cache.manager);
                let key = (kind, manager, file.layer, file.hidden_by);
                let removal = match kind {
                    Kind::PackageCache => cache.and_then(|cache| cache.removal(&file.path)),
                    Kind::Archive => Some(format!("/{}", file.path)),
                    _ => None,
                };
                let saving = groups
                    .entry(key)
                    .or_insert_with(|| empty(kind, manager, file));
                saving.add(&cause.cause, file, removal);
            }
        }
        let mut list: Vec<_> = groups.into_values().collect();
        list.sort_by_key(|saving| std::cmp::Reverse(saving.bytes));
        list.truncate(SAVINGS_MAX);
        let hidden: BTreeSet<_> = list
            .iter()
            .filter(|saving| saving.kind == Kind::Metadata)
            .filter_map(|saving| saving.hidden_by)
            .collect();
        for layer in hidden {
            compare(analysis, layer, &mut list);
        }
        Self { list }
    }
}

fn empty(kind: Kind, manager: Option<&str>, file: &WastedFile) -> Saving {
    Saving {
        kind,
        manager: manager.map(str::to_owned),
        causes: Vec::new(),
        bytes: 0,
        files: 0,
        paths: Vec::new(),
        made_by: file.layer,
        hidden_by: file.hidden_by,
        removals: Vec::new(),
        more_removals: false,
        beside: Vec::new(),
        copied_whole: false,
    }
}

impl Saving {
    fn add(&mut self, cause: &str, file: &WastedFile, removal: Option<String>) {
        // Causes come one after the other.
        if self.causes.last().is_none_or(|last| last != cause) {
            self.causes.push(cause.to_owned());
        }
        self.bytes = self.bytes.saturating_add(file.size_bytes);
        self.files += 1;
        if self.paths.len() < PATHS_MAX {
            self.paths.push(file.path.clone());
        }
        if let Some(removal) = removal.filter(|removal| !self.removals.contains(removal)) {
            if self.removals.len() < REMOVALS_MAX {
                self.removals.push(removal);
            } else {
                self.more_removals = true;
            }
        }
    }

    /// What `rm -rf` removes; none where that would be a long list.
    pub(super) fn removals(&self) -> Option<&[String]> {
        (!self.more_removals && !self.removals.is_empty()).then_some(&self.removals)
    }
}

/// Finds out what a layer that changed metadata wrote beside what the layers brought whose files it changed.
fn compare(analysis: &ImageAnalysis, layer: usize, list: &mut [Saving]) {
    let is_of_layer =
        |saving: &Saving| saving.kind == Kind::Metadata && saving.hidden_by == Some(layer);
    let layers = &analysis.image.layers;
    let Some(view) = layers.get(layer) else {
        return;
    };
    let mut brought: HashMap<&str, &LayerEntry> = HashMap::new();
    for made_by in list.iter().filter(|saving| is_of_layer(saving)) {
        let entries = layers.get(made_by.made_by).map(|made| &made.entries);
        let entries = entries.into_iter().flatten();
        let kept = entries.filter(|entry| entry.change != Change::Removed);
        brought.extend(kept.map(|entry| (&*entry.path, entry)));
    }
    let before = folders_before(analysis, layer);
    let written: HashSet<&str> = view
        .entries
        .iter()
        .filter(|entry| !is_as_before(entry, &before))
        .map(|entry| &*entry.path)
        .collect();
    let is_brought = |entry: &LayerEntry| {
        let same = brought.get(&*entry.path);
        entry.change != Change::Removed
            && same.is_some_and(|same| is_new(same) && same.kind == entry.kind)
    };
    let beside: Vec<_> = view
        .entries
        .iter()
        .filter(|entry| written.contains(&*entry.path) && !is_brought(entry))
        .map(|entry| entry.path.clone())
        .take(2)
        .collect();
    let copied_whole = brought
        .values()
        .all(|entry| !is_new(entry) || written.contains(&*entry.path));
    for saving in list.iter_mut().filter(|saving| is_of_layer(saving)) {
        saving.beside.clone_from(&beside);
        saving.copied_whole = copied_whole;
    }
}

/// Whether a layer brought an entry, and not only what an earlier folder is.
fn is_new(entry: &LayerEntry) -> bool {
    entry.kind != EntryKind::Directory || entry.change == Change::Added
}

/// Folders stand in a layer for what changed in them, too: they are as they were.
fn is_as_before(entry: &LayerEntry, before: &HashMap<&str, Option<&LayerEntry>>) -> bool {
    let owner = |entry: &LayerEntry| (entry.mode, entry.uid, entry.gid);
    before
        .get(&*entry.path)
        .copied()
        .flatten()
        .is_some_and(|earlier| owner(earlier) == owner(entry))
}

/// The folders of a layer, as they were below it.
fn folders_before(analysis: &ImageAnalysis, layer: usize) -> HashMap<&str, Option<&LayerEntry>> {
    let layers = &analysis.image.layers;
    let is_folder =
        |entry: &&LayerEntry| entry.kind == EntryKind::Directory && entry.change != Change::Removed;
    let mut before: HashMap<&str, Option<&LayerEntry>> = layers[layer]
        .entries
        .iter()
        .filter(is_folder)
        .map(|entry| (&*entry.path, None))
        .collect();
    for entry in layers[..layer].iter().flat_map(|layer| &layer.entries) {
        if let Some(known) = before.get_mut(&*entry.path) {
            *known = Some(entry).filter(is_folder);
        }
    }
    before
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::image::WASTE_CAUSES;

    #[test]
    fn every_cause_of_waste_is_of_a_kind() {
        assert!(WASTE_CAUSES.iter().all(|cause| Kind::of(cause).is_some()));
        assert_eq!(Kind::of("of a later version"), None);
    }
}
