//! A file as text: its lines in colours, wrapped or not, searched, and as much of it as is wished for.

use std::rc::Rc;

use estiva_shared::image::view::Encoding;
use estiva_shared::image::view::highlight::{Language, Paint};
use estiva_shared::text::escape_name;
use web_sys::KeyboardEvent;
use yew::prelude::*;

use super::rows::{CodeRows, Drawn, GoTo};
use super::unread;
use crate::components::{CopyButton, Icon, IconName, Loading};
use crate::hooks::{FileSource, PlaceHandle, use_beginning, use_locale};
use crate::i18n::fill;
use crate::services::dom;
use crate::state::by_address::ByAddress;
use crate::state::file_view::{
    Document, Find, PLAIN_COLUMNS, TEXT_BYTES_MAX, TEXT_STEP_BYTES, TextRow, line_of,
};
use crate::state::place::{Place, Way};

/// Letters of the line that a letter's width is measured with.
const MEASURED: usize = 50;

/// The columns that the line numbers and the room around them take.
const MARGIN_COLUMNS: usize = 9;

/// Fewest columns of a wrapped row.
const COLUMNS_MIN: usize = 20;

/// Below so many columns lines are wrapped at first.
const NARROW_COLUMNS: usize = 80;

/// The props of [`TextPanel`].
#[derive(PartialEq, Properties)]
pub(super) struct TextPanelProps {
    pub(super) source: FileSource,
    pub(super) place: PlaceHandle,
    pub(super) encoding: Encoding,
    pub(super) language: Language,
}

/// The columns that there is room for, measured when it is drawn and when the window changes.
#[hook]
fn use_columns(list: &NodeRef, is_there: bool) -> (NodeRef, Option<usize>) {
    let letters = use_node_ref();
    let columns = use_state_eq(|| None::<usize>);
    {
        let (list, letters, columns) = (list.clone(), letters.clone(), columns.setter());
        use_effect_with(is_there, move |_| {
            let measure = move || {
                let letter_px = dom::width_of(&letters) / MEASURED as f64;
                let room_px = dom::width_of(&list);
                if letter_px > 0.0 && room_px > 0.0 {
                    let fit = (room_px / letter_px) as usize;
                    columns.set(Some(fit.saturating_sub(MARGIN_COLUMNS).max(COLUMNS_MIN)));
                }
            };
            measure();
            let listener = dom::on_resize(measure);
            move || drop(listener)
        });
    }
    (letters, *columns)
}

