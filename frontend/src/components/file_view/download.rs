//! A button that saves a file, or a folder as a tar, as it is after a layer.

use std::cell::Cell;
use std::rc::Rc;

use yew::prelude::*;

use crate::components::{Icon, IconName};
use crate::hooks::use_locale;
use crate::i18n::fill;
use crate::services::analyser::{ContentsAsk, Downloaded};
use crate::services::download;
use crate::state::file_view::save_name;

/// The props of [`DownloadButton`].
#[derive(PartialEq, Properties)]
pub(in crate::components) struct DownloadButtonProps {
    pub(in crate::components) contents: Callback<ContentsAsk>,
    pub(in crate::components) layer: Option<usize>,
    pub(in crate::components) path: AttrValue,
    pub(in crate::components) is_folder: bool,
}

/// How far a download is.
#[derive(Clone, PartialEq)]
enum State {
    Ready,
    Going(u64),
    Failed(AttrValue),
}

/// The button, and beside it how far the download is.
#[component]
pub(in crate::components) fn DownloadButton(props: &DownloadButtonProps) -> Html {
    let locale = use_locale();
    let t = &locale.texts().file;
    let state = use_state_eq(|| State::Ready);
    let is_wanted = use_memo((props.layer, props.path.clone()), |_| {
        Rc::new(Cell::new(true))
    });
    {
        let (is_wanted, state) = ((*is_wanted).clone(), state.setter());
        use_effect_with((props.layer, props.path.clone()), move |_| {
            state.set(State::Ready);
            // What is under way for another file saves nothing any more.
            move || is_wanted.set(false)
        });
    }
    let mut name = save_name(&props.path);
    if props.is_folder {
        name.push_str(".tar");
    }
    let onclick = {
        let (contents, layer, path) = (props.contents.clone(), props.layer, props.path.to_string());
        let (state, is_wanted) = (state.setter(), (*is_wanted).clone());
        Callback::from(move |event: MouseEvent| {
            event.stop_propagation();
            state.set(State::Going(0));
            let (state, is_wanted, name) = (state.clone(), is_wanted.clone(), name.clone());
            let reply = Callback::from(move |answer: Result<Downloaded, String>| {
                if !is_wanted.get() {
                    return;
                }
                match answer {
                    Ok(Downloaded { bytes, blob: None }) => state.set(State::Going(bytes)),
                    Ok(Downloaded {
                        blob: Some(blob), ..
                    }) => {
                        download::blob(&name, &blob);
                        state.set(State::Ready);
                    }
                    Err(message) => state.set(State::Failed(message.into())),
                }
            });
            let path = path.clone();
            contents.emit(ContentsAsk::Download { layer, path, reply });
        })
    };
    let is_going = matches!(*state, State::Going(_));
    html! {
        <>
            <button type="button" class="button button-small" data-testid="download" disabled={is_going} {onclick}>
                <Icon name={IconName::Load} />{ if props.is_folder { t.download_folder } else { t.download } }
            </button>
            if let State::Going(bytes) = *state { <span class="muted" role="status">{ fill(t.download_going, &[&locale.language.bytes(bytes)]) }</span> }
            if let State::Failed(message) = &*state { <span class="field-error" role="alert">{ fill(t.download_failed, &[message]) }</span> }
        </>
    }
}
