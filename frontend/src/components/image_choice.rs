//! The images of an archive that holds several: one is chosen, none is guessed.

use estiva_shared::text::escape_name;
use yew::prelude::*;

use super::{Icon, IconName, QueryLink};
use crate::hooks::{Locale, use_locale};
use crate::i18n::fill;
use crate::state::by_address::ByAddress;
use crate::state::choice::ImageQuery;
use estiva_worker::summary::Summary;

/// The props of [`ImageChoice`].
#[derive(PartialEq, Properties)]
pub struct ImageChoiceProps {
    /// The images.
    pub images: Vec<ByAddress<Summary>>,
    /// Each one's part of the address.
    pub keys: Vec<String>,
    /// The file's name.
    pub name: String,
    /// The image that the address means and the file does not hold.
    #[prop_or_default]
    pub missing: Option<String>,
    /// Buttons beside the title.
    #[prop_or_default]
    pub children: Html,
}

/// A list of images, each a link to its own address.
#[component]
pub fn ImageChoice(props: &ImageChoiceProps) -> Html {
    let locale = use_locale();
    let t = &locale.texts().inspect;
    let rows = props
        .images
        .iter()
        .zip(&props.keys)
        .map(|(image, key)| row(image, key, &locale));
    html! {
        <article class="image">
            <header class="image-head">
                <div>
                    <h1>{ locale.language.count(props.images.len() as u64, t.choice_title) }</h1>
                    <p class="muted break">{ escape_name(&props.name).into_owned() }</p>
                </div>
                <div class="actions">{ props.children.clone() }</div>
            </header>
            if let Some(missing) = &props.missing {
                <div class="notice notice-warn" role="alert" data-testid="image-missing">
                    <Icon name={IconName::Warning} />
                    <div><strong>{ t.choice_missing }</strong><p class="break">{ fill(t.choice_missing_note, &[missing]) }</p></div>
                </div>
            }
            <section class="panel">
                <p class="note">{ t.choice_note }</p>
                <ul class="image-choice" data-testid="image-choice">{ for rows }</ul>
            </section>
        </article>
    }
}

fn row(summary: &ByAddress<Summary>, key: &str, locale: &Locale) -> Html {
    let t = &locale.texts().inspect;
    let image = &summary.image;
    let name = match image.names.as_slice() {
        [] => t.unnamed.to_owned(),
        names => escape_name(&names.join(", ")).into_owned(),
    };
    let problems = summary.problems.iter().any(|problem| !problem.is_note());
    let language = locale.language;
    html! {
        <li>
            <QueryLink query={ImageQuery::of(key)} class="image-choice-name break">{ name }</QueryLink>
            <ul class="facts">
                <li><b>{ platform(&image.platform, t.choice_no_platform) }</b></li>
                <li>{ language.bytes(image.size_bytes) }</li>
                <li>{ language.count(image.layers.len() as u64, t.choice_layers) }</li>
                if problems { <li class="bad">{ t.choice_problems }</li> }
            </ul>
            <code class="break">{ escape_name(key).into_owned() }</code>
        </li>
    }
}

/// A platform, or what to say of one that is not known.
fn platform(platform: &str, unknown: &str) -> String {
    match platform {
        "" | "unknown/unknown" => unknown.to_owned(),
        known => escape_name(known).into_owned(),
    }
}