/// A file as text.
#[component]
pub(super) fn TextPanel(props: &TextPanelProps) -> Html {
    let locale = use_locale();
    let (t, language) = (&locale.texts().file, locale.language);
    let upto = use_state_eq(|| TEXT_STEP_BYTES);
    let beginning = use_beginning(Some(props.source.clone()), *upto);
    let (encoding, grammar) = (props.encoding, props.language);
    let document = use_memo(
        (beginning.bytes.clone(), beginning.is_all()),
        |(bytes, is_all)| {
            let bytes = bytes.as_ref();
            let document = bytes.map(|bytes| Document::of(bytes, encoding, grammar, *is_all));
            ByAddress::new(document)
        },
    );
    let document = (*document).clone();
    let list = use_node_ref();
    let (letters, room) = use_columns(&list, document.as_ref().is_some());
    let wraps = use_state_eq(|| None::<bool>);
    let wraps_now = wraps.unwrap_or(room.is_some_and(|columns| columns < NARROW_COLUMNS));
    let columns = room.filter(|_| wraps_now).unwrap_or(PLAIN_COLUMNS);
    let rows = use_memo((document.clone(), columns), |(document, columns)| {
        let document = document.as_ref();
        document
            .map(|document| document.rows(*columns))
            .unwrap_or_default()
    });
    let wanted = use_state(String::new);
    let find = use_memo(
        (document.clone(), (*wanted).clone()),
        |(document, wanted)| {
            let document = document.as_ref();
            document
                .map(|document| document.find(wanted))
                .unwrap_or_default()
        },
    );
    let go = use_go(&props.place);
    let Some(text) = document.as_ref() else {
        return match &beginning.failure {
            Some(message) => unread(message, &locale),
            None => html! { <Loading text={t.loading} /> },
        };
    };
    let active = row_of(&rows, props.place.place.at);
    let draw = {
        let (document, rows, find) = (document.clone(), rows.clone(), find.clone());
        Callback::from(move |at: usize| draw_row(&document, rows.get(at), &find))
    };
    let on_active = {
        let (rows, go) = (rows.clone(), go.clone());
        Callback::from(move |at: usize| {
            if let Some(row) = rows.get(at) {
                go.emit(row.line);
            }
        })
    };
    let on_go = {
        let (go, lines) = (go.clone(), text.lines());
        Callback::from(move |text: String| {
            line_of(&text, lines).map(|line| go.emit(line)).is_some()
        })
    };
    let toggle = {
        let wraps = wraps.setter();
        Callback::from(move |event: Event| wraps.set(Some(dom::is_checked(&event))))
    };
    let more = {
        let (upto, more) = (upto.setter(), (*upto + TEXT_STEP_BYTES).min(TEXT_BYTES_MAX));
        Callback::from(move |_: MouseEvent| upto.set(more))
    };
    let (shown, measured) = (language.bytes(*upto), "x".repeat(MEASURED));
    html! {
        <div class="code">
            <div class="code-tools">
                <Finder find={find.clone()} on_text={{ let wanted = wanted.setter(); Callback::from(move |text| wanted.set(text)) }} go={go.clone()} />
                <GoTo label={t.go_line} action={t.go} expected={t.go_wrong_line} {on_go} testid="go-line" />
                <label class="check"><input type="checkbox" checked={wraps_now} onchange={toggle} data-testid="wrap" />{ t.wrap }</label>
                <CopyButton text={text.text().to_owned()} />
            </div>
            <p class="code-facts muted">
                { encoding.name() }
                if let Some(name) = props.language.name() { { " · " }{ name } }
                { " · " }{ language.count(text.lines() as u64, t.lines) }
                if text.has_crlf() { { " · " }{ t.crlf } }
            </p>
            if text.text().is_empty() {
                <p class="tree-none">{ t.empty }</p>
            } else {
                <CodeRows node={list} label={fill(t.text_label, &[&escape_name(&props.source.path)])} rows={rows.len()} {draw} {active} {on_active}
                    class={classes!("code-text-list")} testid="file-text" />
            }
            <span class="code-measure" ref={letters} aria-hidden="true">{ measured.clone() }</span>
            if !beginning.is_all() {
                <div class="code-cut">
                    <p class="note" role="status">{ fill(t.text_cut, &[&shown, &language.bytes(beginning.size_bytes)]) }</p>
                    if *upto < TEXT_BYTES_MAX {
                        <button type="button" class="button button-small" data-testid="text-more" onclick={more}>{ fill(t.text_more, &[&language.bytes(TEXT_STEP_BYTES)]) }</button>
                    } else {
                        <p class="note">{ t.text_end }</p>
                    }
                </div>
            }
        </div>
    }
}

/// Goes to a line, from 0, which the address then names.
#[hook]
fn use_go(place: &PlaceHandle) -> Callback<usize> {
    let PlaceHandle { place, go, .. } = place.clone();
    Callback::from(move |line: usize| {
        let at = Some(line as u64 + 1);
        go.emit((
            Place {
                at,
                ..place.clone()
            },
            Way::Quiet,
        ));
    })
}

/// The first row of a line, whose number is from 1.
fn row_of(rows: &[TextRow], at: Option<u64>) -> usize {
    let line = usize::try_from(at.unwrap_or(1).saturating_sub(1)).unwrap_or(usize::MAX);
    let row = rows.partition_point(|row| row.line < line);
    row.min(rows.len().saturating_sub(1))
}

