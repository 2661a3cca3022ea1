//! A listing of rows of code as a grid: of them only those in sight are drawn, however many there are.
//!
//! One stop of the keyboard; the keys are those of a grid (WAI-ARIA Authoring Practices, "Grid Pattern") by rows. What scrolls
//! to the side is left to the browser.

use std::ops::Range;

use web_sys::KeyboardEvent;
use yew::prelude::*;

use crate::services::dom;
use crate::state::file_view::{CODE_ROW_PX, CodeScroll};

/// The highest that the style sheet lets a listing be, in pixels.
const HEIGHT_PX_MAX: f64 = 640.0;

/// A row as it is drawn: its classes and its cells.
pub(super) type Drawn = (Classes, Html);

/// The props of [`CodeRows`].
#[derive(PartialEq, Properties)]
pub(super) struct CodeRowsProps {
    /// What it lists.
    pub(super) label: AttrValue,
    /// How many rows.
    pub(super) rows: usize,
    /// Draws one.
    pub(super) draw: Callback<usize, Drawn>,
    /// The row that the keyboard is on.
    pub(super) active: usize,
    /// It goes to another.
    pub(super) on_active: Callback<usize>,
    /// These are drawn.
    #[prop_or_default]
    pub(super) on_range: Callback<Range<usize>>,
    /// The element, for its width.
    #[prop_or_default]
    pub(super) node: NodeRef,
    /// Classes.
    pub(super) class: Classes,
    /// A name for tests.
    pub(super) testid: &'static str,
}

/// The element of a row.
fn row_id(testid: &str, at: usize) -> String {
    format!("{testid}-row-{at}")
}

/// A listing.
#[component]
pub(super) fn CodeRows(props: &CodeRowsProps) -> Html {
    let node = props.node.clone();
    let scrolled_px = use_state_eq(|| 0.0_f64);
    let scroll = CodeScroll::new(props.rows, HEIGHT_PX_MAX);
    let (range, above_px) = scroll.drawn(*scrolled_px);
    let last = props.rows.saturating_sub(1);
    let active = props.active.min(last);
    {
        let node = node.clone();
        use_effect_with((active, props.rows), move |(active, _)| {
            let (top_px, height_px) = dom::scroll_of(&node);
            let seen_px = height_px.clamp(CODE_ROW_PX, HEIGHT_PX_MAX);
            if let Some(top_px) = scroll.follow(top_px, seen_px, *active) {
                dom::scroll_to(&node, top_px);
            }
        });
    }
    {
        let on_range = props.on_range.clone();
        use_effect_with(range.clone(), move |range| on_range.emit(range.clone()));
    }
    let onscroll = {
        let (scrolled, node, by_rows) = (scrolled_px.setter(), node.clone(), !scroll.is_long());
        Callback::from(move |_: Event| {
            let top = dom::scroll_of(&node).0;
            // By rows, where a row has its own place: a render for each pixel would draw the same again.
            scrolled.set(match by_rows {
                true => (top / CODE_ROW_PX).floor() * CODE_ROW_PX,
                false => top,
            });
        })
    };
    let onkeydown = {
        let (node, on_active) = (node.clone(), props.on_active.clone());
        Callback::from(move |event: KeyboardEvent| {
            if event.ctrl_key() || event.alt_key() || event.meta_key() || event.shift_key() {
                return;
            }
            let seen_px = dom::scroll_of(&node).1.min(HEIGHT_PX_MAX);
            let page = ((seen_px / CODE_ROW_PX) as usize).saturating_sub(2).max(1);
            let next = match event.key().as_str() {
                "ArrowDown" => active + 1,
                "ArrowUp" => active.saturating_sub(1),
                "PageDown" => active.saturating_add(page),
                "PageUp" => active.saturating_sub(page),
                "Home" => 0,
                "End" => last,
                _ => return,
            };
            event.prevent_default();
            on_active.emit(next.min(last));
        })
    };
    let below_px = scroll.height_px() - above_px - range.len() as f64 * CODE_ROW_PX;
    let rows = range.clone().map(|at| {
        let (class, cells) = props.draw.emit(at);
        let is_active = at == active;
        let on_active = props.on_active.clone();
        html! {
            <div role="row" key={at} id={row_id(props.testid, at)} class={classes!("code-row", class, is_active.then_some("is-active"))}
                aria-rowindex={(at + 1).to_string()} aria-selected={is_active.to_string()} onclick={move |_| on_active.emit(at)}>{ cells }</div>
        }
    });
    // A row that is scrolled out of sight is not in the document, so it can't be named.
    let named = range
        .contains(&active)
        .then(|| row_id(props.testid, active));
    html! {
        <div class={classes!("code-list", props.class.clone())} ref={node} role="grid" tabindex="0" aria-label={props.label.clone()}
            aria-rowcount={props.rows.to_string()} aria-activedescendant={named} data-testid={props.testid} {onscroll} {onkeydown}>
            <div class="code-rows" role="rowgroup">{ spacer(above_px) }{ for rows }{ spacer(below_px) }</div>
        </div>
    }
}

/// Room for rows that are not drawn. An SVG has its height as an attribute, which the content security policy allows.
fn spacer(height_px: f64) -> Html {
    html! { <svg class="spacer" width="1" height={height_px.max(0.0).to_string()} role="presentation" aria-hidden="true" /> }
}

/// The props of [`GoTo`].
#[derive(PartialEq, Properties)]
pub(super) struct GoToProps {
    /// What to write.
    pub(super) label: &'static str,
    /// What its button says.
    pub(super) action: &'static str,
    /// What was expected, where it was something else.
    pub(super) expected: &'static str,
    /// Goes there; false where it is no place.
    pub(super) on_go: Callback<String, bool>,
    /// A name for tests.
    pub(super) testid: &'static str,
}

/// A field for a place to go to.
#[component]
pub(super) fn GoTo(props: &GoToProps) -> Html {
    let text = use_state(String::new);
    let is_wrong = use_state_eq(|| false);
    let wrong_id = format!("{}-wrong", props.testid);
    let oninput = {
        let (text, is_wrong) = (text.setter(), is_wrong.setter());
        Callback::from(move |event: InputEvent| {
            is_wrong.set(false);
            text.set(dom::value_of(&event));
        })
    };
    let onsubmit = {
        let (text, is_wrong, on_go) = (text.clone(), is_wrong.setter(), props.on_go.clone());
        Callback::from(move |event: SubmitEvent| {
            event.prevent_default();
            is_wrong.set(!on_go.emit((*text).clone()));
        })
    };
    html! {
        <form class="code-go" {onsubmit}>
            <input type="text" aria-label={props.label} placeholder={props.label} title={props.label} autocomplete="off" spellcheck="false"
                value={(*text).clone()} {oninput} aria-invalid={is_wrong.then_some("true")}
                aria-describedby={is_wrong.then(|| wrong_id.clone())} data-testid={props.testid} />
            <button type="submit" class="button button-small">{ props.action }</button>
            if *is_wrong { <span class="field-error" role="alert" id={wrong_id}>{ props.expected }</span> }
        </form>
    }
}
