//! The house's rules that a machine can see, over the whole workspace: every file says why it is there, unsafe code
//! stays in one crate, and `shared` reads no file, no clock and no environment. ARCHITECTURE.md names the same
//! invariants; this is what keeps them true.
#![allow(
    clippy::unwrap_used,
    reason = "what fails in a function beside the tests fails its test"
)]

use std::fs;
use std::path::{Path, PathBuf};

/// Past this a file is hard to hold in one's head; it is split by noun or verb.
const LINES_MAX: usize = 600;

/// Asked when it runs, not when it is compiled: a program kept from another checkout would read that one's files.
fn workspace() -> PathBuf {
    let package = std::env::var_os("CARGO_MANIFEST_DIR").expect("cargo names the package's folder");
    Path::new(&package).join("../..").canonicalize().unwrap()
}

/// Every Rust source below a folder of the workspace: its path relative to the workspace, and its text.
fn sources(folder: &str) -> Vec<(String, String)> {
    let top = workspace();
    let mut found = Vec::new();
    let mut folders = vec![top.join(folder)];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).unwrap() {
            let path = entry.unwrap().path();
            let name = path.file_name().unwrap().to_string_lossy().into_owned();
            if path.is_dir() {
                if !matches!(name.as_str(), "target" | "dist" | "node_modules") {
                    folders.push(path);
                }
            } else if name.ends_with(".rs") {
                let shown = path.strip_prefix(&top).unwrap().display().to_string();
                found.push((shown, fs::read_to_string(&path).unwrap()));
            }
        }
    }
    assert!(!found.is_empty(), "no sources below {folder}");
    found
}

fn everywhere() -> Vec<(String, String)> {
    ["shared", "backend", "frontend"]
        .into_iter()
        .flat_map(sources)
        .collect()
}

/// The files for which `bad` holds.
fn offenders(files: &[(String, String)], bad: impl Fn(&str) -> bool) -> Vec<&str> {
    files
        .iter()
        .filter(|(_, text)| bad(text))
        .map(|(path, _)| path.as_str())
        .collect()
}

/// A text's lines that are code, without comments and what follows the first test module.
fn code(text: &str) -> impl Iterator<Item = &str> {
    text.lines()
        .take_while(|line| !line.starts_with("#[cfg(test)]"))
        .filter(|line| !line.trim_start().starts_with("//"))
}

#[test]
fn every_file_opens_with_its_reason() {
    assert_eq!(
        offenders(&everywhere(), |text| !text.starts_with("//!")),
        Vec::<&str>::new()
    );
}

#[test]
fn no_file_is_too_long_to_read() {
    assert_eq!(
        offenders(&everywhere(), |text| text.lines().count() > LINES_MAX),
        Vec::<&str>::new()
    );
}

#[test]
fn unsafe_code_is_in_the_runtime_alone() {
    let roots = [
        "shared/src",
        "backend/network/src",
        "backend/proxy/src",
        "backend/store/src",
        "backend/build/src",
        "backend/engine/src",
        "backend/server/src",
    ];
    for root in roots {
        let text = fs::read_to_string(workspace().join(root).join("lib.rs")).unwrap();
        assert!(
            text.contains("#![forbid(unsafe_code)]"),
            "{root}/lib.rs does not forbid unsafe code"
        );
    }
    let mut files = everywhere();
    files.retain(|(path, _)| !path.starts_with("backend/runtime/"));
    let word = ["unsafe", " {"].concat();
    assert_eq!(
        offenders(&files, |text| code(text).any(|line| line.contains(&word))),
        Vec::<&str>::new()
    );
}

#[test]
fn shared_does_no_io_and_reads_no_clock() {
    let files = sources("shared/src");
    for forbidden in [
        "std::fs",
        "std::env",
        "std::net",
        "std::process",
        "Instant::now",
        "SystemTime",
        "println!",
    ] {
        let found = offenders(&files, |text| {
            code(text).any(|line| line.contains(forbidden))
        });
        assert_eq!(found, Vec::<&str>::new(), "{forbidden}");
    }
}

#[test]
fn only_the_server_knows_axum() {
    for member in [
        "shared",
        "backend/runtime",
        "backend/network",
        "backend/proxy",
        "backend/store",
        "backend/build",
        "backend/engine",
        "frontend",
        "frontend/hasher",
        "frontend/worker",
    ] {
        let text = fs::read_to_string(workspace().join(member).join("Cargo.toml")).unwrap();
        assert!(!text.contains("axum"), "{member} depends on axum");
    }
}
