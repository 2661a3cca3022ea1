//! The document's title: what the page is about, then the program.

use yew::prelude::*;

use crate::services::dom;

/// Names what the page is about in the document's title.
#[hook]
pub fn use_title(subject: &str) {
    use_effect_with(subject.to_owned(), |subject| {
        dom::set_title(&format!("{subject} · Estiva"));
    });
}
