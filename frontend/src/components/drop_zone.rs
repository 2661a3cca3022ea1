//! Where a file is dropped or chosen.

use web_sys::{DragEvent, File};
use yew::prelude::*;

use super::{Icon, IconName};
use crate::hooks::use_locale;
use crate::services::layout::Dropped;
use crate::services::{dom, folder};

/// The props of [`DropZone`].
#[derive(PartialEq, Properties)]
pub struct DropZoneProps {
    /// A file was dropped or chosen.
    pub on_file: Callback<File>,
    /// A folder was dropped or chosen; none where a folder is of no use.
    #[prop_or_default]
    pub on_folder: Option<Callback<Dropped>>,
    /// A small one, beside what is open already.
    #[prop_or_default]
    pub small: bool,
    /// What the small one's button says, where nothing is open beside it.
    #[prop_or_default]
    pub label: Option<AttrValue>,
}

/// Where an archive or a Dockerfile is dropped or chosen.
#[component]
pub fn DropZone(props: &DropZoneProps) -> Html {
    let texts = use_locale().texts();
    let over = use_state(|| false);
    let input = use_node_ref();
    let give = {
        let on_file = props.on_file.clone();
        move |files: Vec<File>| {
            if let Some(file) = files.into_iter().next() {
                on_file.emit(file);
            }
        }
    };
    let onchange = {
        let give = give.clone();
        Callback::from(move |event: Event| give(dom::take_files(&event)))
    };
    let ondrop = {
        let (over, on_folder) = (over.setter(), props.on_folder.clone());
        Callback::from(move |event: DragEvent| {
            event.prevent_default();
            over.set(false);
            let Some(transfer) = event.data_transfer() else {
                return;
            };
            match folder::dropped(&transfer).into_iter().next() {
                // As a file the browser would refuse to read it.
                Some(first) if first.is_directory() => {
                    if let Some(on_folder) = &on_folder {
                        on_folder.emit(Dropped::Entry(first));
                    }
                }
                _ => give(folder::dropped_files(&transfer)),
            }
        })
    };
    let ondragover = {
        let over = over.setter();
        Callback::from(move |event: DragEvent| {
            event.prevent_default();
            over.set(true);
        })
    };
    let ondragleave = {
        let over = over.setter();
        Callback::from(move |_: DragEvent| over.set(false))
    };
    let folder_input = use_node_ref();
    let on_folder_change = {
        let on_folder = props.on_folder.clone();
        Callback::from(move |event: Event| {
            let files = dom::take_files(&event);
            if let (Some(on_folder), false) = (&on_folder, files.is_empty()) {
                on_folder.emit(Dropped::Files(files));
            }
        })
    };
    let press = |input: &NodeRef| {
        let input = input.clone();
        Callback::from(move |_: MouseEvent| dom::press(&input))
    };
    let (press_file, press_folder) = (press(&input), press(&folder_input));
    let inputs = html! {
        <>
            <input ref={input} type="file" class="visually-hidden" tabindex="-1" aria-label={texts.inspect.drop_button}
                data-testid="drop-input" {onchange} />
            if props.on_folder.is_some() {
                <input ref={folder_input} type="file" webkitdirectory=true multiple=true class="visually-hidden" tabindex="-1"
                    aria-label={texts.inspect.drop_folder_button} data-testid="drop-folder-input" onchange={on_folder_change} />
            }
        </>
    };
    if props.small {
        let label = props.label.clone();
        let label = label.unwrap_or_else(|| texts.inspect.open_other.into());
        return html! {
            <span class="drop-small">
                { inputs }
                <button type="button" class="button" onclick={press_file}><Icon name={IconName::Load} />{ label }</button>
                if props.on_folder.is_some() {
                    <button type="button" class="button" onclick={press_folder}><Icon name={IconName::Folder} />{ texts.inspect.open_other_folder }</button>
                }
            </span>
        };
    }
    html! {
        <div class={classes!("drop-zone", over.then_some("is-over"))} {ondrop} {ondragover} {ondragleave}>
            { inputs }
            <svg class="drop-picture" viewBox="0 0 120 72" aria-hidden="true">
                <g class="drop-crate"><path class="rope" d="M60 0v10M60 10l-14 8M60 10l14 8" />
                    <rect class="cargo cargo-4" x="42" y="18" width="36" height="14" rx="1.5" />
                    <path class="ribs" d="M48 21v8M54 21v8M60 21v8M66 21v8M72 21v8" /></g>
                <rect class="cargo cargo-0" x="4" y="54" width="36" height="14" rx="1.5" />
                <rect class="cargo cargo-1" x="42" y="54" width="36" height="14" rx="1.5" />
                <rect class="cargo cargo-2" x="80" y="54" width="36" height="14" rx="1.5" />
                <rect class="cargo cargo-3" x="4" y="38" width="36" height="14" rx="1.5" />
                <rect class="berth" x="42.5" y="38.5" width="35" height="13" rx="1.5" />
                <path class="ribs" d="M10 57v8M16 57v8M22 57v8M28 57v8M34 57v8M48 57v8M54 57v8M60 57v8M66 57v8M72 57v8M86 57v8M92 57v8M98 57v8M104 57v8M110 57v8M10 41v8M16 41v8M22 41v8M28 41v8M34 41v8" />
            </svg>
            <p class="drop-title">{ texts.inspect.drop_title }</p>
            <p class="drop-more">{ texts.inspect.drop_more }</p>
            <div class="actions">
                <button type="button" class="button button-primary" onclick={press_file}>{ texts.inspect.drop_button }</button>
                if props.on_folder.is_some() {
                    <button type="button" class="button" onclick={press_folder}>{ texts.inspect.drop_folder_button }</button>
                }
                <span class="pill"><Icon name={IconName::Lock} />{ texts.inspect.drop_private }</span>
            </div>
        </div>
    }
}
