//! Layers on top of each other: what each changes, the merged tree, and what ships unseen.

mod image_support;

use estiva_shared::image::{Change, EntryKind, ImageAnalysis};
use image_support::*;

#[cfg(target_arch = "wasm32")]
use wasm_bindgen_test::wasm_bindgen_test as test;
#[cfg(target_arch = "wasm32")]
wasm_bindgen_test::wasm_bindgen_test_configure!(run_in_dedicated_worker);

fn changes(analysis: &ImageAnalysis, layer: usize) -> Vec<(&str, Change)> {
    analysis.image.layers[layer]
        .entries
        .iter()
        .map(|entry| (entry.path.as_str(), entry.change))
        .collect()
}

fn tree(analysis: &ImageAnalysis) -> Vec<&str> {
    analysis
        .tree
        .iter()
        .map(|entry| entry.path.as_str())
        .collect()
}

fn waste(analysis: &ImageAnalysis) -> Vec<(&str, u64)> {
    let sum: u64 = analysis
        .waste
        .by_cause
        .iter()
        .map(|cause| cause.reclaimable_bytes)
        .sum();
    assert_eq!(
        sum, analysis.waste.reclaimable_bytes,
        "each byte counts once"
    );
    analysis
        .waste
        .by_cause
        .iter()
        .map(|cause| (cause.cause.as_str(), cause.reclaimable_bytes))
        .collect()
}

#[test]
fn added_changed_and_removed_are_told_apart() {
    let lower = tar(&[
        folder("d/"),
        file("d/stays", "1"),
        file("d/changes", "2"),
        file("d/goes", "333"),
    ]);
    let upper = tar(&[
        folder("d/"),
        file("d/changes", "two"),
        file("d/.wh.goes", ""),
        file("d/new", "4"),
    ]);
    let analysis = analyse_tars(&[lower, upper]);
    use Change::{Added, Changed, Removed};
    assert_eq!(
        changes(&analysis, 1),
        [
            ("d", Changed),
            ("d/changes", Changed),
            ("d/goes", Removed),
            ("d/new", Added)
        ]
    );
    let layer = &analysis.image.layers[1];
    assert_eq!((layer.added, layer.changed, layer.removed), (1, 2, 1));
    assert_eq!(tree(&analysis), ["d", "d/changes", "d/new", "d/stays"]);
    assert_eq!(analysis.tree[1].layer, 1);
    assert_eq!(analysis.tree[3].layer, 0);
    assert_eq!(waste(&analysis), [("deleted_file", 3), ("overwritten", 1)]);
    assert!(analysis.problems.is_empty());
    assert!(analysis.image.layers.iter().all(|layer| layer.verified));
}

#[test]
fn whiteout_of_a_folder_removes_all_below_it_and_not_its_neighbours() {
    let lower = tar(&[
        folder("a/"),
        folder("a/b/"),
        file("a/b/c", "123"),
        file("a/d", "45"),
        file("a-b", "6"),
        file("a0", "7"),
    ]);
    let analysis = analyse_tars(&[lower, tar(&[file(".wh.a", "")])]);
    assert_eq!(tree(&analysis), ["a-b", "a0"]);
    assert_eq!(analysis.image.layers[1].removed, 4);
    assert_eq!(waste(&analysis), [("deleted_folder", 5)]);
}

#[test]
fn folder_known_only_by_its_files_can_be_removed_too() {
    let analysis = analyse_tars(&[tar(&[file("a/b", "123")]), tar(&[file(".wh.a", "")])]);
    assert_eq!(tree(&analysis), [""; 0]);
    assert_eq!(waste(&analysis), [("deleted_folder", 3)]);
    assert!(analysis.problems.is_empty());
}

#[test]
fn whiteout_spares_what_its_own_layer_brings_wherever_it_stands() {
    let lower = tar(&[file("a", "12"), folder("d/"), file("d/old", "345")]);
    for upper in [
        [
            file("a", "new"),
            file(".wh.a", ""),
            file("d/new", "6"),
            file("d/.wh..wh..opq", ""),
        ],
        [
            file(".wh.a", ""),
            file("a", "new"),
            file("d/.wh..wh..opq", ""),
            file("d/new", "6"),
        ],
    ] {
        let analysis = analyse_tars(&[lower.clone(), tar(&upper)]);
        assert_eq!(tree(&analysis), ["a", "d", "d/new"]);
        assert_eq!(
            changes(&analysis, 1),
            [
                ("a", Change::Changed),
                ("d/new", Change::Added),
                ("d/old", Change::Removed)
            ]
        );
        assert_eq!(
            waste(&analysis),
            [("opaque_folder", 3), ("deleted_file", 2)]
        );
    }
}

