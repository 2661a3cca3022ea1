//! Bytes that ship and that nobody needs, by cause; and what is wrong with an image.

use estiva_shared::image::{LeftOut, Problem, WasteCause};
use estiva_shared::text::escape_name;
use yew::prelude::*;

use super::suggestions::{cause_name, layer_line};
use super::{FilePlace, Icon, IconName, ShareBar, SuggestionList, TickBox};
use crate::hooks::{Locale, use_locale};
use crate::i18n::fill;
use crate::state::by_address::ByAddress;
use crate::state::draft::Draft;
use estiva_worker::summary::Summary;

/// The props of [`WasteView`].
#[derive(PartialEq, Properties)]
pub struct WasteProps {
    /// The image.
    pub image: ByAddress<Summary>,
    /// A Dockerfile that may be the image's.
    #[prop_or_default]
    pub draft: Draft,
    /// A patch was applied to it, or taken back.
    #[prop_or_default]
    pub on_draft: Callback<Draft>,
    /// A file is to be looked into.
    #[prop_or_default]
    pub on_open: Callback<FilePlace>,
}

/// An image's waste.
#[component]
pub fn WasteView(props: &WasteProps) -> Html {
    let locale = use_locale();
    let t = &locale.texts().inspect;
    let (waste, language) = (&props.image.waste, locale.language);
    if waste.reclaimable_bytes == 0 && waste.by_cause.is_empty() {
        return html! {
            <div class="state state-good">
                <Icon name={IconName::Check} />
                <h3>{ t.waste_none }</h3>
                <p>{ t.waste_none_note }</p>
            </div>
        };
    }
    let causes = waste
        .by_cause
        .iter()
        .zip(&props.image.wasted_files)
        .map(|(cause, files)| cause_view(cause, *files, props, &locale));
    let compressed = language.bytes(waste.compressed_estimate_bytes);
    let dive = [
        &*language.fraction(waste.dive.score * 100.0, 1),
        &language.bytes(waste.dive.wasted_bytes),
    ];
    html! {
        <>
            <p class="waste-total">{ fill(t.waste_total, &[&language.bytes(waste.reclaimable_bytes)]) }</p>
            <p class="muted">{ fill(t.waste_compressed, &[&compressed]) }</p>
            <p class="note">{ t.waste_note }</p>
            <p class="note">{ fill(t.waste_dive, &dive) }</p>
            <SuggestionList image={props.image.clone()} draft={props.draft.clone()} on_draft={props.on_draft.clone()} />
            { for causes }
        </>
    }
}

fn cause_view(cause: &WasteCause, count: u64, props: &WasteProps, locale: &Locale) -> Html {
    let (t, image) = (&locale.texts().inspect, &props.image.image);
    let share = cause.reclaimable_bytes as f64 / image.uncompressed_bytes.max(1) as f64;
    let files = cause.files.iter().map(|file| {
        let made = layer_line(&image.layers, file.layer, t);
        let hidden = file
            .hidden_by
            .map(|layer| fill(t.waste_hidden, &[&layer_line(&image.layers, layer, t)]));
        let same = file.same_as.as_ref().map(|same| {
            fill(
                t.waste_same_as,
                &[&escape_name(&same.path), &same.layer.to_string()],
            )
        });
        let shown = escape_name(&file.path).into_owned();
        let (on_open, place) = (props.on_open.clone(), FilePlace { layer: Some(file.layer), path: file.path.clone().into() });
        html! {
            <li>
                <button type="button" class="link-button mono break" aria-label={fill(locale.texts().file.open_named, &[&shown])}
                    data-testid="waste-open" onclick={move |_| on_open.emit(place.clone())}>{ shown.clone() }</button>
                <span class="number">{ locale.language.bytes(file.size_bytes) }</span>
                <span class="waste-lines muted break">{ made }</span>
                if let Some(hidden) = hidden { <span class="waste-lines muted break">{ hidden }</span> }
                if let Some(same) = same { <span class="waste-lines muted break">{ same }</span> }
            </li>
        }
    });
    let name = cause_name(&cause.cause, t)
        .unwrap_or(&cause.cause)
        .to_owned();
    html! {
        <div class="cause-line">
            <TickBox one={LeftOut::Waste(cause.cause.clone())} name={fill(locale.texts().what_if.waste, &[&name])} />
            <details class="cause" open=true>
                <summary>
                    <span>{ name }</span>
                    <span class="muted">{ locale.language.count(count, locale.texts().common.files) }</span>
                    <span class="number">{ locale.language.bytes(cause.reclaimable_bytes) }</span>
                </summary>
                <ShareBar {share} class="bar-warn" />
                <ul class="waste-files">{ for files }</ul>
            </details>
        </div>
    }
}

/// The props of [`Problems`].
#[derive(PartialEq, Properties)]
pub struct ProblemsProps {
    /// The image.
    pub image: ByAddress<Summary>,
}

/// What is wrong with an image, and what is only worth a note; nothing where nothing is.
#[component]
pub fn Problems(props: &ProblemsProps) -> Html {
    let shown = |is_note: bool| {
        let found = props.image.problems.iter();
        found
            .filter(|problem| problem.is_note() == is_note)
            .cloned()
            .collect::<Vec<_>>()
    };
    html! {
        <>
            <ProblemList problems={shown(false)} is_note=false />
            <ProblemList problems={shown(true)} is_note=true />
        </>
    }
}

/// The props of [`ProblemList`].
#[derive(PartialEq, Properties)]
struct ProblemListProps {
    /// All of one kind.
    problems: Vec<Problem>,
    /// They are notes, and nothing is wrong.
    is_note: bool,
}

/// Problems, or notes, in a box of their own; nothing where there are none.
#[component]
fn ProblemList(props: &ProblemListProps) -> Html {
    let t = &use_locale().texts().inspect;
    if props.problems.is_empty() {
        return Html::default();
    }
    let items = props.problems.iter().map(|problem| {
        let layer = problem.layer.map(|layer| fill(t.layer_n, &[&layer.to_string()]));
        html! {
            <li>
                <code>{ &problem.code }</code>{ " " }
                if let Some(layer) = layer { <span class="muted">{ layer }{ ": " }</span> }
                <span class="break">{ escape_name(&problem.message).into_owned() }</span>
                if let Some(entry) = &problem.entry { { ": " }<code class="break">{ escape_name(entry).into_owned() }</code> }
            </li>
        }
    });
    let (class, role, icon, title, explained) = match props.is_note {
        true => ("notice", "note", IconName::File, t.notes, t.notes_note),
        false => (
            "notice notice-warn",
            "alert",
            IconName::Warning,
            t.problems,
            t.problems_note,
        ),
    };
    html! {
        <div {class} {role}>
            <Icon name={icon} />
            <div>
                <strong>{ title }</strong>{ " " }<span class="muted">{ explained }</span>
                <ul class="plain">{ for items }</ul>
            </div>
        </div>
    }
}
