//! An address without a page.

use yew::prelude::*;

use crate::components::Empty;
use crate::hooks::use_locale;

/// An address without a page.
#[component]
pub fn NotFoundPage() -> Html {
    let texts = use_locale().texts();
    html! { <Empty title={texts.common.not_found_title} body={texts.common.not_found_body} heads_page=true /> }
}