#[test]
fn opaque_folder_is_marked_and_hides_what_lies_below() {
    let lower = tar(&[folder("d/"), file("d/old", "345")]);
    let analysis = analyse_tars(&[lower, tar(&[folder("d/"), file("d/.wh..wh..opq", "")])]);
    assert!(analysis.image.layers[1].entries[0].opaque);
    assert_eq!(tree(&analysis), ["d"]);
}

#[test]
fn whiteout_of_nothing_is_a_problem_and_no_removal() {
    let analysis = analyse_tars(&[tar(&[file("a", "1")]), tar(&[file(".wh.ghost", "")])]);
    assert_eq!(codes(&analysis.problems), ["stray-whiteout"]);
    assert_eq!(
        (
            analysis.problems[0].layer,
            analysis.problems[0].entry.as_deref()
        ),
        (Some(1), Some("ghost"))
    );
    assert_eq!(analysis.image.layers[1].removed, 0);
}

#[test]
fn folder_replaced_by_a_file_and_file_by_a_folder() {
    let lower = tar(&[folder("a/"), file("a/b", "12"), file("c", "345")]);
    let upper = tar(&[file("a", "now a file"), folder("c/"), file("c/d", "x")]);
    let analysis = analyse_tars(&[lower, upper]);
    assert_eq!(tree(&analysis), ["a", "c", "c/d"]);
    assert_eq!(analysis.tree[0].kind, EntryKind::File);
    assert_eq!(waste(&analysis), [("overwritten", 5)]);
    assert_eq!(changes(&analysis, 1)[1], ("a/b", Change::Removed));
}

#[test]
fn file_gives_way_to_a_path_that_needs_it_as_a_folder() {
    let analysis = analyse_tars(&[tar(&[file("a", "12")]), tar(&[file("a/b/c", "3")])]);
    assert_eq!(tree(&analysis), ["a/b/c"]);
    assert_eq!(waste(&analysis), [("overwritten", 2)]);
}

#[test]
fn same_content_again_is_metadata_only() {
    let lower = tar(&[sized("big", 1000, 1), sized("other", 500, 2)]);
    let upper = tar(&[sized("big", 1000, 1).mode(0o600), sized("other", 500, 3)]);
    let analysis = analyse_tars(&[lower, upper]);
    assert_eq!(
        waste(&analysis),
        [("metadata_only", 1000), ("overwritten", 500)]
    );
}

#[test]
fn content_with_another_name_left_is_not_wasted() {
    let lower = tar(&[sized("a", 100, 1), hard_link("b", "a"), hard_link("c", "b")]);
    let first = analyse_tars(&[lower.clone(), tar(&[file(".wh.a", "")])]);
    assert_eq!(waste(&first), []);
    let last = analyse_tars(&[
        lower.clone(),
        tar(&[file(".wh.a", "")]),
        tar(&[file(".wh.b", ""), file("c", "x")]),
    ]);
    assert_eq!(waste(&last), [("deleted_file", 100)]);
    assert_eq!(last.waste.by_cause[0].files[0].hidden_by, Some(2));
    let missing = analyse_tars(&[tar(&[hard_link("b", "nowhere"), hard_link("self", "self")])]);
    assert_eq!(codes(&missing.problems), ["bad-entry"; 2]);
}

#[test]
fn path_written_twice_in_one_layer_counts_once_and_wastes_the_first() {
    let analysis = analyse_tars(&[tar(&[sized("a", 100, 1), sized("a", 70, 2)])]);
    assert_eq!(analysis.image.layers[0].added, 1);
    assert_eq!(analysis.tree[0].size_bytes, 70);
    assert_eq!(waste(&analysis), [("overwritten", 100)]);
}

#[test]
fn file_removed_and_made_again_counts_each_copy_once() {
    let bytes = |size| tar(&[sized("a", size, 1)]);
    let gone = tar(&[file(".wh.a", "")]);
    let analysis = analyse_tars(&[bytes(10), gone.clone(), bytes(20), bytes(30), gone]);
    assert_eq!(
        waste(&analysis),
        [("deleted_file", 40), ("overwritten", 20)]
    );
    assert_eq!(changes(&analysis, 2), [("a", Change::Added)]);
    assert_eq!(changes(&analysis, 3), [("a", Change::Changed)]);
}

#[test]
fn very_deep_names_are_neither_recursive_nor_slow() {
    let deep = "d/".repeat(2000) + "f";
    let items: Vec<_> = (0..200)
        .flat_map(|number| [pax("path", &format!("{deep}{number}")), file("x", "1")])
        .collect();
    let analysis = analyse_tars(&[tar(&items), tar(&[file(".wh.d", "")])]);
    assert_eq!(analysis.image.layers[1].removed, 200);
}
