//! What differs between two layers' versions of a file: lines of a text, else rows of bytes, and what stands beside the content.

use std::rc::Rc;

use estiva_shared::image::FileVersion;
use estiva_shared::image::view::{
    BytesDifference, DIFF_LINES_MAX, DiffRow, FileFormat, HEX_ROW_BYTES, HexRow, Sign, TextDiff,
    TooDifferent, decode, diff_lines, differ, format_of,
};
use estiva_shared::text::escape_name;
use yew::prelude::*;

use super::details::meta_table;
use super::rows::{CodeRows, Drawn};
use super::{Versions, unread};
use crate::components::Loading;
use crate::hooks::{Beginning, FileSource, Locale, PlaceHandle, use_beginning, use_locale};
use crate::i18n::fill;
use crate::services::dom;
use crate::state::by_address::ByAddress;
use crate::state::file_view::COMPARED_BYTES_MAX;
use crate::state::place::{Place, Way};

/// Most rows of bytes that are shown.
const HEX_ROWS_MAX: usize = 500;

/// The props of [`DifferencesPanel`].
#[derive(PartialEq, Properties)]
pub(super) struct DifferencesPanelProps {
    pub(super) source: FileSource,
    pub(super) place: PlaceHandle,
    /// Those with content, lowest layer first; two at least.
    pub(super) versions: Versions,
    /// The one that is shown elsewhere.
    pub(super) shown: usize,
}

/// A row of what differs.
#[derive(Debug)]
enum Row {
    /// Lines that are the same are left out here.
    Gap,
    Line(DiffRow),
    Bytes(Sign, HexRow),
}

/// What differs in the content.
#[derive(Debug, Default)]
struct Found {
    text: Option<TextDiff>,
    too_different: Option<TooDifferent>,
    bytes: BytesDifference,
    rows: Vec<Row>,
    is_cut: bool,
    is_same: bool,
}

/// What differs between two versions.
#[component]
pub(super) fn DifferencesPanel(props: &DifferencesPanelProps) -> Html {
    let locale = use_locale();
    let t = &locale.texts().file;
    let place = &props.place.place;
    let versions = &props.versions;
    let to = props.shown;
    // The version before, where the address names none.
    let before = versions.iter().rev().find(|version| version.layer < to);
    let other = versions.iter().find(|version| version.layer != to);
    let usual = before.or(other).map_or(to, |version| version.layer);
    let is_one = |layer: &usize| versions.iter().any(|version| version.layer == *layer);
    let from = place.against.filter(is_one).unwrap_or(usual);
    let of = |layer: usize| {
        Some(FileSource {
            layer: Some(layer),
            ..props.source.clone()
        })
    };
    let one = use_beginning(of(from), COMPARED_BYTES_MAX);
    let two = use_beginning(of(to), COMPARED_BYTES_MAX);
    let found = {
        let path = props.source.path.clone();
        let (one, two) = (one.clone(), two.clone());
        use_memo((one.bytes.clone(), two.bytes.clone()), move |_| {
            Some(ByAddress::new(compare(&one, &two, &path)?))
        })
    };
    let active = use_state_eq(|| 0_usize);
    let failure = one.failure.as_ref().or(two.failure.as_ref());
    let choose = |is_from: bool| {
        let PlaceHandle { place, go, .. } = props.place.clone();
        Callback::from(move |event: Event| {
            let layer = dom::value_of(&event).parse().ok();
            let next = match is_from {
                true => Place {
                    against: layer,
                    ..place.clone()
                },
                false => Place {
                    layer,
                    against: Some(from),
                    ..place.clone()
                },
            };
            go.emit((next, Way::Step));
        })
    };
    let content = match ((*found).as_ref(), failure) {
        (_, Some(message)) => unread(message, &locale),
        (None, None) => html! { <Loading text={t.compare_loading} /> },
        (Some(found), None) => {
            let set = active.setter();
            let on_active = Callback::from(move |row| set.set(row));
            draw(found, props, *active, on_active, &locale)
        }
    };
    let of_layer = |layer: usize| versions.iter().find(|version| version.layer == layer);
    html! {
        <div class="code">
            <div class="code-tools">
                { select(t.compare_from, from, versions, choose(true), "compare-from", &locale) }
                { select(t.compare_to, to, versions, choose(false), "compare-to", &locale) }
            </div>
            { content }
            if let (Some(one), Some(two)) = (of_layer(from), of_layer(to)) { { beside(one, two, &locale) } }
        </div>
    }
}

