//! Training speed and remaining time, computed from durations without a clock.

use std::{fmt::Write, time::Duration};

use super::record::Values;

/// Steps over which speed is averaged: long enough to be stable, short enough to follow changes.
const HORIZON: f64 = 50.0;

/// Duration of a step.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct StepTime {
    /// Number of clips.
    pub clips: usize,
    /// Time from the end of the previous step to the end of this one.
    pub total: Duration,
    /// Part of `total` spent waiting for data.
    pub waited: Duration,
}

/// Measures the speed of a run.
#[derive(Debug, Clone)]
pub struct SpeedTracker {
    steps_per_epoch: u64,
    epochs: u64,
    done: u64,
    /// Number of steps in this session.
    seen: u64,
    first: Sums,
    recent: Sums,
    /// Number and total time of validations, checkpoints and other work between epochs.
    between: (u64, Duration),
    epochs_done: u64,
}

/// Sums with exponential decay; their ratios need no bias correction.
#[derive(Debug, Clone, Copy, Default)]
struct Sums {
    steps: f64,
    clips: f64,
    total: f64,
    waited: f64,
}

impl Sums {
    fn add(&mut self, StepTime { clips, total, waited }: StepTime) {
        let fade = 1.0 - 1.0 / HORIZON;
        self.steps = self.steps * fade + 1.0;
        self.clips = self.clips * fade + clips as f64;
        self.total = self.total * fade + total.as_secs_f64();
        self.waited = self.waited * fade + waited.min(total).as_secs_f64();
    }
}

/// The speed measured by [`SpeedTracker`].
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Speed {
    /// Clips per second, including waiting.
    pub clips_per_second: f64,
    /// Seconds per step, including waiting.
    pub seconds_per_step: f64,
    /// Fraction of time spent waiting for data, 0 to 1.
    pub waiting: f64,
    /// Remaining time of the run. It includes the work between epochs once it was measured.
    pub remaining: Duration,
}

impl SpeedTracker {
    /// Starts measuring a run of `epochs` with `steps_per_epoch` each, from `position`.
    #[must_use]
    pub fn new(steps_per_epoch: u64, epochs: u64, position: super::record::Position) -> Self {
        Self {
            steps_per_epoch,
            epochs,
            done: position.step,
            seen: 0,
            first: Sums::default(),
            recent: Sums::default(),
            between: (0, Duration::ZERO),
            epochs_done: position.epochs,
        }
    }

    /// Records a step.
    pub fn step(&mut self, time: StepTime) {
        self.done += 1;
        self.seen += 1;
        // The first step fills caches and compiles kernels, so it counts only until the second one.
        if self.seen == 1 { self.first.add(time) } else { self.recent.add(time) }
    }

    /// Records the end of an epoch, with the time for validation, checkpoint and reports.
    pub fn epoch(&mut self, elapsed: Duration) {
        self.epochs_done += 1;
        self.between = (self.between.0 + 1, self.between.1.saturating_add(elapsed));
    }

    /// Returns the recent speed; `None` before the first step, or if steps take no time.
    #[must_use]
    pub fn speed(&self) -> Option<Speed> {
        let sums = if self.seen > 1 { self.recent } else { self.first };
        if sums.total <= 0.0 {
            return None;
        }
        let seconds_per_step = sums.total / sums.steps;
        let steps = self.steps_per_epoch.saturating_mul(self.epochs).saturating_sub(self.done);
        let (count, elapsed) = self.between;
        let between = elapsed.as_secs_f64() / (count.max(1)) as f64;
        let epochs = self.epochs.saturating_sub(self.epochs_done);
        let remaining = seconds_per_step * steps as f64 + between * epochs as f64;
        Some(Speed {
            clips_per_second: sums.clips / sums.total,
            seconds_per_step,
            waiting: sums.waited / sums.total,
            remaining: Duration::try_from_secs_f64(remaining).unwrap_or(Duration::MAX),
        })
    }
}

impl Speed {
    /// Formats the values and the speed as one line for a log or a progress bar.
    #[must_use]
    pub fn line(&self, values: &Values) -> String {
        let mut line = String::new();
        for (name, value) in values.iter() {
            let name = super::names::split(name).1;
            let _ = write!(line, "{name} {}, ", short(value));
        }
        let Self { clips_per_second, waiting, remaining, .. } = *self;
        let _ = write!(
            line,
            "{} clips/s, {:.0} % waiting for data, {} left",
            short(clips_per_second),
            waiting * 100.0,
            duration(remaining)
        );
        line
    }
}

/// Formats a number with four digits: `0.5123`, `31.20`, `1.000e-5`.
#[must_use]
pub fn short(value: f64) -> String {
    let size = value.abs();
    if value == 0.0 || !value.is_finite() {
        value.to_string()
    } else if !(1e-3..1e5).contains(&size) {
        format!("{value:.3e}")
    } else {
        let digits = (3.0 - size.log10().floor()).clamp(0.0, 4.0) as usize;
        format!("{value:.digits$}")
    }
}

