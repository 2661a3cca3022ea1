//! A tree as it is looked at: what is open, what is asked for, the rows that follow from it, and the row that the keyboard is on.
//!
//! The rows are worked out when one of these changes, and not at each render: scrolling draws from what is here.
//! The keys are those of a tree grid (WAI-ARIA Authoring Practices, "Treegrid Pattern").

use std::rc::Rc;

use yew::Reducible;

use crate::state::by_address::ByAddress;
use estiva_worker::difference_tree::{DifferenceTree, Query, Row};

/// A tree as it is looked at.
#[derive(Clone, Debug, PartialEq)]
pub struct TreeView {
    /// The tree.
    pub tree: ByAddress<DifferenceTree>,
    /// Part of a name, in any case.
    pub filter: String,
    /// Largest first instead of by name.
    pub by_size: bool,
    /// The rows, in order.
    pub rows: Rc<Vec<Row>>,
    /// The most bytes that anything beside the root has, for the bars.
    pub largest_bytes: u64,
    open: Rc<Vec<bool>>,
    open_count: usize,
    active: usize,
    at: usize,
}

/// What can be done with it.
#[derive(Clone, Debug, PartialEq)]
pub enum TreeAction {
    /// Another tree is shown in its place.
    Show(ByAddress<DifferenceTree>),
    /// Part of a name was typed.
    Filter(String),
    /// Largest first, or by name.
    BySize(bool),
    /// All is opened; where all is open, closed.
    TurnAll,
    /// The keyboard goes to the row of this node.
    Activate(usize),
    /// A folder is opened or closed, and the keyboard goes to its row.
    Toggle(usize),
}

impl TreeView {
    /// A tree as it is looked at first.
    pub fn of(tree: ByAddress<DifferenceTree>) -> TreeView {
        let mut view = TreeView {
            tree: tree.clone(),
            filter: String::new(),
            by_size: false,
            rows: Rc::default(),
            largest_bytes: 0,
            open: Rc::default(),
            open_count: 0,
            active: 0,
            at: 0,
        };
        view.show(tree);
        view
    }

    /// The row that the keyboard is on.
    pub fn at(&self) -> usize {
        self.at
    }

    /// Whether all folders are open.
    pub fn is_all_open(&self) -> bool {
        self.open_count > 0 && self.open_count >= self.tree.folders()
    }

    /// Whether folders can be opened and closed: while something is asked for, what leads to it stands open.
    pub fn can_turn(&self) -> bool {
        !self.query().is_filter()
    }

    /// What a key asks for, where a page is so many rows; `None` for keys that mean nothing here.
    pub fn key(&self, key: &str, page_rows: usize) -> Option<TreeAction> {
        let row = *self.rows.get(self.at)?;
        let last = self.rows.len() - 1;
        let has_children = self.tree.has_children(row.node);
        let next = match key {
            "ArrowDown" => (self.at + 1).min(last),
            "ArrowUp" => self.at.saturating_sub(1),
            "PageDown" => self.at.saturating_add(page_rows).min(last),
            "PageUp" => self.at.saturating_sub(page_rows),
            "Home" => 0,
            "End" => last,
            "ArrowRight" if row.open => (self.at + 1).min(last),
            "ArrowLeft" if !row.open || !self.can_turn() => self.rows[..self.at]
                .iter()
                .rposition(|other| other.level < row.level)
                .unwrap_or(self.at),
            "ArrowRight" | "ArrowLeft" | "Enter" | " " if has_children && self.can_turn() => {
                return Some(TreeAction::Toggle(row.node));
            }
            _ => return None,
        };
        Some(TreeAction::Activate(self.rows[next].node))
    }

    /// The row of a node, where it is shown.
    pub fn row_of(&self, node: usize) -> Option<usize> {
        self.rows.iter().position(|row| row.node == node)
    }

    fn query(&self) -> Query<'_> {
        Query {
            open: &self.open,
            filter: &self.filter,
            by_size: self.by_size,
        }
    }

    fn show(&mut self, tree: ByAddress<DifferenceTree>) {
        self.tree = tree;
        self.set_open(self.tree.first_open());
        self.active = 0;
        self.at = 0;
        self.refresh();
    }

    fn set_open(&mut self, open: Vec<bool>) {
        self.open_count = open.iter().filter(|open| **open).count();
        self.open = Rc::new(open);
    }

    fn toggle(&mut self, node: usize) {
        if let (true, Some(open)) = (
            self.tree.has_children(node),
            Rc::make_mut(&mut self.open).get_mut(node),
        ) {
            *open = !*open;
            self.open_count = if *open {
                self.open_count + 1
            } else {
                self.open_count - 1
            };
        }
    }

    /// Works the rows out again, and keeps the keyboard where it was: on its node, else on a folder above it, else near by.
    fn refresh(&mut self) {
        self.rows = Rc::new(self.tree.rows(self.query()));
        let top = self.rows.iter().filter(|row| row.level == 1);
        self.largest_bytes = top
            .map(|row| self.tree.node(row.node).total_bytes)
            .max()
            .unwrap_or_default();
        let mut node = Some(self.active).filter(|node| *node < self.tree.len());
        let place = loop {
            match node {
                Some(index) => match self.row_of(index) {
                    Some(place) => break Some(place),
                    None => node = self.tree.node(index).parent,
                },
                None => break None,
            }
        };
        self.at = place.unwrap_or_else(|| self.at.min(self.rows.len().saturating_sub(1)));
        if let Some(row) = self.rows.get(self.at) {
            self.active = row.node;
        }
    }

    fn activate(&mut self, node: usize) {
        if let Some(place) = self.row_of(node) {
            (self.active, self.at) = (node, place);
        }
    }
}

impl Reducible for TreeView {
    type Action = TreeAction;

