//! The dialog that makes a container from an image: what most containers want at first sight, the rest in groups that open.

mod mounts;
mod ports;
mod row;
mod variables;

use estiva_shared::protocol::RunResponse;
use yew::prelude::*;

use self::mounts::Mounts;
use self::ports::Ports;
use self::row::told;
use self::variables::Variables;
use super::{Dialog, Failure, Field, Group};
use crate::hooks::{Locale, use_action, use_locale};
use crate::i18n::fill;
use crate::services::{api, dom};
use crate::state::forms::{Problem, parse_cpus, parse_memory, parse_pids, split_words};
use crate::state::run_form::{Change, RunForm};

/// The props of [`RunDialog`].
#[derive(PartialEq, Properties)]
pub struct RunDialogProps {
    /// The image's name or id.
    pub image: AttrValue,
    /// The ports that it exposes, such as `3000/tcp`.
    #[prop_or_default]
    pub exposed: Vec<String>,
    /// It runs.
    pub on_started: Callback<RunResponse>,
    /// It is to be closed.
    pub on_close: Callback<()>,
}

/// The dialog that makes a container from an image.
#[component]
pub fn RunDialog(props: &RunDialogProps) -> Html {
    let locale = use_locale();
    let t = &locale.texts().run;
    let form = use_reducer(RunForm::default);
    // How often it was sent with something wrong in it.
    let refusals = use_state(|| 0u32);
    let action = use_action();
    let node = use_node_ref();
    {
        let node = node.clone();
        use_effect_with(*refusals, move |refusals| {
            if *refusals > 0 {
                dom::focus_wrong(&node);
            }
        });
    }
    let onsubmit = {
        let (form, refusals, action) = (form.clone(), refusals.clone(), action.clone());
        let (image, started) = (props.image.clone(), props.on_started.clone());
        Callback::from(move |event: SubmitEvent| {
            event.prevent_default();
            match form.request(&image) {
                Ok(request) => {
                    let started = started.clone();
                    action.run(async move { api::run(&request).await }, move |answer| {
                        started.emit(answer)
                    });
                }
                Err(_) => {
                    action.clear();
                    refusals.set(*refusals + 1);
                }
            }
        })
    };
    let is_sent = *refusals > 0;
    let is_wrong = is_sent && form.request(&props.image).is_err();
    let close = props.on_close.clone();
    html! {
        <Dialog title={fill(t.title, &[&props.image])} on_close={props.on_close.clone()}>
            <p class="note">{ t.note }</p>
            <form ref={node} class="run-form" {onsubmit}>
                { common(&form, is_sent, &locale) }
                <Ports form={form.clone()} exposed={props.exposed.clone()} {is_sent} />
                <div class="groups">
                    <Variables form={form.clone()} {is_sent} />
                    <Mounts form={form.clone()} {is_sent} />
                    { limits(&form, is_sent, &locale) }
                    { isolation(&form, &locale) }
                </div>
                <div class="checks">
                    { check(&form, form.terminal, t.terminal, "run-terminal", |form, ticked| form.terminal = ticked) }
                    { check(&form, form.remove, t.remove, "run-remove", |form, ticked| form.remove = ticked) }
                </div>
                <div class="form-foot">
                    if is_wrong { <p class="field-error" role="alert">{ t.fix }</p> }
                    if let Some(error) = &action.error { <Failure error={error.clone()} /> }
                    <div class="dialog-actions">
                        <button type="button" class="button" onclick={move |_| close.emit(())}>{ locale.texts().common.cancel }</button>
                        <button type="submit" class="button button-primary" data-testid="run-submit" disabled={action.busy}>
                            { if action.busy { t.starting } else { t.submit } }
                        </button>
                    </div>
                </div>
            </form>
        </Dialog>
    }
}

/// What a typed text does to the form.
fn typed(form: &UseReducerHandle<RunForm>, set: fn(&mut RunForm, String)) -> Callback<String> {
    let dispatch = form.dispatcher();
    Callback::from(move |text: String| {
        dispatch.dispatch(Change::new(move |form| set(form, text)));
    })
}

