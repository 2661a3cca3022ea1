//! One row of the tree grid. It is drawn anew only where it changed, so that scrolling draws the rows that come.

use estiva_shared::image::{Change, EntryKind, LeftOut};
use estiva_shared::text::escape_name;
use web_sys::MouseEvent;
use yew::prelude::*;

use crate::components::{IconName, TickBox, cargo_class, icon, share_bar};
use crate::hooks::{Locale, use_locale};
use crate::i18n::{ViewTexts, fill};
use estiva_worker::tree::{Act, SightRow, mode_text};

/// Levels beyond this are not moved further to the right: there would be no room for names.
const INDENT_LEVELS_MAX: usize = 14;

/// Pixels of indentation a level.
const INDENT_PX: usize = 14;

/// The element of a path's row.
pub(super) fn row_id(node: usize) -> String {
    format!("tree-row-{node}")
}

/// The props of [`Row`].
#[derive(PartialEq, Properties)]
pub(super) struct RowProps {
    pub(super) row: SightRow,
    pub(super) at: usize,
    pub(super) is_active: bool,
    pub(super) largest_bytes: u64,
    pub(super) act: Callback<Act>,
}

/// A row.
#[component]
pub(super) fn Row(props: &RowProps) -> Html {
    let locale = use_locale();
    let texts = locale.texts();
    let row = &props.row;
    let node = row.node;
    let (class, mark, word) = change_mark(row.change, &locale);
    let is_folder = row.open.is_some() || row.kind == EntryKind::Directory;
    let picture = match row.kind {
        _ if is_folder => IconName::Folder,
        EntryKind::Symlink | EntryKind::Hardlink => IconName::Link,
        _ => IconName::File,
    };
    let press = {
        let act = props.act.clone();
        let has_below = row.open.is_some();
        move |_: MouseEvent| {
            act.emit(if has_below {
                Act::Toggle { node }
            } else {
                Act::Select { node }
            })
        }
    };
    let look_inside = {
        let act = props.act.clone();
        move |event: MouseEvent| {
            event.stop_propagation();
            act.emit(Act::Select { node });
            // As the key does, which a press of the mouse stands for here.
            act.emit(Act::Key {
                key: "Enter".into(),
                page_rows: 1,
            });
        }
    };
    let name = escape_name(&row.name).into_owned();
    let share = row.total_bytes as f64 / props.largest_bytes.max(1) as f64;
    let entry = row.entry.as_ref();
    let classes = classes!(
        "tree-row",
        class,
        props.is_active.then_some("is-active"),
        row.is_found.then_some("is-found")
    );
    html! {
        <div role="row" id={row_id(node)} class={classes} data-testid="tree-row" aria-level={row.level.to_string()}
            aria-posinset={row.place.0.to_string()} aria-setsize={row.place.1.to_string()} aria-rowindex={(props.at + 2).to_string()}
            aria-selected={props.is_active.to_string()} aria-expanded={row.open.map(|open| open.to_string())} onclick={press} ondblclick={(!is_folder).then(|| Callback::from(look_inside.clone()))}>
            <span role="gridcell" class="tree-name">
                if let Some(path) = &row.path { <TickBox one={LeftOut::Path(path.clone())} name={format!("/{}", escape_name(path))} unreached=true /> }
                <svg class="indent" width={((row.level - 1).min(INDENT_LEVELS_MAX) * INDENT_PX).to_string()} height="1" aria-hidden="true" />
                <span class="tree-turn">
                    if let Some(open) = row.open { { icon(IconName::Chevron, &classes!(open.then_some("is-open"))) } }
                </span>
                <span class="tree-mark" title={word} aria-hidden="true">{ mark }</span>
                if !word.is_empty() { <span class="visually-hidden">{ word }{ " " }</span> }
                { icon(picture, &classes!(if is_folder { "icon-folder" } else { "icon-file" })) }
                <span class="tree-text" title={name.clone()}>{ name.clone() }</span>
                if let Some(link) = entry.and_then(|entry| entry.link.as_ref()) { <span class="tree-link">{ format!("→ {}", escape_name(link)) }</span> }
                if entry.is_some_and(|entry| entry.opaque) { <span class="pill pill-warn" title={texts.inspect.opaque}>{ texts.inspect.opaque_word }</span> }
                if !is_folder {
                    // No stop of the keyboard: Enter does the same.
                    <button type="button" class="tree-open" tabindex="-1" title={texts.file.open} aria-label={fill(texts.file.open_named, &[&name])}
                        data-testid="open-file" onclick={look_inside.clone()}>{ icon(IconName::Inspect, &Classes::new()) }</button>
                }
            </span>
            <span role="gridcell" class="tree-kind">{ kind_word(row.kind, &texts.views) }</span>
            <span role="gridcell" class="tree-mode mono">{ entry.map(|entry| mode_text(entry.mode)) }</span>
            <span role="gridcell" class="tree-owner mono">{ entry.map(|entry| format!("{}:{}", entry.owner.0, entry.owner.1)) }</span>
            { layer_cell(entry.map(|entry| entry.layer), &locale) }
            <span role="gridcell" class="tree-size">{ share_bar(share, &Classes::new()) }<span>{ locale.language.bytes(row.total_bytes) }</span></span>
        </div>
    }
}

/// What a kind is called.
pub(in crate::components) fn kind_word(kind: EntryKind, v: &ViewTexts) -> &'static str {
    match kind {
        EntryKind::File => v.kind_file,
        EntryKind::Directory => v.kind_folder,
        EntryKind::Symlink => v.kind_link,
        EntryKind::Hardlink => v.kind_hardlink,
        EntryKind::CharDevice | EntryKind::BlockDevice => v.kind_device,
        EntryKind::Fifo => v.kind_pipe,
    }
}

/// The class, sign and word of a change.
pub(in crate::components) fn change_mark(
    change: Option<Change>,
    locale: &Locale,
) -> (&'static str, &'static str, &'static str) {
    let t = &locale.texts().inspect;
    match change {
        Some(Change::Added) => ("is-added", "+", t.added),
        Some(Change::Changed) => ("is-changed", "~", t.changed),
        Some(Change::Removed) => ("is-removed", "−", t.removed),
        None => ("", "", ""),
    }
}

/// The layer that last wrote a path. Drawn, empty, for a folder that no entry names too: the columns are counted.
fn layer_cell(layer: Option<usize>, locale: &Locale) -> Html {
    let Some(layer) = layer else {
        return html! { <span role="gridcell" class="tree-layer"></span> };
    };
    let title = fill(locale.texts().inspect.from_layer, &[&layer.to_string()]);
    html! { <span role="gridcell" class={classes!("tree-layer", cargo_class(layer))} {title}>{ layer }</span> }
}
