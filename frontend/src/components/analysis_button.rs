//! The button that saves an analysis as JSON: the file that `estiva inspect --json` writes, made in the worker.

use estiva_shared::text::escape_name;
use yew::prelude::*;

use super::{Icon, IconName};
use crate::hooks::use_locale;
use crate::i18n::fill;
use crate::services::analyser::Analyser;
use crate::services::download;

/// The props of [`AnalysisButton`].
#[derive(PartialEq, Properties)]
pub struct AnalysisButtonProps {
    /// The name of the file that is open.
    pub name: AttrValue,
    /// What has it open.
    pub reader: Analyser,
}

/// Saves what is known of all images of the file that is open.
#[component]
pub fn AnalysisButton(props: &AnalysisButtonProps) -> Html {
    let locale = use_locale();
    let t = &locale.texts().inspect;
    let failure = use_state(|| None::<String>);
    let (reader, name, told) = (props.reader.clone(), props.name.clone(), failure.setter());
    let onclick = Callback::from(move |_: MouseEvent| {
        let (name, told) = (name.clone(), told.clone());
        told.set(None);
        reader.analysis_json(Callback::from(move |json| match json {
            Ok(json) => download::blob(&format!("{name}.analysis.json"), &json),
            Err(message) => told.set(Some(message)),
        }));
    });
    html! {
        <>
            <button type="button" class="button" data-testid="save-analysis" title={t.save_json_title} {onclick}>
                <Icon name={IconName::File} />{ t.save_json }
            </button>
            if let Some(message) = &*failure {
                <p class="note note-warn" role="alert">{ fill(t.save_json_failed, &[&escape_name(message)]) }</p>
            }
        </>
    }
}
