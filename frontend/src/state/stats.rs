//! What a container uses over time: the samples kept, and the line that draws them.

use std::collections::VecDeque;
use std::fmt::Write;

use estiva_shared::protocol::ContainerStats;

/// Samples kept: two minutes at one a second, which is what fits a chart without crowding.
pub const SAMPLES_MAX: usize = 120;

/// The last samples, oldest first.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct History {
    samples: VecDeque<ContainerStats>,
}

impl History {
    /// Adds a sample; the oldest goes where there are too many.
    pub fn push(&mut self, sample: ContainerStats) {
        if self.samples.len() == SAMPLES_MAX {
            self.samples.pop_front();
        }
        self.samples.push_back(sample);
    }

    /// The newest.
    pub fn last(&self) -> Option<&ContainerStats> {
        self.samples.back()
    }

    /// One number of each sample, oldest first.
    pub fn series(&self, value: impl Fn(&ContainerStats) -> f64) -> Vec<f64> {
        self.samples.iter().map(value).collect()
    }
}

/// The top of a chart: the limit where there is one, else a round number above the largest value.
pub fn ceiling(values: &[f64], limit: Option<f64>) -> f64 {
    let largest = values.iter().copied().fold(0.0, f64::max);
    match limit {
        Some(limit) if limit > 0.0 => limit.max(largest) * 1.1,
        _ if largest <= 0.0 => 1.0,
        _ => {
            let step = 10f64.powf(largest.log10().floor()) / 2.0;
            ((largest * 1.1) / step).ceil() * step
        }
    }
}

/// The points of an SVG polyline in a box of this width and height; the newest value is at the right edge.
pub fn polyline(values: &[f64], ceiling: f64, width: f64, height: f64) -> String {
    let step = width / (SAMPLES_MAX - 1) as f64;
    let start = width - step * values.len().saturating_sub(1) as f64;
    let mut points = String::with_capacity(values.len() * 12);
    for (index, value) in values.iter().enumerate() {
        let x = start + step * index as f64;
        let y = height - (value / ceiling).clamp(0.0, 1.0) * height;
        // Writing to a String does not fail.
        let _ = write!(points, "{x:.1},{y:.1} ");
    }
    points.truncate(points.trim_end().len());
    points
}

/// The same, closed along the bottom, to be filled.
pub fn area(values: &[f64], ceiling: f64, width: f64, height: f64) -> String {
    if values.is_empty() {
        return String::new();
    }
    let start = width - width / (SAMPLES_MAX - 1) as f64 * (values.len() - 1) as f64;
    let line = polyline(values, ceiling, width, height);
    format!("{start:.1},{height:.1} {line} {width:.1},{height:.1}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keeps_the_newest_samples() {
        let mut history = History::default();
        for time_ms in 0..SAMPLES_MAX as u64 + 5 {
            history.push(ContainerStats {
                time_ms,
                ..ContainerStats::default()
            });
        }
        let times = history.series(|sample| sample.time_ms as f64);
        assert_eq!((times.len(), times[0]), (SAMPLES_MAX, 5.0));
    }

    #[test]
    fn the_limit_stays_in_sight() {
        assert!(ceiling(&[1.0], Some(10.0)) > 10.0);
        assert!(ceiling(&[12.0], Some(10.0)) > 12.0);
        assert_eq!(ceiling(&[], None), 1.0);
        assert_eq!(ceiling(&[9.0], None), 10.0);
    }

    #[test]
    fn the_newest_value_is_at_the_right_edge() {
        assert_eq!(
            polyline(&[0.0, 1.0], 1.0, 119.0, 10.0),
            "118.0,10.0 119.0,0.0"
        );
        assert_eq!(
            area(&[1.0], 1.0, 119.0, 10.0),
            "119.0,10.0 119.0,0.0 119.0,10.0"
        );
        assert_eq!(area(&[], 1.0, 119.0, 10.0), "");
    }
}
