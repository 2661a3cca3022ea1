//! The documents that describe an image, as they lie.

use estiva_shared::image::{RawDocument, Referrer};
use estiva_shared::text::escape_name;
use yew::prelude::*;

use super::{CopyButton, Icon, IconName, Loading};
use crate::hooks::{Locale, use_locale};
use crate::i18n::fill;
use crate::state::by_address::ByAddress;
use estiva_worker::summary::Summary;

/// Bytes of a document that are drawn: some thousand lines.
const SHOWN_BYTES: usize = 128 << 10;

/// Takes the documents, or why there are none.
pub type DocumentsReply = Callback<Result<Vec<RawDocument>, String>>;

/// The props of [`DocumentsView`].
#[derive(PartialEq, Properties)]
pub struct DocumentsProps {
    /// The image.
    pub image: ByAddress<Summary>,
    /// The way to its documents.
    pub documents: Callback<DocumentsReply>,
}

/// An image's documents, fetched when they are looked at.
#[component]
pub fn DocumentsView(props: &DocumentsProps) -> Html {
    let locale = use_locale();
    let v = &locale.texts().views;
    let found = use_state(|| None::<Result<Vec<RawDocument>, String>>);
    {
        let (found, documents) = (found.setter(), props.documents.clone());
        use_effect_with(props.image.clone(), move |_| {
            found.set(None);
            documents.emit(Callback::from(move |answer| found.set(Some(answer))));
        });
    }
    match &*found {
        None => html! { <Loading text={v.documents_loading} /> },
        Some(Err(message)) => {
            let told = fill(v.documents_failed, &[&escape_name(message)]);
            html! { <p class="notice notice-error" role="alert"><Icon name={IconName::Warning} />{ told }</p> }
        }
        Some(Ok(documents)) if documents.is_empty() => {
            html! { <p class="tree-none">{ v.documents_none }</p> }
        }
        Some(Ok(documents)) => html! {
            <>
                { referrers(&props.image.image.referrers, &locale) }
                <p class="note">{ v.documents_note }</p>
                { for documents.iter().map(|document| draw(document, &locale)) }
            </>
        },
    }
}

/// What else is about the image; nothing where nothing is.
fn referrers(referrers: &[Referrer], locale: &Locale) -> Html {
    let v = &locale.texts().views;
    if referrers.is_empty() {
        return Html::default();
    }
    let row = |referrer: &Referrer| {
        let kind = match referrer.artifact_type.as_str() {
            "" => v.referrer_unknown.to_owned(),
            kind => escape_name(kind).into_owned(),
        };
        let annotations = referrer.annotations.iter().map(|(key, value)| {
            let said = format!("{}={}", escape_name(key), escape_name(value));
            html! { <li class="mono break">{ said }</li> }
        });
        html! {
            <tr data-testid="referrer">
                <th scope="row"><span class="break">{ kind }</span>
                    if !referrer.annotations.is_empty() { <ul class="muted">{ for annotations }</ul> }</th>
                <td class="mono break">{ escape_name(&referrer.digest).into_owned() }</td>
                <td class="number">{ locale.language.bytes(referrer.size_bytes) }</td>
            </tr>
        }
    };
    html! {
        <section class="referrers" aria-label={v.referrers}>
            <h3>{ v.referrers }</h3>
            <p class="note">{ v.referrers_note }</p>
            <table>
                <thead><tr><th scope="col">{ v.referrer_kind }</th><th scope="col">{ v.referrer_digest }</th><th scope="col" class="number">{ v.referrer_size }</th></tr></thead>
                <tbody>{ for referrers.iter().map(row) }</tbody>
            </table>
        </section>
    }
}

fn draw(document: &RawDocument, locale: &Locale) -> Html {
    let v = &locale.texts().views;
    let name = match document.kind.as_str() {
        "index" => v.document_index,
        "manifest" => v.document_manifest,
        "config" => v.document_config,
        other => other,
    };
    let text = document.text.as_ref().map(|text| {
        let shown = &text[..text.floor_char_boundary(SHOWN_BYTES)];
        let cut = (shown.len() < text.len()).then(|| fill(v.document_cut, &[&locale.language.bytes(SHOWN_BYTES as u64)]));
        // Line ends are the document's layout; all else that can't be seen is spelled out.
        let lines: Vec<_> = shown.lines().map(escape_name).collect();
        html! {
            <>
                <CopyButton text={text.clone()} />
                if let Some(cut) = cut { <p class="note">{ cut }</p> }
                <pre class="document-text" tabindex="0" role="group" aria-label={format!("{name} {}", document.place)}><code>{ lines.join("\n") }</code></pre>
            </>
        }
    });
    html! {
        <details class="document" open={document.kind != "index"} data-testid="document">
            <summary><b>{ name.to_owned() }</b>{ " " }<code class="break">{ escape_name(&document.place).into_owned() }</code>{ " " }
                <span class="muted number">{ locale.language.bytes(document.size_bytes) }</span></summary>
            if let Some(text) = text { { text } } else { <p class="note">{ v.document_long }</p> }
        </details>
    }
}
