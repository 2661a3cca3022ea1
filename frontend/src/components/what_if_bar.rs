//! What the image would weigh without what is ticked: the sums at the foot of the window, and what they are made of.

use estiva_shared::image::{LeftOut, WhatIf, WhatIfPart};
use estiva_shared::text::escape_name;
use yew::prelude::*;

use super::suggestions::{cause_name, layer_line};
use super::{Icon, IconName, cargo_class};
use crate::hooks::{Locale, PlaceHandle, use_asked, use_locale, use_ticks};
use crate::i18n::{Texts, fill};
use crate::services::analyser::FilesAsk;
use crate::state::by_address::ByAddress;
use crate::state::place::{Place, Way};
use crate::state::ticked::TICKED_MAX;
use estiva_worker::summary::Summary;

/// The props of [`WhatIfBar`].
#[derive(PartialEq, Properties)]
pub struct WhatIfBarProps {
    /// The image.
    pub image: ByAddress<Summary>,
    /// What is looked at.
    pub place: PlaceHandle,
    /// The way to its files.
    pub files: Callback<FilesAsk>,
}

/// What the image would weigh; nothing where nothing can be ticked.
#[component]
pub fn WhatIfBar(props: &WhatIfBarProps) -> Html {
    let locale = use_locale();
    let texts = locale.texts();
    let t = &texts.what_if;
    let ticked = props.place.place.without.clone();
    let wish = ticked.clone().filter(|ticked| !ticked.is_empty());
    let asking = props
        .files
        .reform(|(ticked, reply)| FilesAsk::WhatIf(ticked, reply));
    let found = use_asked::<Vec<LeftOut>, WhatIf>(props.image.clone(), wish, asking);
    let Some(ticked) = ticked else {
        return Html::default();
    };
    let go_with = |without: Option<Vec<LeftOut>>| {
        let PlaceHandle { place, go, .. } = props.place.clone();
        let next = Place { without, ..place };
        move |_: MouseEvent| go.emit((next.clone(), Way::Step))
    };
    let body = match &found {
        _ if ticked.is_empty() => html! { <p class="what-if-said">{ t.nothing }</p> },
        None => html! { <p class="what-if-said" role="status">{ t.counting }</p> },
        Some(Err(message)) => {
            html! { <p class="what-if-said bad" role="alert">{ fill(t.failed, &[&escape_name(message)]) }</p> }
        }
        Some(Ok(found)) => sums(found, &locale),
    };
    let found = found.and_then(Result::ok).filter(|_| !ticked.is_empty());
    html! {
        <section class="what-if" aria-label={t.title} data-testid="what-if">
            <div class="what-if-head">
                <h2>{ t.title }</h2>
                { body }
                <div class="actions">
                    if !ticked.is_empty() {
                        <button type="button" class="button button-small" data-testid="untick-all" onclick={go_with(Some(Vec::new()))}>{ t.untick_all }</button>
                    }
                    <button type="button" class="button button-small" data-testid="what-if-close" onclick={go_with(None)}>{ texts.common.close }</button>
                </div>
            </div>
            if ticked.len() >= TICKED_MAX { <p class="note note-warn" role="status">{ fill(t.full, &[&TICKED_MAX.to_string()]) }</p> }
            if let Some(found) = found {
                <Parts image={props.image.clone()} {found} />
            }
        </section>
    }
}

