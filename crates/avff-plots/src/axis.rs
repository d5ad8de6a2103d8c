//! Chart axes: the position of values, and the ticks with their labels.

/// Values beyond this magnitude are drawn at the edge, so that differences stay finite.
const LARGEST: f64 = 1e300;
/// Minimum extent of an axis relative to its values. With a smaller extent, tick labels would be
/// equal.
const MIN_RELATIVE_EXTENT: f64 = 1e-9;
/// Values with a larger ratio use a logarithmic axis, if the scale permits it and all are positive.
const LOGARITHMIC_RATIO: f64 = 100.0;

/// An axis. Positions run from 0 at its start to 1 at its end.
#[derive(Debug, Clone, PartialEq)]
pub struct Axis {
    low: f64,
    high: f64,
    logarithmic: bool,
    /// Positions of the ticks with their labels.
    pub ticks: Vec<(f64, String)>,
}

/// How an axis is scaled.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Scale {
    /// Fitted to the values; logarithmic if they are positive and span a wide range.
    Auto,
    /// Fitted to the positive values; logarithmic if they span a wide range. Other values are then
    /// drawn at the lower end.
    Positive,
    /// From 0 to 1, extended if values lie outside.
    UnitInterval,
}

impl Axis {
    /// Creates an axis for finite values, with about `ticks` ticks.
    pub fn new(values: impl Iterator<Item = f64>, scale: Scale, ticks: usize) -> Self {
        let (mut low, mut high) = (f64::INFINITY, f64::NEG_INFINITY);
        let mut lowest_positive = f64::INFINITY;
        for value in values {
            let value = value.clamp(-LARGEST, LARGEST);
            (low, high) = (low.min(value), high.max(value));
            if value > 0.0 {
                lowest_positive = lowest_positive.min(value);
            }
        }
        if low > high {
            (low, high) = (0.0, 1.0);
        }
        match scale {
            Scale::Auto if low > 0.0 && high / low > LOGARITHMIC_RATIO => {
                Self::logarithmic(low.log10(), high.log10(), ticks)
            }
            Scale::Positive if high / lowest_positive > LOGARITHMIC_RATIO => {
                Self::logarithmic(lowest_positive.log10(), high.log10(), ticks)
            }
            Scale::UnitInterval => Self::linear(low.min(0.0), high.max(1.0), ticks),
            Scale::Auto | Scale::Positive => {
                let (low, high) = padded(low, high);
                Self::linear(low, high, ticks)
            }
        }
    }

    /// Creates an axis from 0 to `last`, for counts.
    #[must_use]
    pub fn counts(last: f64, ticks: usize) -> Self {
        let high = last.clamp(1.0, LARGEST) * 1.02;
        let step = round_step(high / ticks.max(1) as f64).max(1.0);
        let all = (0..=2 * ticks).map(|i| i as f64 * step).filter(|count| *count <= high);
        let ticks = all.map(|count| (count / high, grouped(count))).collect();
        Self { low: 0.0, high, logarithmic: false, ticks }
    }

    /// Returns the position of a finite value.
    #[must_use]
    pub fn position(&self, value: f64) -> f64 {
        let value = value.clamp(-LARGEST, LARGEST);
        let value = if self.logarithmic { value.max(f64::MIN_POSITIVE).log10() } else { value };
        ((value - self.low) / (self.high - self.low)).clamp(0.0, 1.0)
    }

    /// Creates an axis exactly from `low` to `high`. An invalid range gives an axis without ticks.
    #[must_use]
    pub fn exact(low: f64, high: f64, ticks: usize) -> Self {
        if low < high && (high - low).is_finite() {
            return Self::linear(low, high, ticks);
        }
        Self { low: 0.0, high: 1.0, logarithmic: false, ticks: Vec::new() }
    }

    /// Creates an axis exactly from `low` to `high` with the given ticks: value and label.
    #[must_use]
    pub fn marked(low: f64, high: f64, ticks: &[(f64, &str)]) -> Self {
        let mut axis = Self { ticks: Vec::new(), ..Self::exact(low, high, 1) };
        axis.ticks = ticks
            .iter()
            .map(|(value, label)| (axis.position(*value), (*label).to_owned()))
            .collect();
        axis
    }

