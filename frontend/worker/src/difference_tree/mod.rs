//! The files that differ between two images, as a tree for the eye: folders that open and close, a filter, an order.
//!
//! It holds no more than differs, so the page has it whole; a whole image's paths stay with the worker ([`crate::tree`]). Its
//! nodes lie in the order in which they are shown when all is open, so what is below a folder is one run of them.

mod build;
mod pack;

pub use build::DifferencePath;

use estiva_shared::image::{Aspects, Change, EntryKind};

/// One path.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Node {
    /// The last part of its path; the last parts where it is one of [`DifferenceTree::shortened`].
    pub name: String,
    /// The folder that it is in, by index: always below its own.
    pub parent: Option<usize>,
    /// What it is.
    pub kind: EntryKind,
    /// What happened to it; `None` for a folder that is only on the way to others.
    pub change: Option<Change>,
    /// Its own content and that of all below it, in bytes.
    pub total_bytes: u64,
    /// Permission bits.
    pub mode: u32,
    /// Owner and group.
    pub owner: (u64, u64),
    /// Where a link leads.
    pub link: Option<String>,
    /// What of it differs.
    pub aspects: Aspects,
}

/// All paths that differ.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct DifferenceTree {
    nodes: Vec<Node>,
    /// Of each node, where what is below it ends.
    ends: Vec<usize>,
    /// Of each node, its level from 1.
    levels: Vec<usize>,
    folders: usize,
    shortened: usize,
}

/// What of the tree is asked for.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Query<'a> {
    /// Whether each node is open.
    pub open: &'a [bool],
    /// Part of a name, in any case.
    pub filter: &'a str,
    /// Largest first instead of by name.
    pub by_size: bool,
}

impl Query<'_> {
    /// Whether it leaves anything out. What leads to a match then stands open, whatever was opened before.
    pub fn is_filter(&self) -> bool {
        !self.filter.trim().is_empty()
    }
}

/// One line of the tree as shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Row {
    /// The node, by index.
    pub node: usize,
    /// From 1, as `aria-level` counts.
    pub level: usize,
    /// Whether its children follow.
    pub open: bool,
}

impl DifferenceTree {
    /// A tree of nodes that lie in its order; `None` where one's parent does not come before it.
    pub(super) fn of_nodes(nodes: Vec<Node>, shortened: usize) -> Option<DifferenceTree> {
        let mut levels: Vec<usize> = Vec::with_capacity(nodes.len());
        for (index, node) in nodes.iter().enumerate() {
            let above = match node.parent {
                Some(parent) if parent >= index => return None,
                Some(parent) => levels[parent],
                None => 0,
            };
            levels.push(above + 1);
        }
        let mut ends: Vec<usize> = (1..=nodes.len()).collect();
        for index in (0..nodes.len()).rev() {
            if let Some(parent) = nodes[index].parent {
                ends[parent] = ends[parent].max(ends[index]);
            }
        }
        let folders = (0..nodes.len()).filter(|at| ends[*at] > at + 1).count();
        Some(DifferenceTree {
            nodes,
            ends,
            levels,
            folders,
            shortened,
        })
    }

    /// The node of a row.
    pub fn node(&self, index: usize) -> &Node {
        &self.nodes[index]
    }

    /// All nodes, each after the folder that it is in.
    pub fn nodes(&self) -> &[Node] {
        &self.nodes
    }

    /// How many paths there are.
    pub fn len(&self) -> usize {
        self.nodes.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.nodes.is_empty()
    }

    /// Whether a node has anything below it.
    pub fn has_children(&self, index: usize) -> bool {
        self.ends[index] > index + 1
    }

    /// How many folders hold something.
    pub fn folders(&self) -> usize {
        self.folders
    }

    /// How many entries have several parts of their path on one line, because the folders that they need are too many.
    pub fn shortened(&self) -> usize {
        self.shortened
    }

    /// A node's whole path. It is put together when it is drawn: kept in each node, deep paths would fill the memory.
    pub fn path(&self, index: usize) -> String {
        let mut parts = vec![self.nodes[index].name.as_str()];
        let mut at = index;
        while let Some(parent) = self.nodes[at].parent {
            parts.push(&self.nodes[parent].name);
            at = parent;
        }
        parts.reverse();
        parts.join("/")
    }

    /// The folders to open at first: all of a small tree; else those that lead to where it branches.
    pub fn first_open(&self) -> Vec<bool> {
        const SMALL: usize = 60;
        if self.nodes.len() <= SMALL {
            return self.all_open();
        }
        let mut open = vec![false; self.nodes.len()];
        // A folder that holds all that follows is alone in its level.
        for (index, is_open) in open.iter_mut().enumerate() {
            if self.ends[index] != self.nodes.len() || !self.has_children(index) {
                break;
            }
            *is_open = true;
        }
        open
    }

    /// All folders that hold something.
    pub fn all_open(&self) -> Vec<bool> {
        (0..self.nodes.len())
            .map(|index| self.has_children(index))
            .collect()
    }

