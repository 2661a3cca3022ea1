//! Layers put on top of each other: the tree that a container sees, what each layer changed, and the copies that nobody sees.
//!
//! Whiteouts act on the layers below alone, wherever they stand in the tar (OCI image specification, "Whiteouts"), so a layer
//! is applied in two rounds: first what it hides, then what it holds. The tree is a flat map from path to entry: nothing is
//! recursive, however deep names nest, and it borrows every name from the layers' indexes.

use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::ops::Bound;

use super::dive::{DiveTally, size_for_dive};
use super::layer::shown;
use super::path_set::PathSet;
use super::waste::Cause;
use super::{Change, EntryKind, IndexEntry, LayerEntry, LayerIndex, Problem, TreeEntry};

/// The content of one regular file, which ships once however many names lead to it.
pub(super) struct FileCopy<'a> {
    pub(super) entry: &'a IndexEntry,
    /// The layer that holds it.
    pub(super) layer: usize,
    /// Names in the tree that lead to it.
    names: usize,
    /// Which layer took a name away last, and the first of its causes.
    last_loss: Option<(usize, Cause)>,
}

impl FileCopy<'_> {
    /// Which layer hid it and why; none while it can be seen.
    pub(super) fn hidden(&self) -> Option<(usize, Cause)> {
        self.last_loss.filter(|_| self.names == 0)
    }
}

/// What a path of the tree is.
#[derive(Clone, Copy)]
struct Node<'a> {
    entry: &'a IndexEntry,
    /// The layer that last wrote it.
    layer: usize,
    change: Change,
    /// The content, by index, of a file or a hard link to one.
    copy: Option<usize>,
}

/// What one layer does to those below.
pub(super) struct LayerChanges {
    pub(super) entries: Vec<LayerEntry>,
    pub(super) added: u64,
    pub(super) changed: u64,
    pub(super) removed: u64,
}

/// The tree as it grows, layer by layer.
#[derive(Default)]
pub(super) struct Merge<'a> {
    tree: BTreeMap<&'a str, Node<'a>>,
    /// Those paths of the tree that are files or hard links: nothing can lie below them.
    files: PathSet,
    pub(super) copies: Vec<FileCopy<'a>>,
    pub(super) problems: Vec<Problem>,
    pub(super) dive: DiveTally<'a>,
}

/// What one layer took away that was there before it.
type Removed<'a> = BTreeMap<&'a str, &'a IndexEntry>;

/// Most problems that are kept of one layer's merge.
const MERGE_PROBLEMS_MAX: usize = 20;

/// Entries between two questions whether to go on: some milliseconds of work, more where paths are long.
const ENTRIES_BETWEEN_QUESTIONS: usize = 2048;

/// Asks now and then whether to go on.
struct Pace<'p> {
    goes_on: &'p mut dyn FnMut() -> bool,
    entries: usize,
}

impl Pace<'_> {
    /// Counts an entry; none once the work is to stop.
    fn step(&mut self) -> Option<()> {
        self.entries += 1;
        let asks = self.entries.is_multiple_of(ENTRIES_BETWEEN_QUESTIONS);
        (!asks || (self.goes_on)()).then_some(())
    }
}

impl<'a> Merge<'a> {
    /// Puts a layer on top; none where `goes_on`, which is asked now and then, answered `false`.
    pub(super) fn apply(
        &mut self,
        layer: usize,
        index: &'a LayerIndex,
        goes_on: &mut dyn FnMut() -> bool,
    ) -> Option<LayerChanges> {
        let mut pace = Pace {
            goes_on,
            entries: 0,
        };
        let mut removed = Removed::new();
        self.hide(layer, index, &mut removed, &mut pace)?;
        let mut written = BTreeSet::new();
        for entry in &index.entries {
            pace.step()?;
            self.dive.entry(layer, entry);
            self.write(layer, entry, &mut removed);
            written.insert(&*entry.path);
        }
        Some(self.changes(layer, index, &removed, &written))
    }

    /// The tree, sorted by path.
    pub(super) fn tree(&self) -> Vec<TreeEntry> {
        let shown = self.tree.values().map(|node| TreeEntry {
            path: node.entry.path.to_string(),
            kind: node.entry.kind,
            size_bytes: node.entry.size_bytes,
            apparent_bytes: node.entry.apparent_bytes,
            mode: node.entry.mode,
            uid: node.entry.uid,
            gid: node.entry.gid,
            mtime: node.entry.mtime,
            crc: node.copy.map(|copy| self.copies[copy].entry.crc),
            link: node.entry.link.as_deref().map(str::to_owned),
            layer: node.layer,
            change: node.change,
        });
        shown.collect()
    }

