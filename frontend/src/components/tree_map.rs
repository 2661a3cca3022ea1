//! A map of an image's files at a layer: rectangles that lead to the tree, by press and by keyboard; and the same as a list.

use estiva_shared::text::escape_name;
use web_sys::KeyboardEvent;
use yew::prelude::*;

use super::{Icon, IconName, Loading, cargo_class};
use crate::hooks::{Locale, PlaceHandle, use_asked, use_locale};
use crate::i18n::fill;
use crate::services::analyser::FilesAsk;
use crate::services::dom;
use crate::state::by_address::ByAddress;
use crate::state::place::{Place, Way};
use estiva_worker::summary::Summary;
use estiva_worker::tree::Find;
use estiva_worker::treemap::{Map, MapWish, Tile, TileKind, neighbour};

/// The narrowest map, in pixels: where the page can't say how wide it is.
const WIDTH_PX_MIN: f64 = 280.0;

/// The highest and the lowest map, in pixels.
const HEIGHT_PX: (f64, f64) = (320.0, 520.0);

/// The mean width of a letter of a rectangle's name, in pixels.
const LETTER_PX: f64 = 6.4;

/// The height of a line in a rectangle, in pixels.
const LINE_PX: f64 = 13.0;

/// The props of [`TreeMap`].
#[derive(PartialEq, Properties)]
pub struct TreeMapProps {
    /// The image.
    pub image: ByAddress<Summary>,
    /// What is looked at.
    pub place: PlaceHandle,
    /// The way to its files.
    pub files: Callback<FilesAsk>,
}

/// A map of an image's files.
#[component]
pub fn TreeMap(props: &TreeMapProps) -> Html {
    let locale = use_locale();
    let v = &locale.texts().views;
    let place = &props.place.place;
    let room = use_node_ref();
    let size = use_state(|| None::<(f64, f64)>);
    {
        let (room, size) = (room.clone(), size.setter());
        use_effect_with((), move |()| {
            let width = dom::width_of(&room).max(WIDTH_PX_MIN);
            size.set(Some((
                width,
                (width * 0.62).clamp(HEIGHT_PX.0, HEIGHT_PX.1),
            )));
        });
    }
    let wish = size.map(|size| MapWish {
        folder: place.folder.clone(),
        layer: place.look(props.image.image.layers.len()).layer,
        size,
    });
    let asking = props
        .files
        .reform(|(wish, reply)| FilesAsk::Map(wish, reply));
    let map = use_asked(props.image.clone(), wish, asking);
    let lead = {
        let PlaceHandle { place, go, .. } = props.place.clone();
        Callback::from(move |path: String| {
            let find = Find {
                syntax: place.find.syntax,
                ..Find::default()
            };
            go.emit((
                Place {
                    view: "files".into(),
                    changes: false,
                    path,
                    find,
                    ..place.clone()
                },
                Way::Lead,
            ));
        })
    };
    let enter = {
        let PlaceHandle { place, go, .. } = props.place.clone();
        Callback::from(move |folder: String| {
            go.emit((
                Place {
                    folder,
                    ..place.clone()
                },
                Way::Step,
            ))
        })
    };
    let drawn = match map {
        None => html! { <Loading text={v.map_loading} /> },
        Some(Err(message)) => {
            let told = fill(locale.texts().inspect.tree_failed, &[&message]);
            html! { <p class="notice notice-error" role="alert"><Icon name={IconName::Warning} />{ told }</p> }
        }
        Some(Ok(map)) => html! {
            <>
                { way(&map.folder, &enter, &locale) }
                if map.tiles.is_empty() {
                    <p class="tree-none">{ v.map_empty }</p>
                } else {
                    <Picture map={map.clone()} on_lead={lead.clone()} />
                    { list(&map, &lead, &enter, &locale) }
                }
            </>
        },
    };
    html! { <div class="map" ref={room}><p class="note">{ v.map_note }</p>{ drawn }</div> }
}

