//! A file for the browser to save, made on this page.

use js_sys::{Array, Uint8Array};
use wasm_bindgen::prelude::*;
use web_sys::{Blob, BlobPropertyBag, HtmlElement, Url};

use super::timer::Timer;

/// How long the file stays readable: the browser begins to save it after the press has returned.
const KEPT_MS: u32 = 60_000;

/// Has the browser save an HTML page under this name.
pub fn page(name: &str, html: &str) {
    text(name, "text/html;charset=utf-8", html);
}

/// Has the browser save a plain text under this name.
pub fn plain(name: &str, plain: &str) {
    // As text/plain, browsers would end its name with .txt.
    text(name, "application/octet-stream", plain);
}

/// Has the browser save a JSON document under this name.
pub fn json(name: &str, json: &str) {
    text(name, "application/json", json);
}

fn text(name: &str, media_type: &str, text: &str) {
    let options = BlobPropertyBag::new();
    options.set_type(media_type);
    let parts = Array::of1(&JsValue::from_str(text));
    if let Ok(made) = Blob::new_with_str_sequence_and_options(&parts, &options) {
        blob(name, &made);
    }
}

/// Has the browser save bytes under this name.
pub fn blob(name: &str, blob: &Blob) {
    let Ok(url) = Url::create_object_url_with_blob(blob) else {
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

/// An address on this page for bytes, as long as this lives.
#[derive(Debug, PartialEq)]
pub struct ObjectUrl(String);

impl ObjectUrl {
    /// One for bytes of a media type; none where the browser has no room for them.
    pub fn of(bytes: &[u8], media_type: &str) -> Option<Self> {
        let options = BlobPropertyBag::new();
        options.set_type(media_type);
        let parts = Array::of1(&Uint8Array::from(bytes));
        let blob = Blob::new_with_u8_array_sequence_and_options(&parts, &options).ok()?;
        Url::create_object_url_with_blob(&blob).ok().map(Self)
    }

    /// The address.
    pub fn address(&self) -> &str {
        &self.0
    }
}

impl Drop for ObjectUrl {
    fn drop(&mut self) {
        let _ = Url::revoke_object_url(&self.0);
    }
}
