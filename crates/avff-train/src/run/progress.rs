//! How fast training goes and when it will be over: arithmetic on durations, without a clock.

use std::{fmt::Write, time::Duration};

use super::record::Values;

/// Steps over which speed is averaged: long enough to be calm, short enough to follow a change.
const HORIZON: f64 = 50.0;

/// How long a step took.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct StepTime {
    /// Clips in it.
    pub clips: usize,
    /// From the end of the step before to the end of this one.
    pub total: Duration,
    /// The share of `total` in which it waited for data.
    pub waited: Duration,
}

/// Follows a run's speed.
#[derive(Debug, Clone)]
pub struct Pace {
    steps_per_epoch: u64,
    epochs: u64,
    done: u64,
    /// Steps seen in this session.
    seen: u64,
    first: Sums,
    recent: Sums,
    /// Validation, checkpoints and the like.
    between: (u64, Duration),
    epochs_done: u64,
}

/// Sums whose older parts fade; their ratios need no correction at the start.
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

/// What [`Pace`] has to say.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Reading {
    /// Clips a second, waiting included.
    pub clips_per_second: f64,
    /// Seconds that a step takes, waiting included.
    pub seconds_per_step: f64,
    /// The share of time in which training waits for data, 0 to 1.
    pub waiting: f64,
    /// Until the last epoch is over, what comes between epochs included once it was seen.
    pub left: Duration,
}

impl Pace {
    /// For a run of `epochs` of `steps_per_epoch`, of which some are done.
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

    /// A step was taken.
    pub fn step(&mut self, time: StepTime) {
        self.done += 1;
        self.seen += 1;
        // The first step fills caches and compiles kernels: it stands alone only until there is another.
        if self.seen == 1 { self.first.add(time) } else { self.recent.add(time) }
    }

    /// An epoch was closed: validation, checkpoint and reports took so long.
    pub fn epoch(&mut self, took: Duration) {
        self.epochs_done += 1;
        self.between = (self.between.0 + 1, self.between.1.saturating_add(took));
    }

    /// The speed of late; none before the first step, nor where steps take no time.
    #[must_use]
    pub fn reading(&self) -> Option<Reading> {
        let sums = if self.seen > 1 { self.recent } else { self.first };
        if sums.total <= 0.0 {
            return None;
        }
        let seconds_per_step = sums.total / sums.steps;
        let steps = self.steps_per_epoch.saturating_mul(self.epochs).saturating_sub(self.done);
        let (count, took) = self.between;
        let between = took.as_secs_f64() / (count.max(1)) as f64;
        let epochs = self.epochs.saturating_sub(self.epochs_done);
        let left = seconds_per_step * steps as f64 + between * epochs as f64;
        Some(Reading {
            clips_per_second: sums.clips / sums.total,
            seconds_per_step,
            waiting: sums.waited / sums.total,
            left: Duration::try_from_secs_f64(left).unwrap_or(Duration::MAX),
        })
    }
}

impl Reading {
    /// One line for a log or beside a bar: the values, then the speed.
    #[must_use]
    pub fn line(&self, values: &Values) -> String {
        let mut line = String::new();
        for (name, value) in values.iter() {
            let name = super::names::split(name).1;
            let _ = write!(line, "{name} {}, ", short(value));
        }
        let Self { clips_per_second, waiting, left, .. } = *self;
        let _ = write!(
            line,
            "{} clips/s, {:.0} % waiting for data, {} left",
            short(clips_per_second),
            waiting * 100.0,
            duration(left)
        );
        line
    }
}

/// A number in four digits: `0.5123`, `31.20`, `1.000e-5`.
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

/// A duration in its two largest units: `3 d 4 h`, `1 h 12 min`, `4 min 10 s`, `12 s`.
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
    fn a_slow_first_step_is_forgotten() {
        let mut pace = Pace::new(100, 2, Position::default());
        assert_eq!(pace.reading(), None);
        pace.step(step(60_000, 0));
        let first = pace.reading().unwrap();
        assert!(close(first.seconds_per_step, 60.0) && close(first.clips_per_second, 8.0 / 60.0));
        for _ in 0..3 {
            pace.step(step(500, 125));
        }
        let reading = pace.reading().unwrap();
        assert!(close(reading.clips_per_second, 16.0) && close(reading.waiting, 0.25));
        assert_eq!(reading.left, Duration::from_secs(98));
    }

    #[test]
    fn a_change_of_speed_is_followed() {
        let mut pace = Pace::new(1000, 1, Position::default());
        (0..200).for_each(|_| pace.step(step(100, 0)));
        (0..200).for_each(|_| pace.step(step(300, 0)));
        // After four horizons e^-4 of the old is left: 0.2 s x 1.8 %.
        let reading = pace.reading().unwrap();
        assert!((reading.seconds_per_step - 0.3).abs() < 0.005, "{reading:?}");
        // A step that waits longer than it lasts is the clock's fault.
        let mut pace = Pace::new(1000, 1, Position::default());
        (0..3).for_each(|_| pace.step(step(100, 200)));
        assert!(close(pace.reading().unwrap().waiting, 1.0));
    }

    #[test]
    fn time_left_counts_what_is_between_epochs() {
        let mut pace = Pace::new(10, 4, Position { step: 10, epochs: 1 });
        (0..10).for_each(|_| pace.step(step(1000, 0)));
        assert_eq!(pace.reading().unwrap().left, Duration::from_secs(20));
        pace.epoch(Duration::from_secs(7));
        assert_eq!(pace.reading().unwrap().left, Duration::from_secs(34));
        // More steps than were planned.
        (0..50).for_each(|_| pace.step(step(1000, 0)));
        (0..9).for_each(|_| pace.epoch(Duration::MAX));
        assert_eq!(pace.reading().unwrap().left, Duration::ZERO);
    }

    #[test]
    fn extremes_do_not_overflow() {
        let mut pace = Pace::new(u64::MAX, u64::MAX, Position::default());
        pace.step(StepTime { clips: 0, total: Duration::ZERO, waited: Duration::ZERO });
        assert_eq!(pace.reading(), None);
        pace.step(StepTime { clips: 1, total: Duration::MAX, waited: Duration::MAX });
        let reading = pace.reading().unwrap();
        assert_eq!(reading.left, Duration::MAX);
        assert!(reading.line(&Values::default()).ends_with("more than 27 years left"));
    }

    #[test]
    fn a_line_reads_well() {
        let mut pace = Pace::new(1000, 5, Position::default());
        (0..2).for_each(|_| pace.step(step(256, 10)));
        let values = Values::from([("train/loss", 0.512_345_6), ("lr", 1e-5)]);
        assert_eq!(
            pace.reading().unwrap().line(&values),
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
