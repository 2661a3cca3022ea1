//! An image's layers: what made each, what it adds to those below, how many bytes it has at rest, what it changed.

use estiva_shared::image::{LayerView, LeftOut, split_instruction};
use estiva_shared::text::escape_name;
use yew::prelude::*;

use super::{TickBox, cargo_class};
use crate::hooks::use_locale;
use crate::i18n::{Language, Texts, fill};
use crate::state::by_address::ByAddress;
use estiva_worker::summary::Summary;

/// The props of [`LayerList`].
#[derive(PartialEq, Properties)]
pub struct LayerListProps {
    /// The image.
    pub image: ByAddress<Summary>,
    /// The one that is chosen; none is the merged image.
    pub chosen: Option<usize>,
    /// Another was chosen.
    pub on_choose: Callback<Option<usize>>,
    /// Fetches layers that are not here yet; none where all come by themselves.
    #[prop_or_default]
    pub on_fetch: Option<Callback<Vec<usize>>>,
}

/// The layers as a list, with the merged image above them.
#[component]
pub fn LayerList(props: &LayerListProps) -> Html {
    let locale = use_locale();
    let texts = locale.texts();
    let layers = &props.image.image.layers;
    let total: u64 = layers.iter().map(|layer| layer.uncompressed_bytes).sum();
    let whole = {
        let (choose, chosen) = (props.on_choose.clone(), props.chosen.is_none());
        html! {
            <li>
                <button type="button" class={classes!("layer", "layer-all", chosen.then_some("is-chosen"))}
                    aria-pressed={chosen.to_string()} onclick={move |_| choose.emit(None)}>
                    <span class="layer-name">{ texts.inspect.all_layers }</span>
                    <span class="layer-size">{ locale.language.bytes(total) }</span>
                </button>
            </li>
        }
    };
    let mut below = 0u64;
    let rows = layers.iter().map(|layer| {
        let running = below.saturating_add(layer.uncompressed_bytes);
        let sums = Sums { below, running, total };
        below = running;
        let (choose, index) = (props.on_choose.clone(), layer.index);
        let chosen = props.chosen == Some(index);
        let unread = props.image.unread.contains(&index);
        let fetch = props.on_fetch.clone().filter(|_| unread);
        let missing = match &props.on_fetch {
            Some(_) => texts.inspect.layer_fetch,
            None => texts.inspect.layer_unread,
        };
        let onclick = move |_| {
            choose.emit(Some(index));
            // One that is looked at is fetched anyhow; pressed again, one that did not come.
            if let Some(fetch) = &fetch {
                fetch.emit(vec![index]);
            }
        };
        html! {
            <li key={index} class="layer-line">
                <TickBox one={LeftOut::Layer(index)} name={fill(texts.inspect.layer_n, &[&index.to_string()])} />
                <button type="button" class={classes!("layer", cargo_class(index), chosen.then_some("is-chosen"), unread.then_some("is-unread"))} data-testid="layer-row"
                    aria-pressed={chosen.to_string()} {onclick}>
                    if unread { { unread_row(layer, missing, locale.language, texts) } } else { { layer_row(layer, &sums, locale.language, texts) } }
                </button>
            </li>
        }
    });
    html! { <ol class="layers">{ whole }{ for rows }</ol> }
}

/// Bytes below a layer, with it, and of all.
struct Sums {
    below: u64,
    running: u64,
    total: u64,
}

/// One of which nothing is known but what the manifest and the history say.
fn unread_row(layer: &LayerView, missing: &'static str, language: Language, texts: &Texts) -> Html {
    html! {
        <>
            <span class="layer-index" aria-label={fill(texts.inspect.layer_n, &[&layer.index.to_string()])}>{ layer.index }</span>
            <span class="layer-name mono">{ made_by(layer, texts) }</span>
            <span class="layer-size muted">{ missing }</span>
            if layer.size_bytes > 0 {
                <span class="layer-sums"><span>{ fill(texts.views.at_rest, &[&language.bytes(layer.size_bytes)]) }</span></span>
            }
        </>
    }
}

fn made_by(layer: &LayerView, texts: &Texts) -> Html {
    match &layer.created_by {
        Some(text) => {
            let (name, rest) = split_instruction(text);
            html! { <><b>{ name }</b>{ " " }{ escape_name(&rest).into_owned() }</> }
        }
        None => html! { <i>{ texts.inspect.no_instruction }</i> },
    }
}

fn layer_row(layer: &LayerView, sums: &Sums, language: Language, texts: &Texts) -> Html {
    let v = &texts.views;
    let added = language.bytes(layer.uncompressed_bytes);
    html! {
        <>
            <span class="layer-index" aria-label={fill(texts.inspect.layer_n, &[&layer.index.to_string()])}>{ layer.index }</span>
            <span class="layer-name mono">{ made_by(layer, texts) }</span>
            <span class="layer-size" title={fill(v.contribution, &[&added])}>{ added }</span>
            <span class="layer-bar">{ stacked_bar(sums) }</span>
            <span class="layer-changes">{ changes(layer, language, texts) }</span>
            <span class="layer-sums">
                <span>{ fill(v.at_rest, &[&language.bytes(layer.size_bytes)]) }</span>
                <span>{ fill(v.running, &[&language.bytes(sums.running)]) }</span>
            </span>
        </>
    }
}

/// What a layer adds, on what lies below it.
fn stacked_bar(sums: &Sums) -> Html {
    let percent = |bytes: u64| format!("{:.2}%", bytes as f64 * 100.0 / sums.total.max(1) as f64);
    html! {
        <svg class="bar" width="100%" height="8" aria-hidden="true">
            <rect class="bar-track" width="100%" height="8" rx="1" />
            <rect class="bar-below" width={percent(sums.below)} height="8" rx="1" />
            <rect class="bar-fill" x={percent(sums.below)} width={percent(sums.running - sums.below)} height="8" rx="1" />
        </svg>
    }
}

fn changes(layer: &LayerView, language: Language, texts: &Texts) -> Html {
    let mark = |count: u64, sign: &str, class: &'static str, word: &str| {
        (count > 0).then(|| {
            let (number, said) = (language.number(count), language.count(count, word));
            html! { <span class={class} title={said.clone()} aria-label={said}>{ format!("{sign}{number}") }</span> }
        })
    };
    html! {
        <>
            { mark(layer.added, "+", "mark-added", texts.inspect.added_count) }
            { mark(layer.changed, "~", "mark-changed", texts.inspect.changed_count) }
            { mark(layer.removed, "−", "mark-removed", texts.inspect.removed_count) }
        </>
    }
}
