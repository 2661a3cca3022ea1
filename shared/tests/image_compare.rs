//! Two images compared: known by hand, the same from both sides, and of hostile size.
#![allow(
    clippy::unwrap_used,
    reason = "what fails in a function beside the tests fails its test"
)]

mod image_support;

use estiva_shared::image::{
    Aspect, Change, CompareOptions, Comparison, ConfigField, EntryKind, FileDifference,
    ImageAnalysis, LayerPlace, TreeEntry, ValueDifference, compare,
};
use image_support::*;
use serde_json::json;

#[cfg(target_arch = "wasm32")]
use wasm_bindgen_test::wasm_bindgen_test as test;
#[cfg(target_arch = "wasm32")]
wasm_bindgen_test::wasm_bindgen_test_configure!(run_in_dedicated_worker);

const EXACT: CompareOptions = CompareOptions { semantic: false };
const SEMANTIC: CompareOptions = CompareOptions { semantic: true };

fn analysed(image: &Image) -> ImageAnalysis {
    inspect_one(&oci_archive(image, "test:1"))
}

fn of(tars: &[Vec<u8>]) -> ImageAnalysis {
    analysed(&Image::new(tars))
}

fn files(comparison: &Comparison) -> Vec<(&str, FileDifference, Vec<Aspect>)> {
    let changes = comparison.files.iter();
    changes
        .map(|change| {
            (
                &*change.path,
                change.difference,
                change.aspects.iter().collect(),
            )
        })
        .collect()
}

/// The bytes of a tar's member at its header's field; its checksum is put right.
fn with_mtime(mut tar: Vec<u8>, mtime: u64) -> Vec<u8> {
    let field = format!("{mtime:011o}\0");
    tar[136..148].copy_from_slice(field.as_bytes());
    tar[148..156].copy_from_slice(b"        ");
    let sum: u32 = tar[..512].iter().map(|byte| u32::from(*byte)).sum();
    tar[148..156].copy_from_slice(format!("{sum:06o}\0 ").as_bytes());
    tar
}

/// An image with these packages of dpkg, of npm by folder, and of Python by folder.
fn with_packages(
    deb: &[(&str, &str)],
    npm: &[(&str, &str)],
    python: &[(&str, &str)],
) -> ImageAnalysis {
    let mut items = vec![file("var/lib/dpkg/status", &status(deb))];
    for (folder, version) in npm {
        let text = json!({"name": "left", "version": version}).to_string();
        items.push(file(
            &format!("{folder}/node_modules/left/package.json"),
            &text,
        ));
    }
    for (folder, version) in python {
        let path = format!("{folder}/site-packages/flask-{version}.dist-info/METADATA");
        let text = format!("Metadata-Version: 2.1\nName: flask\nVersion: {version}\n\n");
        items.push(file(&path, &text));
    }
    of(&[tar(&items)])
}

#[test]
fn packages_say_which_is_newer_and_those_side_by_side_stay_apart() {
    let a = with_packages(
        &[
            ("bash", "5.2-1"),
            ("curl", "1:8.0-1"),
            ("gone", "1"),
            ("same", "2"),
        ],
        &[("a", "1.9.0"), ("b", "2.0.0")],
        &[("opt", "3.0")],
    );
    let b = with_packages(
        &[
            ("bash", "5.10-1"),
            ("curl", "1:8.0~rc1-1"),
            ("new", "1"),
            ("same", "2"),
        ],
        &[("a", "1.10.0"), ("b", "2.0.0"), ("c", "3.0.0")],
        &[("usr", "3.1rc1")],
    );
    let rows = |comparison: &Comparison| -> Vec<String> {
        let version = |side: &Option<estiva_shared::image::PackageSide>| {
            side.as_ref().map_or("-", |side| &side.version).to_owned()
        };
        let changes = comparison.packages.iter().map(|change| {
            format!(
                "{} {} {} {} {}",
                change.kind.name(),
                change.name,
                change.difference.name(),
                version(&change.a),
                version(&change.b)
            )
        });
        changes.collect()
    };
    let expected = [
        "deb bash upgraded 5.2-1 5.10-1",
        "deb curl downgraded 1:8.0-1 1:8.0~rc1-1",
        "deb gone removed 1 -",
        "deb new added - 1",
        "npm left added - 3.0.0",
        "npm left upgraded 1.9.0 1.10.0",
        // In another folder, and one of its name on each side.
        "pypi flask upgraded 3.0 3.1rc1",
    ];
    assert_eq!(rows(&compare(&a, &b, EXACT)), expected);
    assert!(compare(&a, &a, EXACT).packages.is_empty());
    let back = rows(&compare(&b, &a, EXACT));
    assert_eq!(back.len(), expected.len());
    assert!(back.contains(&"deb curl upgraded 1:8.0~rc1-1 1:8.0-1".to_owned()));
    // A version that is in no order differs all the same.
    let odd = with_packages(&[("bash", "5.2-1")], &[("a", "latest")], &[]);
    let rows = rows(&compare(&a, &odd, EXACT));
    assert!(
        rows.contains(&"npm left changed 1.9.0 latest".to_owned()),
        "{rows:?}"
    );
}

