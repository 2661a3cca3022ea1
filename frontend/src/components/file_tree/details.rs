//! The chosen path in full, and what each layer did to it: what the rows have no room for.

use estiva_shared::text::escape_name;
use yew::prelude::*;

use super::Opening;
use super::row::change_mark;
use crate::components::file_view::DownloadButton;
use crate::components::{CopyButton, Icon, IconName, cargo_class};
use crate::hooks::{PlaceHandle, use_locale};
use crate::i18n::fill;
use crate::services::analyser::ContentsAsk;
use crate::state::place::{Place, Way};
use estiva_worker::tree::{Active, mode_text};

/// The props of [`Details`].
#[derive(PartialEq, Properties)]
pub(super) struct DetailsProps {
    pub(super) active: Active,
    pub(super) place: PlaceHandle,
    pub(super) contents: Callback<ContentsAsk>,
    /// What looking into it is about.
    pub(super) opening: Opening,
    pub(super) on_open: Callback<Opening>,
}

/// The chosen path.
#[component]
pub(super) fn Details(props: &DetailsProps) -> Html {
    let locale = use_locale();
    let v = &locale.texts().views;
    let active = &props.active;
    let path = escape_name(&active.path).into_owned();
    let to_map = {
        let (go, place) = (props.place.go.clone(), props.place.place.clone());
        let next = Place {
            view: "map".into(),
            folder: active.path.clone(),
            ..place
        };
        move |_| go.emit((next.clone(), Way::Step))
    };
    let look_inside = {
        let (on_open, opening) = (props.on_open.clone(), props.opening.clone());
        move |_: MouseEvent| on_open.emit(opening.clone())
    };
    let steps = active.steps.iter().map(|step| {
        let (class, mark, word) = change_mark(Some(step.change), &locale);
        let next = Place { layer: Some(step.layer), ..props.place.place.clone() };
        let go = props.place.go.clone();
        html! {
            <li class={class}>
                <button type="button" class={classes!("chip", "chip-button", cargo_class(step.layer))} aria-label={fill(v.step_go, &[&step.layer.to_string()])}
                    onclick={move |_| go.emit((next.clone(), Way::Step))}>{ fill(locale.texts().inspect.layer_n, &[&step.layer.to_string()]) }</button>
                <span><span class="tree-mark" aria-hidden="true">{ mark }</span>{ " " }{ word }</span>
                <span class="number">{ locale.language.bytes(step.size_bytes) }</span>
                <code>{ mode_text(step.mode) }</code>
                <code>{ format!("{}:{}", step.owner.0, step.owner.1) }</code>
            </li>
        }
    });
    html! {
        <section class="tree-details" aria-label={v.details} data-testid="tree-details">
            <div class="tree-details-head">
                <code class="break">{ format!("/{path}") }</code>
                if !active.is_folder {
                    <button type="button" class="button button-small" data-testid="look-inside" onclick={look_inside}>
                        <Icon name={IconName::Inspect} />{ locale.texts().file.open }</button>
                }
                if !props.opening.is_removed {
                    <DownloadButton contents={props.contents.clone()} layer={props.place.place.layer} path={active.path.clone()} is_folder={active.is_folder} />
                }
                <CopyButton text={format!("/{}", active.path)} />
                <button type="button" class="button button-small" data-testid="in-map" onclick={to_map}>{ v.in_map }</button>
            </div>
            if !active.steps.is_empty() { <ol class="tree-steps" aria-label={v.steps}>{ for steps }</ol> }
        </section>
    }
}
