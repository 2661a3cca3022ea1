//! The network of a container, and the ports that are published.

use estiva_shared::protocol::{NetworkMode, PortProtocol};
use yew::prelude::*;

use super::row::{AddRow, Dispatch, RowFrame, changes, removal, told};
use crate::components::{Cell, Icon, IconName, NetworkChoice};
use crate::hooks::use_locale;
use crate::i18n::{RunTexts, fill};
use crate::services::dom;
use crate::state::forms::Problem;
use crate::state::ports::protocol_word;
use crate::state::rows::Row;
use crate::state::run_form::ports::{PortRow, offered, problems};
use crate::state::run_form::{Change, RunForm};

/// The props of [`Ports`].
#[derive(PartialEq, Properties)]
pub(super) struct PortsProps {
    /// The form.
    pub(super) form: UseReducerHandle<RunForm>,
    /// What the image exposes.
    pub(super) exposed: Vec<String>,
    /// The form was sent once.
    pub(super) is_sent: bool,
}

/// The network, and the ports.
#[component]
pub(super) fn Ports(props: &PortsProps) -> Html {
    let t = &use_locale().texts().run;
    let form = &props.form;
    let on_network = {
        let dispatch = form.dispatcher();
        Callback::from(move |network: NetworkMode| {
            dispatch.dispatch(Change::new(move |form| form.network = network));
        })
    };
    let ports = match form.network {
        NetworkMode::Bridge => {
            html! { <PortRows form={form.clone()} exposed={props.exposed.clone()} is_sent={props.is_sent} /> }
        }
        NetworkMode::Host => {
            html! { <p class="note" data-testid="run-ports-off">{ t.ports_of_host }</p> }
        }
        NetworkMode::None => {
            html! { <p class="note" data-testid="run-ports-off">{ t.ports_of_none }</p> }
        }
    };
    html! {
        <fieldset class="form-part">
            <legend>{ t.network_and_ports }</legend>
            <NetworkChoice label={t.network} network={form.network} on_change={on_network} testid="run-network" />
            { ports }
        </fieldset>
    }
}

/// The ports of a container on the bridge.
#[component]
fn PortRows(props: &PortsProps) -> Html {
    let t = &use_locale().texts().run;
    let form = &props.form;
    let dispatch = form.dispatcher();
    let add = use_node_ref();
    let on_add = {
        let dispatch = dispatch.clone();
        Callback::from(move |()| {
            dispatch.dispatch(Change::new(|form| form.ports.add(PortRow::default())));
        })
    };
    let on_local = {
        let dispatch = dispatch.clone();
        Callback::from(move |event: Event| {
            let is_local = dom::is_checked(&event);
            dispatch.dispatch(Change::new(move |form| form.is_local = is_local));
        })
    };
    let rows = form.ports.iter().enumerate().map(|(index, row)| {
        let said = problems(&form.ports, row);
        html! {
            <PortFields key={row.id} row={row.clone()} number={index + 1} dispatch={dispatch.clone()} add={add.clone()}
                host={told(said.host, props.is_sent)} container={told(said.container, props.is_sent)} />
        }
    });
    let ready = offered(&props.exposed, &form.ports);
    html! {
        <>
            <p class="field-hint">{ t.ports_note }</p>
            if !ready.is_empty() {
                <div class="offers"><span class="field-hint">{ t.exposed }</span>
                    { for ready.into_iter().map(|port| offer(port, &dispatch, t)) }</div>
            }
            if form.ports.iter().len() > 0 { <div class="rows rows-ports">{ for rows }</div> }
            <div class="rows-foot">
                <AddRow label={t.port_add} node={add.clone()} {on_add} testid="run-port-add" />
                if form.ports.iter().len() > 0 {
                    <label class="check"><input type="checkbox" checked={form.is_local} onchange={on_local} data-testid="run-ports-local" />{ t.ports_local }</label>
                }
            </div>
        </>
    }
}

/// A port that the image exposes, as a button that makes a row of it.
fn offer(port: PortRow, dispatch: &Dispatch, t: &RunTexts) -> Html {
    let name = format!("{}/{}", port.container, protocol_word(port.protocol));
    let dispatch = dispatch.clone();
    let label = fill(t.exposed_add, &[&name]);
    let onclick = move |_: MouseEvent| {
        let port = port.clone();
        dispatch.dispatch(Change::new(|form| form.ports.add(port)));
    };
    html! {
        <button type="button" class="button button-small offer" key={name.clone()} aria-label={label.clone()} title={label}
            data-testid="run-exposed" {onclick}><Icon name={IconName::Plus} />{ name }</button>
    }
}

#[derive(PartialEq, Properties)]
struct PortFieldsProps {
    row: Row<PortRow>,
    number: usize,
    dispatch: Dispatch,
    add: NodeRef,
    host: Option<Problem>,
    container: Option<Problem>,
}

#[component]
fn PortFields(props: &PortFieldsProps) -> Html {
    let t = &use_locale().texts().run;
    let (id, row) = (props.row.id, &props.row.value);
    let change = changes(&props.dispatch, |form| &mut form.ports, id);
    let on_paste = {
        let (dispatch, is_empty) = (props.dispatch.clone(), row.is_empty());
        Callback::from(move |event: Event| {
            let words = dom::pasted_text(&event).and_then(|text| PortRow::of_words(&text));
            if let (true, Some(words)) = (is_empty, words) {
                event.prevent_default();
                dispatch.dispatch(Change::new(move |form| {
                    if let Some(row) = form.ports.get_mut(id) {
                        *row = words;
                    }
                }));
            }
        })
    };
    let on_protocol = change(|row, word| {
        row.protocol = if word == "udp" {
            PortProtocol::Udp
        } else {
            PortProtocol::Tcp
        };
    });
    let on_protocol = Callback::from(move |event: Event| on_protocol.emit(dom::value_of(&event)));
    let on_remove = removal(&props.dispatch, |form| &mut form.ports, id, &props.add);
    let told_by = AttrValue::from(format!("run-port-{id}-told"));
    let wrong = |is_wrong: bool| is_wrong.then(|| told_by.clone());
    let option = |protocol: PortProtocol| {
        let word = protocol_word(protocol);
        html! { <option value={word} selected={row.protocol == protocol}>{ word }</option> }
    };
    html! {
        <RowFrame label={format!("{} {}", t.ports, props.number)} remove={fill(t.port_remove, &[&props.number.to_string()])} {on_remove}
            problem={props.host.clone().or_else(|| props.container.clone())} told_by={told_by.clone()}>
            <Cell label={t.port_host} value={row.host.clone()} on_change={change(|row, text| row.host = text)} {on_paste} digits=true
                placeholder={t.port_free} wrong={wrong(props.host.is_some())} takes_focus={props.row.is_pressed_for} testid="run-port-host" />
            <span class="row-arrow" aria-hidden="true">{ "→" }</span>
            <Cell label={t.port_container} value={row.container.clone()} on_change={change(|row, text| row.container = text)} digits=true
                wrong={wrong(props.container.is_some())} testid="run-port-container" />
            <label class="cell"><span class="cell-label">{ t.port_protocol }</span>
                <select onchange={on_protocol} data-testid="run-port-protocol">{ option(PortProtocol::Tcp) }{ option(PortProtocol::Udp) }</select></label>
        </RowFrame>
    }
}