fn draw_row(document: &Option<Document>, row: Option<&TextRow>, find: &Find) -> Drawn {
    let (Some(document), Some(row)) = (document, row) else {
        return Drawn::default();
    };
    let number = (row.start == 0).then(|| (row.line + 1).to_string());
    let pieces = document.pieces(*row, find).into_iter().map(|piece| {
        let class = match piece.paint {
            Paint::Plain => None,
            Paint::Comment => Some("code-comment"),
            Paint::Quoted => Some("code-quoted"),
            Paint::Number => Some("code-number"),
            Paint::Keyword => Some("code-keyword"),
            Paint::Key => Some("code-key"),
        };
        match (piece.is_found, class) {
            (true, class) => html! { <mark class={classes!(class)}>{ piece.text }</mark> },
            (false, Some(class)) => html! { <span {class}>{ piece.text }</span> },
            (false, None) => html! { { piece.text } },
        }
    });
    let cells = html! {
        <>
            <span role="rowheader" class="code-place">{ number }</span>
            <span role="gridcell" class="code-text">{ for pieces }</span>
        </>
    };
    (Classes::new(), cells)
}

/// The props of [`Finder`].
#[derive(PartialEq, Properties)]
struct FinderProps {
    find: Rc<Find>,
    on_text: Callback<String>,
    go: Callback<usize>,
}

/// The search within the text that is shown: Enter leads to the next find, with Shift to the one before.
#[component]
fn Finder(props: &FinderProps) -> Html {
    let locale = use_locale();
    let (t, language) = (&locale.texts().file, locale.language);
    let text = use_state(String::new);
    let at = use_state_eq(|| 0_usize);
    let count = props.find.found.len();
    let lead = {
        let (find, at, go) = (props.find.clone(), at.clone(), props.go.clone());
        Callback::from(move |next: usize| {
            if let Some((line, _)) = find.found.get(next) {
                at.set(next);
                go.emit(*line);
            }
        })
    };
    {
        let (lead, at) = (lead.clone(), at.setter());
        // The first find is led to while one types.
        use_effect_with(props.find.clone(), move |_| {
            at.set(0);
            lead.emit(0);
        });
    }
    let oninput = {
        let (text, on_text) = (text.setter(), props.on_text.clone());
        Callback::from(move |event: InputEvent| {
            let typed = dom::value_of(&event);
            text.set(typed.clone());
            on_text.emit(typed);
        })
    };
    let next = (*at + 1) % count.max(1);
    let back = (*at + count.max(1) - 1) % count.max(1);
    let onkeydown = {
        let lead = lead.clone();
        Callback::from(move |event: KeyboardEvent| {
            if event.key() == "Enter" {
                event.prevent_default();
                lead.emit(if event.shift_key() { back } else { next });
            }
        })
    };
    let (to_next, to_back) = (lead.clone(), lead);
    let said = match (text.is_empty(), count) {
        (true, _) => String::new(),
        (false, 0) => t.find_none.to_owned(),
        (false, count) => {
            let said = if props.find.is_cut {
                t.find_many
            } else {
                t.find_count
            };
            let (number, count) = (
                language.number(*at as u64 + 1),
                language.number(count as u64),
            );
            fill(said, &[&number, &count])
        }
    };
    html! {
        <div class="code-find" role="search">
            <input type="search" aria-label={t.find} placeholder={t.find} autocomplete="off" spellcheck="false" value={(*text).clone()}
                {oninput} {onkeydown} data-testid="file-find" />
            <button type="button" class="button button-icon" aria-label={t.find_back} title={t.find_back} disabled={count < 2}
                onclick={move |_| to_back.emit(back)}><Icon name={IconName::Chevron} class={classes!("is-up")} /></button>
            <button type="button" class="button button-icon" aria-label={t.find_next} title={t.find_next} disabled={count < 2}
                onclick={move |_| to_next.emit(next)}><Icon name={IconName::Chevron} class={classes!("is-down")} /></button>
            <span class="code-found muted" role="status" data-testid="find-said">{ said }</span>
        </div>
    }
}
