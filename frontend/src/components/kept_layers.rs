//! How many layers were known from another time, and the button that has them forgotten.

use yew::prelude::*;

use crate::hooks::use_locale;
use crate::i18n::fill;
use crate::services::analyser::Analyser;

/// The props of [`KeptLayers`].
#[derive(PartialEq, Properties)]
pub struct KeptLayersProps {
    /// Layers of what is open that were kept.
    pub count: usize,
    /// The worker that has it open.
    pub reader: Analyser,
}

/// What is kept in this browser; nothing where nothing was.
#[component]
pub fn KeptLayers(props: &KeptLayersProps) -> Html {
    let locale = use_locale();
    let t = &locale.texts().inspect;
    let forgotten = use_state_eq(|| None::<usize>);
    if props.count == 0 {
        return Html::default();
    }
    let onclick = {
        let (reader, forgotten) = (props.reader.clone(), forgotten.setter());
        Callback::from(move |_: MouseEvent| {
            let forgotten = forgotten.clone();
            reader.forget(Callback::from(move |layers: Result<usize, String>| {
                forgotten.set(layers.ok());
            }));
        })
    };
    let count = |layers: usize| {
        locale
            .language
            .count(layers as u64, locale.texts().common.layers)
    };
    match *forgotten {
        Some(layers) => {
            html! { <span class="pill" role="status" data-testid="kept-layers">{ fill(t.kept_forgotten, &[&count(layers)]) }</span> }
        }
        None => html! {
            <span class="pill" title={t.kept_title} data-testid="kept-layers">{ fill(t.kept, &[&count(props.count)]) }
                <button type="button" class="link-button" title={t.kept_forget_title} data-testid="forget-layers" {onclick}>{ t.kept_forget }</button>
            </span>
        },
    }
}
