//! All paths that an image ever had, with what each layer did to each: a tree of which any layer's is a cut.
//!
//! Made once for an image, in the worker. A path keeps its number through time, so what is open and what is chosen stays
//! while one moves from layer to layer. The nodes lie in the order in which they are shown when all is open, so what is below
//! a folder is one run of them. Names lie in one text: a million strings of their own would take twice the memory.

use std::cmp::Ordering;
use std::collections::HashMap;
use std::ops::Range;

use estiva_shared::image::{Change, EntryKind, ImageAnalysis, LayerEntry};

/// Folders made because a path leads through them though no entry names them. Tools write an entry for each folder, so an
/// honest image needs few; 3,000 paths of 2,000 parts each, in an archive of 83 kB, would need six million.
const FOLDERS_MADE_MAX: usize = 500_000;

/// What a layer did to a path.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Version {
    /// The layer, by index.
    pub layer: u32,
    /// What it did.
    pub change: Change,
    /// What the path is; of a removed one: what it was.
    pub kind: EntryKind,
    /// The folder hides what lower layers have in it.
    pub opaque: bool,
    /// Permission bits.
    pub mode: u32,
    /// Owner and group.
    pub owner: (u64, u64),
    /// Content, in bytes.
    pub size_bytes: u64,
    /// Where a link leads, as a part of the text.
    link: Option<(u32, u32)>,
}

/// One path.
#[derive(Clone, Copy, Debug)]
struct Node {
    /// The folder that it is in; its own number where it is in none.
    parent: u32,
    /// Where what is below it ends.
    end: u32,
    /// Where its name begins in the text, and its bytes.
    name: (u32, u32),
    /// The first of its versions.
    versions: u32,
    /// From 1.
    level: u16,
}

/// All paths of an image, through time.
#[derive(Debug, Default)]
pub struct History {
    text: String,
    nodes: Vec<Node>,
    versions: Vec<Version>,
    layers: usize,
    shortened: usize,
}

impl History {
    /// The history of an image.
    pub fn of(analysis: &ImageAnalysis) -> History {
        let layers = analysis.image.layers.iter();
        History::of_layers(layers.map(|layer| layer.entries.as_slice()))
    }

    /// The history of layers, the lowest first.
    pub fn of_layers<'a>(layers: impl IntoIterator<Item = &'a [LayerEntry]>) -> History {
        let mut builder = Builder::default();
        for (layer, entries) in layers.into_iter().enumerate() {
            builder.layers = layer + 1;
            for entry in entries {
                builder.add(layer as u32, entry);
            }
        }
        builder.finish()
    }

    /// How many paths there are.
    pub fn len(&self) -> usize {
        self.nodes.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.nodes.is_empty()
    }

    /// How many layers there are.
    pub fn layers(&self) -> usize {
        self.layers
    }

    /// How many entries have several parts of their path on one line, because the folders that they need are too many.
    pub fn shortened(&self) -> usize {
        self.shortened
    }

    /// The last part of a path; the last parts where it is one of [`History::shortened`].
    pub fn name(&self, node: usize) -> &str {
        let (start, length) = self.nodes[node].name;
        self.part(start, length)
    }

    /// The folder that a path is in.
    pub fn parent(&self, node: usize) -> Option<usize> {
        let parent = self.nodes[node].parent as usize;
        (parent != node).then_some(parent)
    }

    /// Where what is below a path ends: it is all between.
    pub fn end(&self, node: usize) -> usize {
        self.nodes[node].end as usize
    }

    /// How deep a path lies, from 1.
    pub fn level(&self, node: usize) -> usize {
        usize::from(self.nodes[node].level)
    }

    /// What the layers did to a path, by their numbers.
    pub fn versions(&self, node: usize) -> Range<usize> {
        let end = self.nodes.get(node + 1).map(|next| next.versions as usize);
        self.nodes[node].versions as usize..end.unwrap_or(self.versions.len())
    }

    /// One of them.
    pub fn version(&self, version: usize) -> &Version {
        &self.versions[version]
    }

    /// Where a version's link leads.
    pub fn link(&self, version: &Version) -> Option<&str> {
        version.link.map(|(start, length)| self.part(start, length))
    }

    /// A whole path. It is put together when it is shown: kept for each node, deep paths would fill the memory.
    pub fn path(&self, node: usize) -> String {
        let mut parts = vec![self.name(node)];
        let mut at = node;
        while let Some(parent) = self.parent(at) {
            parts.push(self.name(parent));
            at = parent;
        }
        parts.reverse();
        parts.join("/")
    }

    /// The path of this name, if the image ever had it.
    pub fn find(&self, path: &str) -> Option<usize> {
        let mut rest = path;
        let (mut start, mut end) = (0, self.len());
        'level: loop {
            let mut node = start;
            while node < end {
                let below = rest.strip_prefix(self.name(node));
                if below == Some("") {
                    return Some(node);
                }
                if let Some(below) = below.and_then(|below| below.strip_prefix('/')) {
                    rest = below;
                    (start, end) = (node + 1, self.end(node));
                    continue 'level;
                }
                node = self.end(node);
            }
            return None;
        }
    }

    /// What is right below a path, or at the top for none, in order.
    pub fn children(&self, node: Option<usize>) -> Children<'_> {
        let (next, end) = node.map_or((0, self.len()), |node| (node + 1, self.end(node)));
        Children {
            history: self,
            next,
            end,
        }
    }

    fn part(&self, start: u32, length: u32) -> &str {
        &self.text[start as usize..(start + length) as usize]
    }
}

