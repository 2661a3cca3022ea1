//! A build: its context, its Dockerfile, its options; then its steps as they run.

use std::rc::Rc;

use estiva_shared::dockerfile::Span;
use estiva_shared::protocol::{BuildContext, BuildFailure, BuildRequest};
use yew::prelude::*;
use yew_router::prelude::*;

use super::build_context::ContextPicker;
use super::build_order::{Order, OrderAction, Source};
use super::images::exposed_ports;
use crate::components::{
    BasePulls, DockerfileView, Field, Findings, Icon, IconName, NavLink, NetworkChoice, RunDialog,
    ShareDialog, Steps,
};
use crate::hooks::{BuildHandle, Locale, use_connection, use_images, use_locale};
use crate::i18n::{fill, trouble};
use crate::routes::Route;
use crate::services::dom;
use crate::state::build_run::{BuildPhase, BuildRun, CANCELLED};
use crate::state::context::DOCKERFILE;
use crate::state::forms::parse_variables;
use crate::state::stages::choices;

/// The props of [`BuildPage`].
#[derive(PartialEq, Properties)]
pub struct BuildPageProps {
    /// The build.
    pub build: BuildHandle,
    /// What is to be built: kept by the app, so that a look at another page loses nothing.
    pub order: UseReducerHandle<Order>,
}

/// A build.
#[component]
pub fn BuildPage(props: &BuildPageProps) -> Html {
    let locale = use_locale();
    let t = &locale.texts().build;
    let connected = use_connection().phase.is_connected();
    let order = props.order.clone();
    let stages = use_state(Vec::<String>::new);
    let go_to = use_state(|| None::<(u32, u32)>);
    let args_error = use_state(|| false);
    let result = use_node_ref();
    let change = |set: fn(&mut Order, String)| {
        let order = order.dispatcher();
        Callback::from(move |text: String| order.dispatch(OrderAction::Set(set, text)))
    };
    let on_text = {
        let order = order.dispatcher();
        Callback::from(move |text: String| order.dispatch(OrderAction::Text(text)))
    };
    let on_line = {
        let go_to = go_to.clone();
        Callback::from(move |line: u32| {
            go_to.set(Some((
                line,
                go_to.map_or(0, |(_, round)| round.wrapping_add(1)),
            )))
        })
    };
    let onsubmit = {
        let (order, build, args_error) = (order.clone(), props.build.clone(), args_error.setter());
        let result = result.clone();
        Callback::from(move |event: SubmitEvent| {
            event.prevent_default();
            let started = start(&order, &build);
            args_error.set(!started);
            if started {
                // On a narrow window the steps run below the form.
                dom::bring_up(&result);
            }
        })
    };
    let busy = props.build.run.is_busy();
    let written = !order.text.trim().is_empty();
    let missing = if !connected {
        Some(t.why_not_connected)
    } else if order.reading.is_some() {
        Some(t.reading_folder)
    } else if order.source == Source::Unset && !written {
        Some(t.why_nothing)
    } else {
        None
    };
    // Lines are those of the text in the editor; where the server has the Dockerfile, there is none to lead to.
    let on_line = written.then_some(on_line);
    let note = match &order.source {
        Source::Folder(_) => t.dockerfile_from_folder,
        Source::Server(_) => t.dockerfile_on_server,
        _ => locale.texts().inspect.editor_note,
    };
    let set_stages = {
        let stages = stages.setter();
        Callback::from(move |names| stages.set(names))
    };
    html! {
        <div class="page">
            <header class="page-head"><div><h1>{ t.title }</h1><p class="note">{ t.note }</p></div></header>
            <div class="build-columns">
                <form class="panel build-order" {onsubmit}>
                    <section><h2>{ t.context }</h2><p class="note">{ t.context_note }</p>
                        <ContextPicker order={order.clone()} /></section>
                    <section>
                        <DockerfileView source={order.text.clone()} on_change={on_text} go_to={*go_to} on_stages={set_stages}>
                            <div class="editor-head"><h2>{ t.dockerfile }</h2><p class="note">{ note }</p></div>
                        </DockerfileView>
                    </section>
                    <section><h2>{ t.options }</h2>{ options(&order, &stages, &change, *args_error, &locale) }</section>
                    <div class="build-actions">
                        <button type="submit" class="button button-primary button-large" data-testid="build-button"
                            disabled={busy || missing.is_some()} aria-describedby={missing.map(|_| "build-missing")}>
                            <Icon name={IconName::Build} />{ t.submit }</button>
                        if busy {
                            { stop_button(&props.build, t.stop) }
                        } else if let Some(missing) = missing {
                            <p class="note" id="build-missing">{ missing }</p>
                        }
                    </div>
                </form>
                <section ref={result} class="panel build-result" aria-label={t.steps}>
                    { status(&props.build.run, &locale, on_line.as_ref()) }
                    <BasePulls bases={props.build.run.bases.clone()} />
                    <Findings findings={Rc::new(props.build.run.warnings.clone())} on_select={on_line.as_ref().map(to_line)} hide_empty=true />
                    <Steps steps={props.build.run.steps.clone()} {on_line} />
                </section>
            </div>
        </div>
    }
}