/// The folders that lead to the one that is drawn.
fn way(folder: &str, enter: &Callback<String>, locale: &Locale) -> Html {
    let v = &locale.texts().views;
    let ends = folder
        .match_indices('/')
        .map(|(end, _)| end)
        .chain([folder.len()]);
    let folders = ends
        .filter(|end| *end > 0)
        .map(|end| folder[..end].to_owned());
    let steps = std::iter::once(String::new()).chain(folders).map(|path| {
        let name = path.rsplit('/').next().filter(|name| !name.is_empty());
        let name = name.map_or(v.map_root.to_owned(), |name| escape_name(name).into_owned());
        let (enter, is_here) = (enter.clone(), path == folder);
        html! {
            <li><button type="button" class="map-step" aria-current={is_here.then_some("location")} onclick={move |_| enter.emit(path.clone())}>{ name }</button></li>
        }
    });
    html! { <nav aria-label={v.map_way}><ol class="map-way">{ for steps }</ol></nav> }
}

#[derive(PartialEq, Properties)]
struct PictureProps {
    map: ByAddress<Map>,
    on_lead: Callback<String>,
}

/// The rectangles. One of them is in the tab order; arrows lead to those beside it.
#[component]
fn Picture(props: &PictureProps) -> Html {
    let locale = use_locale();
    let v = &locale.texts().views;
    let map = &props.map;
    let at = use_state_eq(|| 0usize);
    let here = (*at).min(map.tiles.len().saturating_sub(1));
    let (moved, chosen) = (use_mut_ref(|| false), use_node_ref());
    {
        let (moved, chosen) = (moved.clone(), chosen.clone());
        use_effect_with(here, move |_| {
            if std::mem::take(&mut *moved.borrow_mut()) {
                dom::focus(&chosen);
            }
        });
    }
    let onkeydown = {
        let (map, at, lead) = (map.clone(), at.setter(), props.on_lead.clone());
        Callback::from(move |event: KeyboardEvent| {
            if event.ctrl_key() || event.alt_key() || event.meta_key() {
                return;
            }
            let key = event.key();
            if let Some(next) = neighbour(&map.tiles, here, &key) {
                event.prevent_default();
                *moved.borrow_mut() = next != here;
                at.set(next);
            } else if let ("Enter" | " ", Some(tile)) = (key.as_str(), map.tiles.get(here)) {
                event.prevent_default();
                lead.emit(tile.path.clone());
            }
        })
    };
    let tiles = map.tiles.iter().enumerate().map(|(place, tile)| {
        let node = if place == here {
            chosen.clone()
        } else {
            NodeRef::default()
        };
        let (lead, path) = (props.on_lead.clone(), tile.path.clone());
        let onclick = move |_: MouseEvent| lead.emit(path.clone());
        draw(tile, node, place == here, onclick.into(), &locale)
    });
    let folder = format!("/{}", escape_name(&map.folder));
    let label = fill(
        v.map_label,
        &[
            &folder,
            &locale.language.bytes(map.bytes),
            &map.tiles.len().to_string(),
        ],
    );
    let (width, height) = map.size;
    html! {
        <svg class="map-picture" viewBox={format!("0 0 {width} {height}")} width="100%" role="group" aria-label={label} data-testid="map" {onkeydown}>
            { for tiles }
        </svg>
    }
}

fn draw(
    tile: &Tile,
    node: NodeRef,
    is_here: bool,
    onclick: Callback<MouseEvent>,
    locale: &Locale,
) -> Html {
    let rect = tile.rect;
    let (name, said) = (tile_name(tile, locale), tile_said(tile, locale));
    let class = match tile.kind {
        TileKind::Frame => "tile-frame",
        TileKind::Folder => "tile-folder",
        TileKind::File => "tile-file",
        TileKind::Rest => "tile-rest",
    };
    let letters = ((rect.width - 8.0) / LETTER_PX).max(0.0) as usize;
    // The second line is short for what the name says in full.
    let line = |at: f64, text: &str, class: &'static str, hidden: Option<&'static str>| {
        (letters >= 3 && rect.height >= at * LINE_PX + 3.0).then(|| {
            let (x, y) = (
                format!("{:.1}", rect.x + 5.0),
                format!("{:.1}", rect.y + at * LINE_PX - 1.0),
            );
            html! { <text {x} {y} {class} aria-hidden={hidden}>{ shortened(text, letters) }</text> }
        })
    };
    let size = locale.language.bytes(tile.bytes);
    let layer = tile
        .layer
        .map(|layer| fill(locale.texts().views.layer_short, &[&layer.to_string()]));
    let second = layer.map_or(size.clone(), |layer| format!("{layer} · {size}"));
    let px = |value: f64| format!("{value:.2}");
    html! {
        <g key={format!("{}{}", class, tile.node)} ref={node} role="button" class={classes!("tile", class, tile.layer.map(cargo_class))} aria-label={said.clone()}
            tabindex={if is_here { "0" } else { "-1" }} data-testid="tile" {onclick}>
            <title>{ said }</title>
            <rect class="tile-box" x={px(rect.x + 0.5)} y={px(rect.y + 0.5)} width={px((rect.width - 1.0).max(0.5))} height={px((rect.height - 1.0).max(0.5))} rx="2" />
            { line(1.0, &name, "tile-name", None) }
            if tile.kind != TileKind::Frame { { line(2.0, &second, "tile-size", Some("true")) } }
        </g>
    }
}

