//! A tree as it is looked at: what is open, what is searched for, the rows that follow, and the row that the keyboard is on.
//!
//! It lives in the worker. What is done with it is in `acts`.

use std::rc::Rc;

use estiva_shared::image::EntryKind;

use super::filter::FindFault;
use super::rows::{Ground, Rows};
use super::search::Search;
use super::sight::{Active, Found, Look, Sight, SightEntry, SightRow, Step, WINDOW_ROWS_MAX, Wish};
use super::{History, Slice};

/// A tree of so few paths is all open at first.
const SMALL: usize = 60;

/// A tree as it is looked at.
#[derive(Debug)]
pub struct View {
    pub(super) history: Rc<History>,
    pub(super) look: Look,
    pub(super) slice: Slice,
    pub(super) open: Vec<bool>,
    pub(super) search: Option<Search>,
    fault: Option<FindFault>,
    pub(super) rows: Rows,
    largest_bytes: u64,
    /// The path that the keyboard was led to. It stays while the tree at another layer lacks it.
    pub(super) chosen: usize,
    pub(super) at: usize,
    /// The row that the keyboard was led to last: where its path is gone with all above it, one near by is as good.
    pub(super) near: usize,
    pub(super) moved: bool,
    /// What is there was asked to be looked into.
    pub(super) opened: bool,
    window: (usize, usize),
    /// Rows say their whole paths.
    paths: bool,
}

impl View {
    /// A tree as it is looked at first.
    pub fn of(history: Rc<History>, look: Look) -> View {
        let slice = Slice::of(&history, look.layer, look.changes);
        let mut view = View {
            open: first_open(&history, &slice),
            history,
            slice,
            search: None,
            fault: None,
            rows: Rows::default(),
            largest_bytes: 0,
            chosen: 0,
            at: 0,
            near: 0,
            moved: false,
            opened: false,
            window: (0, 0),
            paths: false,
            look,
        };
        view.begin_search();
        view.refresh();
        view
    }

    /// All paths.
    pub fn history(&self) -> &Rc<History> {
        &self.history
    }

    /// Does what is wished for. `pauses` gets the number of finds so far, and says when a search is to pause.
    pub fn take(&mut self, wish: Wish, pauses: &mut dyn FnMut(usize) -> bool) -> Sight {
        (self.moved, self.opened) = (false, false);
        self.window = (wish.start, wish.count.min(WINDOW_ROWS_MAX));
        self.paths = wish.paths;
        self.turn_to(wish.look);
        if self.is_searching() {
            self.search_on(pauses);
        }
        for act in wish.acts {
            self.act(act);
        }
        self.sight()
    }

    /// Whether a search is to be gone on with.
    pub fn is_searching(&self) -> bool {
        self.search
            .as_ref()
            .is_some_and(|search| search.goes_on(&self.history))
    }

    /// Goes on with the search.
    pub fn search_on(&mut self, pauses: &mut dyn FnMut(usize) -> bool) {
        if let Some(search) = &mut self.search
            && search.go_on(&self.history, &self.slice, pauses)
        {
            self.refresh();
        }
    }

    /// Counts milliseconds that the search took.
    pub fn spend(&mut self, ms: u64) {
        if let Some(search) = &mut self.search {
            search.spend(ms);
        }
    }

    /// What is in sight now, where nothing was done since the last time.
    pub fn sight_again(&mut self) -> Sight {
        (self.moved, self.opened) = (false, false);
        self.sight()
    }

