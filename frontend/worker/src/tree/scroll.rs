//! From how far a list is scrolled to the rows that are drawn, and back.
//!
//! Browsers draw no element higher than some 16 million pixels (Firefox 17.9, Chromium 33.5), and a million rows have 28
//! million. So a list that long is as high as can be, and is scrolled through in larger steps.

use std::ops::Range;

/// The height of a row, in pixels; the style sheet's `--row` says the same.
pub const ROW_PX: f64 = 28.0;

/// Rows drawn beyond what is in sight, above and below, so that fast scrolling shows no gap.
const OVERSCAN: usize = 6;

/// The highest list, in pixels.
const HEIGHT_PX_MAX: f64 = 12_000_000.0;

/// A list of rows, of which a part is seen.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Scroll {
    /// Rows in all.
    pub rows: usize,
    /// The most that is seen of it at once, in pixels.
    pub seen_px: f64,
}

impl Scroll {
    /// The height of the whole list, in pixels.
    pub fn height_px(&self) -> f64 {
        self.true_px().min(HEIGHT_PX_MAX)
    }

    /// The first row in sight, with the part of it that is above, where the list is scrolled so far.
    pub fn row_at(&self, top_px: f64) -> f64 {
        let (rows, top_px) = (self.rows as f64, top_px.max(0.0));
        let row = if self.is_long() && top_px > HEIGHT_PX_MAX - self.seen_px {
            // The last rows have each its own place, so that a list that is lower than it may be ends with the last one.
            rows - (HEIGHT_PX_MAX - top_px) / ROW_PX
        } else {
            top_px * self.steps() / ROW_PX
        };
        row.min(rows)
    }

    /// How far to scroll, so that a row is the first in sight, in pixels.
    pub fn top_of(&self, row: f64) -> f64 {
        let below_px = (self.rows as f64 - row) * ROW_PX;
        if self.is_long() && below_px < self.seen_px {
            HEIGHT_PX_MAX - below_px
        } else {
            row.max(0.0) * ROW_PX / self.steps()
        }
    }

    /// The most rows that are drawn at a time.
    pub fn drawn_max(&self) -> usize {
        self.seen_max() + 2 * OVERSCAN
    }

    /// The most rows of which a part is in sight.
    fn seen_max(&self) -> usize {
        (self.seen_px / ROW_PX).ceil().max(0.0) as usize + 1
    }

    /// The rows to draw, and the room above them in pixels.
    pub fn drawn(&self, top_px: f64) -> (Range<usize>, f64) {
        let first = self.row_at(top_px);
        let start = (first as usize).saturating_sub(OVERSCAN).min(self.rows);
        let count = self.seen_max();
        let end = (first as usize)
            .saturating_add(count + OVERSCAN)
            .min(self.rows);
        // Where each row has its own place the room is theirs; else it follows the scroll bar, as far as there is a list.
        let drawn_px = (end - start) as f64 * ROW_PX;
        let above_px = if self.is_long() {
            let above_px = top_px - (first - start as f64) * ROW_PX;
            above_px.min(self.height_px() - drawn_px).max(0.0)
        } else {
            start as f64 * ROW_PX
        };
        (start..end, above_px)
    }

    /// The row to have first in sight, so that this one is among those in `seen_px`, where that is another than now.
    pub fn follow(&self, top_px: f64, seen_px: f64, row: usize) -> Option<f64> {
        let first = self.row_at(top_px);
        let seen = seen_px / ROW_PX;
        let row = row as f64;
        if row < first {
            Some(row)
        } else if row + 1.0 > first + seen {
            Some(row + 1.0 - seen)
        } else {
            None
        }
    }

    /// Whether it is too long for each row to have its own place.
    pub fn is_long(&self) -> bool {
        self.true_px() > HEIGHT_PX_MAX
    }

    fn true_px(&self) -> f64 {
        self.rows as f64 * ROW_PX
    }

    /// Pixels of rows for each pixel of the scroll bar's way.
    fn steps(&self) -> f64 {
        if self.is_long() {
            (self.true_px() - self.seen_px) / (HEIGHT_PX_MAX - self.seen_px)
        } else {
            1.0
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn draws_only_what_is_in_sight() {
        let list = |rows| Scroll {
            rows,
            seen_px: ROW_PX * 20.0,
        };
        assert_eq!(
            list(30_000).drawn(ROW_PX * 1_000.0),
            (994..1_027, ROW_PX * 994.0)
        );
        assert_eq!(list(30_000).drawn_max(), 1_027 - 994);
        assert_eq!(list(5).drawn(0.0), (0..5, 0.0));
        assert_eq!(list(0).drawn(900.0).0, 0..0);
        assert_eq!(list(5).drawn(1e12).0, 0..5);
    }

    #[test]
    fn a_list_of_a_million_rows_is_no_higher_than_browsers_draw_and_ends_at_its_last_row() {
        let list = Scroll {
            rows: 1_500_000,
            seen_px: 560.0,
        };
        assert_eq!(list.height_px(), HEIGHT_PX_MAX);
        let end_px = HEIGHT_PX_MAX - 560.0;
        let (drawn, above_px) = list.drawn(end_px);
        assert_eq!(drawn.end, 1_500_000);
        let bottom_px = above_px + drawn.len() as f64 * ROW_PX;
        assert!((bottom_px - HEIGHT_PX_MAX).abs() < 1.0, "{bottom_px}");
        // A list that is lower than it may be is scrolled further; what is drawn ends where the list does.
        let (drawn, above_px) = list.drawn(HEIGHT_PX_MAX - 300.0);
        assert!(above_px + drawn.len() as f64 * ROW_PX <= HEIGHT_PX_MAX);
        assert_eq!(drawn.end, 1_500_000);
        for row in [0.0, 1.0, 777_777.0, 1_499_970.0, 1_499_990.0] {
            assert!((list.row_at(list.top_of(row)) - row).abs() < 0.01, "{row}");
        }
    }

    #[test]
    fn a_row_is_followed_only_out_of_sight() {
        let list = Scroll {
            rows: 1_000,
            seen_px: ROW_PX * 10.0,
        };
        assert_eq!(list.follow(ROW_PX * 100.0, ROW_PX * 10.0, 105), None);
        assert_eq!(list.follow(ROW_PX * 100.0, ROW_PX * 10.0, 99), Some(99.0));
        assert_eq!(list.follow(ROW_PX * 100.0, ROW_PX * 10.0, 110), Some(101.0));
    }
}
