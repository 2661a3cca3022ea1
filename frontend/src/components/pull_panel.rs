//! Pulling an image: what is asked for, its layers on their way, and how it ends.

use estiva_shared::protocol::ErrorBody;
use yew::prelude::*;

use super::pull_progress::layers_there;
use super::{Icon, IconName, PullProgress, ReferenceForm};
use crate::hooks::{Locale, use_locale};
use crate::i18n::{PullTexts, fill, trouble};
use crate::state::pull::{Pull, PullPhase};

/// The props of [`PullPanel`].
#[derive(PartialEq, Properties)]
pub struct PullPanelProps {
    /// The pull.
    pub pull: Pull,
    /// The server can be asked.
    pub is_connected: bool,
    /// Pull this one.
    pub on_pull: Callback<String>,
    /// Stop it.
    pub on_stop: Callback<()>,
    /// What is shown of the last one is not wanted any more.
    pub on_hide: Callback<()>,
}

/// The form, and the pull that it started.
#[component]
pub fn PullPanel(props: &PullPanelProps) -> Html {
    let locale = use_locale();
    let t = &locale.texts().pull;
    let busy = props.pull.is_busy();
    html! {
        <section class="panel pull" aria-label={t.title}>
            <ReferenceForm label={t.title} hint={t.reference_hint} testid="pull-reference" on_submit={props.on_pull.clone()}>
                <button type="submit" class="button button-primary" data-testid="pull-button" disabled={busy || !props.is_connected}
                    title={(!props.is_connected).then_some(t.not_connected)}><Icon name={IconName::Load} />{ t.submit }</button>
            </ReferenceForm>
            { status(props, &locale) }
        </section>
    }
}

/// How far it is, or how it ended.
fn status(props: &PullPanelProps, locale: &Locale) -> Html {
    let t = &locale.texts().pull;
    let pull = &props.pull;
    let name = &pull.reference;
    let text = match &pull.phase {
        PullPhase::Idle => return Html::default(),
        PullPhase::Asking => fill(t.asking, &[name]),
        PullPhase::Moving => fill(t.moving, &[name, &layers_there(pull, locale)]),
        PullPhase::Done {
            names, unchanged, ..
        } => {
            let said = if *unchanged { t.unchanged } else { t.done };
            fill(said, &[names.first().unwrap_or(name)])
        }
        PullPhase::Stopped => t.stopped.to_owned(),
        PullPhase::Failed(_) => fill(t.failed, &[name]),
        PullPhase::Lost => t.lost.to_owned(),
    };
    html! {
        <div class={classes!("build-status", "pull-status", format!("is-{}", pull.name()))} data-testid="pull-status" data-state={pull.name()}>
            <h2 class="break" role="status">{ text }</h2>
            if let Some(platform) = &pull.platform { <p class="note">{ platform }</p> }
            <PullProgress pull={pull.clone()} />
            if let PullPhase::Failed(error) = &pull.phase { { failure(error, locale) } }
            { buttons(props, t) }
        </div>
    }
}

/// Why it failed, and what can be done about it.
fn failure(error: &ErrorBody, locale: &Locale) -> Html {
    let message = trouble(locale.language, &error.code).unwrap_or(&error.message);
    html! {
        <div role="alert"><p class="break">{ message }</p>
            if let Some(hint) = &error.hint { <p class="hint break">{ fill(locale.texts().common.hint, &[hint]) }</p> }</div>
    }
}

fn buttons(props: &PullPanelProps, t: &PullTexts) -> Html {
    if props.pull.is_busy() {
        let stop = props.on_stop.clone();
        return html! {
            <div class="actions"><button type="button" class="button button-small" data-testid="pull-stop" onclick={move |_| stop.emit(())}>
                <Icon name={IconName::Stop} />{ t.stop }</button></div>
        };
    }
    let again = (!matches!(props.pull.phase, PullPhase::Done { .. })).then(|| {
        let (pull, name) = (props.on_pull.clone(), props.pull.reference.clone());
        html! {
            <button type="button" class="button button-small" data-testid="pull-again" disabled={!props.is_connected}
                onclick={move |_| pull.emit(name.clone())}>{ t.again }</button>
        }
    });
    let hide = props.on_hide.clone();
    html! {
        <div class="actions">{ again }
            <button type="button" class="button button-small button-quiet" data-testid="pull-hide" onclick={move |_| hide.emit(())}>{ t.hide }</button></div>
    }
}
