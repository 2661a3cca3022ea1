//! What an image holds: what is dangerous in it, its packages, and what was not read.

mod dangers;
mod packages;

use estiva_shared::image::holdings::{Holdings, SbomFormat, UnreadReason};
use estiva_shared::text::escape_name;
use yew::prelude::*;

use super::{Icon, IconName};
use crate::hooks::{Locale, use_locale};
use crate::i18n::{HoldingsTexts, fill};
use crate::services::analyser::SbomAsk;
use crate::services::download;
use crate::state::by_address::ByAddress;
use dangers::Dangers;
use estiva_worker::summary::Summary;
use packages::Packages;

/// A file of the image, and the tree that shows it.
#[derive(Clone, Debug, PartialEq)]
pub struct FilePlace {
    /// The layer, by index; none for the merged image.
    pub layer: Option<usize>,
    /// The path.
    pub path: AttrValue,
}

/// The props of [`Contents`].
#[derive(PartialEq, Properties)]
pub struct ContentsProps {
    /// The image.
    pub image: ByAddress<Summary>,
    /// The way to its bills of materials.
    pub sboms: Callback<SbomAsk>,
    /// A file is to be shown in its tree.
    pub on_show: Callback<FilePlace>,
    /// A file is to be looked into.
    #[prop_or_default]
    pub on_open: Callback<FilePlace>,
}

/// What an image holds.
#[component]
pub fn Contents(props: &ContentsProps) -> Html {
    let locale = use_locale();
    let (image, on_show) = (&props.image, &props.on_show);
    html! {
        <div class="contents">
            { facts(&image.holdings, &locale) }
            <Dangers image={image.clone()} on_show={on_show.clone()} on_open={props.on_open.clone()} />
            <Packages image={image.clone()} on_show={on_show.clone()}>
                <Sboms image={image.clone()} sboms={props.sboms.clone()} />
            </Packages>
            { unread(&image.holdings, &locale) }
        </div>
    }
}

/// The distribution, the user and the shells.
fn facts(holdings: &Holdings, locale: &Locale) -> Html {
    let t = &locale.texts().holdings;
    let user = &holdings.user;
    let name = user.name.as_deref().unwrap_or(&user.configured);
    let id = user.uid.map(|uid| format!(" ({uid})")).unwrap_or_default();
    let shells = holdings.shells.iter();
    let shells: Vec<_> = shells.map(|shell| format!("/{}", shell.path)).collect();
    html! {
        <dl class="table">
            if let Some(found) = &holdings.distribution {
                <dt>{ t.system }</dt><dd class="break">{ escape_name(&found.name).into_owned() }</dd>
            }
            <dt>{ t.runs_as }</dt><dd><code class="break">{ format!("{}{id}", escape_name(name)) }</code></dd>
            <dt>{ t.shells }</dt>
            <dd>
                if shells.is_empty() { <span class="muted">{ t.shells_none }</span> }
                else { <code class="break">{ shells.join(" ") }</code> }
            </dd>
        </dl>
    }
}

/// What was not read, and why; nothing where all was.
fn unread(holdings: &Holdings, locale: &Locale) -> Html {
    if holdings.unread.is_empty() {
        return Html::default();
    }
    let texts = locale.texts();
    let items = holdings.unread.iter().map(|unread| {
        let layer = fill(texts.inspect.layer_n, &[&unread.layer.to_string()]);
        let path = unread.path.as_deref().map(|path| escape_name(path).into_owned());
        html! {
            <li><code class="break">{ path.unwrap_or(layer) }</code>{ ": " }{ reason(unread.reason, &texts.holdings) }</li>
        }
    });
    html! {
        <div class="notice" role="note">
            <Icon name={IconName::File} />
            <div><strong>{ texts.holdings.unread }</strong><ul class="plain">{ for items }</ul></div>
        </div>
    }
}

fn reason(reason: UnreadReason, t: &HoldingsTexts) -> &'static str {
    match reason {
        UnreadReason::RpmDatabase => t.unread_rpm_database,
        UnreadReason::TooLong => t.unread_too_long,
        UnreadReason::Malformed => t.unread_malformed,
        UnreadReason::OldGo => t.unread_old_go,
        UnreadReason::Limit => t.unread_limit,
    }
}

/// The props of [`Sboms`].
#[derive(PartialEq, Properties)]
struct SbomsProps {
    image: ByAddress<Summary>,
    sboms: Callback<SbomAsk>,
}

/// Both bills of materials, to be saved.
#[component]
fn Sboms(props: &SbomsProps) -> Html {
    let t = &use_locale().texts().holdings;
    let failure = use_state(|| None::<String>);
    let button = |format: SbomFormat, label: &'static str| {
        let (sboms, failure) = (props.sboms.clone(), failure.setter());
        let name = file_name(&props.image, format);
        let onclick = move |_| {
            let (name, failure) = (name.clone(), failure.clone());
            let reply = Callback::from(move |made: Result<String, String>| match made {
                Ok(text) => {
                    download::json(&name, &text);
                    failure.set(None);
                }
                Err(message) => failure.set(Some(message)),
            });
            sboms.emit(SbomAsk { format, reply });
        };
        html! {
            <button type="button" class="button button-small" data-testid={format!("sbom-{}", format.name())} {onclick}>{ label }</button>
        }
    };
    html! {
        <div class="sboms" role="group" aria-label={t.sbom}>
            <span><strong>{ t.sbom }</strong>{ " " }<span class="muted">{ t.sbom_note }</span></span>
            <span class="actions">{ button(SbomFormat::Spdx, "SPDX") }{ button(SbomFormat::CycloneDx, "CycloneDX") }</span>
            if let Some(message) = &*failure { <p class="note note-warn" role="alert">{ fill(t.sbom_failed, &[message]) }</p> }
        </div>
    }
}

/// A file's name for a bill of materials: the image's, with what no file system takes replaced.
fn file_name(summary: &Summary, format: SbomFormat) -> String {
    let name = summary.image.names.first().map_or("image", String::as_str);
    let is_plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_');
    let plain: String = name
        .chars()
        .map(|c| if is_plain(c) { c } else { '-' })
        .take(100)
        .collect();
    format!("{}{}", plain.trim_start_matches('.'), format.file_end())
}
