//! The files that differ between two images as a tree grid. Only the rows in sight are in the document.

use estiva_shared::image::{Aspect, Change, EntryKind};
use estiva_shared::text::escape_name;
use web_sys::KeyboardEvent;
use yew::prelude::*;

use super::{Icon, IconName, ShareBar};
use crate::hooks::{Locale, use_locale};
use crate::i18n::{Texts, fill};
use crate::services::dom;
use crate::state::by_address::ByAddress;
use crate::state::difference_view::{TreeAction, TreeView};
use estiva_worker::difference_tree::{DifferenceTree, Node};
use estiva_worker::tree::{ROW_PX, Scroll, mode_text};

/// Levels beyond this are not moved further to the right: there would be no room for names.
const INDENT_LEVELS_MAX: usize = 14;

/// The highest that the style sheet lets the list be, in pixels. Drawn for at any time: a list that is short now can grow
/// to it at one press.
const HEIGHT_PX_MAX: f64 = 640.0;

/// Pixels of indentation a level.
const INDENT_PX: usize = 14;

/// The props of [`DifferenceGrid`].
#[derive(PartialEq, Properties)]
pub struct DifferenceGridProps {
    /// The tree. A new one closes all folders that were opened.
    pub tree: ByAddress<DifferenceTree>,
}

/// The files that differ, with a filter. Each path says what of it does.
#[component]
pub fn DifferenceGrid(props: &DifferenceGridProps) -> Html {
    let locale = use_locale();
    let texts = locale.texts();
    let first = props.tree.clone();
    let view = use_reducer(move || TreeView::of(first));
    let scrolled_px = use_state_eq(|| 0.0f64);
    let list = use_node_ref();
    {
        let (view, scrolled, list) = (view.clone(), scrolled_px.setter(), list.clone());
        use_effect_with(props.tree.clone(), move |tree| {
            if view.tree != *tree {
                view.dispatch(TreeAction::Show(tree.clone()));
                dom::scroll_to(&list, 0.0);
                scrolled.set(0.0);
            }
        });
    }
    let rows = &view.rows;
    let scroll = Scroll {
        rows: rows.len(),
        seen_px: HEIGHT_PX_MAX,
    };
    let onscroll = {
        let (scrolled, list) = (scrolled_px.setter(), list.clone());
        // By rows, where a row has its own place: a render for each pixel would draw the same again.
        let by_rows = !scroll.is_long();
        Callback::from(move |_: Event| {
            let top = dom::scroll_of(&list).0;
            scrolled.set(if by_rows {
                (top / ROW_PX).floor() * ROW_PX
            } else {
                top
            });
        })
    };
    let onkeydown = keys(&view, &list, scroll);
    let (range, above_px) = scroll.drawn(*scrolled_px);
    let below_px = scroll.height_px() - above_px - range.len() as f64 * ROW_PX;
    // A row that is scrolled out of sight is not in the document, so it can't be named.
    let active = range
        .contains(&view.at())
        .then(|| view.rows[view.at()].node);
    let drawn = range.map(|at| draw(&view, at, active == Some(rows[at].node), &locale));
    html! {
        <div class="tree tree-differences">
            { tools(&view, &locale) }
            if view.tree.shortened() > 0 {
                <p class="note note-warn" role="status">{ fill(texts.inspect.shortened, &[&locale.language.number(view.tree.shortened() as u64)]) }</p>
            }
            if rows.is_empty() {
                <p class="tree-none">{ texts.inspect.no_match }</p>
            }
            <div class="tree-list" ref={list} role="treegrid" tabindex="0" aria-label={texts.inspect.tree_label} data-testid="tree" aria-rowcount={rows.len().to_string()}
                aria-activedescendant={active.map(row_id)} {onscroll} {onkeydown}>
                { spacer(above_px) }{ for drawn }{ spacer(below_px) }
            </div>
        </div>
    }
}

/// The element of a node's row.
fn row_id(node: usize) -> String {
    format!("difference-{node}")
}

/// Keys go to the view, which knows what they mean; the row that they lead to is brought into sight.
fn keys(
    view: &UseReducerHandle<TreeView>,
    list: &NodeRef,
    scroll: Scroll,
) -> Callback<KeyboardEvent> {
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
            let row = view.row_of(node).unwrap_or_default();
            let seen_px = height.clamp(ROW_PX, HEIGHT_PX_MAX);
            if let Some(first) = scroll.follow(top, seen_px, row) {
                dom::scroll_to(&list, scroll.top_of(first));
            }
        }
        view.dispatch(action);
    })
}

fn tools(view: &UseReducerHandle<TreeView>, locale: &Locale) -> Html {
    let texts = locale.texts();
    let by_size = {
        let view = view.dispatcher();
        Callback::from(move |event: Event| {
            view.dispatch(TreeAction::BySize(dom::is_checked(&event)))
        })
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
            <label class="check"><input type="checkbox" checked={view.by_size} onchange={by_size} />{ texts.inspect.by_size }</label>
            <button type="button" class="button button-small" disabled={!view.can_turn()} onclick={turn}>
                { if view.is_all_open() { texts.inspect.collapse_all } else { texts.inspect.expand_all } }
            </button>
            <span class="tree-count">{ locale.language.count(view.tree.len() as u64, texts.common.entries) }</span>
        </div>
    }
}

fn draw(view: &UseReducerHandle<TreeView>, at: usize, active: bool, locale: &Locale) -> Html {
    let (texts, row) = (locale.texts(), view.rows[at]);
    let node = view.tree.node(row.node);
    let has_children = view.tree.has_children(row.node);
    let (class, mark, word) = match node.change {
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
                <span class="tree-mark" title={word} aria-label={word}>{ mark }</span>
                <Icon name={icon} class={if folder { "icon-folder" } else { "icon-file" }} />
                <span class="tree-text" title={path}>{ escape_name(&node.name).into_owned() }</span>
                if let Some(link) = &node.link { <span class="tree-link">{ format!("→ {}", escape_name(link)) }</span> }
                if !node.aspects.is_empty() { <span class="tree-aspects">{ aspects(node, texts) }</span> }
            </span>
            <span role="gridcell" class="tree-mode mono">{ mode_text(node.mode) }</span>
            <span role="gridcell" class="tree-owner mono">{ format!("{}:{}", node.owner.0, node.owner.1) }</span>
            <span role="gridcell" class="tree-size"><ShareBar {share} /><span>{ locale.language.bytes(node.total_bytes) }</span></span>
        </div>
    }
}

/// What of a path differs, in words.
fn aspects(node: &Node, texts: &Texts) -> String {
    let t = &texts.compare;
    let words = node.aspects.iter().map(|aspect| match aspect {
        Aspect::Kind => t.aspect_kind,
        Aspect::Content => t.aspect_content,
        Aspect::Mode => t.aspect_mode,
        Aspect::Owner => t.aspect_owner,
        Aspect::Mtime => t.aspect_mtime,
        Aspect::Link => t.aspect_link,
    });
    words.collect::<Vec<_>>().join(", ")
}

/// Room for rows that are not drawn. An SVG has its height as an attribute, which the content security policy allows.
fn spacer(height_px: f64) -> Html {
    let height = height_px.max(0.0).to_string();
    html! { <svg class="spacer" width="1" {height} role="presentation" /> }
}
