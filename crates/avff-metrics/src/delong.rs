//! DeLong's variance of the AUC and DeLong's test of the difference between two AUCs.
//!
//! The definitions are those of DeLong, DeLong and Clarke-Pearson (1988), "Comparing the Areas
//! under Two or More Correlated Receiver Operating Characteristic Curves". The O(n log n)
//! computation follows Sun and Xu (2014), "Fast Implementation of DeLong's Algorithm".
//!
//! Both assume independent clips. Clips of one person or one source are not independent, and make
//! the intervals too narrow.

use std::f64::consts::SQRT_2;

use serde::{Deserialize, Serialize};

use crate::{
    dprime::probit,
    error::{Class, MetricError, both_classes, check_lengths, finite},
    interval::{Interval, check_level},
};

/// An AUC and its variance.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Delong {
    /// Bit-identical to [`roc_auc`](super::roc_auc).
    pub auc: f64,
    /// Variance of the AUC over sets with as many fakes and reals.
    ///
    /// The variance is 0 if all fakes have equal placements among the reals, and all reals among
    /// the fakes. Perfect, inverted and fully tied scores are such cases. A variance of 0 then
    /// means that the set is too easy or that the scores are useless. It does not mean that the AUC
    /// is certain.
    pub variance: f64,
}

impl Delong {
    /// Returns `auc -+ z * sqrt(variance)`, clipped to `[0, 1]`. The interval is a point if the
    /// variance is 0.
    ///
    /// # Errors
    ///
    /// [`MetricError::Level`] if `level` is not in `(0, 1)`.
    pub fn interval(&self, level: f64) -> Result<Interval, MetricError> {
        check_level(level)?;
        let half_width = if self.variance == 0.0 {
            0.0
        } else {
            probit(0.5 + level / 2.0)? * self.variance.sqrt()
        };
        Ok(Interval {
            low: (self.auc - half_width).max(0.0),
            high: (self.auc + half_width).min(1.0),
        })
    }
}

/// Two AUCs over the same clips.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct DelongTest {
    /// The AUC of the first scores.
    pub first: Delong,
    /// The AUC of the second scores.
    pub second: Delong,
    /// Covariance of the two AUCs.
    pub covariance: f64,
    /// `second.auc - first.auc`.
    pub difference: f64,
    /// Variance of the difference: the sum of both variances minus twice the covariance.
    pub variance: f64,
    /// `difference / sqrt(variance)`. If the variance is 0, `z` is 0 for equal AUCs and `None`
    /// otherwise: the placements then differ by an equal amount for every clip, and no normal
    /// distribution applies.
    pub z: Option<f64>,
    /// The two-sided p-value under the hypothesis of equal AUCs. It is 1 if `z` is 0, and `None` if
    /// `z` is `None`.
    pub p: Option<f64>,
}

impl DelongTest {
    /// Returns the interval of the difference, clipped to `[-1, 1]`. The interval is a point if the
    /// variance is 0.
    ///
    /// # Errors
    ///
    /// [`MetricError::Level`] if `level` is not in `(0, 1)`.
    pub fn interval(&self, level: f64) -> Result<Interval, MetricError> {
        check_level(level)?;
        let half_width = probit(0.5 + level / 2.0)? * self.variance.sqrt();
        let (low, high) = (self.difference - half_width, self.difference + half_width);
        Ok(Interval { low: low.max(-1.0), high: high.min(1.0) })
    }
}

/// Computes the AUC with DeLong's variance. O(n log n).
///
/// # Errors
///
/// [`MetricError::TooFew`] if a class has a single clip, which has no variance. Otherwise see
/// [`roc_auc`](super::roc_auc).
pub fn delong<S: Copy + Into<f64>>(scores: &[S], is_fake: &[bool]) -> Result<Delong, MetricError> {
    Ok(Placements::new(scores, is_fake)?.delong())
}