/// Starts the build; false if the build arguments can't be read.
fn start(order: &Order, build: &BuildHandle) -> bool {
    let Ok(build_args) = parse_variables(&order.args) else {
        return false;
    };
    let given = |text: &str| Some(text.trim().to_owned()).filter(|text| !text.is_empty());
    let request = BuildRequest {
        context: match &order.source {
            Source::Server(path) => BuildContext::Rooted { path: path.clone() },
            _ => BuildContext::Empty,
        },
        dockerfile_text: Some(order.text.to_string()).filter(|text| !text.trim().is_empty()),
        dockerfile_path: None,
        dockerfile_origin: None,
        tags: given(&order.tag).into_iter().collect(),
        build_args,
        target: given(&order.target),
        no_cache: order.no_cache,
        network: order.network,
        trust_host_ca: order.trust_host_ca,
        pull: order.pull,
        credentials: Vec::new(),
    };
    match &order.source {
        Source::Folder(folder) => build.start_with(folder.clone(), request),
        _ => build.start(request),
    }
    true
}

fn options(
    order: &UseReducerHandle<Order>,
    stages: &[String],
    change: &dyn Fn(fn(&mut Order, String)) -> Callback<String>,
    args_error: bool,
    locale: &Locale,
) -> Html {
    let t = &locale.texts().build;
    let chosen = |change: Callback<String>| {
        Callback::from(move |event: Event| change.emit(dom::value_of(&event)))
    };
    let tick = |checked: bool,
                label: &'static str,
                testid: &'static str,
                set: fn(&mut Order, bool)| {
        let order = order.dispatcher();
        let onchange = Callback::from(move |event: Event| {
            order.dispatch(OrderAction::Tick(set, dom::is_checked(&event)));
        });
        html! { <label class="check"><input type="checkbox" {checked} {onchange} data-testid={testid} />{ label }</label> }
    };
    let on_network = {
        let order = order.dispatcher();
        Callback::from(move |network| order.dispatch(OrderAction::Network(network)))
    };
    // Of a Dockerfile that the server has, the stages are not known here.
    let unseen = matches!(order.source, Source::Server(_)) && order.text.trim().is_empty();
    let on_target = change(|order, text| order.target = text);
    let target = if unseen {
        html! { <Field label={t.target} hint={t.target_hint} value={order.target.clone()} on_change={on_target} testid="build-target" /> }
    } else {
        let stages = choices(stages, &order.target).into_iter().map(|stage| {
            let word = if stage.is_known {
                stage.name.to_owned()
            } else {
                fill(t.target_unknown, &[stage.name])
            };
            html! { <option value={stage.name.to_owned()} selected={stage.name == order.target}>{ word }</option> }
        });
        html! {
            <label class="field"><span class="field-label">{ t.target }</span>
                <select onchange={chosen(on_target)} data-testid="build-target">
                    <option value="" selected={order.target.is_empty()}>{ t.target_last }</option>
                    { for stages }
                </select></label>
        }
    };
    html! {
        <>
            <div class="fields-row">
                <Field label={t.tag} hint={t.tag_hint} value={order.tag.clone()} on_change={change(|order, text| order.tag = text)} testid="build-tag" />
                { target }
            </div>
            <NetworkChoice label={t.network} network={order.network} on_change={on_network} testid="build-network" />
            <Field label={t.build_args} hint={t.build_args_hint} long=true value={order.args.clone()} on_change={change(|order, text| order.args = text)}
                error={args_error.then_some(AttrValue::from(t.build_args_error))} testid="build-args" />
            <div class="checks">
                { tick(order.no_cache, t.no_cache, "build-no-cache", |order, ticked| order.no_cache = ticked) }
                { tick(order.pull, t.pull, "build-pull", |order, ticked| order.pull = ticked) }
                { tick(order.trust_host_ca, t.trust, "build-trust", |order, ticked| order.trust_host_ca = ticked) }
            </div>
        </>
    }
}

fn stop_button(build: &BuildHandle, label: &'static str) -> Html {
    let build = build.clone();
    html! { <button type="button" class="button" data-testid="build-stop" onclick={move |_| build.stop()}><Icon name={IconName::Stop} />{ label }</button> }
}