#[test]
fn each_way_to_differ_is_told_apart() {
    let base = tar(&[folder("d/"), file("d/stays", "1")]);
    let a = tar(&[
        file("content", "old"),
        file("gone", "12345"),
        file("kind", "x"),
        symlink("link", "here"),
        file("mode", "m").mode(0o600),
        file("target", "t"),
        hard_link("name", "target"),
    ]);
    let b = tar(&[
        file("content", "newer"),
        folder("kind/"),
        symlink("link", "there"),
        file("mode", "m").mode(0o640),
        file("new", "1234567"),
        file("name", "t"),
        hard_link("target", "name"),
    ]);
    let comparison = compare(&of(&[base.clone(), a]), &of(&[base, b]), EXACT);
    use FileDifference::*;
    assert_eq!(
        files(&comparison),
        [
            ("content", Content, vec![Aspect::Content]),
            ("gone", Removed, vec![]),
            ("kind", Kind, vec![Aspect::Kind, Aspect::Mode]),
            ("link", Metadata, vec![Aspect::Link]),
            ("mode", Metadata, vec![Aspect::Mode]),
            ("name", Metadata, vec![Aspect::Link]),
            ("new", Added, vec![]),
            ("target", Metadata, vec![Aspect::Link]),
        ]
    );
    let totals = &comparison.totals;
    assert_eq!((totals.added, totals.added_bytes), (1, 7));
    assert_eq!((totals.removed, totals.removed_bytes), (1, 5));
    assert_eq!(
        (totals.content, totals.kind, totals.content_bytes),
        (1, 1, 5)
    );
    assert_eq!((totals.metadata, totals.unchanged), (4, 2));
    assert_eq!(comparison.folders[0].path, "");
    assert!(!comparison.same && comparison.complete);
    let places: Vec<_> = comparison.layers.iter().map(|row| row.place).collect();
    use LayerPlace::*;
    assert_eq!(places, [Shared, OnlyA, OnlyB]);
}

#[test]
fn times_count_unless_they_are_left_aside() {
    let plain = tar(&[file("a", "same")]);
    let touched = with_mtime(plain.clone(), 5);
    let (mut one, mut two) = (Image::new(&[plain]), Image::new(&[touched]));
    for (image, time) in [
        (&mut one, "2026-01-01T00:00:00Z"),
        (&mut two, "2026-01-02T00:00:00Z"),
    ] {
        image.config["created"] = time.into();
        image.config["history"][0]["created"] = time.into();
    }
    let (one, two) = (analysed(&one), analysed(&two));
    let exact = compare(&one, &two, EXACT);
    assert_eq!(
        files(&exact),
        [("a", FileDifference::Metadata, vec![Aspect::Mtime])]
    );
    assert_eq!(exact.config[0].field, ConfigField::Created);
    assert_eq!(exact.history[0].difference, ValueDifference::Changed);
    assert!(!exact.same);
    let semantic = compare(&one, &two, SEMANTIC);
    assert!(semantic.same, "{semantic:?}");
    assert!(semantic.files.is_empty() && semantic.config.is_empty() && semantic.history.is_empty());
    // The layers are shown all the same: both have to travel.
    assert_eq!(semantic.layers.len(), 2);
    assert_eq!(semantic.download.by_diff_id_layers, 1);
}