fn select(
    label: &'static str,
    chosen: usize,
    versions: &[FileVersion],
    onchange: Callback<Event>,
    testid: &'static str,
    locale: &Locale,
) -> Html {
    let options = versions.iter().map(|version| {
        let layer = version.layer;
        html! { <option value={layer.to_string()} selected={layer == chosen}>{ super::version_words(version, locale) }</option> }
    });
    html! {
        <label class="field code-choice"><span class="field-label">{ label }</span>
            <select {onchange} data-testid={testid}>{ for options }</select></label>
    }
}

/// What differs; none until both are there.
fn compare(one: &Beginning, two: &Beginning, path: &str) -> Option<Found> {
    let (old, new) = (one.bytes.as_ref()?, two.bytes.as_ref()?);
    let mut found = Found {
        is_cut: !(one.is_all() && two.is_all()),
        is_same: **old == **new,
        ..Found::default()
    };
    if found.is_same {
        return Some(found);
    }
    let text_of = |bytes: &[u8], is_all| match format_of(bytes, path) {
        FileFormat::Text(encoding, _) => Some(decode(bytes, encoding, is_all)),
        FileFormat::Empty => Some(String::new()),
        _ => None,
    };
    let texts = text_of(old, one.is_all()).zip(text_of(new, two.is_all()));
    match texts.map(|(old, new)| diff_lines(&old, &new)) {
        Some(Ok(mut diff)) => {
            for (number, hunk) in std::mem::take(&mut diff.hunks).into_iter().enumerate() {
                if number > 0 {
                    found.rows.push(Row::Gap);
                }
                found.rows.extend(hunk.rows.into_iter().map(Row::Line));
            }
            found.text = Some(diff);
            return Some(found);
        }
        Some(Err(error)) => found.too_different = Some(error),
        None => {}
    }
    found.bytes = differ(old, new, HEX_ROWS_MAX);
    let row = |bytes: &[u8], row: u64| {
        // A row lies within what was compared, which fits a usize.
        let start = (row as usize * HEX_ROW_BYTES).min(bytes.len());
        let end = (start + HEX_ROW_BYTES).min(bytes.len());
        (start < end).then(|| HexRow::of(start as u64, &bytes[start..end]))
    };
    for number in &found.bytes.rows {
        let before = row(old, *number).map(|row| Row::Bytes(Sign::Removed, row));
        let after = row(new, *number).map(|row| Row::Bytes(Sign::Added, row));
        found.rows.extend(before.into_iter().chain(after));
    }
    Some(found)
}

