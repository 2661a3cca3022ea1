//! Whatever the bytes, the readers end: no panic, no runaway memory, a bounded time.
// Proptest needs a thread and a clock that the browser has not.
#![cfg(not(target_arch = "wasm32"))]
#![allow(clippy::unwrap_used, reason = "helpers of tests are tests too")]

mod image_support;

use estiva_shared::image::{ImageAnalysis, InspectError, LayerIndex, Limits, inspect_within, path};
use estiva_shared::report::{Lang, Report, RunText, canonical_json, html, parse};
use image_support::*;
use proptest::prelude::*;

/// Mutants made of each archive: enough to reach every field of every header many times.
const MUTANTS: u64 = 1000;

/// Limits that a small test archive can reach.
const LIMITS: Limits = Limits {
    entries: 2000,
    name_bytes: 1 << 20,
    uncompressed_bytes: 8 << 20,
    shown_bytes: 8 << 20,
};

/// A generator of our own, so that the same mutants are made on every machine (xorshift64*).
struct Random(u64);

impl Random {
    fn next(&mut self, below: usize) -> usize {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        (self.0.wrapping_mul(0x2545_F491_4F6C_DD1D) >> 33) as usize % below.max(1)
    }
}

fn seeds() -> Vec<Vec<u8>> {
    let first = tar(&[
        folder("etc/"),
        file("etc/a", "one"),
        pax("path", &"long/".repeat(40)),
        file("x", "2"),
        symlink("etc/l", "a"),
    ]);
    let second = tar(&[
        file("etc/.wh.a", ""),
        file("new", "3"),
        hard_link("hard", "new"),
        file("d/.wh..wh..opq", ""),
    ]);
    let image = Image::new(&[first.clone(), second.clone()]);
    let docker = docker_archive(&[(&image, "a:1"), (&Image::new(&[first]), "b:1")]);
    let oci = oci_archive(&image.gzipped(), "a:1");
    vec![gzip(&docker), docker, oci]
}

/// Changes a few bytes, or cuts, doubles or moves a piece.
fn mutate(bytes: &mut Vec<u8>, random: &mut Random) {
    for _ in 0..=random.next(4) {
        let at = random.next(bytes.len());
        match random.next(6) {
            0 => bytes[at] ^= 1 << random.next(8),
            1 => bytes[at] = [0, 0xff, b'7', b'/', b'.', b'\n', b'"'][random.next(7)],
            2 => bytes.truncate(at.max(1)),
            3 => {
                let end = (at + random.next(1024)).min(bytes.len());
                let piece = bytes[at..end].to_vec();
                bytes.splice(at..at, piece);
            }
            4 => {
                let end = (at + random.next(1024)).min(bytes.len());
                bytes.drain(at..end);
                if bytes.is_empty() {
                    bytes.push(0);
                }
            }
            _ => {
                let from = random.next(bytes.len());
                let count = random.next(64).min(bytes.len() - at.max(from));
                bytes.copy_within(from..from + count, at);
            }
        }
    }
}

/// What a report makes of an analysis must hold for every one.
fn share(analysis: &ImageAnalysis) {
    let report = Report::build("x", analysis, None, RunText::Shown);
    assert_eq!(parse(&canonical_json(&report)).unwrap(), report);
    assert!(html(&report, Lang::English).ends_with("</html>\n"));
}

#[test]
fn mutated_archives_neither_panic_nor_run_away() {
    let mut shown = 0;
    for (number, seed) in seeds().into_iter().enumerate() {
        let mut random = Random(0x9E37_79B9_7F4A_7C15 + number as u64);
        for _ in 0..MUTANTS {
            let mut bytes = seed.clone();
            mutate(&mut bytes, &mut random);
            for analysis in inspect_within(&bytes, &LIMITS, &mut |_| true).unwrap_or_default() {
                shown += 1;
                share(&analysis);
            }
        }
    }
    assert!(
        shown > 300,
        "many mutants still show something, but only {shown} did"
    );
}

#[test]
fn mutated_layers_neither_panic_nor_run_away() {
    let layer = tar(&[
        pax("size", "3"),
        file("a", "abc"),
        file("b/.wh.c", ""),
        symlink("l", "../.."),
        Item::new("s", b'S'),
        folder("d/"),
    ]);
    for seed in [gzip(&layer), layer] {
        let mut random = Random(42);
        for _ in 0..MUTANTS {
            let mut bytes = seed.clone();
            mutate(&mut bytes, &mut random);
            let index = LayerIndex::read(&bytes[..], &LIMITS).unwrap();
            assert!(index.entries.len() <= LIMITS.entries);
        }
    }
}