#[test]
fn the_configuration_is_compared_field_by_field() {
    let layer = tar(&[file("a", "1")]);
    let (mut one, mut two) = (
        Image::new(std::slice::from_ref(&layer)),
        Image::new(&[layer]),
    );
    one.config["config"] = json!({
        "Env": ["A=1", "B=2", "C=x=y"], "Labels": {"l": "1", "m": "2"}, "ExposedPorts": {"80/tcp": {}},
        "Cmd": ["a", "b"], "User": "root", "Volumes": {"/v": {}}, "WorkingDir": "/w",
    });
    two.config["config"] = json!({
        "Env": ["C=x=y", "B=3", "D="], "Labels": {"l": "1", "m": "3"}, "ExposedPorts": {"80/tcp": {}, "443/tcp": {}},
        "Cmd": ["a b"], "Entrypoint": ["e"], "Volumes": {}, "WorkingDir": "/w", "StopSignal": "SIGINT",
    });
    two.config["architecture"] = "arm64".into();
    let comparison = compare(&analysed(&one), &analysed(&two), EXACT);
    let rows: Vec<_> = comparison
        .config
        .iter()
        .map(|change| {
            let text = |value: &Option<String>| value.clone().unwrap_or_else(|| "-".to_owned());
            let key = change.key.clone().unwrap_or_default();
            format!(
                "{} {key} {} {}",
                change.field.name(),
                text(&change.a),
                text(&change.b)
            )
        })
        .collect();
    assert_eq!(
        rows,
        [
            "platform  linux/amd64 linux/arm64",
            "user  root -",
            "entrypoint  - [\"e\"]",
            "cmd  [\"a\",\"b\"] [\"a b\"]",
            "env A 1 -",
            "env B 2 3",
            "env D - ",
            "exposed_ports 443/tcp - -",
            "volumes /v - -",
            "labels m 2 3",
            "stop_signal  - SIGINT",
        ]
    );
    assert_eq!(comparison.config[7].difference, ValueDifference::Added);
    assert_eq!(comparison.config[8].difference, ValueDifference::Removed);
}

#[test]
fn what_is_not_shown_of_a_configuration_is_a_difference_too() {
    let layer = tar(&[file("a", "1")]);
    let (one, mut two) = (
        Image::new(std::slice::from_ref(&layer)),
        Image::new(&[layer]),
    );
    two.config["config"]["Healthcheck"] = json!({"Test": ["NONE"]});
    let (one, two) = (analysed(&one), analysed(&two));
    let exact = compare(&one, &two, EXACT);
    assert!(!exact.same);
    assert_eq!(exact.config.len(), 1);
    assert_eq!(exact.config[0].field, ConfigField::ConfigDigest);
    assert!(compare(&one, &two, SEMANTIC).same);
}

