//! What page and worker tell each other of a tree: what is to be looked at and done, and the rows that are in sight then.
//!
//! The tree itself stays in the worker, however many paths it has; the page gets a window of it.

use estiva_shared::image::{Change, EntryKind};
use serde::{Deserialize, Serialize};

use super::filter::{Find, FindFault};
use super::rows::Order;

/// Most rows of one window: more than any screen shows.
pub const WINDOW_ROWS_MAX: usize = 400;

/// What is looked at.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Look {
    /// The layer after which the tree is shown.
    pub layer: usize,
    /// Only what that layer did.
    pub changes: bool,
    /// The order of what is in a folder.
    pub order: Order,
    /// What is searched for.
    pub find: Find,
}

/// What is done with it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "act", rename_all = "snake_case")]
pub enum Act {
    /// A key was pressed.
    Key {
        /// Its name.
        key: String,
        /// The rows of a page.
        page_rows: usize,
    },
    /// The beginning of a name was typed.
    TypeAhead {
        /// It.
        start: String,
    },
    /// The keyboard goes to the row of this path.
    Select {
        /// The path's number.
        node: usize,
    },
    /// A folder is opened or closed, and the keyboard goes to its row.
    Toggle {
        /// The path's number.
        node: usize,
    },
    /// All is opened; where all is open, closed.
    TurnAll,
    /// The keyboard goes to this path, and what leads to it is opened.
    Reveal {
        /// The path.
        path: String,
    },
}

/// What the page asks for.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Wish {
    /// What is looked at.
    pub look: Look,
    /// What is done, in order.
    pub acts: Vec<Act>,
    /// The first row that is wanted.
    pub start: usize,
    /// How many rows are wanted.
    pub count: usize,
    /// Whether each row is to say its whole path.
    #[serde(default)]
    pub paths: bool,
}

/// One row.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SightRow {
    /// The path's number.
    pub node: usize,
    /// The last part of the path.
    pub name: String,
    /// The whole path, where it was asked for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub path: Option<String>,
    /// From 1, as `aria-level` counts.
    pub level: usize,
    /// Its place among the rows beside it, from 1, and how many these are.
    pub place: (usize, usize),
    /// Whether it is open; none where nothing is below it.
    pub open: Option<bool>,
    /// What it is.
    pub kind: EntryKind,
    /// What the layer did to it.
    pub change: Option<Change>,
    /// Its content and that of all below it, in bytes.
    pub total_bytes: u64,
    /// What its entry says; none for a folder that no entry names.
    pub entry: Option<SightEntry>,
    /// It is one of those that are searched for; what only leads to them is not.
    pub is_found: bool,
}

/// What a path's entry says.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SightEntry {
    /// Permission bits.
    pub mode: u32,
    /// Owner and group.
    pub owner: (u64, u64),
    /// The layer that last wrote it.
    pub layer: usize,
    /// Where a link leads.
    pub link: Option<String>,
    /// It hides what lower layers have in it.
    pub opaque: bool,
}

/// What a layer did to the chosen path.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Step {
    /// The layer.
    pub layer: usize,
    /// What it did.
    pub change: Change,
    /// The path's own content since then, in bytes.
    pub size_bytes: u64,
    /// Permission bits since then.
    pub mode: u32,
    /// Owner and group since then.
    pub owner: (u64, u64),
}

/// The row that the keyboard is on.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Active {
    /// Its row, from 0.
    pub at: usize,
    /// Its path's number.
    pub node: usize,
    /// Its whole path.
    pub path: String,
    /// Something is below it.
    pub is_folder: bool,
    /// What the layers did to it.
    pub steps: Vec<Step>,
}

/// How far a search is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Found {
    /// Paths that match.
    pub found: usize,
    /// Paths looked at.
    pub looked: usize,
    /// Paths in all.
    pub of: usize,
    /// It goes on.
    pub goes_on: bool,
    /// It took too long, and was ended.
    pub is_cut: bool,
}

/// What is in sight.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Sight {
    /// What is looked at.
    pub look: Look,
    /// Rows in all.
    pub rows: usize,
    /// The first row of the window.
    pub start: usize,
    /// The rows from there on.
    pub window: Vec<SightRow>,
    /// The row that the keyboard is on; none where there is no row.
    pub active: Option<Active>,
    /// The keyboard went there just now, so the row is to be brought into sight.
    pub moved: bool,
    /// What is at that row is to be looked into.
    pub opened: bool,
    /// Paths with an entry at this layer.
    pub entries: usize,
    /// The most bytes that anything at the top has, for the bars.
    pub largest_bytes: u64,
    /// No folder is closed.
    pub is_all_open: bool,
    /// The search, where there is one.
    pub found: Option<Found>,
    /// Why there is none, though one is asked for.
    pub fault: Option<FindFault>,
    /// Entries that have several parts of their path on one line.
    pub shortened: usize,
}
