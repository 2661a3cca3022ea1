//! The inspector: an archive or a Dockerfile, taken apart in the browser. It needs no server.

use estiva_shared::text::escape_name;
use wasm_bindgen_futures::spawn_local;
use web_sys::File;
use yew::prelude::*;
use yew_router::prelude::*;

use crate::components::{
    AnalysisButton, AtRegistry, DockerfileView, DocumentsReply, DropZone, FirstSteps, Icon,
    IconName, ImageChoice, ImageView, KeptLayers, NavLink, QueryLink, ReferenceForm, ReportView,
    SoFar,
};
use crate::hooks::{ArchiveHandle, ArchiveState, Locale, use_connection, use_locale};
use crate::i18n::{InspectTexts, fill};
use crate::routes::Route;
use crate::samples::Sample;
use crate::services::analyser::Analyser;
use crate::services::folder::{self, FolderError, Reading};
use crate::services::kind;
use crate::services::layout::{self, Dropped, Found};
use crate::state::by_address::ByAddress;
use crate::state::choice::{self, ImageQuery, Shown};
use crate::state::context::FILES_MAX;
use crate::state::draft::Draft;
use crate::state::file_kind::FileKind;
use estiva_worker::summary::Summary;

/// The props of [`InspectPage`].
#[derive(PartialEq, Properties)]
pub struct InspectPageProps {
    /// The archive that is open.
    pub archive: ArchiveHandle,
    /// The Dockerfile's text.
    pub draft: Draft,
    /// Its new text.
    pub on_draft: Callback<Draft>,
}

/// A folder that was dropped or chosen, until it is open as an image or known to be none.
#[derive(Clone, Debug, Default, PartialEq)]
enum FolderState {
    /// There is none.
    #[default]
    None,
    /// Its files are listed.
    Looking(String, Reading),
    /// It holds no image.
    Other(String),
    /// It can't be listed.
    Trouble(String, FolderError),
}

/// The image that the address means.
#[hook]
fn use_wanted() -> Option<String> {
    use_query().image
}

/// What the address says behind its path.
#[hook]
fn use_query() -> ImageQuery {
    let location = use_location();
    let query = location.and_then(|location| location.query::<ImageQuery>().ok());
    query.unwrap_or_default()
}

/// Opens the image of a registry that the address names, and gives the way to another one; none without a server.
#[hook]
fn use_on_remote(archive: &ArchiveHandle) -> Option<Callback<String>> {
    let has_server = use_connection().phase.has_server();
    let from = use_query().from;
    let navigator = use_navigator();
    let is_open = from.is_some()
        && match &archive.state {
            ArchiveState::Open {
                remote: Some(remote),
                ..
            } => from.as_ref() == Some(&remote.reference),
            ArchiveState::Reading { name, .. } => from.as_ref() == Some(name),
            _ => false,
        };
    let open = archive.open_remote.clone();
    let again = open.clone();
    use_effect_with((from, has_server), move |(from, has_server)| {
        if let (Some(from), true, false) = (from, has_server, is_open) {
            open.emit(from.clone());
        }
    });
    has_server.then(|| {
        Callback::from(move |reference: String| {
            // Also where the address says it already, after a failure.
            again.emit(reference.clone());
            let query = ImageQuery {
                from: Some(reference),
                ..ImageQuery::default()
            };
            if let Some(navigator) = &navigator {
                // A query of texts is always written.
                let _ = navigator.push_with_query(&Route::Inspect, &query);
            }
        })
    })
}