/// Layers of `z`, `y` and `x` bytes at rest, in several orders and compressions.
#[test]
fn what_has_to_travel_is_counted_by_blob_and_by_content() {
    let layers = [
        tar(&[sized("base", 5_000, 1)]),
        tar(&[sized("middle", 7_000, 2)]),
        tar(&[sized("top", 9_000, 3)]),
    ];
    let plain = of(&layers[..2]);
    let zipped = analysed(&Image::new(&layers).gzipped());
    let comparison = compare(&plain, &zipped, EXACT);
    let download = &comparison.download;
    let sizes: Vec<u64> = zipped
        .image
        .layers
        .iter()
        .map(|layer| layer.size_bytes)
        .collect();
    assert_eq!(download.whole_bytes, sizes.iter().sum::<u64>());
    assert_eq!(download.by_digest_bytes, download.whole_bytes);
    assert_eq!(
        (download.by_digest_layers, download.by_diff_id_layers),
        (3, 1)
    );
    assert_eq!(download.by_diff_id_bytes, sizes[2]);
    assert!(!download.uncompressed);
    let back = compare(&zipped, &plain, EXACT).download;
    assert_eq!(
        (
            back.by_diff_id_bytes,
            back.by_diff_id_layers,
            back.uncompressed
        ),
        (0, 0, true)
    );
    let places: Vec<_> = comparison.layers.iter().map(|row| row.place).collect();
    assert_eq!(
        places,
        [LayerPlace::Shared, LayerPlace::Shared, LayerPlace::OnlyB]
    );
    // A blob that B names twice travels once; layers in another order are told.
    let twice = of(&[
        layers[1].clone(),
        layers[0].clone(),
        layers[1].clone(),
        layers[2].clone(),
        layers[2].clone(),
    ]);
    let comparison = compare(&plain, &twice, EXACT);
    assert_eq!(
        comparison.download.by_digest_bytes,
        twice.image.layers[3].size_bytes
    );
    let places: Vec<_> = comparison
        .layers
        .iter()
        .map(|row| {
            (
                row.place,
                row.a.as_ref().map(|side| side.index),
                row.b.as_ref().map(|side| side.index),
            )
        })
        .collect();
    assert_eq!(places[0], (LayerPlace::OnlyB, None, Some(0)));
    assert_eq!(places[1], (LayerPlace::Shared, Some(0), Some(1)));
    assert_eq!(places[2], (LayerPlace::Shared, Some(1), Some(2)));
    let moved = of(&[layers[1].clone(), layers[0].clone()]);
    let comparison = compare(&plain, &moved, EXACT);
    assert!(
        comparison
            .layers
            .iter()
            .any(|row| row.place == LayerPlace::Moved && row.a.is_some())
    );
    assert_eq!(comparison.layers.len(), 2);
    assert!(!comparison.same && comparison.files.is_empty());
}

#[test]
fn damage_is_told_and_never_called_the_same() {
    let whole = tar(&[file("a", "1"), file("b", "2")]);
    let cut = whole[..1_300].to_vec();
    let (one, two) = (of(std::slice::from_ref(&whole)), of(&[cut]));
    let comparison = compare(&one, &two, EXACT);
    assert!(!comparison.complete && !comparison.same);
    assert_eq!(
        (comparison.a.problems, comparison.b.problems > 0),
        (0, true)
    );
    assert!(compare(&one, &one, EXACT).complete);
}

#[test]
fn the_document_survives_its_way() {
    let one = of(&[tar(&[file("a", "1"), symlink("l", "a")])]);
    let two = of(&[tar(&[file("a", "2"), file("n", "3")])]);
    let comparison = compare(&one, &two, EXACT);
    let json = serde_json::to_string(&comparison).unwrap();
    assert_eq!(
        serde_json::from_str::<Comparison>(&json).unwrap(),
        comparison
    );
    let value: serde_json::Value = serde_json::from_str(&json).unwrap();
    assert_eq!(value["version"], 1);
    assert_eq!(value["files"][0]["aspects"], json!(["content"]));
    assert_eq!(value["files"][0]["difference"], "content");
}

/// 300,000 paths each, of which none, some and all differ.
#[test]
fn large_images_are_compared_in_little_time() {
    let tree = |salt: u32, every: usize| -> Vec<TreeEntry> {
        let mut tree: Vec<_> = (0..300_000_usize)
            .map(|at| TreeEntry {
                path: format!(
                    "usr/lib/{:03}/{:03}/file-{at:07}-{}",
                    at % 300,
                    at % 1_000,
                    if every == 0 { salt } else { 0 }
                ),
                kind: EntryKind::File,
                size_bytes: 10,
                apparent_bytes: None,
                mode: 0o644,
                uid: 0,
                gid: 0,
                mtime: 0,
                crc: Some(if every > 0 && at % every == 0 {
                    salt
                } else {
                    7
                }),
                link: None,
                layer: 0,
                change: Change::Added,
            })
            .collect();
        tree.sort_by(|one, other| one.path.cmp(&other.path));
        tree
    };
    let small = of(&[tar(&[file("a", "1")])]);
    let with = |tree| ImageAnalysis {
        tree,
        ..small.clone()
    };
    for (one, two, differ) in [
        (with(tree(1, 10)), with(tree(2, 10)), 30_000),
        (with(tree(1, 0)), with(tree(2, 0)), 600_000),
        (with(tree(1, 0)), with(tree(1, 0)), 0),
    ] {
        #[cfg(not(target_arch = "wasm32"))]
        let began = std::time::Instant::now();
        let comparison = compare(&one, &two, EXACT);
        assert_eq!(comparison.files.len(), differ);
        #[cfg(not(target_arch = "wasm32"))]
        assert!(began.elapsed().as_secs() < 8, "{:?}", began.elapsed());
        assert!(comparison.folders.len() <= 10_000);
    }
}

