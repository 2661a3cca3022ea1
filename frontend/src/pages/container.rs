//! One container: what it writes, what it uses, how it ended.

use estiva_shared::protocol::{ContainerStatus, ContainerSummary};
use yew::prelude::*;
use yew_router::prelude::*;

use super::container_details::Details;
use super::containers::StatusBadge;
use crate::components::{
    Chart, Confirm, Empty, Failure, Icon, IconName, Loading, LogView, NavLink, PortLinks, Tab,
    Tabs, TerminalPanel,
};
use crate::hooks::{
    Load, Locale, use_action, use_containers, use_history, use_locale, use_logs, use_title,
};
use crate::i18n::{ContainerTexts, fill};
use crate::routes::Route;
use crate::services::{address, api};
use crate::state::shown::Shown;
use crate::state::stats::History;

/// The props of [`ContainerPage`].
#[derive(PartialEq, Properties)]
pub struct ContainerPageProps {
    /// The container's id.
    pub id: AttrValue,
}

/// One container.
#[component]
pub fn ContainerPage(props: &ContainerPageProps) -> Html {
    let t = &use_locale().texts().containers;
    let containers = use_containers();
    let shown = use_mut_ref(Shown::default);
    let body = match &containers {
        Load::Loading => html! { <Loading /> },
        Load::Failed(error) => html! { <Failure error={error.clone()} /> },
        Load::Ready(containers) => {
            let newest = shown.take().after(containers, &props.id);
            shown.replace(newest.clone());
            match newest {
                Shown::Here(container) => html! { <Detail {container} removed=false /> },
                Shown::Removed(container) => html! { <Detail {container} removed=true /> },
                Shown::Unknown => html! {
                    <Empty title={t.gone} body={t.gone_body} heads_page=true>
                        <NavLink to={Route::Containers} class="button">{ t.back }</NavLink>
                    </Empty>
                },
            }
        }
    };
    html! {
        <div class="page">
            <NavLink to={Route::Containers} class="back"><Icon name={IconName::Back} />{ t.back }</NavLink>
            { body }
        </div>
    }
}

#[derive(PartialEq, Properties)]
struct DetailProps {
    container: ContainerSummary,
    /// It left the list; this is how it was last seen.
    removed: bool,
}

#[component]
fn Detail(props: &DetailProps) -> Html {
    let locale = use_locale();
    let t = &locale.texts().containers;
    let container = &props.container;
    let running = container.status == ContainerStatus::Running && !props.removed;
    let ended = !running && container.status != ContainerStatus::Created;
    use_title(&container.name);
    let logs = use_logs(
        container.id.clone(),
        container.started_ms.unwrap_or_default(),
    );
    let history = use_history(container.id.clone(), running);
    html! {
        <article class="container-detail">
            <header class="page-head">
                <div>
                    <h1 class="break">{ &container.name }{ badges(container, props.removed, t) }</h1>
                    <p class="mono break">{ &container.image }{ " · " }{ container.command.join(" ") }</p>
                    if !container.ports.is_empty() {
                        <div class="head-ports" data-testid="container-ports">
                            <PortLinks ports={container.ports.clone()} host={address::host()} />
                        </div>
                    }
                </div>
                if !props.removed { <Buttons container={container.clone()} /> }
            </header>
            { ending(container, &locale) }
            if props.removed { <p class="notice" role="status" data-testid="container-removed">{ t.removed_note }</p> }
            <div class="detail-columns">
                <section class="panel panel-wide">
                    <Views container={container.clone()} {running}>
                        if let (Some(error), false) = (&logs.error, props.removed) { <Failure error={error.clone()} /> }
                        <LogView output={logs.output.clone()} label={t.logs} testid="container-logs"
                            empty={if ended { t.logs_none } else { t.logs_empty }} />
                        if logs.ended && !logs.output.is_empty() { <p class="note">{ t.logs_ended }</p> }
                    </Views>
                </section>
                <aside class="panel">
                    { charts(container, &history, running, &locale) }
                    <Details container={container.clone()} {running} />
                </aside>
            </div>
        </article>
    }
}

