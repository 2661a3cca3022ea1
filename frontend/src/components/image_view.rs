//! An image taken apart: the same view for a dropped archive and for an image of the store.

use estiva_shared::text::escape_name;
use yew::prelude::*;

use super::{
    ConfigTable, Contents, DocumentsReply, DocumentsView, FilePlace, FileTree, FileView,
    HistoryTable, Hold, LayerList, Problems, RebuiltView, Tab, Tabs, TimeSlider, TreeMap,
    WasteView, WhatIfBar,
};
use crate::hooks::{Locale, PlaceHandle, Ticks, use_locale, use_place, use_ticks_of};
use crate::i18n::fill;
use crate::services::analyser::{ContentsAsk, FilesAsk, SbomAsk};
use crate::state::by_address::ByAddress;
use crate::state::draft::Draft;
use crate::state::place::{FIRST_VIEW, Place, Way};
use estiva_worker::summary::Summary;
use estiva_worker::tree::Find;

/// The props of [`ImageView`].
#[derive(PartialEq, Properties)]
pub struct ImageViewProps {
    /// What is known of it.
    pub image: ByAddress<Summary>,
    /// The way to its files.
    pub files: Callback<FilesAsk>,
    /// The way to the documents that describe it.
    pub documents: Callback<DocumentsReply>,
    /// The way to its bills of materials.
    #[prop_or_default]
    pub sboms: Callback<SbomAsk>,
    /// The way to what is in its files.
    #[prop_or_default]
    pub contents: Callback<ContentsAsk>,
    /// A Dockerfile that may be the image's, for patches of it.
    #[prop_or_default]
    pub draft: Draft,
    /// A patch was applied to it, or taken back.
    #[prop_or_default]
    pub on_draft: Callback<Draft>,
    /// Fetches layers that are not here yet; none where all come by themselves.
    #[prop_or_default]
    pub on_fetch: Option<Callback<Vec<usize>>>,
    /// Buttons beside its name.
    #[prop_or_default]
    pub children: Html,
}

/// An image taken apart. Which view of it is shown, and of which layer, stands in the page's address.
#[component]
pub fn ImageView(props: &ImageViewProps) -> Html {
    let locale = use_locale();
    let texts = locale.texts();
    let place = use_place();
    let summary = &props.image;
    use_first_place(summary, &place);
    use_what_is_looked_at(summary, place.place.layer, props.on_fetch.clone());
    let tabs = tabs(summary, &locale);
    let view = tabs
        .iter()
        .map(|tab| tab.name)
        .find(|name| *name == place.place.view);
    let view = view.unwrap_or(FIRST_VIEW);
    let go = |change: fn(Place, Option<usize>) -> Place| {
        let PlaceHandle { place, go, .. } = place.clone();
        Callback::from(move |layer| go.emit((change(place.clone(), layer), Way::Step)))
    };
    // A layer that is chosen shows what it did; the whole image shows all that is there.
    let on_choose = go(|place, layer| Place {
        view: FIRST_VIEW.to_owned(),
        layer,
        changes: layer.is_some(),
        ..place
    });
    // A file is led to whatever was searched for before.
    let on_show = {
        let PlaceHandle { place, go, .. } = place.clone();
        Callback::from(move |to: FilePlace| {
            let there = Place {
                view: FIRST_VIEW.to_owned(),
                layer: to.layer,
                changes: to.layer.is_some(),
                path: to.path.to_string(),
                find: Find::default(),
                ..place.clone()
            };
            go.emit((there, Way::Lead));
        })
    };
    // A file is opened where one is; closed again, one is there still.
    let on_open = {
        let PlaceHandle { place, go, .. } = place.clone();
        Callback::from(move |file: FilePlace| {
            go.emit((place.clone().with_file(file.layer, &file.path), Way::Step));
        })
    };
    let on_tab = {
        let PlaceHandle { place, go, .. } = place.clone();
        Callback::from(move |name: &'static str| {
            go.emit((
                Place {
                    view: name.to_owned(),
                    ..place.clone()
                },
                Way::Step,
            ));
        })
    };
    let ticks = use_ticks_of(&place);
    let has_boxes = place.place.without.is_some();
    let on_what_if = {
        let PlaceHandle { place, go, .. } = place.clone();
        let without = (!has_boxes).then(Vec::new);
        let next = Place { without, ..place };
        move |_: MouseEvent| go.emit((next.clone(), Way::Step))
    };
    let files = props.files.clone();
    let panel = match view {
        "map" => html! {
            <>
                <TimeSlider image={summary.clone()} place={place.clone()} />
                <TreeMap image={summary.clone()} place={place.clone()} {files} />
            </>
        },
        "config" => html! { <ConfigTable image={summary.clone()} /> },
        "contents" => {
            html! { <Contents image={summary.clone()} sboms={props.sboms.clone()} {on_show} {on_open} /> }
        }
        "waste" => {
            html! { <WasteView image={summary.clone()} draft={props.draft.clone()} on_draft={props.on_draft.clone()} {on_open} /> }
        }
        "history" => html! {
            <>
                <HistoryTable image={summary.clone()} on_choose={on_choose.clone()} />
                <RebuiltView image={summary.clone()} />
            </>
        },
        "documents" => {
            html! { <DocumentsView image={summary.clone()} documents={props.documents.clone()} /> }
        }
        _ => html! {
            <>
                <TimeSlider image={summary.clone()} place={place.clone()} with_changes=true />
                <FileTree image={summary.clone()} place={place.clone()} {files} contents={props.contents.clone()} {on_open} />
            </>
        },
    };
    let chosen = place
        .place
        .layer
        .filter(|layer| *layer < summary.image.layers.len());
    html! {
        <ContextProvider<Ticks> context={ticks}>
        <article class="image">
            <header class="image-head">
                <div>
                    <h1 class="break">{ title(summary, texts.inspect.unnamed) }</h1>
                    { facts(summary, &locale) }
                </div>
                <div class="actions">
                    <button type="button" class={classes!("button", has_boxes.then_some("is-chosen"))} aria-pressed={has_boxes.to_string()}
                        title={texts.what_if.open_title} data-testid="what-if-open" onclick={on_what_if}>{ texts.what_if.open }</button>
                    { props.children.clone() }
                </div>
            </header>
            <Problems image={summary.clone()} />
            <Hold image={summary.clone()} {chosen} on_choose={on_choose.clone()} />
            <div class="image-columns">
                <section class="panel" aria-label={texts.inspect.layers}>
                    <h2>{ texts.inspect.layers }</h2>
                    <p class="note">{ texts.views.layers_note }</p>
                    <LayerList image={summary.clone()} {chosen} {on_choose} on_fetch={props.on_fetch.clone()} />
                </section>
                <section class="panel panel-wide">
                    <Tabs label={texts.inspect.tabs_label} {tabs} chosen={view} on_choose={on_tab}>{ panel }</Tabs>
                </section>
            </div>
            if !place.place.file.is_empty() {
                <FileView image={summary.clone()} place={place.clone()} contents={props.contents.clone()} />
            }
            <WhatIfBar image={summary.clone()} place={place.clone()} files={props.files.clone()} />
        </article>
        </ContextProvider<Ticks>>
    }
}

