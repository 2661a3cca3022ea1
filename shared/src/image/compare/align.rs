//! Two lists side by side: which of their items are the same, in order.
//!
//! What both begin and end with is taken off first, which leaves little of two versions of one image. The rest is aligned by
//! the longest common subsequence where that is cheap; else all of it counts as replaced.

use std::collections::HashMap;
use std::hash::Hash;

/// Most cells of the table: 16 MiB. Images have at most 512 layers; only hostile histories have more lines than 2,000.
const CELLS_MAX: usize = 4 << 20;

/// One row: an item of the first list, of the second, or of both, by index.
pub(super) type Row = (Option<usize>, Option<usize>);

/// Aligns two lists by their keys. Items of both lists keep their order; removed ones stand before added ones.
pub(super) fn align<K: Hash + Eq>(a: &[K], b: &[K]) -> Vec<Row> {
    // Numbers are compared faster than texts.
    let mut numbers: HashMap<&K, u32> = HashMap::new();
    let mut number = |key| {
        let next = u32::try_from(numbers.len()).unwrap_or(u32::MAX);
        *numbers.entry(key).or_insert(next)
    };
    let a: Vec<u32> = a.iter().map(&mut number).collect();
    let b: Vec<u32> = b.iter().map(&mut number).collect();
    let start = a.iter().zip(&b).take_while(|(one, two)| one == two).count();
    let rest = a.len().min(b.len()) - start;
    let ends = a.iter().rev().zip(b.iter().rev()).take(rest);
    let end = ends.take_while(|(one, two)| one == two).count();
    let (a_end, b_end) = (a.len() - end, b.len() - end);
    let mut rows: Vec<Row> = (0..start).map(|at| (Some(at), Some(at))).collect();
    middle(&a[start..a_end], &b[start..b_end], start, &mut rows);
    rows.extend((0..end).map(|at| (Some(a_end + at), Some(b_end + at))));
    rows
}

/// Aligns what is left between the common start, so many items long, and the common end.
fn middle(a: &[u32], b: &[u32], start: usize, rows: &mut Vec<Row>) {
    let width = b.len() + 1;
    let is_cheap = (a.len() + 1)
        .checked_mul(width)
        .is_some_and(|cells| cells <= CELLS_MAX);
    let (mut i, mut j) = (0, 0);
    if is_cheap {
        // How many items the rests of both lists have in common.
        let mut common = vec![0_u32; (a.len() + 1) * width];
        for i in (0..a.len()).rev() {
            for j in (0..b.len()).rev() {
                common[i * width + j] = if a[i] == b[j] {
                    common[(i + 1) * width + j + 1] + 1
                } else {
                    common[(i + 1) * width + j].max(common[i * width + j + 1])
                };
            }
        }
        while i < a.len() && j < b.len() {
            if a[i] == b[j] {
                rows.push((Some(start + i), Some(start + j)));
                (i, j) = (i + 1, j + 1);
            } else if common[(i + 1) * width + j] >= common[i * width + j + 1] {
                rows.push((Some(start + i), None));
                i += 1;
            } else {
                rows.push((None, Some(start + j)));
                j += 1;
            }
        }
    }
    rows.extend((i..a.len()).map(|at| (Some(start + at), None)));
    rows.extend((j..b.len()).map(|at| (None, Some(start + at))));
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(a: &str, b: &str) -> String {
        let (a, b): (Vec<char>, Vec<char>) = (a.chars().collect(), b.chars().collect());
        let row = |(i, j): Row| match (i, j) {
            (Some(i), Some(_)) => a[i].to_string(),
            (Some(i), None) => format!("-{}", a[i]),
            (None, Some(j)) => format!("+{}", b[j]),
            (None, None) => "?".to_owned(),
        };
        align(&a, &b).into_iter().map(row).collect()
    }

    #[test]
    fn what_both_have_is_joined_in_order() {
        assert_eq!(shown("abc", "abc"), "abc");
        assert_eq!(shown("abcd", "axcd"), "a-b+xcd");
        assert_eq!(shown("abc", "ab"), "ab-c");
        assert_eq!(shown("", "ab"), "+a+b");
        assert_eq!(shown("aa", "aaa"), "aa+a");
        assert_eq!(shown("xaybz", "ab"), "-xa-yb-z");
    }

    #[test]
    fn lists_too_long_for_a_table_are_replaced_as_a_whole() {
        let a: Vec<u32> = (0..3_000).collect();
        let b: Vec<u32> = (0..3_000).rev().collect();
        let rows = align(&a, &b);
        assert_eq!(rows.len(), 6_000);
        assert_eq!(align(&a, &a).len(), 3_000);
    }
}
