//! Any text is rules or mistakes, each with its place; rules that were read can be told again.
#![no_main]

use estiva_shared::gate::{Rules, read_rules};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| {
    let (rules, mistakes) = read_rules(text);
    for mistake in &mistakes {
        assert!(!mistake.to_string().contains(char::is_control), "{mistake:?}");
    }
    assert!(rules.iter().count() >= 4, "defaults are missing");
    let _ = Rules::none().set_options(text.lines());
});
