//! Weights to strips of rectangles, as near to squares as they can be without another order (Bruls, Huizing and van Wijk,
//! "Squarified Treemaps", 2000); and the same strips filled with other weights.

use super::Rect;

/// A strip: so many of the weights, beside each other along the shorter side of what was left.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Strip {
    /// How many.
    pub(super) count: usize,
    /// It lies along the top, not along the left side.
    pub(super) is_along_top: bool,
}

/// The strips of an area. The weights are sorted, the largest first.
pub(super) fn strips(weights: &[f64], area: Rect) -> Vec<Strip> {
    let mut strips = Vec::new();
    let mut rest = area;
    let mut left: f64 = weights.iter().sum();
    let mut at = 0;
    while at < weights.len() && left > 0.0 && rest.side() > 0.0 {
        let scale = rest.width * rest.height / left;
        let side = rest.side();
        let mut count = 1;
        let mut sum = weights[at];
        let mut worst = worst_ratio(sum, weights[at], weights[at], scale, side);
        while let Some(next) = weights.get(at + count) {
            let with = worst_ratio(sum + next, weights[at], *next, scale, side);
            if with > worst {
                break;
            }
            (sum, worst) = (sum + next, with);
            count += 1;
        }
        let is_along_top = rest.width < rest.height;
        strips.push(Strip {
            count,
            is_along_top,
        });
        (_, rest) = cut(rest, is_along_top, sum / left);
        left -= sum;
        at += count;
    }
    if at < weights.len() {
        // What has no weight, or no room, still has its place.
        strips.push(Strip {
            count: weights.len() - at,
            is_along_top: rest.width < rest.height,
        });
    }
    strips
}

/// The rectangles of weights in strips that were made for others: each as large as its weight, each beside the same ones.
pub(super) fn fill(strips: &[Strip], weights: &[f64], area: Rect) -> Vec<Rect> {
    let mut rects = Vec::with_capacity(weights.len());
    let mut rest = area;
    let mut left: f64 = weights.iter().sum();
    let mut weights = weights;
    for strip in strips {
        let (here, others) = weights.split_at(strip.count.min(weights.len()));
        weights = others;
        let sum: f64 = here.iter().sum();
        let (mut part, after) = cut(rest, strip.is_along_top, share(sum, left));
        let mut in_part = sum;
        for weight in here {
            let rect;
            (rect, part) = cut(part, !strip.is_along_top, share(*weight, in_part));
            in_part -= weight;
            rects.push(rect);
        }
        rest = after;
        left -= sum;
    }
    rects
}

/// Cuts a share of an area off its top or its left side; gives that and the rest.
fn cut(area: Rect, is_from_top: bool, share: f64) -> (Rect, Rect) {
    let share = share.clamp(0.0, 1.0);
    if is_from_top {
        let height = area.height * share;
        let rest = Rect {
            y: area.y + height,
            height: area.height - height,
            ..area
        };
        (Rect { height, ..area }, rest)
    } else {
        let width = area.width * share;
        let rest = Rect {
            x: area.x + width,
            width: area.width - width,
            ..area
        };
        (Rect { width, ..area }, rest)
    }
}

fn share(part: f64, whole: f64) -> f64 {
    if whole > 0.0 { part / whole } else { 0.0 }
}

/// The worst ratio of sides in a strip whose largest and smallest weights are these.
fn worst_ratio(sum: f64, largest: f64, smallest: f64, scale: f64, side: f64) -> f64 {
    let (sum, side) = (sum * scale, side * side);
    let square = sum * sum;
    if smallest <= 0.0 || square <= 0.0 {
        return f64::INFINITY;
    }
    (side * largest * scale / square).max(square / (side * smallest * scale))
}

#[cfg(test)]
mod tests {
    use super::*;

    const AREA: Rect = Rect {
        x: 0.0,
        y: 0.0,
        width: 600.0,
        height: 400.0,
    };

    fn laid(weights: &[f64]) -> Vec<Rect> {
        fill(&strips(weights, AREA), weights, AREA)
    }

    #[test]
    fn areas_are_as_the_weights_and_fill_the_whole() {
        let weights = [6.0, 6.0, 4.0, 3.0, 2.0, 2.0, 1.0];
        let rects = laid(&weights);
        for (rect, weight) in rects.iter().zip(weights) {
            assert!(
                (rect.width * rect.height - weight * 10_000.0).abs() < 1.0,
                "{rect:?}"
            );
        }
        // The paper's own example: the first two stand on each other at the left.
        assert_eq!((rects[0].width, rects[0].height), (300.0, 200.0));
        assert!(
            rects
                .iter()
                .all(|rect| rect.width / rect.height < 3.0 && rect.height / rect.width < 3.0)
        );
    }

    /// Each strip stays at the side of all that comes after it, and so does each rectangle in its strip.
    #[test]
    fn other_weights_keep_their_neighbours() {
        let made_for = [6.0, 6.0, 4.0, 3.0, 2.0, 2.0, 1.0];
        let strips = strips(&made_for, AREA);
        assert!(strips.len() > 2);
        for weights in [made_for, [0.0, 6.0, 1.0, 9.0, 2.0, 0.0, 5.0]] {
            let rects = fill(&strips, &weights, AREA);
            let is_before = |one: usize, other: usize, is_above: bool| {
                let (one, other) = (rects[one], rects[other]);
                if is_above {
                    one.y + one.height <= other.y + 1e-6
                } else {
                    one.x + one.width <= other.x + 1e-6
                }
            };
            let mut first = 0;
            for strip in &strips {
                let after = first + strip.count;
                for one in first..after {
                    for other in one + 1..after {
                        assert!(is_before(one, other, !strip.is_along_top), "{one} {other}");
                    }
                    for other in after..weights.len() {
                        assert!(is_before(one, other, strip.is_along_top), "{one} {other}");
                    }
                }
                first = after;
            }
            let area: f64 = rects.iter().map(|rect| rect.width * rect.height).sum();
            assert!((area - 240_000.0).abs() < 1.0);
        }
    }

    #[test]
    fn nothing_to_draw_is_no_fault() {
        assert!(laid(&[]).is_empty());
        assert_eq!(laid(&[0.0, 0.0]).len(), 2);
        let flat = Rect {
            height: 0.0,
            ..AREA
        };
        assert_eq!(fill(&strips(&[1.0, 2.0], flat), &[1.0, 2.0], flat).len(), 2);
    }
}
