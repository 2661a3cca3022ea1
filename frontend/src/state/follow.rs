//! Whether a text that grows is followed to its end: until one scrolls up, and again from when one is back at the end.

/// How near the end counts as being there, in pixels: a line, give or take.
const SLACK_PX: f64 = 24.0;

/// Below this many pixels a difference is the browser's rounding.
const ROUNDING_PX: f64 = 1.0;

/// Where a text is scrolled to.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Place {
    /// What is hidden above, in pixels.
    pub above_px: f64,
    /// What is hidden below, in pixels.
    pub below_px: f64,
}

/// Whether the end is followed after a scroll from one place to another.
pub fn follows(before: bool, from: Place, to: Place) -> bool {
    let at_end = to.below_px <= ROUNDING_PX;
    if at_end {
        return true;
    }
    if to.above_px < from.above_px - ROUNDING_PX {
        // However little: who begins to scroll up must not be taken back by the next line.
        return false;
    }
    let went_down = to.above_px > from.above_px + ROUNDING_PX;
    before || (went_down && to.below_px <= SLACK_PX)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn place(above_px: f64, below_px: f64) -> Place {
        Place { above_px, below_px }
    }

    /// The output of a running step could not be read: each new line brought the end back into sight.
    #[test]
    fn scrolling_up_a_little_ends_it() {
        assert!(!follows(true, place(500.0, 0.0), place(488.0, 12.0)));
    }

    #[test]
    fn the_end_takes_it_up_again() {
        let above = place(100.0, 400.0);
        assert!(!follows(false, above, place(300.0, 200.0)));
        assert!(follows(false, above, place(490.0, 10.0)));
        assert!(follows(false, above, place(500.0, 0.0)));
    }

    #[test]
    fn lines_that_come_meanwhile_do_not_end_it() {
        assert!(follows(true, place(500.0, 0.0), place(500.0, 180.0)));
    }

    #[test]
    fn a_text_that_becomes_short_is_at_its_end() {
        assert!(follows(true, place(500.0, 0.0), place(0.0, 0.0)));
    }
}