/// Performs DeLong's paired test of two AUCs over identical clips. O(n log n).
///
/// The test asks whether two sets of scores have significantly different AUCs. It computes the
/// variance from the per-clip differences, so equal rankings give exactly 0, without rounding
/// residue.
///
/// # Errors
///
/// See [`delong`]; the errors of either list apply.
pub fn delong_test<S: Copy + Into<f64>>(
    first: &[S],
    second: &[S],
    is_fake: &[bool],
) -> Result<DelongTest, MetricError> {
    let (a, b) = (Placements::new(first, is_fake)?, Placements::new(second, is_fake)?);
    let minus = |b: &[i64], a: &[i64]| b.iter().zip(a).map(|(b, a)| b - a).collect();
    let delta = Placements { fakes: minus(&b.fakes, &a.fakes), reals: minus(&b.reals, &a.reals) };
    let (difference, variance) = (delta.mean(), delta.covariance(&delta));
    let z = match (variance > 0.0, difference == 0.0) {
        (true, _) => Some(difference / variance.sqrt()),
        (false, true) => Some(0.0),
        (false, false) => None,
    };
    Ok(DelongTest {
        first: a.delong(),
        second: b.delong(),
        covariance: a.covariance(&b),
        difference,
        variance,
        z,
        p: z.map(|z| libm::erfc(z.abs() / SQRT_2)),
    })
}

/// Returns the placement of each clip: the fraction of the other class that it is ranked correctly
/// against. A tie counts one half.
///
/// The AUC is the mean placement of the fakes, and also the mean placement of the reals. The AUC
/// difference between two networks is therefore the mean of the per-clip differences. O(n log n).
///
/// # Errors
///
/// See [`roc_auc`](super::roc_auc).
pub fn placements<S: Copy + Into<f64>>(
    scores: &[S],
    is_fake: &[bool],
) -> Result<Vec<f64>, MetricError> {
    let (placements, fakes, reals) = twice_placements(scores, is_fake)?;
    let fraction = |(placement, &fake): (i64, &bool)| {
        let others = if fake { reals } else { fakes };
        placement as f64 / (2 * others) as f64
    };
    Ok(placements.into_iter().zip(is_fake).map(fraction).collect())
}

/// Returns twice the [`placements`] as counts, so that ties stay integers, with the number of fakes
/// and of reals.
fn twice_placements<S: Copy + Into<f64>>(
    scores: &[S],
    is_fake: &[bool],
) -> Result<(Vec<i64>, usize, usize), MetricError> {
    check_lengths(scores.len(), is_fake.len())?;
    let scores = finite(scores)?;
    let (fakes, reals) = both_classes(is_fake)?;
    let mut order: Vec<usize> = (0..scores.len()).collect();
    order.sort_unstable_by(|&a, &b| scores[a].total_cmp(&scores[b]));
    let mut placements = vec![0_i64; scores.len()];
    let (mut fakes_above, mut reals_below) = (fakes as i64, 0_i64);
    // Ties compare by `==`, because 0.0 and -0.0 are equal scores.
    for tied in order.chunk_by(|&a, &b| scores[a] == scores[b]) {
        let fakes_tied = tied.iter().filter(|&&clip| is_fake[clip]).count() as i64;
        let reals_tied = tied.len() as i64 - fakes_tied;
        fakes_above -= fakes_tied;
        for &clip in tied {
            placements[clip] = match is_fake[clip] {
                true => 2 * reals_below + reals_tied,
                false => 2 * fakes_above + fakes_tied,
            };
        }
        reals_below += reals_tied;
    }
    Ok((placements, fakes, reals))
}

/// Twice the placement counts of each clip, so that ties stay integers.
///
/// Sun and Xu express a placement through midranks: the clip's midrank among all clips minus its
/// midrank within its own class.
struct Placements {
    /// For each fake: twice the number of reals below it, a tie counting one.
    fakes: Vec<i64>,
    /// For each real: twice the number of fakes above it, a tie counting one.
    reals: Vec<i64>,
}

impl Placements {
    fn new<S: Copy + Into<f64>>(scores: &[S], is_fake: &[bool]) -> Result<Self, MetricError> {
        let (placements, fakes, reals) = twice_placements(scores, is_fake)?;
        for (class, count) in [(Class::Fake, fakes), (Class::Real, reals)] {
            if count < 2 {
                return Err(MetricError::TooFew { class, count, needed: 2 });
            }
        }
        let of = |class| {
            let clips = placements.iter().zip(is_fake).filter(move |&(_, &fake)| fake == class);
            clips.map(|(&placement, _)| placement).collect()
        };
        Ok(Self { fakes: of(true), reals: of(false) })
    }

