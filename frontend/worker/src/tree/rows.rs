//! The rows that follow from what is open and what is searched for, with each row's place among those beside it.

use std::collections::HashMap;
use std::rc::Rc;

use super::search::Search;
use super::{History, Slice};

/// The order of what is in a folder.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Order {
    /// Folders first, then by name.
    #[default]
    Name,
    /// The largest first.
    Size,
}

/// The rows, in order.
#[derive(Debug, Default)]
pub(super) struct Rows {
    nodes: Vec<u32>,
    /// Of each row its place among those beside it, from 1.
    places: Vec<u32>,
    /// Of each path how many rows are right below it; that of the top comes last.
    counts: Vec<u32>,
    is_all_open: bool,
    /// What is in a folder, by size. Asked for anew at each press, and long in a long folder.
    by_size: HashMap<Option<usize>, Rc<[u32]>>,
}

/// What rows are made of.
pub(super) struct Ground<'a> {
    /// All paths.
    pub(super) history: &'a History,
    /// Those that are there.
    pub(super) slice: &'a Slice,
    /// Those that are searched for.
    pub(super) search: Option<&'a Search>,
    /// The folders that are open while nothing is searched for.
    pub(super) open: &'a [bool],
    /// Their order.
    pub(super) order: Order,
}

/// A folder whose rows are being made.
struct Level {
    folder: Option<usize>,
    children: Rc<[u32]>,
    next: usize,
    end: usize,
    count: u32,
    /// All in it is shown, whatever is searched for: it is in a folder that was found.
    is_free: bool,
}

impl Rows {
    /// Makes the rows anew.
    pub(super) fn make(&mut self, ground: &Ground) {
        self.nodes.clear();
        self.places.clear();
        self.counts.resize(ground.history.len() + 1, 0);
        self.is_all_open = true;
        let mut levels = vec![self.level(ground, None, false)];
        while let Some(level) = levels.last_mut() {
            let Some(node) = level.step(ground) else {
                let at = level.folder.unwrap_or(ground.history.len());
                self.counts[at] = level.count;
                levels.pop();
                continue;
            };
            if !ground.slice.shows(node) || !(level.is_free || ground.wants(node)) {
                continue;
            }
            level.count += 1;
            self.nodes.push(node as u32);
            self.places.push(level.count);
            if !ground.slice.has_below(node) {
                continue;
            }
            let is_free = level.is_free || !ground.leads(node);
            if ground.is_open(node) {
                let level = self.level(ground, Some(node), is_free);
                levels.push(level);
            } else {
                self.is_all_open = false;
            }
        }
    }

    /// Forgets what depends on sizes.
    pub(super) fn forget_sizes(&mut self) {
        self.by_size.clear();
    }

    /// How many rows there are.
    pub(super) fn len(&self) -> usize {
        self.nodes.len()
    }

    /// Whether there is none.
    pub(super) fn is_empty(&self) -> bool {
        self.nodes.is_empty()
    }

    /// The path of a row.
    pub(super) fn node(&self, row: usize) -> usize {
        self.nodes[row] as usize
    }

    /// The row of a path.
    pub(super) fn of(&self, node: usize) -> Option<usize> {
        self.nodes.iter().position(|other| *other as usize == node)
    }

    /// A row's place among those beside it, from 1, and how many these are.
    pub(super) fn place(&self, history: &History, row: usize) -> (usize, usize) {
        let parent = history.parent(self.node(row)).unwrap_or(history.len());
        (self.places[row] as usize, self.counts[parent] as usize)
    }

    /// Whether no folder is closed.
    pub(super) fn is_all_open(&self) -> bool {
        self.is_all_open
    }

    fn level(&mut self, ground: &Ground, folder: Option<usize>, is_free: bool) -> Level {
        let children = match ground.order {
            Order::Name => Rc::default(),
            Order::Size => {
                let sorted = self.by_size.entry(folder);
                sorted.or_insert_with(|| by_size(ground, folder)).clone()
            }
        };
        let (next, end) = match (ground.order, folder) {
            (Order::Size, _) => (0, children.len()),
            (Order::Name, None) => (0, ground.history.len()),
            (Order::Name, Some(folder)) => (folder + 1, ground.history.end(folder)),
        };
        Level {
            folder,
            children,
            next,
            end,
            count: 0,
            is_free,
        }
    }
}

impl Level {
    fn step(&mut self, ground: &Ground) -> Option<usize> {
        if self.next >= self.end {
            return None;
        }
        Some(match ground.order {
            Order::Size => {
                let node = self.children[self.next] as usize;
                self.next += 1;
                node
            }
            Order::Name => {
                let node = self.next;
                self.next = ground.history.end(node);
                node
            }
        })
    }
}

impl Ground<'_> {
    fn wants(&self, node: usize) -> bool {
        self.search.is_none_or(|search| search.wants(node))
    }

    fn leads(&self, node: usize) -> bool {
        self.search.is_none_or(|search| search.leads(node))
    }

    /// Whether a folder stands open.
    pub(super) fn is_open(&self, node: usize) -> bool {
        let open = self.search.map_or(self.open, |search| &search.open);
        open.get(node).copied().unwrap_or_default()
    }
}

/// What is shown in a folder, the largest first; where two are alike, by name.
fn by_size(ground: &Ground, folder: Option<usize>) -> Rc<[u32]> {
    let children = ground.history.children(folder);
    let mut sorted: Vec<u32> = children
        .filter(|node| ground.slice.shows(*node))
        .map(|node| node as u32)
        .collect();
    sorted.sort_by_key(|node| std::cmp::Reverse(ground.slice.total_bytes(*node as usize)));
    sorted.into()
}
