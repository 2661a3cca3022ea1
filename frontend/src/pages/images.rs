//! The store's images: look into one, run it, share it, remove it, bring more in.

use std::rc::Rc;

use estiva_shared::protocol::ImageSummary;
use yew::prelude::*;
use yew_router::prelude::*;

use super::bring_in::BringIn;
use super::compare::compare_query;
use super::prune::Prune;
use crate::components::{
    Confirm, Empty, Failure, Icon, IconName, Loading, NavLink, PullPanel, RunDialog, ShareDialog,
};
use crate::hooks::{
    AGO_RENEWED_MS, Load, Locale, PullHandle, use_action, use_clock, use_connection, use_images,
    use_locale,
};
use crate::i18n::fill;
use crate::routes::Route;
use crate::services::api;
use crate::state::pull::in_full;

/// What a dialog is open for.
#[derive(Clone, PartialEq)]
enum Open {
    Run(String),
    Share(String),
    Remove(String),
}

/// The props of [`ImagesPage`].
#[derive(PartialEq, Properties)]
pub struct ImagesPageProps {
    /// The pull.
    pub pull: PullHandle,
}

/// The store's images.
#[component]
pub fn ImagesPage(props: &ImagesPageProps) -> Html {
    let locale = use_locale();
    let t = &locale.texts().images;
    let images = use_images();
    let open = use_state(|| None::<Open>);
    let navigator = use_navigator();
    let removal = use_action();
    let now = use_clock(true, AGO_RENEWED_MS);
    let is_connected = use_connection().phase.is_connected();
    let close = {
        let (open, removal) = (open.setter(), removal.clone());
        Callback::from(move |()| {
            removal.clear();
            open.set(None);
        })
    };
    let on_open = {
        let open = open.setter();
        Callback::from(move |which| open.set(Some(which)))
    };
    let dialog = match &*open {
        None => Html::default(),
        Some(Open::Run(image)) => {
            let on_started = Callback::from(move |answer: estiva_shared::protocol::RunResponse| {
                if let Some(navigator) = &navigator {
                    navigator.push(&Route::Container { id: answer.id });
                }
            });
            let exposed = exposed_ports(&images, image);
            html! { <RunDialog image={image.clone()} {exposed} {on_started} on_close={close} /> }
        }
        Some(Open::Share(image)) => {
            html! { <ShareDialog image={image.clone()} on_close={close} /> }
        }
        Some(Open::Remove(image)) => {
            let on_confirm = {
                let (action, image, open) = (removal.clone(), image.clone(), open.setter());
                Callback::from(move |()| {
                    let (image, open) = (image.clone(), open.clone());
                    action.run(async move { api::remove_image(&image).await }, move |()| {
                        open.set(None)
                    });
                })
            };
            html! {
                <Confirm title={fill(t.remove_title, &[image])} body={t.remove_body} action={locale.texts().common.remove} busy={removal.busy}
                    {on_confirm} on_close={close}>
                    if let Some(error) = &removal.error { <Failure error={error.clone()} /> }
                </Confirm>
            }
        }
    };
    let list = match &images {
        Load::Loading => html! { <Loading /> },
        Load::Failed(error) => html! { <Failure error={error.clone()} /> },
        Load::Ready(images) if images.is_empty() => {
            html! { <Empty title={t.empty_title} body={t.empty_body}><BringIn primary=true /></Empty> }
        }
        Load::Ready(images) => {
            let view = RowView {
                now_ms: now,
                pulled: props.pull.pull.brought(),
                locale: &locale,
                on_open: &on_open,
            };
            table(images, &view)
        }
    };
    let filled = matches!(&images, Load::Ready(images) if !images.is_empty());
    html! {
        <div class="page">
            <header class="page-head">
                <div><h1>{ t.title }</h1><p class="note">{ t.note }</p></div>
                if filled { <div class="actions"><BringIn /><Prune /></div> }
            </header>
            { pull_panel(&props.pull, is_connected) }
            { list }
            { dialog }
        </div>
    }
}

fn pull_panel(handle: &PullHandle, is_connected: bool) -> Html {
    let (start, stop, hide) = (handle.clone(), handle.clone(), handle.clone());
    html! {
        <PullPanel pull={(*handle.pull).clone()} {is_connected} on_pull={Callback::from(move |name| start.start(name))}
            on_stop={Callback::from(move |()| stop.stop())} on_hide={Callback::from(move |()| hide.hide())} />
    }
}

