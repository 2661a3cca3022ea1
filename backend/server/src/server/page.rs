//! The dashboard's files, as they were built into the program.
//!
//! Files whose name holds a digest never change, so a browser may keep them for good; `index.html` names them and is
//! asked for each time.

use axum::body::Body;
use axum::http::{HeaderValue, StatusCode, Uri, header};
use axum::response::{IntoResponse, Response};

use super::error::ApiError;
use super::headers;

/// For a file whose name holds its digest.
const FOR_GOOD: &str = "public, max-age=31536000, immutable";

/// For the rest: kept, but asked about each time.
const ASK_EACH_TIME: &str = "no-cache";

/// The page's own addresses (`frontend/src/routes.rs`), by their first segment. What stands below one is a name that may
/// hold anything, a dot too, such as `/images/node%3A20.1`.
const SECTIONS: [&str; 5] = ["images", "compare", "build", "containers", "share"];

/// Digits that trunk puts into a file's name, `page-9f86d081884c7d65_bg.wasm`.
const NAME_DIGITS_MIN: usize = 12;

/// The files, ready to be served.
#[derive(Debug)]
pub(crate) struct Page {
    files: &'static [(&'static str, &'static [u8])],
    policy: HeaderValue,
}

impl Page {
    /// The page of these files: path below `/`, content.
    pub(crate) fn new(files: &'static [(&'static str, &'static [u8])]) -> Self {
        let index = files
            .iter()
            .find(|(name, _)| *name == "index.html")
            .map_or("", |(_, bytes)| {
                std::str::from_utf8(bytes).unwrap_or_default()
            });
        let policy = HeaderValue::try_from(headers::page_policy(index))
            .expect("the policy is made of ASCII words and base64");
        Self { files, policy }
    }

    /// The file of this path. A path that names no file, but could be one of the page's own routes, gets `index.html`.
    pub(crate) fn answer(&self, uri: &Uri) -> Response {
        if self.files.is_empty() {
            let message = "this program was built without its page";
            return ApiError::not_found("no-page", message)
                .hint(Some("run: make run".to_owned()))
                .into_response();
        }
        let path = uri.path().trim_start_matches('/');
        let found = self
            .file(path)
            .or_else(|| is_route(path).then(|| self.file("index.html")).flatten());
        match found {
            Some((name, bytes)) => self.serve(name, bytes),
            None => ApiError::not_found("unknown-route", "nothing is at this path").into_response(),
        }
    }

    fn file(&self, path: &str) -> Option<(&'static str, &'static [u8])> {
        self.files.iter().find(|(name, _)| *name == path).copied()
    }

    fn serve(&self, name: &'static str, bytes: &'static [u8]) -> Response {
        let cache = if has_digest(name) {
            FOR_GOOD
        } else {
            ASK_EACH_TIME
        };
        let mut response = (StatusCode::OK, Body::from(bytes)).into_response();
        let headers = response.headers_mut();
        headers.insert(
            header::CONTENT_TYPE,
            HeaderValue::from_static(media_type(name)),
        );
        headers.insert(header::CACHE_CONTROL, HeaderValue::from_static(cache));
        // A worker's script carries the policy that the worker runs under, so every file has it.
        headers.insert(header::CONTENT_SECURITY_POLICY, self.policy.clone());
        response
    }
}

/// Whether a path that names no file is the page's: below one of its sections, or without the ending that a file has.
fn is_route(path: &str) -> bool {
    let (section, last) = (path.split('/').next(), path.rsplit('/').next());
    section.is_some_and(|section| SECTIONS.contains(&section))
        || !last.is_some_and(|last| last.contains('.'))
}

/// Whether a part of the name is a digest.
fn has_digest(name: &str) -> bool {
    name.split(|letter: char| !letter.is_ascii_alphanumeric())
        .any(|part| {
            part.len() >= NAME_DIGITS_MIN
                && part
                    .bytes()
                    .all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
        })
}

/// The media type by the name's ending. WebAssembly is compiled while it streams in only under its own type.
fn media_type(name: &str) -> &'static str {
    match name.rsplit('.').next().unwrap_or_default() {
        "html" => "text/html; charset=utf-8",
        "js" | "mjs" => "text/javascript; charset=utf-8",
        "css" => "text/css; charset=utf-8",
        "wasm" => "application/wasm",
        "svg" => "image/svg+xml",
        "png" => "image/png",
        "ico" => "image/x-icon",
        "woff2" => "font/woff2",
        "json" => "application/json",
        "webmanifest" => "application/manifest+json",
        "txt" => "text/plain; charset=utf-8",
        _ => "application/octet-stream",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    static FILES: &[(&str, &[u8])] = &[
        ("index.html", b"<script>start()</script>"),
        ("page-9f86d081884c7d65_bg.wasm", b"\0asm"),
        ("icon.svg", b"<svg/>"),
    ];

    fn get(files: &'static [(&'static str, &'static [u8])], path: &str) -> Response {
        Page::new(files).answer(&path.parse().unwrap())
    }

    #[test]
    fn files_have_their_type_and_digests_in_names_are_kept_for_good() {
        let wasm = get(FILES, "/page-9f86d081884c7d65_bg.wasm");
        assert_eq!(wasm.headers()[header::CONTENT_TYPE], "application/wasm");
        assert_eq!(wasm.headers()[header::CACHE_CONTROL], FOR_GOOD);
        assert_eq!(
            get(FILES, "/icon.svg").headers()[header::CACHE_CONTROL],
            ASK_EACH_TIME
        );
    }

    #[test]
    fn the_pages_own_routes_get_its_index_and_missing_files_do_not() {
        for path in [
            "/",
            "/images",
            "/compare",
            "/images/node%3A20.1",
            "/images/registry.example%2Fteam%2Fapi%3A1.0",
            "/containers/abc",
            "/nowhere",
            "/index.html",
        ] {
            let answer = get(FILES, path);
            assert_eq!(answer.status(), StatusCode::OK, "{path}");
            assert_eq!(
                answer.headers()[header::CONTENT_TYPE],
                "text/html; charset=utf-8"
            );
            assert!(
                answer.headers()[header::CONTENT_SECURITY_POLICY]
                    .to_str()
                    .unwrap()
                    .contains("sha256-")
            );
        }
        for path in [
            "/missing.js",
            "/../../etc/passwd.txt",
            "/.git",
            "/imagesx/a.b",
        ] {
            assert_eq!(get(FILES, path).status(), StatusCode::NOT_FOUND, "{path}");
        }
    }

    #[test]
    fn a_program_without_its_page_says_so() {
        assert_eq!(get(&[], "/").status(), StatusCode::NOT_FOUND);
    }
}
