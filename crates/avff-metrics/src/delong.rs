//! How sure an AUC is, and whether two networks' AUCs on the same clips differ by more than chance.
//!
//! DeLong, DeLong and Clarke-Pearson (1988), "Comparing the Areas under Two or More Correlated Receiver
//! Operating Characteristic Curves", with the O(n log n) computation of Sun and Xu (2014), "Fast
//! Implementation of DeLong's Algorithm". Both are about clips drawn independently of each other: clips
//! of one person or one source are not, and make intervals too narrow.

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
    /// [`roc_auc`](super::roc_auc), to the last bit.
    pub auc: f64,
    /// Of the AUC over sets of as many fakes and reals. 0 where all fakes are placed alike among the
    /// reals and all reals among the fakes: with perfect scores, with inverted and with all tied ones.
    /// It then says that the set is too easy or the scores are useless, not that the AUC is certain.
    pub variance: f64,
}

impl Delong {
    /// `auc -+ z * sqrt(variance)`, cut to `[0, 1]`; a point where the variance is 0.
    ///
    /// # Errors
    ///
    /// [`MetricError::Level`] where `level` is not within `(0, 1)`.
    pub fn interval(&self, level: f64) -> Result<Interval, MetricError> {
        check_level(level)?;
        let reach = if self.variance == 0.0 {
            0.0
        } else {
            probit(0.5 + level / 2.0)? * self.variance.sqrt()
        };
        Ok(Interval { low: (self.auc - reach).max(0.0), high: (self.auc + reach).min(1.0) })
    }
}

/// Two AUCs over the same clips.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct DelongTest {
    /// Of the first scores.
    pub first: Delong,
    /// Of the second scores.
    pub second: Delong,
    /// Of the two AUCs.
    pub covariance: f64,
    /// `second.auc - first.auc`.
    pub difference: f64,
    /// Of the difference: both variances less twice the covariance.
    pub variance: f64,
    /// `difference / sqrt(variance)`. Where the variance is 0: 0 if the AUCs are equal, else `None`,
    /// because the two then differ by the same amount at every clip and no normal distribution applies.
    pub z: Option<f64>,
    /// The two-sided probability of a `|z|` as large where both are equally good; 1 and `None` where
    /// `z` is 0 and `None`.
    pub p: Option<f64>,
}

impl DelongTest {
    /// The interval of the difference, cut to `[-1, 1]`; a point where the variance is 0.
    ///
    /// # Errors
    ///
    /// [`MetricError::Level`] where `level` is not within `(0, 1)`.
    pub fn interval(&self, level: f64) -> Result<Interval, MetricError> {
        check_level(level)?;
        let reach = probit(0.5 + level / 2.0)? * self.variance.sqrt();
        let (low, high) = (self.difference - reach, self.difference + reach);
        Ok(Interval { low: low.max(-1.0), high: high.min(1.0) })
    }
}

/// The AUC with DeLong's variance. O(n log n).
///
/// # Errors
///
/// [`MetricError::TooFew`] where a class has a single clip, which has no variance; else
/// [`MetricError`] as [`roc_auc`](super::roc_auc).
pub fn delong<S: Copy + Into<f64>>(scores: &[S], is_fake: &[bool]) -> Result<Delong, MetricError> {
    Ok(Placements::new(scores, is_fake)?.delong())
}