fn draw(
    found: &ByAddress<Found>,
    props: &DifferencesPanelProps,
    active: usize,
    on_active: Callback<usize>,
    locale: &Locale,
) -> Html {
    let (t, language) = (&locale.texts().file, locale.language);
    if found.is_same {
        return html! { <p class="tree-none" data-testid="compare-said">{ t.compare_same }</p> };
    }
    let said = match &found.text {
        Some(diff) if diff.only_end && found.rows.is_empty() => t.compare_only_end.to_owned(),
        Some(diff) => fill(
            t.compare_counts,
            &[
                &language.number(diff.added as u64),
                &language.number(diff.removed as u64),
            ],
        ),
        None => {
            let first = found.bytes.first.unwrap_or_default();
            fill(
                t.compare_first,
                &[&language.number(first), &format!("{first:#x}")],
            )
        }
    };
    let why = found.too_different.map(|why| match why {
        TooDifferent::Lines => fill(t.compare_lines, &[&language.number(DIFF_LINES_MAX as u64)]),
        TooDifferent::Steps => t.compare_steps.to_owned(),
    });
    let rows_cut = (found.bytes.rows_count > found.bytes.rows.len() as u64).then(|| {
        fill(
            t.compare_rows,
            &[
                &language.number(found.bytes.rows_count),
                &language.number(found.bytes.rows.len() as u64),
            ],
        )
    });
    let draw = {
        let (found, words) = (found.clone(), (t.compare_added, t.compare_removed));
        Callback::from(move |at: usize| {
            found
                .rows
                .get(at)
                .map(|row| draw_row(row, words))
                .unwrap_or_default()
        })
    };
    html! {
        <>
            <p class="compare-said" data-testid="compare-said"><strong>{ said }</strong></p>
            if let Some(why) = why { <p class="note note-warn">{ why }</p> }
            if found.is_cut { <p class="note note-warn">{ fill(t.compare_long, &[&language.bytes(COMPARED_BYTES_MAX)]) }</p> }
            if let Some(rows_cut) = rows_cut { <p class="note">{ rows_cut }</p> }
            if !found.rows.is_empty() {
                <CodeRows label={fill(t.compare_label, &[&escape_name(&props.source.path)])} rows={found.rows.len()} {draw} {active} {on_active}
                    class={classes!(if found.text.is_some() { "code-diff-list" } else { "code-hex-list code-hex-diff" })} testid="file-diff" />
            }
        </>
    }
}

fn draw_row(row: &Row, (added, removed): (&'static str, &'static str)) -> Drawn {
    let look = |sign: Sign| match sign {
        Sign::Same => ("", " ", ""),
        Sign::Added => ("is-added", "+", added),
        Sign::Removed => ("is-removed", "−", removed),
    };
    let number = |number: Option<usize>| number.map(|number| number.to_string());
    let mark = |sign: Sign| {
        let (_, mark, word) = look(sign);
        html! { <span role="gridcell" class="code-sign"><span aria-hidden="true">{ mark }</span><span class="visually-hidden">{ word }</span></span> }
    };
    match row {
        Row::Gap => (
            classes!("is-gap"),
            html! { <span role="gridcell" class="code-text">{ "⋯" }</span> },
        ),
        Row::Line(row) => (
            classes!(look(row.sign).0),
            html! {
                <>
                    <span role="rowheader" class="code-place">{ number(row.old) }</span>
                    <span role="gridcell" class="code-place">{ number(row.new) }</span>
                    { mark(row.sign) }
                    <span role="gridcell" class="code-text">{ escape_name(&row.text.replace('\t', "    ")).into_owned() }</span>
                </>
            },
        ),
        Row::Bytes(sign, row) => (
            classes!(look(*sign).0),
            html! { <>{ mark(*sign) }{ super::hex::hex_cells(row, COMPARED_BYTES_MAX, None) }</> },
        ),
    }
}

/// What else changed: mode, owner, time, size.
fn beside(one: &FileVersion, two: &FileVersion, locale: &Locale) -> Html {
    let t = &locale.texts().file;
    let rows = meta_table(one, two, locale);
    html! {
        <section class="compare-beside" aria-label={t.compare_meta} data-testid="compare-meta">
            <h3>{ t.compare_meta }</h3>
            if let Some(rows) = rows { { rows } } else { <p class="muted">{ t.compare_meta_none }</p> }
        </section>
    }
}

/// Versions that have content of their own.
pub(super) fn with_content(versions: &[FileVersion]) -> Versions {
    let versions = versions
        .iter()
        .filter(|version| super::has_content(version));
    Rc::new(versions.cloned().collect())
}
