//! A field of a row: its label is always there for who can't see it, and shown where the style sheet shows it.

use yew::prelude::*;

use crate::services::dom;

/// The props of [`Cell`].
#[derive(PartialEq, Properties)]
pub struct CellProps {
    /// Its name.
    pub label: AttrValue,
    /// Its text.
    pub value: AttrValue,
    /// The new text.
    pub on_change: Callback<String>,
    /// One leaves it.
    #[prop_or_default]
    pub on_settle: Callback<()>,
    /// Something is pasted into it; who takes it prevents the event's default.
    #[prop_or_default]
    pub on_paste: Callback<Event>,
    /// The id of the element that says what is wrong with it, where something is.
    #[prop_or_default]
    pub wrong: Option<AttrValue>,
    /// What stands in it while it is empty.
    #[prop_or_default]
    pub placeholder: Option<AttrValue>,
    /// The id of the list that it can be chosen from.
    #[prop_or_default]
    pub list: Option<AttrValue>,
    /// A whole number: small keyboards show digits.
    #[prop_or_default]
    pub digits: bool,
    /// The keyboard goes there when it comes.
    #[prop_or_default]
    pub takes_focus: bool,
    /// Further classes.
    #[prop_or_default]
    pub class: Classes,
    /// A name for tests.
    #[prop_or_default]
    pub testid: Option<AttrValue>,
}

/// A field of a row.
#[component]
pub fn Cell(props: &CellProps) -> Html {
    let node = use_node_ref();
    {
        let (node, takes_focus) = (node.clone(), props.takes_focus);
        use_effect_with((), move |()| {
            if takes_focus {
                dom::focus(&node);
            }
        });
    }
    let oninput = {
        let on_change = props.on_change.clone();
        Callback::from(move |event: InputEvent| on_change.emit(dom::value_of(&event)))
    };
    let onchange = props.on_settle.reform(|_: Event| ());
    let onpaste = props.on_paste.clone();
    html! {
        <label class={classes!("cell", props.class.clone())}>
            <span class="cell-label">{ &props.label }</span>
            <input ref={node} type="text" autocomplete="off" autocapitalize="off" spellcheck="false" value={props.value.clone()}
                {oninput} {onchange} {onpaste} placeholder={props.placeholder.clone()} list={props.list.clone()}
                inputmode={props.digits.then_some("numeric")} data-testid={props.testid.clone()}
                aria-invalid={props.wrong.is_some().then_some("true")} aria-describedby={props.wrong.clone()} />
        </label>
    }
}
