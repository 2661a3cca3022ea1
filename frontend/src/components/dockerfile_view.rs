//! A Dockerfile being written: the editor, what is wrong, and what it says.

use std::rc::Rc;

use estiva_shared::dockerfile::{Diagnostic, Span};
use yew::prelude::*;

use super::{Editor, Findings, Icon, IconName, Outline};
use crate::hooks::{use_dockerfile, use_locale};
use crate::i18n::fill;
use crate::services::dom;
use crate::state::editor::{line_selection, selection};

/// The props of [`DockerfileView`].
#[derive(PartialEq, Properties)]
pub struct DockerfileViewProps {
    /// The text.
    pub source: AttrValue,
    /// The new text.
    pub on_change: Callback<String>,
    /// Shows the stages too.
    #[prop_or_default]
    pub outline: bool,
    /// A line to lead to, and a number that changes each time one should be led there again.
    #[prop_or_default]
    pub go_to: Option<(u32, u32)>,
    /// The names of the stages, whenever they change.
    #[prop_or_default]
    pub on_stages: Callback<Vec<String>>,
    /// What stands above the editor.
    #[prop_or_default]
    pub children: Html,
}

/// A Dockerfile being written.
#[component]
pub fn DockerfileView(props: &DockerfileViewProps) -> Html {
    let texts = use_locale().texts();
    let area = use_node_ref();
    let reading = use_dockerfile(props.source.clone());
    let findings = {
        let reading = reading.clone();
        use_memo(
            (props.source.clone(), reading.clone()),
            move |(source, _)| {
                // That nothing is written yet is no mistake.
                if source.trim().is_empty() {
                    Rc::default()
                } else {
                    reading.findings_in(source)
                }
            },
        )
    };
    {
        let on_stages = props.on_stages.clone();
        use_effect_with(reading.dockerfile.clone(), move |dockerfile| {
            on_stages.emit(
                dockerfile
                    .stages
                    .iter()
                    .map(|stage| {
                        stage
                            .name
                            .clone()
                            .unwrap_or_else(|| stage.index.to_string())
                    })
                    .collect(),
            );
        });
    }
    {
        let (area, source) = (area.clone(), props.source.clone());
        use_effect_with(props.go_to, move |go_to| {
            if let Some((line, _)) = go_to {
                dom::select(&area, line_selection(&source, *line));
            }
        });
    }
    let on_select = {
        let (area, source) = (area.clone(), props.source.clone());
        Callback::from(move |span: Span| dom::select(&area, selection(&source, &span)))
    };
    let findings: Rc<Vec<Diagnostic>> = (*findings).clone();
    html! {
        <div class={classes!("dockerfile", props.outline.then_some("has-outline"))}>
            <div class="dockerfile-main">
                { props.children.clone() }
                <Editor source={props.source.clone()} findings={findings.clone()} on_change={props.on_change.clone()} {area} />
                if let Some(message) = &reading.crashed {
                    <p class="notice notice-warn" role="alert"><Icon name={IconName::Warning} />{ fill(texts.inspect.reader_restarted, &[message]) }</p>
                }
                <Findings {findings} empty={props.source.trim().is_empty()} on_select={on_select.clone()} />
            </div>
            if props.outline {
                <aside class="dockerfile-side" aria-label={texts.inspect.outline}>
                    <h2>{ texts.inspect.outline }</h2>
                    <Outline dockerfile={reading.dockerfile.clone()} {on_select} />
                </aside>
            }
        </div>
    }
}
