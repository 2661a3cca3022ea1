//! Waste, exactly: one small image for each cause with its bytes known by hand, dive's figures, and where they mislead.

mod image_support;

use std::collections::BTreeMap;

use estiva_shared::image::{EntryKind, ImageAnalysis, SameContent, WastedFile};
use image_support::*;

#[cfg(target_arch = "wasm32")]
use wasm_bindgen_test::wasm_bindgen_test as test;
#[cfg(target_arch = "wasm32")]
wasm_bindgen_test::wasm_bindgen_test_configure!(run_in_dedicated_worker);

/// Causes with their bytes, in the document's order; all sums are checked on the way.
fn waste(analysis: &ImageAnalysis) -> Vec<(&str, u64)> {
    let waste = &analysis.waste;
    let sum = |of: fn(&WastedFile) -> u64, files: &[WastedFile]| files.iter().map(of).sum::<u64>();
    for cause in &waste.by_cause {
        assert_eq!(
            cause.reclaimable_bytes,
            sum(|file| file.size_bytes, &cause.files)
        );
        let by_size = |file: &WastedFile| (std::cmp::Reverse(file.size_bytes), file.path.clone());
        assert!(cause.files.is_sorted_by_key(by_size));
    }
    let causes = waste.by_cause.iter();
    assert_eq!(
        waste.reclaimable_bytes,
        causes
            .clone()
            .map(|cause| cause.reclaimable_bytes)
            .sum::<u64>()
    );
    assert_eq!(
        waste.compressed_estimate_bytes,
        causes
            .clone()
            .map(|cause| cause.compressed_estimate_bytes)
            .sum::<u64>()
    );
    causes
        .map(|cause| (cause.cause.as_str(), cause.reclaimable_bytes))
        .collect()
}

/// The files of the only cause.
fn files(analysis: &ImageAnalysis) -> Vec<(&str, u64, usize, Option<usize>)> {
    assert_eq!(analysis.waste.by_cause.len(), 1);
    let files = analysis.waste.by_cause[0].files.iter();
    files
        .map(|file| {
            (
                file.path.as_str(),
                file.size_bytes,
                file.layer,
                file.hidden_by,
            )
        })
        .collect()
}

/// An image whose config names a working folder.
fn in_folder(tars: &[Vec<u8>], folder: &str) -> ImageAnalysis {
    let mut image = Image::new(tars);
    image.config["config"]["WorkingDir"] = folder.into();
    inspect_one(&oci_archive(&image, "test:latest"))
}

fn seen_bytes(analysis: &ImageAnalysis) -> u64 {
    analysis.tree.iter().map(|entry| entry.size_bytes).sum()
}

#[test]
fn deleted_folder() {
    let analysis = analyse_tars(&[
        tar(&[
            folder("srv/"),
            sized("srv/a", 700, 1),
            folder("srv/deep/"),
            sized("srv/deep/b", 40, 2),
            sized("kept", 9, 3),
        ]),
        tar(&[file(".wh.srv", "")]),
    ]);
    assert_eq!(waste(&analysis), [("deleted_folder", 740)]);
    assert_eq!(
        files(&analysis),
        [("srv/a", 700, 0, Some(1)), ("srv/deep/b", 40, 0, Some(1))]
    );
    assert_eq!(seen_bytes(&analysis), 9);
}

#[test]
fn opaque_folder() {
    let analysis = analyse_tars(&[
        tar(&[
            folder("srv/"),
            sized("srv/a", 300, 1),
            sized("srv/b", 20, 2),
        ]),
        tar(&[
            folder("srv/"),
            file("srv/.wh..wh..opq", ""),
            sized("srv/b", 5, 3),
        ]),
    ]);
    assert_eq!(waste(&analysis), [("opaque_folder", 320)]);
    assert_eq!(
        files(&analysis),
        [("srv/a", 300, 0, Some(1)), ("srv/b", 20, 0, Some(1))]
    );
}

#[test]
fn deleted_file() {
    let analysis = analyse_tars(&[
        tar(&[sized("a", 120, 1), sized("b", 30, 2)]),
        tar(&[sized("c", 1, 3)]),
        tar(&[file(".wh.a", "")]),
    ]);
    assert_eq!(waste(&analysis), [("deleted_file", 120)]);
    assert_eq!(files(&analysis), [("a", 120, 0, Some(2))]);
}