/// Another image in the place of the first begins at its first view: a layer and a path are no other image's.
#[hook]
fn use_first_place(image: &ByAddress<Summary>, place: &PlaceHandle) {
    let go = place.go.clone();
    let before = use_mut_ref(|| None::<ByAddress<Summary>>);
    use_effect_with(image.clone(), move |image| {
        let past = before.replace(Some(image.clone()));
        if past.is_some_and(|past| past.image.config_digest != image.image.config_digest) {
            go.emit((Place::default(), Way::Quiet));
        }
    });
}

/// A layer that is looked at is fetched, however one came to look at it.
#[hook]
fn use_what_is_looked_at(
    image: &ByAddress<Summary>,
    layer: Option<usize>,
    fetch: Option<Callback<Vec<usize>>>,
) {
    let missing = layer.filter(|layer| image.unread.contains(layer));
    let of = image.image.config_digest.clone();
    use_effect_with((missing, of), move |(missing, _)| {
        if let (Some(layer), Some(fetch)) = (missing, fetch) {
            fetch.emit(vec![*layer]);
        }
    });
}

/// An image's first name, or what to call one without.
fn title(summary: &Summary, unnamed: &str) -> String {
    summary
        .image
        .names
        .first()
        .map_or_else(|| unnamed.to_owned(), |name| escape_name(name).into_owned())
}

fn facts(summary: &Summary, locale: &Locale) -> Html {
    let (texts, image) = (locale.texts(), &summary.image);
    let lies = (image.size_bytes != image.uncompressed_bytes).then(|| {
        fill(
            texts.inspect.size_lies,
            &[&locale.language.bytes(image.size_bytes)],
        )
    });
    let verified = image.layers.iter().all(|layer| layer.verified);
    html! {
        <ul class="facts">
            if summary.unread.is_empty() {
                <li><b>{ locale.language.bytes(image.uncompressed_bytes) }</b>
                    if let Some(lies) = lies { <span class="muted">{ format!(" ({lies})") }</span> }</li>
            } else {
                <li><b>{ fill(texts.views.at_rest, &[&locale.language.bytes(image.size_bytes)]) }</b></li>
            }
            <li>{ locale.language.count(image.layers.len() as u64, texts.common.layers) }</li>
            <li>{ locale.language.count(summary.entries, texts.common.entries) }</li>
            <li>{ escape_name(&image.platform).into_owned() }</li>
            if summary.unread.is_empty() {
                <li class={if verified { "good" } else { "bad" }}>
                    { if verified { texts.inspect.verified } else { texts.inspect.not_verified } }
                </li>
            }
        </ul>
    }
}

fn tabs(summary: &Summary, locale: &Locale) -> Vec<Tab> {
    let texts = locale.texts();
    let waste = summary.waste.reclaimable_bytes;
    let tab = |name, label: &'static str, count: Option<String>| Tab {
        name,
        label: label.into(),
        count: count.map(AttrValue::from),
    };
    vec![
        tab("files", texts.inspect.tab_files, None),
        tab("map", texts.views.tab_map, None),
        tab("config", texts.inspect.tab_config, None),
        tab(
            "contents",
            texts.holdings.tab,
            Some(locale.language.number(summary.holdings.package_count())),
        ),
        tab(
            "waste",
            texts.inspect.tab_waste,
            (waste > 0).then(|| locale.language.bytes(waste)),
        ),
        tab(
            "history",
            texts.inspect.tab_history,
            Some(summary.image.history.len().to_string()),
        ),
        tab("documents", texts.views.tab_documents, None),
    ]
}
