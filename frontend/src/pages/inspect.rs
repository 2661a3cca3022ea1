//! The inspector: an archive or a Dockerfile, taken apart in the browser. It needs no server.

use estiva_shared::text::escape_name;
use wasm_bindgen_futures::spawn_local;
use web_sys::File;
use yew::prelude::*;

use crate::components::{DockerfileView, DropZone, FirstSteps, Icon, IconName, ImageView, NavLink};
use crate::hooks::{ArchiveHandle, ArchiveState, Locale, use_locale};
use crate::i18n::{InspectTexts, fill};
use crate::routes::Route;
use crate::samples::Sample;
use crate::services::analyser::Analyser;
use crate::services::{dom, folder};
use crate::state::by_address::ByAddress;
use crate::state::summary::Summary;

/// A dropped file up to this many bytes may be a Dockerfile; BuildKit's own limit is far below.
const DOCKERFILE_BYTES_MAX: f64 = 1_048_576.0;

/// The props of [`InspectPage`].
#[derive(PartialEq, Properties)]
pub struct InspectPageProps {
    /// The archive that is open.
    pub archive: ArchiveHandle,
    /// The Dockerfile's text.
    pub draft: AttrValue,
    /// Its new text.
    pub on_draft: Callback<String>,
}

/// The inspector.
#[component]
pub fn InspectPage(props: &InspectPageProps) -> Html {
    let locale = use_locale();
    let t = &locale.texts().inspect;
    let folder = use_state(|| None::<String>);
    let on_folder = {
        let folder = folder.setter();
        Callback::from(move |name| folder.set(Some(name)))
    };
    let on_file = {
        let (open, on_draft, close) = (
            props.archive.open.clone(),
            props.on_draft.clone(),
            props.archive.close.clone(),
        );
        let folder = folder.setter();
        Callback::from(move |file: File| {
            folder.set(None);
            if !looks_like_dockerfile(&file) {
                return open.emit(file);
            }
            let (on_draft, close) = (on_draft.clone(), close.clone());
            spawn_local(async move {
                if let Some(text) = folder::text(&file).await {
                    close.emit(());
                    on_draft.emit(text);
                }
            });
        })
    };
    match &props.archive.state {
        ArchiveState::Open { name, images } => {
            html! {
                <OpenArchive name={name.clone()} images={images.clone()} reader={props.archive.reader.clone()} {on_file}
                    on_close={props.archive.close.clone()} />
            }
        }
        ArchiveState::Reading {
            name,
            done_bytes,
            total_bytes,
        } => {
            let close = props.archive.close.clone();
            let language = locale.language;
            let read = fill(
                t.opening_read,
                &[&language.bytes(*done_bytes), &language.bytes(*total_bytes)],
            );
            html! {
                <div class="state state-reading" role="status">
                    <h1 class="break">{ fill(t.opening, &[name]) }</h1>
                    <progress value={done_bytes.to_string()} max={total_bytes.to_string()} aria-label={read.clone()} />
                    <p>{ read }</p>
                    <button type="button" class="button" onclick={move |_| close.emit(())}>{ t.cancel }</button>
                </div>
            }
        }
        _ if folder.is_some() => {
            let name = folder.as_deref().unwrap_or_default();
            landing(props, folder_notice(name, t), on_file, on_folder, &locale)
        }
        ArchiveState::Closed => landing(props, Html::default(), on_file, on_folder, &locale),
        ArchiveState::Failed {
            name,
            message,
            crashed,
        } => {
            let told = if *crashed {
                fill(t.reader_restarted, &[message])
            } else {
                escape_name(message).into_owned()
            };
            let failure = html! {
                <div class="notice notice-error" role="alert">
                    <Icon name={IconName::Warning} />
                    <div><strong class="break">{ format!("{}: {name}", t.failed_title) }</strong>
                        <p class="break">{ told }</p><p class="hint">{ t.failed_hint }</p></div>
                </div>
            };
            landing(props, failure, on_file, on_folder, &locale)
        }
    }
}

