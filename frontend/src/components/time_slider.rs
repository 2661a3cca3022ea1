//! A slider through an image's layers: the files are shown as they are after one of them.

use estiva_shared::image::split_instruction;
use estiva_shared::text::escape_name;
use yew::prelude::*;

use super::{Icon, IconName, cargo_class};
use crate::hooks::{PlaceHandle, use_locale};
use crate::i18n::fill;
use crate::services::dom;
use crate::state::by_address::ByAddress;
use crate::state::place::{Place, Way};
use estiva_worker::summary::Summary;

/// The props of [`TimeSlider`].
#[derive(PartialEq, Properties)]
pub struct TimeSliderProps {
    /// The image.
    pub image: ByAddress<Summary>,
    /// What is looked at.
    pub place: PlaceHandle,
    /// Whether all files or only a layer's changes are shown can be chosen.
    #[prop_or_default]
    pub with_changes: bool,
}

/// The slider, and what made the layer that it is at.
#[component]
pub fn TimeSlider(props: &TimeSliderProps) -> Html {
    let locale = use_locale();
    let (t, v) = (&locale.texts().inspect, &locale.texts().views);
    let place = &props.place.place;
    let layers = &props.image.image.layers;
    let at = place.look(layers.len()).layer;
    let Some(layer) = layers.get(at) else {
        return Html::default();
    };
    let last = layers.len() - 1;
    let made_by = match &layer.created_by {
        Some(text) => {
            let (name, rest) = split_instruction(text);
            escape_name(format!("{name} {rest}").trim()).into_owned()
        }
        None => t.no_instruction.to_owned(),
    };
    let go_to = {
        let PlaceHandle { place, go, .. } = props.place.clone();
        Callback::from(move |layer: usize| {
            // The last layer's files are the image's: the address says nothing of a layer then.
            let layer = (layer != last || place.changes).then_some(layer);
            go.emit((
                Place {
                    layer,
                    ..place.clone()
                },
                Way::Quiet,
            ));
        })
    };
    let oninput = go_to
        .reform(move |event: InputEvent| dom::value_of(&event).parse().unwrap_or(last).min(last));
    let (back, on) = (go_to.clone(), go_to);
    let (index, number, count) = (
        at.to_string(),
        (at + 1).to_string(),
        layers.len().to_string(),
    );
    let show = |changes: bool, label: &'static str, name: &'static str| {
        let (go, is_chosen) = (props.place.go.clone(), place.changes == changes);
        let next = Place {
            changes,
            layer: changes.then_some(at).or(place.layer),
            ..place.clone()
        };
        html! {
            <button type="button" class={classes!("segment", is_chosen.then_some("is-chosen"))} aria-pressed={is_chosen.to_string()}
                data-testid={name} onclick={move |_| go.emit((next.clone(), Way::Step))}>{ label }</button>
        }
    };
    html! {
        <div class={classes!("time", cargo_class(at))}>
            <div class="time-line">
                <button type="button" class="button button-icon" aria-label={v.slider_back} title={v.slider_back} disabled={at == 0}
                    onclick={move |_| back.emit(at.saturating_sub(1))}><Icon name={IconName::Back} /></button>
                <input type="range" min="0" max={last.to_string()} step="1" value={index.clone()} disabled={last == 0} data-testid="time-slider"
                    aria-label={v.slider} aria-valuetext={fill(v.slider_value, &[&index, &number, &count, &made_by])} {oninput} />
                <button type="button" class="button button-icon is-turned" aria-label={v.slider_on} title={v.slider_on} disabled={at == last}
                    onclick={move |_| on.emit(at + 1)}><Icon name={IconName::Back} /></button>
            </div>
            <p class="time-said" data-testid="time-said">
                <b class="chip">{ fill(v.slider_after, &[&index]) }</b>
                <span class="muted">{ fill(v.slider_of, &[&number, &count]) }</span>
                <code title={made_by.clone()}>{ made_by }</code>
            </p>
            if props.with_changes {
                <div class="segments" role="group" aria-label={v.show}>
                    { show(false, v.show_all, "show-all") }
                    { show(true, v.show_changes, "show-changes") }
                </div>
            }
        </div>
    }
}