#[test]
fn metadata_only() {
    let analysis = analyse_tars(&[
        tar(&[sized("a", 250, 1)]),
        tar(&[sized("a", 250, 1).mode(0o600)]),
        tar(&[sized("a", 250, 1).mode(0o400)]),
    ]);
    assert_eq!(waste(&analysis), [("metadata_only", 500)]);
    assert_eq!(
        files(&analysis),
        [("a", 250, 0, Some(1)), ("a", 250, 1, Some(2))]
    );
}

#[test]
fn overwritten() {
    let analysis = analyse_tars(&[
        tar(&[sized("a", 60, 1), sized("link", 8, 2)]),
        tar(&[sized("a", 61, 3), symlink("link", "a")]),
    ]);
    assert_eq!(waste(&analysis), [("overwritten", 68)]);
    assert_eq!(
        files(&analysis),
        [("a", 60, 0, Some(1)), ("link", 8, 0, Some(1))]
    );
}

#[test]
fn duplicate_content() {
    let analysis = analyse_tars(&[
        tar(&[
            sized("usr/b", 400, 1),
            sized("usr/a", 400, 1),
            file("empty", ""),
        ]),
        tar(&[
            sized("opt/0", 400, 1),
            // Of the same size and other content, and empty like another.
            sized("opt/1", 400, 2),
            file("opt/empty", ""),
            sized("opt/2", 1, 7),
            sized("opt/3", 1, 7),
        ]),
    ]);
    assert_eq!(waste(&analysis), [("duplicate_content", 801)]);
    assert_eq!(
        files(&analysis),
        [
            ("opt/0", 400, 1, None),
            ("usr/b", 400, 0, None),
            ("opt/3", 1, 1, None)
        ]
    );
    let same: Vec<_> = analysis.waste.by_cause[0]
        .files
        .iter()
        .map(|file| file.same_as.as_ref().map(|same| (&*same.path, same.layer)))
        .collect();
    assert_eq!(
        same,
        [Some(("usr/a", 0)), Some(("usr/a", 0)), Some(("opt/2", 1))]
    );
}

#[test]
fn package_cache() {
    let analysis = analyse_tars(&[
        tar(&[
            sized("var/lib/apt/lists/x_Packages", 5000, 1),
            file("var/lib/apt/lists/lock", ""),
            sized("var/cache/apt/archives/curl.deb", 300, 2),
            sized("var/cache/apk/APKINDEX.tar.gz", 70, 3),
            sized("usr/bin/curl", 90, 4),
        ]),
        tar(&[
            sized("root/.cache/pip/http/1", 11, 5),
            sized("home/node/.npm/_cacache/content", 12, 6),
            sized("usr/local/share/.cache/yarn/v6/x", 13, 7),
            sized("root/.cargo/registry/cache/serde.crate", 14, 8),
            sized("go/pkg/mod/cache/download/x.zip", 15, 9),
            sized("var/cache/dnf/x.solv", 16, 10),
        ]),
    ]);
    assert_eq!(
        waste(&analysis),
        [("package_cache", 5370 + 11 + 12 + 13 + 14 + 15 + 16)]
    );
    assert!(
        files(&analysis)
            .iter()
            .all(|(_, _, _, hidden_by)| hidden_by.is_none())
    );
}

#[test]
fn leftover_archive() {
    let layer = tar(&[
        sized("tmp/src.tar.gz", 900, 1),
        sized("app/bundle.zip", 80, 2),
        // What a program may need where it lies.
        sized("app/data/model.zip", 7, 3),
        sized("usr/share/x/fonts.zip", 6, 4),
        sized("tmp/app.jar", 5, 5),
    ]);
    let analysis = in_folder(&[layer], "/app");
    assert_eq!(waste(&analysis), [("leftover_archive", 980)]);
    assert_eq!(
        files(&analysis),
        [
            ("tmp/src.tar.gz", 900, 0, None),
            ("app/bundle.zip", 80, 0, None)
        ]
    );
}

#[test]
fn each_copy_has_the_first_cause_that_applies() {
    let analysis = analyse_tars(&[
        tar(&[
            // Deleted with its folder, though it is a cache as well.
            folder("root/.cache/"),
            sized("root/.cache/pip/a", 1000, 1),
            // An archive in a cache, and one whose content is there twice.
            sized("var/cache/apk/a.tar.gz", 200, 2),
            sized("tmp/a.tar.gz", 30, 3),
            sized("tmp/b.tar.gz", 30, 3),
        ]),
        tar(&[file("root/.wh..cache", "")]),
    ]);
    assert_eq!(
        waste(&analysis),
        [
            ("deleted_folder", 1000),
            ("duplicate_content", 30),
            ("package_cache", 200),
            ("leftover_archive", 30)
        ]
    );
    assert_eq!(seen_bytes(&analysis), 260);
}