#[test]
fn millions_of_entries_end_at_the_limit() {
    // A header repeated: 64 MiB of tar, 200 KiB as gzip.
    let entry = header(&file("same", ""));
    let bytes = gzip(&entry.repeat(131_072));
    let limits = Limits {
        entries: 1000,
        ..Limits::default()
    };
    let index = LayerIndex::read(&bytes[..], &limits).unwrap();
    assert_eq!(index.entries.len(), 1000);
    assert!(
        index.problems[0].message.contains("130072"),
        "{:?}",
        index.problems
    );
}

#[test]
fn image_that_names_one_layer_many_times_is_cut_off() {
    let items: Vec<_> = (0..1000)
        .map(|number| file(&format!("f{number}"), ""))
        .collect();
    let layer = tar(&items);
    let mut image = Image::new(&vec![layer.clone(); 600]);
    image.layers = vec![layer; 600];
    let analysis = inspect_one(&docker_archive(&[(&image, "many")]));
    assert_eq!(analysis.image.layers.len(), 512);
    assert!(codes(&analysis.problems).contains(&"limit"));
}

/// What analyses of one archive list was counted in entries, whatever their names took: one layer of 60,000 long paths,
/// named 66 times, took 6 GB.
#[test]
fn long_names_that_are_listed_many_times_end_at_the_limit() {
    let long = format!("{}/", "n".repeat(250)).repeat(16);
    let items: Vec<_> = (0..2000)
        .flat_map(|number| [pax("path", &format!("{long}{number}")), file("f", "")])
        .collect();
    let layer = tar(&items);
    let mut image = Image::new(&[layer]);
    let one = docker_archive(&[(&image, "one")]);
    let used = |analyses: &[ImageAnalysis]| -> usize {
        let layers = analyses.iter().flat_map(|one| &one.image.layers);
        layers.map(|layer| layer.entries.len()).sum()
    };
    assert_eq!(used(&inspect_all(&one)), 2000);
    let shared = image.layers.remove(0);
    let mut items = vec![Item {
        content: shared,
        ..Item::new("layer.tar", b'0')
    }];
    image.config["rootfs"]["diff_ids"] = serde_json::json!([]);
    image.config["history"] = serde_json::json!([]);
    items.push(file("config.json", &image.config.to_string()));
    let manifest = serde_json::json!([{
        "Config": "config.json", "RepoTags": ["many"], "Layers": vec!["layer.tar"; 200],
    }]);
    items.push(file("manifest.json", &manifest.to_string()));
    // One use takes 25 MB.
    let limits = Limits {
        shown_bytes: 100 << 20,
        ..Limits::default()
    };
    let analyses = inspect_within(&tar(&items), &limits, &mut |_| true).unwrap();
    assert_eq!(used(&analyses), 4 * 2000);
    assert!(codes(&analyses[0].problems).contains(&"limit"));
}

/// Each image listed the problems of each of its layers each time that it named it: 256 images that named one damaged
/// layer 512 times took more than 8 GB.
#[test]
fn problems_of_a_layer_are_told_once_an_image() {
    let damaged: Vec<_> = (0..150)
        .map(|number| file(&format!("../{}{number}", "n".repeat(90)), ""))
        .collect();
    let mut items = vec![Item {
        content: tar(&damaged),
        ..Item::new("layer.tar", b'0')
    }];
    let mut manifest = Vec::new();
    for number in 0..30 {
        let config = format!("{{\"os\":\"{number}\"}}");
        let name = format!("{number}.json");
        items.push(file(&name, &config));
        manifest.push(serde_json::json!({
            "Config": name, "RepoTags": [], "Layers": vec!["layer.tar"; 60],
        }));
    }
    items.push(file(
        "manifest.json",
        &serde_json::json!(manifest).to_string(),
    ));
    let analyses = inspect_all(&tar(&items));
    assert_eq!(analyses.len(), 30);
    for analysis in analyses {
        let codes = codes(&analysis.problems).into_iter();
        let unsafe_paths = codes.filter(|code| *code == "unsafe-path");
        assert_eq!(unsafe_paths.count(), 100);
    }
}

