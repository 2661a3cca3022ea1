//! What is wrong with a Dockerfile, as a list; pressing one leads to its place.

use std::rc::Rc;

use estiva_shared::dockerfile::{Diagnostic, Severity, Span};
use yew::prelude::*;

use super::editor::severity_name;
use super::{Icon, IconName};
use crate::hooks::use_locale;
use crate::i18n::{fill, meaning};

/// Findings shown: a file that is not a Dockerfile has one in each line.
const FINDINGS_SHOWN: usize = 100;

/// The props of [`Findings`].
#[derive(PartialEq, Properties)]
pub struct FindingsProps {
    /// The findings, in the text's order.
    pub findings: Rc<Vec<Diagnostic>>,
    /// Nothing is written yet.
    #[prop_or_default]
    pub empty: bool,
    /// Shows nothing at all where there is no finding.
    #[prop_or_default]
    pub hide_empty: bool,
    /// One was pressed; without it there is no place to lead to.
    #[prop_or_default]
    pub on_select: Option<Callback<Span>>,
}

/// What is wrong with a Dockerfile.
#[component]
pub fn Findings(props: &FindingsProps) -> Html {
    let locale = use_locale();
    let t = &locale.texts().inspect;
    if props.hide_empty && props.findings.is_empty() {
        return Html::default();
    }
    let items = props.findings.iter().take(FINDINGS_SHOWN).map(|finding| {
        let (span, select) = (finding.span, props.on_select.clone());
        let word = match finding.severity {
            Severity::Error => t.severity_error,
            Severity::Warning => t.severity_warning,
            Severity::Info => t.severity_info,
        };
        let place = fill(t.at_line, &[&span.start.line.to_string(), &span.start.column.to_string()]);
        let meaning = meaning(locale.language, &finding.code);
        let class = classes!("finding", format!("is-{}", severity_name(finding.severity)));
        let text = html! {
            <>
                <span class="finding-head"><b>{ word }</b><span class="muted">{ place }</span><code>{ &finding.code }</code></span>
                if let Some(meaning) = meaning { <span class="finding-text">{ meaning }</span> }
                <span class={classes!("break", if meaning.is_some() { "finding-hint" } else { "finding-text" })} lang="en">{ &finding.message }</span>
                if let Some(hint) = &finding.hint { <span class="finding-hint break" lang="en">{ hint }</span> }
            </>
        };
        match select {
            Some(select) => html! { <li><button type="button" {class} onclick={move |_| select.emit(span)}>{ text }</button></li> },
            None => html! { <li><div {class}>{ text }</div></li> },
        }
    });
    let told = match props.findings.len() as u64 {
        0 => String::new(),
        count => locale.language.count(count, t.findings_count),
    };
    html! {
        <div class="findings" data-testid={(!props.hide_empty).then_some("diagnostics")}>
            // Told while one types: how many there are, and not all of them at each key.
            <p class="visually-hidden" role="status">{ told }</p>
            if props.findings.is_empty() {
                if props.empty {
                    <p class="findings-none is-empty">{ t.empty_file }</p>
                } else {
                    <p class="findings-none"><Icon name={IconName::Check} />{ t.no_findings }</p>
                }
            } else {
                <ul class="plain">{ for items }</ul>
            }
        </div>
    }
}
