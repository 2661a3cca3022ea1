//! What is mounted into a container, mount by mount.

use estiva_shared::protocol::VolumeSummary;
use yew::prelude::*;

use super::row::{AddRow, Dispatch, RowFrame, changes, removal, told};
use crate::components::{Cell, Group};
use crate::hooks::{Load, use_locale, use_remote};
use crate::i18n::{RunTexts, fill};
use crate::services::{api, dom};
use crate::state::forms::Problem;
use crate::state::rows::Row;
use crate::state::run_form::mounts::{MountKind, MountRow, problems};
use crate::state::run_form::{Change, RunForm};

/// The id of the list of the store's volumes; one dialog is open at a time.
const VOLUMES: &str = "run-volumes";

/// The props of [`Mounts`].
#[derive(PartialEq, Properties)]
pub(super) struct MountsProps {
    /// The form.
    pub(super) form: UseReducerHandle<RunForm>,
    /// The form was sent once.
    pub(super) is_sent: bool,
}

/// The mounts.
#[component]
pub(super) fn Mounts(props: &MountsProps) -> Html {
    let locale = use_locale();
    let t = &locale.texts().run;
    let form = &props.form;
    let dispatch = form.dispatcher();
    let add = use_node_ref();
    let wants_volumes = form
        .mounts
        .values()
        .any(|row| row.kind == MountKind::Volume);
    // Where they can't be had, the name is typed.
    let volumes = use_remote(wants_volumes, |wanted| async move {
        if wanted {
            api::volumes().await
        } else {
            Ok(Vec::new())
        }
    });
    let on_add = {
        let dispatch = dispatch.clone();
        Callback::from(move |()| {
            dispatch.dispatch(Change::new(|form| form.mounts.add(MountRow::default())));
        })
    };
    let count = form.mounts.values().filter(|row| !row.is_empty()).count() as u64;
    let filled = (count > 0).then(|| locale.language.count(count, t.mounts));
    let rows = form.mounts.iter().enumerate().map(|(index, row)| {
        let said = problems(&form.mounts, row);
        html! {
            <MountFields key={row.id} row={row.clone()} number={index + 1} dispatch={dispatch.clone()} add={add.clone()}
                source={told(said.source, props.is_sent)} target={told(said.target, props.is_sent)} />
        }
    });
    html! {
        <Group title={t.group_mounts} note={t.group_mounts_note} {filled} testid="run-group-mounts">
            <p class="field-hint">{ t.mounts_hint }</p>
            if form.mounts.iter().len() > 0 { <div class="rows rows-mounts">{ for rows }</div> }
            <div class="rows-foot"><AddRow label={t.mount_add} node={add.clone()} {on_add} testid="run-mount-add" /></div>
            { volume_list(&volumes.load) }
        </Group>
    }
}

/// The volumes to choose from: those that somebody named.
fn volume_list(volumes: &Load<Vec<VolumeSummary>>) -> Html {
    let Load::Ready(volumes) = volumes else {
        return Html::default();
    };
    let named = volumes.iter().filter(|volume| !volume.anonymous);
    let options = named.map(|volume| html! { <option value={volume.name.clone()} /> });
    html! { <datalist id={VOLUMES}>{ for options }</datalist> }
}

#[derive(PartialEq, Properties)]
struct MountFieldsProps {
    row: Row<MountRow>,
    number: usize,
    dispatch: Dispatch,
    add: NodeRef,
    source: Option<Problem>,
    target: Option<Problem>,
}

#[component]
fn MountFields(props: &MountFieldsProps) -> Html {
    let t = &use_locale().texts().run;
    let (id, row) = (props.row.id, &props.row.value);
    let change = changes(&props.dispatch, |form| &mut form.mounts, id);
    let on_kind = change(|row, word| row.kind = MountKind::of_word(&word));
    let on_kind = Callback::from(move |event: Event| on_kind.emit(dom::value_of(&event)));
    let on_read_only = change(|row, ticked| row.read_only = !ticked.is_empty());
    let on_read_only = Callback::from(move |event: Event| {
        let ticked = if dom::is_checked(&event) { "yes" } else { "" };
        on_read_only.emit(ticked.to_owned());
    });
    let on_remove = removal(&props.dispatch, |form| &mut form.mounts, id, &props.add);
    let told_by = AttrValue::from(format!("run-mount-{id}-told"));
    let wrong = |is_wrong: bool| is_wrong.then(|| told_by.clone());
    let kinds = MountKind::ALL.map(|kind| {
        html! { <option value={kind.word()} selected={row.kind == kind}>{ kind_name(kind, t) }</option> }
    });
    let (label, placeholder) = match row.kind {
        MountKind::Volume => (t.mount_volume, t.mount_volume_hint),
        MountKind::Bind => (t.mount_source, "/srv/data"),
        MountKind::Tmpfs => (t.mount_size, t.mount_size_hint),
    };
    html! {
        <RowFrame label={format!("{} {}", t.group_mounts, props.number)} remove={fill(t.mount_remove, &[&props.number.to_string()])} {on_remove}
            problem={props.source.clone().or_else(|| props.target.clone())} told_by={told_by.clone()}>
            <label class="cell mount-kind"><span class="cell-label">{ t.mount_kind }</span>
                <select onchange={on_kind} data-testid="run-mount-kind">{ for kinds }</select></label>
            <Cell class="mount-source cell-code" {label} {placeholder} value={row.source_text().to_owned()} on_change={change(MountRow::set_source)}
                list={(row.kind == MountKind::Volume).then_some(VOLUMES)} wrong={wrong(props.source.is_some())}
                takes_focus={props.row.is_pressed_for} testid="run-mount-source" />
            <Cell class="mount-target cell-code" label={t.mount_target} placeholder="/data" value={row.target.clone()} on_change={change(|row, text| row.target = text)}
                wrong={wrong(props.target.is_some())} testid="run-mount-target" />
            if row.kind != MountKind::Tmpfs {
                <label class="check mount-read-only"><input type="checkbox" checked={row.read_only} onchange={on_read_only} data-testid="run-mount-read-only" />
                    { t.mount_read_only }</label>
            }
        </RowFrame>
    }
}

fn kind_name(kind: MountKind, t: &RunTexts) -> &'static str {
    match kind {
        MountKind::Volume => t.kind_volume,
        MountKind::Bind => t.kind_bind,
        MountKind::Tmpfs => t.kind_tmpfs,
    }
}
