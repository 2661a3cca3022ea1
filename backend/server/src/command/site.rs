//! `estiva site`: the inspector as a folder of static files, which any web server serves, in any folder of a site.
//!
//! The files are those of the page that this program serves itself. `index.html` is written anew: addresses that begin at
//! the site's root become relative, a mark says that no server stands behind it, and the content security policy, which the
//! server sends as a header, stands in the document (HTML, "Content security policy state").

use std::fs;
use std::path::{Path, PathBuf};

use clap::ValueHint;
use estiva_shared::text::escape_name;

use super::Outcome;
use crate::embedded::PAGE;
use crate::failure::{Failure, at};
use crate::output::say;
use crate::server::site_policy;

/// What belongs to a terminal, which a page without a server never shows.
const LEFT_OUT: [&str; 2] = ["terminal.js", "xterm/"];

/// The addresses of the page that work without a server, as folders below the site's own.
const ROUTES: [&str; 1] = ["compare"];

/// Where a page without a server says so.
const MARK: &str = "<meta name=estiva-server content=none>";

/// Where `index.html` says what it is written in; what must stand before all else follows.
const CHARSET: &str = "<meta charset=utf-8>";

/// The command's words.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Any web server can serve the folder, below any path: nothing in it knows its own address. It needs HTTPS or localhost, and the type application/wasm for .wasm files, as all common servers have it.\n\nExamples:\n  estiva site public\n  estiva site public && python3 -m http.server --directory public"
)]
pub(crate) struct Args {
    /// The folder to write; it must not be there, or be empty
    #[arg(value_name = "DIR", value_hint = ValueHint::DirPath)]
    folder: PathBuf,
}

/// Writes it.
pub(crate) fn run(args: &Args) -> Outcome {
    let files = site(PAGE)?;
    claim(&args.folder)?;
    for (name, bytes) in &files {
        let path = args.folder.join(name);
        if let Some(parent) = path.parent() {
            fs::create_dir_all(parent).map_err(at("make", parent))?;
        }
        fs::write(&path, bytes).map_err(at("write", &path))?;
    }
    let shown = args.folder.display().to_string();
    say(&format!("{}\n", escape_name(&shown)))?;
    Ok(0)
}

/// Makes the folder; one that holds something is somebody's.
fn claim(folder: &Path) -> Result<(), Failure> {
    match fs::read_dir(folder) {
        Ok(mut entries) => match entries.next() {
            None => Ok(()),
            Some(_) => {
                let shown = folder.display().to_string();
                let message = format!(
                    "expected a folder that is empty or not there yet, but found one with files: {}",
                    escape_name(&shown)
                );
                Err(Failure::new(message).hint("name another folder, or remove this one"))
            }
        },
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
            fs::create_dir_all(folder).map_err(at("make", folder))
        }
        Err(error) => Err(at("read", folder)(error)),
    }
}

/// The site's files, by their paths below its folder.
fn site(page: &[(&str, &[u8])]) -> Result<Vec<(String, Vec<u8>)>, Failure> {
    if page.is_empty() {
        return Err(Failure::new("this program was built without its page").hint("run: make site"));
    }
    let kept = page
        .iter()
        .filter(|(name, _)| !LEFT_OUT.iter().any(|left_out| name.starts_with(left_out)));
    let mut files = Vec::new();
    for (name, bytes) in kept {
        if *name != "index.html" {
            files.push(((*name).to_owned(), bytes.to_vec()));
            continue;
        }
        let index = std::str::from_utf8(bytes).map_err(|_| unknown("UTF-8"))?;
        files.push(("index.html".to_owned(), document(index, page, "./")?));
        for route in ROUTES {
            let name = format!("{route}/index.html");
            files.push((name, document(index, page, "../")?));
        }
    }
    Ok(files)
}

