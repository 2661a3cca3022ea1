//! One file of an image, looked at in a dialog: as text, picture, bytes or program, at any layer, beside another layer's version.
//!
//! Which file, at which layer and how, stands in the page's address. The content comes from the worker, in the parts that are in
//! sight.

mod details;
mod differences;
mod download;
mod hex;
mod picture;
mod program;
mod rows;
mod text;

use std::rc::Rc;

use estiva_shared::image::view::{FileFormat, HEAD_BYTES, format_of};
use estiva_shared::image::{Change, EntryKind, FileVersion};
use estiva_shared::text::escape_name;
use yew::prelude::*;

pub(super) use self::download::DownloadButton;

use self::details::{DetailsPanel, version_words};
use self::differences::{DifferencesPanel, with_content};
use self::hex::HexPanel;
use self::picture::PicturePanel;
use self::program::ProgramPanel;
use self::text::TextPanel;
use super::suggestions::layer_line;
use super::{Dialog, Icon, IconName, Loading, Tab, Tabs, cargo_class, tab_id};
use crate::hooks::{FileSource, Locale, PlaceHandle, use_beginning, use_locale, use_versions};
use crate::i18n::{FileTexts, fill};
use crate::services::analyser::ContentsAsk;
use crate::services::dom;
use crate::state::by_address::ByAddress;
use crate::state::file_view::FileTab;
use crate::state::place::{FIRST_VIEW, Place, Way};
use estiva_worker::summary::Summary;
use estiva_worker::tree::{Find, mode_text};

/// A path's versions, lowest layer first.
type Versions = Rc<Vec<FileVersion>>;

/// Whether a version has content of its own to look at.
fn has_content(version: &FileVersion) -> bool {
    let is_file = matches!(version.kind, EntryKind::File | EntryKind::Hardlink);
    is_file && version.change != Change::Removed
}

/// The props of [`FileView`].
#[derive(PartialEq, Properties)]
pub struct FileViewProps {
    /// The image.
    pub image: ByAddress<Summary>,
    /// What is looked at; a file is open in it.
    pub place: PlaceHandle,
    /// The way to its content.
    pub contents: Callback<ContentsAsk>,
}

/// One file, in a dialog.
#[component]
pub fn FileView(props: &FileViewProps) -> Html {
    let locale = use_locale();
    let t = &locale.texts().file;
    let place = &props.place.place;
    let path = AttrValue::from(place.file.clone());
    let versions = use_versions(props.contents.clone(), &path);
    let close = {
        let PlaceHandle { place, go, .. } = props.place.clone();
        Callback::from(move |()| {
            let layer = place.layer;
            go.emit((place.clone().with_file(layer, ""), Way::Step));
        })
    };
    let title = format!("/{}", escape_name(&path));
    let content = match versions {
        None => html! { <Loading text={t.loading} /> },
        Some(Err(message)) => unread(&message, &locale),
        Some(Ok(versions)) if versions.is_empty() => {
            html! { <p class="tree-none">{ t.never }</p> }
        }
        Some(Ok(versions)) => html! {
            <Opened image={props.image.clone()} place={props.place.clone()} contents={props.contents.clone()} {versions} {path} />
        },
    };
    html! {
        <Dialog {title} on_close={close} wide=true><div class="file-view" data-testid="file-view">{ content }</div></Dialog>
    }
}

#[derive(PartialEq, Properties)]
struct OpenedProps {
    image: ByAddress<Summary>,
    place: PlaceHandle,
    contents: Callback<ContentsAsk>,
    versions: Versions,
    path: AttrValue,
}

