//! The environment of a container, variable by variable.

use yew::prelude::*;

use super::row::{AddRow, Dispatch, RowFrame, changes, removal, told};
use crate::components::{Cell, Group};
use crate::hooks::use_locale;
use crate::i18n::fill;
use crate::services::dom;
use crate::state::forms::Problem;
use crate::state::rows::Row;
use crate::state::run_form::variables::{VariableRow, pasted, problem};
use crate::state::run_form::{Change, RunForm};

/// The props of [`Variables`].
#[derive(PartialEq, Properties)]
pub(super) struct VariablesProps {
    /// The form.
    pub(super) form: UseReducerHandle<RunForm>,
    /// The form was sent once.
    pub(super) is_sent: bool,
}

/// The environment.
#[component]
pub(super) fn Variables(props: &VariablesProps) -> Html {
    let locale = use_locale();
    let t = &locale.texts().run;
    let form = &props.form;
    let dispatch = form.dispatcher();
    let add = use_node_ref();
    let on_add = {
        let dispatch = dispatch.clone();
        Callback::from(move |()| {
            dispatch.dispatch(Change::new(|form| form.env.add(VariableRow::default())));
        })
    };
    let count = form.env.values().filter(|row| !row.is_empty()).count() as u64;
    let filled = (count > 0).then(|| locale.language.count(count, t.variables));
    let rows = form.env.iter().enumerate().map(|(index, row)| {
        let problem = told(problem(&form.env, row), props.is_sent);
        html! {
            <VariableFields key={row.id} row={row.clone()} number={index + 1} dispatch={dispatch.clone()} add={add.clone()} {problem} />
        }
    });
    html! {
        <Group title={t.group_environment} note={t.group_environment_note} {filled} testid="run-group-environment">
            <p class="field-hint">{ t.variables_hint }</p>
            if form.env.iter().len() > 0 { <div class="rows rows-variables">{ for rows }</div> }
            <div class="rows-foot"><AddRow label={t.variable_add} node={add.clone()} {on_add} testid="run-env-add" /></div>
        </Group>
    }
}

#[derive(PartialEq, Properties)]
struct VariableFieldsProps {
    row: Row<VariableRow>,
    number: usize,
    dispatch: Dispatch,
    add: NodeRef,
    problem: Option<Problem>,
}

#[component]
fn VariableFields(props: &VariableFieldsProps) -> Html {
    let t = &use_locale().texts().run;
    let (id, row) = (props.row.id, &props.row.value);
    let change = changes(&props.dispatch, |form| &mut form.env, id);
    let on_settle = change(|row, _| row.settle()).reform(|()| String::new());
    let on_paste = {
        let (dispatch, is_empty) = (props.dispatch.clone(), row.is_empty());
        Callback::from(move |event: Event| {
            let variables = dom::pasted_text(&event).and_then(|text| pasted(&text));
            if let (true, Some(mut variables)) = (is_empty, variables) {
                event.prevent_default();
                dispatch.dispatch(Change::new(move |form| {
                    let further = variables.split_off(1);
                    if let (Some(row), Some(first)) = (form.env.get_mut(id), variables.pop()) {
                        *row = first;
                    }
                    form.env.add_below(id, further);
                }));
            }
        })
    };
    let on_remove = removal(&props.dispatch, |form| &mut form.env, id, &props.add);
    let told_by = AttrValue::from(format!("run-variable-{id}-told"));
    html! {
        <RowFrame label={format!("{} {}", t.group_environment, props.number)} remove={fill(t.variable_remove, &[&props.number.to_string()])} {on_remove}
            problem={props.problem.clone()} told_by={told_by.clone()}>
            <Cell label={t.variable_name} value={row.name.clone()} on_change={change(|row, text| row.name = text)} {on_settle} {on_paste}
                class="cell-code" wrong={props.problem.is_some().then_some(told_by)} takes_focus={props.row.is_pressed_for} testid="run-env-name" />
            <Cell label={t.variable_value} value={row.value.clone()} on_change={change(|row, text| row.value = text)} class="cell-code" testid="run-env-value" />
        </RowFrame>
    }
}
