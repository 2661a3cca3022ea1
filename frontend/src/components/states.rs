//! The three states that are not the thing itself: on its way, nothing there, refused.

use estiva_shared::protocol::ErrorBody;
use yew::prelude::*;

use super::{Icon, IconName};
use crate::hooks::use_locale;
use crate::i18n::{fill, trouble};

/// The props of [`Loading`].
#[derive(PartialEq, Properties)]
pub struct LoadingProps {
    /// What is on its way, in a sentence.
    #[prop_or_default]
    pub text: Option<AttrValue>,
}

/// Something is on its way.
#[component]
pub fn Loading(props: &LoadingProps) -> Html {
    let texts = use_locale().texts();
    html! {
        <div class="state state-loading" role="status">
            <svg class="crane" viewBox="0 0 72 48" aria-hidden="true">
                <path class="crane-frame" d="M6 46V6h48M6 6l10 10M50 6v8" />
                <g class="crane-load"><path class="crane-rope" d="M50 8v14" /><rect x="40" y="22" width="20" height="12" rx="1" /></g>
                <path class="crane-frame" d="M2 46h68" />
            </svg>
            <p>{ props.text.clone().unwrap_or_else(|| texts.common.loading.into()) }</p>
        </div>
    }
}

/// The props of [`Empty`].
#[derive(PartialEq, Properties)]
pub struct EmptyProps {
    /// That there is nothing, in a few words.
    pub title: AttrValue,
    /// What to do about it.
    pub body: AttrValue,
    /// It is all that the page has to say, so its title is the page's heading.
    #[prop_or_default]
    pub heads_page: bool,
    /// Buttons and links.
    #[prop_or_default]
    pub children: Html,
}

/// Nothing is there yet.
#[component]
pub fn Empty(props: &EmptyProps) -> Html {
    html! {
        <div class="state state-empty">
            <svg class="empty-hold" viewBox="0 0 120 64" aria-hidden="true">
                <path class="hull" d="M8 22h104l-10 34H18z" />
                <path class="berth" d="M30 22v-14h18v14M52 22v-14h18v14M74 22v-14h18v14" />
                <path class="sea" d="M0 60c6 0 6-4 12-4s6 4 12 4s6-4 12-4s6 4 12 4s6-4 12-4s6 4 12 4s6-4 12-4s6 4 12 4s6-4 12-4s6 4 12 4" />
            </svg>
            if props.heads_page { <h1>{ &props.title }</h1> } else { <h2>{ &props.title }</h2> }
            <p>{ &props.body }</p>
            <div class="actions">{ props.children.clone() }</div>
        </div>
    }
}

/// The props of [`Failure`].
#[derive(PartialEq, Properties)]
pub struct FailureProps {
    /// What went wrong.
    pub error: ErrorBody,
    /// Tries again, where that makes sense.
    #[prop_or_default]
    pub retry: Option<Callback<()>>,
}

/// Something was refused.
#[component]
pub fn Failure(props: &FailureProps) -> Html {
    let locale = use_locale();
    let texts = locale.texts();
    let message = trouble(locale.language, &props.error.code).unwrap_or(&props.error.message);
    let retry = props.retry.clone().map(|retry| {
        html! { <button type="button" class="button" onclick={move |_| retry.emit(())}>{ texts.common.retry }</button> }
    });
    html! {
        <div class="notice notice-error" role="alert">
            <Icon name={IconName::Warning} />
            <div>
                <strong>{ texts.common.failed }</strong>
                <p class="break">{ message }</p>
                if let Some(hint) = &props.error.hint {
                    <p class="hint break">{ fill(texts.common.hint, &[hint]) }</p>
                }
                { retry }
            </div>
        </div>
    }
}
