//! An image's layers as cargo in a hold: containers beside each other, as wide as their share.

use estiva_shared::image::LayerView;
use yew::prelude::*;

use crate::hooks::use_locale;
use crate::i18n::fill;
use crate::state::by_address::ByAddress;
use estiva_worker::summary::Summary;

/// The colours that layers have in turn.
const COLOURS: usize = 8;

/// The narrowest a layer is drawn, as a share of the whole, so that an empty one can still be pressed.
const SHARE_MIN: f64 = 0.008;

/// The class of a layer's colour, the same wherever the layer is shown.
pub fn cargo_class(layer: usize) -> String {
    format!("cargo-{}", layer % COLOURS)
}

/// The props of [`Hold`].
#[derive(PartialEq, Properties)]
pub struct HoldProps {
    /// The image.
    pub image: ByAddress<Summary>,
    /// The one that is chosen.
    pub chosen: Option<usize>,
    /// Another was chosen.
    pub on_choose: Callback<Option<usize>>,
}

/// The hold. It says in a picture what the list of layers says in words, so screen readers skip it.
#[component]
pub fn Hold(props: &HoldProps) -> Html {
    let locale = use_locale();
    let texts = locale.texts();
    let layers = &props.image.image.layers;
    // Of one that is not read, only what it has at rest is known.
    let bytes_of = |layer: &LayerView| match props.image.unread.contains(&layer.index) {
        true => layer.size_bytes,
        false => layer.uncompressed_bytes,
    };
    let total: u64 = layers.iter().map(bytes_of).sum();
    let shares: Vec<f64> = layers
        .iter()
        .map(|layer| (bytes_of(layer) as f64 / total.max(1) as f64).max(SHARE_MIN))
        .collect();
    let sum: f64 = shares.iter().sum();
    let mut at = 0.0;
    let crates = layers.iter().zip(&shares).map(|(layer, share)| {
        let (x, width) = (at / sum * 100.0, share / sum * 100.0);
        at += share;
        let (index, chosen, choose) = (layer.index, props.chosen == Some(layer.index), props.on_choose.clone());
        let name = fill(texts.inspect.layer_n, &[&index.to_string()]);
        let press = move |_| choose.emit((!chosen).then_some(index));
        html! {
            <svg key={index} x={format!("{x:.3}%")} width={format!("{width:.3}%")} height="44" onclick={press}
                class={classes!("crate", cargo_class(index), chosen.then_some("is-chosen"), props.image.unread.contains(&index).then_some("is-unread"))}>
                <title>{ format!("{name}: {}", locale.language.bytes(bytes_of(layer))) }</title>
                <rect class="crate-side" width="100%" height="44" />
                <rect class="crate-ribs" width="100%" height="44" fill="url(#ribs)" />
                <rect class="crate-edge" width="100%" height="44" />
            </svg>
        }
    });
    html! {
        <div class="hold" aria-hidden="true">
            <svg class="hold-picture" width="100%" height="44">
                <defs>
                    <pattern id="ribs" width="7" height="44" patternUnits="userSpaceOnUse">
                        <rect class="rib" width="2.5" height="44" />
                    </pattern>
                </defs>
                { for crates }
            </svg>
            <svg class="keel" width="100%" height="6"><rect width="100%" height="3" rx="1.5" /></svg>
        </div>
    }
}

/// The props of [`ShareBar`].
#[derive(PartialEq, Properties)]
pub struct ShareBarProps {
    /// From 0 to 1.
    pub share: f64,
    /// The class of its colour.
    #[prop_or_default]
    pub class: Classes,
}

/// A bar for a part of a whole; the number is beside it.
#[component]
pub fn ShareBar(props: &ShareBarProps) -> Html {
    share_bar(props.share, &props.class)
}

/// The same as elements alone, for what is drawn by the hundred.
pub fn share_bar(share: f64, class: &Classes) -> Html {
    let share = match share.is_finite() {
        true => share.clamp(0.0, 1.0),
        false => 0.0,
    };
    html! {
        <svg class="bar" width="100%" height="6" aria-hidden="true">
            <rect class="bar-track" width="100%" height="6" rx="1" />
            <rect class={classes!("bar-fill", class.clone())} width={format!("{:.2}%", share * 100.0)} height="6" rx="1" />
        </svg>
    }
}
