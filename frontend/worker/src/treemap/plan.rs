//! Which paths a treemap draws and which of them lie beside each other, for all layers at once.

use std::collections::BinaryHeap;

use estiva_shared::image::Change;

use super::squarify::{Strip, fill, strips};
use super::{Map, MapWish, Rect, TILES_MAX, Tile, TileKind};
use crate::tree::{History, Slice};

/// Most paths of one folder that have a rectangle of their own.
const CHILDREN_MAX: usize = 40;

/// A folder's content is drawn where its rectangle has sides of so many pixels at least.
const FRAME_SIDE_PX: f64 = 44.0;

/// The height of a frame's name, in pixels.
const HEAD_PX: f64 = 16.0;

/// The room between a frame and what is in it, in pixels.
const EDGE_PX: f64 = 3.0;

/// A rectangle is drawn where its sides have so many pixels at least.
const DRAWN_PX_MIN: f64 = 1.5;

/// The most bytes that each path ever has; a folder's are the sum of those of all in it.
pub fn peaks(history: &History) -> Vec<u64> {
    let mut peaks: Vec<u64> = (0..history.len())
        .map(|node| {
            let versions = history.versions(node);
            versions
                .map(|version| history.version(version).size_bytes)
                .max()
                .unwrap_or_default()
        })
        .collect();
    for node in (0..history.len()).rev() {
        if let Some(parent) = history.parent(node) {
            peaks[parent] = peaks[parent].saturating_add(peaks[node]);
        }
    }
    peaks
}

/// What is drawn of a folder, and what lies beside what.
#[derive(Debug)]
pub struct Plan {
    folder: Option<usize>,
    size: (f64, f64),
    frames: Vec<Frame>,
}

/// A folder whose content is drawn.
#[derive(Debug)]
struct Frame {
    folder: Option<usize>,
    /// The largest of what is in it, each with the frame of its own content.
    children: Vec<(usize, Option<usize>)>,
    /// How many more there are.
    rest: usize,
    strips: Vec<Strip>,
}

impl Plan {
    /// Plans the map of a folder; the whole tree's for none.
    pub fn of(history: &History, peaks: &[u64], folder: Option<usize>, size: (f64, f64)) -> Plan {
        let mut plan = Plan {
            folder,
            size,
            frames: Vec::new(),
        };
        let mut left = TILES_MAX;
        // The largest area first, so that what one sees most of has its content drawn.
        let mut waiting: BinaryHeap<(u64, usize, usize)> = BinaryHeap::new();
        let mut areas = vec![plan.area()];
        plan.frame(history, peaks, folder, areas[0], &mut left);
        waiting.extend(plan.candidates(history, peaks, 0, areas[0]));
        while let Some((_, frame, child)) = waiting.pop() {
            let inner = inside(plan.planned(peaks, frame, areas[frame])[child]);
            let node = plan.frames[frame].children[child].0;
            if inner.side() < FRAME_SIDE_PX - HEAD_PX
                || history
                    .children(Some(node))
                    .take(left + 1)
                    .count()
                    .min(CHILDREN_MAX + 1)
                    > left
            {
                continue;
            }
            let made = plan.frames.len();
            plan.frame(history, peaks, Some(node), inner, &mut left);
            areas.push(inner);
            plan.frames[frame].children[child].1 = Some(made);
            waiting.extend(plan.candidates(history, peaks, made, inner));
        }
        plan
    }

    /// Whether it is this one that is asked for.
    pub fn is_for(&self, folder: Option<usize>, size: (f64, f64)) -> bool {
        (self.folder, self.size) == (folder, size)
    }

    /// The map at a layer.
    pub fn lay(&self, history: &History, slice: &Slice, wish: &MapWish) -> Map {
        let bytes = match self.folder {
            Some(folder) => slice.total_bytes(folder),
            None => sum(history
                .children(None)
                .map(|node| bytes_of(history, slice, node))),
        };
        let mut map = Map {
            folder: wish.folder.clone(),
            layer: wish.layer,
            bytes,
            size: self.size,
            tiles: Vec::new(),
        };
        self.lay_frame(history, slice, 0, self.area(), &mut map.tiles);
        map
    }

    fn area(&self) -> Rect {
        Rect {
            x: 0.0,
            y: 0.0,
            width: self.size.0,
            height: self.size.1,
        }
    }

