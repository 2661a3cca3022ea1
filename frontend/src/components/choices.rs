//! Small controls: a labelled field, a button that copies.

use std::sync::atomic::{AtomicU32, Ordering};

use wasm_bindgen_futures::spawn_local;
use yew::prelude::*;

use crate::hooks::use_locale;
use crate::services::dom;
use crate::services::timer::Timer;

/// How long a button says that it has copied, in milliseconds.
const SAY_COPIED_MS: u32 = 1_600;

/// The props of [`Field`].
#[derive(PartialEq, Properties)]
pub struct FieldProps {
    /// Its name.
    pub label: AttrValue,
    /// What to write in it.
    #[prop_or_default]
    pub hint: Option<AttrValue>,
    /// Its text.
    pub value: AttrValue,
    /// The new text.
    pub on_change: Callback<String>,
    /// A name for tests.
    #[prop_or_default]
    pub testid: Option<AttrValue>,
    /// Several lines.
    #[prop_or_default]
    pub long: bool,
    /// What is wrong with it.
    #[prop_or_default]
    pub error: Option<AttrValue>,
}

/// A labelled field of text. What to write in it and what is wrong with it describe it, and are no part of its name.
#[component]
pub fn Field(props: &FieldProps) -> Html {
    let id = use_memo((), |()| next_id());
    let oninput = {
        let on_change = props.on_change.clone();
        Callback::from(move |event: InputEvent| on_change.emit(dom::value_of(&event)))
    };
    let invalid = props.error.is_some().then_some("true");
    let (input, said) = (format!("field-{id}"), format!("field-{id}-note"));
    let described = (props.error.is_some() || props.hint.is_some()).then(|| said.clone());
    html! {
        <div class={classes!("field", props.long.then_some("field-long"))}>
            <label class="field-label" for={input.clone()}>{ &props.label }</label>
            if props.long {
                <textarea id={input} rows="3" class="mono" spellcheck="false" value={props.value.clone()} {oninput}
                    data-testid={props.testid.clone()} aria-invalid={invalid} aria-describedby={described} />
            } else {
                <input id={input} type="text" autocomplete="off" spellcheck="false" value={props.value.clone()} {oninput}
                    data-testid={props.testid.clone()} aria-invalid={invalid} aria-describedby={described} />
            }
            if let Some(error) = &props.error {
                <span id={said} class="field-error" aria-live="polite">{ error }</span>
            } else if let Some(hint) = &props.hint {
                <span id={said} class="field-hint">{ hint }</span>
            }
        </div>
    }
}

/// A number that no other field of the page has.
fn next_id() -> u32 {
    static NEXT: AtomicU32 = AtomicU32::new(0);
    NEXT.fetch_add(1, Ordering::Relaxed)
}

/// The props of [`CopyButton`].
#[derive(PartialEq, Properties)]
pub struct CopyButtonProps {
    /// What it copies.
    pub text: AttrValue,
}

/// A button that copies a text, and says so.
#[component]
pub fn CopyButton(props: &CopyButtonProps) -> Html {
    let texts = use_locale().texts();
    let copied = use_state(|| None::<Timer>);
    let onclick = {
        let (copied, text) = (copied.setter(), props.text.clone());
        Callback::from(move |_| {
            let (copied, text) = (copied.clone(), text.clone());
            spawn_local(async move {
                if dom::copy(&text).await {
                    let back = copied.clone();
                    copied.set(Timer::after(SAY_COPIED_MS, move || back.set(None)));
                }
            });
        })
    };
    let label = if copied.is_some() {
        texts.common.copied
    } else {
        texts.common.copy
    };
    html! { <button type="button" class="button button-small" {onclick} aria-live="polite">{ label }</button> }
}
