//! What two texts differ in: the changes lead from one to the other, and are few.
#![allow(clippy::unwrap_used, reason = "helpers of tests are tests too")]

use estiva_shared::image::view::{DIFF_LINES_MAX, Sign, TextDiff, TooDifferent, diff_lines};

#[cfg(target_arch = "wasm32")]
use wasm_bindgen_test::wasm_bindgen_test as test;
#[cfg(target_arch = "wasm32")]
wasm_bindgen_test::wasm_bindgen_test_configure!(run_in_dedicated_worker);

fn shown(diff: &TextDiff) -> String {
    let mut text = String::new();
    for hunk in &diff.hunks {
        text.push_str("@\n");
        for row in &hunk.rows {
            let number =
                |number: Option<usize>| number.map_or("-".to_owned(), |number| number.to_string());
            let sign = match row.sign {
                Sign::Same => ' ',
                Sign::Added => '+',
                Sign::Removed => '-',
            };
            text.push_str(&format!(
                "{}:{} {sign}{}\n",
                number(row.old),
                number(row.new),
                row.text
            ));
        }
    }
    text
}

#[test]
fn a_change_stands_between_three_lines_of_each_side() {
    let old: String = (1..=9).map(|number| format!("{number}\n")).collect();
    let new = old.replace("5\n", "five\nand\n");
    let diff = diff_lines(&old, &new).unwrap();
    assert_eq!(
        shown(&diff),
        "@\n2:2  2\n3:3  3\n4:4  4\n5:- -5\n-:5 +five\n-:6 +and\n6:7  6\n7:8  7\n8:9  8\n"
    );
    assert_eq!((diff.added, diff.removed), (2, 1));
}

#[test]
fn changes_that_lie_apart_are_hunks_of_their_own() {
    let old: String = (1..=40).map(|number| format!("{number}\n")).collect();
    let new = old.replacen("5\n", "", 1).replace("30\n", "thirty\n");
    let diff = diff_lines(&old, &new).unwrap();
    assert_eq!(diff.hunks.len(), 2);
    let moved = diff.hunks[1]
        .rows
        .iter()
        .find(|row| row.sign == Sign::Added)
        .unwrap();
    assert_eq!((moved.new, &*moved.text), (Some(29), "thirty"));
}

#[test]
fn texts_that_are_the_same_have_no_change_but_perhaps_their_end() {
    assert_eq!(diff_lines("a\nb\n", "a\nb\n").unwrap(), TextDiff::default());
    let diff = diff_lines("a\nb", "a\nb\n").unwrap();
    assert!(diff.hunks.is_empty() && diff.only_end);
    let diff = diff_lines("", "a\n").unwrap();
    assert_eq!(shown(&diff), "@\n-:1 +a\n");
    assert_eq!(shown(&diff_lines("a\n", "").unwrap()), "@\n1:- -a\n");
}

#[test]
fn the_way_is_a_shortest_one() {
    // The example of Myers' paper: five changes lead from ABCABBA to CBABAC.
    let lines = |word: &str| word.chars().map(|c| format!("{c}\n")).collect::<String>();
    let diff = diff_lines(&lines("ABCABBA"), &lines("CBABAC")).unwrap();
    assert_eq!(diff.added + diff.removed, 5);
    let diff = diff_lines(&lines("abcdefgh"), &lines("xbcdefghy")).unwrap();
    assert_eq!((diff.added, diff.removed), (2, 1));
}

#[test]
fn texts_too_long_or_too_different_are_said_to_be_so() {
    let long = "x\n".repeat(DIFF_LINES_MAX + 1);
    assert_eq!(diff_lines(&long, "").unwrap_err(), TooDifferent::Lines);
    let one: String = (0..40_000).map(|number| format!("a{number}\n")).collect();
    let other: String = (0..40_000).map(|number| format!("b{number}\n")).collect();
    assert_eq!(diff_lines(&one, &other).unwrap_err(), TooDifferent::Steps);
}

#[cfg(not(target_arch = "wasm32"))]
mod properties {
    use super::*;
    use proptest::prelude::*;

    /// The longest list of lines that both have, by the plain way.
    fn common(a: &[&str], b: &[&str]) -> usize {
        let mut row = vec![0; b.len() + 1];
        for one in a {
            let mut before = 0;
            for (at, other) in b.iter().enumerate() {
                let here = if one == other {
                    before + 1
                } else {
                    row[at].max(row[at + 1])
                };
                before = row[at + 1];
                row[at + 1] = here;
            }
        }
        row[b.len()]
    }

    proptest! {
        #[test]
        fn changes_lead_from_one_to_the_other_and_are_as_few_as_can_be(
            old in proptest::collection::vec("[a-d]", 0..30),
            new in proptest::collection::vec("[a-d]", 0..30),
        ) {
            let text = |lines: &[String]| lines.iter().map(|line| format!("{line}\n")).collect::<String>();
            let diff = diff_lines(&text(&old), &text(&new)).unwrap();
            let mut made: Vec<String> = Vec::new();
            let mut at = 0;
            for row in diff.hunks.iter().flat_map(|hunk| &hunk.rows) {
                if let Some(number) = row.old {
                    prop_assert_eq!(&old[number - 1], &row.text);
                    made.extend_from_slice(&old[at..number - 1]);
                    at = number;
                } else {
                    // What is unchanged above an addition comes first.
                    let gap = row.new.unwrap() - 1 - made.len();
                    made.extend_from_slice(&old[at..at + gap]);
                    at += gap;
                }
                if let Some(number) = row.new {
                    prop_assert_eq!(made.len(), number - 1);
                    made.push(row.text.clone());
                }
            }
            made.extend_from_slice(&old[at..]);
            prop_assert_eq!(&made, &new);
            let old: Vec<_> = old.iter().map(String::as_str).collect();
            let new: Vec<_> = new.iter().map(String::as_str).collect();
            let kept = common(&old, &new);
            prop_assert_eq!(diff.added + diff.removed, old.len() + new.len() - 2 * kept);
        }
    }
}
