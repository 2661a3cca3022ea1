//! A pull on its way, layer by layer: of an image, or of the base of a build.

use estiva_shared::protocol::LayerState;
use yew::prelude::*;

use crate::hooks::{Locale, use_locale};
use crate::i18n::{PullTexts, fill};
use crate::state::build_run::BasePull;
use crate::state::pull::{LayerRow, Pull, PullPhase, Retry};

/// Digits of a layer's digest that are shown.
const DIGEST_DIGITS: usize = 12;

/// The props of [`PullProgress`].
#[derive(PartialEq, Properties)]
pub struct PullProgressProps {
    /// The pull.
    pub pull: Pull,
}

/// A pull on its way: all of it as one bar, then each layer. Of one that is done, nothing.
#[component]
pub fn PullProgress(props: &PullProgressProps) -> Html {
    let locale = use_locale();
    let pull = &props.pull;
    html! {
        <>
            { whole(pull, &locale) }
            if let Some(retry) = &pull.retry { <p class="pull-retry break" role="status">{ retry_text(retry, &locale) }</p> }
            { layers(pull, &locale) }
        </>
    }
}

/// The props of [`BasePulls`].
#[derive(PartialEq, Properties)]
pub struct BasePullsProps {
    /// The bases, in the order in which they are pulled.
    pub bases: Vec<BasePull>,
}

/// The bases that are pulled for a build.
#[component]
pub fn BasePulls(props: &BasePullsProps) -> Html {
    let locale = use_locale();
    let t = &locale.texts().pull;
    let bases = props.bases.iter().map(|base| {
        let (name, pull) = (&base.reference, &base.pull);
        let text = match &pull.phase {
            PullPhase::Moving => fill(t.base, &[name, &layers_there(pull, &locale)]),
            PullPhase::Done {
                unchanged: true, ..
            } => fill(t.base_unchanged, &[name]),
            PullPhase::Done { .. } => fill(t.base_done, &[name]),
            PullPhase::Idle | PullPhase::Asking => fill(t.base_asking, &[name]),
            PullPhase::Stopped | PullPhase::Failed(_) | PullPhase::Lost => {
                fill(t.base_stopped, &[name])
            }
        };
        html! {
            <li class={classes!("base-pull", format!("is-{}", pull.name()))} key={name.clone()} data-testid="base-pull" data-state={pull.name()}>
                <h3 class="break" role="status">{ text }</h3>
                <PullProgress pull={pull.clone()} />
            </li>
        }
    });
    html! { if !props.bases.is_empty() { <ul class="base-pulls">{ for bases }</ul> } }
}

/// How many of its layers are there: "2 of 6 layers".
pub(super) fn layers_there(pull: &Pull, locale: &Locale) -> String {
    let there = pull.layers_there().to_string();
    let all = locale
        .language
        .count(pull.layers.len() as u64, locale.texts().common.layers);
    fill(locale.texts().pull.layers_of, &[&there, &all])
}

/// All layers as one bar.
fn whole(pull: &Pull, locale: &Locale) -> Html {
    let t = &locale.texts().pull;
    match pull.phase {
        PullPhase::Asking => html! { <progress class="pull-whole" aria-label={t.all_layers} /> },
        PullPhase::Moving => {
            let (done, all) = pull.bytes();
            let text = fill(
                t.bytes_of,
                &[&locale.language.bytes(done), &locale.language.bytes(all)],
            );
            html! {
                <p class="pull-sum"><progress class="pull-whole" value={done.to_string()} max={all.max(1).to_string()} aria-label={t.all_layers} aria-valuetext={text.clone()} />
                    <span class="number muted">{ text }</span></p>
            }
        }
        _ => Html::default(),
    }
}

fn layers(pull: &Pull, locale: &Locale) -> Html {
    if matches!(pull.phase, PullPhase::Done { .. }) || pull.layers.is_empty() {
        return Html::default();
    }
    let busy = pull.is_busy();
    let rows = pull.layers.iter().map(|layer| row(layer, busy, locale));
    html! { <ol class="pull-layers">{ for rows }</ol> }
}

fn row(layer: &LayerRow, busy: bool, locale: &Locale) -> Html {
    let t = &locale.texts().pull;
    let hex = layer.digest.trim_start_matches("sha256:");
    let short = hex.get(..DIGEST_DIGITS).unwrap_or(hex).to_owned();
    let (done, all) = (layer.done_bytes(), layer.bytes);
    let language = locale.language;
    let sizes = match layer.state {
        LayerState::Transferring { .. } => {
            fill(t.bytes_of, &[&language.bytes(done), &language.bytes(all)])
        }
        _ => language.bytes(all),
    };
    let (name, word) = if busy || layer.is_there() {
        (layer.name(), word(layer, t))
    } else {
        ("stopped", t.layer_stopped)
    };
    html! {
        <li class={classes!("pull-layer", format!("is-{name}"))} key={layer.digest.clone()} data-testid="pull-layer" data-state={name}>
            <code class="pull-digest" title={layer.digest.clone()}>{ &short }</code>
            <progress value={done.to_string()} max={all.max(1).to_string()} aria-label={fill(t.layer, &[&short])} aria-valuetext={format!("{word}, {sizes}")} />
            <span class="pull-size number">{ &sizes }</span>
            <span class="pull-word">{ word }</span>
            if let Some(retry) = &layer.retry { <p class="pull-retry break" role="status">{ retry_text(retry, locale) }</p> }
        </li>
    }
}

fn word(layer: &LayerRow, t: &PullTexts) -> &'static str {
    match &layer.state {
        _ if layer.retry.is_some() => t.layer_retrying,
        LayerState::Waiting => t.layer_waiting,
        LayerState::Exists | LayerState::Mounted { .. } => t.layer_exists,
        LayerState::Compressing { .. } => t.layer_compressing,
        LayerState::Transferring { .. } => t.layer_transferring,
        LayerState::Verifying => t.layer_verifying,
        LayerState::Unpacking => t.layer_unpacking,
        LayerState::Done => t.layer_done,
    }
}

fn retry_text(retry: &Retry, locale: &Locale) -> String {
    let wait = locale.language.duration(retry.wait_ms);
    fill(
        locale.texts().pull.retry,
        &[&retry.message, &retry.attempt.to_string(), &wait],
    )
}
