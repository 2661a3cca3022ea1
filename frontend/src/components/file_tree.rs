//! A file tree: of one layer with what it did, or of the merged image. Only the rows in sight are in the document.

use estiva_shared::image::{Change, EntryKind};
use estiva_shared::text::escape_name;
use web_sys::KeyboardEvent;
use yew::prelude::*;

use super::{Icon, IconName, ShareBar, cargo_class};
use crate::hooks::{Locale, use_locale};
use crate::i18n::fill;
use crate::services::dom;
use crate::state::by_address::ByAddress;
use crate::state::tree::{ROW_PX, Tree, TreeAction, TreeView, mode_text, window};

/// Levels beyond this are not moved further to the right: there would be no room for names.
const INDENT_LEVELS_MAX: usize = 14;

/// The highest that the style sheet lets the list be, in pixels. Drawn for at any time: a list that is short now can grow
/// to it at one press.
const HEIGHT_PX_MAX: f64 = 640.0;

/// Pixels of indentation a level.
const INDENT_PX: usize = 14;

/// The props of [`FileTree`].
#[derive(PartialEq, Properties)]
pub struct FileTreeProps {
    /// The tree. A new one closes all folders that were opened.
    pub tree: ByAddress<Tree>,
    /// It is the merged image's: each path says which layer wrote it last.
    #[prop_or_default]
    pub merged: bool,
}

/// A file tree with a filter.
#[component]
pub fn FileTree(props: &FileTreeProps) -> Html {
    let locale = use_locale();
    let texts = locale.texts();
    let first = props.tree.clone();
    let view = use_reducer(move || TreeView::of(first));
    // By rows: a render for each pixel of scrolling would draw the same again.
    let scrolled_rows = use_state_eq(|| 0usize);
    let list = use_node_ref();
    {
        let (view, scrolled, list) = (view.clone(), scrolled_rows.setter(), list.clone());
        use_effect_with(props.tree.clone(), move |tree| {
            if view.tree != *tree {
                view.dispatch(TreeAction::Show(tree.clone()));
                dom::scroll_to(&list, 0.0);
                scrolled.set(0);
            }
        });
    }
    let onscroll = {
        let (scrolled, list) = (scrolled_rows.setter(), list.clone());
        Callback::from(move |_: Event| scrolled.set((dom::scroll_of(&list).0 / ROW_PX) as usize))
    };
    let onkeydown = keys(&view, &list);
    let rows = &view.rows;
    // One more than are seen when the first of them is cut off.
    let range = window(
        rows.len(),
        *scrolled_rows as f64 * ROW_PX,
        HEIGHT_PX_MAX + ROW_PX,
    );
    let (above, below) = (range.start, rows.len() - range.end);
    // A row that is scrolled out of sight is not in the document, so it can't be named.
    let active = range
        .contains(&view.at())
        .then(|| view.rows[view.at()].node);
    let table = Table {
        view: &view,
        merged: props.merged,
        locale: &locale,
    };
    let drawn = range.map(|at| draw(&table, at, active == Some(rows[at].node)));
    html! {
        <div class="tree">
            { tools(&view, props.merged, &locale) }
            if view.tree.shortened() > 0 {
                <p class="note note-warn" role="status">{ fill(texts.inspect.shortened, &[&locale.language.number(view.tree.shortened() as u64)]) }</p>
            }
            if rows.is_empty() {
                <p class="tree-none">{ if view.tree.is_empty() { texts.inspect.empty_layer } else { texts.inspect.no_match } }</p>
            }
            <div class="tree-list" ref={list} role="treegrid" tabindex="0" aria-label={texts.inspect.tree_label} aria-rowcount={rows.len().to_string()}
                aria-activedescendant={active.map(row_id)} {onscroll} {onkeydown}>
                { spacer(above) }{ for drawn }{ spacer(below) }
            </div>
        </div>
    }
}

/// The element of a node's row.
fn row_id(node: usize) -> String {
    format!("tree-row-{node}")
}

/// Keys go to the view, which knows what they mean; the row that they lead to is brought into sight.
fn keys(view: &UseReducerHandle<TreeView>, list: &NodeRef) -> Callback<KeyboardEvent> {
    let (view, list) = (view.clone(), list.clone());
    Callback::from(move |event: KeyboardEvent| {
        let with_others = event.ctrl_key() || event.alt_key() || event.meta_key();
        let (top, height) = dom::scroll_of(&list);
        let page_rows = (height / ROW_PX) as usize;
        let Some(action) = view
            .key(&event.key(), page_rows.saturating_sub(1).max(1))
            .filter(|_| !with_others)
        else {
            return;
        };
        event.prevent_default();
        if let TreeAction::Activate(node) = action {
            let place = view.row_of(node).unwrap_or_default() as f64 * ROW_PX;
            if place < top || place + ROW_PX > top + height {
                dom::scroll_to(&list, (place - height / 2.0).max(0.0));
            }
        }
        view.dispatch(action);
    })
}