/// Both were counted, though one of them is needed.
#[test]
fn the_copy_that_is_kept_is_no_leftover() {
    let analysis = analyse_tars(&[
        tar(&[sized("root/.npm/_cacache/x", 640, 1)]),
        tar(&[sized("srv/x", 640, 1), sized("srv/y", 640, 1)]),
    ]);
    assert_eq!(waste(&analysis), [("duplicate_content", 1280)]);
    let kept = SameContent {
        path: "srv/x".into(),
        layer: 1,
    };
    let files = &analysis.waste.by_cause[0].files;
    assert_eq!(files[0].path, "root/.npm/_cacache/x");
    assert!(
        files
            .iter()
            .all(|file| file.same_as.as_ref() == Some(&kept))
    );
}

#[test]
fn hard_links_are_one_copy_whose_every_name_counts() {
    let store = "root/.local/share/pnpm/store/v3/files/00/x";
    let analysis = analyse_tars(&[
        tar(&[
            sized("a", 500, 1),
            hard_link("b", "a"),
            // In a cache, and needed under its other name.
            sized(store, 60, 2),
            hard_link("srv/x", store),
            // Two names in a cache.
            sized("var/cache/apk/1", 7, 3),
            hard_link("var/cache/apk/2", "var/cache/apk/1"),
        ]),
        tar(&[file(".wh.a", "")]),
    ]);
    assert_eq!(waste(&analysis), [("package_cache", 7)]);
    // A second copy is named by the first of its names that is left, and counts once.
    let analysis = analyse_tars(&[
        tar(&[sized("kept", 500, 1)]),
        tar(&[sized("a", 500, 1), hard_link("b", "a"), hard_link("c", "a")]),
        tar(&[file(".wh.a", "")]),
    ]);
    assert_eq!(waste(&analysis), [("duplicate_content", 500)]);
    assert_eq!(files(&analysis), [("b", 500, 1, None)]);
}

#[test]
fn compressed_bytes_are_estimated_by_each_layers_own_ratio() {
    let tars = [
        tar(&[sized("a", 100_000, 1), sized("b", 30_000, 2)]),
        tar(&[sized("a", 100_000, 3), sized("b", 50_000, 4)]),
        tar(&[sized("a", 1000, 5), file(".wh.b", "")]),
    ];
    // Layers as they lie: what is at rest is what is shipped.
    let plain = analyse_tars(&tars);
    assert_eq!(plain.waste.reclaimable_bytes, 280_000);
    assert_eq!(plain.waste.compressed_estimate_bytes, 280_000);
    let packed = inspect_one(&oci_archive(&Image::new(&tars).gzipped(), "x"));
    assert_eq!(
        waste(&packed),
        [("deleted_file", 50_000), ("overwritten", 230_000)]
    );
    let at_rest = |layer: usize, bytes: u64| {
        let layer = &packed.image.layers[layer];
        bytes * layer.size_bytes / layer.uncompressed_bytes
    };
    let estimates: Vec<_> = packed
        .waste
        .by_cause
        .iter()
        .map(|cause| cause.compressed_estimate_bytes)
        .collect();
    assert_eq!(
        estimates,
        [
            at_rest(1, 50_000),
            at_rest(0, 100_000) + at_rest(0, 30_000) + at_rest(1, 100_000)
        ]
    );
    assert!((1..10_000).contains(&packed.waste.compressed_estimate_bytes));
}

#[test]
fn the_lines_that_made_and_hid_a_file_are_in_the_document() {
    let analysis = analyse_tars(&[tar(&[sized("a", 10, 1)]), tar(&[file(".wh.a", "")])]);
    let file = &analysis.waste.by_cause[0].files[0];
    let line = |layer: usize| analysis.image.layers[layer].created_by.as_deref();
    assert_eq!(line(file.layer), Some("RUN step 0"));
    assert_eq!(file.hidden_by.and_then(line), Some("RUN step 1"));
}

/// dive's definition is sound where every path is a file that no layer deletes, and says what it says.
#[test]
fn dives_figures_are_reproduced() {
    let analysis = analyse_tars(&[
        tar(&[sized("a", 600, 1), sized("b", 300, 2)]),
        tar(&[sized("a", 400, 3)]),
        tar(&[sized("a", 200, 4), sized("c", 100, 5)]),
    ]);
    let dive = analysis.waste.dive;
    // Smallest at each path: 200 + 300 + 100; all: 1200 + 300 + 100.
    assert_eq!(dive.score, 600.0 / 1600.0);
    assert_eq!(dive.wasted_bytes, 1200);
    assert_eq!(waste(&analysis), [("overwritten", 1000)]);
}

