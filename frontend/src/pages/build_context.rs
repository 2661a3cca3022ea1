//! Where a build's files come from: a folder of the browser, one on the server, or nowhere.

use std::future::Future;
use std::pin::Pin;

use wasm_bindgen_futures::spawn_local;
use web_sys::DragEvent;
use yew::prelude::*;

use super::build_order::{Order, OrderAction, Source};
use crate::components::{Failure, Icon, IconName, Loading};
use crate::hooks::{Load, Locale, use_locale, use_remote};
use crate::i18n::fill;
use crate::services::folder::{self, Folder, FolderError, Reading};
use crate::services::{api, dom};
use crate::state::context::FILES_MAX;

/// A folder's files on their way.
type Walk = Pin<Box<dyn Future<Output = Result<Folder, FolderError>>>>;

/// The props of [`ContextPicker`].
#[derive(PartialEq, Properties)]
pub(super) struct ContextPickerProps {
    /// What is chosen, and how one chooses.
    pub(super) order: UseReducerHandle<Order>,
}

/// Chooses where a build's files come from.
#[component]
pub(super) fn ContextPicker(props: &ContextPickerProps) -> Html {
    let locale = use_locale();
    let t = &locale.texts().build;
    let source = props.order.source.clone();
    let on_choose = {
        let order = props.order.dispatcher();
        Callback::from(move |source| order.dispatch(OrderAction::Choose(source)))
    };
    let tab = use_state(|| tab_of(&source).unwrap_or("folder"));
    let choose_tab = |name: &'static str, source: Option<Source>| {
        let (tab, on_choose) = (tab.setter(), on_choose.clone());
        Callback::from(move |_: MouseEvent| {
            tab.set(name);
            if let Some(source) = source.clone() {
                on_choose.emit(source);
            }
        })
    };
    let segment = |name: &'static str, label: &'static str| {
        let chosen = *tab == name;
        // What was chosen in another tab is let go, so that what is in sight is what is built from.
        let source = match name {
            "none" => Some(Source::Nothing),
            // So is a folder that is being read.
            "server" if props.order.reading.is_some() => Some(Source::Unset),
            _ if tab_of(&source).is_some_and(|of| of != name) => Some(Source::Unset),
            _ => None,
        };
        html! {
            <button type="button" class={classes!("segment", chosen.then_some("is-chosen"))} aria-pressed={chosen.to_string()}
                onclick={choose_tab(name, source)} data-testid={format!("context-{name}")}>{ label }</button>
        }
    };
    let body = match *tab {
        "server" => {
            html! { <ServerFolders chosen={source.clone()} on_choose={on_choose.clone()} /> }
        }
        "none" => html! { <p class="note">{ t.context_none_note }</p> },
        _ => {
            html! { <FolderDrop order={props.order.clone()} /> }
        }
    };
    html! {
        <div class="context">
            <div class="segments" role="group" aria-label={t.context_tabs}>
                { segment("folder", t.context_folder) }
                { segment("server", t.context_server) }
                { segment("none", t.context_none) }
            </div>
            { body }
        </div>
    }
}

/// The tab that a source is chosen in.
fn tab_of(source: &Source) -> Option<&'static str> {
    match source {
        Source::Unset => None,
        Source::Folder(_) => Some("folder"),
        Source::Server(_) => Some("server"),
        Source::Nothing => Some("none"),
    }
}

/// A folder that is dropped or chosen in the browser.
#[component]
fn FolderDrop(props: &ContextPickerProps) -> Html {
    let locale = use_locale();
    let t = &locale.texts().build;
    let order = &props.order;
    let over = use_state(|| false);
    let input = use_node_ref();
    // What it finds goes to the order, which lives on while one looks at another page.
    let take = {
        let order = order.dispatcher();
        move |reading: Reading, work: Walk| {
            let order = order.clone();
            order.dispatch(OrderAction::Read(reading.clone()));
            spawn_local(async move {
                let taken = work.await;
                order.dispatch(OrderAction::Taken(reading, taken));
            });
        }
    };
    let onchange = {
        let (take, order) = (take.clone(), order.dispatcher());
        Callback::from(move |event: Event| {
            let files = dom::take_files(&event);
            if !files.is_empty() {
                let (reading, told) = counted(&order);
                let work = folder::chosen(files, reading.clone(), told);
                take(reading, Box::pin(work));
            }
        })
    };
    let ondrop = {
        let (over, order) = (over.setter(), order.dispatcher());
        Callback::from(move |event: DragEvent| {
            event.prevent_default();
            over.set(false);
            let entries = event
                .data_transfer()
                .map(|transfer| folder::dropped(&transfer))
                .unwrap_or_default();
            let (reading, told) = counted(&order);
            let work = folder::walk(entries, reading.clone(), told);
            take(reading, Box::pin(work));
        })
    };
    let drag = |value: bool| {
        let over = over.setter();
        Callback::from(move |event: DragEvent| {
            event.prevent_default();
            over.set(value);
        })
    };
    let press = {
        let input = input.clone();
        Callback::from(move |_: MouseEvent| dom::press(&input))
    };
    let said = match (&order.reading, &order.source) {
        (Some((_, count)), _) => reading_view(*count, order, &locale),
        (None, Source::Folder(folder)) => summary(folder, &locale),
        _ => html! { <p class="drop-title">{ t.drop_folder }</p> },
    };
    let again = matches!(order.source, Source::Folder(_));
    let trouble = order
        .trouble
        .as_ref()
        .map(|trouble| trouble_text(trouble, &locale));
    html! {
        <div class={classes!("drop-zone", "drop-zone-small", over.then_some("is-over"))} {ondrop} ondragover={drag(true)} ondragleave={drag(false)}>
            <input ref={input} type="file" webkitdirectory=true multiple=true class="visually-hidden" tabindex="-1" aria-label={t.choose_folder}
                data-testid="build-context-input" {onchange} />
            <Icon name={IconName::Folder} class="drop-icon" />
            { said }
            <button type="button" class="button button-small" onclick={press}>{ if again { t.folder_other } else { t.choose_folder } }</button>
            if let Some(trouble) = trouble { <p class="field-error break" role="alert" data-testid="context-trouble">{ trouble }</p> }
        </div>
    }
}

