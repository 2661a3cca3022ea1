//! Where the name of an image is written that is looked at where its registry has it.

use yew::prelude::*;

use super::{Field, Icon, IconName};
use crate::hooks::use_locale;
use crate::i18n::fill;
use crate::state::pull::{in_full, is_half_typed};

/// The props of [`RemoteForm`].
#[derive(PartialEq, Properties)]
pub struct RemoteFormProps {
    /// This one is wanted.
    pub on_open: Callback<String>,
}

/// The form.
#[component]
pub fn RemoteForm(props: &RemoteFormProps) -> Html {
    let locale = use_locale();
    let (t, pull) = (&locale.texts().inspect, &locale.texts().pull);
    let typed = use_state(String::new);
    let is_sent = use_state(|| false);
    let full = in_full(&typed);
    let onsubmit = {
        let (is_sent, typed) = (is_sent.setter(), typed.clone());
        let (on_open, is_good) = (props.on_open.clone(), matches!(full, Ok(Some(_))));
        Callback::from(move |event: SubmitEvent| {
            event.prevent_default();
            is_sent.set(!is_good);
            if is_good {
                on_open.emit(typed.trim().to_owned());
            }
        })
    };
    let on_change = {
        let typed = typed.setter();
        Callback::from(move |text| typed.set(text))
    };
    let (hint, error) = match &full {
        Ok(Some(full)) => (fill(pull.asked_for, &[full]), None),
        Ok(None) => {
            let missing = is_sent.then(|| pull.reference_missing.to_owned());
            (t.remote_hint.to_owned(), missing)
        }
        Err(_) if !*is_sent && is_half_typed(&typed) => (t.remote_hint.to_owned(), None),
        Err(error) => {
            let error = fill(pull.reference_bad, &[&error.to_string()]);
            (String::new(), Some(error))
        }
    };
    html! {
        <section class="panel remote" aria-label={t.remote_title}>
            <form class="pull-form" {onsubmit}>
                <Field label={t.remote_title} {hint} {error} value={(*typed).clone()} {on_change} testid="remote-reference" />
                <button type="submit" class="button" data-testid="remote-open"><Icon name={IconName::Inspect} />{ t.remote_open }</button>
            </form>
        </section>
    }
}
