//! A group of a form's fields that opens: its name says what is in it, and what of it was filled in.

use yew::prelude::*;

/// The props of [`Group`].
#[derive(PartialEq, Properties)]
pub struct GroupProps {
    /// Its name.
    pub title: AttrValue,
    /// What it is about, while nothing in it was filled in.
    pub note: AttrValue,
    /// What was filled in.
    #[prop_or_default]
    pub filled: Option<AttrValue>,
    /// Its fields.
    pub children: Html,
    /// A name for tests.
    #[prop_or_default]
    pub testid: Option<AttrValue>,
}

/// A group of a form's fields, closed at first.
#[component]
pub fn Group(props: &GroupProps) -> Html {
    let said = match &props.filled {
        Some(filled) => html! { <span class="group-filled">{ filled }</span> },
        None => html! { <span class="group-note">{ &props.note }</span> },
    };
    html! {
        <details class="group">
            <summary data-testid={props.testid.clone()}><span class="group-title">{ &props.title }</span>{ said }</summary>
            <div class="group-body">{ props.children.clone() }</div>
        </details>
    }
}