/// What is right below a path.
#[derive(Debug)]
pub struct Children<'a> {
    history: &'a History,
    next: usize,
    end: usize,
}

impl Iterator for Children<'_> {
    type Item = usize;

    fn next(&mut self) -> Option<usize> {
        let node = self.next;
        if node >= self.end {
            return None;
        }
        self.next = self.history.end(node);
        Some(node)
    }
}

/// A history while it grows: paths in the order in which they come, found by their folder and name.
#[derive(Default)]
struct Builder<'a> {
    /// Folder (its own number for none) and name.
    paths: Vec<(u32, &'a str)>,
    by_name: HashMap<(u32, &'a str), u32>,
    /// Each with its path and its link.
    versions: Vec<(u32, Version, Option<&'a str>)>,
    /// The folder that was looked up last: the entries of a layer are sorted, so the next one is mostly in it too.
    last_folder: Option<(&'a str, u32)>,
    layers: usize,
    made: usize,
    shortened: usize,
}

/// Stands for "in no folder" in the look-up.
const TOP: u32 = u32::MAX;

impl<'a> Builder<'a> {
    fn add(&mut self, layer: u32, entry: &'a LayerEntry) {
        let node = self.node(entry.path.strip_prefix('/').unwrap_or(&entry.path));
        let version = Version {
            layer,
            change: entry.change,
            kind: entry.kind,
            opaque: entry.opaque,
            mode: entry.mode,
            owner: (entry.uid, entry.gid),
            size_bytes: entry.size_bytes,
            link: None,
        };
        self.versions.push((node, version, entry.link.as_deref()));
    }

    /// The node of a path; it and the folders that lead to it are made where they are missing.
    fn node(&mut self, path: &'a str) -> u32 {
        let (folder, name) = path.rsplit_once('/').unwrap_or(("", path));
        if folder.is_empty() {
            return self.child(TOP, name);
        }
        if let Some((known, node)) = self.last_folder
            && known == folder
        {
            return self.child(node, name);
        }
        // Each part in turn and no recursion: a hostile path can be two thousand parts deep.
        let mut parent = TOP;
        let mut rest = path;
        while let Some((part, below)) = rest.split_once('/') {
            parent = match self.by_name.get(&(parent, part)) {
                Some(node) => *node,
                None if self.made == FOLDERS_MADE_MAX => {
                    self.shortened += 1;
                    return self.child(parent, rest);
                }
                None => {
                    self.made += 1;
                    self.child(parent, part)
                }
            };
            rest = below;
        }
        self.last_folder = Some((folder, parent));
        self.child(parent, rest)
    }

    fn child(&mut self, parent: u32, name: &'a str) -> u32 {
        let next = self.paths.len() as u32;
        let node = *self.by_name.entry((parent, name)).or_insert(next);
        if node == next {
            self.paths.push((parent, name));
        }
        node
    }

    fn finish(self) -> History {
        let Builder {
            paths,
            by_name,
            versions,
            layers,
            shortened,
            ..
        } = self;
        drop(by_name);
        let order = Order::of(&paths, &versions);
        let mut history = History {
            text: String::with_capacity(paths.iter().map(|(_, name)| name.len()).sum()),
            nodes: Vec::with_capacity(paths.len()),
            versions: Vec::with_capacity(versions.len()),
            layers,
            shortened,
        };
        // Where each path is now, by where it was.
        let mut places = vec![0u32; paths.len()];
        for (place, &old) in order.sorted.iter().enumerate() {
            let place = place as u32;
            places[old as usize] = place;
            let (parent, name) = paths[old as usize];
            let (parent, level) = match parent {
                TOP => (place, 1),
                old => {
                    let parent = places[old as usize];
                    (parent, history.nodes[parent as usize].level + 1)
                }
            };
            let name = history.keep(name);
            history.nodes.push(Node {
                parent,
                end: place + 1,
                name,
                versions: 0,
                level,
            });
        }
        for node in (0..history.nodes.len()).rev() {
            let Node { parent, end, .. } = history.nodes[node];
            let above = &mut history.nodes[parent as usize];
            above.end = above.end.max(end);
        }
        history.take_versions(versions, &places);
        history
    }
}

impl History {
    /// Puts a text behind the others.
    fn keep(&mut self, text: &str) -> (u32, u32) {
        let start = self.text.len() as u32;
        self.text.push_str(text);
        (start, text.len() as u32)
    }

    /// Puts the versions beside their paths. They come by layer, and stay so for each path.
    fn take_versions(&mut self, versions: Vec<(u32, Version, Option<&str>)>, places: &[u32]) {
        let mut next = vec![0u32; self.nodes.len() + 1];
        for (node, _, _) in &versions {
            next[places[*node as usize] as usize + 1] += 1;
        }
        for place in 1..next.len() {
            next[place] += next[place - 1];
        }
        for (node, first) in self.nodes.iter_mut().zip(&next) {
            node.versions = *first;
        }
        let Some((_, blank, _)) = versions.first() else {
            return;
        };
        self.versions = vec![*blank; versions.len()];
        for (node, version, link) in versions {
            let link = link.map(|link| self.keep(link));
            let slot = &mut next[places[node as usize] as usize];
            self.versions[*slot as usize] = Version { link, ..version };
            *slot += 1;
        }
    }
}

/// The order in which all is shown: folders first, then by name in any case.
struct Order {
    sorted: Vec<u32>,
}

impl Order {
    fn of(paths: &[(u32, &str)], versions: &[(u32, Version, Option<&str>)]) -> Order {
        let mut is_folder = vec![false; paths.len()];
        for (node, version, _) in versions {
            is_folder[*node as usize] |= version.kind == EntryKind::Directory;
        }
        // Those of one folder are a chain, the last first; a list for each of a million folders would take more.
        const NONE: u32 = u32::MAX;
        let mut first = vec![NONE; paths.len()];
        let mut next = vec![NONE; paths.len()];
        let mut top = NONE;
        for (node, (parent, _)) in paths.iter().enumerate() {
            let head = match *parent {
                TOP => &mut top,
                parent => {
                    is_folder[parent as usize] = true;
                    &mut first[parent as usize]
                }
            };
            next[node] = std::mem::replace(head, node as u32);
        }
        let mut level = Vec::new();
        let mut waiting: Vec<u32> = Vec::new();
        let mut push = |waiting: &mut Vec<u32>, head: u32| {
            level.clear();
            let mut at = head;
            while at != NONE {
                level.push(at);
                at = next[at as usize];
            }
            // The stack gives back the last first, and the chain has the last first: what came sorted needs no work.
            level.sort_by(|left, right| {
                let key = |node: u32| (!is_folder[node as usize], paths[node as usize].1);
                let ((left_file, left), (right_file, right)) = (key(*left), key(*right));
                right_file
                    .cmp(&left_file)
                    .then_with(|| by_name(right, left))
            });
            waiting.extend_from_slice(&level);
        };
        push(&mut waiting, top);
        let mut sorted = Vec::with_capacity(paths.len());
        while let Some(node) = waiting.pop() {
            sorted.push(node);
            push(&mut waiting, first[node as usize]);
        }
        Order { sorted }
    }
}

/// By name in any case; where only the case differs, by it.
fn by_name(left: &str, right: &str) -> Ordering {
    let left_bytes = left.bytes().map(|byte| byte.to_ascii_lowercase());
    let right_bytes = right.bytes().map(|byte| byte.to_ascii_lowercase());
    left_bytes.cmp(right_bytes).then_with(|| left.cmp(right))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tree::tests::{changed, entry, folder};

    fn paths(history: &History) -> Vec<String> {
        (0..history.len()).map(|node| history.path(node)).collect()
    }

    #[test]
    fn folders_come_first_and_are_made_where_no_entry_names_them() {
        let layer = [
            entry("Readme", 1),
            entry("bin/sh", 2),
            entry("a", 3),
            folder("zoo"),
        ];
        let history = History::of_layers([&layer[..]]);
        assert_eq!(paths(&history), ["bin", "bin/sh", "zoo", "a", "Readme"]);
        assert_eq!(history.find("bin/sh"), Some(1));
        assert_eq!(history.find("bin/bash"), None);
        assert_eq!(history.find("b"), None);
        assert_eq!(
            (history.level(1), history.parent(1), history.end(0)),
            (2, Some(0), 2)
        );
        assert_eq!(history.children(None).collect::<Vec<_>>(), [0, 2, 3, 4]);
    }

    #[test]
    fn a_path_has_what_each_layer_did_to_it() {
        let (first, second) = ([entry("a/b", 1), entry("c", 1)], [changed("a/b", 5)]);
        let history = History::of_layers([&first[..], &[], &second[..]]);
        let versions = history.versions(1).map(|version| *history.version(version));
        let told: Vec<_> = versions
            .map(|version| (version.layer, version.change, version.size_bytes))
            .collect();
        assert_eq!(told, [(0, Change::Added, 1), (2, Change::Changed, 5)]);
        assert!(history.versions(0).is_empty(), "no entry names the folder");
        assert_eq!(history.layers(), 3);
    }

    #[test]
    fn a_path_of_many_parts_does_not_overflow() {
        let deep = vec!["a"; 2_000].join("/");
        let history = History::of_layers([&[entry(&deep, 1)][..]]);
        assert_eq!(history.len(), 2_000);
        assert_eq!(history.find(&deep), Some(1_999));
    }

    /// An archive of 83 kB held 3,000 paths of 2,000 parts; each part of each became a node that held its whole path twice,
    /// and the page took 4.4 GB and died.
    #[test]
    fn many_deep_paths_are_bounded_and_all_there() {
        let deep = vec!["a"; 1_998].join("/");
        let entries: Vec<LayerEntry> = (0..3_000)
            .map(|number| entry(&format!("{number:04}/{deep}/f"), 1))
            .collect();
        let history = History::of_layers([&entries[..]]);
        assert!(history.len() <= FOLDERS_MADE_MAX + entries.len());
        assert_eq!(history.shortened(), 2_750);
        let files = (0..history.len()).filter(|node| !history.versions(*node).is_empty());
        let mut paths: Vec<String> = files.map(|node| history.path(node)).collect();
        paths.sort_unstable();
        assert!(paths.iter().eq(entries.iter().map(|entry| &entry.path)));
        assert_eq!(
            history.find(&paths[2_999]).map(|node| history.path(node)),
            Some(paths[2_999].clone())
        );
    }
}
