//! A link to another page of this app, that can carry a name for tests and a mark for where one is.

use web_sys::MouseEvent;
use yew::prelude::*;
use yew_router::prelude::*;
use yew_router::query::Raw;

use crate::routes::Route;
use crate::services::dom;

/// The props of [`NavLink`].
#[derive(PartialEq, Properties)]
pub struct NavLinkProps {
    /// Where it leads.
    pub to: Route,
    /// What stands behind the address's `?`, encoded.
    #[prop_or_default]
    pub query: Option<AttrValue>,
    /// What it shows.
    pub children: Html,
    /// Classes.
    #[prop_or_default]
    pub class: Classes,
    /// A name for tests.
    #[prop_or_default]
    pub testid: Option<AttrValue>,
    /// Whether this is where one is.
    #[prop_or_default]
    pub current: bool,
}

/// A link to another page of this app.
#[component]
pub fn NavLink(props: &NavLinkProps) -> Html {
    let navigator = use_navigator();
    let (to, query) = (props.to.clone(), props.query.clone());
    let path = props.to.to_path();
    let href = match &props.query {
        Some(query) => format!("{path}?{query}"),
        None => path,
    };
    let onclick = Callback::from(move |event: MouseEvent| {
        // A press with a key held opens a new tab, and is the browser's.
        let plain = event.button() == 0
            && !(event.ctrl_key() || event.meta_key() || event.shift_key() || event.alt_key());
        if let (true, Some(navigator)) = (plain, &navigator) {
            event.prevent_default();
            match &query {
                // A raw query is written as it is.
                Some(query) => drop(navigator.push_with_query(&to, Raw(query.as_str()))),
                None => navigator.push(&to),
            }
            dom::to_top();
        }
    });
    html! {
        <a {href} class={props.class.clone()} data-testid={props.testid.clone()} {onclick}
            aria-current={props.current.then_some("page")}>
            { props.children.clone() }
        </a>
    }
}
