//! A Dockerfile's stages and instructions; pressing one selects its text.

use std::rc::Rc;

use estiva_shared::dockerfile::{Dockerfile, Instruction, Span, Stage};
use yew::prelude::*;

use crate::hooks::{Locale, use_locale};
use crate::i18n::fill;

/// Instructions shown of one stage.
const INSTRUCTIONS_SHOWN: usize = 200;

/// Stages shown; a text of a million bytes can begin a hundred thousand.
const STAGES_SHOWN: usize = 100;

/// The props of [`Outline`].
#[derive(PartialEq, Properties)]
pub struct OutlineProps {
    /// What the text says.
    pub dockerfile: Rc<Dockerfile>,
    /// An instruction was pressed.
    pub on_select: Callback<Span>,
}

/// A Dockerfile's stages and instructions.
#[component]
pub fn Outline(props: &OutlineProps) -> Html {
    let locale = use_locale();
    let texts = locale.texts();
    let global = &props.dockerfile.global_args;
    let last = props.dockerfile.stages.len().saturating_sub(1);
    let stages = props
        .dockerfile
        .stages
        .iter()
        .take(STAGES_SHOWN)
        .map(|stage| stage_view(stage, stage.index == last, &locale, &props.on_select));
    html! {
        <div class="outline">
            if !global.is_empty() {
                <section class="stage">
                    <h3>{ texts.inspect.global_args }</h3>
                    <ol class="instructions">{ for global.iter().take(INSTRUCTIONS_SHOWN).map(|instruction| item(instruction, &props.on_select)) }</ol>
                </section>
            }
            { for stages }
            if !props.dockerfile.stages.is_empty() { <p class="note">{ texts.inspect.outline_note }</p> }
        </div>
    }
}

fn stage_view(stage: &Stage, last: bool, locale: &Locale, select: &Callback<Span>) -> Html {
    let texts = locale.texts();
    let items = stage
        .instructions
        .iter()
        .take(INSTRUCTIONS_SHOWN)
        .map(|instruction| item(instruction, select));
    html! {
        <section class={classes!("stage", last.then_some("stage-last"))} key={stage.index}>
            <h3>
                <span class="stage-index">{ fill(texts.inspect.stage, &[&stage.index.to_string()]) }</span>
                if let Some(name) = &stage.name { <span class="stage-name">{ name }</span> }
                <span class="muted">{ locale.language.count(stage.instructions.len() as u64, texts.inspect.instructions) }</span>
            </h3>
            <ol class="instructions">{ for items }</ol>
        </section>
    }
}

fn item(instruction: &Instruction, select: &Callback<Span>) -> Html {
    let (span, select) = (instruction.span, select.clone());
    let flags = instruction.flags.iter().map(|flag| {
        let value = flag
            .value
            .as_ref()
            .map(|value| format!("={value}"))
            .unwrap_or_default();
        html! { <span class="paint-flag">{ format!("--{}{value} ", flag.name) }</span> }
    });
    html! {
        <li>
            <button type="button" class="instruction" onclick={move |_| select.emit(span)}>
                <span class="line-number">{ span.start.line }</span>
                <code><b class="paint-keyword">{ &instruction.name }</b>{ " " }{ for flags }{ &instruction.text }</code>
            </button>
        </li>
    }
}
