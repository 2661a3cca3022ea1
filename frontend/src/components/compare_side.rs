//! One of the two images that are compared: chosen from the store, or dropped.

use std::rc::Rc;

use estiva_shared::protocol::ImageSummary;
use estiva_shared::text::escape_name;
use web_sys::{DragEvent, File};
use yew::prelude::*;

use super::{DropZone, Icon, IconName};
use crate::hooks::use_locale;
use crate::i18n::fill;
use crate::services::{dom, folder};
use crate::state::comparing::Side;
use estiva_worker::comparison::Which;

/// The props of [`CompareSide`].
#[derive(PartialEq, Properties)]
pub struct CompareSideProps {
    /// Which one.
    pub which: Which,
    /// How far it is.
    pub side: Side,
    /// The store's images; none where no server is connected.
    pub images: Option<Rc<Vec<ImageSummary>>>,
    /// A file was dropped or chosen.
    pub on_file: Callback<File>,
    /// An image of the store was chosen.
    pub on_image: Callback<String>,
    /// Another image of the file was chosen.
    pub on_choose: Callback<usize>,
    /// It is taken out, or no longer read.
    pub on_close: Callback<()>,
}

/// One of the two images that are compared.
#[component]
pub fn CompareSide(props: &CompareSideProps) -> Html {
    let texts = use_locale().texts();
    let t = &texts.compare;
    let over = use_state(|| false);
    let (title, hint, letter) = match props.which {
        Which::A => (t.side_a, t.side_hint_a, "a"),
        Which::B => (t.side_b, t.side_hint_b, "b"),
    };
    let drag = |value: bool| {
        let over = over.setter();
        Callback::from(move |event: DragEvent| {
            event.prevent_default();
            over.set(value);
        })
    };
    let ondrop = {
        let (over, on_file) = (over.setter(), props.on_file.clone());
        Callback::from(move |event: DragEvent| {
            event.prevent_default();
            over.set(false);
            let transfer = event.data_transfer();
            let files = transfer.map(|transfer| folder::dropped_files(&transfer));
            if let Some(file) = files.and_then(|files| files.into_iter().next()) {
                on_file.emit(file);
            }
        })
    };
    let content = match &props.side {
        Side::Empty => html! { <CompareChoice ..picker(props) /> },
        Side::Failed { name, message } => html! {
            <>
                <div class="notice notice-error" role="alert">
                    <Icon name={IconName::Warning} />
                    <div><strong class="break">{ escape_name(name).into_owned() }</strong><p class="break">{ escape_name(message).into_owned() }</p></div>
                </div>
                <CompareChoice ..picker(props) />
            </>
        },
        Side::Reading { name, progress } => {
            html! { <CompareReading name={name.clone()} progress={*progress} on_close={props.on_close.clone()} /> }
        }
        Side::Open { .. } => {
            html! { <CompareOpen side={props.side.clone()} on_choose={props.on_choose.clone()} on_close={props.on_close.clone()} /> }
        }
    };
    html! {
        <section class={classes!("panel", "compare-side", over.then_some("is-over"))} aria-label={title} data-testid={format!("compare-side-{letter}")}
            {ondrop} ondragover={drag(true)} ondragleave={drag(false)}>
            <h2>{ title }</h2>
            <p class="note">{ hint }</p>
            { content }
        </section>
    }
}

fn picker(props: &CompareSideProps) -> CompareChoiceProps {
    CompareChoiceProps {
        which: props.which,
        images: props.images.clone(),
        on_file: props.on_file.clone(),
        on_image: props.on_image.clone(),
    }
}

#[derive(PartialEq, Properties)]
struct CompareChoiceProps {
    which: Which,
    images: Option<Rc<Vec<ImageSummary>>>,
    on_file: Callback<File>,
    on_image: Callback<String>,
}

