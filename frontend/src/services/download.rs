//! A file for the browser to save, made on this page.

use js_sys::Array;
use wasm_bindgen::prelude::*;
use web_sys::{Blob, BlobPropertyBag, HtmlElement, Url};

use super::timer::Timer;

/// How long the file stays readable: the browser begins to save it after the press has returned.
const KEPT_MS: u32 = 60_000;

/// Has the browser save an HTML page under this name.
pub fn page(name: &str, html: &str) {
    text(name, "text/html;charset=utf-8", html);
}

/// Has the browser save a JSON document under this name.
pub fn json(name: &str, json: &str) {
    text(name, "application/json", json);
}

fn text(name: &str, media_type: &str, text: &str) {
    let options = BlobPropertyBag::new();
    options.set_type(media_type);
    let parts = Array::of1(&JsValue::from_str(text));
    let Ok(blob) = Blob::new_with_str_sequence_and_options(&parts, &options) else {
        return;
    };
    let Ok(url) = Url::create_object_url_with_blob(&blob) else {
        return;
    };
    let anchor = web_sys::window()
        .and_then(|window| window.document())
        .and_then(|document| document.create_element("a").ok())
        .and_then(|element| element.dyn_into::<HtmlElement>().ok());
    if let Some(anchor) = anchor {
        // Setting an attribute of a plain name does not fail.
        let _ = anchor.set_attribute("href", &url);
        let _ = anchor.set_attribute("download", name);
        anchor.click();
    }
    let timer = Timer::after(KEPT_MS, move || {
        let _ = Url::revoke_object_url(&url);
    });
    // It is to ring though nobody holds it.
    std::mem::forget(timer);
}
