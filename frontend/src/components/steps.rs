//! A build's steps as they run.

use estiva_shared::image::split_instruction;
use yew::prelude::*;

use super::{Icon, IconName, LogView};
use crate::hooks::{Locale, use_clock, use_locale};
use crate::i18n::{BuildTexts, fill};
use crate::state::build_run::{StepPhase, StepView};

/// Below this many milliseconds, the time of a step without a layer tells nothing but the machine's load.
const WORTH_TELLING_MS: u64 = 100;

/// How often the time of a running step is renewed, in milliseconds.
const TICK_MS: u32 = 200;

/// The props of [`Steps`].
#[derive(PartialEq, Properties)]
pub struct StepsProps {
    /// The steps, in order.
    pub steps: Vec<StepView>,
    /// A step's line was pressed; without it there is no text to lead to.
    #[prop_or_default]
    pub on_line: Option<Callback<u32>>,
}

/// A build's steps.
#[component]
pub fn Steps(props: &StepsProps) -> Html {
    let locale = use_locale();
    let running = props
        .steps
        .iter()
        .any(|step| matches!(step.phase, StepPhase::Running { .. }));
    let now = use_clock(running, TICK_MS);
    // The name of the only stage would stand in each line and tell nothing.
    let first = props.steps.first().map(|step| &step.planned.stage);
    let many = props
        .steps
        .iter()
        .any(|step| Some(&step.planned.stage) != first);
    let steps = props.steps.iter().enumerate().map(|(index, step)| {
        html! {
            <li key={index} class={classes!("step", format!("is-{}", look(step, now).name))} data-testid="build-step" data-state={look(step, now).name}>
                { head(step, &look(step, now), many, &locale, props.on_line.as_ref()) }
                { progress(step, &locale) }
                if let Some(message) = &step.message { <p class="step-message break" role="alert">{ message }</p> }
                { output(step, locale.texts().build.step_output) }
            </li>
        }
    });
    html! { <ol class={classes!("steps", many.then_some("has-stages"))}>{ for steps }</ol> }
}

/// How a step's phase looks.
struct Look {
    name: &'static str,
    icon: IconName,
    time_ms: Option<u64>,
}

fn look(step: &StepView, now_ms: u64) -> Look {
    let (name, icon, time_ms) = match step.phase {
        StepPhase::Waiting => ("waiting", IconName::Waiting, None),
        StepPhase::Running { since_ms } => (
            "running",
            IconName::Spinner,
            Some(now_ms.saturating_sub(since_ms)),
        ),
        // What makes no layer mostly takes no time, and that is not worth a number.
        StepPhase::Done {
            duration_ms,
            cached: false,
        } => (
            "done",
            IconName::Check,
            Some(duration_ms).filter(|ms| step.layer_bytes.is_some() || *ms >= WORTH_TELLING_MS),
        ),
        StepPhase::Done { cached: true, .. } => ("cached", IconName::Check, None),
        StepPhase::Failed { duration_ms } => ("failed", IconName::Cross, Some(duration_ms)),
        StepPhase::Stopped { duration_ms } => ("stopped", IconName::Stop, Some(duration_ms)),
    };
    Look {
        name,
        icon,
        time_ms,
    }
}

/// The word for a step's phase.
fn word(name: &str, t: &BuildTexts) -> &'static str {
    match name {
        "running" => t.step_running,
        "done" => t.step_done,
        "cached" => t.step_cached,
        "failed" => t.step_failed,
        "stopped" => t.step_stopped,
        _ => t.step_waiting,
    }
}

fn head(
    step: &StepView,
    look: &Look,
    many_stages: bool,
    locale: &Locale,
    on_line: Option<&Callback<u32>>,
) -> Html {
    let t = &locale.texts().build;
    let word = word(look.name, t);
    let (instruction, rest) = split_instruction(&step.planned.text);
    let line = step.planned.line;
    let place = match on_line.cloned() {
        Some(press) => html! {
            <button type="button" class="step-line" onclick={move |_| press.emit(line)}
                aria-label={fill(t.failed_at_line, &[&line.to_string()])}>{ format!(":{line}") }</button>
        },
        None => html! { <span class="step-line">{ format!(":{line}") }</span> },
    };
    html! {
        <div class="step-head">
            <span class="step-icon" title={word}><Icon name={look.icon} /><span class="visually-hidden">{ word }</span></span>
            if many_stages { <span class="step-stage" title={step.planned.stage.clone()}>{ &step.planned.stage }</span> }
            <code class="step-text"><b>{ instruction }</b>{ " " }{ rest }</code>
            if let Some(bytes) = step.layer_bytes { <span class="step-size">{ locale.language.bytes(bytes) }</span> }
            if look.name == "cached" {
                <span class="step-time"><span class="badge badge-cached">{ t.step_cached }</span></span>
            } else if let Some(time_ms) = look.time_ms {
                <span class="step-time">{ locale.language.duration(time_ms) }</span>
            }
            { place }
        </div>
    }
}

fn progress(step: &StepView, locale: &Locale) -> Html {
    let Some((done, total)) = step.progress else {
        return Html::default();
    };
    let text = match total {
        Some(total) => format!(
            "{} / {}",
            locale.language.bytes(done),
            locale.language.bytes(total)
        ),
        None => locale.language.bytes(done),
    };
    html! {
        <div class="step-progress">
            <progress value={total.map(|_| done.to_string())} max={total.map(|total| total.max(1).to_string())} aria-label={text.clone()} />
            <span class="muted">{ text }</span>
        </div>
    }
}

/// What a step wrote: open while it runs and when it did not get to its end, folded once it is done.
fn output(step: &StepView, label: &'static str) -> Html {
    if step.output.is_empty() {
        return Html::default();
    }
    let open = matches!(
        step.phase,
        StepPhase::Running { .. } | StepPhase::Failed { .. } | StepPhase::Stopped { .. }
    );
    html! {
        <details class="step-output" {open}>
            <summary>{ label }<span class="muted">{ format!(" ({})", step.output.len()) }</span></summary>
            <LogView output={step.output.clone()} {label} testid="step-log" />
        </details>
    }
}
