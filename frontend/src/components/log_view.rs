//! A program's output: its last lines, standard error tinted, the end kept in sight until one scrolls up.

use std::rc::Rc;

use estiva_shared::protocol::OutputStream;
use yew::prelude::*;

use super::{Icon, IconName};
use crate::hooks::use_locale;
use crate::services::dom;
use crate::state::follow::{Place, follows};
use crate::state::output::Output;

/// Lines in the document at once: the browser lays all of them out, and thousands of them would be felt.
const LINES_DRAWN: usize = 1_000;

/// The props of [`LogView`].
#[derive(PartialEq, Properties)]
pub struct LogViewProps {
    /// The output.
    pub output: Rc<Output>,
    /// What it is the output of.
    pub label: AttrValue,
    /// What stands in its place while there is none.
    #[prop_or_default]
    pub empty: Option<AttrValue>,
    /// A name for tests.
    #[prop_or_default]
    pub testid: Option<AttrValue>,
}

/// A program's output. It follows the end until one scrolls up, and again from when one is back there.
#[component]
pub fn LogView(props: &LogViewProps) -> Html {
    let locale = use_locale();
    let texts = &locale.texts().common;
    let node = use_node_ref();
    let follow = use_state(|| true);
    let place = use_mut_ref(Place::default);
    let skipped = props.output.len().saturating_sub(LINES_DRAWN);
    let hidden = props.output.dropped() + skipped as u64;
    let newest = props
        .output
        .lines()
        .next_back()
        .map(|line| (line.number, line.text.len()));
    {
        let (node, place, follow) = (node.clone(), place.clone(), follow.clone());
        use_effect_with((newest, *follow), move |_| {
            if !*follow {
                return;
            }
            // The browser tells of a scroll with its next frame, and lines can come before that.
            if follows(true, *place.borrow(), dom::place_of(&node)) {
                dom::scroll_to_end(&node);
                place.replace(dom::place_of(&node));
            } else {
                follow.set(false);
            }
        });
    }
    let onscroll = {
        let (node, follow) = (node.clone(), follow.clone());
        Callback::from(move |_: Event| {
            let to = dom::place_of(&node);
            let from = place.replace(to);
            let follows = follows(*follow, from, to);
            if follows != *follow {
                follow.set(follows);
            }
        })
    };
    let to_end = {
        let follow = follow.setter();
        Callback::from(move |_: MouseEvent| follow.set(true))
    };
    let lines = props.output.lines().skip(skipped).map(|line| {
        let class = (line.stream == OutputStream::Stderr).then_some("is-stderr");
        // A line without text would have no height.
        let text = if line.text.is_empty() {
            "\u{200b}"
        } else {
            &line.text
        };
        html! { <div key={line.number} class={classes!("log-line", class)}>{ text }</div> }
    });
    html! {
        <div class="log-frame">
            <div class={classes!("log", follow.then_some("is-following"))} ref={node} role="log" aria-label={props.label.clone()} tabindex="0"
                data-testid={props.testid.clone()} {onscroll}>
                if hidden > 0 {
                    <p class="log-hidden">{ locale.language.count(hidden, texts.lines_dropped) }</p>
                }
                { for lines }
            </div>
            if let (Some(empty), true) = (&props.empty, props.output.is_empty()) { <p class="log-empty">{ empty }</p> }
            if !*follow {
                <button type="button" class="button button-small log-follow" data-testid="log-follow" onclick={to_end}>
                    <Icon name={IconName::Down} />{ texts.log_follow }</button>
            }
        </div>
    }
}
