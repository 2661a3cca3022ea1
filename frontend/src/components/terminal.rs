//! A terminal: its screen, how it stands, and the way out of it by the keyboard.

use yew::prelude::*;

use super::Failure;
use crate::hooks::{Target, use_locale, use_terminal};
use crate::i18n::{TerminalTexts, fill};
use crate::services::dom;
use crate::state::terminal::TerminalState;

/// The props of [`Terminal`].
#[derive(PartialEq, Properties)]
pub struct TerminalProps {
    /// What it is attached to.
    pub target: Target,
    /// What else stands at its foot.
    #[prop_or_default]
    pub children: Html,
}

/// A terminal.
#[component]
pub fn Terminal(props: &TerminalProps) -> Html {
    let t = &use_locale().texts().terminal;
    let (host, foot) = (use_node_ref(), use_node_ref());
    let on_leave = {
        let foot = foot.clone();
        use_callback((), move |(), ()| dom::focus(&foot))
    };
    let terminal = use_terminal(host.clone(), props.target.clone(), on_leave);
    let (class, said) = said(&terminal.state, t);
    html! {
        <div class="terminal-frame">
            <div class="terminal-host" ref={host} role="group" aria-label={props.target.label.clone()} data-testid="terminal"
                data-state={class}></div>
            if let Some(error) = &terminal.error { <Failure error={error.clone()} /> }
            <div class="terminal-foot" ref={foot} tabindex="-1">
                <span class={classes!("terminal-state", class)} role="status" data-testid="terminal-state">{ said }</span>
                <span>{ t.leave }</span>
                { props.children.clone() }
            </div>
        </div>
    }
}

fn said(state: &TerminalState, t: &TerminalTexts) -> (&'static str, String) {
    match state {
        TerminalState::Attaching => ("is-attaching", t.attaching.to_owned()),
        TerminalState::Live => ("is-live", t.live.to_owned()),
        TerminalState::Shown => ("is-live", t.shown.to_owned()),
        TerminalState::Adrift => ("is-adrift", t.adrift.to_owned()),
        TerminalState::Ended(code) => ("is-ended", fill(t.ended, &[&code.to_string()])),
        TerminalState::Failed => ("is-ended", t.failed.to_owned()),
    }
}
