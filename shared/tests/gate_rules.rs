//! The gate's rules at their edges: a value that equals its limit passes, the next one does not.
#![allow(clippy::unwrap_used, reason = "helpers of tests are tests too")]

mod image_support;

use estiva_shared::gate::{GateReport, Measure, PLACES_MAX, RuleResult, Rules, Status, judge_all};
use estiva_shared::image::ImageAnalysis;
use image_support::*;
use serde_json::json;

#[cfg(target_arch = "wasm32")]
use wasm_bindgen_test::wasm_bindgen_test as test;
#[cfg(target_arch = "wasm32")]
wasm_bindgen_test::wasm_bindgen_test_configure!(run_in_dedicated_worker);

/// 170 bytes of content; 40 of them at a path of both layers, of which the 30 of the lower one are hidden.
fn two_layers() -> ImageAnalysis {
    let lower = tar(&[sized("a", 30, b'1'), sized("keep", 60, b'2')]);
    let upper = tar(&[sized("a", 10, b'3'), sized("own", 70, b'4')]);
    analyse_tars(&[lower, upper])
}

fn with_config(config: serde_json::Value) -> ImageAnalysis {
    let mut image = Image::new(&[tar(&[file("a", "1")])]);
    image.config["config"] = config;
    inspect_one(&docker_archive(&[(&image, "test:latest")]))
}

/// The result of one rule, given as an option.
fn result(analysis: &ImageAnalysis, option: &str) -> RuleResult {
    let mut rules = Rules::none();
    rules.set_options([option]).unwrap();
    let report = judge_all(&rules, std::slice::from_ref(analysis), "x.tar", None, None);
    let image = &report.images[0];
    assert_eq!(image.rules.len(), 1);
    let fails = |status| status == Status::Fail;
    assert_eq!(fails(report.status), fails(image.rules[0].status));
    image.rules[0].clone()
}

fn status(analysis: &ImageAnalysis, option: &str) -> Status {
    result(analysis, option).status
}

/// Where a rule was broken: layer, path, bytes.
fn places(result: &RuleResult) -> Vec<(usize, &str, u64)> {
    let all = result.places.iter();
    all.map(|place| {
        let path = place.path.as_deref().unwrap_or("-");
        (place.layer.unwrap(), path, place.size_bytes)
    })
    .collect()
}

#[test]
fn ratios_pass_at_their_limit_and_fail_beside_it() {
    let image = two_layers();
    let score = 140.0_f64 / 170.0;
    let reclaimable = 30.0 / image.image.uncompressed_bytes as f64;
    for (rule, at, fails, passes) in [
        (
            "lowestEfficiency",
            score,
            score.next_up(),
            score.next_down(),
        ),
        (
            "highestUserWastedPercent",
            0.5,
            0.5_f64.next_down(),
            0.5_f64.next_up(),
        ),
        (
            "highestReclaimablePercent",
            reclaimable,
            reclaimable.next_down(),
            reclaimable.next_up(),
        ),
    ] {
        assert_eq!(
            status(&image, &format!("{rule}={at}")),
            Status::Pass,
            "{rule}"
        );
        assert_eq!(
            status(&image, &format!("{rule}={passes}")),
            Status::Pass,
            "{rule}"
        );
        let failed = result(&image, &format!("{rule}={fails}"));
        assert_eq!(failed.status, Status::Fail, "{rule}");
        assert_eq!(failed.measured, Some(Measure::Ratio(at)), "{rule}");
        assert_eq!(failed.limit, Some(Measure::Ratio(fails)), "{rule}");
        assert_eq!(failed.places.len(), 1, "{rule}");
    }
}

#[test]
fn numbers_pass_at_their_limit_and_fail_beside_it() {
    let image = two_layers();
    let bytes = image.image.uncompressed_bytes;
    for (rule, at) in [
        ("highestWastedBytes", 40),
        ("highestReclaimableBytes", 30),
        ("highestImageBytes", bytes),
        ("highestLayers", 2),
    ] {
        assert_eq!(
            status(&image, &format!("{rule}={at}")),
            Status::Pass,
            "{rule}"
        );
        assert_eq!(
            status(&image, &format!("{rule}={}", at + 1)),
            Status::Pass,
            "{rule}"
        );
        let failed = result(&image, &format!("{rule}={}", at - 1));
        assert_eq!(failed.status, Status::Fail, "{rule}");
        assert_eq!(failed.measured, Some(Measure::Number(at)), "{rule}");
        assert!(failed.places_total > 0, "{rule}");
    }
}

