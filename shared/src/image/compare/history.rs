//! The history line by line. Lines are the same by their instruction and whether they made a layer; their time is a
//! difference of its own.

use super::super::HistoryView;
use super::align::align;
use super::{HistoryChange, ValueDifference};

/// What differs in the history.
pub(super) fn compare(a: &[HistoryView], b: &[HistoryView], semantic: bool) -> Vec<HistoryChange> {
    let rows = align(&keys(a), &keys(b));
    let changes = rows.into_iter().filter_map(|(one, two)| {
        let (difference, line) = match (one, two) {
            (Some(i), Some(j)) if semantic || a[i].created == b[j].created => return None,
            (Some(_), Some(j)) => (ValueDifference::Changed, &b[j]),
            (Some(i), None) => (ValueDifference::Removed, &a[i]),
            (None, Some(j)) => (ValueDifference::Added, &b[j]),
            (None, None) => return None,
        };
        let created_by = line.created_by.clone();
        Some(HistoryChange {
            difference,
            created_by,
            a: one,
            b: two,
        })
    });
    changes.collect()
}

fn keys(lines: &[HistoryView]) -> Vec<(&str, bool)> {
    lines
        .iter()
        .map(|line| (line.created_by.as_str(), line.empty_layer))
        .collect()
}
