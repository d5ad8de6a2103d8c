//! Values at a constant rate, and the frames that they are measured on.

/// Values at a constant rate.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Series(Vec<f64>);

impl Series {
    pub(super) fn new(values: Vec<f64>) -> Self {
        Self(values)
    }

    /// Interpolates one value for each interval between two `times` to `steps` values at `rate`, from
    /// `start`. The value of an interval belongs to its middle, and the value of a step to the
    /// middle of the step.
    pub(super) fn from_intervals(
        times: &[f64],
        values: &[f64],
        start: f64,
        rate: f64,
        steps: usize,
    ) -> Self {
        let middles = times.iter().zip(times.iter().skip(1)).map(|(from, to)| (from + to) / 2.0);
        let points: Vec<(f64, f64)> = middles.zip(values.iter().copied()).collect();
        let mut next = 0;
        let mut at = |time: f64| {
            while points.get(next).is_some_and(|&(middle, _)| middle < time) {
                next += 1;
            }
            let before = next.checked_sub(1).and_then(|last| points.get(last));
            match (before, points.get(next)) {
                (Some(&(t0, a)), Some(&(t1, b))) => a + (b - a) * (time - t0) / (t1 - t0),
                (Some(&(_, value)), None) | (None, Some(&(_, value))) => value,
                (None, None) => 0.0,
            }
        };
        Self((0..steps).map(|step| at(start + (step as f64 + 0.5) / rate)).collect())
    }

    pub(super) fn values(&self) -> &[f64] {
        &self.0
    }

    /// Returns the mean of each value and its neighbors.
    pub(super) fn smoothed(&self) -> Self {
        let mean = |at: usize| {
            let near = self.0.iter().skip(at.saturating_sub(1)).take(if at == 0 { 2 } else { 3 });
            let (sum, count) =
                near.fold((0.0, 0.0), |(sum, count), value| (sum + value, count + 1.0));
            sum / count
        };
        Self((0..self.0.len()).map(mean).collect())
    }

    /// Returns the standard deviation.
    pub(super) fn deviation(&self) -> f64 {
        let count = self.0.len().max(1) as f64;
        let mean = self.0.iter().sum::<f64>() / count;
        (self.0.iter().map(|value| (value - mean).powi(2)).sum::<f64>() / count).sqrt()
    }
}

/// Selects frames from `from` to `to`, at most 25 per second, evenly where the rate is higher.
pub(super) fn frames(times: &[f64], from: f64, to: f64) -> Vec<usize> {
    // The tolerance keeps rounded times of 25 frames per second.
    let step = 1.0 / super::RATE - 0.002;
    let mut last = f64::NEG_INFINITY;
    let mut chosen = Vec::new();
    for (index, &time) in times.iter().enumerate() {
        if time >= from - 0.001 && time < to && time - last >= step {
            // The grid moves on evenly, so that 30 frames per second give 25 and not 15.
            last = if time - last < 2.0 * step { last + 1.0 / super::RATE } else { time };
            last = last.min(time);
            chosen.push(index);
        }
    }
    chosen
}

#[cfg(test)]
mod tests {
    use super::*;

    fn even(rate: f64, seconds: f64) -> Vec<f64> {
        (0..(rate * seconds) as usize).map(|at| at as f64 / rate).collect()
    }

    #[test]
    fn frames_are_at_most_25_per_second() {
        for (rate, expected) in [(25.0, 100), (30.0, 100), (50.0, 100), (60.0, 100), (15.0, 60)] {
            let chosen = frames(&even(rate, 4.0), 0.0, 4.0);
            assert!(chosen.len().abs_diff(expected) <= 2, "{} of {rate}", chosen.len());
        }
        assert_eq!(frames(&even(25.0, 4.0), 1.0, 1.2), [25, 26, 27, 28, 29]);
    }

    #[test]
    fn intervals_are_interpolated_at_the_middle_of_steps() {
        let times = [0.0, 0.1, 0.2, 0.4];
        let series = Series::from_intervals(&times, &[1.0, 2.0, 5.0], 0.0, 20.0, 8);
        let expected = [1.0, 1.25, 1.75, 2.5, 3.5, 4.5, 5.0, 5.0];
        for (value, expected) in series.values().iter().zip(expected) {
            assert!((value - expected).abs() < 1e-9, "{series:?}");
        }
    }

    #[test]
    fn smoothing_averages_neighbors() {
        let smooth = Series::new(vec![0.0, 3.0, 6.0, 0.0]).smoothed();
        assert_eq!(smooth.values(), [1.5, 3.0, 3.0, 3.0]);
        assert_eq!(Series::new(vec![1.0, -1.0]).deviation(), 1.0);
    }
}
