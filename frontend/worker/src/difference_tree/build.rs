//! A tree from the paths that differ: the folders that lead to each, sums, and the order in which all is shown.

use std::collections::HashMap;

use estiva_shared::image::{Aspects, Change, EntryKind};

use super::{DifferenceTree, Node};

/// Folders made because a path leads through them though no entry names them. Tools write an entry for each folder, so an
/// honest image needs few; 3,000 paths of 2,000 parts each, in an archive of 83 kB, would need six million.
const FOLDERS_MADE_MAX: usize = 500_000;

/// A path that differs between two images.
#[derive(Clone, Copy, Debug)]
pub struct DifferencePath<'a> {
    /// The path.
    pub path: &'a str,
    /// What it is.
    pub kind: EntryKind,
    /// What happened to it.
    pub change: Change,
    /// Content, in bytes.
    pub size_bytes: u64,
    /// Permission bits.
    pub mode: u32,
    /// Owner and group.
    pub owner: (u64, u64),
    /// Where a link leads.
    pub link: Option<&'a str>,
    /// What of it differs.
    pub aspects: Aspects,
}

impl DifferenceTree {
    /// The tree of what differs between two images.
    pub fn of_paths<'a>(paths: impl Iterator<Item = DifferencePath<'a>>) -> DifferenceTree {
        let mut tree = Builder::new();
        for path in paths {
            let node = tree.node(path.path);
            node.kind = path.kind;
            node.change = Some(path.change);
            node.total_bytes = path.size_bytes;
            node.mode = path.mode;
            node.owner = path.owner;
            node.link = path.link.map(str::to_owned);
            node.aspects = path.aspects;
        }
        tree.finish()
    }
}

impl Node {
    fn folder(name: &str, parent: Option<usize>) -> Node {
        Node {
            name: name.to_owned(),
            parent,
            kind: EntryKind::Directory,
            change: None,
            total_bytes: 0,
            mode: 0o755,
            owner: (0, 0),
            link: None,
            aspects: Aspects::default(),
        }
    }
}

/// A tree while it grows: nodes in the order of their entries, found by their parent and name.
struct Builder<'a> {
    nodes: Vec<Node>,
    by_name: HashMap<(Option<usize>, &'a str), usize>,
    made: usize,
    shortened: usize,
}

impl<'a> Builder<'a> {
    fn new() -> Builder<'a> {
        Builder {
            nodes: Vec::new(),
            by_name: HashMap::new(),
            made: 0,
            shortened: 0,
        }
    }

    /// The node of a path; it and the folders that lead to it are made where they are missing.
    fn node(&mut self, path: &'a str) -> &mut Node {
        let index = self.index(path);
        &mut self.nodes[index]
    }

    fn index(&mut self, path: &'a str) -> usize {
        // Each part in turn and no recursion: a hostile path can be two thousand parts deep.
        let mut parent: Option<usize> = None;
        let mut rest = path.strip_prefix('/').unwrap_or(path);
        while let Some((part, below)) = rest.split_once('/') {
            let index = match self.by_name.get(&(parent, part)) {
                Some(index) => *index,
                None if self.made == FOLDERS_MADE_MAX => {
                    self.shortened += 1;
                    break;
                }
                None => {
                    self.made += 1;
                    self.add(part, parent)
                }
            };
            parent = Some(index);
            rest = below;
        }
        match self.by_name.get(&(parent, rest)) {
            Some(index) => *index,
            None => self.add(rest, parent),
        }
    }

    fn add(&mut self, name: &'a str, parent: Option<usize>) -> usize {
        let index = self.nodes.len();
        self.nodes.push(Node::folder(name, parent));
        self.by_name.insert((parent, name), index);
        index
    }

    fn finish(self) -> DifferenceTree {
        let Builder {
            mut nodes,
            by_name,
            shortened,
            ..
        } = self;
        drop(by_name);
        let mut children: Vec<Vec<usize>> = vec![Vec::new(); nodes.len()];
        let mut roots = Vec::new();
        // From the end: a child's sum is whole before its parent takes it.
        for index in (0..nodes.len()).rev() {
            let Some(parent) = nodes[index].parent else {
                roots.push(index);
                continue;
            };
            children[parent].push(index);
            if nodes[index].change != Some(Change::Removed) {
                let below = nodes[index].total_bytes;
                let folder = &mut nodes[parent];
                folder.total_bytes = folder.total_bytes.saturating_add(below);
            }
        }
        let keys: Vec<(bool, String)> = nodes
            .iter()
            .zip(&children)
            .map(|(node, below)| {
                let is_folder = !below.is_empty() || node.kind == EntryKind::Directory;
                (!is_folder, node.name.to_lowercase())
            })
            .collect();
        // The stack gives back the last first. Indexes decide between equal names, so that the order is always the same.
        let order = |level: &mut Vec<usize>| {
            level.sort_by(|left, right| (&keys[*right], right).cmp(&(&keys[*left], left)));
        };
        order(&mut roots);
        let mut waiting: Vec<(usize, Option<usize>)> =
            roots.into_iter().map(|root| (root, None)).collect();
        let mut sorted = Vec::with_capacity(nodes.len());
        while let Some((index, parent)) = waiting.pop() {
            let placed = sorted.len();
            let node = std::mem::replace(&mut nodes[index], Node::folder("", None));
            sorted.push(Node { parent, ..node });
            let mut below = std::mem::take(&mut children[index]);
            order(&mut below);
            waiting.extend(below.into_iter().map(|child| (child, Some(placed))));
        }
        DifferenceTree::of_nodes(sorted, shortened).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::difference_tree::Query;
    use crate::difference_tree::tests::entry;

    #[test]
    fn a_path_of_many_parts_does_not_overflow() {
        let deep = vec!["a"; 2_000].join("/");
        let path = entry(&deep, 1, Change::Added);
        assert_eq!(DifferenceTree::of_paths([path].into_iter()).len(), 2_000);
    }

    /// An archive of 83 kB held 3,000 paths of 2,000 parts; each part of each became a node that held its whole path twice,
    /// and the page took 4.4 GB and died.
    #[test]
    fn many_deep_paths_are_bounded_and_all_shown() {
        let deep = vec!["a"; 1_998].join("/");
        let whole: Vec<String> = (0..3_000)
            .map(|number| format!("{number:04}/{deep}/f"))
            .collect();
        let entries = whole.iter().map(|path| entry(path, 1, Change::Added));
        let tree = DifferenceTree::of_paths(entries);
        assert!(tree.len() <= FOLDERS_MADE_MAX + whole.len());
        assert_eq!(tree.shortened(), 2_750);
        let files = (0..tree.len()).filter(|at| tree.node(*at).kind == EntryKind::File);
        let mut paths: Vec<String> = files.map(|at| tree.path(at)).collect();
        paths.sort_unstable();
        assert!(paths.iter().eq(&whole));
        let query = Query {
            filter: "a/f",
            ..Query::default()
        };
        assert_eq!(tree.rows(query).len(), tree.len());
    }
}