#[derive(PartialEq, Properties)]
struct ViewsProps {
    container: ContainerSummary,
    running: bool,
    /// The log.
    children: Html,
}

/// Its log and its terminals, of which one is seen at a time.
#[component]
fn Views(props: &ViewsProps) -> Html {
    let texts = use_locale().texts();
    let container = &props.container;
    // What was typed into is where one goes on typing.
    let first = if container.terminal && props.running {
        "terminal"
    } else {
        "logs"
    };
    let chosen = use_state(|| first);
    let on_choose = {
        let chosen = chosen.setter();
        Callback::from(move |name| chosen.set(name))
    };
    let tab = |name, label: &'static str| Tab {
        name,
        label: label.into(),
        count: None,
    };
    let tabs = vec![
        tab("logs", texts.containers.logs),
        tab("terminal", texts.terminal.tab),
    ];
    html! {
        <Tabs label={texts.terminal.views} {tabs} chosen={*chosen} {on_choose}>
            if *chosen == "terminal" {
                <TerminalPanel id={container.id.clone()} name={container.name.clone()} own={container.terminal} running={props.running} />
            } else {
                { props.children.clone() }
            }
        </Tabs>
    }
}

/// Its status; of one that was seen to run and then left the list, only that it left.
fn badges(container: &ContainerSummary, removed: bool, t: &ContainerTexts) -> Html {
    html! {
        <>
            if !removed || container.status != ContainerStatus::Running { <StatusBadge status={container.status.clone()} /> }
            if removed { <span class="badge badge-status badge-waiting">{ t.removed }</span> }
            if container.terminal { <span class="badge">{ t.terminal }</span> }
            if container.read_only { <span class="badge" title={t.read_only_hint}>{ t.read_only }</span> }
        </>
    }
}

#[derive(PartialEq, Properties)]
struct ButtonsProps {
    container: ContainerSummary,
}

#[component]
fn Buttons(props: &ButtonsProps) -> Html {
    let texts = use_locale().texts();
    let t = &texts.containers;
    let navigator = use_navigator();
    let action = use_action();
    let asking = use_state(|| false);
    let container = &props.container;
    let running = container.status == ContainerStatus::Running;
    let stop = {
        let (action, id) = (action.clone(), container.id.clone());
        Callback::from(move |_: MouseEvent| {
            let id = id.clone();
            action.run(async move { api::stop(&id).await }, |()| {});
        })
    };
    let kill = {
        let (action, id) = (action.clone(), container.id.clone());
        Callback::from(move |_: MouseEvent| {
            let id = id.clone();
            action.run(async move { api::kill(&id).await }, |()| {});
        })
    };
    let ask = |value: bool| {
        let asking = asking.setter();
        Callback::from(move |()| asking.set(value))
    };
    let on_confirm = {
        let (action, id) = (action.clone(), container.id.clone());
        Callback::from(move |()| {
            let (id, navigator) = (id.clone(), navigator.clone());
            action.run(
                async move { api::remove_container(&id, true).await },
                move |()| {
                    if let Some(navigator) = navigator {
                        navigator.push(&Route::Containers);
                    }
                },
            );
        })
    };
    let open = ask(true);
    html! {
        <div class="actions">
            if running {
                <button type="button" class="button" title={t.stop_hint} disabled={action.busy} data-testid="stop-button" onclick={stop}>
                    <Icon name={IconName::Stop} />{ t.stop }</button>
                <button type="button" class="button" title={t.kill_hint} data-testid="kill-button" onclick={kill}>
                    <Icon name={IconName::Cross} />{ t.kill }</button>
            }
            <button type="button" class="button button-quiet" data-testid="remove-button" onclick={move |_| open.emit(())}>
                <Icon name={IconName::Remove} />{ t.remove }</button>
            if let (Some(error), false) = (&action.error, *asking) { <Failure error={error.clone()} /> }
            if *asking {
                <Confirm title={fill(t.remove_title, &[&container.name])} body={t.remove_body} action={t.remove} busy={action.busy}
                    {on_confirm} on_close={ask(false)}>
                    if running { <p class="note note-warn">{ t.remove_running }</p> }
                    if let Some(error) = &action.error { <Failure error={error.clone()} /> }
                </Confirm>
            }
        </div>
    }
}