    fn mean(&self) -> f64 {
        let pairs = self.fakes.len() as u128 * self.reals.len() as u128;
        let sum: i128 = self.fakes.iter().map(|&placement| i128::from(placement)).sum();
        sum as f64 / (2 * pairs) as f64
    }

    /// `S10 / fakes + S01 / reals` of DeLong et al.
    fn covariance(&self, other: &Self) -> f64 {
        let (fakes, reals) = (self.fakes.len() as f64, self.reals.len() as f64);
        covariance(&self.fakes, &other.fakes) / (4.0 * reals * reals) / fakes
            + covariance(&self.reals, &other.reals) / (4.0 * fakes * fakes) / reals
    }

    fn delong(&self) -> Delong {
        Delong { auc: self.mean(), variance: self.covariance(self) }
    }
}

/// Returns the sample covariance, divided by the count minus one. There are at least two samples.
fn covariance(a: &[i64], b: &[i64]) -> f64 {
    let mean = |values: &[i64]| {
        let sum: i128 = values.iter().map(|&value| i128::from(value)).sum();
        sum as f64 / values.len() as f64
    };
    let (mean_a, mean_b) = (mean(a), mean(b));
    let products = a.iter().zip(b).map(|(&a, &b)| (a as f64 - mean_a) * (b as f64 - mean_b));
    products.sum::<f64>() / (a.len() - 1) as f64
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a failed unwrap fails the test")]
    use super::*;

    const HALF: [bool; 4] = [true, true, false, false];

    #[test]
    fn small_set_matches_manual_computation() {
        // Fakes 3 and 1 among reals 2 and 0: V10 = (1, 1/2), V01 = (1/2, 1); both variances 1/8.
        let got = delong(&[3.0, 1.0, 2.0, 0.0], &HALF).unwrap();
        assert_eq!(got, Delong { auc: 0.75, variance: 0.125 / 2.0 + 0.125 / 2.0 });
        let Interval { low, high } = got.interval(0.5).unwrap();
        // The quartile of the normal distribution is 0.6745.
        assert!((low - (0.75 - 0.674_489_750_196 * 0.125_f64.sqrt())).abs() < 1e-9);
        assert!((high - (0.75 + 0.674_489_750_196 * 0.125_f64.sqrt())).abs() < 1e-9);
        // At 95 %, the interval would extend above 1.
        assert_eq!(got.interval(0.95).unwrap().high, 1.0);
    }

    #[test]
    fn zero_variance_gives_a_point_interval() {
        for (scores, auc) in [([3., 2., 1., 0.], 1.0), ([0., 1., 2., 3.], 0.0), ([1.; 4], 0.5)] {
            let got = delong(&scores, &HALF).unwrap();
            assert_eq!(got, Delong { auc, variance: 0.0 });
            assert!(got.interval(0.95).unwrap().is_point());
        }
    }

    #[test]
    fn test_with_zero_variance() {
        let (perfect, inverted) = ([3., 2., 1., 0.], [0., 1., 2., 3.]);
        let same = delong_test(&perfect, &[30., 20., 10., 0.], &HALF).unwrap();
        assert_eq!((same.variance, same.z, same.p), (0.0, Some(0.0), Some(1.0)));
        let opposite = delong_test(&perfect, &inverted, &HALF).unwrap();
        assert_eq!((opposite.difference, opposite.variance), (-1.0, 0.0));
        assert_eq!((opposite.z, opposite.p), (None, None));
    }

    #[test]
    fn single_clip_of_a_class_is_an_error() {
        let single = delong(&[0.3, 0.2, 0.1], &[true, false, false]);
        assert_eq!(single, Err(MetricError::TooFew { class: Class::Fake, count: 1, needed: 2 }));
        let none = delong(&[0.3, 0.2], &[false; 2]);
        assert_eq!(none, Err(MetricError::OneClass { class: Class::Real, count: 2 }));
        let level = delong(&[3., 1., 2., 0.], &HALF).unwrap().interval(1.0);
        assert_eq!(level, Err(MetricError::Level { value: 1.0 }));
        let unequal = delong_test(&[0.1; 4], &[0.1; 3], &HALF);
        assert_eq!(unequal, Err(MetricError::LengthMismatch { scores: 3, labels: 4 }));
    }
}
