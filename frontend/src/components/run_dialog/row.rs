//! The frame of a row: its fields, the button that takes it away, and the sentence about what is wrong with it.

use yew::prelude::*;

use crate::components::{Icon, IconName};
use crate::hooks::use_locale;
use crate::services::dom;
use crate::state::forms::Problem;
use crate::state::rows::Rows;
use crate::state::run_form::{Change, RunForm};

/// The props of [`RowFrame`].
#[derive(PartialEq, Properties)]
pub(super) struct RowFrameProps {
    /// What it is, for screen readers: "Ports 1".
    pub(super) label: AttrValue,
    /// What the button that takes it away is called.
    pub(super) remove: AttrValue,
    /// It is to be taken away.
    pub(super) on_remove: Callback<()>,
    /// What is wrong with it.
    pub(super) problem: Option<Problem>,
    /// The id of the sentence that says so.
    pub(super) told_by: AttrValue,
    /// Its fields.
    pub(super) children: Html,
}

/// A row.
#[component]
pub(super) fn RowFrame(props: &RowFrameProps) -> Html {
    let t = &use_locale().texts().run;
    let on_remove = props.on_remove.clone();
    html! {
        <div class="row-fields" role="group" aria-label={props.label.clone()}>
            { props.children.clone() }
            <button type="button" class="button button-icon row-remove" title={props.remove.clone()} aria-label={props.remove.clone()}
                onclick={move |_| on_remove.emit(())}><Icon name={IconName::Cross} /></button>
            // Always there, so that what comes into it is read out.
            <span id={props.told_by.clone()} class="field-error row-error" aria-live="polite">
                { props.problem.as_ref().map(|problem| t.problem(problem)) }
            </span>
        </div>
    }
}

/// The props of [`AddRow`].
#[derive(PartialEq, Properties)]
pub(super) struct AddRowProps {
    /// What it is called.
    pub(super) label: AttrValue,
    /// The button, for the focus that a row leaves when it goes.
    pub(super) node: NodeRef,
    /// It was pressed.
    pub(super) on_add: Callback<()>,
    /// A name for tests.
    pub(super) testid: AttrValue,
}

/// The button that adds a row.
#[component]
pub(super) fn AddRow(props: &AddRowProps) -> Html {
    let on_add = props.on_add.clone();
    html! {
        <button ref={props.node.clone()} type="button" class="button button-small row-add" data-testid={props.testid.clone()}
            onclick={move |_| on_add.emit(())}><Icon name={IconName::Plus} />{ &props.label }</button>
    }
}

/// Whose changes go into the form.
pub(super) type Dispatch = UseReducerDispatcher<RunForm>;

/// Which of the form's lists a row is in.
pub(super) type RowsOf<T> = fn(&mut RunForm) -> &mut Rows<T>;

/// What makes a callback of a way to change the row with this id.
pub(super) fn changes<T: 'static>(
    dispatch: &Dispatch,
    rows: RowsOf<T>,
    id: u32,
) -> impl Fn(fn(&mut T, String)) -> Callback<String> {
    let dispatch = dispatch.clone();
    move |set| {
        let dispatch = dispatch.clone();
        Callback::from(move |text: String| {
            dispatch.dispatch(Change::new(move |form| {
                if let Some(row) = rows(form).get_mut(id) {
                    set(row, text);
                }
            }));
        })
    }
}

/// Takes a row away and leads the keyboard to the button that adds one: it would be lost with the row.
pub(super) fn removal<T: 'static>(
    dispatch: &Dispatch,
    rows: RowsOf<T>,
    id: u32,
    add: &NodeRef,
) -> Callback<()> {
    let (dispatch, add) = (dispatch.clone(), add.clone());
    Callback::from(move |()| {
        dispatch.dispatch(Change::new(move |form| rows(form).remove(id)));
        dom::focus(&add);
    })
}

/// What is told of a problem now: what is only unfinished waits until the form was sent once.
pub(super) fn told(problem: Option<Problem>, is_sent: bool) -> Option<Problem> {
    problem.filter(|problem| is_sent || !problem.is_unfinished())
}