/// The two sizes before and after, and a bar of what stays.
fn sums(found: &WhatIf, locale: &Locale) -> Html {
    let (t, language) = (&locale.texts().what_if, locale.language);
    let after = |before: u64, saved: u64| {
        let sizes = [
            &*language.bytes(before),
            &language.bytes(before.saturating_sub(saved)),
        ];
        fill(t.sizes, &sizes)
    };
    let share = found.saved_bytes as f64 / found.uncompressed_bytes.max(1) as f64;
    let less = [
        &*language.bytes(found.saved_bytes),
        &language.fraction(share * 100.0, 1),
    ];
    let at_rest = (found.size_bytes != found.uncompressed_bytes).then(|| {
        let saved = found.saved_compressed_estimate_bytes;
        let sizes = [
            &*language.bytes(found.size_bytes),
            &language.bytes(found.size_bytes.saturating_sub(saved)),
        ];
        fill(t.at_rest, &sizes)
    });
    let stays = format!("{:.2}%", (1.0 - share.clamp(0.0, 1.0)) * 100.0);
    html! {
        <div class="what-if-sums" role="status" data-testid="what-if-sums">
            <strong class="what-if-sizes">{ after(found.uncompressed_bytes, found.saved_bytes) }</strong>
            <span class="good">{ fill(t.less, &less) }</span>
            if let Some(at_rest) = at_rest { <span class="muted">{ at_rest }</span> }
            <svg class="bar what-if-bar" width="100%" height="8" aria-hidden="true">
                <rect class="bar-gone" width="100%" height="8" rx="1" />
                <rect class="bar-fill" width={stays} height="8" rx="1" />
            </svg>
        </div>
    }
}

#[derive(PartialEq, Properties)]
struct PartsProps {
    image: ByAddress<Summary>,
    found: ByAddress<WhatIf>,
}

/// What is left out, part by part, and what it leaves of each layer.
#[component]
fn Parts(props: &PartsProps) -> Html {
    let locale = use_locale();
    let (texts, language) = (locale.texts(), locale.language);
    let t = &texts.what_if;
    let turn = use_ticks().turn;
    let views = &props.image.image.layers;
    let parts = props.found.parts.iter().map(|part| {
        let name = name(&part.left_out, texts);
        let (turn, one) = (turn.clone(), part.left_out.clone());
        html! {
            <li key={name.clone()}>
                <button type="button" class="button button-icon" title={fill(t.leave_in, &[&name])} aria-label={fill(t.leave_in, &[&name])}
                    onclick={move |_| turn.emit(one.clone())}><Icon name={IconName::Cross} /></button>
                <span class="mono break">{ name }</span>
                <span class="muted">{ counted(part, &locale) }</span>
                <span class="number">{ language.bytes(part.saved_bytes) }</span>
            </li>
        }
    });
    let layers = props.found.layers.iter().zip(views);
    let layers = layers.filter(|(layer, _)| layer.entries > 0 || layer.saved_bytes > 0);
    let layers = layers.map(|(layer, view)| {
        let left = view.uncompressed_bytes.saturating_sub(layer.saved_bytes);
        let sizes = [
            &*language.bytes(view.uncompressed_bytes),
            &language.bytes(left),
        ];
        html! {
            <li key={layer.index} class={cargo_class(layer.index)}>
                <span class="mono break">{ layer_line(views, layer.index, &texts.inspect) }</span>
                <span class="number">{ fill(t.sizes, &sizes) }</span>
            </li>
        }
    });
    html! {
        <details class="what-if-parts" data-testid="what-if-parts">
            <summary>{ t.parts }<span class="tab-count">{ props.found.parts.len() }</span></summary>
            <div class="what-if-lists">
                <ul class="plain">{ for parts }</ul>
                <div>
                    <h3>{ t.by_layer }</h3>
                    <ul class="plain what-if-layers">{ for layers }</ul>
                </div>
                <p class="note">{ t.note }</p>
            </div>
        </details>
    }
}

fn counted(part: &WhatIfPart, locale: &Locale) -> String {
    match part.entries {
        0 if part.saved_bytes > 0 => String::new(),
        0 => locale.texts().what_if.no_entries.to_owned(),
        entries => locale
            .language
            .count(entries, locale.texts().common.entries),
    }
}

/// What something that is left out is called.
fn name(left_out: &LeftOut, texts: &Texts) -> String {
    match left_out {
        LeftOut::Layer(index) => fill(texts.inspect.layer_n, &[&index.to_string()]),
        LeftOut::Path(path) => format!("/{}", escape_name(path)),
        LeftOut::Waste(cause) => {
            let name = cause_name(cause, &texts.inspect).unwrap_or(cause);
            fill(texts.what_if.waste, &[name])
        }
    }
}