/// A path whose versions are known.
#[component]
fn Opened(props: &OpenedProps) -> Html {
    let locale = use_locale();
    let t = &locale.texts().file;
    let place = &props.place.place;
    let upto = place.layer.unwrap_or(usize::MAX);
    let version = props
        .versions
        .iter()
        .rev()
        .find(|version| version.layer <= upto);
    let source = FileSource {
        contents: props.contents.clone(),
        layer: place.layer,
        path: props.path.clone(),
    };
    let readable = version.filter(|version| has_content(version));
    let head = use_beginning(readable.map(|_| source.clone()), HEAD_BYTES as u64);
    let format = head
        .bytes
        .as_ref()
        .map(|bytes| format_of(bytes, &props.path));
    let kept = with_content(&props.versions);
    let is_waiting = readable.is_some() && format.is_none() && head.failure.is_none();
    let tabs = FileTab::of(format, if readable.is_some() { kept.len() } else { 0 });
    let chosen = FileTab::chosen(&tabs, &place.tab);
    let on_tab = {
        let PlaceHandle { place, go, .. } = props.place.clone();
        Callback::from(move |name: &'static str| {
            let next = Place {
                tab: name.to_owned(),
                // A line is no offset.
                at: None,
                ..place.clone()
            };
            go.emit((next, Way::Step));
        })
    };
    let shown = version.map(|version| version.layer);
    let place_handle = props.place.clone();
    let panel = match (chosen, format) {
        (FileTab::Text, Some(FileFormat::Text(encoding, language))) => html! {
            <TextPanel {source} place={place_handle} {encoding} {language} />
        },
        (FileTab::Text, _) => html! { <p class="tree-none">{ t.empty }</p> },
        (FileTab::Picture, Some(FileFormat::Picture(picture))) => {
            html! { <PicturePanel {source} {picture} size_bytes={head.size_bytes} /> }
        }
        (FileTab::Program, _) => {
            html! { <ProgramPanel {source} place={place_handle} size_bytes={head.size_bytes} /> }
        }
        (FileTab::Differences, _) => html! {
            <DifferencesPanel {source} place={place_handle} versions={kept} shown={shown.unwrap_or_default()} />
        },
        (FileTab::Hex | FileTab::Picture, _) => {
            html! { <HexPanel {source} place={place_handle} size_bytes={head.size_bytes} /> }
        }
        (FileTab::Details, _) => html! {
            <DetailsPanel image={props.image.clone()} place={place_handle} versions={props.versions.clone()} {shown} />
        },
    };
    {
        // A dialog begins with what it is about, which comes a moment after it.
        let name = chosen.name();
        use_effect_with(is_waiting, move |is_waiting| {
            if !is_waiting {
                dom::focus_id(&tab_id(name));
            }
        });
    }
    let tabs = tabs.into_iter().map(|tab| Tab {
        name: tab.name(),
        label: tab_name(tab, t).into(),
        count: None,
    });
    html! {
        <>
            { head_line(props, version, format, &locale) }
            { missing(version, props, &locale) }
            if let Some(message) = &head.failure { { unread(message, &locale) } }
            if is_waiting { <Loading text={t.loading} /> } else {
                <Tabs label={t.tabs_label} tabs={tabs.collect::<Vec<_>>()} chosen={chosen.name()} on_choose={on_tab}>{ panel }</Tabs>
            }
        </>
    }
}

fn tab_name(tab: FileTab, t: &FileTexts) -> &'static str {
    match tab {
        FileTab::Text => t.tab_text,
        FileTab::Picture => t.tab_picture,
        FileTab::Hex => t.tab_hex,
        FileTab::Program => t.tab_program,
        FileTab::Differences => t.tab_differences,
        FileTab::Details => t.tab_details,
    }
}

/// What the file is, who made it, which version is shown, and what can be done with it.
fn head_line(
    props: &OpenedProps,
    version: Option<&FileVersion>,
    format: Option<FileFormat>,
    locale: &Locale,
) -> Html {
    let t = &locale.texts().file;
    let facts = version.filter(|version| version.change != Change::Removed).map(|version| {
        let made = layer_line(&props.image.image.layers, version.layer, &locale.texts().inspect);
        html! {
            <ul class="facts">
                if let Some(format) = format { <li><b>{ format_name(format, t) }</b></li> }
                <li class="number">{ locale.language.bytes(version.size_bytes) }</li>
                if let Some(bytes) = version.apparent_bytes {
                    <li class="number" data-testid="file-sparse">{ fill(t.sparse, &[&locale.language.bytes(bytes)]) }</li>
                }
                <li><code>{ mode_text(version.mode) }</code></li>
                <li><code>{ format!("{}:{}", version.uid, version.gid) }</code></li>
                <li class="file-made"><span class={classes!("chip", cargo_class(version.layer))}></span><span class="break">{ made }</span></li>
            </ul>
        }
    });
    let to_tree = {
        let PlaceHandle { place, go, .. } = props.place.clone();
        let next = Place {
            view: FIRST_VIEW.to_owned(),
            path: props.path.to_string(),
            find: Find::default(),
            ..place.clone().with_file(place.layer, "")
        };
        Callback::from(move |_: MouseEvent| go.emit((next.clone(), Way::Lead)))
    };
    let can_save = version.is_some_and(|version| {
        has_content(version)
            || (version.kind == EntryKind::Directory && version.change != Change::Removed)
    });
    html! {
        <div class="file-head">
            { facts }
            <div class="actions">
                { version_choice(props, locale) }
                if can_save {
                    <DownloadButton contents={props.contents.clone()} layer={props.place.place.layer} path={props.path.clone()}
                        is_folder={version.is_some_and(|version| version.kind == EntryKind::Directory)} />
                }
                <button type="button" class="button button-small" onclick={to_tree}>{ t.show_in_tree }</button>
            </div>
        </div>
    }
}

