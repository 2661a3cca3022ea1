//! Any JSON is a report or an error; one that is accepted is canonical after one round, and its page holds no script.
#![no_main]

use estiva_shared::report::{Lang, canonical_json, html, parse};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let Ok(report) = parse(bytes) else {
        return;
    };
    let json = canonical_json(&report);
    assert_eq!(parse(&json).expect("a report of ours can be read"), report);
    for language in [Lang::English, Lang::Portuguese] {
        assert!(!html(&report, language).contains("<script"));
    }
});