/// Formats a duration in its two largest units: `3 d 4 h`, `1 h 12 min`, `4 min 10 s`, `12 s`.
#[must_use]
pub fn duration(duration: Duration) -> String {
    let seconds = duration.as_secs();
    match (seconds / 86_400, seconds / 3600 % 24, seconds / 60 % 60, seconds % 60) {
        (0, 0, 0, seconds) => format!("{seconds} s"),
        (0, 0, minutes, seconds) => format!("{minutes} min {seconds} s"),
        (0, hours, minutes, _) => format!("{hours} h {minutes} min"),
        (days, hours, ..) if days < 10_000 => format!("{days} d {hours} h"),
        _ => "more than 27 years".into(),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::run::record::Position;

    fn step(millis: u64, waited: u64) -> StepTime {
        let ms = Duration::from_millis;
        StepTime { clips: 8, total: ms(millis), waited: ms(waited) }
    }

    fn close(a: f64, b: f64) -> bool {
        (a - b).abs() < 1e-9
    }

    #[test]
    fn slow_first_step_is_ignored() {
        let mut tracker = SpeedTracker::new(100, 2, Position::default());
        assert_eq!(tracker.speed(), None);
        tracker.step(step(60_000, 0));
        let first = tracker.speed().unwrap();
        assert!(close(first.seconds_per_step, 60.0) && close(first.clips_per_second, 8.0 / 60.0));
        for _ in 0..3 {
            tracker.step(step(500, 125));
        }
        let speed = tracker.speed().unwrap();
        assert!(close(speed.clips_per_second, 16.0) && close(speed.waiting, 0.25));
        assert_eq!(speed.remaining, Duration::from_secs(98));
    }

    #[test]
    fn speed_follows_changes() {
        let mut tracker = SpeedTracker::new(1000, 1, Position::default());
        (0..200).for_each(|_| tracker.step(step(100, 0)));
        (0..200).for_each(|_| tracker.step(step(300, 0)));
        // After four horizons e^-4 of the old value remains: 0.2 s x 1.8 %.
        let speed = tracker.speed().unwrap();
        assert!((speed.seconds_per_step - 0.3).abs() < 0.005, "{speed:?}");
        // A step may wait longer than it lasts if the clock is inaccurate.
        let mut tracker = SpeedTracker::new(1000, 1, Position::default());
        (0..3).for_each(|_| tracker.step(step(100, 200)));
        assert!(close(tracker.speed().unwrap().waiting, 1.0));
    }

    #[test]
    fn remaining_time_includes_work_between_epochs() {
        let mut tracker = SpeedTracker::new(10, 4, Position { step: 10, epochs: 1 });
        (0..10).for_each(|_| tracker.step(step(1000, 0)));
        assert_eq!(tracker.speed().unwrap().remaining, Duration::from_secs(20));
        tracker.epoch(Duration::from_secs(7));
        assert_eq!(tracker.speed().unwrap().remaining, Duration::from_secs(34));
        // More steps than planned.
        (0..50).for_each(|_| tracker.step(step(1000, 0)));
        (0..9).for_each(|_| tracker.epoch(Duration::MAX));
        assert_eq!(tracker.speed().unwrap().remaining, Duration::ZERO);
    }

    #[test]
    fn extreme_durations_do_not_overflow() {
        let mut tracker = SpeedTracker::new(u64::MAX, u64::MAX, Position::default());
        tracker.step(StepTime { clips: 0, total: Duration::ZERO, waited: Duration::ZERO });
        assert_eq!(tracker.speed(), None);
        tracker.step(StepTime { clips: 1, total: Duration::MAX, waited: Duration::MAX });
        let speed = tracker.speed().unwrap();
        assert_eq!(speed.remaining, Duration::MAX);
        assert!(speed.line(&Values::default()).ends_with("more than 27 years left"));
    }

    #[test]
    fn line_format() {
        let mut tracker = SpeedTracker::new(1000, 5, Position::default());
        (0..2).for_each(|_| tracker.step(step(256, 10)));
        let values = Values::from([("train/loss", 0.512_345_6), ("lr", 1e-5)]);
        assert_eq!(
            tracker.speed().unwrap().line(&values),
            "loss 0.5123, lr 1.000e-5, 31.25 clips/s, 4 % waiting for data, 21 min 19 s left"
        );
    }

    #[test]
    fn numbers_and_durations_are_short() {
        for (value, text) in [
            (0.0, "0"),
            (12_345.6, "12346"),
            (99_999.0, "99999"),
            (1e5, "1.000e5"),
            (-0.001, "-0.0010"),
            (9.999_9, "10.000"),
            (f64::NAN, "NaN"),
            (f64::NEG_INFINITY, "-inf"),
        ] {
            assert_eq!(short(value), text);
        }
        for (seconds, text) in
            [(59, "59 s"), (60, "1 min 0 s"), (3661, "1 h 1 min"), (273_600, "3 d 4 h")]
        {
            assert_eq!(duration(Duration::from_secs(seconds)), text);
        }
    }
}
