//! The gate's outputs, letter by letter, for an image whose names try to break out of each of them; and what SARIF 2.1.0's
//! schema and code scanning ask for.
#![allow(clippy::unwrap_used, reason = "helpers of tests are tests too")]

mod image_support;

use std::collections::HashSet;

use estiva_shared::dockerfile::parse;
use estiva_shared::gate::{GateReport, PLACES_MAX, Place, Rules, judge_all, markdown, sarif};
use estiva_shared::image::ImageAnalysis;
use image_support::*;
use serde_json::{Value, json};

#[cfg(target_arch = "wasm32")]
use wasm_bindgen_test::wasm_bindgen_test as test;
#[cfg(target_arch = "wasm32")]
wasm_bindgen_test::wasm_bindgen_test_configure!(run_in_dedicated_worker);

const DOCKERFILE: &str =
    "FROM base\nCOPY . /srv\n\n# what was copied by mistake\nRUN rm srv/.env\n";

/// A layer of a base, one that brings secrets and one that removes them; names of every kind.
fn hostile() -> ImageAnalysis {
    let base = tar(&[
        file("usr/bin/su", "su").mode(0o4755),
        sized("lib/a", 900, b'a'),
    ]);
    let copied = tar(&[
        folder("srv/"),
        sized("srv/.env", 40, b's'),
        file("srv/`|</code><img src=x>@all{0}[a](1).pem", "1"),
        file("srv/\u{202e}gpj\n\u{1b}[31m\u{2028}.pem", "22"),
        sized("lib/a", 100, b'b'),
    ]);
    let removed = tar(&[file("srv/.wh..env", ""), file("srv/.wh.nothing", "")]);
    let mut image = Image::new(&[base, copied, removed]);
    image.config["history"] = json!([
        {"created_by": "ADD base /"},
        {"created_by": "COPY . /srv # buildkit"},
        {"created_by": "RUN |1 TOKEN=hunter2 /bin/sh -c rm srv/.env # buildkit"},
    ]);
    inspect_one(&docker_archive(&[(&image, "shop/`api`|<b>:1")]))
}

fn report(analyses: &[ImageAnalysis], dockerfile: bool) -> GateReport {
    let mut rules = Rules::default();
    let options = [
        "highestWastedBytes=20MB",
        "highestImageBytes=1kB",
        "highestLayers=2",
        "highestReclaimablePercent=disabled",
        "forbiddenFiles=.env,*.pem",
        "requiredUser=not-root",
        "forbiddenWaste=deleted_file,deleted_fodler",
        "allowedSetuid=none",
    ];
    rules.set_options(options).unwrap();
    let parsed = parse(DOCKERFILE).0;
    let dockerfile = dockerfile.then_some(("./build/Dockerfile", &parsed));
    judge_all(
        &rules,
        analyses,
        "./out/shop image.tar",
        Some(".dive-ci"),
        dockerfile,
    )
}

fn hostile_report() -> GateReport {
    report(&[hostile()], true)
}

/// Fails with the whole of what was found, so that it can be read before it is taken.
fn same(found: &str, golden: &str, name: &str) {
    assert!(found == golden, "{name} is not as it was:\n{found}");
}

#[test]
fn json_is_as_documented() {
    let text = serde_json::to_string_pretty(&hostile_report()).unwrap() + "\n";
    same(
        &text,
        include_str!("gate_golden/report.json"),
        "report.json",
    );
}

#[test]
fn sarif_is_as_code_scanning_reads_it() {
    let text = serde_json::to_string_pretty(&sarif(&hostile_report(), "1.2.3")).unwrap() + "\n";
    same(
        &text,
        include_str!("gate_golden/report.sarif"),
        "report.sarif",
    );
}

#[test]
fn markdown_is_short_and_nothing_breaks_out_of_it() {
    let text = markdown(&hostile_report());
    same(&text, include_str!("gate_golden/report.md"), "report.md");
    for line in text.lines() {
        let outside: String = line.split('`').step_by(2).collect();
        assert!(!outside.contains(['<', '@', '\\', '{']), "{line}");
        assert_eq!(line.matches('`').count() % 2, 0, "{line}");
        if line.starts_with('|') {
            assert_eq!(line.matches('|').count(), 5, "{line}");
        }
    }
    assert!(!text.contains(|c: char| c.is_control() && c != '\n'));
}

/// Builders write build arguments into the history, and a comment or an alert may be public.
#[test]
fn no_output_shows_the_historys_text() {
    let report = hostile_report();
    let all = [
        serde_json::to_string(&report).unwrap(),
        sarif(&report, "1").to_string(),
        markdown(&report),
    ];
    for text in all {
        assert!(!text.contains("hunter2"), "{text}");
    }
}

#[test]
fn a_comment_has_its_bound_and_counts_what_it_leaves_out() {
    let many = report(&vec![hostile(); 200], true);
    let text = markdown(&many);
    assert!(text.len() < 60_000, "{}", text.len());
    let last = text.lines().last().unwrap();
    assert!(last.ends_with("of them fail."), "{last}");
    let shown = text.matches("| Rule |").count();
    assert!(
        last.starts_with(&format!("{} more images", 200 - shown)),
        "{last}"
    );
}

