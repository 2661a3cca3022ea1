//! A file as bytes: rows of sixteen, of which only the pieces in sight are fetched.

use std::ops::Range;

use estiva_shared::image::view::{HEX_ROW_BYTES, HexRow};
use estiva_shared::text::escape_name;
use yew::prelude::*;

use super::rows::{CodeRows, Drawn, GoTo};
use super::unread;
use crate::hooks::{FileSource, PlaceHandle, use_locale, use_pieces};
use crate::i18n::fill;
use crate::state::file_view::offset_of;
use crate::state::place::{Place, Way};

/// The props of [`HexPanel`].
#[derive(PartialEq, Properties)]
pub(super) struct HexPanelProps {
    pub(super) source: FileSource,
    pub(super) place: PlaceHandle,
    pub(super) size_bytes: u64,
}

/// A file as bytes.
#[component]
pub(super) fn HexPanel(props: &HexPanelProps) -> Html {
    let locale = use_locale();
    let t = &locale.texts().file;
    let size_bytes = props.size_bytes;
    let handle = use_pieces(props.source.clone(), size_bytes);
    if size_bytes == 0 {
        return html! { <p class="tree-none">{ t.empty }</p> };
    }
    let row_bytes = HEX_ROW_BYTES as u64;
    // A page counts to four billion: 64 GiB of rows.
    let rows = usize::try_from(size_bytes.div_ceil(row_bytes)).unwrap_or(usize::MAX);
    let go = {
        let PlaceHandle { place, go, .. } = props.place.clone();
        Callback::from(move |offset: u64| {
            let at = Some(offset);
            go.emit((
                Place {
                    at,
                    ..place.clone()
                },
                Way::Quiet,
            ));
        })
    };
    let at = props.place.place.at.unwrap_or(0).min(size_bytes - 1);
    let active = usize::try_from(at / row_bytes).unwrap_or(usize::MAX);
    let on_active = go.reform(move |row: usize| row as u64 * row_bytes);
    let on_range = {
        let want = handle.want.clone();
        Callback::from(move |rows: Range<usize>| {
            want.emit(rows.start as u64 * row_bytes..rows.end as u64 * row_bytes);
        })
    };
    let on_go = Callback::from(move |text: String| {
        offset_of(&text, size_bytes)
            .map(|offset| go.emit(offset))
            .is_some()
    });
    let draw = {
        let pieces = handle.pieces.clone();
        let waiting = t.hex_waiting;
        Callback::from(move |row: usize| -> Drawn {
            let offset = row as u64 * row_bytes;
            let pieces = pieces.borrow();
            let bytes = pieces.slice(offset, HEX_ROW_BYTES);
            let shown = HexRow::of(offset, bytes.unwrap_or_default());
            (
                Classes::new(),
                hex_cells(&shown, size_bytes, bytes.is_none().then_some(waiting)),
            )
        })
    };
    html! {
        <div class="code">
            <div class="code-tools">
                <GoTo label={t.go_offset} action={t.go} expected={t.go_wrong_offset} {on_go} testid="go-offset" />
                <span class="code-facts muted">{ t.hex_keys }</span>
            </div>
            if let Some(message) = &handle.failure { { unread(message, &locale) } }
            <CodeRows label={fill(t.hex_label, &[&escape_name(&props.source.path)])} {rows} {draw} {active} {on_active} {on_range}
                class={classes!("code-hex-list")} testid="file-hex" />
        </div>
    }
}

/// The cells of a row of bytes.
pub(super) fn hex_cells(row: &HexRow, size_bytes: u64, waiting: Option<&'static str>) -> Html {
    html! {
        <>
            <span role="rowheader" class="code-place">{ row.place(size_bytes) }</span>
            <span role="gridcell" class="code-digits">{ waiting.unwrap_or(&row.digits).to_owned() }</span>
            <span role="gridcell" class="code-letters">{ row.letters.clone() }</span>
        </>
    }
}
