//! A link to an image's address on the inspector, or back to the list without one.

use web_sys::MouseEvent;
use yew::prelude::*;
use yew_router::prelude::*;

use crate::routes::Route;
use crate::services::{base, dom};
use crate::state::choice::ImageQuery;

/// The props of [`QueryLink`].
#[derive(PartialEq, Properties)]
pub struct QueryLinkProps {
    /// The image.
    pub query: ImageQuery,
    /// What it shows.
    pub children: Html,
    /// Classes.
    #[prop_or_default]
    pub class: Classes,
    /// A name for tests.
    #[prop_or_default]
    pub testid: Option<AttrValue>,
}

/// A link to an image of the archive that is open.
#[component]
pub fn QueryLink(props: &QueryLinkProps) -> Html {
    let navigator = use_navigator();
    let query = props.query.clone();
    let onclick = Callback::from(move |event: MouseEvent| {
        // A new tab has no file open, but its address still says which image is meant.
        let plain = event.button() == 0
            && !(event.ctrl_key() || event.meta_key() || event.shift_key() || event.alt_key());
        if let (true, Some(navigator)) = (plain, &navigator) {
            event.prevent_default();
            // A query of one text is always written.
            let _ = navigator.push_with_query(&Route::Inspect, &query);
            dom::to_top();
            dom::focus_content();
        }
    });
    let path = base::file("");
    let href = match &props.query.image {
        Some(image) => format!("{path}?image={}", js_sys::encode_uri_component(image)),
        None => path,
    };
    html! {
        <a {href} class={props.class.clone()} data-testid={props.testid.clone()} {onclick}>{ props.children.clone() }</a>
    }
}