/// The ports that an image exposes, by its name (short or in full) or id; none where the list does not have it yet.
pub(super) fn exposed_ports(images: &Load<Vec<ImageSummary>>, image: &str) -> Vec<String> {
    let Load::Ready(images) = images else {
        return Vec::new();
    };
    let wanted = in_full(image).ok().flatten();
    let is_it = |known: &&ImageSummary| {
        let is_named = |name: &String| in_full(name).is_ok_and(|full| full == wanted);
        known.id == image || known.names.iter().any(is_named)
    };
    let found = images.iter().find(is_it);
    found.map_or_else(Vec::new, |image| image.exposed_ports.clone())
}

/// What all rows need.
struct RowView<'a> {
    now_ms: u64,
    /// The id of the image that was just pulled.
    pulled: Option<&'a str>,
    locale: &'a Locale,
    on_open: &'a Callback<Open>,
}

fn table(images: &Rc<Vec<ImageSummary>>, view: &RowView<'_>) -> Html {
    let locale = view.locale;
    let t = &locale.texts().images;
    let largest = images
        .iter()
        .map(|image| image.size_bytes)
        .max()
        .unwrap_or(1);
    let rows = images.iter().map(|image| row(image, largest, view));
    html! {
        <div class="cards cards-images" role="table" aria-label={t.title}>
            <div class="card-head" role="row">
                <span role="columnheader">{ t.column_image }</span><span role="columnheader">{ t.column_size }</span>
                <span role="columnheader">{ t.column_layers }</span><span role="columnheader">{ t.column_created }</span>
                <span role="columnheader" class="visually-hidden">{ t.column_actions }</span>
            </div>
            { for rows }
        </div>
    }
}

fn row(image: &ImageSummary, largest: u64, view: &RowView<'_>) -> Html {
    let (locale, on_open) = (view.locale, view.on_open);
    let is_new = view.pulled == Some(image.id.as_str());
    let t = &locale.texts().images;
    let name = image
        .names
        .first()
        .cloned()
        .unwrap_or_else(|| image.id.clone());
    let short = image
        .id
        .trim_start_matches("sha256:")
        .get(..12)
        .unwrap_or(&image.id)
        .to_owned();
    let button = |open: Open,
                  label: &'static str,
                  icon: IconName,
                  testid: &'static str,
                  class: &'static str| {
        let on_open = on_open.clone();
        html! {
            <button type="button" class={classes!("button", "button-small", class)} data-testid={testid} onclick={move |_| on_open.emit(open.clone())}>
                <Icon name={icon} /><span class="button-word">{ label }</span>
            </button>
        }
    };
    let share = image.size_bytes as f64 / largest.max(1) as f64;
    html! {
        <div class={classes!("card", is_new.then_some("is-new"))} role="row" key={image.id.clone()} data-testid="image-row">
            <div role="cell" class="card-main">
                <NavLink to={Route::Image { name: name.clone() }} class="card-title break">
                    { image.names.first().cloned().unwrap_or_else(|| t.unnamed.to_owned()) }
                </NavLink>
                if is_new { <span class="badge badge-status badge-running" data-testid="image-new">{ locale.texts().pull.new }</span> }
                { for image.names.iter().skip(1).map(|name| html! { <span class="badge">{ name }</span> }) }
                <span class="card-sub mono">{ short }{ " · " }{ &image.platform }
                    if image.containers > 0 { { " · " }{ locale.language.count(image.containers as u64, t.containers) } }</span>
            </div>
            <div role="cell" class="card-size"><b>{ locale.language.bytes(image.size_bytes) }</b><crate::components::ShareBar {share} /></div>
            <div role="cell" class="card-layers">{ locale.language.count(image.layers as u64, locale.texts().common.layers) }</div>
            <div role="cell" class="card-when">{ locale.language.ago(image.created_ms, view.now_ms) }</div>
            <div role="cell" class="card-actions">
                <NavLink to={Route::Image { name: name.clone() }} class="button button-small"><Icon name={IconName::Inspect} />{ t.inspect }</NavLink>
                { button(Open::Run(name.clone()), t.run, IconName::Run, "run-button", "button-primary") }
                <NavLink to={Route::Compare} query={compare_query(&name)} class="button button-small button-narrow" testid="compare-link"><Icon name={IconName::Compare} /><span class="button-word">{ locale.texts().compare.compare }</span></NavLink>
                { button(Open::Share(name.clone()), t.share, IconName::Share, "share-button", "button-narrow") }
                { button(Open::Remove(name.clone()), locale.texts().common.remove, IconName::Remove, "image-remove-button", "button-quiet") }
            </div>
        </div>
    }
}