    fn linear(low: f64, high: f64, count: usize) -> Self {
        let step = round_step((high - low) / count.max(1) as f64);
        // The tolerance keeps ticks at ends that differ from round numbers only by rounding.
        let first = (low / step - 1e-9).ceil();
        let largest = low.abs().max(high.abs());
        let ticks = (0..=2 * count)
            .map(|i| (first + i as f64) * step)
            .filter(|value| *value <= high + step * 1e-9)
            .map(|value| {
                let position = (value - low) / (high - low);
                (position.clamp(0.0, 1.0), label(value, step, largest))
            })
            .collect();
        Self { low, high, logarithmic: false, ticks }
    }

    /// Creates a logarithmic axis between two powers of ten.
    fn logarithmic(low: f64, high: f64, count: usize) -> Self {
        let margin = (high - low) * 0.04;
        let (low, high) = (low - margin, high + margin);
        let decades = (high - low).ceil() as i32;
        // Ticks between powers of ten, only if there are few decades.
        let within: &[f64] = if decades <= 3 { &[1.0, 2.0, 5.0] } else { &[1.0] };
        let stride = (decades / count.max(1) as i32).max(0) + 1;
        let mut ticks = Vec::new();
        for exponent in (low.floor() as i32..=high.ceil() as i32).filter(|e| e % stride == 0) {
            for &factor in within {
                let at = f64::from(exponent) + f64::log10(factor);
                if (low..=high).contains(&at) {
                    ticks.push(((at - low) / (high - low), power(factor, exponent)));
                }
            }
        }
        Self { low, high, logarithmic: true, ticks }
    }
}

/// Adds a margin at both ends, and an extent if all values are equal.
fn padded(low: f64, high: f64) -> (f64, f64) {
    let size = low.abs().max(high.abs());
    let minimum =
        if size == 0.0 { 1.0 } else { (size * MIN_RELATIVE_EXTENT).max(f64::MIN_POSITIVE * 1e16) };
    let extent = high - low;
    let margin = match extent {
        extent if extent > minimum => extent * 0.06,
        _ if size == 0.0 => 1.0,
        _ => (size * 0.1).max(minimum),
    };
    (low - margin, high + margin)
}

/// Returns the smallest of 1, 2 and 5 times a power of ten that is not below `step`.
fn round_step(step: f64) -> f64 {
    let power = 10_f64.powi(step.log10().floor() as i32);
    let factor = step / power;
    power * [1.0, 2.0, 5.0].into_iter().find(|&round| factor <= round * 1.000_001).unwrap_or(10.0)
}

/// Formats a tick label with the digits that distinguish it from the next tick.
fn label(value: f64, step: f64, largest: f64) -> String {
    // A sum of steps may miss 0 by rounding.
    if value.abs() < step * 1e-6 {
        return "0".into();
    }
    let exponent = step.log10().floor() as i32;
    if (1e-3..1e5).contains(&largest) {
        let digits = usize::try_from(-exponent).unwrap_or(0);
        format!("{value:.digits$}")
    } else {
        let digits = usize::try_from(value.abs().log10().floor() as i32 - exponent).unwrap_or(0);
        format!("{value:.digits$e}")
    }
}

fn power(factor: f64, exponent: i32) -> String {
    match exponent {
        -3..=-1 => {
            let digits = exponent.unsigned_abs() as usize;
            format!("{:.digits$}", factor * 10_f64.powi(exponent))
        }
        0..=4 => format!("{}", factor * 10_f64.powi(exponent)),
        _ => format!("{factor}e{exponent}"),
    }
}

