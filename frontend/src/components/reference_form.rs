//! Where the name of an image of a registry is written: spelled out as it will be asked for, and never sent where it is none.

use yew::prelude::*;

use super::Field;
use crate::hooks::use_locale;
use crate::i18n::fill;
use crate::state::pull::{in_full, is_half_typed};

/// The props of [`ReferenceForm`].
#[derive(PartialEq, Properties)]
pub struct ReferenceFormProps {
    /// What the name is for.
    pub label: AttrValue,
    /// What to write, where nothing is written.
    pub hint: &'static str,
    /// A name for tests.
    pub testid: AttrValue,
    /// This one is wanted.
    pub on_submit: Callback<String>,
    /// The button.
    pub children: Html,
}

/// The form.
#[component]
pub fn ReferenceForm(props: &ReferenceFormProps) -> Html {
    let locale = use_locale();
    let t = &locale.texts().pull;
    let typed = use_state(String::new);
    let is_sent = use_state(|| false);
    let full = in_full(&typed);
    let onsubmit = {
        let (is_sent, typed) = (is_sent.setter(), typed.clone());
        let (on_submit, is_good) = (props.on_submit.clone(), matches!(full, Ok(Some(_))));
        Callback::from(move |event: SubmitEvent| {
            event.prevent_default();
            is_sent.set(!is_good);
            if is_good {
                on_submit.emit(typed.trim().to_owned());
            }
        })
    };
    let on_change = {
        let typed = typed.setter();
        Callback::from(move |text| typed.set(text))
    };
    let (hint, error) = match &full {
        Ok(Some(full)) => (fill(t.asked_for, &[full]), None),
        Ok(None) => {
            let missing = is_sent.then(|| t.reference_missing.to_owned());
            (props.hint.to_owned(), missing)
        }
        Err(_) if !*is_sent && is_half_typed(&typed) => (props.hint.to_owned(), None),
        Err(error) => {
            let error = fill(t.reference_bad, &[&error.to_string()]);
            (String::new(), Some(error))
        }
    };
    html! {
        <form class="pull-form" {onsubmit}>
            <Field label={props.label.clone()} {hint} {error} value={(*typed).clone()} {on_change} testid={props.testid.clone()} />
            { props.children.clone() }
        </form>
    }
}