    /// What is in sight.
    pub fn sight(&self) -> Sight {
        let rows = self.rows.len();
        let (mut start, count) = self.window;
        // Where the keyboard went out of the window, the window goes along.
        if self.moved && !(start..start + count).contains(&self.at) {
            start = self.at.saturating_sub(count / 2);
        }
        let start = start.min(rows.saturating_sub(count));
        let end = start.saturating_add(count).min(rows);
        let found = self.search.as_ref().map(|search| Found {
            found: search.found(),
            looked: search.looked(),
            of: self.history.len(),
            goes_on: search.goes_on(&self.history),
            is_cut: search.is_cut(&self.history),
        });
        Sight {
            look: self.look.clone(),
            rows,
            start,
            window: (start..end).map(|row| self.row(row)).collect(),
            active: self.active(),
            moved: self.moved,
            opened: self.opened,
            entries: self.slice.entries(),
            largest_bytes: self.largest_bytes,
            is_all_open: self.rows.is_all_open(),
            found,
            fault: self.fault.clone(),
            shortened: self.history.shortened(),
        }
    }

    fn row(&self, row: usize) -> SightRow {
        let node = self.rows.node(row);
        let version = self.slice.version(&self.history, node);
        SightRow {
            node,
            name: self.history.name(node).to_owned(),
            path: self.paths.then(|| self.history.path(node)),
            level: self.history.level(node),
            place: self.rows.place(&self.history, row),
            open: self
                .slice
                .has_below(node)
                .then(|| self.ground().is_open(node)),
            kind: version.map_or(EntryKind::Directory, |version| version.kind),
            change: self.slice.change(&self.history, node),
            total_bytes: self.slice.total_bytes(node),
            entry: version.map(|version| SightEntry {
                mode: version.mode,
                owner: version.owner,
                layer: version.layer as usize,
                link: self.history.link(version).map(str::to_owned),
                opaque: version.opaque,
            }),
            is_found: self
                .search
                .as_ref()
                .is_some_and(|search| search.is_match(node)),
        }
    }

    fn active(&self) -> Option<Active> {
        if self.rows.is_empty() {
            return None;
        }
        let node = self.rows.node(self.at);
        let steps = self.history.versions(node).map(|version| {
            let version = self.history.version(version);
            Step {
                layer: version.layer as usize,
                change: version.change,
                size_bytes: version.size_bytes,
                mode: version.mode,
                owner: version.owner,
            }
        });
        Some(Active {
            at: self.at,
            node,
            path: self.history.path(node),
            is_folder: self.slice.has_below(node),
            steps: steps.collect(),
        })
    }

    fn turn_to(&mut self, look: Look) {
        if look == self.look {
            return;
        }
        let before = std::mem::replace(&mut self.look, look);
        let is_other_slice = (before.layer, before.changes) != (self.look.layer, self.look.changes);
        if is_other_slice {
            self.slice = Slice::of(&self.history, self.look.layer, self.look.changes);
            self.rows.forget_sizes();
        }
        if is_other_slice || before.find != self.look.find {
            self.begin_search();
        }
        self.refresh();
    }

    fn begin_search(&mut self) {
        (self.search, self.fault) = (None, None);
        if self.look.find.is_any() {
            match Search::of(&self.look.find, &self.history) {
                Ok(search) => self.search = Some(search),
                Err(fault) => self.fault = Some(fault),
            }
        }
    }

    pub(super) fn ground(&self) -> Ground<'_> {
        Ground {
            history: &self.history,
            slice: &self.slice,
            search: self.search.as_ref(),
            open: &self.open,
            order: self.look.order,
        }
    }

    /// Works the rows out again, and keeps the keyboard where it was: on its path, else on a folder above it, else near by.
    pub(super) fn refresh(&mut self) {
        let mut rows = std::mem::take(&mut self.rows);
        rows.make(&self.ground());
        self.rows = rows;
        let top = self
            .history
            .children(None)
            .filter(|node| self.slice.shows(*node));
        self.largest_bytes = top
            .map(|node| self.slice.total_bytes(node))
            .max()
            .unwrap_or_default();
        let mut node = Some(self.chosen).filter(|node| *node < self.history.len());
        let place = loop {
            match node {
                Some(index) => match self.rows.of(index) {
                    Some(place) => break Some(place),
                    None => node = self.history.parent(index),
                },
                None => break None,
            }
        };
        self.at = place.unwrap_or_else(|| self.near.min(self.rows.len().saturating_sub(1)));
    }
}