/// Which version is shown, to be chosen from those with content.
fn version_choice(props: &OpenedProps, locale: &Locale) -> Html {
    let t = &locale.texts().file;
    let kept = with_content(&props.versions);
    let layer = props.place.place.layer;
    let upto = layer.unwrap_or(usize::MAX);
    let shown = props
        .versions
        .iter()
        .rev()
        .find(|version| version.layer <= upto);
    let onchange = {
        let PlaceHandle { place, go, .. } = props.place.clone();
        Callback::from(move |event: Event| {
            let layer = dom::value_of(&event).parse().ok();
            go.emit((
                Place {
                    layer,
                    at: None,
                    ..place.clone()
                },
                Way::Step,
            ));
        })
    };
    let options = kept.iter().map(|version| {
        let is_chosen = layer.is_some() && shown.is_some_and(|shown| shown.layer == version.layer);
        html! { <option value={version.layer.to_string()} selected={is_chosen}>{ version_words(version, locale) }</option> }
    });
    let is_other = layer.is_none() || !shown.is_some_and(has_content);
    html! {
        <select class="file-version" aria-label={t.version} {onchange} data-testid="file-version">
            <option value="" selected={is_other}>{ t.version_final }</option>
            { for options }
        </select>
    }
}

/// Why there is no content to look at.
fn missing(version: Option<&FileVersion>, props: &OpenedProps, locale: &Locale) -> Html {
    let t = &locale.texts().file;
    let Some(version) = version else {
        return html! { <p class="note note-warn" role="status">{ t.never }</p> };
    };
    if version.change == Change::Removed {
        let text = fill(t.gone, &[&version.layer.to_string()]);
        return html! {
            <div class="notice notice-warn" role="status" data-testid="file-gone"><Icon name={IconName::Warning} /><div>{ text }</div></div>
        };
    }
    if has_content(version) {
        return Html::default();
    }
    let kind = super::file_tree::kind_word(version.kind, &locale.texts().views);
    let link = version.link.as_deref().map(|link| {
        let PlaceHandle { place, go, .. } = props.place.clone();
        let shown = fill(t.leads_to, &[&escape_name(link)]);
        let target = target_of(&props.path, link);
        let next = place.clone().with_file(place.layer, &target);
        html! { <button type="button" class="link-button break" onclick={move |_| go.emit((next.clone(), Way::Step))}>{ shown }</button> }
    });
    html! { <p class="note">{ fill(t.not_file, &[kind]) }{ " " }{ link }</p> }
}

/// The path that a symbolic link leads to, within the image.
fn target_of(path: &str, link: &str) -> String {
    let folder = path.rsplit_once('/').map_or("", |(folder, _)| folder);
    let mut parts: Vec<&str> = match link.starts_with('/') {
        true => Vec::new(),
        false => folder.split('/').collect(),
    };
    for part in link.split('/') {
        match part {
            "" | "." => {}
            ".." => {
                parts.pop();
            }
            part => parts.push(part),
        }
    }
    parts.retain(|part| !part.is_empty());
    parts.join("/")
}

fn format_name(format: FileFormat, t: &FileTexts) -> String {
    match format {
        FileFormat::Empty => t.format_empty.to_owned(),
        FileFormat::Text(_, language) => match language.name() {
            Some(name) => name.to_owned(),
            None => t.format_text.to_owned(),
        },
        FileFormat::Elf => "ELF".to_owned(),
        FileFormat::Picture(picture) => picture.name().to_owned(),
        FileFormat::Known(name) => name.to_owned(),
        FileFormat::Binary => t.format_binary.to_owned(),
    }
}

/// Why something can't be shown.
fn unread(message: &str, locale: &Locale) -> Html {
    let told = fill(locale.texts().file.failed, &[&escape_name(message)]);
    html! { <p class="notice notice-error" role="alert"><Icon name={IconName::Warning} />{ told }</p> }
}
