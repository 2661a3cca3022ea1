//! Any bytes under any name of a package manager's file, program or secret: bounded facts, and bills of materials that are JSON.
#![no_main]

use estiva_shared::image::holdings::{SbomFormat, sbom};
use estiva_shared::image::{Digest, ImageParts, LayerIndex, LayerPart, Limits, analyse};
use libfuzzer_sys::fuzz_target;
use std::sync::Arc;

const LIMITS: Limits = Limits {
    entries: 1000,
    name_bytes: 1 << 20,
    uncompressed_bytes: 16 << 20,
    shown_bytes: 64 << 20,
};

/// One of each form that is read; the input's first byte chooses.
const PATHS: [&str; 16] = [
    "var/lib/dpkg/status",
    "var/lib/dpkg/info/a.list",
    "var/lib/dpkg/status.d/a.md5sums",
    "lib/apk/db/installed",
    "app/node_modules/a/package.json",
    "usr/lib/a.dist-info/METADATA",
    "usr/lib/a.dist-info/RECORD",
    "etc/passwd",
    "etc/os-release",
    "usr/bin/program",
    "app/program",
    "app/.env",
    "root/.docker/config.json",
    "root/.git-credentials",
    "root/.ssh/id_rsa",
    "app/text",
];

/// A header of a plain file that everyone may start.
fn header(path: &str, bytes: usize) -> [u8; 512] {
    let mut block = [0; 512];
    block[..path.len()].copy_from_slice(path.as_bytes());
    block[100..107].copy_from_slice(b"0000755");
    block[124..135].copy_from_slice(format!("{bytes:011o}").as_bytes());
    block[148..156].fill(b' ');
    block[156] = b'0';
    block[257..265].copy_from_slice(b"ustar\x0000");
    let sum: u32 = block.iter().map(|byte| u32::from(*byte)).sum();
    block[148..155].copy_from_slice(format!("{sum:06o}\0").as_bytes());
    block
}

fuzz_target!(|bytes: &[u8]| {
    let Some((choice, content)) = bytes.split_first() else {
        return;
    };
    let path = PATHS[usize::from(*choice) % PATHS.len()];
    let mut tar = header(path, content.len()).to_vec();
    tar.extend(content);
    tar.resize(tar.len().next_multiple_of(512) + 1024, 0);
    let index = LayerIndex::read(&tar[..], &LIMITS).expect("a slice can always be read");
    assert_eq!(index.entries.len(), 1);
    assert!(index.facts.bytes() <= LIMITS.name_bytes);
    let parts = ImageParts {
        format: "store".to_owned(),
        names: Vec::new(),
        manifest_digest: None,
        config_digest: Digest::of(bytes),
        config: b"{}".to_vec(),
        referrers: Vec::new(),
        problems: Vec::new(),
    };
    let layer = LayerPart {
        digest: None,
        size_bytes: None,
        index: Ok(Arc::new(index)),
    };
    let analysis = analyse(parts, &[layer]);
    for format in [SbomFormat::Spdx, SbomFormat::CycloneDx] {
        let text = sbom(&analysis, format);
        serde_json::from_str::<serde_json::Value>(&text).expect("a bill of materials is JSON");
    }
});