    /// Adds a folder's frame.
    fn frame(
        &mut self,
        history: &History,
        peaks: &[u64],
        folder: Option<usize>,
        area: Rect,
        left: &mut usize,
    ) {
        let mut children: Vec<usize> = history
            .children(folder)
            .filter(|node| peaks[*node] > 0)
            .collect();
        children.sort_by_key(|node| std::cmp::Reverse(peaks[*node]));
        let kept = children.len().min(CHILDREN_MAX);
        let rest = children.len() - kept;
        let mut weights: Vec<f64> = children
            .iter()
            .take(kept)
            .map(|node| peaks[*node] as f64)
            .collect();
        if rest > 0 {
            weights.push(
                children
                    .iter()
                    .skip(kept)
                    .map(|node| peaks[*node] as f64)
                    .sum(),
            );
        }
        *left = left.saturating_sub(weights.len());
        self.frames.push(Frame {
            folder,
            children: children
                .into_iter()
                .take(kept)
                .map(|node| (node, None))
                .collect(),
            rest,
            strips: strips(&weights, area),
        });
    }

    /// What in a frame may have its own content drawn, by the area that it has at its largest.
    fn candidates(
        &self,
        history: &History,
        peaks: &[u64],
        frame: usize,
        area: Rect,
    ) -> Vec<(u64, usize, usize)> {
        let rects = self.planned(peaks, frame, area);
        let children = self.frames[frame].children.iter().enumerate();
        let fit = children.filter_map(|(at, (node, _))| {
            let rect = rects[at];
            let is_fit = history.end(*node) > node + 1 && rect.side() >= FRAME_SIDE_PX;
            is_fit.then_some(((rect.width * rect.height) as u64, frame, at))
        });
        fit.collect()
    }

    /// The rectangles of a frame's content at their largest.
    fn planned(&self, peaks: &[u64], frame: usize, area: Rect) -> Vec<Rect> {
        let frame = &self.frames[frame];
        let mut weights: Vec<f64> = frame
            .children
            .iter()
            .map(|(node, _)| peaks[*node] as f64)
            .collect();
        if frame.rest > 0 {
            let all = frame.folder.map_or(0.0, |folder| peaks[folder] as f64);
            weights.push((all - weights.iter().sum::<f64>()).max(0.0));
        }
        fill(&frame.strips, &weights, area)
    }

    fn lay_frame(
        &self,
        history: &History,
        slice: &Slice,
        at: usize,
        area: Rect,
        tiles: &mut Vec<Tile>,
    ) {
        let frame = &self.frames[at];
        let mut bytes: Vec<u64> = frame
            .children
            .iter()
            .map(|(node, _)| bytes_of(history, slice, *node))
            .collect();
        let kept = sum(bytes.iter().copied());
        let all = sum(history
            .children(frame.folder)
            .map(|node| bytes_of(history, slice, node)));
        if frame.rest > 0 {
            bytes.push(all.saturating_sub(kept));
        }
        let weights: Vec<f64> = bytes.iter().map(|bytes| *bytes as f64).collect();
        let rects = fill(&frame.strips, &weights, area);
        for (place, (rect, bytes)) in rects.into_iter().zip(bytes).enumerate() {
            if rect.side() < DRAWN_PX_MIN {
                continue;
            }
            let Some((node, own)) = frame.children.get(place).copied() else {
                let folder = frame.folder;
                tiles.push(Tile {
                    kind: TileKind::Rest,
                    node: folder.unwrap_or_default(),
                    path: folder
                        .map(|folder| history.path(folder))
                        .unwrap_or_default(),
                    rect,
                    bytes,
                    layer: None,
                    rest: frame.rest,
                });
                continue;
            };
            let inner = inside(rect);
            let own = own.filter(|_| inner.side() >= DRAWN_PX_MIN);
            tiles.push(Tile {
                kind: match own {
                    Some(_) => TileKind::Frame,
                    None if slice.has_below(node) => TileKind::Folder,
                    None => TileKind::File,
                },
                node,
                path: history.path(node),
                rect,
                bytes,
                layer: if own.is_some() {
                    None
                } else {
                    main_layer(history, slice, node)
                },
                rest: 0,
            });
            if let Some(own) = own {
                self.lay_frame(history, slice, own, inner, tiles);
            }
        }
    }
}

/// A path's bytes at a layer; none where the layer removed it.
fn bytes_of(history: &History, slice: &Slice, node: usize) -> u64 {
    let is_there = slice.shows(node) && slice.change(history, node) != Some(Change::Removed);
    if is_there { slice.total_bytes(node) } else { 0 }
}

fn sum(bytes: impl Iterator<Item = u64>) -> u64 {
    bytes.fold(0, u64::saturating_add)
}

/// The layer that wrote most of what is in a path.
fn main_layer(history: &History, slice: &Slice, node: usize) -> Option<usize> {
    let mut by_layer = vec![0u64; history.layers()];
    for node in node..history.end(node) {
        if let (true, Some(version)) = (slice.shows(node), slice.version(history, node)) {
            let layer = &mut by_layer[version.layer as usize];
            *layer = layer.saturating_add(version.size_bytes);
        }
    }
    let layers = by_layer.into_iter().enumerate();
    let most = layers.max_by_key(|(layer, bytes)| (*bytes, std::cmp::Reverse(*layer)))?;
    (most.1 > 0).then_some(most.0)
}

