//! The metrics of a run over its steps, in bounded memory.

use std::collections::BTreeMap;

use super::record::{Kind, Record};

/// Maximum number of points, beyond which neighbors are merged. A long series then has at least
/// half as many, which is more than a chart can show.
const MAX_POINTS: usize = 1600;

/// One or several consecutive values of a series.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Point {
    /// Step of the first value.
    pub first: u64,
    /// Step of the last value.
    pub last: u64,
    /// Minimum of the finite values; infinite if there are none.
    pub min: f64,
    /// Maximum of the finite values; negative infinity if there are none.
    pub max: f64,
    /// Mean of the finite values.
    pub mean: f64,
    /// Number of finite values.
    pub finite: u64,
    /// Number of non-finite values.
    pub non_finite: u64,
}

impl Point {
    fn new(step: u64, value: f64) -> Self {
        let finite = u64::from(value.is_finite());
        let (min, max, mean) = match finite {
            1 => (value, value, value),
            _ => (f64::INFINITY, f64::NEG_INFINITY, 0.0),
        };
        Self { first: step, last: step, min, max, mean, finite, non_finite: 1 - finite }
    }

    pub(super) fn join(self, next: Self) -> Self {
        let finite = self.finite + next.finite;
        let share = next.finite as f64 / finite.max(1) as f64;
        Self {
            first: self.first.min(next.first),
            last: self.last.max(next.last),
            min: self.min.min(next.min),
            max: self.max.max(next.max),
            // A weighted mean, because a sum could overflow.
            mean: self.mean * (1.0 - share) + next.mean * share,
            finite,
            non_finite: self.non_finite + next.non_finite,
        }
    }
}

/// The values of one metric over steps.
#[derive(Debug, Clone, Default)]
pub struct Series {
    points: Vec<Point>,
    /// Number of values in each point except the last.
    stride: u64,
}

impl Series {
    /// Returns the points, in file order.
    #[must_use]
    pub fn points(&self) -> &[Point] {
        &self.points
    }

    fn push(&mut self, step: u64, value: f64) {
        let new = Point::new(step, value);
        self.stride = self.stride.max(1);
        match self.points.last_mut() {
            Some(last) if last.finite + last.non_finite < self.stride => *last = last.join(new),
            _ => self.points.push(new),
        }
        if self.points.len() > MAX_POINTS {
            self.stride *= 2;
            let joined = |pair: &[Point]| pair.iter().copied().reduce(Point::join);
            self.points = self.points.chunks(2).filter_map(joined).collect();
        }
    }
}

/// All reports of a run.
#[derive(Debug, Clone, Default)]
pub struct History {
    steps: BTreeMap<String, Series>,
    epochs: Vec<Record>,
    latest: Option<Record>,
    /// Seconds of training in finished sessions.
    seconds: f64,
    /// Start time and latest report time of the current session.
    session: Option<(f64, f64)>,
}

impl History {
    /// Adds a report.
    pub fn push(&mut self, record: Record) {
        match record.kind {
            Kind::Session => {
                self.seconds = self.seconds();
                self.session = Some((record.time, record.time));
            }
            Kind::Step | Kind::Epoch => {
                let (start, _) = self.session.unwrap_or((record.time, record.time));
                self.session = Some((start, record.time));
            }
        }
        if record.kind != Kind::Session {
            self.latest = Some(record.clone());
        }
        match record.kind {
            Kind::Session => {}
            Kind::Epoch => self.epochs.push(record),
            Kind::Step => {
                for (name, value) in record.values.iter() {
                    if !self.steps.contains_key(name) {
                        self.steps.insert(name.to_owned(), Series::default());
                    }
                    if let Some(series) = self.steps.get_mut(name) {
                        series.push(record.step, value);
                    }
                }
            }
        }
    }

    /// Returns the metrics of steps, by name.
    #[must_use]
    pub fn steps(&self) -> &BTreeMap<String, Series> {
        &self.steps
    }

    /// Returns the reports of epochs.
    #[must_use]
    pub fn epochs(&self) -> &[Record] {
        &self.epochs
    }

    /// Returns the latest report.
    #[must_use]
    pub fn latest(&self) -> Option<&Record> {
        self.latest.as_ref()
    }

    /// Returns the training time in seconds: from the start of each session to its last report,
    /// without steps that were repeated after an interruption.
    #[must_use]
    pub fn seconds(&self) -> f64 {
        let open = self.session.map_or(0.0, |(start, end)| end - start);
        self.seconds + if open.is_finite() { open.max(0.0) } else { 0.0 }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::run::record::Values;

    #[test]
    fn long_series_keeps_extremes_and_mean() {
        let mut series = Series::default();
        let value = |step: u64| if step == 77_777 { 1e6 } else { (step % 10) as f64 };
        (1..=100_000).for_each(|step| series.push(step, value(step)));
        let points = series.points();
        assert!((MAX_POINTS / 2..=MAX_POINTS).contains(&points.len()), "{}", points.len());
        assert_eq!((points[0].first, points[points.len() - 1].last), (1, 100_000));
        assert!(points.windows(2).all(|pair| pair[0].last + 1 == pair[1].first));
        assert_eq!(points.iter().map(|point| point.max).fold(0.0, f64::max), 1e6);
        let sum: f64 = points.iter().map(|point| point.mean * point.finite as f64).sum();
        let expected: f64 = (1..=100_000).map(value).sum();
        assert!((sum / expected - 1.0).abs() < 1e-9);
    }

    #[test]
    fn nonfinite_values_are_counted_separately() {
        let mut series = Series::default();
        for step in 1..=(2 * MAX_POINTS as u64) {
            series.push(step, if step % 2 == 0 { f64::NAN } else { f64::MAX });
        }
        let all = |point: &Point| (point.finite, point.non_finite, point.mean) == (1, 1, f64::MAX);
        assert!(series.points().iter().all(all), "{:?}", series.points()[0]);
    }

    #[test]
    fn time_between_sessions_does_not_count() {
        let mut history = History::default();
        let mut at = |kind, time| {
            history.push(Record { kind, time, epoch: 1, step: 1, values: Values::default() });
        };
        at(Kind::Session, 100.0);
        at(Kind::Step, 160.0);
        at(Kind::Session, 1000.0);
        at(Kind::Epoch, 1030.0);
        assert_eq!(history.seconds(), 90.0);
        assert_eq!(history.epochs().len(), 1);
    }
}