#[test]
fn dive_counts_the_copy_that_is_kept_and_we_do_not() {
    let analysis = analyse_tars(&[tar(&[sized("a", 70, 1)]), tar(&[sized("a", 50, 2)])]);
    assert_eq!(analysis.waste.dive.wasted_bytes, 120);
    assert_eq!(waste(&analysis), [("overwritten", 70)]);
}

#[test]
fn dive_ends_a_layer_at_a_dangling_whiteout_and_we_do_not() {
    let upper = tar(&[
        file(".wh.0-never-there", ""),
        file(".wh.a", ""),
        sized("b", 50, 3),
    ]);
    let analysis = analyse_tars(&[tar(&[sized("a", 80, 1), sized("b", 90, 2)]), upper]);
    assert_eq!(
        waste(&analysis),
        [("deleted_file", 80), ("overwritten", 90)]
    );
    assert_eq!(codes(&analysis.problems), ["stray-whiteout"]);
    assert_eq!(seen_bytes(&analysis), 50);
}

#[test]
fn dive_does_not_count_deleted_folders_and_we_do() {
    let analysis = analyse_tars(&[
        tar(&[folder("d/"), sized("d/a", 1000, 1), sized("e", 1, 2)]),
        tar(&[file(".wh.d", "")]),
    ]);
    assert_eq!(analysis.waste.dive.wasted_bytes, 0);
    assert_eq!(waste(&analysis), [("deleted_folder", 1000)]);
}

#[test]
fn dive_ignores_opaque_folders_and_we_do_not() {
    let analysis = analyse_tars(&[
        tar(&[folder("d/"), sized("d/a", 1000, 1)]),
        tar(&[folder("d/"), file("d/.wh..wh..opq", ""), sized("d/b", 1, 2)]),
    ]);
    assert_eq!(analysis.waste.dive.wasted_bytes, 0);
    assert_eq!(analysis.waste.dive.score, 1.0);
    assert_eq!(waste(&analysis), [("opaque_folder", 1000)]);
}

#[test]
fn one_layer_and_no_byte_give_a_score_that_is_a_number() {
    for tars in [
        vec![tar(&[sized("a", 10, 1)])],
        vec![tar(&[file("empty", "")])],
        vec![tar(&[])],
        Vec::new(),
    ] {
        let analysis = analyse_tars(&tars);
        assert_eq!(analysis.waste.dive.score, 1.0);
        assert_eq!(waste(&analysis), []);
        let json = serde_json::to_value(&analysis).unwrap();
        assert_eq!(json["waste"]["dive"]["score"], 1.0);
    }
}

#[test]
fn dive_gives_hard_links_no_size_and_we_count_their_content_once() {
    let lower = tar(&[sized("a", 400, 1), hard_link("z", "a")]);
    // One name is left: nothing is lost, though dive counts what `a` had.
    let one = analyse_tars(&[lower.clone(), tar(&[file(".wh.a", "")])]);
    assert_eq!(one.waste.dive.wasted_bytes, 400);
    assert_eq!(waste(&one), []);
    // The name that dive gives no size is written again, and the one with the content removed: 400 are lost, once.
    let both = analyse_tars(&[lower, tar(&[sized("z", 5, 2), file(".wh.a", "")])]);
    assert_eq!(waste(&both), [("deleted_file", 400)]);
    assert_eq!(both.waste.dive.wasted_bytes, 405);
}

#[test]
fn paths_of_other_copies_take_a_bounded_part_of_memory() {
    let long = "l/".repeat(1800) + "first";
    let mut items = vec![pax("path", &long), sized("x", 3, 1)];
    items.extend((0..300).map(|number| sized(&format!("z{number}"), 3, 1)));
    let analysis = analyse_tars(&[tar(&items)]);
    assert_eq!(waste(&analysis), [("duplicate_content", 900)]);
    let files = &analysis.waste.by_cause[0].files;
    let named = files.iter().filter(|file| file.same_as.is_some()).count();
    assert_eq!(named, 301 * 128 / long.len());
    assert_eq!(codes(&analysis.problems), ["limit"]);
}

/// What the property test makes of layers, and what became of every byte.
#[cfg(not(target_arch = "wasm32"))]
mod property {
    use super::*;
    use proptest::prelude::*;