/// How a container ended, in a sentence; nothing while it has not.
fn ending(container: &ContainerSummary, locale: &Locale) -> Html {
    let t = &locale.texts().containers;
    let (class, text) = match &container.status {
        ContainerStatus::Created | ContainerStatus::Running => return Html::default(),
        ContainerStatus::Failed { message } => ("notice-error", fill(t.not_started, &[message])),
        ContainerStatus::Exited {
            oom_killed: true, ..
        } => {
            let text = match container.limits.memory_bytes {
                Some(limit) => fill(t.ended_oom, &[&locale.language.memory(limit)]),
                None => t.ended_oom_plain.to_owned(),
            };
            ("notice-error", text)
        }
        ContainerStatus::Exited {
            code,
            signal: Some(signal),
            ..
        } => (
            "notice-warn",
            fill(t.ended_signal, &[&signal_name(*signal), &code.to_string()]),
        ),
        ContainerStatus::Exited { code: 0, .. } => ("notice-good", t.ended_ok.to_owned()),
        ContainerStatus::Exited { code, .. } => {
            ("notice-warn", fill(t.ended_code, &[&code.to_string()]))
        }
    };
    html! { <p class={classes!("notice", class)} role="status" data-testid="container-ending">{ text }</p> }
}

fn charts(container: &ContainerSummary, history: &History, running: bool, locale: &Locale) -> Html {
    let t = &locale.texts().containers;
    // The last figures of one that ended tell nothing of how it ended: they were taken up to a second before.
    let Some(last) = history.last().filter(|_| running) else {
        let text = if running {
            t.stats_waiting
        } else {
            t.stats_ended
        };
        return html! { <p class="note" data-testid="container-memory">{ text }</p> };
    };
    let language = locale.language;
    let limit = last.memory_limit_bytes.or(container.limits.memory_bytes);
    let used = language.memory(last.memory_bytes);
    let memory = limit.map_or(used.clone(), |limit| {
        fill(t.memory_of, &[&used, &language.memory(limit)])
    });
    let cores = language.fraction(last.cpu_cores, 2);
    let cpu = match container.limits.cpus {
        Some(limit) => fill(t.cpu_of, &[&cores, &language.amount(limit, t.cpu_cores)]),
        None => fill(t.cpu_now, &[&cores]),
    };
    // Of each tenth of a second, which is the kernel's period, a limited container may work so long.
    let cpu_note = container.limits.cpus.map(|limit| {
        let work = language.duration((limit * 100.0).round() as u64);
        AttrValue::from(fill(
            t.cpu_note,
            &[&language.amount(limit, t.cpu_cores), &work],
        ))
    });
    let limit_text = |text: Option<String>| {
        text.map_or(t.no_limit.to_owned(), |text| fill(t.limit_line, &[&text]))
    };
    let pids = last
        .pids_limit
        .or(container.limits.pids)
        .map_or(last.pids.to_string(), |limit| {
            format!("{} / {limit}", last.pids)
        });
    html! {
        <>
            <Chart title={t.memory} value={memory} values={history.series(|sample| sample.memory_bytes as f64)} limit={limit.map(|limit| limit as f64)}
                limit_text={limit_text(limit.map(|limit| language.memory(limit)))} note={t.memory_note} testid="container-memory" />
            <Chart title={t.cpu} value={cpu} values={history.series(|sample| sample.cpu_cores)} limit={container.limits.cpus} at_least=0.1
                limit_text={limit_text(container.limits.cpus.map(|cpus| language.amount(cpus, t.cpu_cores)))} note={cpu_note} testid="container-cpu" />
            <dl class="table"><dt>{ t.pids }</dt><dd class="number">{ pids }</dd></dl>
        </>
    }
}

/// The signals that end containers; any other by its number.
fn signal_name(signal: i32) -> String {
    match signal {
        1 => "SIGHUP".into(),
        2 => "SIGINT".into(),
        6 => "SIGABRT".into(),
        9 => "SIGKILL".into(),
        11 => "SIGSEGV".into(),
        15 => "SIGTERM".into(),
        31 => "SIGSYS".into(),
        other => other.to_string(),
    }
}