/// Where the build is, in words, with what can be done once it ended.
fn status(run: &BuildRun, locale: &Locale, on_line: Option<&Callback<u32>>) -> Html {
    let (t, language) = (&locale.texts().build, locale.language);
    let (text, body) = match &run.phase {
        BuildPhase::Idle => (
            t.status_idle.to_owned(),
            html! { <p class="note">{ t.status_idle_note }</p> },
        ),
        BuildPhase::Packing => (
            t.status_packing.to_owned(),
            html! { <progress aria-label={t.status_packing} /> },
        ),
        BuildPhase::Uploading {
            done_bytes,
            total_bytes,
        } => (
            t.status_uploading.to_owned(),
            html! { <p><progress value={done_bytes.to_string()} max={(*total_bytes).max(1).to_string()} aria-label={t.status_uploading} />{ " " }{ language.bytes(*total_bytes) }</p> },
        ),
        // The bases below say how far they are.
        BuildPhase::Starting if run.is_pulling() => (t.status_pulling.to_owned(), Html::default()),
        BuildPhase::Starting => (
            t.status_starting.to_owned(),
            html! { <progress aria-label={t.status_starting} /> },
        ),
        BuildPhase::Running => {
            let (done, total) = (run.finished_steps(), run.steps.len());
            let text = fill(
                t.status_running,
                &[&(done + 1).min(total).to_string(), &total.to_string()],
            );
            (
                text,
                html! { <progress value={done.to_string()} max={total.max(1).to_string()} aria-label={t.progress} /> },
            )
        }
        BuildPhase::Done {
            image_id,
            tags,
            size_bytes,
            duration_ms,
        } => {
            let image = tags.first().unwrap_or(image_id).clone();
            let cached = fill(t.result_size, &[&language.bytes(*size_bytes), &image]);
            (
                fill(t.status_done, &[&language.duration(*duration_ms)]),
                html! { <><p class="break">{ cached }</p><After {image} /></> },
            )
        }
        BuildPhase::Failed(failure) if failure.code == CANCELLED => {
            (t.status_cancelled.to_owned(), Html::default())
        }
        BuildPhase::Failed(failure) => (
            t.status_failed.to_owned(),
            failure_view(failure, locale, on_line),
        ),
        BuildPhase::Lost => (t.status_lost.to_owned(), Html::default()),
    };
    html! {
        <div class={classes!("build-status", format!("is-{}", run.name()))} data-testid="build-status" data-state={run.name()}>
            <h2 role="status">{ text }</h2>
            { body }
        </div>
    }
}

/// What is done with a finding's place: the same as with its line.
fn to_line(on_line: &Callback<u32>) -> Callback<Span> {
    on_line.reform(|span: Span| span.start.line)
}

fn failure_view(failure: &BuildFailure, locale: &Locale, on_line: Option<&Callback<u32>>) -> Html {
    let t = &locale.texts().build;
    let go = failure.line.map(|line| match on_line {
        Some(on_line) => {
            let on_line = on_line.clone();
            html! { <button type="button" class="button button-small" onclick={move |_| on_line.emit(line)}>{ fill(t.failed_at_line, &[&line.to_string()]) }</button> }
        }
        None => {
            let file = failure.dockerfile.as_deref().unwrap_or(DOCKERFILE);
            html! { <p class="hint break">{ fill(t.failed_in, &[file, &line.to_string()]) }</p> }
        }
    });
    let message = trouble(locale.language, &failure.code).unwrap_or(&failure.message);
    html! {
        <div role="alert">
            <p class="break">{ message }
                if let Some(code) = failure.exit_code { <span class="badge badge-bad">{ fill(t.exit_code, &[&code.to_string()]) }</span> }</p>
            if let Some(hint) = &failure.hint { <p class="hint break">{ fill(locale.texts().common.hint, &[hint]) }</p> }
            { go }
            <Findings findings={Rc::new(failure.diagnostics.clone())} on_select={on_line.map(to_line)} hide_empty=true />
        </div>
    }
}

#[derive(PartialEq, Properties)]
struct AfterProps {
    image: String,
}

/// What can be done with an image that was just built.
#[component]
fn After(props: &AfterProps) -> Html {
    let t = &use_locale().texts().images;
    let navigator = use_navigator();
    let exposed = exposed_ports(&use_images(), &props.image);
    let open = use_state(|| None::<bool>);
    let show = |value: Option<bool>| {
        let open = open.setter();
        Callback::from(move |()| open.set(value))
    };
    let (run, share) = (show(Some(true)), show(Some(false)));
    let on_started = Callback::from(move |answer: estiva_shared::protocol::RunResponse| {
        if let Some(navigator) = &navigator {
            navigator.push(&Route::Container { id: answer.id });
        }
    });
    html! {
        <div class="actions">
            <button type="button" class="button button-primary" data-testid="run-button" onclick={move |_| run.emit(())}><Icon name={IconName::Run} />{ t.run }</button>
            <NavLink to={Route::Image { name: props.image.clone() }} class="button"><Icon name={IconName::Inspect} />{ t.inspect }</NavLink>
            <button type="button" class="button" data-testid="share-button" onclick={move |_| share.emit(())}><Icon name={IconName::Share} />{ t.share }</button>
            if *open == Some(true) { <RunDialog image={props.image.clone()} {exposed} {on_started} on_close={show(None)} /> }
            if *open == Some(false) { <ShareDialog image={props.image.clone()} on_close={show(None)} /> }
        </div>
    }
}
