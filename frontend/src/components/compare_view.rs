//! What differs between two images: what changed in short, then layers, files, packages, configuration and history.

use estiva_shared::image::split_instruction;
use estiva_shared::image::{
    ConfigChange, ConfigField, HistoryChange, LayerPlace, LayerRow, LayerSide, ValueDifference,
};
use estiva_shared::text::escape_name;
use yew::prelude::*;

use super::{CompareFiles, ComparePackages, Icon, IconName, Tab, Tabs, cargo_class};
use crate::hooks::{Locale, TreeReply, use_locale};
use crate::i18n::{CompareTexts, fill};
use crate::state::by_address::ByAddress;
use estiva_worker::comparison::{Compared, Wanted};

/// The props of [`CompareView`].
#[derive(PartialEq, Properties)]
pub struct CompareViewProps {
    /// What differs.
    pub compared: ByAddress<Compared>,
    /// The way to trees of files.
    pub tree: Callback<(Wanted, TreeReply)>,
}

/// What differs between two images.
#[component]
pub fn CompareView(props: &CompareViewProps) -> Html {
    let locale = use_locale();
    let t = &locale.texts().compare;
    let tab = use_state(|| "compare-files");
    let on_tab = {
        let tab = tab.setter();
        Callback::from(move |name| tab.set(name))
    };
    let compared = &props.compared;
    let comparison = &compared.comparison;
    let panel = match *tab {
        "compare-layers" => layers(&comparison.layers, &locale),
        "compare-packages" => html! { <ComparePackages compared={compared.clone()} /> },
        "compare-config" => config(compared, &locale),
        "compare-history" => history(compared, &locale),
        _ => {
            html! { <CompareFiles compared={compared.clone()} tree={props.tree.clone()} /> }
        }
    };
    let totals = &comparison.totals;
    let files = totals.added + totals.removed + totals.kind + totals.content + totals.metadata;
    let other = comparison
        .layers
        .iter()
        .filter(|row| row.place != LayerPlace::Shared);
    let counted = |name, label: &'static str, count: u64| Tab {
        name,
        label: label.into(),
        count: Some(locale.language.number(count).into()),
    };
    let tabs = vec![
        counted("compare-files", t.tab_files, files),
        counted("compare-layers", t.tab_layers, other.count() as u64),
        counted(
            "compare-packages",
            t.tab_packages,
            comparison.packages.len() as u64 + compared.packages_cut,
        ),
        counted(
            "compare-config",
            t.tab_config,
            comparison.config.len() as u64 + compared.config_cut,
        ),
        counted(
            "compare-history",
            t.tab_history,
            comparison.history.len() as u64 + compared.history_cut,
        ),
    ];
    html! {
        <div class="compare-result" data-testid="compare-result">
            { summary(compared, &locale) }
            <section class="panel">
                <Tabs label={t.tabs_label} {tabs} chosen={*tab} on_choose={on_tab}>{ panel }</Tabs>
            </section>
        </div>
    }
}

/// What changed, in numbers.
fn summary(compared: &Compared, locale: &Locale) -> Html {
    let (t, language) = (&locale.texts().compare, locale.language);
    let comparison = &compared.comparison;
    let (totals, download) = (&comparison.totals, &comparison.download);
    let card = |class: &'static str, count: u64, word: &str, bytes: Option<u64>| {
        html! {
            <li class={classes!("compare-sum", class)}><b>{ language.number(count) }</b><span>{ word.to_owned() }</span>
                if let Some(bytes) = bytes { <span class="muted">{ language.bytes(bytes) }</span> }</li>
        }
    };
    let by_content = (download.by_diff_id_bytes != download.by_digest_bytes).then(|| {
        fill(
            t.download_content,
            &[&language.bytes(download.by_diff_id_bytes)],
        )
    });
    html! {
        <section class="panel compare-summary" aria-live="polite" data-testid="compare-summary">
            if !comparison.complete { <p class="notice notice-warn"><Icon name={IconName::Warning} />{ t.incomplete }</p> }
            if comparison.same {
                <div class="notice notice-good"><Icon name={IconName::Check} /><div><strong>{ t.same }</strong><p>{ t.same_note }</p></div></div>
            } else {
                <ul class="compare-sums">
                    { card("is-added", totals.added, t.sum_added, Some(totals.added_bytes)) }
                    { card("is-removed", totals.removed, t.sum_removed, Some(totals.removed_bytes)) }
                    { card("is-changed", totals.content + totals.kind, t.sum_content, Some(totals.content_bytes)) }
                    { card("", totals.metadata, t.sum_metadata, None) }
                </ul>
            }
            <p class="compare-download">{ t.download }{ " " }<b>{ language.bytes(download.by_digest_bytes) }</b>{ " " }
                { fill(t.download_of, &[&language.bytes(download.whole_bytes)]) }</p>
            if let Some(by_content) = by_content { <p class="note">{ by_content }</p> }
            if download.uncompressed { <p class="note">{ t.download_plain }</p> }
        </section>
    }
}

