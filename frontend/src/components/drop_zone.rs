//! Where a file is dropped or chosen.

use web_sys::{DragEvent, File};
use yew::prelude::*;

use super::{Icon, IconName};
use crate::hooks::use_locale;
use crate::services::{dom, folder};

/// The props of [`DropZone`].
#[derive(PartialEq, Properties)]
pub struct DropZoneProps {
    /// A file was dropped or chosen.
    pub on_file: Callback<File>,
    /// A folder of this name was dropped, which is no file.
    #[prop_or_default]
    pub on_folder: Callback<String>,
    /// A small one, beside what is open already.
    #[prop_or_default]
    pub small: bool,
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
            match folder::dropped_folder(&transfer) {
                Some(name) => on_folder.emit(name),
                None => give(folder::dropped_files(&transfer)),
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
    let press = {
        let input = input.clone();
        Callback::from(move |_: MouseEvent| dom::press(&input))
    };
    let file_input = html! {
        <input ref={input} type="file" class="visually-hidden" tabindex="-1" aria-label={texts.inspect.drop_button}
            data-testid="drop-input" {onchange} />
    };
    if props.small {
        return html! {
            <span class="drop-small">
                { file_input }
                <button type="button" class="button" onclick={press}><Icon name={IconName::Load} />{ texts.inspect.open_other }</button>
            </span>
        };
    }
    html! {
        <div class={classes!("drop-zone", over.then_some("is-over"))} {ondrop} {ondragover} {ondragleave}>
            { file_input }
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
                <button type="button" class="button button-primary" onclick={press}>{ texts.inspect.drop_button }</button>
                <span class="pill"><Icon name={IconName::Lock} />{ texts.inspect.drop_private }</span>
            </div>
        </div>
    }
}
