//! A treemap: what is in a folder as rectangles, each as large as its bytes, at any layer.
//!
//! Which rectangle lies beside which is decided once, from the most bytes that each path ever has ([`Plan`], squarified by
//! Bruls, Huizing and van Wijk, 2000). The areas are those of the layer that is shown ([`Plan::lay`]): while a slider moves
//! through time, rectangles grow and shrink, and every one keeps its neighbours. The number of rectangles is bounded; what is
//! small in a folder is one rectangle together.

mod plan;
mod squarify;

pub use plan::{Plan, peaks};

use serde::{Deserialize, Serialize};

/// Most rectangles: more can't be told apart, and each costs the page time.
pub const TILES_MAX: usize = 220;

/// A rectangle, in pixels.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Rect {
    /// From the left.
    pub x: f64,
    /// From the top.
    pub y: f64,
    /// Its width.
    pub width: f64,
    /// Its height.
    pub height: f64,
}

/// What a rectangle stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TileKind {
    /// A folder whose content is drawn in it.
    Frame,
    /// A folder whose content is not drawn.
    Folder,
    /// A file, or anything else without content below it.
    File,
    /// The small ones of a folder, together.
    Rest,
}

/// One rectangle.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Tile {
    /// What it stands for.
    pub kind: TileKind,
    /// The path's number; of [`TileKind::Rest`], the folder's.
    pub node: usize,
    /// The path; of [`TileKind::Rest`], the folder's.
    pub path: String,
    /// Where it is.
    pub rect: Rect,
    /// Its bytes.
    pub bytes: u64,
    /// The layer that wrote most of them.
    pub layer: Option<usize>,
    /// How many paths it stands for, where it is the rest.
    pub rest: usize,
}

/// A treemap of a folder at a layer.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Map {
    /// The folder; empty for the root.
    pub folder: String,
    /// The layer.
    pub layer: usize,
    /// Its bytes.
    pub bytes: u64,
    /// The area, in pixels.
    pub size: (f64, f64),
    /// The rectangles, each after the frame that it is in.
    pub tiles: Vec<Tile>,
}

/// What the page asks for.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct MapWish {
    /// The folder; empty for the root.
    pub folder: String,
    /// The layer.
    pub layer: usize,
    /// The area, in pixels.
    pub size: (f64, f64),
}

impl Rect {
    fn center(&self) -> (f64, f64) {
        (self.x + self.width / 2.0, self.y + self.height / 2.0)
    }

    /// The shorter side, in pixels.
    pub fn side(&self) -> f64 {
        self.width.min(self.height)
    }
}

/// The rectangle that a key leads to from one: the nearest in the direction of an arrow, the first, the last.
pub fn neighbour(tiles: &[Tile], at: usize, key: &str) -> Option<usize> {
    let last = tiles.len().checked_sub(1)?;
    let (across, along) = match key {
        "Home" => return Some(0),
        "End" => return Some(last),
        "ArrowLeft" => (false, -1.0),
        "ArrowRight" => (false, 1.0),
        "ArrowUp" => (true, -1.0),
        "ArrowDown" => (true, 1.0),
        _ => return None,
    };
    let from = tiles.get(at)?.rect.center();
    let distance = |tile: &Tile| {
        let (x, y) = tile.rect.center();
        let (ahead, aside) = if across {
            (y - from.1, x - from.0)
        } else {
            (x - from.0, y - from.1)
        };
        let ahead = ahead * along;
        // What lies more to the side than ahead is another direction's.
        (ahead > 0.5).then(|| ahead + 2.0 * aside.abs())
    };
    let others = tiles.iter().enumerate().filter(|(other, _)| *other != at);
    let near = others.filter_map(|(other, tile)| Some((other, distance(tile)?)));
    let nearest = near.min_by(|(_, left), (_, right)| left.total_cmp(right));
    Some(nearest.map_or(at, |(other, _)| other))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tile(x: f64, y: f64) -> Tile {
        let rect = Rect {
            x,
            y,
            width: 10.0,
            height: 10.0,
        };
        Tile {
            kind: TileKind::File,
            node: 0,
            path: String::new(),
            rect,
            bytes: 1,
            layer: None,
            rest: 0,
        }
    }

    #[test]
    fn arrows_lead_to_the_nearest_in_their_direction() {
        let tiles = [
            tile(0.0, 0.0),
            tile(10.0, 0.0),
            tile(0.0, 10.0),
            tile(10.0, 10.0),
        ];
        for (at, key, to) in [
            (0, "ArrowRight", 1),
            (0, "ArrowDown", 2),
            (3, "ArrowLeft", 2),
            (3, "ArrowUp", 1),
            (0, "ArrowUp", 0),
            (1, "End", 3),
            (3, "Home", 0),
        ] {
            assert_eq!(neighbour(&tiles, at, key), Some(to), "{key} from {at}");
        }
        assert_eq!(neighbour(&tiles, 0, "Enter"), None);
        assert_eq!(neighbour(&[], 0, "End"), None);
    }
}
