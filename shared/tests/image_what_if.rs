//! What an image would weigh: held to the tars that are written when what is left out was never there.

mod image_support;

use estiva_shared::image::{ImageAnalysis, LeftOut, WhatIf, what_if};
use image_support::*;

#[cfg(target_arch = "wasm32")]
use wasm_bindgen_test::wasm_bindgen_test as test;
#[cfg(target_arch = "wasm32")]
wasm_bindgen_test::wasm_bindgen_test_configure!(run_in_dedicated_worker);

fn path(path: &str) -> LeftOut {
    LeftOut::Path(path.to_owned())
}

fn waste(cause: &str) -> LeftOut {
    LeftOut::Waste(cause.to_owned())
}

/// The answer, whose sums are checked on the way.
fn without(analysis: &ImageAnalysis, left_out: &[LeftOut]) -> WhatIf {
    let found = what_if(analysis, left_out);
    let parts = found.parts.iter().map(|part| part.saved_bytes);
    assert_eq!(found.saved_bytes, parts.sum::<u64>());
    let layers = found.layers.iter();
    assert_eq!(
        found.saved_bytes,
        layers.clone().map(|layer| layer.saved_bytes).sum::<u64>()
    );
    let at_rest = layers.map(|layer| layer.saved_compressed_estimate_bytes);
    assert_eq!(found.saved_compressed_estimate_bytes, at_rest.sum::<u64>());
    assert!(found.saved_bytes <= found.uncompressed_bytes);
    assert!(found.saved_compressed_estimate_bytes <= found.size_bytes);
    found
}

fn bytes(tars: &[Vec<u8>]) -> u64 {
    tars.iter().map(|tar| tar.len() as u64).sum()
}

/// The image without these weighs what the image weighs that never had them.
#[track_caller]
fn equals(before: &[Vec<u8>], left_out: &[LeftOut], after: &[Vec<u8>]) -> WhatIf {
    let found = without(&analyse_tars(before), left_out);
    assert_eq!(found.uncompressed_bytes, bytes(before));
    assert_eq!(found.uncompressed_bytes - found.saved_bytes, bytes(after));
    found
}

#[test]
fn a_folder_goes_out_of_every_layer() {
    let before = [
        tar(&[
            folder("srv/"),
            sized("srv/a", 700, 1),
            symlink("srv/b", "a"),
            sized("srv-other", 9, 2),
        ]),
        tar(&[sized("srv/a", 1024, 3), sized("kept", 5, 4)]),
    ];
    let after = [
        tar(&[sized("srv-other", 9, 2)]),
        tar(&[sized("kept", 5, 4)]),
    ];
    let found = equals(&before, &[path("srv")], &after);
    assert_eq!(found.parts[0].entries, 4);
    assert_eq!(
        found
            .layers
            .iter()
            .map(|layer| layer.entries)
            .collect::<Vec<_>>(),
        [3, 1]
    );
}

#[test]
fn the_empty_path_leaves_nothing_but_the_ends_of_the_tars() {
    let before = [tar(&[folder("a/"), sized("a/b", 1, 1)])];
    equals(&before, &[path("")], &[tar(&[])]);
}

#[test]
fn each_byte_counts_once_by_layer_then_path_then_waste() {
    let before = [
        tar(&[folder("a/"), sized("a/x", 600, 1), sized("b", 600, 2)]),
        tar(&[folder("a/"), sized("a/y", 600, 3)]),
        tar(&[file(".wh.b", ""), file("a/.wh.x", "")]),
    ];
    let all = [
        waste("deleted_file"),
        path("a/y"),
        LeftOut::Layer(1),
        path("a"),
        path("a"),
    ];
    let found = without(&analyse_tars(&before), &all);
    let parts: Vec<_> = found
        .parts
        .iter()
        .map(|part| (part.left_out.clone(), part.entries, part.saved_bytes))
        .collect();
    assert_eq!(
        parts,
        [
            (LeftOut::Layer(1), 2, before[1].len() as u64),
            (path("a"), 2, 512 + 512 + 1024),
            (path("a/y"), 0, 0),
            (waste("deleted_file"), 1, 512 + 1024),
        ]
    );
}

