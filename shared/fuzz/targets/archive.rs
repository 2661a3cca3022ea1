//! Any bytes are an image archive or an error; what is analysed can be reported, and the report read back.
#![no_main]

use estiva_shared::image::{Limits, inspect_within};
use estiva_shared::report::{Lang, Report, RunText, canonical_json, html, parse};
use libfuzzer_sys::fuzz_target;

const LIMITS: Limits = Limits {
    entries: 1000,
    name_bytes: 1 << 20,
    uncompressed_bytes: 16 << 20,
    shown_bytes: 64 << 20,
};

fuzz_target!(|bytes: &[u8]| {
    let Ok(images) = inspect_within(&bytes.to_vec(), &LIMITS, &mut |_| true) else {
        return;
    };
    for analysis in &images {
        let report = Report::build("fuzz:1", analysis, None, RunText::Shown);
        let json = canonical_json(&report);
        assert_eq!(parse(&json).expect("a report of ours can be read"), report);
        assert!(html(&report, Lang::English).ends_with("</html>\n"));
    }
});