/// Formats a count in groups of three digits.
fn grouped(count: f64) -> String {
    if count >= 1e15 {
        return format!("{count:e}");
    }
    let digits = format!("{count:.0}");
    let mut text = String::new();
    for (i, digit) in digits.chars().enumerate() {
        if i > 0 && (digits.len() - i) % 3 == 0 && digits.len() > 4 {
            text.push('\u{a0}');
        }
        text.push(digit);
    }
    text
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn labels(values: &[f64], scale: Scale) -> Vec<String> {
        let axis = Axis::new(values.iter().copied(), scale, 6);
        axis.ticks.into_iter().map(|(_, label)| label).collect()
    }

    #[test]
    fn ticks_are_round_numbers() {
        let fitted = |values| labels(values, Scale::Auto).join(" ");
        assert_eq!(fitted(&[0.31, 0.69]), "0.3 0.4 0.5 0.6 0.7");
        assert_eq!(fitted(&[-1.0, 1.0]), "-1.0 -0.5 0 0.5 1.0");
        assert_eq!(fitted(&[1e-5, 8e-5]), "2e-5 4e-5 6e-5 8e-5");
        assert_eq!(fitted(&[2.0]), "1.8 1.9 2.0 2.1 2.2");
        assert_eq!(fitted(&[0.0]), "-1.0 -0.5 0 0.5 1.0");
        assert_eq!(fitted(&[]), "0 0.2 0.4 0.6 0.8 1.0");
        for values in [&[0.5][..], &[1.0], &[0.0, 1.0]] {
            let axis = Axis::new(values.iter().copied(), Scale::UnitInterval, 6);
            assert_eq!((axis.low, axis.high), (0.0, 1.0));
            let labels = labels(values, Scale::UnitInterval).join(" ");
            assert_eq!(labels, "0 0.2 0.4 0.6 0.8 1.0");
        }
    }

    #[test]
    fn exact_axis_has_round_ticks() {
        let labels = |low, high| {
            let ticks = Axis::exact(low, high, 6).ticks.into_iter();
            ticks.map(|(_, label)| label).collect::<Vec<_>>().join(" ")
        };
        assert_eq!(labels(0.0, 3.6), "0 1 2 3");
        assert_eq!(labels(1.2, 2.4), "1.2 1.4 1.6 1.8 2.0 2.2 2.4");
        assert_eq!(labels(-70.0, 20.0), "-60 -40 -20 0 20");
        assert_eq!(labels(1.0, 1.0) + &labels(0.0, f64::NAN), "");
    }

    #[test]
    fn wide_positive_ranges_are_logarithmic() {
        let wide = |values| labels(values, Scale::Auto).join(" ");
        assert_eq!(wide(&[0.02, 7.0]), "0.02 0.05 0.1 0.2 0.5 1 2 5");
        assert_eq!(wide(&[1e-9, 1e3]), "1e-9 1e-6 0.001 1 1000");
        assert_eq!(wide(&[0.0, 1000.0]), "0 200 400 600 800 1000");
        let axis = Axis::new([1e-4, 1.0].into_iter(), Scale::Auto, 6);
        assert!((axis.position(0.01) - 0.5).abs() < 1e-12);
        // A warm-up starts at 0.
        let positive = |values| labels(values, Scale::Positive).join(" ");
        assert_eq!(positive(&[0.0, 1e-8, 1e-4]), "1e-8 1e-7 1e-6 1e-5 1e-4");
        assert_eq!(positive(&[0.0, 1e-5, 8e-5]), "0 2e-5 4e-5 6e-5 8e-5");
        let axis = Axis::new([0.0, 1e-8, 1e-4].into_iter(), Scale::Positive, 6);
        assert_eq!(axis.position(0.0), 0.0);
    }

    #[test]
    fn counts_start_at_zero() {
        let counts =
            |last| Axis::counts(last, 6).ticks.into_iter().map(|t| t.1).collect::<Vec<_>>();
        assert_eq!(counts(1.0).join(" "), "0 1");
        assert_eq!(counts(7.0).join(" "), "0 2 4 6");
        assert_eq!(counts(60_000.0).join(" "), "0 20\u{a0}000 40\u{a0}000 60\u{a0}000");
    }

    proptest! {
        #[test]
        fn every_value_has_a_position(
            values in proptest::collection::vec(proptest::num::f64::NORMAL
                | proptest::num::f64::SUBNORMAL | proptest::num::f64::ZERO, 0..6),
            scale in prop_oneof![
                Just(Scale::Auto), Just(Scale::Positive), Just(Scale::UnitInterval)
            ],
        ) {
            let axis = Axis::new(values.iter().copied(), scale, 6);
            prop_assert!(axis.low < axis.high && (axis.high - axis.low).is_finite(), "{:?}", axis);
            prop_assert!(axis.ticks.len() <= 13, "{:?}", axis);
            prop_assert!(axis.ticks.iter().all(|(position, _)| (0.0..=1.0).contains(position)), "{:?}", axis);
            prop_assert!(values.iter().all(|&value| (0.0..=1.0).contains(&axis.position(value))));
            let counts = Axis::counts(values.first().copied().unwrap_or(0.0), 6);
            prop_assert!(!counts.ticks.is_empty());
        }
    }
}