/// DeLong's paired test: whether two scores of the same clips have AUCs that differ by more than chance.
/// O(n log n).
///
/// The variance of the difference is computed from the clips' differences, so equal rankings give
/// exactly 0 and not what rounding leaves.
///
/// # Errors
///
/// As [`delong`], for either list.
pub fn delong_test<S: Copy + Into<f64>>(
    first: &[S],
    second: &[S],
    is_fake: &[bool],
) -> Result<DelongTest, MetricError> {
    let (a, b) = (Placements::new(first, is_fake)?, Placements::new(second, is_fake)?);
    let minus = |b: &[i64], a: &[i64]| b.iter().zip(a).map(|(b, a)| b - a).collect();
    let apart = Placements { fakes: minus(&b.fakes, &a.fakes), reals: minus(&b.reals, &a.reals) };
    let (difference, variance) = (apart.mean(), apart.covariance(&apart));
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

/// For each clip, the share of the other class that it is on the right side of, a tie counting one half.
///
/// The mean over fakes is the AUC, and so is that over reals: what an AUC gains from one network to
/// another is what its clips gain here. O(n log n).
///
/// # Errors
///
/// As [`roc_auc`](super::roc_auc).
pub fn placements<S: Copy + Into<f64>>(
    scores: &[S],
    is_fake: &[bool],
) -> Result<Vec<f64>, MetricError> {
    let (places, fakes, reals) = twice_placements(scores, is_fake)?;
    let share = |(place, &fake): (i64, &bool)| {
        let others = if fake { reals } else { fakes };
        place as f64 / (2 * others) as f64
    };
    Ok(places.into_iter().zip(is_fake).map(share).collect())
}

/// [`placements`] as counts, times two so that ties stay whole; the fakes and the reals.
fn twice_placements<S: Copy + Into<f64>>(
    scores: &[S],
    is_fake: &[bool],
) -> Result<(Vec<i64>, usize, usize), MetricError> {
    check_lengths(scores.len(), is_fake.len())?;
    let scores = finite(scores)?;
    let (fakes, reals) = both_classes(is_fake)?;
    let mut order: Vec<usize> = (0..scores.len()).collect();
    order.sort_unstable_by(|&a, &b| scores[a].total_cmp(&scores[b]));
    let mut places = vec![0_i64; scores.len()];
    let (mut fakes_above, mut reals_below) = (fakes as i64, 0_i64);
    // Ties by `==`: 0.0 and -0.0 are the same score.
    for tied in order.chunk_by(|&a, &b| scores[a] == scores[b]) {
        let fakes_tied = tied.iter().filter(|&&clip| is_fake[clip]).count() as i64;
        let reals_tied = tied.len() as i64 - fakes_tied;
        fakes_above -= fakes_tied;
        for &clip in tied {
            places[clip] = match is_fake[clip] {
                true => 2 * reals_below + reals_tied,
                false => 2 * fakes_above + fakes_tied,
            };
        }
        reals_below += reals_tied;
    }
    Ok((places, fakes, reals))
}

/// Where each clip stands among those of the other class, times two so that ties stay whole.
///
/// Sun and Xu write these as midranks: that of a clip among all less that among its own class.
struct Placements {
    /// For each fake, twice the reals below it, a tie counting one.
    fakes: Vec<i64>,
    /// For each real, twice the fakes above it, a tie counting one.
    reals: Vec<i64>,
}

impl Placements {
    fn new<S: Copy + Into<f64>>(scores: &[S], is_fake: &[bool]) -> Result<Self, MetricError> {
        let (places, fakes, reals) = twice_placements(scores, is_fake)?;
        for (class, count) in [(Class::Fake, fakes), (Class::Real, reals)] {
            if count < 2 {
                return Err(MetricError::TooFew { class, count, needed: 2 });
            }
        }
        let of = |class| {
            let clips = places.iter().zip(is_fake).filter(move |&(_, &fake)| fake == class);
            clips.map(|(&place, _)| place).collect()
        };
        Ok(Self { fakes: of(true), reals: of(false) })
    }

    fn mean(&self) -> f64 {
        let pairs = self.fakes.len() as u128 * self.reals.len() as u128;
        let sum: i128 = self.fakes.iter().map(|&place| i128::from(place)).sum();
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

/// Of samples, divided by one less than their number; there are at least two.
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
    #![allow(clippy::unwrap_used, reason = "a test that cannot go on should stop")]
    use super::*;

    const HALF: [bool; 4] = [true, true, false, false];

    #[test]
    fn a_small_set_by_hand() {
        // Fakes 3 and 1 among reals 2 and 0: V10 = (1, 1/2), V01 = (1/2, 1); both variances 1/8.
        let got = delong(&[3.0, 1.0, 2.0, 0.0], &HALF).unwrap();
        assert_eq!(got, Delong { auc: 0.75, variance: 0.125 / 2.0 + 0.125 / 2.0 });
        let Interval { low, high } = got.interval(0.5).unwrap();
        // The quartile of the normal distribution is 0.6745.
        assert!((low - (0.75 - 0.674_489_750_196 * 0.125_f64.sqrt())).abs() < 1e-9);
        assert!((high - (0.75 + 0.674_489_750_196 * 0.125_f64.sqrt())).abs() < 1e-9);
        // At 95 % it would reach beyond 1.
        assert_eq!(got.interval(0.95).unwrap().high, 1.0);
    }

    #[test]
    fn no_variance_is_a_point() {
        for (scores, auc) in [([3., 2., 1., 0.], 1.0), ([0., 1., 2., 3.], 0.0), ([1.; 4], 0.5)] {
            let got = delong(&scores, &HALF).unwrap();
            assert_eq!(got, Delong { auc, variance: 0.0 });
            assert!(got.interval(0.95).unwrap().is_point());
        }
    }

    #[test]
    fn tests_without_a_variance_say_so() {
        let (perfect, inverted) = ([3., 2., 1., 0.], [0., 1., 2., 3.]);
        let same = delong_test(&perfect, &[30., 20., 10., 0.], &HALF).unwrap();
        assert_eq!((same.variance, same.z, same.p), (0.0, Some(0.0), Some(1.0)));
        let opposite = delong_test(&perfect, &inverted, &HALF).unwrap();
        assert_eq!((opposite.difference, opposite.variance), (-1.0, 0.0));
        assert_eq!((opposite.z, opposite.p), (None, None));
    }

    #[test]
    fn a_lone_clip_has_no_variance() {
        let alone = delong(&[0.3, 0.2, 0.1], &[true, false, false]);
        assert_eq!(alone, Err(MetricError::TooFew { class: Class::Fake, count: 1, needed: 2 }));
        let none = delong(&[0.3, 0.2], &[false; 2]);
        assert_eq!(none, Err(MetricError::OneClass { class: Class::Real, count: 2 }));
        let level = delong(&[3., 1., 2., 0.], &HALF).unwrap().interval(1.0);
        assert_eq!(level, Err(MetricError::Level { value: 1.0 }));
        let unequal = delong_test(&[0.1; 4], &[0.1; 3], &HALF);
        assert_eq!(unequal, Err(MetricError::LengthMismatch { scores: 3, labels: 4 }));
    }
}
