//! What two texts differ in, by lines: the shortest way from one to the other, with three lines around each change.
//!
//! Lines that both begin and end with are taken off first; the rest goes through Myers' greedy search in linear space, with a
//! bound on its steps, because texts that have nothing in common cost the product of their lengths.
//!
//! Specification: E. Myers, "An O(ND) Difference Algorithm and Its Variations" (1986), section 4b; the hunks are those of POSIX
//! `diff -u`.

use std::ops::Range;

use crate::suggest::diff::{Edit, Lines};

/// Most lines of both texts together.
pub const DIFF_LINES_MAX: usize = 200_000;

/// Most steps of the search: some tenths of a second in a browser.
pub const DIFF_STEPS_MAX: u64 = 30_000_000;

/// What two texts differ in.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TextDiff {
    /// The changes, each with lines around it; none where the lines are the same.
    pub hunks: Vec<Hunk>,
    /// Lines that only the second has.
    pub added: usize,
    /// Lines that only the first has.
    pub removed: usize,
    /// The lines are the same, but only one of the texts ends its last line.
    pub only_end: bool,
}

/// Changes that lie together.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Hunk {
    /// Its lines.
    pub rows: Vec<DiffRow>,
}

/// A line of a difference.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DiffRow {
    /// Where it is.
    pub sign: Sign,
    /// Its number in the first text, from 1.
    pub old: Option<usize>,
    /// Its number in the second text, from 1.
    pub new: Option<usize>,
    /// The line, without its end.
    pub text: String,
}

/// Where a line of a difference is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sign {
    /// In both.
    Same,
    /// In the second only.
    Added,
    /// In the first only.
    Removed,
}

/// Why two texts are not compared line by line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TooDifferent {
    /// They have more than [`DIFF_LINES_MAX`] lines.
    Lines,
    /// The search took more than [`DIFF_STEPS_MAX`] steps.
    Steps,
}

/// Lines around a change that say where it is.
const CONTEXT: usize = 3;

/// Compares two texts.
///
/// # Errors
/// Where they are too long or too different for it.
pub fn diff_lines(old: &str, new: &str) -> Result<TextDiff, TooDifferent> {
    let (before, after) = (Lines::of(old), Lines::of(new));
    if before.lines.len() + after.lines.len() > DIFF_LINES_MAX {
        return Err(TooDifferent::Lines);
    }
    let edits = edits(&before.lines, &after.lines)?;
    let mut diff = TextDiff {
        only_end: edits.is_empty() && old.ends_with('\n') != new.ends_with('\n'),
        ..TextDiff::default()
    };
    // Lines that were added by the hunks above, less those that were removed.
    let mut moved = 0_isize;
    for together in edits.chunk_by(|one, next| next.first - one.end <= 2 * CONTEXT) {
        diff.hunk(&before.lines, together, &mut moved);
    }
    Ok(diff)
}

impl TextDiff {
    fn hunk(&mut self, lines: &[&str], edits: &[Edit], moved: &mut isize) {
        let [first, ..] = edits else { return };
        let end = edits.last().map_or(first.end, |last| last.end);
        let mut at = first.first.saturating_sub(CONTEXT);
        let to = (end + CONTEXT).min(lines.len());
        let mut rows = Vec::new();
        let same = |rows: &mut Vec<DiffRow>, range: Range<usize>, moved: isize| {
            rows.extend(range.map(|number| DiffRow {
                sign: Sign::Same,
                old: Some(number + 1),
                new: Some(number.saturating_add_signed(moved) + 1),
                text: lines[number].to_owned(),
            }));
        };
        for edit in edits {
            same(&mut rows, at..edit.first, *moved);
            rows.extend((edit.first..edit.end).map(|number| DiffRow {
                sign: Sign::Removed,
                old: Some(number + 1),
                new: None,
                text: lines[number].to_owned(),
            }));
            let start = edit.first.saturating_add_signed(*moved);
            rows.extend(edit.lines.iter().enumerate().map(|(number, line)| DiffRow {
                sign: Sign::Added,
                old: None,
                new: Some(start + number + 1),
                text: line.clone(),
            }));
            let removed = edit.end - edit.first;
            self.removed += removed;
            self.added += edit.lines.len();
            *moved += edit.lines.len() as isize - removed as isize;
            at = edit.end;
        }
        same(&mut rows, at..to, *moved);
        self.hunks.push(Hunk { rows });
    }
}

