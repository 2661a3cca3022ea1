//! What can be done with a tree: the keys, letters, presses, and the way to a path from elsewhere.
//!
//! The keys are those of a tree grid (WAI-ARIA Authoring Practices, "Treegrid Pattern").

use super::View;
use super::sight::Act;

impl View {
    /// Does one thing.
    pub(super) fn act(&mut self, act: Act) {
        match act {
            Act::Key { key, page_rows } => self.key(&key, page_rows),
            Act::TypeAhead { start } => self.type_ahead(&start),
            Act::Select { node } => self.select(node),
            Act::Toggle { node } => {
                self.select(node);
                self.toggle(node);
            }
            Act::TurnAll => {
                let open = !self.rows.is_all_open();
                for node in 0..self.history.len() {
                    let open = open && self.slice.has_below(node);
                    if let Some(is_open) = self.open_mut().get_mut(node) {
                        *is_open = open;
                    }
                }
                self.refresh();
            }
            Act::Reveal { path } => self.reveal(&path),
        }
    }

    fn key(&mut self, key: &str, page_rows: usize) {
        if self.rows.is_empty() {
            return;
        }
        let node = self.rows.node(self.at);
        let last = self.rows.len() - 1;
        let is_folder = self.slice.has_below(node);
        let is_open = is_folder && self.ground().is_open(node);
        let next = match key {
            "ArrowDown" => (self.at + 1).min(last),
            "ArrowUp" => self.at.saturating_sub(1),
            "PageDown" => self.at.saturating_add(page_rows).min(last),
            "PageUp" => self.at.saturating_sub(page_rows),
            "Home" => 0,
            "End" => last,
            "ArrowRight" if is_open => (self.at + 1).min(last),
            "ArrowLeft" if !is_open => {
                let parent = self.history.parent(node);
                parent
                    .and_then(|parent| self.rows.of(parent))
                    .unwrap_or(self.at)
            }
            "ArrowRight" | "ArrowLeft" | "Enter" | " " if is_folder => {
                self.select(node);
                return self.toggle(node);
            }
            "Enter" => {
                self.opened = true;
                return;
            }
            _ => return,
        };
        self.go_to(next);
    }

    /// Goes to the next row whose name begins so, from the top again after the last.
    fn type_ahead(&mut self, start: &str) {
        let start = start.to_lowercase();
        let count = self.rows.len();
        // More letters are about the row that the first led to.
        let first = self.at + usize::from(start.chars().count() <= 1);
        let rows = (first..first + count).map(|row| row % count.max(1));
        let mut rows = rows.filter(|row| {
            let name = self.history.name(self.rows.node(*row));
            let mut letters = name.chars().flat_map(char::to_lowercase);
            start.chars().all(|letter| letters.next() == Some(letter))
        });
        if let Some(row) = rows.next() {
            self.go_to(row);
        }
    }

    fn go_to(&mut self, row: usize) {
        (self.at, self.near) = (row, row);
        self.chosen = self.rows.node(row);
        self.moved = true;
    }

    fn select(&mut self, node: usize) {
        if let Some(row) = self.rows.of(node) {
            self.go_to(row);
        }
    }

    fn toggle(&mut self, node: usize) {
        if node < self.history.len() && self.slice.has_below(node) {
            let is_open = &mut self.open_mut()[node];
            *is_open = !*is_open;
            self.refresh();
        }
    }

    fn reveal(&mut self, path: &str) {
        let Some(node) = self.history.find(path) else {
            return;
        };
        let mut at = node;
        while let Some(parent) = self.history.parent(at) {
            self.open[parent] = true;
            if let Some(search) = &mut self.search {
                search.open[parent] = true;
            }
            at = parent;
        }
        self.chosen = node;
        self.moved = true;
        self.refresh();
    }

    fn open_mut(&mut self) -> &mut Vec<bool> {
        match &mut self.search {
            Some(search) => &mut search.open,
            None => &mut self.open,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::rc::Rc;

    use super::*;
    use crate::tree::tests::{entry, folder};
    use crate::tree::{History, Look, Wish};

    #[test]
    fn enter_looks_into_what_has_nothing_below_it_and_only_once() {
        let layer = [folder("bin"), entry("bin/sh", 5), entry("readme", 7)];
        let history = Rc::new(History::of_layers([&layer[..]]));
        let mut view = View::of(history, Look::default());
        let mut press = |keys: &[&str]| {
            let key = |key: &&str| Act::Key {
                key: (*key).to_owned(),
                page_rows: 10,
            };
            let wish = Wish {
                acts: keys.iter().map(key).collect(),
                count: 50,
                ..Wish::default()
            };
            let sight = view.take(wish, &mut |_| false);
            let path = sight.active.map(|active| active.path).unwrap_or_default();
            (sight.opened, path)
        };
        // Keys that come together are about the row that the one before led to.
        let keys = ["Home", "ArrowDown", "Enter"];
        assert_eq!(press(&keys), (true, "bin/sh".to_owned()));
        assert_eq!(press(&[]), (false, "bin/sh".to_owned()));
        assert_eq!(press(&[" "]), (false, "bin/sh".to_owned()));
        assert_eq!(press(&["Home", "Enter"]), (false, "bin".to_owned()));
    }
}
