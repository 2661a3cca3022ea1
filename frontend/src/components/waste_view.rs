//! Bytes that ship and can't be seen, by cause; and what is wrong with an image.

use estiva_shared::image::{Problem, WasteCause};
use estiva_shared::text::escape_name;
use yew::prelude::*;

use super::{Icon, IconName, ShareBar};
use crate::hooks::{Locale, use_locale};
use crate::i18n::{InspectTexts, fill};
use crate::state::by_address::ByAddress;
use crate::state::summary::Summary;

/// The props of [`WasteView`].
#[derive(PartialEq, Properties)]
pub struct WasteProps {
    /// The image.
    pub image: ByAddress<Summary>,
}

/// An image's waste.
#[component]
pub fn WasteView(props: &WasteProps) -> Html {
    let locale = use_locale();
    let t = &locale.texts().inspect;
    let waste = &props.image.waste;
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
        .map(|(cause, files)| {
            cause_view(cause, *files, props.image.image.uncompressed_bytes, &locale)
        });
    html! {
        <>
            <p class="waste-total">{ fill(t.waste_total, &[&locale.language.bytes(waste.reclaimable_bytes)]) }</p>
            <p class="note">{ t.waste_note }</p>
            { for causes }
        </>
    }
}

fn cause_view(cause: &WasteCause, count: u64, total_bytes: u64, locale: &Locale) -> Html {
    let t = &locale.texts().inspect;
    let share = cause.reclaimable_bytes as f64 / total_bytes.max(1) as f64;
    let files = cause.files.iter().map(|file| {
        let where_ = fill(
            t.waste_from_to,
            &[&file.layer.to_string(), &file.hidden_by.to_string()],
        );
        html! {
            <li>
                <code class="break">{ escape_name(&file.path).into_owned() }</code>
                <span class="muted">{ where_ }</span>
                <span class="number">{ locale.language.bytes(file.size_bytes) }</span>
            </li>
        }
    });
    html! {
        <details class="cause" open=true>
            <summary>
                <span>{ cause_name(&cause.cause, t).unwrap_or(&cause.cause).to_owned() }</span>
                <span class="muted">{ locale.language.count(count, locale.texts().common.files) }</span>
                <span class="number">{ locale.language.bytes(cause.reclaimable_bytes) }</span>
            </summary>
            <ShareBar {share} class="bar-warn" />
            <ul class="waste-files">{ for files }</ul>
        </details>
    }
}

fn cause_name(cause: &str, t: &InspectTexts) -> Option<&'static str> {
    Some(match cause {
        "deleted_folder" => t.cause_deleted_folder,
        "opaque_folder" => t.cause_opaque_folder,
        "deleted_file" => t.cause_deleted_file,
        "metadata_only" => t.cause_metadata_only,
        "overwritten" => t.cause_overwritten,
        _ => return None,
    })
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
