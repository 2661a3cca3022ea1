//! Hostile files and what they do to what an image holds: they are named, and cost what the limits allow.
#![allow(clippy::unwrap_used, reason = "helpers of tests are tests too")]

mod image_support;

use estiva_shared::image::holdings::{DangerKind, UnreadReason};
use estiva_shared::image::{LayerIndex, Limits};
use image_support::*;

#[cfg(target_arch = "wasm32")]
use wasm_bindgen_test::wasm_bindgen_test as test;
#[cfg(target_arch = "wasm32")]
wasm_bindgen_test::wasm_bindgen_test_configure!(run_in_dedicated_worker);

#[test]
fn files_beyond_a_limit_are_named_and_cost_nothing() {
    let layer = tar(&[
        sized("var/lib/dpkg/status", 17 << 20, b'P'),
        sized("app/package.json", 2 << 20, b'['),
        file("var/lib/rpm/rpmdb.sqlite", "SQLite format 3"),
        file("srv/package.json", &"[".repeat(100_000)),
        file(
            "x/a.dist-info/METADATA",
            &format!("Name: {}\n", "\0".repeat(1000)),
        ),
        program(
            "usr/bin/old",
            b"\xff Go buildinf:\x08\x00 and pointers that are not followed",
        ),
    ]);
    let holdings = analyse_tars(&[layer]).holdings;
    let unread: Vec<_> = holdings
        .unread
        .iter()
        .map(|unread| (unread.path.as_deref().unwrap(), unread.reason))
        .collect();
    let expected = [
        ("app/package.json", UnreadReason::TooLong),
        ("srv/package.json", UnreadReason::Malformed),
        ("usr/bin/old", UnreadReason::OldGo),
        ("var/lib/dpkg/status", UnreadReason::TooLong),
        ("var/lib/rpm/rpmdb.sqlite", UnreadReason::RpmDatabase),
        ("x/a.dist-info/METADATA", UnreadReason::Malformed),
    ];
    assert_eq!(unread, expected);
    assert_eq!(holdings.packages, []);
}

/// A gigabyte that claims to be dpkg's is hashed and passed over; and a layer that ends inside it says so and no more.
#[test]
fn a_database_of_a_gigabyte_is_not_kept() {
    let header_claims = open_tar(&[Item {
        size: Some(1 << 30),
        ..file("var/lib/dpkg/status", "Package: a\n")
    }]);
    let index = read_layer(&header_claims);
    assert_eq!(codes(&index.problems), ["truncated"]);
    assert!(index.facts.bytes() < 200);
}

#[test]
fn go_lengths_that_lie_and_headers_that_point_everywhere_are_malformed_or_nothing() {
    let mut everywhere = program("usr/bin/everywhere", b"x");
    everywhere.content[72..80].fill(0xff);
    everywhere.content[96..104].fill(0xff);
    let layer = tar(&[
        program(
            "usr/bin/huge",
            &go_information(&[0xff, 0xff, 0xff, 0xff, 0x0f]),
        ),
        program("usr/bin/endless", &go_information(&[0xff; 12])),
        everywhere,
        file("usr/bin/short", "\x7fELF").mode(0o755),
    ]);
    let holdings = analyse_tars(&[layer]).holdings;
    assert_eq!(holdings.packages, []);
    assert!(
        holdings
            .unread
            .iter()
            .all(|unread| unread.reason == UnreadReason::Malformed)
    );
    assert_eq!(holdings.unread.len(), 2);
}

#[test]
fn very_many_dangers_are_counted_and_a_thousand_listed() {
    let items: Vec<_> = (0..1500)
        .map(|number| file(&format!("open/{number:04}"), "").mode(0o666))
        .collect();
    let holdings = analyse_tars(&[tar(&items)]).holdings;
    let group = holdings
        .dangers
        .iter()
        .find(|group| group.kind == DangerKind::WorldWritableFile)
        .unwrap();
    assert_eq!((group.count, group.found.len()), (1500, 1000));
}

#[test]
fn facts_count_among_the_bytes_that_a_layer_may_keep() {
    let many: Vec<_> = (0..500)
        .map(|number| (format!("package-{number}"), "1".to_owned()))
        .collect();
    let many: Vec<_> = many
        .iter()
        .map(|(name, version)| (name.as_str(), version.as_str()))
        .collect();
    let bytes = tar(&[
        file("var/lib/dpkg/status", &status(&many)),
        file("after", ""),
    ]);
    let limits = Limits {
        name_bytes: 2000,
        ..Limits::default()
    };
    let index = LayerIndex::read(&bytes[..], &limits).unwrap();
    assert!(index.facts.bytes() <= 2000);
    assert_eq!(index.entries.len(), 2, "names go first");
    assert_eq!(index.problems, []);
    let whole = LayerIndex::read(&bytes[..], &Limits::default()).unwrap();
    assert!(whole.facts.bytes() > 50_000);
    let kept: LayerIndex = serde_json::from_slice(&serde_json::to_vec(&whole).unwrap()).unwrap();
    assert!(kept.facts.is_current());
    assert_eq!(kept, whole);
}