/// The folders to open at first: all of a small tree; else those that lead to where it branches.
fn first_open(history: &History, slice: &Slice) -> Vec<bool> {
    let mut open = vec![false; history.len()];
    if history.len() <= SMALL {
        for (node, is_open) in open.iter_mut().enumerate() {
            *is_open = slice.has_below(node) || history.end(node) > node + 1;
        }
        return open;
    }
    // A folder that holds all that follows is alone in its level.
    for (node, is_open) in open.iter_mut().enumerate() {
        if history.end(node) != history.len() || history.end(node) == node + 1 {
            break;
        }
        *is_open = true;
    }
    open
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tree::filter::{Find, Syntax};
    use crate::tree::rows::Order;
    use crate::tree::sight::Act;
    use crate::tree::tests::{changed, entry, folder, removed};
    use estiva_shared::image::LayerEntry;

    const PAGE: usize = 10;

    fn sample() -> Rc<History> {
        let first = [
            entry("bin/sh", 100),
            entry("etc/app/config", 5),
            entry("etc/old", 7),
            entry("readme", 1),
        ];
        let second = [
            changed("etc/app/config", 50),
            removed("etc/old", 7),
            entry("srv", 1),
        ];
        Rc::new(History::of_layers([&first[..], &second[..]]))
    }

    fn first_layer() -> View {
        View::of(sample(), Look::default())
    }

    fn many(count: usize) -> View {
        let entries: Vec<LayerEntry> = (0..count)
            .map(|number| entry(&format!("{number:06}"), 1))
            .collect();
        View::of(Rc::new(History::of_layers([&entries[..]])), Look::default())
    }

    fn ask(view: &mut View, change: impl FnOnce(&mut Wish)) -> Sight {
        let mut wish = Wish {
            look: view.look.clone(),
            count: 50,
            ..Wish::default()
        };
        change(&mut wish);
        view.take(wish, &mut |_| false)
    }

    fn act(view: &mut View, act: Act) -> Sight {
        ask(view, |wish| wish.acts = vec![act])
    }

    /// Presses keys; gives the path that the keyboard is on then.
    fn press(view: &mut View, keys: &[&str]) -> String {
        let key = |key: &&str| Act::Key {
            key: (*key).to_owned(),
            page_rows: PAGE,
        };
        let sight = ask(view, |wish| wish.acts = keys.iter().map(key).collect());
        sight.active.map(|active| active.path).unwrap_or_default()
    }

    fn search(view: &mut View, text: &str) -> Sight {
        ask(view, |wish| wish.look.find.text = text.to_owned())
    }

    fn names(sight: &Sight) -> Vec<String> {
        let row = |row: &SightRow| format!("{}{}", " ".repeat(row.level - 1), row.name);
        sight.window.iter().map(row).collect()
    }

    #[test]
    fn right_opens_then_goes_in_and_left_comes_back() {
        let mut view = first_layer();
        let sight = act(&mut view, Act::TurnAll);
        assert_eq!(
            names(&sight),
            ["bin", "etc", "readme"],
            "a small tree begins open"
        );
        assert_eq!(press(&mut view, &["ArrowRight"]), "bin");
        assert_eq!(press(&mut view, &["ArrowRight"]), "bin/sh");
        assert_eq!(press(&mut view, &["ArrowRight"]), "bin/sh");
        assert_eq!(press(&mut view, &["ArrowLeft", "ArrowLeft"]), "bin");
        assert_eq!(names(&ask(&mut view, |_| ())), ["bin", "etc", "readme"]);
    }

    #[test]
    fn pages_and_ends_stay_within_the_rows() {
        let mut view = many(25);
        assert_eq!(
            press(&mut view, &["PageDown", "PageDown", "PageDown"]),
            "000024"
        );
        assert_eq!(press(&mut view, &["PageUp", "ArrowDown"]), "000015");
        assert_eq!(press(&mut view, &["Home", "ArrowUp"]), "000000");
        assert_eq!(press(&mut many(0), &["ArrowDown", "End", "Enter"]), "");
    }

    #[test]
    fn letters_lead_to_the_next_name_that_begins_so() {
        let mut view = first_layer();
        let mut typed = |start: &str| {
            let sight = act(
                &mut view,
                Act::TypeAhead {
                    start: start.into(),
                },
            );
            sight.active.map(|active| active.path)
        };
        assert_eq!(typed("S").as_deref(), Some("bin/sh"));
        assert_eq!(
            typed("s").as_deref(),
            Some("bin/sh"),
            "the only one: round to itself"
        );
        assert_eq!(typed("e").as_deref(), Some("etc"));
        assert_eq!(typed("et").as_deref(), Some("etc"));
        assert_eq!(typed("o").as_deref(), Some("etc/old"));
        assert_eq!(typed("x").as_deref(), Some("etc/old"));
    }

    #[test]
    fn each_row_says_its_place_among_those_beside_it() {
        let mut view = first_layer();
        let places = |sight: &Sight| sight.window.iter().map(|row| row.place).collect::<Vec<_>>();
        let sight = ask(&mut view, |_| ());
        assert_eq!(
            names(&sight),
            ["bin", " sh", "etc", " app", "  config", " old", "readme"]
        );
        assert_eq!(
            places(&sight),
            [(1, 3), (1, 1), (2, 3), (1, 2), (1, 1), (2, 2), (3, 3)]
        );
        let sight = ask(&mut view, |wish| wish.look.order = Order::Size);
        assert_eq!(
            names(&sight),
            ["bin", " sh", "etc", " old", " app", "  config", "readme"]
        );
        let sight = search(&mut view, "config");
        assert_eq!(places(&sight), [(1, 1), (1, 1), (1, 1)]);
    }

    /// A slider that closed what was open, or lost the path that one looks at, could not be used to follow a file.
    #[test]
    fn the_chosen_path_and_the_open_folders_stay_through_time() {
        let mut view = first_layer();
        act(&mut view, Act::TurnAll);
        act(
            &mut view,
            Act::Reveal {
                path: "etc/old".into(),
            },
        );
        let sight = ask(&mut view, |wish| wish.look.layer = 1);
        assert_eq!(
            names(&sight),
            ["bin", "etc", " app", " old", "readme", "srv"]
        );
        assert_eq!(
            sight.active.as_ref().map(|active| active.path.as_str()),
            Some("etc/old")
        );
        assert_eq!(sight.active.map(|active| active.steps.len()), Some(2));
        let third = [folder("other")];
        let first = [entry("a/x", 1), entry("b", 1)];
        let second = [removed("a/x", 1)];
        let history = Rc::new(History::of_layers([&first[..], &second[..], &third[..]]));
        let mut view = View::of(history, Look::default());
        act(&mut view, Act::Reveal { path: "a/x".into() });
        let gone = ask(&mut view, |wish| wish.look.layer = 2);
        assert_ne!(
            gone.active.map(|active| active.path).as_deref(),
            Some("a/x")
        );
        let back = ask(&mut view, |wish| wish.look.layer = 0);
        assert_eq!(
            back.active.map(|active| active.path).as_deref(),
            Some("a/x")
        );
    }

    #[test]
    fn a_search_shows_matches_and_what_leads_to_them_and_opens_what_is_found() {
        let mut view = first_layer();
        let sight = search(&mut view, "CONFIG");
        assert_eq!(names(&sight), ["etc", " app", "  config"]);
        assert_eq!(
            sight.found.map(|found| (found.found, found.goes_on)),
            Some((1, false))
        );
        assert!(sight.window[2].is_found && !sight.window[0].is_found);
        assert!(search(&mut view, "nowhere").window.is_empty());
        let sight = search(&mut view, "app");
        assert_eq!(names(&sight), ["etc", " app"]);
        assert_eq!(sight.window[1].open, Some(false));
        assert_eq!(
            press(&mut view, &["End", "ArrowRight", "ArrowRight"]),
            "etc/app/config"
        );
        assert_eq!(
            names(&search(&mut view, "")).len(),
            7,
            "what was open before is open again"
        );
    }

    #[test]
    fn a_search_comes_in_parts_and_each_part_is_shown() {
        let mut view = many(5_000);
        let wish = Wish {
            look: Look {
                find: Find {
                    text: "*9".into(),
                    syntax: Syntax::Glob,
                    ..Find::default()
                },
                ..Look::default()
            },
            count: 20,
            ..Wish::default()
        };
        let first = view.take(wish, &mut |found| found >= 20);
        let found = first.found.expect("a search");
        assert!(
            found.goes_on && found.found < 500 && first.window.len() == 20,
            "{found:?}"
        );
        while view.is_searching() {
            view.search_on(&mut |_| true);
        }
        assert_eq!(
            (
                view.sight().rows,
                view.sight().found.map(|found| found.found)
            ),
            (500, Some(500))
        );
    }

    #[test]
    fn a_mistake_in_a_pattern_is_told_and_all_is_shown() {
        let mut view = first_layer();
        let sight = ask(&mut view, |wish| {
            wish.look.find = Find {
                text: "(".into(),
                syntax: Syntax::Regex,
                ..Find::default()
            };
        });
        assert!(matches!(sight.fault, Some(FindFault::Pattern(_))) && sight.rows == 7);
    }

    /// The place of the keyboard was a number of a row: after End and a filter that leaves two, it was beyond them, and
    /// no key did anything any more.
    #[test]
    fn the_keyboard_goes_on_after_a_search_took_its_row() {
        let mut view = first_layer();
        assert_eq!(press(&mut view, &["End"]), "readme");
        let sight = search(&mut view, "sh");
        assert_eq!(
            (sight.rows, sight.active.map(|active| active.at)),
            (2, Some(1))
        );
        assert_eq!(press(&mut view, &["ArrowUp"]), "bin");
        search(&mut view, "nothing");
        let sight = search(&mut view, "");
        assert_eq!(
            sight.active.map(|active| active.path).as_deref(),
            Some("bin")
        );
    }

    #[test]
    fn the_window_goes_where_the_keyboard_goes() {
        let mut view = many(1_000);
        let sight = ask(&mut view, |wish| {
            wish.acts = vec![Act::Key {
                key: "End".into(),
                page_rows: PAGE,
            }];
        });
        assert_eq!(
            (sight.start, sight.window.len(), sight.moved),
            (950, 50, true)
        );
        let sight = ask(&mut view, |wish| (wish.start, wish.count) = (100, 9_999));
        assert_eq!(
            (sight.start, sight.window.len(), sight.moved),
            (100, WINDOW_ROWS_MAX, false)
        );
    }

    #[test]
    fn closing_a_folder_takes_the_keyboard_to_it_and_an_empty_one_is_not_turned() {
        let mut view = first_layer();
        assert_eq!(press(&mut view, &["End", "ArrowUp"]), "etc/old");
        let sight = act(&mut view, Act::TurnAll);
        assert_eq!(
            sight.active.map(|active| active.path).as_deref(),
            Some("etc")
        );
        assert!(!sight.is_all_open);
        let mut view = View::of(
            Rc::new(History::of_layers([&[folder("empty")][..]])),
            Look::default(),
        );
        let sight = act(&mut view, Act::Toggle { node: 0 });
        assert_eq!((sight.rows, sight.window[0].open), (1, None));
    }
}
