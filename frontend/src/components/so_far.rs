//! What is known of an image while some of its layers are still missing: they are being read, or lie at a registry.

use yew::prelude::*;

use super::{Icon, IconName};
use crate::hooks::{RemoteState, use_locale};
use crate::i18n::{fill, trouble};
use crate::state::by_address::ByAddress;
use estiva_worker::summary::Summary;

/// Layers that are there, and all of them.
fn counted(images: &[ByAddress<Summary>]) -> (usize, usize) {
    let all = images.iter().map(|summary| summary.image.layers.len());
    let unread = images.iter().map(|summary| summary.unread.len());
    let (all, unread) = (all.sum::<usize>(), unread.sum());
    (all.saturating_sub(unread), all)
}

/// The props of [`SoFar`].
#[derive(PartialEq, Properties)]
pub struct SoFarProps {
    /// The images as far as they are read.
    pub images: Vec<ByAddress<Summary>>,
    /// Bytes that were read, and that are read in all.
    pub reading: (u64, u64),
    /// Reading is to end.
    pub on_stop: Callback<()>,
}

/// How far an archive is that can be looked at already.
#[component]
pub fn SoFar(props: &SoFarProps) -> Html {
    let locale = use_locale();
    let t = &locale.texts().inspect;
    let (here, all) = counted(&props.images);
    let told = fill(t.so_far, &[&here.to_string(), &all.to_string()]);
    let stop = props.on_stop.clone();
    let (done, total) = props.reading;
    html! {
        <div class="so-far" data-testid="so-far">
            <div role="status"><strong>{ told.clone() }</strong><span class="muted">{ t.so_far_note }</span></div>
            <progress value={done.to_string()} max={total.max(1).to_string()} aria-label={told} />
            <button type="button" class="button button-small" onclick={move |_| stop.emit(())}>{ t.cancel }</button>
        </div>
    }
}

/// The props of [`AtRegistry`].
#[derive(PartialEq, Properties)]
pub struct AtRegistryProps {
    /// The image as far as it is here.
    pub images: Vec<ByAddress<Summary>>,
    /// What is on its way.
    pub remote: RemoteState,
    /// These layers are wanted.
    pub on_fetch: Callback<Vec<usize>>,
}

/// What is here of an image of a registry, and the way to the rest; nothing once all is here.
#[component]
pub fn AtRegistry(props: &AtRegistryProps) -> Html {
    let locale = use_locale();
    let t = &locale.texts().inspect;
    let Some(summary) = props
        .images
        .first()
        .filter(|summary| !summary.unread.is_empty())
    else {
        return Html::default();
    };
    let (here, all) = counted(&props.images);
    let told = match here {
        0 => t.remote_none.to_owned(),
        here => fill(t.remote_some, &[&here.to_string(), &all.to_string()]),
    };
    let layers = &summary.image.layers;
    let rest = summary.unread.iter().filter_map(|layer| layers.get(*layer));
    let rest: u64 = rest.map(|layer| layer.size_bytes).sum();
    let on_rest = {
        let (fetch, unread) = (props.on_fetch.clone(), summary.unread.clone());
        move |_| fetch.emit(unread.clone())
    };
    let bytes = |bytes| locale.language.bytes(bytes);
    let coming = props.remote.fetching.map(|(layer, done, total)| {
        let told = fill(
            t.remote_fetching,
            &[&layer.to_string(), &bytes(done), &bytes(total)],
        );
        html! {
            <div class="so-far-coming"><progress value={done.to_string()} max={total.max(1).to_string()} aria-label={told.clone()} />
                <span class="muted number">{ told }</span></div>
        }
    });
    let failure = props.remote.failure.as_ref().map(|error| {
        let said = trouble(locale.language, &error.code).unwrap_or(&error.message);
        html! { <p class="so-far-failure" role="alert"><Icon name={IconName::Warning} />{ fill(t.remote_failed, &[said]) }</p> }
    });
    html! {
        <div class="so-far" data-testid="at-registry">
            <div role="status"><strong>{ told }</strong></div>
            { coming }
            <button type="button" class="button button-small" data-testid="fetch-rest" onclick={on_rest}>{ fill(if here == 0 { t.remote_all } else { t.remote_rest }, &[&bytes(rest)]) }</button>
            { failure }
        </div>
    }
}
