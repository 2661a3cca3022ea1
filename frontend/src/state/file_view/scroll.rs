//! From how far a listing is scrolled to the rows that are drawn: those of code are lower than those of the tree.

use std::ops::Range;

use estiva_worker::tree::{ROW_PX, Scroll};

/// The height of a row of code, in pixels; the style sheet's `--code-row` says the same.
pub const CODE_ROW_PX: f64 = 20.0;

/// Pixels of the tree's rows for each pixel of a listing.
const SCALE: f64 = ROW_PX / CODE_ROW_PX;

/// A listing, of which a part is seen.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct CodeScroll(Scroll);

impl CodeScroll {
    /// A listing of so many rows, of which so many pixels are seen at most.
    pub fn new(rows: usize, seen_px: f64) -> Self {
        Self(Scroll {
            rows,
            seen_px: seen_px * SCALE,
        })
    }

    /// The height of all of it, in pixels.
    pub fn height_px(&self) -> f64 {
        self.0.height_px() / SCALE
    }

    /// The rows to draw, and the room above them in pixels.
    pub fn drawn(&self, top_px: f64) -> (Range<usize>, f64) {
        let (range, above_px) = self.0.drawn(top_px * SCALE);
        (range, above_px / SCALE)
    }

    /// How far to scroll so that a row is in sight, where it is not, in pixels.
    pub fn follow(&self, top_px: f64, seen_px: f64, row: usize) -> Option<f64> {
        let first = self.0.follow(top_px * SCALE, seen_px * SCALE, row)?;
        Some(self.0.top_of(first) / SCALE)
    }

    /// Whether it is too long for each row to have its own place.
    pub fn is_long(&self) -> bool {
        self.0.is_long()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_of_code_lie_twenty_pixels_apart() {
        let list = CodeScroll::new(1000, 400.0);
        assert_eq!(list.height_px(), 20_000.0);
        let (range, above_px) = list.drawn(2000.0);
        assert!(range.contains(&100) && range.contains(&120) && range.len() < 45);
        let is_near =
            |found: Option<f64>, px: f64| found.is_some_and(|found| (found - px).abs() < 0.01);
        assert!(is_near(Some(above_px), range.start as f64 * 20.0));
        assert_eq!(list.follow(2000.0, 400.0, 110), None);
        assert!(is_near(list.follow(2000.0, 400.0, 50), 1000.0));
        assert!(is_near(list.follow(0.0, 400.0, 20), 20.0));
    }

    /// The bytes of a file of two gigabytes, to its last row.
    #[test]
    fn a_listing_of_any_length_is_scrolled_to_its_end() {
        let list = CodeScroll::new((2 << 30) / 16, 400.0);
        assert!(list.is_long() && list.height_px() < 10e6);
        let (range, above_px) = list.drawn(list.height_px() - 400.0);
        assert_eq!(range.end, (2 << 30) / 16);
        let bottom_px = above_px + range.len() as f64 * CODE_ROW_PX;
        assert!((bottom_px - list.height_px()).abs() < 1.0, "{bottom_px}");
    }
}