    /// The rows to show, in order.
    pub fn rows(&self, query: Query) -> Vec<Row> {
        let wanted = query.is_filter().then(|| self.wanted(query));
        let row = |index: usize| {
            let is_open = wanted.is_some() || query.open.get(index).copied().unwrap_or_default();
            Row {
                node: index,
                level: self.levels[index],
                open: self.has_children(index) && is_open,
            }
        };
        let is_wanted = |index: usize| wanted.as_ref().is_none_or(|wanted| wanted[index]);
        let mut rows = Vec::new();
        if query.by_size {
            let mut waiting = self.by_size(0, self.nodes.len());
            while let Some(index) = waiting.pop() {
                if is_wanted(index) {
                    let row = row(index);
                    rows.push(row);
                    if row.open {
                        waiting.extend(self.by_size(index + 1, self.ends[index]));
                    }
                }
            }
            return rows;
        }
        let mut index = 0;
        while index < self.nodes.len() {
            let mut next = self.ends[index];
            if is_wanted(index) {
                let row = row(index);
                rows.push(row);
                if row.open {
                    next = index + 1;
                }
            }
            index = next;
        }
        rows
    }

    /// The nodes of one level from here to there, the largest last: a stack gives it back first.
    fn by_size(&self, start: usize, end: usize) -> Vec<usize> {
        let mut level = Vec::new();
        let mut index = start;
        while index < end {
            level.push(index);
            index = self.ends[index];
        }
        level.sort_by_key(|index| std::cmp::Reverse(self.nodes[*index].total_bytes));
        level.reverse();
        level
    }

    /// Which nodes match, or lead to one that does.
    fn wanted(&self, query: Query) -> Vec<bool> {
        let needle = query.filter.trim().to_lowercase();
        let mut wanted = vec![false; self.nodes.len()];
        for index in 0..self.nodes.len() {
            // What is in a folder that matches has the needle in its path too.
            let above = self.nodes[index]
                .parent
                .is_some_and(|parent| wanted[parent]);
            wanted[index] = above || self.ends_with_match(index, &needle);
        }
        // A child always comes after its parent, so one pass from the end carries matches up.
        for index in (0..self.nodes.len()).rev() {
            if let (true, Some(parent)) = (wanted[index], self.nodes[index].parent) {
                wanted[parent] = true;
            }
        }
        wanted
    }

    /// Whether a path holds the needle in its name, or across as many folders as the needle names.
    fn ends_with_match(&self, index: usize, needle: &str) -> bool {
        let mut text = self.nodes[index].name.to_lowercase();
        let mut at = index;
        for _ in needle.matches('/') {
            let Some(parent) = self.nodes[at].parent else {
                break;
            };
            text = format!("{}/{text}", self.nodes[parent].name.to_lowercase());
            at = parent;
        }
        text.contains(needle)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    pub(super) fn entry(path: &str, size_bytes: u64, change: Change) -> DifferencePath<'_> {
        DifferencePath {
            path,
            kind: EntryKind::File,
            change,
            size_bytes,
            mode: 0o644,
            owner: (0, 0),
            link: None,
            aspects: Aspects::default(),
        }
    }

    pub(super) fn sample() -> DifferenceTree {
        DifferenceTree::of_paths(
            [
                entry("bin/sh", 100, Change::Added),
                entry("etc/app/config", 5, Change::Changed),
                entry("etc/old", 7, Change::Removed),
                entry("readme", 1, Change::Added),
            ]
            .into_iter(),
        )
    }

    fn names(tree: &DifferenceTree, query: Query) -> Vec<String> {
        tree.rows(query)
            .iter()
            .map(|row| format!("{}{}", " ".repeat(row.level - 1), tree.node(row.node).name))
            .collect()
    }

    #[test]
    fn makes_the_folders_that_no_entry_names() {
        let tree = sample();
        let query = Query {
            open: &tree.all_open(),
            ..Query::default()
        };
        assert_eq!(
            names(&tree, query),
            ["bin", " sh", "etc", " app", "  config", " old", "readme"]
        );
    }

    #[test]
    fn a_folder_sums_what_is_below_but_not_what_was_removed() {
        let tree = sample();
        let etc = tree.rows(Query::default())[1];
        assert_eq!(tree.node(etc.node).total_bytes, 5);
    }

    #[test]
    fn a_closed_folder_hides_its_children() {
        assert_eq!(names(&sample(), Query::default()), ["bin", "etc", "readme"]);
    }

    #[test]
    fn a_filter_shows_matches_and_what_leads_to_them() {
        let view = Query {
            filter: "CONFIG",
            ..Query::default()
        };
        assert_eq!(names(&sample(), view), ["etc", " app", "  config"]);
        let none = Query {
            filter: "nowhere",
            ..Query::default()
        };
        assert!(names(&sample(), none).is_empty());
    }

    #[test]
    fn sizes_can_be_shown_first() {
        let by_size = Query {
            by_size: true,
            ..Query::default()
        };
        assert_eq!(names(&sample(), by_size), ["bin", "etc", "readme"]);
    }
}
