//! A file as the picture that it is. SVG is none here: it could hold a program.

use estiva_shared::image::view::Picture;
use estiva_shared::text::escape_name;
use yew::prelude::*;

use super::unread;
use crate::components::Loading;
use crate::hooks::{FileSource, use_beginning, use_locale};
use crate::i18n::fill;
use crate::services::download::ObjectUrl;
use crate::state::file_view::PICTURE_BYTES_MAX;

/// The props of [`PicturePanel`].
#[derive(PartialEq, Properties)]
pub(super) struct PicturePanelProps {
    pub(super) source: FileSource,
    pub(super) picture: Picture,
    pub(super) size_bytes: u64,
}

/// A file as a picture.
#[component]
pub(super) fn PicturePanel(props: &PicturePanelProps) -> Html {
    let locale = use_locale();
    let t = &locale.texts().file;
    let is_long = props.size_bytes > PICTURE_BYTES_MAX;
    let source = (!is_long).then(|| props.source.clone());
    let beginning = use_beginning(source, PICTURE_BYTES_MAX);
    let media_type = props.picture.media_type();
    let url = use_memo(beginning.bytes.clone(), |bytes| {
        bytes
            .as_ref()
            .and_then(|bytes| ObjectUrl::of(bytes, media_type))
    });
    let is_broken = use_state_eq(|| false);
    if is_long {
        let (most, size) = (
            locale.language.bytes(PICTURE_BYTES_MAX),
            locale.language.bytes(props.size_bytes),
        );
        return html! { <p class="tree-none">{ fill(t.picture_long, &[&most, &size]) }</p> };
    }
    if let Some(message) = &beginning.failure {
        return unread(message, &locale);
    }
    if *is_broken {
        return html! { <p class="notice notice-warn" role="alert">{ t.picture_broken }</p> };
    }
    let Some(url) = (*url).as_ref() else {
        return html! { <Loading text={t.loading} /> };
    };
    let onerror = {
        let is_broken = is_broken.setter();
        Callback::from(move |_: Event| is_broken.set(true))
    };
    html! {
        <figure class="code-picture" data-testid="file-picture">
            <img src={url.address().to_owned()} alt={fill(t.picture_label, &[&escape_name(&props.source.path)])} {onerror} />
        </figure>
    }
}
