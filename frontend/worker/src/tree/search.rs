//! A search while it is made: path by path, in the order in which they are shown, in turns that the caller times.
//!
//! What it found so far is shown at once: where paths are shown by name, later finds stand below earlier ones.

use super::filter::{Filter, Find, FindFault};
use super::{History, Slice};

/// Paths looked at between two looks at the clock: well below a millisecond of work.
const PATHS_BETWEEN_LOOKS: usize = 512;

/// Most milliseconds that one search takes in all; with what was found until then, it is over. A million names take a tenth.
pub const SEARCH_MS_MAX: u64 = 20_000;

/// A search.
#[derive(Debug)]
pub(super) struct Search {
    filter: Filter,
    /// What matches, and what leads to it.
    wanted: Vec<bool>,
    /// What matches.
    matches: Vec<bool>,
    /// What leads to a match.
    leads: Vec<bool>,
    /// The folders that stand open: at first those that lead to matches.
    pub(super) open: Vec<bool>,
    next: usize,
    found: usize,
    spent_ms: u64,
    /// The path of the folder that is looked through, and where its folders' names begin.
    path: String,
    starts: Vec<usize>,
}

impl Search {
    /// Begins a search.
    ///
    /// # Errors
    /// A pattern or an owner that can't be read.
    pub(super) fn of(find: &Find, history: &History) -> Result<Search, FindFault> {
        let count = history.len();
        Ok(Search {
            filter: Filter::of(find)?,
            wanted: vec![false; count],
            matches: vec![false; count],
            leads: vec![false; count],
            open: vec![false; count],
            next: 0,
            found: 0,
            spent_ms: 0,
            path: String::new(),
            starts: Vec::new(),
        })
    }

    /// Looks on, until `pauses`, which gets the number of finds so far, says so; answers whether anything more was found.
    pub(super) fn go_on(
        &mut self,
        history: &History,
        slice: &Slice,
        pauses: &mut dyn FnMut(usize) -> bool,
    ) -> bool {
        let before = self.found;
        let mut looked = 0;
        while self.next < history.len() {
            let node = self.next;
            if !slice.shows(node) {
                self.next = history.end(node);
            } else {
                self.look(history, slice, node);
                self.next += 1;
            }
            looked += 1;
            if looked % PATHS_BETWEEN_LOOKS == 0 && pauses(self.found) {
                break;
            }
        }
        self.found > before
    }

    /// Counts time that was spent on it; once it is too much, the search is over.
    pub(super) fn spend(&mut self, ms: u64) {
        self.spent_ms = self.spent_ms.saturating_add(ms);
    }

    /// Whether there is more to look at.
    pub(super) fn goes_on(&self, history: &History) -> bool {
        self.next < history.len() && !self.is_cut(history)
    }

    /// Whether it ended before all was looked at.
    pub(super) fn is_cut(&self, history: &History) -> bool {
        self.next < history.len() && self.spent_ms >= SEARCH_MS_MAX
    }

    /// How many paths were found.
    pub(super) fn found(&self) -> usize {
        self.found
    }

    /// How many paths were looked at.
    pub(super) fn looked(&self) -> usize {
        self.next
    }

    /// Whether a path matches or leads to one that does.
    pub(super) fn wants(&self, node: usize) -> bool {
        self.wanted[node]
    }

    /// Whether a path matches.
    pub(super) fn is_match(&self, node: usize) -> bool {
        self.matches[node]
    }

    /// Whether a path leads to one that matches.
    pub(super) fn leads(&self, node: usize) -> bool {
        self.leads[node]
    }

    fn look(&mut self, history: &History, slice: &Slice, node: usize) {
        let takes = if self.filter.by_path() {
            self.enter(history, node);
            self.filter.takes(history, slice, node, &self.path)
        } else {
            self.filter.takes(history, slice, node, history.name(node))
        };
        if !takes {
            return;
        }
        self.found += 1;
        (self.wanted[node], self.matches[node]) = (true, true);
        let mut at = node;
        while let Some(parent) = history.parent(at) {
            if self.leads[parent] {
                break;
            }
            (self.wanted[parent], self.leads[parent], self.open[parent]) = (true, true, true);
            at = parent;
        }
    }

    /// Makes `path` that of a node; its folders came before it.
    fn enter(&mut self, history: &History, node: usize) {
        let depth = history.level(node) - 1;
        if let Some(start) = self.starts.get(depth) {
            self.path.truncate(*start);
        }
        self.starts.truncate(depth);
        self.starts.push(self.path.len());
        if depth > 0 {
            self.path.push('/');
        }
        self.path.push_str(history.name(node));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tree::filter::Syntax;
    use crate::tree::tests::entry;
    use estiva_shared::image::LayerEntry;

    fn search(pattern: &str, history: &History) -> Search {
        let find = Find {
            text: pattern.into(),
            syntax: Syntax::Glob,
            ..Find::default()
        };
        Search::of(&find, history).expect("a pattern")
    }

    #[test]
    fn a_search_goes_on_where_it_paused() {
        let layer: Vec<LayerEntry> = (0..3_000)
            .map(|number| entry(&format!("{}/{number}", number % 7), 1))
            .collect();
        let history = History::of_layers([&layer[..]]);
        let slice = Slice::of(&history, 0, false);
        let mut search = search("6/*9", &history);
        let mut turns = 0;
        while search.goes_on(&history) {
            search.go_on(&history, &slice, &mut |_| true);
            turns += 1;
        }
        let expected = (0..3_000)
            .filter(|number| number % 7 == 6 && number % 10 == 9)
            .count();
        assert_eq!((search.found(), turns), (expected, 6));
        let six = history.find("6").expect("a folder");
        assert!(search.leads(six) && search.wants(six) && search.open[six]);
        assert!(!search.wants(history.find("5").expect("a folder")));
    }

    #[test]
    fn a_search_that_takes_too_long_is_over_and_says_so() {
        let layer: Vec<LayerEntry> = (0..2_000)
            .map(|number| entry(&number.to_string(), 1))
            .collect();
        let history = History::of_layers([&layer[..]]);
        let slice = Slice::of(&history, 0, false);
        let mut search = search("*", &history);
        search.go_on(&history, &slice, &mut |_| true);
        search.spend(SEARCH_MS_MAX);
        assert!(!search.goes_on(&history) && search.is_cut(&history));
        assert_eq!(search.found(), PATHS_BETWEEN_LOOKS);
    }
}
