//! An image's files as a tree grid. The tree is the worker's; here are the rows in sight, of which alone there are elements.

mod details;
mod row;
mod tools;

use estiva_shared::image::{Change, LeftOut};
use web_sys::KeyboardEvent;
use yew::prelude::*;

use self::details::Details;
use self::row::{Row, row_id};

pub(super) use self::row::{change_mark, kind_word};
use self::tools::Tools;
use super::{FilePlace, Icon, IconName, Loading};
use crate::hooks::{FilesHandle, PlaceHandle, Ticks, use_files, use_locale, use_ticks};
use crate::i18n::fill;
use crate::services::analyser::{ContentsAsk, FilesAsk};
use crate::services::{dom, timer};
use crate::state::by_address::ByAddress;
use crate::state::place::{Place, Way};
use estiva_worker::summary::Summary;
use estiva_worker::tree::{Act, Active, Order, ROW_PX, Scroll, Sight};

/// The highest that the style sheet lets the list be, in pixels. Drawn for at any time: a list that is short now can grow
/// to it at one press.
const HEIGHT_PX_MAX: f64 = 640.0;

/// So many rows before the window ends, the next one is asked for.
const ROWS_AHEAD: usize = 40;

/// Letters that follow each other within so many milliseconds are one word.
const WORD_MS: u64 = 600;

/// Rows take turns on as many elements as are drawn at most: changing one costs less than making it, and leaving it where it is less than
/// moving it.
#[derive(Clone, Copy, Default)]
struct Turns {
    /// The row that is drawn first.
    first: usize,
    /// What its number and this come to, modulo `elements`, is its element's.
    shift: usize,
    elements: usize,
}

impl Turns {
    /// With another row as the first. Where none of the rows stays, each element stays in its place.
    fn turned(&mut self, first: usize, elements: usize) -> Self {
        if elements != self.elements {
            *self = Self {
                first,
                shift: 0,
                elements,
            };
        } else if first.abs_diff(self.first) >= elements {
            self.shift = (self.element(self.first) + elements - first % elements) % elements;
        }
        self.first = first;
        *self
    }

    fn element(&self, row: usize) -> usize {
        (row + self.shift) % self.elements.max(1)
    }
}

/// The props of [`FileTree`].
#[derive(PartialEq, Properties)]
pub struct FileTreeProps {
    /// The image.
    pub image: ByAddress<Summary>,
    /// What is looked at.
    pub place: PlaceHandle,
    /// The way to its files.
    pub files: Callback<FilesAsk>,
    /// The way to what is in them.
    #[prop_or_default]
    pub contents: Callback<ContentsAsk>,
    /// A file is to be looked into.
    #[prop_or_default]
    pub on_open: Callback<FilePlace>,
}