/// A reading that begins, and where it tells how many files it has.
fn counted(order: &UseReducerDispatcher<Order>) -> (Reading, impl Fn(usize) + 'static) {
    let (reading, order) = (Reading::default(), order.clone());
    let of = reading.clone();
    let told = move |count| order.dispatch(OrderAction::Counted(of.clone(), count));
    (reading, told)
}

/// A folder that is being read: how far, and the way to end it.
fn reading_view(count: usize, order: &UseReducerHandle<Order>, locale: &Locale) -> Html {
    let stop = {
        let order = order.dispatcher();
        move |_: MouseEvent| order.dispatch(OrderAction::StopReading)
    };
    let files = locale
        .language
        .count(count as u64, locale.texts().common.files);
    html! {
        <>
            <p class="drop-title" role="status">{ locale.texts().build.reading_folder }</p>
            <p class="drop-more">{ files }</p>
            <button type="button" class="button button-small" data-testid="context-stop" onclick={stop}>{ locale.texts().common.cancel }</button>
        </>
    }
}

fn trouble_text(trouble: &FolderError, locale: &Locale) -> String {
    let t = &locale.texts().build;
    match trouble {
        FolderError::TooMany => fill(t.too_many, &[&locale.language.number(FILES_MAX as u64)]),
        FolderError::Ignore(mistake) => {
            let line = mistake.line.to_string();
            fill(t.ignore_mistake, &[mistake.file, &line, &mistake.message])
        }
        FolderError::Unreadable => t.folder_unreadable.to_owned(),
        FolderError::Stopped => String::new(),
    }
}

fn summary(folder: &Folder, locale: &Locale) -> Html {
    let t = &locale.texts().build;
    let files = locale
        .language
        .count(folder.files.len() as u64, locale.texts().common.files);
    let bytes = folder.files.iter().map(|file| file.size_bytes);
    let bytes = locale.language.bytes(bytes.fold(0, u64::saturating_add));
    html! {
        <div data-testid="context-summary">
            <p class="drop-title break">{ fill(t.chosen, &[&folder.name, &files, &bytes]) }</p>
            if folder.left_out > 0 { <p class="drop-more">{ locale.language.count(folder.left_out as u64, t.left_out) }</p> }
        </div>
    }
}

#[derive(PartialEq, Properties)]
struct ServerProps {
    chosen: Source,
    on_choose: Callback<Source>,
}

/// A folder under the server's context root.
#[component]
fn ServerFolders(props: &ServerProps) -> Html {
    let locale = use_locale();
    let t = &locale.texts().build;
    let path = use_state(String::new);
    let listing = use_remote((*path).clone(), |path| async move {
        api::context_folder(&path).await
    });
    let go = |to: String| {
        let path = path.setter();
        Callback::from(move |_: MouseEvent| path.set(to.clone()))
    };
    let folder = match &listing.load {
        Load::Loading => return html! { <Loading /> },
        Load::Failed(error) => {
            // Only one refusal says that there is no such root; from any other, such as a folder that is gone, the way is up.
            if error.code == "no-context-root" {
                return html! { <p class="note">{ t.server_none }</p> };
            }
            let top = (!path.is_empty()).then(|| html! {
                <button type="button" class="button button-small" onclick={go(String::new())}><Icon name={IconName::Back} />{ t.server_root }</button>
            });
            return html! { <div class="server-folders"><Failure error={error.clone()} retry={listing.reload.clone()} />{ top }</div> };
        }
        Load::Ready(folder) => folder,
    };
    let below = |name: &str| {
        if path.is_empty() {
            name.to_owned()
        } else {
            format!("{}/{name}", *path)
        }
    };
    let folders = folder.folders.iter().map(|name| {
        html! { <li><button type="button" class="row-button" onclick={go(below(name))}><Icon name={IconName::Folder} class="icon-folder" />{ name }</button></li> }
    });
    let up = path
        .rsplit_once('/')
        .map_or(String::new(), |(above, _)| above.to_owned());
    let here = {
        let (on_choose, path) = (props.on_choose.clone(), (*path).clone());
        Callback::from(move |_: MouseEvent| on_choose.emit(Source::Server(path.clone())))
    };
    let name = |path: &str| {
        if path.is_empty() {
            t.server_root.to_owned()
        } else {
            path.to_owned()
        }
    };
    html! {
        <div class="server-folders">
            <p class="mono break">{ format!("/{}", *path) }</p>
            <ul class="plain">
                if !path.is_empty() { <li><button type="button" class="row-button" onclick={go(up)}><Icon name={IconName::Back} />{ t.server_up }</button></li> }
                { for folders }
                { for folder.dockerfiles.iter().map(|file| html! { <li class="row-file"><Icon name={IconName::File} class="icon-file" />{ file }</li> }) }
            </ul>
            <button type="button" class="button button-small" onclick={here} data-testid="context-here">{ t.server_here }</button>
            if let Source::Server(chosen) = &props.chosen { <p class="note good">{ fill(t.server_picked, &[&name(chosen)]) }</p> }
        </div>
    }
}