#[cfg(not(target_arch = "wasm32"))]
mod properties {
    use super::*;
    use proptest::prelude::*;

    fn layer() -> impl Strategy<Value = Vec<u8>> {
        let path = prop_oneof![Just("a"), Just("d/b"), Just("d"), Just("e/f/g"), Just("h")];
        let item = (path, 0..5_u8, "[a-c]{0,2}", 0o600..0o604_u64);
        prop::collection::vec(item, 0..6).prop_map(|items| {
            let items: Vec<_> = items
                .iter()
                .map(|(path, kind, content, mode)| match kind {
                    0 => folder(path),
                    1 => symlink(path, content),
                    2 => hard_link(path, "a"),
                    _ => file(path, content).mode(*mode),
                })
                .collect();
            tar(&items)
        })
    }

    fn any_image() -> impl Strategy<Value = ImageAnalysis> {
        let env = prop::collection::vec("[AB]=[12]", 0..3);
        (prop::collection::vec(layer(), 1..4), env, "[xy]").prop_map(|(tars, env, cmd)| {
            let mut image = Image::new(&tars);
            image.config["config"] = json!({"Env": env, "Cmd": [cmd]});
            analysed(&image)
        })
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, cases: 200, ..ProptestConfig::default() })]

        #[test]
        fn an_image_is_the_same_as_itself(image in any_image()) {
            let comparison = compare(&image, &image, EXACT);
            prop_assert!(comparison.same);
            prop_assert!(comparison.files.is_empty() && comparison.config.is_empty() && comparison.history.is_empty());
            prop_assert!(comparison.folders.is_empty());
            prop_assert_eq!(comparison.download.by_digest_bytes, 0);
            prop_assert!(comparison.layers.iter().all(|row| row.place == LayerPlace::Shared));
        }

        #[test]
        fn what_is_added_one_way_is_removed_the_other(one in any_image(), two in any_image()) {
            for options in [EXACT, SEMANTIC] {
                let there = compare(&one, &two, options);
                let back = compare(&two, &one, options);
                prop_assert_eq!(there.same, back.same);
                prop_assert_eq!((there.totals.added, there.totals.added_bytes), (back.totals.removed, back.totals.removed_bytes));
                prop_assert_eq!(there.totals.unchanged, back.totals.unchanged);
                prop_assert_eq!(there.files.len(), back.files.len());
                for (one, two) in there.files.iter().zip(&back.files) {
                    prop_assert_eq!((&one.path, &one.a, &one.b, one.aspects), (&two.path, &two.b, &two.a, two.aspects));
                    let mirrored = match one.difference {
                        FileDifference::Added => FileDifference::Removed,
                        FileDifference::Removed => FileDifference::Added,
                        other => other,
                    };
                    prop_assert_eq!(mirrored, two.difference);
                }
                for (one, two) in there.config.iter().zip(&back.config) {
                    prop_assert_eq!((one.field, &one.key, &one.a, &one.b), (two.field, &two.key, &two.b, &two.a));
                }
                let only = |rows: &Comparison, place| rows.layers.iter().filter(|row| row.place == place).count();
                prop_assert_eq!(only(&there, LayerPlace::OnlyA), only(&back, LayerPlace::OnlyB));
                let paths = one.tree.len() + two.tree.len();
                let totals = &there.totals;
                let both = totals.unchanged + totals.content + totals.kind + totals.metadata;
                prop_assert_eq!(paths as u64, totals.added + totals.removed + 2 * both);
            }
        }
    }
}