fn check(
    form: &UseReducerHandle<RunForm>,
    checked: bool,
    label: &'static str,
    testid: &'static str,
    set: fn(&mut RunForm, bool),
) -> Html {
    let dispatch = form.dispatcher();
    let onchange = Callback::from(move |event: Event| {
        let ticked = dom::is_checked(&event);
        dispatch.dispatch(Change::new(move |form| set(form, ticked)));
    });
    html! { <label class="check"><input type="checkbox" {checked} {onchange} data-testid={testid} />{ label }</label> }
}

/// The name and the command.
fn common(form: &UseReducerHandle<RunForm>, is_sent: bool, locale: &Locale) -> Html {
    let t = &locale.texts().run;
    let error =
        |problem: Option<Problem>| told(problem, is_sent).map(|problem| t.problem(&problem));
    html! {
        <div class="fields-pair">
            <Field label={t.name} hint={t.name_hint} value={form.name.clone()} on_change={typed(form, |form, text| form.name = text)}
                error={error(form.name_problem())} testid="run-name" />
            <Field label={t.args} hint={t.args_hint} value={form.args.clone()} on_change={typed(form, |form, text| form.args = text)}
                error={error(split_words(&form.args).err())} testid="run-args" />
        </div>
    }
}

fn limits(form: &UseReducerHandle<RunForm>, is_sent: bool, locale: &Locale) -> Html {
    let (t, words) = (&locale.texts().run, &locale.texts().containers);
    let error =
        |problem: Option<Problem>| told(problem, is_sent).map(|problem| t.problem(&problem));
    let (memory, cpus, pids) = (
        parse_memory(&form.memory),
        parse_cpus(&form.cpus),
        parse_pids(&form.pids),
    );
    let language = locale.language;
    let said = [
        memory
            .clone()
            .ok()
            .flatten()
            .map(|bytes| language.memory(bytes)),
        cpus.clone()
            .ok()
            .flatten()
            .map(|cpus| language.amount(cpus, words.limit_cpus)),
        pids.clone()
            .ok()
            .flatten()
            .map(|pids| language.count(pids, words.limit_pids)),
    ];
    html! {
        <Group title={t.group_limits} note={t.group_limits_note} filled={joined(said)} testid="run-group-limits">
            <div class="fields-row">
                <Field label={t.memory} hint={t.memory_hint} value={form.memory.clone()} testid="run-memory"
                    on_change={typed(form, |form, text| form.memory = text)} error={error(memory.err())} />
                <Field label={t.cpus} hint={t.cpus_hint} value={form.cpus.clone()} testid="run-cpus"
                    on_change={typed(form, |form, text| form.cpus = text)} error={error(cpus.err())} />
                <Field label={t.pids} hint={t.pids_hint} value={form.pids.clone()} testid="run-pids"
                    on_change={typed(form, |form, text| form.pids = text)} error={error(pids.err())} />
            </div>
        </Group>
    }
}

fn isolation(form: &UseReducerHandle<RunForm>, locale: &Locale) -> Html {
    let t = &locale.texts().run;
    let said = [
        form.read_only.then(|| t.mount_read_only.to_owned()),
        form.trust_host_ca.then(|| t.trust_short.to_owned()),
    ];
    html! {
        <Group title={t.group_isolation} note={t.group_isolation_note} filled={joined(said)} testid="run-group-isolation">
            { check(form, form.read_only, t.read_only, "run-read-only", |form, ticked| form.read_only = ticked) }
            <div>{ check(form, form.trust_host_ca, t.trust, "run-trust", |form, ticked| form.trust_host_ca = ticked) }
                <p class="field-hint check-hint">{ t.trust_hint }</p></div>
        </Group>
    }
}

/// What was filled in, in one line; nothing where nothing was.
fn joined<const N: usize>(said: [Option<String>; N]) -> Option<String> {
    let said: Vec<String> = said.into_iter().flatten().collect();
    (!said.is_empty()).then(|| said.join(" · "))
}
