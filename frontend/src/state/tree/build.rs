//! A tree from an image's entries: the folders that lead to each, sums, and the order in which all is shown.

use std::collections::HashMap;

use estiva_shared::image::{Change, EntryKind, LayerEntry, TreeEntry};

use super::{Node, Tree};

/// Folders made because a path leads through them though no entry names them. Tools write an entry for each folder, so an
/// honest image needs few; 3,000 paths of 2,000 parts each, in an archive of 83 kB, would need six million.
const FOLDERS_MADE_MAX: usize = 500_000;

impl Tree {
    /// The tree of one layer.
    pub fn of_layer(entries: &[LayerEntry]) -> Tree {
        let mut tree = Builder::new();
        for entry in entries {
            let node = tree.node(&entry.path);
            node.kind = entry.kind;
            node.change = Some(entry.change);
            node.total_bytes = entry.size_bytes;
            node.mode = entry.mode;
            node.owner = (entry.uid, entry.gid);
            node.link.clone_from(&entry.link);
            node.opaque = entry.opaque;
        }
        tree.finish()
    }

    /// The merged tree.
    pub fn of_image(entries: &[TreeEntry]) -> Tree {
        let mut tree = Builder::new();
        for entry in entries {
            let node = tree.node(&entry.path);
            node.kind = entry.kind;
            node.change = Some(entry.change);
            node.total_bytes = entry.size_bytes;
            node.mode = entry.mode;
            node.owner = (entry.uid, entry.gid);
            node.link.clone_from(&entry.link);
            node.layer = Some(entry.layer);
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
            layer: None,
            opaque: false,
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

    fn finish(self) -> Tree {
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
        Tree::of_nodes(sorted, shortened).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::state::tree::Query;
    use crate::state::tree::tests::entry;

    #[test]
    fn a_path_of_many_parts_does_not_overflow() {
        let deep = vec!["a"; 2_000].join("/");
        assert_eq!(
            Tree::of_layer(&[entry(&deep, 1, Change::Added)]).len(),
            2_000
        );
    }

    /// An archive of 83 kB held 3,000 paths of 2,000 parts; each part of each became a node that held its whole path twice,
    /// and the page took 4.4 GB and died.
    #[test]
    fn many_deep_paths_are_bounded_and_all_shown() {
        let deep = vec!["a"; 1_998].join("/");
        let entries: Vec<LayerEntry> = (0..3_000)
            .map(|number| entry(&format!("{number:04}/{deep}/f"), 1, Change::Added))
            .collect();
        let tree = Tree::of_layer(&entries);
        assert!(tree.len() <= FOLDERS_MADE_MAX + entries.len());
        assert_eq!(tree.shortened(), 2_750);
        let files = (0..tree.len()).filter(|at| tree.node(*at).kind == EntryKind::File);
        let mut paths: Vec<String> = files.map(|at| tree.path(at)).collect();
        paths.sort_unstable();
        assert!(paths.iter().eq(entries.iter().map(|entry| &entry.path)));
        let query = Query {
            filter: "a/f",
            ..Query::default()
        };
        assert_eq!(tree.rows(query).len(), tree.len());
    }
}