fn landing(
    props: &InspectPageProps,
    notice: Html,
    on_file: Callback<File>,
    on_folder: Callback<String>,
    locale: &Locale,
) -> Html {
    let t = &locale.texts().inspect;
    let sample = |sample: Sample, label: &'static str| {
        let text = sample.text(locale.language);
        let on_draft = props.on_draft.clone();
        let chosen = props.draft == text;
        html! {
            <button type="button" class={classes!("button", "button-small", chosen.then_some("is-chosen"))} aria-pressed={chosen.to_string()}
                onclick={move |_| on_draft.emit(text.to_owned())}>{ label }</button>
        }
    };
    html! {
        <div class="landing">
            <section class="landing-intro">
                <div>
                    <h1>{ t.title }</h1>
                    <p class="lead">{ t.lead }</p>
                    <p class="note">{ t.what_is_layer }</p>
                </div>
                <DropZone {on_file} {on_folder} />
            </section>
            { notice }
            <FirstSteps />
            <section class="panel landing-editor">
                <DockerfileView source={props.draft.clone()} on_change={props.on_draft.clone()} outline=true>
                    <div class="editor-head">
                        <h2>{ t.editor_title }</h2>
                        <p class="note">{ t.editor_note }</p>
                        <div class="samples" role="group" aria-label={t.sample}>
                            <span class="muted">{ t.sample }</span>
                            { sample(Sample::Node, t.sample_node) }
                            { sample(Sample::Hello, t.sample_hello) }
                            { sample(Sample::Mistakes, t.sample_mistakes) }
                        </div>
                    </div>
                </DockerfileView>
            </section>
        </div>
    }
}

/// What to do with a folder, which the inspector does not take apart.
fn folder_notice(name: &str, t: &InspectTexts) -> Html {
    let shown = escape_name(name).into_owned();
    html! {
        <div class="notice notice-warn" role="alert" data-testid="dropped-folder">
            <Icon name={IconName::Folder} />
            <div><strong class="break">{ fill(t.folder_title, &[&shown]) }</strong>
                <p>{ t.folder_build }{ " " }<NavLink to={Route::Build} class="button button-small"><Icon name={IconName::Build} />{ t.folder_go }</NavLink></p>
                <p>{ t.folder_layout }{ " " }<code class="break">{ "tar -cf image.tar -C FOLDER ." }</code></p></div>
        </div>
    }
}

fn looks_like_dockerfile(file: &File) -> bool {
    let name = file.name().to_lowercase();
    let is_archive = [".tar", ".tgz", ".gz", ".oci"]
        .iter()
        .any(|end| name.ends_with(end));
    !is_archive
        && file.size() <= DOCKERFILE_BYTES_MAX
        && (name.contains("dockerfile") || name.contains("containerfile"))
}

#[derive(PartialEq, Properties)]
struct OpenArchiveProps {
    name: String,
    images: Vec<ByAddress<Summary>>,
    reader: Analyser,
    on_file: Callback<File>,
    on_close: Callback<()>,
}

/// An archive that is open; where it holds several images, one of them is chosen.
#[component]
fn OpenArchive(props: &OpenArchiveProps) -> Html {
    let texts = use_locale().texts();
    let t = &texts.inspect;
    let chosen = use_state(|| 0usize);
    let index = if *chosen < props.images.len() {
        *chosen
    } else {
        0
    };
    let Some(image) = props.images.get(index) else {
        return html! { <p class="notice notice-warn" role="alert">{ t.failed_title }</p> };
    };
    let on_choose = {
        let chosen = chosen.setter();
        Callback::from(move |event: Event| {
            chosen.set(dom::value_of(&event).parse().unwrap_or_default())
        })
    };
    let options = props.images.iter().enumerate().map(|(place, image)| {
        let name = image
            .image
            .names
            .first()
            .map_or(t.unnamed.to_owned(), |name| escape_name(name).into_owned());
        html! { <option value={place.to_string()} selected={place == index}>{ name }</option> }
    });
    let close = props.on_close.clone();
    html! {
        <ImageView image={image.clone()} trees={props.reader.trees(index)}>
            if props.images.len() > 1 {
                <select aria-label={t.which_image} onchange={on_choose}>{ for options }</select>
            }
            <span class="pill"><Icon name={IconName::Lock} />{ t.drop_private }</span>
            <span class="muted break">{ &props.name }</span>
            <DropZone on_file={props.on_file.clone()} small=true />
            <button type="button" class="button" onclick={move |_| close.emit(())}>{ texts.common.close }</button>
        </ImageView>
    }
}
