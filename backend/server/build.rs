//! Writes what the program embeds as a list of `include_bytes!`: the page's files, the runtime and the proxy. Without the feature
//! `embed` the lists are empty, so that a fresh clone compiles before the page was ever built.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::{env, fs, io};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    println!("cargo::rerun-if-changed=build.rs");
    println!("cargo::rerun-if-env-changed=ESTIVA_EMBED_PAGE");
    println!("cargo::rerun-if-env-changed=ESTIVA_EMBED_RUNTIME");
    println!("cargo::rerun-if-env-changed=ESTIVA_EMBED_PROXY");
    let mut page = String::new();
    let (mut runtime, mut proxy) = ("None".to_owned(), "None".to_owned());
    if env::var_os("CARGO_FEATURE_EMBED").is_some() {
        let folder = wanted(
            "ESTIVA_EMBED_PAGE",
            "the folder that trunk wrote the page to",
        )?;
        println!("cargo::rerun-if-changed={}", folder.display());
        for path in files(&folder)? {
            let name = path
                .strip_prefix(&folder)?
                .to_str()
                .ok_or("a file's name of the page is not UTF-8")?;
            writeln!(
                page,
                "    ({name:?}, include_bytes!({:?})),",
                path.display().to_string()
            )?;
        }
        runtime = program("ESTIVA_EMBED_RUNTIME", "the static estiva-runtime")?;
        proxy = program("ESTIVA_EMBED_PROXY", "the static estiva-proxy")?;
    }
    let text = format!(
        "/// The page's files: path below `/`, content.\n\
         pub(crate) static PAGE: &[(&str, &[u8])] = &[\n{page}];\n\
         /// The static `estiva-runtime`.\n\
         pub(crate) static RUNTIME: Option<&[u8]> = {runtime};\n\
         /// The static `estiva-proxy`.\n\
         pub(crate) static PROXY: Option<&[u8]> = {proxy};\n"
    );
    let out = env::var_os("OUT_DIR").ok_or("cargo sets OUT_DIR")?;
    fs::write(Path::new(&out).join("embedded.rs"), text)?;
    Ok(())
}

/// The words that embed the program that an environment variable names.
fn program(name: &str, what: &str) -> Result<String, String> {
    let program = wanted(name, what)?;
    println!("cargo::rerun-if-changed={}", program.display());
    let path = program.display().to_string();
    Ok(format!("Some(include_bytes!({path:?}))"))
}

/// The path that an environment variable names; the feature can't be built without it.
fn wanted(name: &str, what: &str) -> Result<PathBuf, String> {
    let value =
        env::var_os(name).ok_or_else(|| format!("the feature `embed` wants {name}: {what}"))?;
    fs::canonicalize(&value)
        .map_err(|error| format!("{name}: {}: {error}", Path::new(&value).display()))
}

/// All files below a folder but hidden ones, sorted, so that two builds embed the same.
fn files(folder: &Path) -> io::Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        if entry.file_name().to_string_lossy().starts_with('.') {
            continue;
        }
        if entry.file_type()?.is_dir() {
            found.extend(files(&entry.path())?);
        } else {
            found.push(entry.path());
        }
    }
    found.sort();
    Ok(found)
}