/// The inspector.
#[component]
pub fn InspectPage(props: &InspectPageProps) -> Html {
    let locale = use_locale();
    let t = &locale.texts().inspect;
    let wanted = use_wanted();
    let folder = use_state(FolderState::default);
    let on_close = use_on_close(props.archive.close.clone());
    let on_folder = use_on_folder(props.archive.open_folder.clone(), &folder);
    let on_file = use_on_file(props, on_close.clone(), &folder);
    let drops = Drops {
        on_file,
        on_folder,
        on_remote: use_on_remote(&props.archive),
    };
    match &*folder {
        FolderState::None => {}
        FolderState::Looking(name, reading) => {
            let (folder, reading) = (folder.setter(), reading.clone());
            let stop = Callback::from(move |_: MouseEvent| {
                reading.stop();
                folder.set(FolderState::None);
            });
            return html! {
                <div class="state state-reading" role="status">
                    <h1 class="break">{ fill(t.folder_looking, &[name]) }</h1>
                    <progress aria-label={fill(t.folder_looking, &[name])} />
                    <button type="button" class="button" onclick={stop}>{ t.cancel }</button>
                </div>
            };
        }
        FolderState::Other(name) => {
            return landing(props, folder_notice(name, t), drops, &locale);
        }
        FolderState::Trouble(name, error) => {
            return landing(props, folder_trouble(name, error, &locale), drops, &locale);
        }
    }
    match &props.archive.state {
        ArchiveState::Open {
            name,
            images,
            kept,
            reading,
            remote,
        } => {
            let on_fetch = remote.is_some().then(|| props.archive.fetch_layers.clone());
            html! {
                <>
                if let Some(reading) = *reading {
                    <SoFar images={images.clone()} {reading} on_stop={props.archive.close.clone()} />
                }
                if let Some(remote) = remote {
                    <AtRegistry images={images.clone()} remote={remote.clone()} on_fetch={props.archive.fetch_layers.clone()} />
                }
                <OpenArchive {on_fetch} name={name.clone()} images={images.clone()} kept={*kept} reader={props.archive.reader.clone()} draft={props.draft.clone()} on_draft={props.on_draft.clone()} {drops} {on_close} />
                </>
            }
        }
        ArchiveState::Report { name, report } => {
            html! {
                <article class="image">
                    <header class="image-head">
                        <div><h1>{ t.report_title }</h1><p class="muted break">{ escape_name(name).into_owned() }</p></div>
                        <div class="actions">{ tools(&drops, &on_close, &locale) }</div>
                    </header>
                    <ReportView report={report.clone()} />
                </article>
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
        ArchiveState::Closed => landing(props, wanted_notice(wanted.as_deref(), t), drops, &locale),
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
            landing(props, failure, drops, &locale)
        }
    }
}

/// Where what is dropped or chosen goes.
#[derive(Clone, PartialEq)]
struct Drops {
    on_file: Callback<File>,
    on_folder: Callback<Dropped>,
    /// An image of a registry; none without a server.
    on_remote: Option<Callback<String>>,
}

/// Closes what is open; the address then means no image any more.
#[hook]
fn use_on_close(close: Callback<()>) -> Callback<()> {
    let navigator = use_navigator();
    Callback::from(move |()| {
        close.emit(());
        if let Some(navigator) = &navigator {
            navigator.replace(&Route::Inspect);
        }
    })
}

/// Looks what a folder is: an image layout is opened, of another the page says what to do with it.
#[hook]
fn use_on_folder(
    open: Callback<folder::Folder>,
    state: &UseStateHandle<FolderState>,
) -> Callback<Dropped> {
    let state = state.setter();
    Callback::from(move |dropped: Dropped| {
        let (name, reading) = (dropped.name(), Reading::default());
        state.set(FolderState::Looking(name.clone(), reading.clone()));
        let (state, open) = (state.clone(), open.clone());
        spawn_local(async move {
            state.set(match layout::look(dropped, reading).await {
                Ok(Found::Layout(folder)) => {
                    open.emit(folder);
                    FolderState::None
                }
                Ok(Found::Other(name)) => FolderState::Other(name),
                Err(FolderError::Stopped) => return,
                Err(error) => FolderState::Trouble(name, error),
            });
        });
    })
}

/// Opens a file as what it is: an archive, JSON, or a Dockerfile, which goes to the editor.
#[hook]
fn use_on_file(
    props: &InspectPageProps,
    on_close: Callback<()>,
    state: &UseStateHandle<FolderState>,
) -> Callback<File> {
    let (archive, on_draft) = (props.archive.clone(), props.on_draft.clone());
    let state = state.setter();
    Callback::from(move |file: File| {
        state.set(FolderState::None);
        let (archive, on_draft, on_close) = (archive.clone(), on_draft.clone(), on_close.clone());
        spawn_local(async move {
            match kind::look(&file).await {
                FileKind::Archive => archive.open.emit(file),
                FileKind::Json => archive.open_json.emit(file),
                FileKind::Dockerfile => {
                    if let Some(text) = folder::text(&file).await {
                        on_close.emit(());
                        on_draft.emit(Draft::of(text));
                    }
                }
            }
        });
    })
}

fn landing(props: &InspectPageProps, notice: Html, drops: Drops, locale: &Locale) -> Html {
    let Drops {
        on_file,
        on_folder,
        on_remote,
    } = drops;
    let t = &locale.texts().inspect;
    let sample = |sample: Sample, label: &'static str| {
        let text = sample.text(locale.language);
        let on_draft = props.on_draft.clone();
        let chosen = *props.draft.text() == text;
        html! {
            <button type="button" class={classes!("button", "button-small", chosen.then_some("is-chosen"))} aria-pressed={chosen.to_string()}
                onclick={move |_| on_draft.emit(Draft::of(text))}>{ label }</button>
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
            if let Some(on_open) = on_remote {
                <section class="panel remote" aria-label={t.remote_title}>
                    <ReferenceForm label={t.remote_title} hint={t.remote_hint} testid="remote-reference" on_submit={on_open}>
                        <button type="submit" class="button" data-testid="remote-open"><Icon name={IconName::Inspect} />{ t.remote_open }</button>
                    </ReferenceForm>
                </section>
            }
            <FirstSteps />
            <section class="panel landing-editor">
                <DockerfileView source={props.draft.text().clone()} on_change={props.on_draft.reform(|text: String| Draft::of(text))} outline=true>
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

/// What to do with a folder that holds no image.
fn folder_notice(name: &str, t: &InspectTexts) -> Html {
    let shown = escape_name(name).into_owned();
    html! {
        <div class="notice notice-warn" role="alert" data-testid="dropped-folder">
            <Icon name={IconName::Folder} />
            <div><strong class="break">{ fill(t.folder_title, &[&shown]) }</strong>
                <p>{ t.folder_build }{ " " }<NavLink to={Route::Build} class="button button-small"><Icon name={IconName::Build} />{ t.folder_go }</NavLink></p>
                <p>{ t.folder_layout }</p></div>
        </div>
    }
}

/// Why a folder could not be listed.
fn folder_trouble(name: &str, error: &FolderError, locale: &Locale) -> Html {
    let t = &locale.texts().inspect;
    let shown = escape_name(name).into_owned();
    let told = match error {
        FolderError::TooMany => {
            let most = locale.language.number(FILES_MAX as u64);
            fill(t.folder_too_many, &[&shown, &most])
        }
        FolderError::Unreadable | FolderError::Ignore(_) | FolderError::Stopped => {
            fill(t.folder_unreadable, &[&shown])
        }
    };
    html! {
        <div class="notice notice-error" role="alert" data-testid="folder-trouble">
            <Icon name={IconName::Warning} />
            <div><strong class="break">{ told }</strong></div>
        </div>
    }
}

/// What to do where the address means an image and no file is open.
fn wanted_notice(wanted: Option<&str>, t: &InspectTexts) -> Html {
    let Some(wanted) = wanted else {
        return Html::default();
    };
    let shown = escape_name(wanted).into_owned();
    html! {
        <div class="notice notice-warn" role="status" data-testid="image-wanted">
            <Icon name={IconName::Inspect} />
            <div><strong>{ t.address_closed }</strong><p class="break">{ fill(t.address_closed_note, &[&shown]) }</p></div>
        </div>
    }
}

/// What can be done beside anything that is open.
fn tools(drops: &Drops, on_close: &Callback<()>, locale: &Locale) -> Html {
    let texts = locale.texts();
    let close = on_close.clone();
    html! {
        <>
            <span class="pill"><Icon name={IconName::Lock} />{ texts.inspect.drop_private }</span>
            <DropZone on_file={drops.on_file.clone()} on_folder={drops.on_folder.clone()} small=true />
            <button type="button" class="button" onclick={move |_| close.emit(())}>{ texts.common.close }</button>
        </>
    }
}

#[derive(PartialEq, Properties)]
struct OpenArchiveProps {
    name: String,
    images: Vec<ByAddress<Summary>>,
    kept: usize,
    reader: Analyser,
    draft: Draft,
    on_draft: Callback<Draft>,
    drops: Drops,
    on_close: Callback<()>,
    on_fetch: Option<Callback<Vec<usize>>>,
}

/// An archive that is open: the image that the address means, or the list.
#[component]
fn OpenArchive(props: &OpenArchiveProps) -> Html {
    let locale = use_locale();
    let t = &locale.texts().inspect;
    let navigator = use_navigator();
    let query = use_query();
    let wanted = query.image.clone();
    let keys = choice::keys(props.images.iter().map(|summary| &summary.image));
    let shown = choice::shown(&keys, wanted.as_deref());
    {
        let (navigator, keys, wanted) = (navigator.clone(), keys.clone(), wanted.clone());
        // Once for each archive: given again, the address would still mean it while another one is opened in its place.
        use_effect_with(props.images.clone(), move |_| {
            // The only image gets its address without being chosen.
            if let ([key], None, Some(navigator)) = (keys.as_slice(), wanted, &navigator) {
                // What of it is looked at stays. A query of texts is always written.
                let query = ImageQuery {
                    image: Some(key.clone()),
                    ..query
                };
                let _ = navigator.replace_with_query(&Route::Inspect, &query);
            }
        });
    }
    // What is opened in this one's place has other images: the address must not mean this one's any more.
    let leave = move || {
        if let Some(navigator) = &navigator {
            navigator.replace(&Route::Inspect);
        }
    };
    let drops = Drops {
        on_file: {
            let (leave, on_file) = (leave.clone(), props.drops.on_file.clone());
            Callback::from(move |file| {
                leave();
                on_file.emit(file);
            })
        },
        on_folder: {
            let on_folder = props.drops.on_folder.clone();
            Callback::from(move |folder| {
                leave();
                on_folder.emit(folder);
            })
        },
        on_remote: None,
    };
    let tools = html! {
        <>
            <KeptLayers count={props.kept} reader={props.reader.clone()} />
            <AnalysisButton name={props.name.clone()} reader={props.reader.clone()} />
            { tools(&drops, &props.on_close, &locale) }
        </>
    };
    let image = match shown {
        Shown::One(index) => props.images.get(index).map(|image| (index, image.clone())),
        Shown::List | Shown::Missing => None,
    };
    let Some((index, image)) = image else {
        let missing = wanted.filter(|_| shown == Shown::Missing);
        return html! {
            <ImageChoice images={props.images.clone()} {keys} name={props.name.clone()} {missing}>{ tools }</ImageChoice>
        };
    };
    let documents = {
        let reader = props.reader.clone();
        Callback::from(move |reply: DocumentsReply| {
            let reader = reader.clone();
            spawn_local(async move { reply.emit(reader.documents(index).await) });
        })
    };
    // Another image begins anew, at the place that its address means.
    let key = keys[index].clone();
    html! {
        <ImageView {key} {image} on_fetch={props.on_fetch.clone()} files={props.reader.files(index)} {documents} sboms={props.reader.sboms(index)} contents={props.reader.contents(index)} draft={props.draft.clone()} on_draft={props.on_draft.clone()}>
            if props.images.len() > 1 {
                <QueryLink query={ImageQuery::default()} class="button" testid="all-images">{ t.choice_all }</QueryLink>
            }
            if props.on_fetch.is_none() {
                <span class="muted break">{ escape_name(&props.name).into_owned() }</span>
            }
            <NavLink to={Route::Compare} class="button"><Icon name={IconName::Compare} />{ locale.texts().compare.title }</NavLink>
            { tools }
        </ImageView>
    }
}