    const PATHS: [&str; 12] = [
        "a",
        "a/b",
        "a/b/c",
        "d",
        "d/e",
        "a-b",
        "tmp/x.tgz",
        "tmp/y.tgz",
        "var/cache/apk/p",
        "root/.npm/_cacache/q",
        "app/z.zip",
        "g",
    ];

    fn item((which, kind, size): &(usize, usize, usize), earlier: Option<usize>) -> Item {
        let path = PATHS[*which];
        let (parent, name) = path.rsplit_once('/').unwrap_or(("", path));
        let in_parent = |name: &str| match parent {
            "" => name.to_owned(),
            parent => format!("{parent}/{name}"),
        };
        match (kind, earlier) {
            (0, _) => folder(path),
            (1, _) => file(&in_parent(&format!(".wh.{name}")), ""),
            (2, _) => file(&format!("{path}/.wh..wh..opq"), ""),
            (3, Some(target)) => hard_link(path, PATHS[target]),
            // Few sizes and contents, so that many are alike.
            (fill, _) => sized(path, *size, *fill as u8 % 2),
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(500) })]

        #[test]
        fn every_byte_is_needed_or_wasted_and_none_twice(
            layers in proptest::collection::vec(
                proptest::collection::vec((0..PATHS.len(), 0usize..9, 1usize..4), 0..10), 1..5)
        ) {
            let mut shipped: BTreeMap<(usize, String, u64), i64> = BTreeMap::new();
            let mut shipped_bytes = 0;
            let tars: Vec<_> = layers.iter().enumerate().map(|(number, layer)| {
                let mut earlier = None;
                let items: Vec<_> = layer.iter().map(|step| {
                    let made = item(step, earlier.filter(|target| *target != step.0));
                    if made.flag == b'0' && !made.content.is_empty() {
                        earlier = Some(step.0);
                        shipped_bytes += made.content.len() as u64;
                        *shipped.entry((number, PATHS[step.0].to_owned(), made.content.len() as u64)).or_default() += 1;
                    }
                    made
                }).collect();
                tar(&items)
            }).collect();
            let analysis = in_folder(&tars, "/app");
            let reclaimable = waste(&analysis).iter().map(|(_, bytes)| bytes).sum::<u64>();
            // Nothing is wasted that was not shipped, and nothing twice. Seen copies may bear the name of a hard link.
            let (mut hidden, mut seen_wasted) = (0, BTreeMap::new());
            for cause in &analysis.waste.by_cause {
                for file in &cause.files {
                    if file.hidden_by.is_some() {
                        let left = shipped.get_mut(&(file.layer, file.path.clone(), file.size_bytes));
                        prop_assert!(left.is_some(), "{file:?} was shipped");
                        let left = left.unwrap();
                        *left -= 1;
                        prop_assert!(*left >= 0, "{:?} counts once", file);
                        hidden += file.size_bytes;
                    } else {
                        prop_assert!(seen_wasted.insert(file.path.clone(), file).is_none());
                        let entry = analysis.tree.iter().find(|entry| entry.path == file.path);
                        prop_assert!(entry.is_some_and(|entry| matches!(entry.kind, EntryKind::File | EntryKind::Hardlink)), "{file:?} is seen");
                    }
                    prop_assert_eq!(file.same_as.is_some(), cause.cause == "duplicate_content");
                    if let Some(same) = &file.same_as {
                        prop_assert!(*same.path != file.path && analysis.tree.iter().any(|entry| entry.path == same.path));
                    }
                }
            }
            // What is not hidden is seen: as a file, or under a hard link whose first name is gone.
            let seen = shipped_bytes - hidden;
            let wasted_in_sight: u64 = seen_wasted.values().map(|file| file.size_bytes).sum();
            prop_assert_eq!(hidden + wasted_in_sight, reclaimable);
            prop_assert!(seen_bytes(&analysis) <= seen);
            // Of every content that can be seen, one copy is needed, or it is a leftover.
            prop_assert!(wasted_in_sight <= seen);
            let has_links = analysis.image.layers.iter().flat_map(|layer| &layer.entries).any(|entry| entry.kind == EntryKind::Hardlink);
            if !has_links {
                prop_assert_eq!(seen_bytes(&analysis), seen, "every shipped byte is seen or hidden");
                let needed = analysis.tree.iter()
                    .filter(|entry| entry.size_bytes > 0 && !seen_wasted.contains_key(&entry.path))
                    .map(|entry| entry.size_bytes).sum::<u64>();
                prop_assert_eq!(shipped_bytes, needed + reclaimable, "every shipped byte is needed or wasted");
            }
        }
    }
}