/// The last part of a rectangle's path.
fn tile_name(tile: &Tile, locale: &Locale) -> String {
    if tile.kind == TileKind::Rest {
        return fill(
            locale.texts().views.map_rest,
            &[&locale.language.number(tile.rest as u64)],
        );
    }
    escape_name(tile.path.rsplit('/').next().unwrap_or_default()).into_owned()
}

/// All that a rectangle says, in words.
fn tile_said(tile: &Tile, locale: &Locale) -> String {
    let texts = locale.texts();
    let path = format!("/{}", escape_name(&tile.path));
    let what = match tile.kind {
        TileKind::Rest => format!("{path}: {}", tile_name(tile, locale)),
        _ => path,
    };
    let size = locale.language.bytes(tile.bytes);
    match tile.layer {
        Some(layer) => fill(
            texts.views.map_tile,
            &[
                &what,
                &size,
                &fill(texts.inspect.layer_n, &[&layer.to_string()]),
            ],
        ),
        None => format!("{what}, {size}"),
    }
}

fn shortened(text: &str, letters: usize) -> String {
    if text.chars().count() <= letters {
        return text.to_owned();
    }
    let mut short: String = text.chars().take(letters.saturating_sub(1)).collect();
    short.push('…');
    short
}

/// What is at the top of the map, as a list with ways into each folder.
fn list(map: &Map, lead: &Callback<String>, enter: &Callback<String>, locale: &Locale) -> Html {
    let (t, v) = (&locale.texts().inspect, &locale.texts().views);
    let depth = |path: &str| {
        if path.is_empty() {
            0
        } else {
            path.matches('/').count() + 1
        }
    };
    let top = depth(&map.folder) + 1;
    let is_top = |tile: &&Tile| tile.kind != TileKind::Rest && depth(&tile.path) == top;
    let rows = map.tiles.iter().filter(is_top).map(|tile| {
        let share = tile.bytes as f64 * 100.0 / map.bytes.max(1) as f64;
        let (lead, enter) = (lead.clone(), enter.clone());
        let (to_tree, inside) = (tile.path.clone(), tile.path.clone());
        let name = tile_name(tile, locale);
        html! {
            <tr>
                <th scope="row"><code class="break">{ name.clone() }</code></th>
                <td class="number">{ locale.language.bytes(tile.bytes) }</td>
                <td class="number">{ format!("{} %", locale.language.fraction(share, 1)) }</td>
                <td class="map-ways">
                    <button type="button" class="button button-small" aria-label={format!("{}: {name}", v.in_tree)} onclick={move |_| lead.emit(to_tree.clone())}>{ v.in_tree }</button>
                    if tile.kind != TileKind::File {
                        <button type="button" class="button button-small" aria-label={format!("{}: {name}", v.look_inside)} onclick={move |_| enter.emit(inside.clone())}>{ v.look_inside }</button>
                    }
                </td>
            </tr>
        }
    });
    html! {
        <details class="map-list">
            <summary>{ v.map_list }</summary>
            <table class="map-table">
                <thead><tr><th scope="col">{ t.column_name }</th><th scope="col">{ t.column_size }</th><th scope="col">{ v.map_share }</th><td></td></tr></thead>
                <tbody>{ for rows }</tbody>
            </table>
        </details>
    }
}