/// `index.html` for a folder from which `base` leads to the site's own.
fn document(index: &str, page: &[(&str, &[u8])], base: &str) -> Result<Vec<u8>, Failure> {
    let mut text = index.to_owned();
    for (name, _) in page {
        // In attributes without quotes, and in the strings of the script that starts the page.
        for before in ["=", "\"", "'"] {
            text = text.replace(&format!("{before}/{name}"), &format!("{before}./{name}"));
        }
    }
    let (start, rest) = text
        .split_once(CHARSET)
        .ok_or_else(|| unknown("its encoding"))?;
    let policy = site_policy(&text);
    let head = format!(
        "{CHARSET}<meta http-equiv=Content-Security-Policy content=\"{policy}\"><base href={base}>{MARK}"
    );
    Ok(format!("{start}{head}{rest}").into_bytes())
}

fn unknown(what: &str) -> Failure {
    Failure::new(format!(
        "expected {what} in the page's index.html, but found none"
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    const INDEX: &str = "<!doctype html><html lang=en><meta charset=utf-8><link href=/favicon.svg rel=icon><link href=/a-1.css integrity=sha384-x><script type=module>import init from '/page-1.js';\nawait init({ module_or_path: '/page-1_bg.wasm' });</script><link href=\"/page-1.js\" rel=modulepreload>";

    fn made(index: &'static str) -> Vec<(String, Vec<u8>)> {
        let page: Vec<(&str, &[u8])> = vec![
            ("index.html", index.as_bytes()),
            ("favicon.svg", b"<svg/>"),
            ("a-1.css", b"a{}"),
            ("page-1.js", b"js"),
            ("page-1_bg.wasm", b"\0asm"),
            ("terminal.js", b"js"),
            ("xterm/xterm.mjs", b"js"),
            ("worker.js", b"js"),
        ];
        site(&page).unwrap()
    }

    #[test]
    fn no_address_begins_at_the_root_and_nothing_of_a_terminal_is_there() {
        let files = made(INDEX);
        let names: Vec<_> = files.iter().map(|(name, _)| name.as_str()).collect();
        let expected = [
            "index.html",
            "compare/index.html",
            "favicon.svg",
            "a-1.css",
            "page-1.js",
            "page-1_bg.wasm",
            "worker.js",
        ];
        assert_eq!(names, expected);
        for (name, base) in [("index.html", "./"), ("compare/index.html", "../")] {
            let (_, bytes) = files.iter().find(|(found, _)| found == name).unwrap();
            let text = std::str::from_utf8(bytes).unwrap();
            assert!(!text.contains("=/") && !text.contains("'/") && !text.contains("\"/"));
            assert!(text.contains(&format!("<base href={base}>")), "{text}");
            assert!(text.contains("import init from './page-1.js'"), "{text}");
        }
    }

    #[test]
    fn the_policy_is_the_servers_as_far_as_a_document_may_say_it() {
        let files = made(INDEX);
        let text = String::from_utf8(files[0].1.clone()).unwrap();
        let (_, policy) = text.split_once("content=\"").unwrap();
        let (policy, after) = policy.split_once('"').unwrap();
        assert!(policy.starts_with("default-src 'none';"), "{policy}");
        assert!(policy.contains("base-uri 'self'") && !policy.contains("frame-ancestors"));
        // The digest is of the script as it stands here, not as the server has it.
        let theirs = crate::server::site_policy(INDEX);
        assert_ne!(policy, theirs);
        assert!(policy.contains("script-src 'self' 'wasm-unsafe-eval' 'sha256-"));
        assert!(after.contains(MARK), "before anything is loaded");
        assert!(!text[..text.find("http-equiv").unwrap()].contains("<link"));
    }

    #[test]
    fn a_folder_with_files_stays_as_it_is() {
        let folder = tempfile::tempdir().unwrap();
        assert!(claim(folder.path()).is_ok());
        assert!(claim(&folder.path().join("new/one")).is_ok());
        fs::write(folder.path().join("mine"), "x").unwrap();
        assert!(claim(folder.path()).is_err());
    }

    #[test]
    fn a_program_without_its_page_says_so() {
        assert!(site(&[]).is_err());
    }
}
