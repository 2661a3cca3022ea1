//! The Dockerfile editor: a text area over the same text painted, so that the browser's own editing, undo, spelling of
//! accents and screen reader support all stay.

use std::rc::Rc;

use estiva_shared::dockerfile::{Diagnostic, Severity};
use yew::prelude::*;

use crate::hooks::use_locale;
use crate::services::dom;
use crate::state::editor::{Paint, Piece, Row, is_plain, rows};

/// The props of [`Editor`].
#[derive(PartialEq, Properties)]
pub struct EditorProps {
    /// The text.
    pub source: AttrValue,
    /// The findings about it.
    pub findings: Rc<Vec<Diagnostic>>,
    /// The new text.
    pub on_change: Callback<String>,
    /// The text area, for whoever selects in it.
    pub area: NodeRef,
}

/// The Dockerfile editor.
#[component]
pub fn Editor(props: &EditorProps) -> Html {
    let texts = use_locale().texts();
    let painted = use_node_ref();
    let rows = use_memo(
        (props.source.clone(), props.findings.clone()),
        |(source, findings)| rows(source, findings),
    );
    let oninput = {
        let on_change = props.on_change.clone();
        Callback::from(move |event: InputEvent| on_change.emit(dom::value_of(&event)))
    };
    let onscroll = {
        let (area, painted) = (props.area.clone(), painted.clone());
        Callback::from(move |_: Event| dom::follow_scroll(&area, &painted))
    };
    {
        // A text that was put in from outside may be shorter than where one was.
        let (area, painted) = (props.area.clone(), painted.clone());
        use_effect_with(props.source.clone(), move |_| {
            dom::follow_scroll(&area, &painted)
        });
    }
    html! {
        <div class={classes!("editor", is_plain(&props.source).then_some("is-plain"))}>
            <div class="editor-paint" ref={painted} aria-hidden="true">{ for rows.iter().map(draw) }</div>
            <textarea class="editor-area" ref={props.area.clone()} data-testid="dockerfile-editor" value={props.source.clone()}
                aria-label={texts.inspect.editor_label} spellcheck="false" autocomplete="off" autocapitalize="off" wrap="off"
                {oninput} {onscroll} />
        </div>
    }
}

fn draw(row: &Row) -> Html {
    html! {
        <div class={classes!("editor-row", row.fault.map(|fault| format!("has-{}", severity_name(fault))))}>
            { for row.pieces.iter().map(piece) }
        </div>
    }
}

fn piece(piece: &Piece) -> Html {
    let paint = match piece.paint {
        Paint::Plain => None,
        Paint::Keyword => Some("paint-keyword"),
        Paint::Flag => Some("paint-flag"),
        Paint::Comment => Some("paint-comment"),
        Paint::Variable => Some("paint-variable"),
        Paint::Quoted => Some("paint-quoted"),
    };
    let fault = piece
        .fault
        .map(|fault| format!("fault-{}", severity_name(fault)));
    if paint.is_none() && fault.is_none() {
        return html! { { piece.text.clone() } };
    }
    html! { <span class={classes!(paint, fault)}>{ piece.text.clone() }</span> }
}

/// The word of a severity in class names.
pub(super) fn severity_name(severity: Severity) -> &'static str {
    match severity {
        Severity::Error => "error",
        Severity::Warning => "warning",
        Severity::Info => "info",
    }
}
