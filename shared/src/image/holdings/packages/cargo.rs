//! The list of crates that cargo-auditable puts into a program's section `.dep-v0`: JSON, compressed by zlib.
//!
//! A section's place is known from the end of the file, which comes last when a layer streams by; so the list is found by what
//! it is: a zlib stream whose text begins as every such list does.
//!
//! Specification: rust-secure-code/cargo-auditable, PARSING.md.

use flate2::{Decompress, FlushDecompress};
use serde::Deserialize;

use super::super::PackageKind;
use super::super::facts::{PackageFact, field};

/// How the list's text begins.
const BEGINNING: &[u8] = b"{\"packages\":[";

/// Compressed bytes that show whether it does.
pub(super) const PROBE_BYTES: usize = 96;

/// Longest list that is read, in bytes: 10,000 crates have less.
const LIST_BYTES_MAX: usize = 4 << 20;

/// The list, as far as it is read.
#[derive(Deserialize)]
struct List {
    packages: Vec<Crate>,
}

#[derive(Deserialize)]
struct Crate {
    name: String,
    version: String,
    /// `build` for what only made the program.
    #[serde(default)]
    kind: String,
    #[serde(default)]
    root: bool,
}

/// Whether a list may begin here: the first two bytes are a zlib header, and the third begins a block of deflate.
pub(super) fn may_begin(bytes: &[u8]) -> bool {
    matches!(bytes, [0x78, 0x01 | 0x5e | 0x9c | 0xda, block, ..] if block & 0b110 != 0b110)
}

/// Whether a list begins here, tried by inflating its start.
pub(super) fn begins(bytes: &[u8]) -> bool {
    let mut text = [0; BEGINNING.len()];
    let mut inflate = Decompress::new(true);
    let start = &bytes[..bytes.len().min(PROBE_BYTES)];
    let read = inflate.decompress(start, &mut text, FlushDecompress::None);
    read.is_ok() && inflate.total_out() == BEGINNING.len() as u64 && text == *BEGINNING
}

/// The crates that are part of the program; none where the bytes are cut off or something else.
pub(super) fn crates(bytes: &[u8]) -> Option<Vec<PackageFact>> {
    let mut text = vec![0; 16 << 10];
    let mut inflate = Decompress::new(true);
    loop {
        let (taken, made) = (inflate.total_in() as usize, inflate.total_out() as usize);
        let status =
            inflate.decompress(&bytes[taken..], &mut text[made..], FlushDecompress::Finish);
        let grown = inflate.total_out() as usize;
        match status.ok()? {
            flate2::Status::StreamEnd => {
                text.truncate(grown);
                break;
            }
            _ if grown == text.len() && grown < LIST_BYTES_MAX => text.resize(grown * 2, 0),
            _ => return None,
        }
    }
    let list: List = serde_json::from_slice(&text).ok()?;
    let found = list
        .packages
        .iter()
        .filter(|package| package.kind != "build");
    let found = found.filter_map(|package| {
        Some(PackageFact {
            is_program: package.root,
            ..PackageFact::new(
                PackageKind::Cargo,
                field(package.name.as_bytes())?,
                field(package.version.as_bytes())?,
            )
        })
    });
    Some(found.collect())
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use std::io::Write as _;

    pub(in super::super) fn list(text: &str) -> Vec<u8> {
        let mut encoder = flate2::write::ZlibEncoder::new(Vec::new(), flate2::Compression::new(7));
        encoder.write_all(text.as_bytes()).unwrap();
        encoder.finish().unwrap()
    }

    #[test]
    fn crates_of_the_program_are_read_and_those_that_built_it_are_not() {
        let text = r#"{"packages":[{"name":"app","version":"0.1.0","source":"local","dependencies":[1],"root":true},{"name":"cc","version":"1.0","source":"crates.io","kind":"build"},{"name":"serde","version":"1.0.2","source":"crates.io"}]}"#;
        let bytes = list(text);
        assert!(may_begin(&bytes) && begins(&bytes));
        // What follows the list in its section is no part of it.
        let found = crates(&[&bytes[..], &[0; 100]].concat()).unwrap();
        let names: Vec<_> = found
            .iter()
            .map(|found| (&*found.name, found.is_program))
            .collect();
        assert_eq!(names, [("app", true), ("serde", false)]);
    }

    #[test]
    fn other_streams_bombs_and_cut_ones_are_none() {
        assert!(!begins(&list("{\"other\":[]}")));
        assert!(!begins(&[0x78, 0x9c, 3]));
        let whole = list(r#"{"packages":[{"name":"a","version":"1"}]}"#);
        assert_eq!(crates(&whole[..whole.len() - 8]), None);
        assert_eq!(
            crates(&list(&format!("{{\"packages\":[{}", " ".repeat(8 << 20)))),
            None
        );
    }
}
