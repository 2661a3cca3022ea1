//! What to change so that an image gets smaller, with lines and patches where its Dockerfile is at hand.

use estiva_shared::image::{LayerView, split_instruction};
use estiva_shared::suggest::{Advice, Fit, LineRange, Suggestion, suggest};
use estiva_shared::text::escape_name;
use yew::prelude::*;

use super::{CopyButton, Icon, IconName};
use crate::hooks::{Locale, use_locale};
use crate::i18n::{InspectTexts, fill};
use crate::services::download;
use crate::state::by_address::ByAddress;
use crate::state::draft::Draft;
use estiva_worker::summary::Summary;

/// The props of [`SuggestionList`].
#[derive(PartialEq, Properties)]
pub struct SuggestionListProps {
    /// The image.
    pub image: ByAddress<Summary>,
    /// A Dockerfile that may be the image's.
    pub draft: Draft,
    /// A patch was applied to it, or taken back.
    pub on_draft: Callback<Draft>,
}

/// What to change; nothing where nothing is wasted.
#[component]
pub fn SuggestionList(props: &SuggestionListProps) -> Html {
    let locale = use_locale();
    let t = &locale.texts().inspect;
    let found = use_memo(
        (props.image.clone(), props.draft.base().clone()),
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
        .map(|suggestion| item(suggestion, layers, props, &locale));
    let saved = found.list.iter().filter(|one| {
        let diff = one.diff.as_ref();
        diff.is_some_and(|diff| props.draft.has(diff))
    });
    let saved = saved.map(|one| one.saved_bytes);
    let saved = saved.fold(0_u64, u64::saturating_add);
    html! {
        <section class="suggestions" data-testid="suggestions">
            <h3>{ t.suggest_title }</h3>
            <p class="note">{ note }</p>
            if !props.draft.patches().is_empty() { { patched(props, saved, &locale) } }
            <ol>{ for items }</ol>
        </section>
    }
}

/// The Dockerfile with the patches that are applied.
fn patched(props: &SuggestionListProps, saved_bytes: u64, locale: &Locale) -> Html {
    let (t, language) = (&locale.texts().what_if, locale.language);
    let draft = &props.draft;
    let count = language.count(draft.patches().len() as u64, t.patches);
    let back = {
        let (on_draft, draft) = (props.on_draft.clone(), draft.unpatched());
        move |_: MouseEvent| on_draft.emit(draft.clone())
    };
    let save = {
        let text = draft.text().clone();
        move |_: MouseEvent| download::plain("Dockerfile", &text)
    };
    html! {
        <div class="patch patched" role="status" data-testid="patched">
            <div class="patch-head">
                <strong>{ fill(t.patched, &[&count]) }</strong>
                <span class="actions">
                    <button type="button" class="button button-small" onclick={back} data-testid="unpatch-all">{ t.take_all_back }</button>
                    <button type="button" class="button button-small" onclick={save} data-testid="save-dockerfile">{ t.save }</button>
                    <CopyButton text={draft.text().clone()} />
                </span>
            </div>
            <p class="note">{ fill(t.patched_note, &[&language.bytes(saved_bytes)]) }</p>
            <pre tabindex="0" role="group" aria-label={fill(t.patched, &[&count])}>{ for draft.text().lines().map(shown_line) }</pre>
        </div>
    }
}

fn item(
    suggestion: &Suggestion,
    layers: &[LayerView],
    props: &SuggestionListProps,
    locale: &Locale,
) -> Html {
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
                    <div class="patch-head">
                        <span>{ t.suggest_patch }</span>
                        <span class="actions">{ apply_button(diff, props, locale) }<CopyButton text={diff.clone()} /></span>
                    </div>
                    // It scrolls by itself, so that the keyboard has to reach it.
                    <pre tabindex="0" role="group" aria-label={t.suggest_patch}>{ for diff.lines().map(diff_line) }</pre>
                </div>
            }
        </li>
    }
}

/// The button that applies a patch to the Dockerfile, or takes it back.
fn apply_button(diff: &str, props: &SuggestionListProps, locale: &Locale) -> Html {
    let t = &locale.texts().what_if;
    let draft = &props.draft;
    let on_draft = props.on_draft.clone();
    if draft.has(diff) {
        let next = draft.without(diff).unwrap_or_else(|_| draft.unpatched());
        return html! {
            <>
                <span class="pill"><Icon name={IconName::Check} />{ t.applied }</span>
                <button type="button" class="button button-small" data-testid="unpatch" onclick={move |_| on_draft.emit(next.clone())}>{ t.take_back }</button>
            </>
        };
    }
    match draft.with(diff) {
        Ok(next) => html! {
            <button type="button" class="button button-small" data-testid="apply-patch" onclick={move |_| on_draft.emit(next.clone())}>{ t.apply }</button>
        },
        Err(_) => html! { <span class="muted">{ t.in_the_way }</span> },
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
    html! { <span {class}>{ shown_line(line) }</span> }
}

/// A line of a text that is safe to show, with its end. Tabs stay.
fn shown_line(line: &str) -> String {
    let shown: Vec<_> = line
        .trim_end_matches('\r')
        .split('\t')
        .map(escape_name)
        .collect();
    format!("{}\n", shown.join("\t"))
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