/// What is in a frame, below its name.
fn inside(rect: Rect) -> Rect {
    Rect {
        x: rect.x + EDGE_PX,
        y: rect.y + HEAD_PX,
        width: (rect.width - 2.0 * EDGE_PX).max(0.0),
        height: (rect.height - HEAD_PX - EDGE_PX).max(0.0),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tree::History;
    use estiva_shared::image::{Change, EntryKind, LayerEntry};

    const SIZE: (f64, f64) = (800.0, 500.0);

    fn entry(path: &str, size_bytes: u64, change: Change) -> LayerEntry {
        LayerEntry {
            path: path.into(),
            kind: EntryKind::File,
            change,
            size_bytes,
            apparent_bytes: None,
            mode: 0o644,
            uid: 0,
            gid: 0,
            mtime: 0,
            link: None,
            opaque: false,
        }
    }

    fn map(layers: &[Vec<LayerEntry>], layer: usize, folder: &str) -> Map {
        let history = History::of_layers(layers.iter().map(Vec::as_slice));
        let plan = Plan::of(&history, &peaks(&history), history.find(folder), SIZE);
        let wish = MapWish {
            folder: folder.into(),
            layer,
            size: SIZE,
        };
        plan.lay(&history, &Slice::of(&history, layer, false), &wish)
    }

    fn layers() -> Vec<Vec<LayerEntry>> {
        vec![
            vec![
                entry("usr/lib/a", 600, Change::Added),
                entry("usr/lib/b", 300, Change::Added),
                entry("usr/bin", 50, Change::Added),
                entry("etc", 50, Change::Added),
            ],
            vec![
                entry("usr/lib/a", 600, Change::Removed),
                entry("opt", 400, Change::Added),
            ],
        ]
    }

    fn named<'a>(map: &'a Map, path: &str) -> &'a Tile {
        map.tiles
            .iter()
            .find(|tile| tile.path == path)
            .unwrap_or_else(|| panic!("{path}: {:?}", map.tiles))
    }

    #[test]
    fn areas_are_as_the_bytes_and_say_their_layer() {
        let map = map(&layers(), 0, "");
        assert_eq!(map.bytes, 1_000);
        let tile = named(&map, "usr/lib/a");
        assert_eq!(
            (tile.kind, tile.layer, tile.bytes),
            (TileKind::File, Some(0), 600)
        );
        assert_eq!(named(&map, "usr").kind, TileKind::Frame);
        let area = |path: &str| named(&map, path).rect.width * named(&map, path).rect.height;
        assert!((area("usr/lib/a") / area("usr/lib/b") - 2.0).abs() < 0.01);
    }

    #[test]
    fn what_is_gone_has_no_rectangle_and_the_others_keep_their_sides() {
        let (before, after) = (map(&layers(), 0, ""), map(&layers(), 1, ""));
        assert!(after.tiles.iter().all(|tile| tile.path != "usr/lib/a"));
        assert_eq!(after.bytes, 800);
        assert_eq!(named(&after, "opt").layer, Some(1));
        let is_left = |map: &Map| named(map, "usr/lib/b").rect.x < named(map, "etc").rect.x;
        assert_eq!(is_left(&before), is_left(&after));
    }

    #[test]
    fn a_folder_can_be_looked_at_alone() {
        let map = map(&layers(), 0, "usr/lib");
        assert_eq!((map.bytes, map.tiles.len()), (900, 2));
        assert!(
            (named(&map, "usr/lib/a").rect.width * named(&map, "usr/lib/a").rect.height
                - 400_000.0 * 2.0 / 3.0)
                .abs()
                < 1.0
        );
    }

    #[test]
    fn a_hundred_thousand_files_are_a_bounded_number_of_rectangles() {
        let files = (0..100_000).map(|number| {
            entry(
                &format!("{}/{}/{number}", number % 90, number % 7),
                1 + number % 50,
                Change::Added,
            )
        });
        let map = map(&[files.collect()], 0, "");
        assert!(
            (40..=TILES_MAX).contains(&map.tiles.len()),
            "{}",
            map.tiles.len()
        );
        assert!(
            map.tiles
                .iter()
                .any(|tile| tile.kind == TileKind::Rest && tile.rest == 50)
        );
        let top = map.tiles.iter().filter(|tile| !tile.path.contains('/'));
        assert_eq!(top.map(|tile| tile.bytes).sum::<u64>(), map.bytes);
    }

    #[test]
    fn an_image_without_bytes_has_an_empty_map() {
        assert!(
            map(&[vec![entry("a", 0, Change::Added)]], 0, "")
                .tiles
                .is_empty()
        );
        assert!(map(&[], 0, "").tiles.is_empty());
    }
}