#[test]
fn a_layer_goes_with_its_bytes_at_rest() {
    let tars = [
        tar(&[sized("a", 100_000, 1)]),
        tar(&[sized("b", 50_000, 2)]),
    ];
    let image = Image::new(&tars).gzipped();
    let analysis = inspect_one(&oci_archive(&image, "test:latest"));
    let found = without(&analysis, &[LeftOut::Layer(1)]);
    assert_eq!(found.saved_bytes, tars[1].len() as u64);
    assert_eq!(
        found.saved_compressed_estimate_bytes,
        image.layers[1].len() as u64
    );
}

/// A layer holds a content once, under its first name. That name gone, a rebuild writes it under the next one.
#[test]
fn content_ships_while_one_of_its_names_stays() {
    let before = [
        tar(&[
            sized("a", 2000, 1),
            hard_link("b", "a"),
            hard_link("c", "b"),
        ]),
        tar(&[hard_link("d", "a")]),
    ];
    let kept = |name: &str| tar(&[sized(name, 2000, 1)]);
    let link = |name: &str| tar(&[hard_link(name, "a")]);
    equals(&before, &[path("a"), path("b")], &[kept("c"), link("d")]);
    equals(
        &before,
        &[path("a"), path("b"), LeftOut::Layer(1)],
        &[kept("c"), vec![]],
    );
    equals(
        &before,
        &[path("b"), path("c"), path("d")],
        &[kept("a"), tar(&[])],
    );
    equals(
        &before,
        &[path("a"), path("b"), path("c"), path("d")],
        &[tar(&[]), tar(&[])],
    );
}

#[test]
fn waste_goes_with_its_headers() {
    let before = [
        tar(&[sized("a", 700, 1), sized("b", 9, 2)]),
        tar(&[sized("a", 900, 3)]),
    ];
    let after = [tar(&[sized("b", 9, 2)]), tar(&[sized("a", 900, 3)])];
    equals(&before, &[waste("overwritten")], &after);
}

#[test]
fn a_copy_that_its_own_layer_wrote_over_goes_with_its_path() {
    let before = [tar(&[
        sized("a", 700, 1),
        sized("a", 900, 3),
        sized("b", 1, 2),
    ])];
    let after = [tar(&[sized("b", 1, 2)])];
    equals(&before, &[path("a")], &after);
    equals(&before, &[path("a"), waste("overwritten")], &after);
    let after = [tar(&[sized("a", 900, 3), sized("b", 1, 2)])];
    equals(&before, &[waste("overwritten")], &after);
}

/// Second copies become links. Where the first goes too, one of them has to stay what it is.
#[test]
fn of_content_that_is_there_twice_one_copy_stays() {
    let before = [tar(&[
        sized("a", 3000, 1),
        sized("b", 3000, 1),
        sized("c", 3000, 1),
    ])];
    let linked = [tar(&[
        sized("a", 3000, 1),
        hard_link("b", "a"),
        hard_link("c", "a"),
    ])];
    equals(&before, &[waste("duplicate_content")], &linked);
    let without_first = [tar(&[sized("b", 3000, 1), hard_link("c", "b")])];
    equals(
        &before,
        &[path("a"), waste("duplicate_content")],
        &without_first,
    );
}

#[test]
fn what_the_image_does_not_have_saves_nothing() {
    let before = [tar(&[sized("a", 700, 1)])];
    let none = [
        LeftOut::Layer(7),
        path("a/b"),
        path("zz"),
        waste("deleted_file"),
        waste("no such"),
    ];
    let found = equals(&before, &none, &before);
    assert_eq!(found.parts.len(), none.len());
    assert!(found.parts.iter().all(|part| part.entries == 0));
}

/// A header may claim 8 EiB of content that the layer does not have.
#[test]
fn no_more_goes_than_there_is() {
    let huge = Item {
        size: Some(u64::MAX / 2),
        ..file("a", "x")
    };
    let analysis = analyse_tars(&[tar(&[file("b", "y"), huge])]);
    without_hostile(&analysis);
}

fn without_hostile(analysis: &ImageAnalysis) {
    let found = what_if(analysis, &[path("")]);
    assert!(found.saved_bytes <= found.uncompressed_bytes);
    assert!(found.saved_compressed_estimate_bytes <= found.size_bytes);
}