fn tools(view: &UseReducerHandle<TreeView>, merged: bool, locale: &Locale) -> Html {
    let texts = locale.texts();
    let check = |action: fn(bool) -> TreeAction| {
        let view = view.dispatcher();
        Callback::from(move |event: Event| view.dispatch(action(dom::is_checked(&event))))
    };
    let filter = {
        let view = view.dispatcher();
        Callback::from(move |event: InputEvent| {
            view.dispatch(TreeAction::Filter(dom::value_of(&event)))
        })
    };
    let turn = {
        let view = view.dispatcher();
        Callback::from(move |_: MouseEvent| view.dispatch(TreeAction::TurnAll))
    };
    html! {
        <div class="tree-tools">
            <input type="search" class="tree-filter" placeholder={texts.inspect.filter} aria-label={texts.inspect.filter}
                value={view.filter.clone()} oninput={filter} />
            <label class="check"><input type="checkbox" checked={view.by_size} onchange={check(TreeAction::BySize)} />{ texts.inspect.by_size }</label>
            if !merged {
                <label class="check"><input type="checkbox" checked={view.only_changes} onchange={check(TreeAction::OnlyChanges)} />{ texts.inspect.only_changes }</label>
            }
            <button type="button" class="button button-small" disabled={!view.can_turn()} onclick={turn}>
                { if view.is_all_open() { texts.inspect.collapse_all } else { texts.inspect.expand_all } }
            </button>
            <span class="tree-count">{ locale.language.count(view.tree.len() as u64, texts.common.entries) }</span>
        </div>
    }
}

/// What all rows are drawn from.
struct Table<'a> {
    view: &'a UseReducerHandle<TreeView>,
    merged: bool,
    locale: &'a Locale,
}

fn draw(table: &Table, at: usize, active: bool) -> Html {
    let (view, locale) = (table.view, table.locale);
    let (texts, row) = (locale.texts(), view.rows[at]);
    let node = view.tree.node(row.node);
    let has_children = view.tree.has_children(row.node);
    let change = if table.merged { None } else { node.change };
    let (class, mark, word) = match change {
        Some(Change::Added) => ("is-added", "+", texts.inspect.added),
        Some(Change::Changed) => ("is-changed", "~", texts.inspect.changed),
        Some(Change::Removed) => ("is-removed", "−", texts.inspect.removed),
        None => ("", "", ""),
    };
    let folder = has_children || node.kind == EntryKind::Directory;
    let icon = match node.kind {
        _ if folder => IconName::Folder,
        EntryKind::Symlink | EntryKind::Hardlink => IconName::Link,
        _ => IconName::File,
    };
    let share = node.total_bytes as f64 / view.largest_bytes.max(1) as f64;
    let press = {
        let (view, node) = (view.dispatcher(), row.node);
        let action = if has_children {
            TreeAction::Toggle
        } else {
            TreeAction::Activate
        };
        move |_: MouseEvent| view.dispatch(action(node))
    };
    let path = escape_name(&view.tree.path(row.node)).into_owned();
    html! {
        <div role="row" id={row_id(row.node)} key={row.node} class={classes!("tree-row", class, active.then_some("is-active"))}
            data-testid="tree-row" aria-level={row.level.to_string()} aria-rowindex={(at + 1).to_string()} aria-selected={active.to_string()}
            aria-expanded={has_children.then(|| row.open.to_string())} onclick={press}>
            <span role="gridcell" class="tree-name">
                <svg class="indent" width={((row.level - 1).min(INDENT_LEVELS_MAX) * INDENT_PX).to_string()} height="1" aria-hidden="true" />
                <span class="tree-turn">
                    if has_children { <Icon name={IconName::Chevron} class={classes!(row.open.then_some("is-open"))} /> }
                </span>
                if !table.merged { <span class="tree-mark" title={word} aria-label={word}>{ mark }</span> }
                <Icon name={icon} class={if folder { "icon-folder" } else { "icon-file" }} />
                <span class="tree-text" title={path}>{ escape_name(&node.name).into_owned() }</span>
                if let Some(link) = &node.link { <span class="tree-link">{ format!("→ {}", escape_name(link)) }</span> }
                if node.opaque { <span class="pill pill-warn" title={texts.inspect.opaque}>{ texts.inspect.opaque_word }</span> }
            </span>
            <span role="gridcell" class="tree-mode mono">{ mode_text(node.mode) }</span>
            <span role="gridcell" class="tree-owner mono">{ format!("{}:{}", node.owner.0, node.owner.1) }</span>
            if table.merged { { layer_cell(node.layer, locale) } }
            <span role="gridcell" class="tree-bar"><ShareBar {share} /></span>
            <span role="gridcell" class="tree-size">{ locale.language.bytes(node.total_bytes) }</span>
        </div>
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

/// Room for rows that are not drawn. An SVG has its height as an attribute, which the content security policy allows.
fn spacer(rows: usize) -> Html {
    let height = (rows as f64 * ROW_PX).to_string();
    html! { <svg class="spacer" width="1" {height} role="presentation" /> }
}