/// An image's files at a layer.
#[component]
pub fn FileTree(props: &FileTreeProps) -> Html {
    let locale = use_locale();
    let (t, v) = (&locale.texts().inspect, &locale.texts().views);
    let place = &props.place.place;
    let look = place.look(props.image.image.layers.len());
    let ticks = use_ticks();
    let has_boxes = ticks.ticked.is_some();
    let files = use_files(props.image.clone(), look, has_boxes, props.files.clone());
    let list = use_node_ref();
    let scrolled_px = use_state_eq(|| 0.0f64);
    let turns = use_mut_ref(Turns::default);
    use_arrival(&props.place, &files, &list);
    use_chosen_path(&props.place, &files);
    let onkeydown = use_keys(&files, &list, &ticks);
    let on_open = use_opening(props, &files);
    let Some(sight) = files.sight.clone() else {
        return match &files.failure {
            Some(failure) => failed(&fill(t.tree_failed, &[failure])),
            None => html! { <Loading text={t.tree_loading} /> },
        };
    };
    let scroll = Scroll {
        rows: sight.rows,
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
    let (range, above_px) = scroll.drawn(*scrolled_px);
    let turns = turns.borrow_mut().turned(range.start, scroll.drawn_max());
    let loaded = sight.start..sight.start + sight.window.len();
    let below_px = scroll.height_px() - above_px - range.len() as f64 * ROW_PX;
    let active = sight.active.as_ref().map(|active| active.node);
    let drawn = range.clone().filter(|at| loaded.contains(at)).map(|at| {
        let row = &sight.window[at - sight.start];
        html! {
            <Row key={turns.element(at)} row={row.clone()} {at} is_active={active == Some(row.node)}
                largest_bytes={sight.largest_bytes} act={files.act.clone()} />
        }
    });
    let missing_px = range.clone().filter(|at| *at < loaded.start).count() as f64 * ROW_PX;
    // A row that is scrolled out of sight is not in the document, so it can't be named.
    let named = sight
        .active
        .as_ref()
        .filter(|active| range.contains(&active.at) && loaded.contains(&active.at));
    html! {
        <div class="tree">
            <Tools image={props.image.clone()} place={props.place.clone()} sight={sight.clone()} act={files.act.clone()} />
            if let Some(failure) = &files.failure { { failed(&fill(t.tree_failed, &[failure])) } }
            if sight.shortened > 0 {
                <p class="note note-warn" role="status">{ fill(t.shortened, &[&locale.language.number(sight.shortened as u64)]) }</p>
            }
            <div class="tree-list" ref={list.clone()} role="treegrid" tabindex="0" aria-label={t.tree_label} data-testid="tree"
                aria-rowcount={(sight.rows + 1).to_string()} aria-activedescendant={named.map(|active| row_id(active.node))}
                {onscroll} {onkeydown}>
                { head(&props.place, &locale) }
                <div role="rowgroup" class="tree-rows">
                    { spacer(above_px + missing_px) }{ for drawn }{ spacer(below_px) }
                </div>
            </div>
            if sight.rows == 0 {
                <p class="tree-none">{ if sight.found.is_some() { v.none_found } else { v.no_files } }</p>
            }
            <Watch list={list} sight={sight.clone()} {scroll} {range} show={files.show.clone()} />
            if let Some(active) = &sight.active {
                <Details active={active.clone()} place={props.place.clone()} contents={props.contents.clone()} opening={Opening::of(active.clone(), Some(sight.look.layer))} {on_open} />
             }
        </div>
    }
}

/// Brings the path of the address into sight when one arrives there from elsewhere.
#[hook]
fn use_arrival(place: &PlaceHandle, files: &FilesHandle, list: &NodeRef) {
    let (path, act, list) = (place.place.path.clone(), files.act.clone(), list.clone());
    let is_there = files.sight.is_some();
    let arrived = use_mut_ref(|| None::<u32>);
    use_effect_with((place.arrival, is_there), move |(arrival, is_there)| {
        if !*is_there || arrived.replace(Some(*arrival)) == Some(*arrival) {
            return;
        }
        if !path.is_empty() {
            act.emit(Act::Reveal { path });
        }
        // What led here is gone, and took the keyboard's focus with it.
        if *arrival > 0 && dom::nothing_is_focused() {
            dom::focus(&list);
        }
    });
}

/// Writes the path that the keyboard is led to into the address.
#[hook]
fn use_chosen_path(place: &PlaceHandle, files: &FilesHandle) {
    let (now, go) = (place.place.clone(), place.go.clone());
    let chosen = files.sight.as_ref().filter(|sight| sight.moved);
    let chosen = chosen
        .and_then(|sight| sight.active.as_ref())
        .map(|active| active.path.clone());
    use_effect_with(chosen, move |chosen| {
        if let Some(path) = chosen {
            go.emit((
                Place {
                    path: path.clone(),
                    ..now
                },
                Way::Quiet,
            ));
        }
    });
}

/// Opens a file that was asked to be looked into, by its row's button or by Enter: as it is after the layer, or before the one
/// that removed it.
#[hook]
fn use_opening(props: &FileTreeProps, files: &FilesHandle) -> Callback<Opening> {
    let (on_open, layer) = (props.on_open.clone(), props.place.place.layer);
    let look = files.sight.as_ref().map(|sight| sight.look.layer);
    // The same from render to render: rows that did not change are not drawn anew.
    let newest = use_mut_ref(|| (on_open.clone(), layer, look));
    *newest.borrow_mut() = (on_open, layer, look);
    let open = use_callback((), move |opening: Opening, ()| {
        let (on_open, layer, look) = newest.borrow().clone();
        let layer = match opening.is_removed {
            true => look.and_then(|look| look.checked_sub(1)),
            false => layer,
        };
        on_open.emit(FilePlace {
            layer,
            path: opening.path.into(),
        });
    });
    let (sight, by_key) = (files.sight.clone(), open.clone());
    use_effect_with(sight, move |sight| {
        let active = sight.as_ref().filter(|sight| sight.opened);
        if let Some(active) = active.and_then(|sight| sight.active.clone()) {
            by_key.emit(Opening::of(active, look));
        }
    });
    open
}

/// A file that is to be looked into.
#[derive(Clone, Debug, PartialEq)]
struct Opening {
    path: String,
    /// The layer that is looked at removed it.
    is_removed: bool,
}

impl Opening {
    fn of(active: Active, look: Option<usize>) -> Self {
        let mut here = active.steps.iter().filter(|step| Some(step.layer) == look);
        Self {
            is_removed: here.any(|step| step.change == Change::Removed),
            path: active.path,
        }
    }
}

/// Keys go to the tree, which knows what they mean.
#[hook]
fn use_keys(files: &FilesHandle, list: &NodeRef, ticks: &Ticks) -> Callback<KeyboardEvent> {
    let typed = use_mut_ref(|| (String::new(), 0u64));
    let (act, list) = (files.act.clone(), list.clone());
    // Where there are boxes, the space bar turns the one of the row that the keyboard is on.
    let ticks = ticks.ticked.is_some().then(|| ticks.turn.clone());
    let sight = files.sight.clone();
    Callback::from(move |event: KeyboardEvent| {
        // Not those of a button in the head.
        if event.ctrl_key() || event.alt_key() || event.meta_key() || !dom::is_on(&event, &list) {
            return;
        }
        let key = event.key();
        let now = timer::now_ms();
        let mut typed = typed.borrow_mut();
        let is_word = now < typed.1 + WORD_MS && !typed.0.is_empty();
        match key.as_str() {
            " " if is_word => {}
            " " if ticks.is_some() => {
                event.prevent_default();
                let active = sight.as_ref().and_then(|sight| sight.active.as_ref());
                if let (Some(turn), Some(active)) = (&ticks, active) {
                    turn.emit(LeftOut::Path(active.path.clone()));
                }
                return;
            }
            "ArrowDown" | "ArrowUp" | "ArrowLeft" | "ArrowRight" | "Home" | "End" | "PageUp"
            | "PageDown" | "Enter" | " " => {
                event.prevent_default();
                let page_rows = (dom::scroll_of(&list).1.min(HEIGHT_PX_MAX) / ROW_PX) as usize;
                let page_rows = page_rows.saturating_sub(2).max(1);
                typed.0.clear();
                return act.emit(Act::Key { key, page_rows });
            }
            other if other.chars().count() == 1 => {}
            _ => return,
        }
        event.prevent_default();
        if !is_word {
            typed.0.clear();
        }
        typed.0.push_str(&key);
        typed.1 = now;
        act.emit(Act::TypeAhead {
            start: typed.0.clone(),
        });
    })
}

/// The names of the columns; two of them sort.
fn head(place: &PlaceHandle, locale: &crate::hooks::Locale) -> Html {
    let (t, v) = (&locale.texts().inspect, &locale.texts().views);
    let sorted = |order: Order, name: &'static str, class: &'static str| {
        let is_sorted = place.place.order == order;
        let direction = if order == Order::Name {
            "ascending"
        } else {
            "descending"
        };
        let (go, next) = (
            place.go.clone(),
            Place {
                order,
                ..place.place.clone()
            },
        );
        html! {
            <span role="columnheader" class={class} aria-sort={if is_sorted { direction } else { "none" }}>
                <button type="button" class="tree-sort" title={fill(v.sort_by, &[name])} data-testid={class}
                    onclick={move |_| go.emit((next.clone(), Way::Quiet))}>
                    { name }
                    if is_sorted { <span aria-hidden="true">{ if order == Order::Name { " ↑" } else { " ↓" } }</span> }
                </button>
            </span>
        }
    };
    html! {
        <div role="rowgroup" class="tree-head">
            <div role="row" class="tree-row" aria-rowindex="1">
                { sorted(Order::Name, t.column_name, "tree-name") }
                <span role="columnheader" class="tree-kind">{ v.column_kind }</span>
                <span role="columnheader" class="tree-mode">{ t.column_mode }</span>
                <span role="columnheader" class="tree-owner">{ t.column_owner }</span>
                <span role="columnheader" class="tree-layer-head">{ v.column_layer }</span>
                { sorted(Order::Size, t.column_size, "tree-size") }
            </div>
        </div>
    }
}

fn failed(message: &str) -> Html {
    html! { <p class="notice notice-error" role="alert"><Icon name={IconName::Warning} />{ message.to_owned() }</p> }
}

/// Room for rows that are not drawn. An SVG has its height as an attribute, which the content security policy allows.
fn spacer(height_px: f64) -> Html {
    html! { <svg class="spacer" width="1" height={height_px.max(0.0).to_string()} role="presentation" aria-hidden="true" /> }
}

#[derive(PartialEq, Properties)]
struct WatchProps {
    list: NodeRef,
    sight: ByAddress<Sight>,
    scroll: Scroll,
    range: std::ops::Range<usize>,
    show: Callback<usize>,
}

/// Draws nothing: scrolls to the row that the keyboard went to, and asks for rows before they are scrolled to.
#[component]
fn Watch(props: &WatchProps) -> Html {
    {
        let (list, scroll) = (props.list.clone(), props.scroll);
        use_effect_with(props.sight.clone(), move |sight| {
            let Some(active) = sight.active.as_ref().filter(|_| sight.moved) else {
                return;
            };
            let (top_px, height_px) = dom::scroll_of(&list);
            // The head covers one row.
            let seen_px = (height_px - ROW_PX).clamp(ROW_PX, HEIGHT_PX_MAX);
            if let Some(row) = scroll.follow(top_px, seen_px, active.at) {
                dom::scroll_to(&list, scroll.top_of(row));
            }
        });
    }
    {
        let show = props.show.clone();
        let (first, last) = (props.range.start, props.range.end);
        use_effect_with(
            (first, last, props.sight.clone()),
            move |(first, last, sight)| {
                let (start, end) = (sight.start, sight.start + sight.window.len());
                let is_above = start > 0 && *first < start + ROWS_AHEAD;
                let is_below = end < sight.rows && last + ROWS_AHEAD > end;
                if (is_above || is_below) && first < last {
                    show.emit((first + last) / 2);
                }
            },
        );
    }
    Html::default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_row_that_stays_keeps_its_element_and_a_jump_moves_none() {
        let mut turns = Turns::default();
        let at_first = turns.turned(0, 36);
        let (tenth, first) = (at_first.element(10), at_first.element(0));
        let scrolled = turns.turned(5, 36);
        assert_eq!(scrolled.element(10), tenth);
        let before: Vec<_> = (5..41).map(|row| scrolled.element(row)).collect();
        for jump in [100, 1_000_003, 7] {
            let jumped = turns.turned(jump, 36);
            let after: Vec<_> = (jump..jump + 36).map(|row| jumped.element(row)).collect();
            assert_eq!(after, before, "to {jump}");
        }
        assert_ne!(first, scrolled.element(5));
    }
}
