//! Any `.dockerignore` is rules and mistakes; what a walk may skip holds nothing that it would keep.
#![no_main]

use estiva_shared::dockerfile::Ignore;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: (&str, &str)| {
    let (patterns, path) = input;
    let ignore = Ignore::parse(patterns);
    let clean = !path.is_empty() && path.split('/').all(|part| !matches!(part, "" | "." | ".."));
    if !clean {
        return;
    }
    if let Some((folder, _)) = path.rsplit_once('/')
        && ignore.excludes(folder)
        && !ignore.may_hold_exceptions(folder)
    {
        assert!(ignore.excludes(path), "a skipped folder holds {path:?}");
    }
});