    /// The names that lead to content, sorted, each with its copy by index.
    pub(super) fn names(&self) -> impl Iterator<Item = (&'a str, usize)> {
        self.tree
            .iter()
            .filter_map(|(path, node)| Some((*path, node.copy?)))
    }

    /// The first round: whiteouts of folders, opaque folders, whiteouts of files: in the order of causes, so that each
    /// byte is counted by the first that applies.
    fn hide(
        &mut self,
        layer: usize,
        index: &'a LayerIndex,
        removed: &mut Removed<'a>,
        pace: &mut Pace<'_>,
    ) -> Option<()> {
        let mut folders = HashSet::new();
        for path in &index.whiteouts {
            pace.step()?;
            let below = self.below(path);
            let hidden = below.iter().filter_map(|path| self.tree.get(path));
            let hidden = hidden.fold(0_u64, |sum, node| {
                sum.saturating_add(size_for_dive(node.entry))
            });
            self.dive.whiteout(layer, path, hidden);
            let is_folder = self
                .tree
                .get(path.as_str())
                .is_some_and(|node| node.entry.kind == EntryKind::Directory);
            if is_folder || !below.is_empty() {
                self.remove_all(layer, &below, Cause::DeletedFolder, removed);
                self.remove(layer, path, Cause::DeletedFolder, removed);
                folders.insert(path.as_str());
            }
        }
        for folder in &index.opaque {
            pace.step()?;
            let below = self.below(folder);
            self.remove_all(layer, &below, Cause::OpaqueFolder, removed);
        }
        let mut gone = PathSet::default();
        for path in removed.keys() {
            gone.insert(path);
        }
        let mut strays = 0;
        for path in index
            .whiteouts
            .iter()
            .filter(|path| !folders.contains(path.as_str()))
        {
            pace.step()?;
            let was_there = self.remove(layer, path, Cause::DeletedFile, removed);
            if was_there {
                gone.insert(path);
            }
            let is_gone = || {
                let is_removed = |path: &str| removed.contains_key(path);
                is_removed(path) || gone.above(path).into_iter().any(is_removed)
            };
            if !was_there && !is_gone() {
                strays += 1;
                if strays <= MERGE_PROBLEMS_MAX {
                    let message =
                        "expected a path of a lower layer, but found a whiteout of nothing"
                            .to_owned();
                    self.problem("stray-whiteout", message, layer, path);
                }
            }
        }
        Some(())
    }

    /// The second round: one entry.
    fn write(&mut self, layer: usize, entry: &'a IndexEntry, removed: &mut Removed<'a>) {
        let path = &*entry.path;
        let copy = match entry.kind {
            EntryKind::File => {
                self.copies.push(FileCopy {
                    entry,
                    layer,
                    names: 1,
                    last_loss: None,
                });
                Some(self.copies.len() - 1)
            }
            EntryKind::Hardlink => match self.link_target(entry) {
                Some(target) => {
                    if let Some(copy) = target {
                        self.copies[copy].names += 1;
                    }
                    target
                }
                None => {
                    let target = entry.link.as_deref().unwrap_or_default();
                    let message = format!(
                        "expected a hard link to a path that is there, but found one to {}",
                        shown(target.as_bytes())
                    );
                    self.problem("bad-entry", message, layer, path);
                    None
                }
            },
            _ => None,
        };
        self.clear_files_above(layer, path, removed);
        let before = self.tree.get(path).copied();
        if before.is_some_and(|node| node.entry.kind == EntryKind::Directory)
            && entry.kind != EntryKind::Directory
        {
            let below = self.below(path);
            self.remove_all(layer, &below, Cause::Overwritten, removed);
        }
        let was_below = removed.remove(path).is_some()
            || before.is_some_and(|node| node.layer < layer || node.change == Change::Changed);
        let change = if was_below {
            Change::Changed
        } else {
            Change::Added
        };
        if before.is_some_and(|node| is_file(node.entry)) {
            self.files.remove(path);
        }
        if is_file(entry) {
            self.files.insert(path);
        }
        self.tree.insert(
            path,
            Node {
                entry,
                layer,
                change,
                copy,
            },
        );
        if let Some(old) = before.and_then(|node| node.copy) {
            let cause = if is_same_content(self.copies[old].entry, entry) {
                Cause::MetadataOnly
            } else {
                Cause::Overwritten
            };
            self.lose(layer, old, cause);
        }
    }

    /// The content that a hard link leads to (none of it for a link to a symbolic link or device); none where its target
    /// is missing or the link itself.
    fn link_target(&self, entry: &IndexEntry) -> Option<Option<usize>> {
        let target = entry.link.as_deref()?;
        if *target == *entry.path {
            return None;
        }
        self.tree.get(target).map(|node| node.copy)
    }

