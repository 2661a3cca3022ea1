//! A Dockerfile from an image's history: the text to copy, and how sure each line is.

use estiva_shared::image::{Confidence, Reason, RebuiltLine, rebuild};
use estiva_shared::text::escape_name;
use yew::prelude::*;

use super::CopyButton;
use crate::hooks::{Locale, use_locale};
use crate::i18n::{CompareTexts, fill};
use crate::state::by_address::ByAddress;
use estiva_worker::summary::Summary;

/// The props of [`RebuiltView`].
#[derive(PartialEq, Properties)]
pub struct RebuiltViewProps {
    /// The image.
    pub image: ByAddress<Summary>,
}

/// A Dockerfile from an image's history.
#[component]
pub fn RebuiltView(props: &RebuiltViewProps) -> Html {
    let locale = use_locale();
    let t = &locale.texts().compare;
    let rebuilt = use_memo(props.image.clone(), |image| rebuild(&image.image));
    let lines = rebuilt.lines.iter().map(|line| row(line, &locale));
    html! {
        <section class="rebuilt" data-testid="rebuilt">
            <div class="panel-head"><h3>{ t.rebuilt_title }</h3><CopyButton text={rebuilt.text.clone()} /></div>
            <p class="note">{ t.rebuilt_note }</p>
            <ol class="rebuilt-lines">{ for lines }</ol>
            if rebuilt.left_out > 0 { <p class="note">{ fill(t.left_out, &[&locale.language.number(rebuilt.left_out)]) }</p> }
        </section>
    }
}

fn row(line: &RebuiltLine, locale: &Locale) -> Html {
    let t = &locale.texts().compare;
    let (class, word) = match (line.commented, line.reason, line.confidence) {
        (true, Reason::OfBase, _) => ("badge-waiting", t.of_base),
        (true, ..) => ("badge-waiting", t.comment),
        (_, _, Confidence::Certain) => ("badge-running", t.certain),
        (_, _, Confidence::Likely) => ("badge-warn", t.likely),
        (_, _, Confidence::Guessed) => ("badge-bad", t.guessed),
    };
    let is_sure = line.confidence == Confidence::Certain && !line.commented;
    let layer = line
        .layer
        .map(|layer| fill(locale.texts().inspect.layer_n, &[&layer.to_string()]));
    // Each line of a here-document by itself: the others are shown as they are.
    let text = line
        .text
        .split('\n')
        .map(|part| html! { <code class="break">{ escape_name(part).into_owned() }</code> });
    html! {
        <li class={classes!(line.commented.then_some("is-commented"))}>
            <span class={classes!("badge", "badge-status", class)} title={why(line.reason, t)}>{ word }</span>
            <div class="rebuilt-text">{ for text }
                if !is_sure { <span class="muted">{ why(line.reason, t) }</span> }
                if let Some(layer) = layer { <span class="muted">{ layer }</span> }
            </div>
        </li>
    }
}

fn why(reason: Reason, t: &CompareTexts) -> &'static str {
    match reason {
        Reason::Verbatim => t.why_verbatim,
        Reason::Recorded => t.why_recorded,
        Reason::ShellOrExec => t.why_shell_or_exec,
        Reason::WordsUnknown => t.why_words_unknown,
        Reason::StageUnknown => t.why_stage_unknown,
        Reason::OtherStage => t.why_other_stage,
        Reason::SourceUnknown => t.why_source_unknown,
        Reason::ValuesUnclear => t.why_values_unclear,
        Reason::ArgumentValue => t.why_argument_value,
        Reason::ArgumentUsed => t.why_argument_used,
        Reason::FromConfig => t.why_from_config,
        Reason::BaseNamed => t.why_base_named,
        Reason::BaseUnknown => t.why_base_unknown,
        Reason::OfBase => t.why_of_base,
        Reason::NotAnInstruction => t.why_not_an_instruction,
        Reason::NothingRecorded => t.why_nothing_recorded,
    }
}