    fn reduce(self: Rc<Self>, action: TreeAction) -> Rc<Self> {
        let mut next = Rc::unwrap_or_clone(self);
        match action {
            TreeAction::Show(tree) => {
                next.show(tree);
                return Rc::new(next);
            }
            TreeAction::Activate(node) => {
                next.activate(node);
                return Rc::new(next);
            }
            TreeAction::Filter(filter) => next.filter = filter,
            TreeAction::BySize(by_size) => next.by_size = by_size,
            TreeAction::TurnAll => {
                let open = if next.is_all_open() {
                    vec![false; next.tree.len()]
                } else {
                    next.tree.all_open()
                };
                next.set_open(open);
            }
            TreeAction::Toggle(node) => {
                next.activate(node);
                if next.can_turn() {
                    next.toggle(node);
                }
            }
        }
        next.refresh();
        Rc::new(next)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use estiva_shared::image::{Aspects, Change, EntryKind};
    use estiva_worker::difference_tree::DifferencePath;

    const PAGE: usize = 10;

    fn entry(path: &str, size_bytes: u64, change: Change) -> DifferencePath<'_> {
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

    /// Two folders that one sees open, one in another, and a file.
    fn sample() -> DifferenceTree {
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

    fn after(view: TreeView, actions: Vec<TreeAction>) -> TreeView {
        let view = actions
            .into_iter()
            .fold(Rc::new(view), |view, action| view.reduce(action));
        Rc::unwrap_or_clone(view)
    }

    fn press(view: TreeView, keys: &[&str]) -> TreeView {
        keys.iter().fold(view, |view, key| {
            let action = view.key(key, PAGE);
            after(view, action.into_iter().collect())
        })
    }

    fn name(view: &TreeView) -> String {
        view.tree.path(view.rows[view.at()].node)
    }

    /// The place of the keyboard was a number of a row: after End and a filter that leaves two, it was beyond them, and
    /// no key did anything any more.
    #[test]
    fn the_keyboard_goes_on_after_a_filter_took_its_row() {
        let view = press(TreeView::of(ByAddress::new(sample())), &["End"]);
        assert_eq!(name(&view), "readme");
        let view = after(view, vec![TreeAction::Filter("sh".into())]);
        assert_eq!((view.rows.len(), view.at()), (2, 1));
        let view = press(view, &["ArrowUp"]);
        assert_eq!(name(&view), "bin");
        let view = after(
            view,
            vec![
                TreeAction::Filter("nothing".into()),
                TreeAction::Filter(String::new()),
            ],
        );
        assert_eq!(name(&view), "bin");
    }

    #[test]
    fn right_opens_then_goes_in_and_left_comes_back() {
        let view = after(
            TreeView::of(ByAddress::new(sample())),
            vec![TreeAction::TurnAll],
        );
        assert_eq!(view.rows.len(), 3, "a small tree begins open");
        let view = press(view, &["ArrowRight"]);
        assert_eq!((name(&view).as_str(), view.rows.len()), ("bin", 4));
        let view = press(view, &["ArrowRight"]);
        assert_eq!(name(&view), "bin/sh");
        assert_eq!(view.key("ArrowRight", PAGE), None);
        let view = press(view, &["ArrowLeft", "ArrowLeft"]);
        assert_eq!((name(&view).as_str(), view.rows.len()), ("bin", 3));
    }

    #[test]
    fn pages_and_ends_stay_within_the_rows() {
        let names: Vec<String> = (0..25).map(|number| format!("{number:02}")).collect();
        let entries = names.iter().map(|name| entry(name, 1, Change::Added));
        let view = TreeView::of(ByAddress::new(DifferenceTree::of_paths(entries)));
        let view = press(view, &["PageDown", "PageDown", "PageDown"]);
        assert_eq!(view.at(), 24);
        let view = press(view, &["PageUp", "ArrowDown"]);
        assert_eq!(view.at(), 15);
        assert_eq!(press(view, &["Home", "ArrowUp"]).at(), 0);
    }

    #[test]
    fn with_a_filter_nothing_is_turned_out_of_sight() {
        let view = after(
            TreeView::of(ByAddress::new(sample())),
            vec![TreeAction::TurnAll, TreeAction::Filter("config".into())],
        );
        let open_before = view.open.clone();
        let view = press(view, &["End", "ArrowLeft", "Enter", " "]);
        assert_eq!(name(&view), "etc/app");
        let view = press(view, &["ArrowLeft"]);
        assert_eq!(name(&view), "etc");
        assert_eq!(view.open, open_before);
    }

    #[test]
    fn closing_a_folder_takes_the_keyboard_to_it() {
        let view = press(TreeView::of(ByAddress::new(sample())), &["End", "ArrowUp"]);
        assert_eq!(name(&view), "etc/old");
        let view = after(view, vec![TreeAction::TurnAll]);
        assert_eq!(name(&view), "etc");
        assert!(!view.is_all_open());
    }

    #[test]
    fn an_empty_folder_is_not_turned() {
        let empty = DifferencePath {
            kind: EntryKind::Directory,
            ..entry("empty", 0, Change::Added)
        };
        let view = TreeView::of(ByAddress::new(DifferenceTree::of_paths(
            [empty].into_iter(),
        )));
        assert_eq!(view.key("Enter", PAGE), None);
        assert_eq!(view.key("ArrowRight", PAGE), None);
        let view = after(view, vec![TreeAction::Toggle(0)]);
        assert!(!view.rows[0].open);
    }

    #[test]
    fn keys_do_nothing_where_there_is_no_row() {
        let view = TreeView::of(ByAddress::new(DifferenceTree::default()));
        assert_eq!(view.key("ArrowDown", PAGE), None);
    }
}
