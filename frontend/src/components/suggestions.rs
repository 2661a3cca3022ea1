//! What to change so that an image gets smaller, with lines and patches where its Dockerfile is at hand.

use estiva_shared::image::{LayerView, split_instruction};
use estiva_shared::suggest::{Advice, Fit, LineRange, Suggestion, suggest};
use estiva_shared::text::escape_name;
use yew::prelude::*;

use super::CopyButton;
use crate::hooks::{Locale, use_locale};
use crate::i18n::{InspectTexts, fill};
use crate::state::by_address::ByAddress;
use crate::state::summary::Summary;

/// The props of [`SuggestionList`].
#[derive(PartialEq, Properties)]
pub struct SuggestionListProps {
    /// The image.
    pub image: ByAddress<Summary>,
    /// A Dockerfile that may be the image's.
    pub dockerfile: AttrValue,
}

/// What to change; nothing where nothing is wasted.
#[component]
pub fn SuggestionList(props: &SuggestionListProps) -> Html {
    let locale = use_locale();
    let t = &locale.texts().inspect;
    let found = use_memo(
        (props.image.clone(), props.dockerfile.clone()),
        |(image, dockerfile)| suggest(&image.image, &image.savings, Some(dockerfile)),
    );
    if found.list.is_empty() {
        return Html::default();
    }
    let note = match found.dockerfile {
        Fit::Fits => t.suggest_fits,
        _ => t.suggest_other,
    };
    let layers = &props.image.image.layers;
    let items = found
        .list
        .iter()
        .map(|suggestion| item(suggestion, layers, &locale));
    html! {
        <section class="suggestions" data-testid="suggestions">
            <h3>{ t.suggest_title }</h3>
            <p class="note">{ note }</p>
            <ol>{ for items }</ol>
        </section>
    }
}

fn item(suggestion: &Suggestion, layers: &[LayerView], locale: &Locale) -> Html {
    let texts = locale.texts();
    let t = &texts.inspect;
    let causes: Vec<_> = suggestion
        .causes
        .iter()
        .map(|cause| cause_name(cause, t).unwrap_or(cause))
        .collect();
    let manager = suggestion
        .manager
        .as_ref()
        .map(|manager| format!(" ({manager})"));
    let made = suggestion
        .made_by
        .iter()
        .map(|layer| html! { <li>{ layer_line(layers, *layer, t) }</li> });
    let hidden = suggestion.hidden_by.map(|layer| {
        html! { <li>{ fill(t.waste_hidden, &[&layer_line(layers, layer, t)]) }</li> }
    });
    let lines: Vec<_> = suggestion
        .lines
        .iter()
        .map(|lines| line_words(*lines, t))
        .collect();
    html! {
        <li>
            <p><strong class="number">{ locale.language.bytes(suggestion.saved_bytes) }</strong>{ " " }{ advice(suggestion.advice, t) }</p>
            <p class="muted">
                { causes.join(" · ") }{ manager }{ " · " }{ locale.language.count(suggestion.files, texts.common.files) }
                if !lines.is_empty() { { " · " }<span>{ lines.join(", ") }</span> }
            </p>
            <ul class="plain mono">{ for made }{ hidden }</ul>
            if let Some(diff) = &suggestion.diff {
                <div class="patch">
                    <div class="patch-head"><span>{ t.suggest_patch }</span><CopyButton text={diff.clone()} /></div>
                    // It scrolls by itself, so that the keyboard has to reach it.
                    <pre tabindex="0" role="group" aria-label={t.suggest_patch}>{ for diff.lines().map(diff_line) }</pre>
                </div>
            }
        </li>
    }
}

/// A line of a patch; its first character says what it does, so that its colour only repeats it.
fn diff_line(line: &str) -> Html {
    let class = match line.as_bytes().first() {
        Some(b'+') if !line.starts_with("+++") => "mark-added",
        Some(b'-') if !line.starts_with("---") => "mark-removed",
        Some(b'@') => "muted",
        _ => "",
    };
    let shown: Vec<_> = line
        .trim_end_matches('\r')
        .split('\t')
        .map(escape_name)
        .collect();
    html! { <span {class}>{ format!("{}\n", shown.join("\t")) }</span> }
}

fn line_words(lines: LineRange, t: &InspectTexts) -> String {
    let (first, last) = (lines.first.to_string(), lines.last.to_string());
    if first == last {
        fill(t.line, &[&first])
    } else {
        fill(t.lines, &[&first, &last])
    }
}

/// A layer's number and the instruction that made it.
pub(super) fn layer_line(layers: &[LayerView], layer: usize, t: &InspectTexts) -> String {
    let number = fill(t.layer_n, &[&layer.to_string()]);
    let created_by = layers
        .get(layer)
        .and_then(|layer| layer.created_by.as_deref());
    match created_by {
        None => number,
        Some(created_by) => {
            let (name, rest) = split_instruction(created_by);
            format!("{number}: {}", short(format!("{name} {rest}").trim()))
        }
    }
}

/// A line that is safe to show and not too long.
fn short(line: &str) -> String {
    const CHARS: usize = 160;
    let shown = escape_name(line);
    match shown.char_indices().nth(CHARS) {
        Some((end, _)) => format!("{} …", shown[..end].trim_end()),
        None => shown.into_owned(),
    }
}

/// What a cause of waste is called.
pub(super) fn cause_name(cause: &str, t: &InspectTexts) -> Option<&'static str> {
    Some(match cause {
        "deleted_folder" => t.cause_deleted_folder,
        "opaque_folder" => t.cause_opaque_folder,
        "deleted_file" => t.cause_deleted_file,
        "metadata_only" => t.cause_metadata_only,
        "overwritten" => t.cause_overwritten,
        "duplicate_content" => t.cause_duplicate_content,
        "package_cache" => t.cause_package_cache,
        "leftover_archive" => t.cause_leftover_archive,
        _ => return None,
    })
}

fn advice(advice: Advice, t: &InspectTexts) -> &'static str {
    match advice {
        Advice::JoinRuns => t.advice_join_runs,
        Advice::SetOnCopy => t.advice_set_on_copy,
        Advice::CopyLess => t.advice_copy_less,
        Advice::WriteOnce => t.advice_write_once,
        Advice::KeepOneCopy => t.advice_keep_one_copy,
        Advice::CleanCache => t.advice_clean_cache,
        Advice::RemoveArchive => t.advice_remove_archive,
        Advice::ChangeBase => t.advice_change_base,
        Advice::BuildInStage => t.advice_build_in_stage,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use estiva_shared::image::WASTE_CAUSES;

    #[test]
    fn every_cause_of_waste_has_a_name() {
        for cause in WASTE_CAUSES {
            assert!(cause_name(cause, &InspectTexts::EN).is_some(), "{cause}");
        }
    }
}