    /// Takes away what stands as a file where this path needs a folder.
    fn clear_files_above(&mut self, layer: usize, path: &str, removed: &mut Removed<'a>) {
        for above in self.files.above(path) {
            if self.tree.get(above).is_some_and(|node| is_file(node.entry)) {
                self.remove(layer, above, Cause::Overwritten, removed);
            }
        }
    }

    /// All paths of the tree that lie in a folder, at any depth.
    fn below(&self, folder: &str) -> Vec<&'a str> {
        if folder.is_empty() {
            return self.tree.keys().copied().collect();
        }
        // '0' is the character after '/'.
        let (first, end) = (format!("{folder}/"), format!("{folder}0"));
        let range = (
            Bound::Included(first.as_str()),
            Bound::Excluded(end.as_str()),
        );
        self.tree
            .range::<str, _>(range)
            .map(|(path, _)| *path)
            .collect()
    }

    fn remove_all(
        &mut self,
        layer: usize,
        paths: &[&'a str],
        cause: Cause,
        removed: &mut Removed<'a>,
    ) {
        for path in paths {
            self.remove(layer, path, cause, removed);
        }
    }

    /// Takes a path out of the tree; answers whether it was there.
    fn remove(
        &mut self,
        layer: usize,
        path: &str,
        cause: Cause,
        removed: &mut Removed<'a>,
    ) -> bool {
        let Some((path, node)) = self.tree.remove_entry(path) else {
            return false;
        };
        if is_file(node.entry) {
            self.files.remove(path);
        }
        // What the layer itself brought and took away again was never seen by those below.
        if node.layer < layer || node.change == Change::Changed {
            removed.insert(path, node.entry);
        }
        if let Some(copy) = node.copy {
            self.lose(layer, copy, cause);
        }
        true
    }

    /// Takes one name from a copy.
    fn lose(&mut self, layer: usize, copy: usize, cause: Cause) {
        let copy = &mut self.copies[copy];
        copy.names = copy.names.saturating_sub(1);
        copy.last_loss = match copy.last_loss {
            Some((earlier, first)) if earlier == layer => Some((layer, first.min(cause))),
            _ => Some((layer, cause)),
        };
    }

    /// What the layer did, sorted by path.
    fn changes(
        &self,
        layer: usize,
        index: &LayerIndex,
        removed: &Removed<'a>,
        written: &BTreeSet<&str>,
    ) -> LayerChanges {
        let opaque: HashSet<&str> = index.opaque.iter().map(String::as_str).collect();
        let mut changes = LayerChanges {
            entries: Vec::new(),
            added: 0,
            changed: 0,
            removed: removed.len() as u64,
        };
        for path in written {
            // A later entry of the same layer may have put something else in its place.
            let Some(node) = self.tree.get(path).filter(|node| node.layer == layer) else {
                continue;
            };
            match node.change {
                Change::Added => changes.added += 1,
                _ => changes.changed += 1,
            }
            changes
                .entries
                .push(layer_entry(node.entry, node.change, opaque.contains(path)));
        }
        changes.entries.extend(
            removed
                .values()
                .map(|entry| layer_entry(entry, Change::Removed, false)),
        );
        changes
            .entries
            .sort_by(|one, other| one.path.cmp(&other.path));
        changes
    }

    fn problem(&mut self, code: &str, message: String, layer: usize, path: &str) {
        let kept = self
            .problems
            .iter()
            .rev()
            .take_while(|problem| problem.layer == Some(layer))
            .count();
        if kept < MERGE_PROBLEMS_MAX {
            let entry = Some(path.to_owned());
            self.problems.push(Problem {
                code: code.to_owned(),
                message,
                layer: Some(layer),
                entry,
                offset: None,
            });
        }
    }
}

/// Whether nothing can lie below this entry. A symbolic link may lead to a folder.
fn is_file(entry: &IndexEntry) -> bool {
    matches!(entry.kind, EntryKind::File | EntryKind::Hardlink)
}

/// Whether the new entry brings the old content again, so that only owner, mode or time can have changed.
fn is_same_content(old: &IndexEntry, new: &IndexEntry) -> bool {
    new.kind == EntryKind::File && old.content_key() == new.content_key()
}

fn layer_entry(entry: &IndexEntry, change: Change, opaque: bool) -> LayerEntry {
    LayerEntry {
        path: entry.path.to_string(),
        kind: entry.kind,
        change,
        size_bytes: entry.size_bytes,
        apparent_bytes: entry.apparent_bytes,
        mode: entry.mode,
        uid: entry.uid,
        gid: entry.gid,
        mtime: entry.mtime,
        link: entry.link.as_deref().map(str::to_owned),
        opaque,
    }
}