#[test]
fn a_config_that_many_images_name_is_paid_for_by_each() {
    let lines = "{},".repeat(7000);
    let mut items = Vec::new();
    let mut manifest = Vec::new();
    for number in 0..60 {
        let name = format!("{number}.json");
        let config = format!("{{\"os\":\"{number}\",\"history\":[{lines}{{}}]}}");
        items.push(file(&name, &config));
        manifest.push(serde_json::json!({"Config": name, "Layers": []}));
    }
    items.push(file(
        "manifest.json",
        &serde_json::json!(manifest).to_string(),
    ));
    let limits = Limits {
        shown_bytes: 7 << 20,
        ..Limits::default()
    };
    let analyses = inspect_within(&tar(&items), &limits, &mut |_| true).unwrap();
    let lines: usize = analyses.iter().map(|one| one.image.history.len()).sum();
    assert_eq!(lines, 10 * 7001);
    assert!(codes(&analyses[59].problems).contains(&"limit"));
}

/// Each entry looked all folders above it up by name: 60,000 of them 2,030 deep took half a minute a layer, and nobody
/// could stop it.
#[test]
fn merging_layers_can_be_cancelled_when_all_is_read() {
    let files: Vec<_> = (0..2500)
        .map(|number| file(&format!("f{number}"), ""))
        .collect();
    let image = Image::new(&[tar(&files)]).gzipped();
    let archive = docker_archive(&[(&image, "many")]);
    // Less than a step of reading: only the merge can ask.
    assert!(archive.len() < 1 << 20);
    let cancelled = inspect_within(&archive, &Limits::default(), &mut |_| false);
    assert!(
        matches!(cancelled, Err(InspectError::Cancelled)),
        "{cancelled:?}"
    );
}

#[test]
fn a_file_far_above_a_deep_path_makes_way_for_it() {
    let deep = "d/".repeat(2000);
    let analysis = analyse_tars(&[
        tar(&[file("a", "seen"), folder("d")]),
        tar(&[
            pax("path", &format!("a/{deep}f")),
            file("f", "x"),
            pax("path", &format!("{deep}f")),
            file("f", "y"),
        ]),
    ]);
    let lengths: Vec<_> = analysis.tree.iter().map(|entry| entry.path.len()).collect();
    assert_eq!(lengths, [4003, 1, 4001]);
    assert_eq!(analysis.waste.reclaimable_bytes, 4);
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(300) })]

    #[test]
    fn normalised_paths_stay_under_the_root(raw in proptest::collection::vec(any::<u8>(), 0..80)) {
        let normal = path::normalise(&raw).path;
        prop_assert!(normal.split('/').all(|part| normal.is_empty() || !matches!(part, "" | "." | "..")));
        prop_assert_eq!(path::normalise(normal.as_bytes()).path, normal);
    }

    #[test]
    fn any_bytes_are_read_to_their_end(bytes in proptest::collection::vec(any::<u8>(), 0..3000)) {
        let index = LayerIndex::read(&bytes[..], &LIMITS).unwrap();
        prop_assert_eq!(index.size_bytes, bytes.len() as u64);
        let _ = inspect_within(&bytes, &LIMITS, &mut |_| true);
    }

    #[test]
    fn layers_account_for_every_byte(
        layers in proptest::collection::vec(proptest::collection::vec((0usize..8, 0usize..6, 1usize..400), 0..8), 1..5)
    ) {
        let paths = ["a", "a/b", "a/b/c", "d", "d/e", "a-b", "f", "g"];
        let tars: Vec<_> = layers.iter().map(|layer| tar(&layer.iter().map(|(which, kind, size)| match kind {
            0 => folder(paths[*which]),
            1 => file(&paths[*which].rsplit_once('/').map_or(format!(".wh.{}", paths[*which]), |(folder, name)| format!("{folder}/.wh.{name}")), ""),
            2 => file(&format!("{}/.wh..wh..opq", paths[*which]), ""),
            _ => sized(paths[*which], *size, *kind as u8),
        }).collect::<Vec<_>>())).collect();
        let analysis = analyse_tars(&tars);
        let shipped: u64 = layers.iter().flatten().filter(|(_, kind, _)| *kind > 2).map(|(_, _, size)| *size as u64).sum();
        let seen: u64 = analysis.tree.iter().map(|entry| entry.size_bytes).sum();
        let wasted = analysis.waste.by_cause.iter().flat_map(|cause| &cause.files);
        let hidden: u64 = wasted.filter(|file| file.hidden_by.is_some()).map(|file| file.size_bytes).sum();
        prop_assert_eq!(shipped, seen + hidden, "every shipped byte is seen or hidden");
        prop_assert!(analysis.tree.is_sorted_by(|one, other| one.path < other.path));
    }
}