/// The changes that lead from one list of lines to the other, in order; none touches the next.
fn edits(old: &[&str], new: &[&str]) -> Result<Vec<Edit>, TooDifferent> {
    let mut search = Search {
        kept_old: vec![false; old.len()],
        kept_new: vec![false; new.len()],
        steps: 0,
        forward: Vec::new(),
        backward: Vec::new(),
    };
    let numbers = search.number(old, new)?;
    let (one, other) = numbers.split_at(old.len());
    search.solve(one, other)?;
    let mut edits = Vec::new();
    let (mut x, mut y) = (0, 0);
    while x < old.len() || y < new.len() {
        let is_kept = |kept: &[bool], at: usize| kept.get(at).copied().unwrap_or(true);
        if x < old.len() && y < new.len() && search.kept_old[x] && search.kept_new[y] {
            (x, y) = (x + 1, y + 1);
            continue;
        }
        let (from, start) = (x, y);
        while x < old.len() && !is_kept(&search.kept_old, x) {
            x += 1;
        }
        while y < new.len() && !is_kept(&search.kept_new, y) {
            y += 1;
        }
        edits.push(Edit {
            first: from,
            end: x,
            lines: new[start..y].iter().map(|&line| line.to_owned()).collect(),
        });
        // As many lines are kept of one as of the other, so neither stands still.
        if (from, start) == (x, y) {
            break;
        }
    }
    Ok(edits)
}

/// The search for the lines that are kept.
struct Search {
    kept_old: Vec<bool>,
    kept_new: Vec<bool>,
    steps: u64,
    forward: Vec<usize>,
    backward: Vec<usize>,
}

/// A part of both lists.
#[derive(Clone)]
struct Part {
    old: Range<usize>,
    new: Range<usize>,
}

impl Search {
    /// A number for each line of both, the same for the same text: numbers are compared faster than texts.
    fn number(&mut self, old: &[&str], new: &[&str]) -> Result<Vec<u32>, TooDifferent> {
        let count = old.len() + new.len();
        let line = |number: u32| {
            let at = number as usize;
            old.get(at).or_else(|| new.get(at - old.len()))
        };
        // A table by a sum of each text (FNV-1a). Lines that are made to have the same sum cost steps, as all else does.
        let places = (2 * count + 1).next_power_of_two();
        let mut table = vec![u32::MAX; places];
        let mut numbers = Vec::with_capacity(count);
        for (number, text) in old.iter().chain(new).enumerate() {
            let add = |sum: u32, byte: u8| (sum ^ u32::from(byte)).wrapping_mul(0x0100_0193);
            let sum = text.bytes().fold(0x811c_9dc5, add);
            let mut place = sum as usize & (places - 1);
            while table[place] != u32::MAX && line(table[place]) != Some(text) {
                self.spend(1 + text.len() / 16)?;
                place = (place + 1) & (places - 1);
            }
            if table[place] == u32::MAX {
                // Fewer than DIFF_LINES_MAX.
                table[place] = number as u32;
            }
            numbers.push(table[place]);
        }
        Ok(numbers)
    }

