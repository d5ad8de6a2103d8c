//! Where numbers go along an axis, and which of them are named.

/// Numbers beyond are drawn at the edge: differences stay finite.
const LARGEST: f64 = 1e300;
/// Smallest extent of an axis relative to its numbers: below, ticks could not be told apart.
const NARROWEST: f64 = 1e-9;
/// Numbers whose ratio is larger are drawn on a logarithmic axis, where that is wanted and possible.
const WIDE: f64 = 100.0;

/// Along an axis: from 0 at its start to 1 at its end.
#[derive(Debug, Clone, PartialEq)]
pub struct Axis {
    low: f64,
    high: f64,
    logarithmic: bool,
    /// Places with their names.
    pub ticks: Vec<(f64, String)>,
}

/// What an axis is to be like.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Scale {
    /// As the numbers want it; logarithmic where they are positive and far apart.
    FittedOrLogarithmic,
    /// From 0 to 1, further where numbers are.
    Share,
}

impl Axis {
    /// An axis for some finite numbers, with about as many ticks as asked for.
    pub fn new(values: impl Iterator<Item = f64>, scale: Scale, ticks: usize) -> Self {
        let (mut low, mut high) = (f64::INFINITY, f64::NEG_INFINITY);
        for value in values {
            let value = value.clamp(-LARGEST, LARGEST);
            (low, high) = (low.min(value), high.max(value));
        }
        if low > high {
            (low, high) = (0.0, 1.0);
        }
        match scale {
            Scale::FittedOrLogarithmic if low > 0.0 && high / low > WIDE => {
                Self::logarithmic(low.log10(), high.log10(), ticks)
            }
            // A little room, so that lines at 0 and 1 are seen.
            Scale::Share => Self::linear(low.min(-0.02), high.max(1.02), ticks),
            Scale::FittedOrLogarithmic => {
                let (low, high) = padded(low, high);
                Self::linear(low, high, ticks)
            }
        }
    }

    /// From 0 to `last`, for counts.
    #[must_use]
    pub fn counts(last: f64, ticks: usize) -> Self {
        let high = last.clamp(1.0, LARGEST) * 1.02;
        let step = round_step(high / ticks.max(1) as f64).max(1.0);
        let all = (0..=2 * ticks).map(|i| i as f64 * step).filter(|count| *count <= high);
        let ticks = all.map(|count| (count / high, grouped(count))).collect();
        Self { low: 0.0, high, logarithmic: false, ticks }
    }

    /// Where a finite number is.
    #[must_use]
    pub fn place(&self, value: f64) -> f64 {
        let value = value.clamp(-LARGEST, LARGEST);
        let value = if self.logarithmic { value.max(f64::MIN_POSITIVE).log10() } else { value };
        ((value - self.low) / (self.high - self.low)).clamp(0.0, 1.0)
    }

    /// Exactly from `low` to `high`; without ticks where that is no range.
    #[must_use]
    pub fn exact(low: f64, high: f64, ticks: usize) -> Self {
        if low < high && (high - low).is_finite() {
            return Self::linear(low, high, ticks);
        }
        Self { low: 0.0, high: 1.0, logarithmic: false, ticks: Vec::new() }
    }

    fn linear(low: f64, high: f64, wanted: usize) -> Self {
        let step = round_step((high - low) / wanted.max(1) as f64);
        // Ends that are round but for rounding have their ticks.
        let first = (low / step - 1e-9).ceil();
        let largest = low.abs().max(high.abs());
        let ticks = (0..=2 * wanted)
            .map(|i| (first + i as f64) * step)
            .filter(|value| *value <= high + step * 1e-9)
            .map(|value| {
                let place = (value - low) / (high - low);
                (place.clamp(0.0, 1.0), name(value, step, largest))
            })
            .collect();
        Self { low, high, logarithmic: false, ticks }
    }

