//! Any bytes are a layer with problems: no panic, no more kept than the limits allow, the digest of what was read.
#![no_main]

use estiva_shared::image::{Digest, LayerIndex, Limits};
use libfuzzer_sys::fuzz_target;

const LIMITS: Limits = Limits {
    entries: 1000,
    name_bytes: 1 << 20,
    uncompressed_bytes: 16 << 20,
    shown_bytes: 64 << 20,
};

fuzz_target!(|bytes: &[u8]| {
    let index = LayerIndex::read(bytes, &LIMITS).expect("a slice can always be read");
    assert_eq!(index.digest, Digest::of(bytes));
    assert!(index.entries.len() + index.whiteouts.len() + index.opaque.len() <= LIMITS.entries);
    for entry in &index.entries {
        let path = &*entry.path;
        assert!(
            !path.is_empty() && path.split('/').all(|part| !matches!(part, "" | "." | "..")),
            "{path:?} is not normalised"
        );
    }
});
