//! The correlation of two series at an offset.

use std::ops::RangeInclusive;

use super::series::Series;

/// A correlation and its offset.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Correlation {
    /// The steps by which the second series is late.
    pub(super) steps: i32,
    /// Pearson's correlation of the overlapping parts, from -1 to 1.
    pub(super) value: f64,
}

impl Correlation {
    /// Finds the offset of `b` against `a` with the highest correlation; of equal ones the smallest.
    pub(super) fn best(a: &Series, b: &Series, offsets: RangeInclusive<i32>) -> Option<Self> {
        let at = |steps| Some(Self { steps, value: pearson(a, b, steps)? });
        let higher = |best: Self, next: Self| if next.value > best.value { next } else { best };
        offsets.filter_map(at).reduce(higher)
    }
}

/// Correlates `a[t]` with `b[t + steps]`. Returns `None` where one of them is constant.
fn pearson(a: &Series, b: &Series, steps: i32) -> Option<f64> {
    let skip = |steps: i32| usize::try_from(steps).unwrap_or(0);
    let (a, b) = (a.values(), b.values());
    let pairs = || a.iter().skip(skip(-steps)).zip(b.iter().skip(skip(steps)));
    let count = pairs().count().max(1) as f64;
    let (sum_a, sum_b) = pairs().fold((0.0, 0.0), |(x, y), (a, b)| (x + a, y + b));
    let (mean_a, mean_b) = (sum_a / count, sum_b / count);
    let (mut both, mut var_a, mut var_b) = (0.0, 0.0, 0.0);
    for (a, b) in pairs() {
        let (a, b) = (a - mean_a, b - mean_b);
        both += a * b;
        var_a += a * a;
        var_b += b * b;
    }
    let norm = (var_a * var_b).sqrt();
    (norm > 1e-12).then(|| (both / norm).clamp(-1.0, 1.0))
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    /// A series without a period.
    fn wave(count: usize) -> Vec<f64> {
        (0..count).map(|t| (t as f64 * 0.7).sin() + (t as f64 * 0.233).sin()).collect()
    }

    #[test]
    fn a_late_series_is_found_at_its_offset() {
        let long = wave(140);
        for steps in [-9, 0, 4] {
            let a = Series::new(long[20..120].to_vec());
            let start = usize::try_from(20 - steps).unwrap();
            let b = Series::new(long[start..start + 100].to_vec());
            let best = Correlation::best(&a, &b, -12..=12).unwrap();
            assert_eq!(best.steps, steps);
            assert!(best.value > 0.999, "{best:?}");
        }
    }

    #[test]
    fn value_is_pearsons() {
        // numpy.corrcoef([1, 2, 4, 3], [2, 1, 5, 3])[0, 1]
        let (a, b) = (Series::new(vec![1.0, 2.0, 4.0, 3.0]), Series::new(vec![2.0, 1.0, 5.0, 3.0]));
        assert!((pearson(&a, &b, 0).unwrap() - 0.831_521_840_62).abs() < 1e-9);
        let constant = Series::new(vec![1.0; 4]);
        assert_eq!(pearson(&a, &constant, 0), None);
        assert_eq!(pearson(&a, &b, 9), None);
    }
}
