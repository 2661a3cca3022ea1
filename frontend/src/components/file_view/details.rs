//! What each layer did to a file: its size, mode, owner and time there, with the instruction that did it.

use estiva_shared::image::{Change, FileVersion};
use estiva_shared::text::human_moment;
use yew::prelude::*;

use super::{Versions, has_content};
use crate::components::suggestions::layer_line;
use crate::components::{cargo_class, file_tree};
use crate::hooks::{Locale, PlaceHandle, use_locale};
use crate::i18n::fill;
use crate::state::by_address::ByAddress;
use crate::state::file_view::FileTab;
use crate::state::place::{Place, Way};
use estiva_worker::summary::Summary;
use estiva_worker::tree::mode_text;

/// The props of [`DetailsPanel`].
#[derive(PartialEq, Properties)]
pub(super) struct DetailsPanelProps {
    pub(super) image: ByAddress<Summary>,
    pub(super) place: PlaceHandle,
    pub(super) versions: Versions,
    /// The layer whose version is shown.
    pub(super) shown: Option<usize>,
}

/// What each layer did to a file.
#[component]
pub(super) fn DetailsPanel(props: &DetailsPanelProps) -> Html {
    let locale = use_locale();
    let t = &locale.texts().file;
    let rows = props.versions.iter().enumerate();
    let rows = rows.map(|(number, version)| row(number, version, props, &locale));
    html! {
        <section aria-label={t.details_versions} data-testid="file-versions">
            <h3>{ t.details_versions }</h3>
            <ol class="file-versions">{ for rows }</ol>
        </section>
    }
}

fn row(number: usize, version: &FileVersion, props: &DetailsPanelProps, locale: &Locale) -> Html {
    let t = &locale.texts().file;
    let layers = &props.image.image.layers;
    let (class, mark, word) = file_tree::change_mark(Some(version.change), locale);
    let before = props.versions[..number]
        .iter()
        .rev()
        .find(|version| has_content(version));
    let is_there = has_content(version);
    let go_to = |next: Place| {
        let go = props.place.go.clone();
        Callback::from(move |_: MouseEvent| go.emit((next.clone(), Way::Step)))
    };
    let here = Place {
        layer: Some(version.layer),
        ..props.place.place.clone()
    };
    let show = Place {
        tab: String::new(),
        at: None,
        ..here.clone()
    };
    let compare = before.filter(|_| is_there).map(|before| Place {
        tab: FileTab::Differences.name().into(),
        against: Some(before.layer),
        ..here
    });
    let is_shown = props.shown == Some(version.layer);
    html! {
        <li class={classes!(class, is_shown.then_some("is-shown"))}>
            <p class="file-version-made"><span class={classes!("chip", cargo_class(version.layer))}></span>
                <span class="break">{ layer_line(layers, version.layer, &locale.texts().inspect) }</span></p>
            <p class="file-version-facts">
                <span><span class="tree-mark" aria-hidden="true">{ mark }</span>{ " " }{ word }</span>
                if version.change != Change::Removed {
                    <span>{ file_tree::kind_word(version.kind, &locale.texts().views) }</span>
                    <span class="number">{ locale.language.bytes(version.size_bytes) }</span>
                    <code>{ mode_text(version.mode) }</code>
                    <code>{ format!("{}:{}", version.uid, version.gid) }</code>
                    <time>{ human_moment(version.mtime) }</time>
                }
            </p>
            if is_there {
                <p class="actions">
                    <button type="button" class="button button-small" disabled={is_shown} onclick={go_to(show)}>{ t.details_open }</button>
                    if let Some(compare) = compare {
                        <button type="button" class="button button-small" onclick={go_to(compare)}>{ t.details_compare }</button>
                    }
                </p>
            }
        </li>
    }
}

/// What two versions differ in beside their content; nothing where nothing does.
pub(super) fn meta_table(one: &FileVersion, two: &FileVersion, locale: &Locale) -> Option<Html> {
    let t = &locale.texts().file;
    let words = |version: &FileVersion| {
        [
            file_tree::kind_word(version.kind, &locale.texts().views).to_owned(),
            mode_text(version.mode),
            format!("{}:{}", version.uid, version.gid),
            human_moment(version.mtime),
            locale.language.number(version.size_bytes),
        ]
    };
    let names = [
        t.meta_kind,
        t.meta_mode,
        t.meta_owner,
        t.meta_time,
        t.meta_size,
    ];
    let (one, two) = (words(one), words(two));
    let changed = names.iter().zip(one.iter().zip(&two));
    let rows: Vec<_> = changed
        .filter(|(_, (one, two))| one != two)
        .map(|(name, (one, two))| {
            html! { <><dt>{ *name }</dt><dd><span><code>{ one }</code>{ " → " }<code>{ two }</code></span></dd></> }
        })
        .collect();
    (!rows.is_empty()).then(|| html! { <dl class="table">{ for rows }</dl> })
}

/// What a version is called in a list.
pub(super) fn version_words(version: &FileVersion, locale: &Locale) -> String {
    let (_, _, word) = file_tree::change_mark(Some(version.change), locale);
    let size = locale.language.bytes(version.size_bytes);
    fill(
        locale.texts().file.version_after,
        &[&version.layer.to_string(), word, &size],
    )
}
