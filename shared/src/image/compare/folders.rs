//! Sums by folder, while sorted paths go by: only the folders above the current path are kept, and of those that are
//! done, the ones that differ most.
//!
//! All that lies below a folder stands together in sorted paths, though its own entry may not: `a-b` stands between `a` and
//! `a/b`. A hostile image has millions of folders in few entries (3,000 paths of 2,000 parts), so what is kept has a limit.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use super::FolderChange;

/// Most folders that are kept: more than anyone reads, and 1 MB with paths of a usual length.
const FOLDERS_MAX: usize = 10_000;

/// The folders above the current path, the root first, and those that are done.
#[derive(Default)]
pub(super) struct Folders<'a> {
    open: Vec<Open<'a>>,
    root: Sums,
    /// By difference and path: the least comes out first.
    done: BinaryHeap<Reverse<(u64, Reverse<&'a str>, Sums)>>,
    left_out: u64,
}

struct Open<'a> {
    path: &'a str,
    sums: Sums,
}

#[derive(Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord)]
struct Sums {
    a_bytes: u64,
    b_bytes: u64,
    changes: u64,
}

impl Sums {
    fn add(&mut self, other: Sums) {
        self.a_bytes = self.a_bytes.saturating_add(other.a_bytes);
        self.b_bytes = self.b_bytes.saturating_add(other.b_bytes);
        self.changes = self.changes.saturating_add(other.changes);
    }
}

impl<'a> Folders<'a> {
    /// Counts a path. Paths come sorted.
    pub(super) fn add(&mut self, path: &'a str, a_bytes: u64, b_bytes: u64, differs: bool) {
        while let Some(last) = self.open.last()
            && !is_below(path, last.path)
        {
            self.close();
        }
        let known = self.open.last().map_or(0, |last| last.path.len() + 1);
        let below = path.get(known..).unwrap_or_default();
        for (slash, _) in below.match_indices('/') {
            self.open.push(Open {
                path: &path[..known + slash],
                sums: Sums::default(),
            });
        }
        let sums = Sums {
            a_bytes,
            b_bytes,
            changes: u64::from(differs),
        };
        match self.open.last_mut() {
            Some(folder) => folder.sums.add(sums),
            None => self.root.add(sums),
        }
    }

    /// Ends the innermost folder: its sums go to the one above it.
    fn close(&mut self) {
        let Some(folder) = self.open.pop() else {
            return;
        };
        match self.open.last_mut() {
            Some(above) => above.sums.add(folder.sums),
            None => self.root.add(folder.sums),
        }
        self.keep(folder.path, folder.sums);
    }

    fn keep(&mut self, path: &'a str, sums: Sums) {
        let difference = sums.a_bytes.abs_diff(sums.b_bytes);
        if difference == 0 {
            return;
        }
        self.done.push(Reverse((difference, Reverse(path), sums)));
        if self.done.len() > FOLDERS_MAX {
            self.done.pop();
            self.left_out += 1;
        }
    }

    /// The folders that differ most, the largest difference first, and how many more there are.
    pub(super) fn finish(mut self) -> (Vec<FolderChange>, u64) {
        while !self.open.is_empty() {
            self.close();
        }
        let root = self.root;
        self.keep("", root);
        let folder =
            |Reverse((_, Reverse(path), sums)): Reverse<(u64, Reverse<&str>, Sums)>| FolderChange {
                path: path.to_owned(),
                a_bytes: sums.a_bytes,
                b_bytes: sums.b_bytes,
                changes: sums.changes,
            };
        let folders = self.done.into_sorted_vec().into_iter().map(folder);
        (folders.collect(), self.left_out)
    }
}

/// Whether a path lies below a folder.
fn is_below(path: &str, folder: &str) -> bool {
    path.strip_prefix(folder)
        .is_some_and(|rest| rest.starts_with('/'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sums_go_up_and_neighbours_are_not_mixed_up() {
        let mut folders = Folders::default();
        for (path, a, b) in [
            ("a", 0, 0),
            ("a-b", 5, 5),
            ("a/b", 0, 0),
            ("a/b/c", 10, 30),
            ("a/d", 7, 0),
            ("e/f", 1, 1),
        ] {
            folders.add(path, a, b, a != b);
        }
        let (found, left_out) = folders.finish();
        let found: Vec<_> = found
            .iter()
            .map(|each| (each.path.as_str(), each.a_bytes, each.b_bytes, each.changes))
            .collect();
        assert_eq!(
            found,
            [("a/b", 10, 30, 1), ("", 23, 36, 2), ("a", 17, 30, 2)]
        );
        assert_eq!(left_out, 0);
    }

    #[test]
    fn the_folders_that_differ_most_are_kept() {
        let paths: Vec<String> = (0..FOLDERS_MAX + 5)
            .map(|at| format!("{at:06}/f"))
            .collect();
        let mut folders = Folders::default();
        for (at, path) in paths.iter().enumerate() {
            folders.add(path, 0, 1 + at as u64, true);
        }
        let (found, left_out) = folders.finish();
        // The root is one of them.
        assert_eq!((found.len(), left_out), (FOLDERS_MAX, 6));
        assert_eq!(found[0].path, "");
        assert_eq!(found[1].path, "010004");
        assert_eq!(found[FOLDERS_MAX - 1].b_bytes, 7);
    }
}
