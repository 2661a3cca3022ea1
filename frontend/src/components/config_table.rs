//! What an image says of itself: its configuration, explained field by field, and its history line by line.

use estiva_shared::text::escape_name;
use yew::prelude::*;

use super::cargo_class;
use crate::hooks::use_locale;
use crate::i18n::fill;
use crate::state::by_address::ByAddress;
use estiva_worker::summary::Summary;

/// The props of [`ConfigTable`].
#[derive(PartialEq, Properties)]
pub struct ImageProps {
    /// The image.
    pub image: ByAddress<Summary>,
}

/// An image's identity, and what a container of it starts with.
#[component]
pub fn ConfigTable(props: &ImageProps) -> Html {
    let texts = use_locale().texts();
    let (t, v) = (&texts.inspect, &texts.views);
    let image = &props.image.image;
    let config = &image.config;
    let labels: Vec<String> = config
        .labels
        .iter()
        .map(|(name, value)| format!("{name}={value}"))
        .collect();
    let one = |value: &Option<String>| value.iter().cloned().collect::<Vec<String>>();
    let start = vec![
        (
            t.config_entrypoint,
            v.explain_entrypoint,
            words(&config.entrypoint),
        ),
        (t.config_cmd, v.explain_cmd, words(&config.cmd)),
        (t.config_user, v.explain_user, one(&config.user)),
        (
            t.config_workdir,
            v.explain_workdir,
            one(&config.working_dir),
        ),
        (t.config_env, v.explain_env, config.env.clone()),
        (
            t.config_ports,
            v.explain_ports,
            config.exposed_ports.clone(),
        ),
        (t.config_volumes, v.explain_volumes, config.volumes.clone()),
        (t.config_labels, v.explain_labels, labels),
        (t.config_stop, v.explain_stop, one(&config.stop_signal)),
    ];
    let identity = vec![
        (t.config_id, v.explain_id, vec![image.config_digest.clone()]),
        (
            t.config_manifest,
            v.explain_manifest,
            one(&image.manifest_digest),
        ),
        (t.config_names, v.explain_names, image.names.clone()),
        (
            t.config_platform,
            v.explain_platform,
            vec![image.platform.clone()],
        ),
        (t.config_created, v.explain_created, one(&image.created)),
        (
            t.config_format,
            v.explain_format,
            vec![image.format.clone()],
        ),
    ];
    let table = |rows: Vec<(&'static str, &'static str, Vec<String>)>| {
        let rows = rows.into_iter().map(|(name, explained, values)| {
            let none = html! { <span class="muted">{ t.config_none }</span> };
            let values = values.iter().map(|value| html! { <code class="break">{ escape_name(value).into_owned() }</code> });
            let values: Vec<Html> = values.collect();
            html! { <><dt>{ name }</dt><dd>{ if values.is_empty() { none } else { html! { { for values } } } }<span class="explained">{ explained }</span></dd></> }
        });
        html! { <dl class="table">{ for rows }</dl> }
    };
    html! {
        <>
            <p class="note">{ t.config_note }</p>
            if config.user.as_deref().unwrap_or_default().is_empty() { <p class="note note-warn">{ t.root_note }</p> }
            { table(start) }
            { table(identity) }
        </>
    }
}

/// Words as the exec form writes them; nothing for none.
fn words(words: &[String]) -> Vec<String> {
    if words.is_empty() {
        Vec::new()
    } else {
        vec![format!("{words:?}")]
    }
}

/// The props of [`HistoryTable`].
#[derive(PartialEq, Properties)]
pub struct HistoryProps {
    /// The image.
    pub image: ByAddress<Summary>,
    /// A layer was chosen.
    pub on_choose: Callback<Option<usize>>,
}

/// Every line of an image's history, with the layer that it made.
#[component]
pub fn HistoryTable(props: &HistoryProps) -> Html {
    let texts = use_locale().texts();
    let t = &texts.inspect;
    let lines = props.image.image.history.iter().map(|line| {
        let made = match line.layer {
            Some(layer) => {
                let (choose, number) = (props.on_choose.clone(), layer.to_string());
                html! {
                    <button type="button" class={classes!("chip", "chip-button", cargo_class(layer))} aria-label={fill(texts.views.history_go, &[&number])}
                        onclick={move |_| choose.emit(Some(layer))}>{ fill(t.layer_n, &[&number]) }</button>
                }
            }
            None => html! { <span class="chip chip-none">{ t.no_layer }</span> },
        };
        html! {
            <li>{ made }<span class="history-line"><code class="break">{ escape_name(&line.created_by).into_owned() }</code>
                if let Some(created) = &line.created { <span class="muted">{ escape_name(created).into_owned() }</span> }</span></li>
        }
    });
    html! { <ol class="history">{ for lines }</ol> }
}