#[test]
fn a_sum_is_broken_by_what_it_is_made_of() {
    let image = two_layers();
    assert_eq!(
        places(&result(&image, "highestWastedBytes=0")),
        [(1, "a", 40)]
    );
    let ours = result(&image, "highestReclaimableBytes=0");
    assert_eq!(places(&ours), [(0, "a", 30)]);
    assert_eq!(ours.places[0].note.as_deref(), Some("overwritten"));
    let layers = image.image.layers.iter();
    let sizes: Vec<_> = layers.map(|layer| layer.uncompressed_bytes).collect();
    assert_eq!(
        places(&result(&image, "highestImageBytes=1")),
        [(0, "-", sizes[0]), (1, "-", sizes[1])]
    );
    // Only the layers beyond the limit are too many.
    assert_eq!(
        places(&result(&image, "highestLayers=1")),
        [(1, "-", sizes[1])]
    );
}

/// dive divides by the content of the upper layers; of an image without one it makes no number at all.
#[test]
fn waste_beside_nothing_is_judged_too() {
    let one = analyse_tars(&[tar(&[file("a", "1")])]);
    assert_eq!(status(&one, "highestUserWastedPercent=0"), Status::Pass);
    let none = analyse_tars(&[]);
    for rule in [
        "highestUserWastedPercent=0",
        "highestReclaimablePercent=0",
        "lowestEfficiency=1",
    ] {
        assert_eq!(status(&none, rule), Status::Pass, "{rule}");
    }
    let deleting = analyse_tars(&[tar(&[sized("a", 50, b'1')]), tar(&[file(".wh.a", "")])]);
    let failed = result(&deleting, "highestUserWastedPercent=1");
    assert_eq!(failed.status, Status::Fail);
    assert_eq!(places(&failed), [(1, "a", 50)]);
}

#[test]
fn forbidden_files_count_in_every_layer_and_in_the_tree_by_choice() {
    let image = analyse_tars(&[
        tar(&[
            folder("srv/"),
            sized("srv/.env", 7, b'1'),
            file("srv/key.pem", "22"),
            folder(".env.d/"),
        ]),
        tar(&[file("srv/.wh..env", ""), file("srv/key.pem", "333")]),
    ]);
    let everywhere = result(&image, "forbiddenFiles=.env,*.pem");
    assert_eq!(
        places(&everywhere),
        [
            (0, "srv/.env", 7),
            (1, "srv/key.pem", 3),
            (0, "srv/key.pem", 2)
        ]
    );
    assert_eq!(everywhere.measured, Some(Measure::Number(3)));
    let seen = result(&image, "forbiddenFilesInTree=.env,*.pem");
    assert_eq!(places(&seen), [(1, "srv/key.pem", 3)]);
    for passes in [
        "forbiddenFiles=/.env",
        "forbiddenFiles=*.key",
        "forbiddenFiles=*.pem,!srv/*.pem",
        // Folders alone are no files.
        "forbiddenFiles=.env.d",
        "forbiddenFilesInTree=.env",
    ] {
        assert_eq!(status(&image, passes), Status::Pass, "{passes}");
    }
}

/// A second copy at one path of one layer ships too, and was once counted by the last one alone.
#[test]
fn a_forbidden_file_that_its_own_layer_puts_away_still_ships() {
    let layer = tar(&[
        folder("secrets/"),
        sized("secrets/key.pem", 9, b'1'),
        file("secrets", "no folder"),
    ]);
    let image = analyse_tars(&[layer]);
    assert_eq!(
        places(&result(&image, "forbiddenFiles=*.pem")),
        [(0, "secrets/key.pem", 9)]
    );
    assert_eq!(status(&image, "forbiddenFilesInTree=*.pem"), Status::Pass);
}

#[test]
fn users_are_held_against_the_config() {
    let user = |user: &str| with_config(json!({"User": user}));
    for (name, option, expected) in [
        ("", "requiredUser=not-root", Status::Fail),
        ("0", "requiredUser=not-root", Status::Fail),
        ("root:app", "requiredUser=not-root", Status::Fail),
        ("app", "requiredUser=not-root", Status::Pass),
        ("1000:0", "requiredUser=not-root", Status::Pass),
        ("app", "requiredUser=app,web", Status::Pass),
        ("db", "requiredUser=app,web", Status::Fail),
        ("", "requiredUser=root", Status::Pass),
        ("", "forbiddenUser=root", Status::Fail),
        ("00:5", "forbiddenUser=root", Status::Fail),
        ("app", "forbiddenUser=root,app", Status::Fail),
        ("web", "forbiddenUser=root,app", Status::Pass),
    ] {
        assert_eq!(status(&user(name), option), expected, "{name:?} {option}");
    }
    let failed = result(&user(""), "requiredUser=not-root");
    assert_eq!(failed.measured, Some(Measure::Text("root".into())));
    assert_eq!(failed.message(), "expected not-root, but found root");
}