    fn solve(&mut self, old: &[u32], new: &[u32]) -> Result<(), TooDifferent> {
        // A list of what is to be done, not calls within calls: hostile texts would make those deep.
        let mut parts = vec![Part {
            old: 0..old.len(),
            new: 0..new.len(),
        }];
        while let Some(part) = parts.pop() {
            let Part {
                old: mut a,
                new: mut b,
            } = part;
            while !a.is_empty() && !b.is_empty() && old[a.start] == new[b.start] {
                self.keep(a.start, b.start);
                (a.start, b.start) = (a.start + 1, b.start + 1);
            }
            while !a.is_empty() && !b.is_empty() && old[a.end - 1] == new[b.end - 1] {
                (a.end, b.end) = (a.end - 1, b.end - 1);
                self.keep(a.end, b.end);
            }
            if a.is_empty() || b.is_empty() {
                continue;
            }
            let (x, y) = self.middle(&old[a.clone()], &new[b.clone()])?;
            let (x, y) = (a.start + x, b.start + y);
            // A part that is not smaller has nothing in common.
            if (x, y) == (a.start, b.start) || (x, y) == (a.end, b.end) {
                continue;
            }
            parts.push(Part {
                old: a.start..x,
                new: b.start..y,
            });
            parts.push(Part {
                old: x..a.end,
                new: y..b.end,
            });
        }
        Ok(())
    }

    fn keep(&mut self, x: usize, y: usize) {
        self.kept_old[x] = true;
        self.kept_new[y] = true;
    }

    /// A point on a shortest way through both, found from both ends at once.
    fn middle(&mut self, a: &[u32], b: &[u32]) -> Result<(usize, usize), TooDifferent> {
        let (n, m) = (a.len() as isize, b.len() as isize);
        let (delta, most) = (n - m, (n + m + 1) / 2);
        let zero = most + 1;
        let size = (2 * most + 3) as usize;
        self.spend(size)?;
        self.forward.clear();
        self.forward.resize(size, 0);
        self.backward.clear();
        self.backward.resize(size, 0);
        // How far a diagonal is reached, from the furthest of the two beside it.
        let step = |v: &[usize], k: isize, d: isize| {
            let at = (zero + k) as usize;
            if k == -d || (k != d && v[at - 1] < v[at + 1]) {
                v[at + 1]
            } else {
                v[at - 1] + 1
            }
        };
        for d in 0..=most {
            for k in (-d..=d).step_by(2) {
                let mut x = step(&self.forward, k, d);
                let begin = x;
                let mut y = x as isize - k;
                while (x as isize) < n && y >= 0 && y < m && a[x] == b[y as usize] {
                    (x, y) = (x + 1, y + 1);
                }
                self.forward[(zero + k) as usize] = x;
                self.spend(x - begin)?;
                let back = delta - k;
                let meets = delta % 2 != 0 && back.abs() < d;
                if meets && x + self.backward[(zero + back) as usize] >= a.len() {
                    return Ok(inside(x, y, n, m));
                }
            }
            for k in (-d..=d).step_by(2) {
                let mut x = step(&self.backward, k, d);
                let begin = x;
                let mut y = x as isize - k;
                while (x as isize) < n
                    && y >= 0
                    && y < m
                    && a[a.len() - 1 - x] == b[b.len() - 1 - y as usize]
                {
                    (x, y) = (x + 1, y + 1);
                }
                self.backward[(zero + k) as usize] = x;
                self.spend(x - begin)?;
                let back = delta - k;
                let meets = delta % 2 == 0 && back.abs() <= d;
                if meets && x + self.forward[(zero + back) as usize] >= a.len() {
                    return Ok(inside(n as usize - x.min(n as usize), m - y, n, m));
                }
            }
        }
        Ok((0, 0))
    }

    fn spend(&mut self, steps: usize) -> Result<(), TooDifferent> {
        self.steps += steps as u64 + 1;
        match self.steps > DIFF_STEPS_MAX {
            true => Err(TooDifferent::Steps),
            false => Ok(()),
        }
    }
}

/// A point within both lists.
fn inside(x: usize, y: isize, n: isize, m: isize) -> (usize, usize) {
    ((x as isize).clamp(0, n) as usize, y.clamp(0, m) as usize)
}