    /// From and to powers of ten.
    fn logarithmic(low: f64, high: f64, wanted: usize) -> Self {
        let room = (high - low) * 0.04;
        let (low, high) = (low - room, high + room);
        let decades = (high - low).ceil() as i32;
        // Between powers of ten only where these are few.
        let within: &[f64] = if decades <= 3 { &[1.0, 2.0, 5.0] } else { &[1.0] };
        let stride = (decades / wanted.max(1) as i32).max(0) + 1;
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

/// A range with room at both ends, and an extent where all numbers are the same.
fn padded(low: f64, high: f64) -> (f64, f64) {
    let size = low.abs().max(high.abs());
    let least = if size == 0.0 { 1.0 } else { (size * NARROWEST).max(f64::MIN_POSITIVE * 1e16) };
    let extent = high - low;
    let room = match extent {
        extent if extent > least => extent * 0.06,
        _ if size == 0.0 => 1.0,
        _ => (size * 0.1).max(least),
    };
    (low - room, high + room)
}

/// The nearest of 1, 2 and 5 times a power of ten that is not below.
fn round_step(step: f64) -> f64 {
    let power = 10_f64.powi(step.log10().floor() as i32);
    let factor = step / power;
    power * [1.0, 2.0, 5.0].into_iter().find(|&round| factor <= round * 1.000_001).unwrap_or(10.0)
}

/// A number with the digits that tell it from the next one a step away.
fn name(value: f64, step: f64, largest: f64) -> String {
    // Sums of steps do not always give 0.
    if value.abs() < step * 1e-6 {
        return "0".into();
    }
    let place = step.log10().floor() as i32;
    if (1e-3..1e5).contains(&largest) {
        let digits = usize::try_from(-place).unwrap_or(0);
        format!("{value:.digits$}")
    } else {
        let digits = usize::try_from(value.abs().log10().floor() as i32 - place).unwrap_or(0);
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

/// A count in groups of three digits.
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

    fn names(values: &[f64], scale: Scale) -> Vec<String> {
        let axis = Axis::new(values.iter().copied(), scale, 6);
        axis.ticks.into_iter().map(|(_, name)| name).collect()
    }

    #[test]
    fn ticks_are_round_numbers() {
        let fitted = |values| names(values, Scale::FittedOrLogarithmic).join(" ");
        assert_eq!(fitted(&[0.31, 0.69]), "0.3 0.4 0.5 0.6 0.7");
        assert_eq!(fitted(&[-1.0, 1.0]), "-1.0 -0.5 0 0.5 1.0");
        assert_eq!(fitted(&[1e-5, 8e-5]), "2e-5 4e-5 6e-5 8e-5");
        assert_eq!(fitted(&[2.0]), "1.8 1.9 2.0 2.1 2.2");
        assert_eq!(fitted(&[0.0]), "-1.0 -0.5 0 0.5 1.0");
        assert_eq!(fitted(&[]), "0 0.2 0.4 0.6 0.8 1.0");
        assert_eq!(names(&[0.5], Scale::Share).join(" "), "0 0.2 0.4 0.6 0.8 1.0");
    }

    #[test]
    fn exact_ends_have_round_ticks_between() {
        let names = |low, high| {
            let ticks = Axis::exact(low, high, 6).ticks.into_iter();
            ticks.map(|(_, name)| name).collect::<Vec<_>>().join(" ")
        };
        assert_eq!(names(0.0, 3.6), "0 1 2 3");
        assert_eq!(names(1.2, 2.4), "1.2 1.4 1.6 1.8 2.0 2.2 2.4");
        assert_eq!(names(-70.0, 20.0), "-60 -40 -20 0 20");
        assert_eq!(names(1.0, 1.0) + &names(0.0, f64::NAN), "");
    }

    #[test]
    fn wide_ranges_are_logarithmic_where_they_can_be() {
        let wide = |values| names(values, Scale::FittedOrLogarithmic).join(" ");
        assert_eq!(wide(&[0.02, 7.0]), "0.02 0.05 0.1 0.2 0.5 1 2 5");
        assert_eq!(wide(&[1e-9, 1e3]), "1e-9 1e-6 0.001 1 1000");
        assert_eq!(wide(&[0.0, 1000.0]), "0 200 400 600 800 1000");
        let axis = Axis::new([1e-4, 1.0].into_iter(), Scale::FittedOrLogarithmic, 6);
        assert!((axis.place(0.01) - 0.5).abs() < 1e-12);
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
        fn every_number_has_a_place(
            values in proptest::collection::vec(proptest::num::f64::NORMAL
                | proptest::num::f64::SUBNORMAL | proptest::num::f64::ZERO, 0..6),
            scale in prop_oneof![
                Just(Scale::FittedOrLogarithmic), Just(Scale::Share)
            ],
        ) {
            let axis = Axis::new(values.iter().copied(), scale, 6);
            prop_assert!(axis.low < axis.high && (axis.high - axis.low).is_finite(), "{:?}", axis);
            prop_assert!(axis.ticks.len() <= 13, "{:?}", axis);
            prop_assert!(axis.ticks.iter().all(|(place, _)| (0.0..=1.0).contains(place)), "{:?}", axis);
            prop_assert!(values.iter().all(|&value| (0.0..=1.0).contains(&axis.place(value))));
            let counts = Axis::counts(values.first().copied().unwrap_or(0.0), 6);
            prop_assert!(!counts.ticks.is_empty());
        }
    }
}
