//! The terminals of one container: its own, where it has one, and shells that are opened in it.

use estiva_shared::protocol::{ExecRequest, ExecSummary};
use wasm_bindgen_futures::spawn_local;
use yew::prelude::*;

use super::{Failure, Icon, IconName, Terminal};
use crate::hooks::{Target, use_action, use_locale};
use crate::i18n::fill;
use crate::services::api;

/// A shell that is in the container: bash where there is one.
const SHELL: &str = "command -v bash >/dev/null 2>&1 && exec bash; exec sh";

/// The props of [`TerminalPanel`].
#[derive(PartialEq, Properties)]
pub struct TerminalPanelProps {
    /// The container's id.
    pub id: AttrValue,
    /// Its name.
    pub name: AttrValue,
    /// It has a terminal of its own.
    pub own: bool,
    /// It runs.
    pub running: bool,
}

/// What is chosen.
#[derive(Clone, PartialEq)]
enum Choice {
    /// Nobody has chosen yet.
    None,
    Own,
    Exec(AttrValue),
}

/// The terminals of a container.
#[component]
pub fn TerminalPanel(props: &TerminalPanelProps) -> Html {
    let locale = use_locale();
    let t = &locale.texts().terminal;
    let (opening, ending) = (use_action(), use_action());
    let shells = use_state(Vec::<AttrValue>::new);
    let first = if props.own { Choice::Own } else { Choice::None };
    let choice = use_state(|| first.clone());
    {
        let (shells, choice, first) = (shells.setter(), choice.setter(), first.clone());
        use_effect_with((props.id.clone(), props.running), move |(id, running)| {
            if *running {
                let id = id.clone();
                spawn_local(async move {
                    // Where they can't be asked for, a shell that is opened tells why.
                    let found = api::execs(&id).await.unwrap_or_default();
                    let found: Vec<AttrValue> = found.into_iter().filter_map(shell).collect();
                    if let (Choice::None, Some(last)) = (first, found.last()) {
                        choice.set(Choice::Exec(last.clone()));
                    }
                    shells.set(found);
                });
            }
        });
    }
    let on_open = {
        let (action, id) = (opening.clone(), props.id.clone());
        let (shells, choice) = (shells.clone(), choice.setter());
        Callback::from(move |_: MouseEvent| {
            let (id, shells, choice) = (id.clone(), shells.clone(), choice.clone());
            action.run(
                async move { api::begin_exec(&id, &request()).await },
                move |response| {
                    let id = AttrValue::from(response.id);
                    let mut all = (*shells).clone();
                    all.push(id.clone());
                    shells.set(all);
                    choice.set(Choice::Exec(id));
                },
            );
        })
    };
    let on_end = {
        let (action, id) = (ending.clone(), props.id.clone());
        let (shells, choice) = (shells.clone(), choice.clone());
        Callback::from(move |_: MouseEvent| {
            let Choice::Exec(exec) = &*choice else { return };
            let (id, exec, first) = (id.clone(), exec.clone(), first.clone());
            let (shells, choice) = (shells.clone(), choice.setter());
            let left: Vec<_> = shells.iter().filter(|id| **id != exec).cloned().collect();
            action.run(
                async move {
                    match api::end_exec(&id, &exec).await {
                        Err(error) if error.code != "unknown-exec" => Err(error),
                        // It has ended by itself: then it is only to be taken away here.
                        _ => Ok(()),
                    }
                },
                move |()| {
                    shells.set(left);
                    choice.set(first);
                },
            );
        })
    };
    if !props.running {
        return html! { <p class="note" data-testid="terminal-none">{ t.not_running }</p> };
    }
    let option = |label: String, value: Choice| {
        let chosen = *choice == value;
        let choice = choice.setter();
        html! {
            <button type="button" class={classes!("segment", chosen.then_some("is-chosen"))} aria-pressed={chosen.to_string()}
                onclick={move |_| choice.set(value.clone())}>{ label }</button>
        }
    };
    let options = shells.iter().enumerate().map(|(index, id)| {
        option(
            fill(t.shell, &[&(index + 1).to_string()]),
            Choice::Exec(id.clone()),
        )
    });
    let target = |exec: Option<AttrValue>| Target {
        container: props.id.clone(),
        exec,
        label: fill(t.label, &[&props.name]).into(),
    };
    let terminal = match &*choice {
        Choice::None => html! {
            <div class="empty" data-testid="terminal-empty"><h3>{ t.none_title }</h3><p>{ t.none_body }</p></div>
        },
        Choice::Own => html! { <Terminal key="own" target={target(None)} /> },
        Choice::Exec(id) => html! {
            <Terminal key={id.to_string()} target={target(Some(id.clone()))}>
                <button type="button" class="button button-small" title={t.end_shell_hint} disabled={ending.busy} data-testid="end-shell"
                    onclick={on_end}><Icon name={IconName::Cross} />{ t.end_shell }</button>
            </Terminal>
        },
    };
    let many = shells.len() + usize::from(props.own) > 1;
    html! {
        <div class="terminal-panel">
            <div class="terminal-bar">
                if many {
                    <div class="segments" role="group" aria-label={t.which}>
                        if props.own { { option(t.own.to_owned(), Choice::Own) } }
                        { for options }
                    </div>
                }
                <button type="button" class={classes!("button", "button-small", (*choice == Choice::None).then_some("button-primary"))}
                    title={t.shell_hint} disabled={opening.busy} data-testid="open-shell" onclick={on_open}>
                    <Icon name={IconName::Run} />{ if shells.is_empty() { t.open_shell } else { t.another_shell } }</button>
            </div>
            if let Some(error) = opening.error.as_ref().or(ending.error.as_ref()) { <Failure error={error.clone()} /> }
            { terminal }
        </div>
    }
}

/// The id of a process that a page can show.
fn shell(exec: ExecSummary) -> Option<AttrValue> {
    exec.terminal.then(|| exec.id.into())
}

fn request() -> ExecRequest {
    ExecRequest {
        args: ["/bin/sh", "-c", SHELL].map(str::to_owned).to_vec(),
        interactive: true,
        terminal: true,
        ..ExecRequest::default()
    }
}
