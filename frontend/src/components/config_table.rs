//! What an image says of itself: its configuration, and its history line by line.

use estiva_shared::text::escape_name;
use yew::prelude::*;

use super::cargo_class;
use crate::hooks::use_locale;
use crate::i18n::fill;
use crate::state::by_address::ByAddress;
use crate::state::summary::Summary;

/// The props of [`ConfigTable`] and [`HistoryTable`].
#[derive(PartialEq, Properties)]
pub struct ImageProps {
    /// The image.
    pub image: ByAddress<Summary>,
}

/// An image's identity, and what a container of it starts with.
#[component]
pub fn ConfigTable(props: &ImageProps) -> Html {
    let texts = use_locale().texts();
    let t = &texts.inspect;
    let image = &props.image.image;
    let config = &image.config;
    let labels: Vec<String> = config
        .labels
        .iter()
        .map(|(name, value)| format!("{name}={value}"))
        .collect();
    let one = |value: &Option<String>| value.iter().cloned().collect::<Vec<String>>();
    let start: Vec<(&str, Vec<String>)> = vec![
        (t.config_entrypoint, words(&config.entrypoint)),
        (t.config_cmd, words(&config.cmd)),
        (t.config_user, one(&config.user)),
        (t.config_workdir, one(&config.working_dir)),
        (t.config_env, config.env.clone()),
        (t.config_ports, config.exposed_ports.clone()),
        (t.config_volumes, config.volumes.clone()),
        (t.config_labels, labels),
        (t.config_stop, one(&config.stop_signal)),
    ];
    let identity: Vec<(&str, Vec<String>)> = vec![
        (t.config_id, vec![image.config_digest.clone()]),
        (t.config_manifest, one(&image.manifest_digest)),
        (t.config_names, image.names.clone()),
        (t.config_platform, vec![image.platform.clone()]),
        (t.config_created, one(&image.created)),
        (t.config_format, vec![image.format.clone()]),
    ];
    let table = |rows: Vec<(&str, Vec<String>)>| {
        let rows = rows.into_iter().map(|(name, values)| {
            let none = html! { <span class="muted">{ t.config_none }</span> };
            let values = values.iter().map(|value| html! { <code class="break">{ escape_name(value).into_owned() }</code> });
            let values: Vec<Html> = values.collect();
            html! { <><dt>{ name.to_owned() }</dt><dd>{ if values.is_empty() { none } else { html! { { for values } } } }</dd></> }
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

/// Every line of an image's history, with the layer that it made.
#[component]
pub fn HistoryTable(props: &ImageProps) -> Html {
    let t = &use_locale().texts().inspect;
    let lines = props.image.image.history.iter().map(|line| {
        let made = match line.layer {
            Some(layer) => html! { <span class={classes!("chip", cargo_class(layer))}>{ fill(t.layer_n, &[&layer.to_string()]) }</span> },
            None => html! { <span class="chip chip-none">{ t.no_layer }</span> },
        };
        html! { <li>{ made }<code class="break">{ escape_name(&line.created_by).into_owned() }</code></li> }
    });
    html! { <ol class="history">{ for lines }</ol> }
}