/// The layers side by side; those that both have are one row.
fn layers(rows: &[LayerRow], locale: &Locale) -> Html {
    let t = &locale.texts().compare;
    let drawn = rows.iter().map(|row| {
        let (class, word) = match row.place {
            LayerPlace::Shared => ("is-shared", t.layer_shared),
            LayerPlace::Moved => ("is-shared", t.layer_moved),
            LayerPlace::OnlyA => ("is-removed", t.layer_only_a),
            LayerPlace::OnlyB => ("is-added", t.layer_only_b),
        };
        let cells = match (&row.a, &row.b) {
            (Some(a), Some(b)) => html! { <div class="compare-layer-both">{ layer(b, Some(a.index), locale) }</div> },
            (Some(a), None) => html! { <><div>{ layer(a, None, locale) }</div><div class="compare-gap"></div></> },
            (None, Some(b)) => html! { <><div class="compare-gap"></div><div>{ layer(b, None, locale) }</div></> },
            (None, None) => Html::default(),
        };
        html! { <li class={classes!("compare-layer", class)}><span class="compare-place">{ word }</span>{ cells }</li> }
    });
    html! {
        <>
            <p class="note">{ t.layers_note }</p>
            <ol class="compare-layers" data-testid="compare-layers">{ for drawn }</ol>
        </>
    }
}

fn layer(side: &LayerSide, other: Option<usize>, locale: &Locale) -> Html {
    let made_by = match &side.created_by {
        Some(text) => {
            let (name, rest) = split_instruction(text);
            html! { <><b>{ escape_name(&name).into_owned() }</b>{ " " }{ escape_name(&rest).into_owned() }</> }
        }
        None => html! { <i>{ locale.texts().inspect.no_instruction }</i> },
    };
    let index = match other {
        Some(other) if other != side.index => format!("{other} → {}", side.index),
        _ => side.index.to_string(),
    };
    html! {
        <div class={classes!("compare-layer-side", cargo_class(side.index))}>
            <span class="chip">{ index }</span>
            <span class="compare-made-by mono">{ made_by }</span>
            <span class="number">{ locale.language.bytes(side.uncompressed_bytes) }</span>
        </div>
    }
}

fn config(compared: &Compared, locale: &Locale) -> Html {
    let texts = locale.texts();
    let t = &texts.compare;
    if compared.comparison.config.is_empty() {
        return html! { <p class="tree-none">{ t.config_none }</p> };
    }
    let value = |text: &Option<String>| match text {
        Some(text) => html! { <code class="break">{ escape_name(text).into_owned() }</code> },
        None => html! { <span class="muted">{ t.not_set }</span> },
    };
    let rows = compared.comparison.config.iter().map(|change| {
        let (a, b) = match (change.field, change.difference) {
            // They are there or not, and have no value.
            (ConfigField::ExposedPorts | ConfigField::Volumes, ValueDifference::Added) => (value(&None), value(&change.key)),
            (ConfigField::ExposedPorts | ConfigField::Volumes, _) => (value(&change.key), value(&None)),
            _ => (value(&change.a), value(&change.b)),
        };
        html! {
            <tr class={difference_class(change.difference)}><th scope="row">{ field(change, locale) }</th><td data-label="A">{ a }</td><td data-label="B">{ b }</td></tr>
        }
    });
    html! {
        <>
            <table class="compare-table" data-testid="compare-config">
                <thead><tr><th scope="col">{ t.field }</th><th scope="col">{ t.side_a }</th><th scope="col">{ t.side_b }</th></tr></thead>
                <tbody>{ for rows }</tbody>
            </table>
            { cut_off(compared.config_cut, t, locale) }
        </>
    }
}

fn field(change: &ConfigChange, locale: &Locale) -> Html {
    let texts = locale.texts();
    let t = &texts.inspect;
    let name = match change.field {
        ConfigField::Platform => t.config_platform,
        ConfigField::Created => t.config_created,
        ConfigField::User => t.config_user,
        ConfigField::WorkingDir => t.config_workdir,
        ConfigField::Entrypoint => t.config_entrypoint,
        ConfigField::Cmd => t.config_cmd,
        ConfigField::Env => t.config_env,
        ConfigField::ExposedPorts => t.config_ports,
        ConfigField::Volumes => t.config_volumes,
        ConfigField::Labels => t.config_labels,
        ConfigField::StopSignal => t.config_stop,
        ConfigField::ConfigDigest => texts.compare.other_digest,
    };
    let key = change
        .key
        .as_deref()
        .map(|key| escape_name(key).into_owned());
    html! { <>{ name }if let Some(key) = key { <code class="break">{ key }</code> }</> }
}

fn difference_class(difference: ValueDifference) -> &'static str {
    match difference {
        ValueDifference::Added => "is-added",
        ValueDifference::Removed => "is-removed",
        ValueDifference::Changed => "is-changed",
    }
}

fn history(compared: &Compared, locale: &Locale) -> Html {
    let t = &locale.texts().compare;
    if compared.comparison.history.is_empty() {
        return html! { <p class="tree-none">{ t.history_none }</p> };
    }
    let inspect = &locale.texts().inspect;
    let line = |change: &HistoryChange| {
        let (mark, word) = match change.difference {
            ValueDifference::Added => ("+", inspect.added),
            ValueDifference::Removed => ("−", inspect.removed),
            ValueDifference::Changed => ("~", t.time_only),
        };
        html! {
            <li class={difference_class(change.difference)}><span class="tree-mark" title={word} aria-label={word}>{ mark }</span>
                <code class="break">{ escape_name(&change.created_by).into_owned() }</code>
                if change.difference == ValueDifference::Changed { <span class="muted">{ word }</span> }</li>
        }
    };
    html! {
        <>
            <ol class="compare-history" data-testid="compare-history">{ for compared.comparison.history.iter().map(line) }</ol>
            { cut_off(compared.history_cut, t, locale) }
        </>
    }
}

fn cut_off(count: u64, t: &CompareTexts, locale: &Locale) -> Html {
    if count == 0 {
        return Html::default();
    }
    html! { <p class="note">{ fill(t.more, &[&locale.language.number(count)]) }</p> }
}
