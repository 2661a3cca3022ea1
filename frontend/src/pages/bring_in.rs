//! The ways to bring an image into the store with neither a build nor a registry: a base of the host's own, an archive.

use yew::prelude::*;

use crate::components::{Failure, Icon, IconName};
use crate::hooks::{use_action, use_locale};
use crate::i18n::fill;
use crate::services::http::Upload;
use crate::services::{api, dom};

/// The props of [`BringIn`].
#[derive(PartialEq, Properties)]
pub(super) struct BringInProps {
    /// Nothing else is there to be pressed.
    #[prop_or_default]
    pub(super) primary: bool,
}

/// The two ways to bring an image in with neither a build nor a registry.
#[component]
pub(super) fn BringIn(props: &BringInProps) -> Html {
    let locale = use_locale();
    let t = &locale.texts().images;
    let base = use_action();
    let loading = use_action();
    let sent = use_state(|| None::<(u64, u64)>);
    let upload = use_mut_ref(|| None::<Upload>);
    let input = use_node_ref();
    let make = {
        let base = base.clone();
        Callback::from(move |_: MouseEvent| base.run(api::make_base(), |()| {}))
    };
    let onchange = {
        let (loading, sent, upload) = (loading.clone(), sent.setter(), upload.clone());
        Callback::from(move |event: Event| {
            let Some(file) = dom::take_files(&event).into_iter().next() else {
                return;
            };
            let (told, done, upload) = (sent.clone(), sent.clone(), upload.clone());
            sent.set(None);
            let (started, work) = api::load_images(file.into(), move |done, total| {
                told.set(Some((done, total)))
            });
            *upload.borrow_mut() = Some(started);
            let work = async move {
                let loaded = work.await;
                // Held until here, so that it goes on while one looks at another page.
                upload.take();
                loaded
            };
            loading.run(work, move |()| done.set(None));
        })
    };
    let press = {
        let input = input.clone();
        Callback::from(move |_: MouseEvent| dom::press(&input))
    };
    let cancel = {
        let upload = upload.clone();
        move |_: MouseEvent| drop(upload.take())
    };
    let error = base.error.clone().or_else(|| loading.error.clone());
    html! {
        <div class="bring-in">
            <div class="actions">
                <button type="button" class={classes!("button", props.primary.then_some("button-primary"))} data-testid="make-base" disabled={base.busy} onclick={make}>
                    { if base.busy { t.base_making } else { t.base } }
                </button>
                <input ref={input} type="file" class="visually-hidden" tabindex="-1" aria-label={t.load} data-testid="load-input" {onchange} />
                <button type="button" class="button" disabled={loading.busy} onclick={press}><Icon name={IconName::Load} />{ t.load }</button>
            </div>
            if let (true, Some((done, total))) = (loading.busy, *sent) {
                <p class="muted" role="status"><progress value={done.to_string()} max={total.max(1).to_string()} aria-label={fill(t.loading_archive, &[&locale.language.bytes(total)])} />
                    { fill(t.loading_archive, &[&locale.language.bytes(total)]) }{ " " }
                    <button type="button" class="button button-small" data-testid="load-cancel" onclick={cancel}>{ locale.texts().common.cancel }</button></p>
            }
            if let Some(error) = error { <Failure {error} /> }
        </div>
    }
}