#[test]
fn forbidden_waste_is_by_its_cause_and_later_causes_need_no_list_here() {
    let mut image = analyse_tars(&[
        tar(&[sized("gone", 5, b'1'), sized("new", 6, b'2')]),
        tar(&[file(".wh.gone", ""), sized("new", 7, b'3')]),
    ]);
    assert_eq!(
        places(&result(&image, "forbiddenWaste=deleted_file")),
        [(0, "gone", 5)]
    );
    assert_eq!(
        places(&result(&image, "forbiddenWaste=deleted-file,overwritten")),
        [(0, "new", 6), (0, "gone", 5)]
    );
    assert_eq!(
        status(&image, "forbiddenWaste=deleted_folder"),
        Status::Pass
    );
    let misspelt = result(&image, "forbiddenWaste=deleted_flie");
    let note = misspelt.note.unwrap();
    assert!(note.contains("did you mean deleted_file?"), "{note}");
    image.waste.by_cause[0].cause = "a_cause_to_come".into();
    let known = result(&image, "forbiddenWaste=a_cause_to_come");
    assert_eq!((known.status, known.note), (Status::Fail, None));
}

#[test]
fn setuid_programs_are_those_that_a_container_sees() {
    let image = analyse_tars(&[
        tar(&[
            file("usr/bin/su", "su").mode(0o4755),
            file("usr/bin/wall", "w").mode(0o2755),
            file("var/mail", "m").mode(0o2640),
            file("usr/bin/plain", "p").mode(0o755),
            file("usr/bin/gone", "g").mode(0o4755),
            hard_link("usr/bin/sudo", "usr/bin/su").mode(0o4755),
            folder("var/log/").mode(0o2775),
        ]),
        tar(&[file("usr/bin/.wh.gone", "")]),
    ]);
    let none = result(&image, "allowedSetuid=none");
    let notes = none
        .places
        .iter()
        .map(|place| place.note.as_deref().unwrap());
    let paths = none
        .places
        .iter()
        .map(|place| place.path.as_deref().unwrap());
    assert_eq!(
        paths.zip(notes).collect::<Vec<_>>(),
        [
            ("usr/bin/su", "setuid"),
            ("usr/bin/wall", "setgid"),
            ("usr/bin/sudo", "setuid"),
        ]
    );
    let allowed = result(&image, "allowedSetuid=usr/bin/su,usr/bin/sudo");
    assert_eq!(places(&allowed), [(0, "usr/bin/wall", 1)]);
    assert_eq!(status(&image, "allowedSetuid=usr/bin/*"), Status::Pass);
}

#[test]
fn problems_are_counted_and_notes_are_none() {
    let mut image = analyse_tars(&[tar(&[file("a", "1")]), tar(&[file(".wh.nothing", "")])]);
    assert_eq!(codes(&image.problems), ["stray-whiteout"]);
    assert_eq!(status(&image, "highestProblems=1"), Status::Pass);
    assert_eq!(status(&image, "highestProblems=2"), Status::Pass);
    let failed = result(&image, "highestProblems=0");
    assert_eq!(failed.status, Status::Fail);
    assert_eq!(places(&failed), [(1, "nothing", 0)]);
    image.problems[0].code = "attestation".into();
    assert_eq!(status(&image, "highestProblems=0"), Status::Pass);
}

#[test]
fn many_places_are_counted_and_the_largest_are_listed() {
    let files: Vec<_> = (1..=100)
        .map(|bytes| sized(&format!("f{bytes}.pem"), bytes, b'x'))
        .collect();
    let image = analyse_tars(&[tar(&files)]);
    let failed = result(&image, "forbiddenFiles=*.pem");
    assert_eq!(
        (failed.places.len(), failed.places_total),
        (PLACES_MAX, 100)
    );
    assert_eq!(failed.places_left_out(), 100 - PLACES_MAX);
    assert_eq!(failed.places[0].path.as_deref(), Some("f100.pem"));
    assert_eq!(failed.places[PLACES_MAX - 1].size_bytes, 81);
}

#[test]
fn a_disabled_rule_is_skipped_and_one_failure_fails_all() {
    let skipped = result(&two_layers(), "highestLayers=disabled");
    assert_eq!(skipped.status, Status::Skipped);
    assert_eq!((skipped.measured, skipped.limit), (None, None));
    let mut rules = Rules::default();
    rules
        .set_options([
            "lowestEfficiency=0",
            "highestUserWastedPercent=off",
            "highestLayers=1",
        ])
        .unwrap();
    let one = analyse_tars(&[tar(&[file("a", "1")])]);
    let report: GateReport = judge_all(&rules, &[one, two_layers()], "x.tar", None, None);
    let statuses: Vec<_> = report.images.iter().map(|image| image.status).collect();
    assert_eq!(statuses, [Status::Pass, Status::Fail]);
    assert_eq!(report.status, Status::Fail);
    let text = serde_json::to_string(&report).unwrap();
    assert_eq!(serde_json::from_str::<GateReport>(&text).unwrap(), report);
}