/// Where an image is chosen.
#[component]
fn CompareChoice(props: &CompareChoiceProps) -> Html {
    let texts = use_locale().texts();
    let t = &texts.compare;
    let onchange = {
        let on_image = props.on_image.clone();
        Callback::from(move |event: Event| {
            let name = dom::value_of(&event);
            if !name.is_empty() {
                on_image.emit(name);
            }
        })
    };
    let choice = match &props.images {
        None => html! { <p class="note">{ t.no_server }</p> },
        Some(images) => {
            let options = images.iter().map(|image| {
                let name = image.names.first().unwrap_or(&image.id).clone();
                html! { <option value={name.clone()}>{ escape_name(&name).into_owned() }</option> }
            });
            html! {
                <label class="field">
                    <span class="field-label">{ t.pick }</span>
                    <select {onchange} data-testid={format!("compare-pick-{}", if props.which == Which::A { "a" } else { "b" })}>
                        <option value="" selected=true>{ t.pick_none }</option>
                        { for options }
                    </select>
                </label>
            }
        }
    };
    html! {
        <>
            { choice }
            <div class="actions"><DropZone on_file={props.on_file.clone()} small=true label={texts.inspect.drop_button} /><span class="muted">{ t.drop_here }</span></div>
        </>
    }
}

#[derive(PartialEq, Properties)]
struct CompareReadingProps {
    name: String,
    progress: Option<(u64, u64)>,
    on_close: Callback<()>,
}

#[component]
fn CompareReading(props: &CompareReadingProps) -> Html {
    let locale = use_locale();
    let (t, inspect) = (&locale.texts().compare, &locale.texts().inspect);
    let name = escape_name(&props.name).into_owned();
    let close = props.on_close.clone();
    let progress = match props.progress {
        Some((done, total)) => {
            let read = fill(
                inspect.opening_read,
                &[&locale.language.bytes(done), &locale.language.bytes(total)],
            );
            html! { <><progress value={done.to_string()} max={total.to_string()} aria-label={read.clone()} /><span class="muted">{ read }</span></> }
        }
        None => html! { <progress aria-label={fill(t.reading, &[&name])} /> },
    };
    html! {
        <div class="compare-reading" role="status">
            <p class="break">{ fill(t.reading, &[&name]) }</p>
            { progress }
            <button type="button" class="button button-small" onclick={move |_| close.emit(())}>{ inspect.cancel }</button>
        </div>
    }
}

#[derive(PartialEq, Properties)]
struct CompareOpenProps {
    side: Side,
    on_choose: Callback<usize>,
    on_close: Callback<()>,
}

/// The image that is open, in short.
#[component]
fn CompareOpen(props: &CompareOpenProps) -> Html {
    let locale = use_locale();
    let texts = locale.texts();
    let Side::Open {
        name,
        images,
        chosen,
    } = &props.side
    else {
        return Html::default();
    };
    let close = props.on_close.clone();
    let shown = |index: usize| {
        let names = images.get(index).map(|image| image.image.names.as_slice());
        let first = names.and_then(<[String]>::first);
        first.map_or(texts.inspect.unnamed.to_owned(), |name| {
            escape_name(name).into_owned()
        })
    };
    let onchange = {
        let on_choose = props.on_choose.clone();
        Callback::from(move |event: Event| {
            on_choose.emit(dom::value_of(&event).parse().unwrap_or_default())
        })
    };
    let options = images.iter().enumerate().map(|(place, image)| {
        let label = format!("{} ({})", shown(place), escape_name(&image.image.platform));
        html! { <option value={place.to_string()} selected={place == *chosen}>{ label }</option> }
    });
    let facts = images.get(*chosen).map(|image| {
        let image = &image.image;
        html! {
            <ul class="facts">
                <li><b>{ locale.language.bytes(image.uncompressed_bytes) }</b></li>
                <li>{ locale.language.count(image.layers.len() as u64, texts.common.layers) }</li>
                <li>{ escape_name(&image.platform).into_owned() }</li>
            </ul>
        }
    });
    html! {
        <>
            <p class="compare-name break"><strong>{ shown(*chosen) }</strong>
                if shown(*chosen) != *name { <span class="muted">{ format!(" · {}", escape_name(name)) }</span> }</p>
            { facts }
            if images.len() > 1 { <select aria-label={texts.compare.which_image} {onchange}>{ for options }</select> }
            <button type="button" class="button button-small" onclick={move |_| close.emit(())}>{ texts.compare.take_out }</button>
        </>
    }
}
