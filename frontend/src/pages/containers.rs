//! The containers, as they live and end.

use std::rc::Rc;

use estiva_shared::protocol::{ContainerStatus, ContainerSummary, Limits};
use yew::prelude::*;

use crate::components::{Empty, Failure, Icon, IconName, Loading, NavLink, PortLinks};
use crate::hooks::{
    AGO_RENEWED_MS, Load, Locale, use_action, use_clock, use_containers, use_locale,
};
use crate::i18n::fill;
use crate::routes::Route;
use crate::services::{address, api};

/// The containers.
#[component]
pub fn ContainersPage() -> Html {
    let locale = use_locale();
    let t = &locale.texts().containers;
    let containers = use_containers();
    let only_running = use_state(|| false);
    let now = use_clock(true, AGO_RENEWED_MS);
    let list = match &containers {
        Load::Loading => html! { <Loading /> },
        Load::Failed(error) => html! { <Failure error={error.clone()} /> },
        Load::Ready(containers) if containers.is_empty() => html! {
            <Empty title={t.empty_title} body={t.empty_body}>
                <NavLink to={Route::Images} class="button button-primary">{ t.empty_action }</NavLink>
            </Empty>
        },
        Load::Ready(containers) => {
            let rows = containers
                .iter()
                .filter(|container| !*only_running || container.status == ContainerStatus::Running);
            html! { <ul class="cards cards-containers plain">{ for rows.map(|container| row(container, now, &locale)) }</ul> }
        }
    };
    let filter = match &containers {
        Load::Ready(containers) if !containers.is_empty() => {
            filter(containers, &only_running, &locale)
        }
        _ => Html::default(),
    };
    html! {
        <div class="page">
            <header class="page-head"><div><h1>{ t.title }</h1><p class="note">{ t.note }</p></div>{ filter }</header>
            { list }
        </div>
    }
}

fn filter(
    containers: &Rc<Vec<ContainerSummary>>,
    only_running: &UseStateHandle<bool>,
    locale: &Locale,
) -> Html {
    let t = &locale.texts().containers;
    let running = containers
        .iter()
        .filter(|container| container.status == ContainerStatus::Running)
        .count();
    let button = |value: bool, label: &'static str, count: usize| {
        let (setter, chosen) = (only_running.setter(), **only_running == value);
        html! {
            <button type="button" class={classes!("segment", chosen.then_some("is-chosen"))} aria-pressed={chosen.to_string()}
                onclick={move |_| setter.set(value)}>{ format!("{label} ({count})") }</button>
        }
    };
    html! {
        <div class="segments" role="group">
            { button(false, t.filter_all, containers.len()) }
            { button(true, t.filter_running, running) }
        </div>
    }
}

fn row(container: &ContainerSummary, now_ms: u64, locale: &Locale) -> Html {
    html! {
        <li class="card card-container" key={container.id.clone()}>
            <NavLink to={Route::Container { id: container.id.clone() }} class="card-link" testid="container-row">
                <StatusBadge status={container.status.clone()} />
                <span class="card-main">
                    <span class="card-title break">{ &container.name }</span>
                    <span class="card-sub mono break">{ &container.image }{ " · " }{ container.command.join(" ") }</span>
                </span>
                <span class="card-limits">{ for limits(&container.limits, locale) }</span>
                <span class="card-when">{ locale.language.ago(container.created_ms, now_ms) }</span>
            </NavLink>
            if !container.ports.is_empty() { <span class="card-ports"><PortLinks ports={container.ports.clone()} host={address::host()} /></span> }
            <span class="card-actions">
                if container.status == ContainerStatus::Running { <StopButton id={container.id.clone()} /> }
            </span>
        </li>
    }
}

#[derive(PartialEq, Properties)]
struct StopButtonProps {
    id: String,
}

/// Stops a container from the list.
#[component]
fn StopButton(props: &StopButtonProps) -> Html {
    let t = &use_locale().texts().containers;
    let action = use_action();
    let onclick = {
        let (action, id) = (action.clone(), props.id.clone());
        Callback::from(move |_: MouseEvent| {
            let id = id.clone();
            action.run(async move { api::stop(&id).await }, |()| {});
        })
    };
    html! {
        <>
            <button type="button" class="button button-small" title={t.stop_hint} disabled={action.busy} data-testid="stop-button" {onclick}>
                <Icon name={IconName::Stop} />{ t.stop }
            </button>
            if let Some(error) = &action.error { <Failure error={error.clone()} /> }
        </>
    }
}

/// The props of [`StatusBadge`].
#[derive(PartialEq, Properties)]
pub(super) struct StatusBadgeProps {
    /// The status.
    pub(super) status: ContainerStatus,
}

/// A container's status in a word.
#[component]
pub(super) fn StatusBadge(props: &StatusBadgeProps) -> Html {
    let t = &use_locale().texts().containers;
    let (class, text) = match &props.status {
        ContainerStatus::Created => ("badge-waiting", t.created.to_owned()),
        ContainerStatus::Running => ("badge-running", t.running.to_owned()),
        ContainerStatus::Exited {
            oom_killed: true, ..
        } => ("badge-bad", t.killed_memory.to_owned()),
        ContainerStatus::Exited { code: 0, .. } => ("badge-done", fill(t.exited_code, &["0"])),
        ContainerStatus::Exited { code, .. } => {
            ("badge-warn", fill(t.exited_code, &[&code.to_string()]))
        }
        ContainerStatus::Failed { .. } => ("badge-bad", t.failed.to_owned()),
    };
    html! { <span class={classes!("badge", "badge-status", class)} data-testid="container-status">{ text }</span> }
}

/// A container's limits in words.
pub(super) fn limits(limits: &Limits, locale: &Locale) -> Vec<Html> {
    let t = &locale.texts().containers;
    let words = [
        limits
            .memory_bytes
            .map(|bytes| fill(t.limit_memory, &[&locale.language.memory(bytes)])),
        limits
            .cpus
            .map(|cpus| locale.language.amount(cpus, t.limit_cpus)),
        limits
            .pids
            .map(|pids| locale.language.count(pids, t.limit_pids)),
    ];
    let said: Vec<String> = words.into_iter().flatten().collect();
    if said.is_empty() {
        return vec![html! { <span class="muted">{ t.no_limits }</span> }];
    }
    said.into_iter()
        .map(|word| html! { <span class="badge">{ word }</span> })
        .collect()
}
