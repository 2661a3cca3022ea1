//! Where the page's own files are, and whether a server stands behind it.
//!
//! A server sends the page from the root of its addresses. As static files (`estiva site`) it lies in any folder: its documents
//! then name that folder in a `base` element, and say by a `meta` element that there is no server.

use wasm_bindgen::{JsCast, JsValue};
use web_sys::{Document, HtmlBaseElement};

/// The mark of a page without a server, as `estiva site` writes it.
const MARK: &str = r#"meta[name="estiva-server"][content="none"]"#;

/// Makes the base independent of the address, which changes as one goes from page to page. To be called before all else.
///
/// A folder's address ends with a slash, which the page's own addresses have not: it goes.
pub fn settle() {
    let Some(window) = web_sys::window() else {
        return;
    };
    let Some(base) = window.document().as_ref().and_then(base_element) else {
        return;
    };
    let whole = base.href();
    base.set_href(&whole);
    let (Ok(root), Ok(path)) = (
        web_sys::Url::new(&whole).map(|url| url.pathname()),
        window.location().pathname(),
    ) else {
        return;
    };
    if let (Some(short), Ok(history)) = (without_slash(&root, &path), window.history()) {
        let location = window.location();
        let rest = format!(
            "{}{}",
            location.search().unwrap_or_default(),
            location.hash().unwrap_or_default()
        );
        // A browser that refuses shows the page all the same.
        let _ = history.replace_state_with_url(&JsValue::NULL, "", Some(&format!("{short}{rest}")));
    }
}

/// The address of a file of the page's build.
pub fn file(name: &str) -> String {
    let document = web_sys::window().and_then(|window| window.document());
    match document.as_ref().and_then(base_element) {
        Some(base) => format!("{}{name}", base.href()),
        None => format!("/{name}"),
    }
}

/// Whether no server stands behind the page.
pub fn is_alone() -> bool {
    let document = web_sys::window().and_then(|window| window.document());
    document.is_some_and(|document| matches!(document.query_selector(MARK), Ok(Some(_))))
}

fn base_element(document: &Document) -> Option<HtmlBaseElement> {
    let found = document.query_selector("base[href]").ok()??;
    found.dyn_into().ok()
}

/// A path below the root without the slash at its end; none where nothing is to be changed.
fn without_slash<'a>(root: &str, path: &'a str) -> Option<&'a str> {
    let below = path.strip_prefix(root)?;
    (!below.is_empty() && below.ends_with('/')).then(|| path.trim_end_matches('/'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_s_slash_goes_and_the_root_s_stays() {
        let cases = [
            ("/estiva/", "/estiva/compare/", Some("/estiva/compare")),
            ("/estiva/", "/estiva/compare", None),
            ("/estiva/", "/estiva/", None),
            ("/", "/compare/", Some("/compare")),
            ("/", "/", None),
            ("/estiva/", "/other/", None),
        ];
        for (root, path, expected) in cases {
            assert_eq!(without_slash(root, path), expected, "{path}");
        }
    }
}