#[test]
fn sarif_keeps_to_its_schema_whatever_is_in_it() {
    let nameless = {
        let mut analysis = hostile();
        analysis.image.names.clear();
        analysis.image.config_digest = String::new();
        analysis
    };
    let many: Vec<_> = (0..50)
        .map(|index| file(&format!("{index}.pem"), "k"))
        .collect();
    let many = analyse_tars(&[tar(&many)]);
    let mut stripped = report(&[hostile()], false);
    for result in &mut stripped.images[0].rules {
        result.places = vec![Place::default()];
        result.rule = "aRuleToCome".into();
    }
    for report in [
        hostile_report(),
        report(&[], true),
        report(&[nameless, hostile()], false),
        report(&[many], true),
        stripped,
    ] {
        check_sarif(&sarif(&report, "1.2.3"));
    }
}

#[test]
fn what_is_not_listed_is_counted_in_a_result_of_its_own() {
    let many: Vec<_> = (0..50)
        .map(|index| file(&format!("{index}.pem"), "k"))
        .collect();
    let mut rules = Rules::none();
    rules.set_options(["forbiddenFiles=*.pem"]).unwrap();
    let report = judge_all(&rules, &[analyse_tars(&[tar(&many)])], "x.tar", None, None);
    let value = sarif(&report, "1");
    let results = value["runs"][0]["results"].as_array().unwrap();
    assert_eq!(results.len(), PLACES_MAX + 1);
    let last = results.last().unwrap()["message"]["text"].as_str().unwrap();
    assert!(last.ends_with("30 more places are not listed"), "{last}");
    assert!(markdown(&report).ends_with("- and 45 more\n"));
}

/// The schema's objects that are written, with all the properties they may have (it allows no other).
fn check_sarif(log: &Value) {
    only(log, &["$schema", "version", "runs"]);
    assert_eq!(log["version"], "2.1.0");
    let runs = log["runs"].as_array().unwrap();
    assert_eq!(runs.len(), 1);
    let run = &runs[0];
    only(run, &["tool", "invocations", "columnKind", "results"]);
    let driver = &run["tool"]["driver"];
    only(driver, &["name", "version", "semanticVersion", "rules"]);
    assert!(driver["name"].is_string());
    let rules = driver["rules"].as_array().unwrap();
    let ids: HashSet<_> = rules
        .iter()
        .map(|rule| rule["id"].as_str().unwrap())
        .collect();
    assert_eq!(ids.len(), rules.len());
    for rule in rules {
        only(
            rule,
            &["id", "shortDescription", "help", "defaultConfiguration"],
        );
        assert_eq!(rule["defaultConfiguration"]["level"], "error");
        assert!(
            rule["help"]["text"]
                .as_str()
                .is_some_and(|text| !text.is_empty())
        );
    }
    let invocation = &run["invocations"][0];
    only(invocation, &["executionSuccessful", "exitCode"]);
    assert!(invocation["executionSuccessful"].is_boolean() && invocation["exitCode"].is_i64());
    for result in run["results"].as_array().unwrap() {
        only(
            result,
            &[
                "ruleId",
                "ruleIndex",
                "kind",
                "level",
                "message",
                "locations",
                "partialFingerprints",
                "relatedLocations",
            ],
        );
        if let Some(index) = result.get("ruleIndex") {
            let index = usize::try_from(index.as_u64().unwrap()).unwrap();
            assert_eq!(rules[index]["id"], result["ruleId"]);
        }
        assert_eq!(
            (&result["kind"], &result["level"]),
            (&json!("fail"), &json!("error"))
        );
        check_message(&result["message"]);
        let fingerprint = result["partialFingerprints"]["estivaPlace/v1"]
            .as_str()
            .unwrap();
        assert_eq!(fingerprint.len(), 64);
        let locations = result["locations"].as_array().unwrap();
        assert_eq!(
            locations.len(),
            1,
            "code scanning takes one, and refuses none"
        );
        let related = result
            .get("relatedLocations")
            .map(|all| all.as_array().unwrap());
        let mut ids = HashSet::new();
        for location in related.into_iter().flatten() {
            assert!(ids.insert(location["id"].as_u64().unwrap()));
            check_message(&location["message"]);
        }
        for location in locations.iter().chain(related.into_iter().flatten()) {
            check_location(location);
        }
    }
}

fn check_location(location: &Value) {
    only(
        location,
        &["id", "message", "physicalLocation", "logicalLocations"],
    );
    let physical = &location["physicalLocation"];
    only(physical, &["artifactLocation", "region"]);
    let uri = physical["artifactLocation"]["uri"].as_str().unwrap();
    let is_reference = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~/%:".contains(&byte);
    assert!(!uri.is_empty() && uri.bytes().all(is_reference), "{uri}");
    assert!(physical["region"]["startLine"].as_u64().unwrap() >= 1);
    let logical = location["logicalLocations"].as_array().unwrap();
    logical
        .iter()
        .for_each(|one| only(one, &["fullyQualifiedName", "kind"]));
}

/// §3.11.5: a brace stands alone only around a placeholder's number, and there are no placeholders here.
fn check_message(message: &Value) {
    only(message, &["text"]);
    let text = message["text"].as_str().unwrap();
    assert!(!text.is_empty());
    let bare = text.replace("{{", "").replace("}}", "");
    assert!(!bare.contains(['{', '}']), "{text}");
    assert!(!text.contains("]("), "{text}");
    assert!(!text.contains(char::is_control), "{text:?}");
}

fn only(object: &Value, allowed: &[&str]) {
    for key in object.as_object().unwrap().keys() {
        assert!(allowed.contains(&key.as_str()), "{key} in {object}");
    }
}
