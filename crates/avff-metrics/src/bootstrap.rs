//! Bootstrap confidence intervals for any metric.

use avff_rng::{Purpose, Rng, RngKey};
use rayon::prelude::*;
use serde::{Deserialize, Serialize};

use crate::{
    error::{MetricError, check_lengths},
    interval::{Interval, check_level},
};

/// How to bootstrap an interval.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct BootstrapOptions {
    /// Number of resamples.
    pub replicates: usize,
    /// Confidence level: the fraction of resamples within the interval, in `(0, 1)`.
    pub level: f64,
    /// The random seed.
    pub seed: u64,
}

impl Default for BootstrapOptions {
    /// 2000 resamples, pROC's default, at 95 %.
    fn default() -> Self {
        Self { replicates: 2000, level: 0.95, seed: 0 }
    }
}

impl BootstrapOptions {
    pub(crate) fn check(&self) -> Result<(), MetricError> {
        check_level(self.level)?;
        if self.replicates == 0 { Err(MetricError::NoReplicates) } else { Ok(()) }
    }
}

/// A metric with its bootstrap confidence interval.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Bootstrap {
    /// The metric of the original clips.
    pub estimate: f64,
    /// The interval over the resamples that define the metric; `None` if no resample does.
    pub interval: Option<Interval>,
    /// Number of resamples.
    pub replicates: usize,
    /// Number of resamples that the interval ignores, because the metric is an error or NaN on
    /// them.
    pub undefined: usize,
}

/// Computes the percentile bootstrap of a metric, stratified by class.
///
/// Each resample draws with replacement: as many fakes from the fakes, and as many reals from the
/// reals, as the set holds. Stratification has three reasons:
///
/// - The class balance of a test set was chosen and is not random.
/// - Average precision and accuracy depend on the class balance.
/// - Every resample contains both classes. With few reals, unstratified resamples would miss them
///   and have no AUC.
///
/// A class of a single clip contributes no variance.
///
/// `clips` holds the metric's input for each clip: scores for [`roc_auc`](super::roc_auc),
/// decisions for [`accuracy`](super::accuracy). The interval's ends are quantiles with linear
/// interpolation, NumPy's default. A resample preserves the order of the clips, so ranking metrics
/// run faster on clips sorted by score.
///
/// A resample depends only on the seed and its index. It does not depend on the number of threads,
/// and all metrics see identical resamples.
///
/// ```
/// use avff_metrics::{BootstrapOptions, bootstrap, roc_auc};
///
/// let scores = [0.9, 0.8, 0.4, 0.3, 0.5, 0.2, 0.1, 0.0];
/// let is_fake = [true, true, true, true, false, false, false, false];
/// let auc = bootstrap(&scores, &is_fake, &BootstrapOptions::default(), roc_auc)?;
/// let interval = auc.interval.ok_or("every resample has both classes")?;
/// assert_eq!(auc.estimate, 0.875);
/// assert!(interval.low < 0.875 && interval.high == 1.0);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # Errors
///
/// - [`MetricError::Level`] or [`MetricError::NoReplicates`] for invalid options.
/// - [`MetricError`] if the lists are empty or differ in length.
/// - The metric's own error on the original clips.
pub fn bootstrap<T: Copy + Send + Sync>(
    clips: &[T],
    is_fake: &[bool],
    options: &BootstrapOptions,
    metric: impl Fn(&[T], &[bool]) -> Result<f64, MetricError> + Sync,
) -> Result<Bootstrap, MetricError> {
    options.check()?;
    check_lengths(clips.len(), is_fake.len())?;
    let estimate = metric(clips, is_fake)?;
    let of = |class| (0..clips.len()).filter(|&clip| is_fake[clip] == class).collect();
    let strata: [Vec<usize>; 2] = [of(true), of(false)];
    let values: Vec<Option<f64>> = (0..options.replicates as u64)
        .into_par_iter()
        .map_init(
            || Resample::new(clips.len()),
            |resample, replicate| {
                resample.draw(&strata, clips, is_fake, rng(options.seed, replicate));
                let value = metric(&resample.clips, &resample.is_fake).ok()?;
                (!value.is_nan()).then_some(value)
            },
        )
        .collect();
    let mut defined: Vec<f64> = values.into_iter().flatten().collect();
    defined.sort_unstable_by(f64::total_cmp);
    let tail = (1.0 - options.level) / 2.0;
    let ends = quantile(&defined, tail).zip(quantile(&defined, 1.0 - tail));
    Ok(Bootstrap {
        estimate,
        interval: ends.map(|(low, high)| Interval { low, high }),
        replicates: options.replicates,
        undefined: options.replicates - defined.len(),
    })
}

fn rng(seed: u64, replicate: u64) -> Rng {
    RngKey { seed, epoch: 0, row: replicate, occurrence: 0 }.rng(Purpose::Bootstrap)
}

/// The buffers of one resample, reused for the next.
struct Resample<T> {
    counts: Vec<u32>,
    clips: Vec<T>,
    is_fake: Vec<bool>,
}

impl<T: Copy> Resample<T> {
    fn new(clips: usize) -> Self {
        Self {
            counts: vec![0; clips],
            clips: Vec::with_capacity(clips),
            is_fake: Vec::with_capacity(clips),
        }
    }

    fn draw(&mut self, strata: &[Vec<usize>], clips: &[T], is_fake: &[bool], mut rng: Rng) {
        self.counts.fill(0);
        for stratum in strata {
            for _ in 0..stratum.len() {
                self.counts[stratum[rng.index(stratum.len())]] += 1;
            }
        }
        self.clips.clear();
        self.is_fake.clear();
        for ((&count, &clip), &fake) in self.counts.iter().zip(clips).zip(is_fake) {
            for _ in 0..count {
                self.clips.push(clip);
                self.is_fake.push(fake);
            }
        }
    }
}

/// Returns the quantile of sorted values with linear interpolation (Hyndman and Fan's type 7).
/// `None` without values.
fn quantile(sorted: &[f64], probability: f64) -> Option<f64> {
    let position = probability * sorted.len().saturating_sub(1) as f64;
    let (low, high) =
        (*sorted.get(position.floor() as usize)?, *sorted.get(position.ceil() as usize)?);
    let fraction = position.fract();
    // Linear interpolation is undefined towards an infinite value, so the nearer value is returned.
    if low == high || !(low.is_finite() && high.is_finite()) {
        return Some(if fraction < 0.5 { low } else { high });
    }
    Some(low + (high - low) * fraction)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a failed unwrap fails the test")]
    use super::{
        super::{Class, accuracy, d_prime, roc_auc},
        *,
    };

    fn options(replicates: usize) -> BootstrapOptions {
        BootstrapOptions { replicates, ..BootstrapOptions::default() }
    }

    #[test]
    fn quantiles_match_numpy() {
        // numpy.quantile([1, 2, 4, 8], [0, .025, .5, .9, 1])
        let values = [1.0, 2.0, 4.0, 8.0];
        for (probability, expected) in
            [(0.0, 1.0), (0.025, 1.075), (0.5, 3.0), (0.9, 6.8), (1.0, 8.0)]
        {
            assert!(
                (quantile(&values, probability).unwrap() - expected).abs() < 1e-12,
                "{probability}"
            );
        }
        assert_eq!(quantile(&[], 0.5), None);
        assert_eq!(quantile(&[3.0], 0.975), Some(3.0));
        let infinite = [f64::NEG_INFINITY, 0.0, f64::INFINITY];
        assert_eq!(quantile(&infinite, 0.1), Some(f64::NEG_INFINITY));
        assert_eq!(quantile(&infinite, 0.4), Some(0.0));
        assert_eq!(quantile(&infinite, 0.9), Some(f64::INFINITY));
    }

    #[test]
    fn resamples_preserve_class_counts_and_order() {
        let is_fake = [true, false, false, true, false];
        let seen = |clips: &[usize], fakes: &[bool]| {
            assert_eq!(fakes.iter().filter(|&&fake| fake).count(), 2);
            assert_eq!(fakes.len(), 5);
            assert!(clips.is_sorted());
            assert!(clips.iter().zip(fakes).all(|(&clip, &fake)| is_fake[clip] == fake));
            Ok(clips[0] as f64)
        };
        let got = bootstrap(&[0, 1, 2, 3, 4], &is_fake, &options(200), seen).unwrap();
        // Some resamples do not contain the first fake.
        assert_eq!(got.interval.unwrap().low, 0.0);
        assert!(got.interval.unwrap().high > 0.0);
    }

    #[test]
    fn undefined_resamples_are_counted() {
        let is_fake = [true, true, false];
        let first_twice = |clips: &[u8], _: &[bool]| match clips {
            [0, 0, _] => Err(MetricError::Empty),
            [1, 1, _] => Ok(f64::NAN),
            _ => Ok(1.0),
        };
        let got = bootstrap(&[0, 1, 2], &is_fake, &options(1000), first_twice).unwrap();
        // Each of the two cases has probability 1/4: 500 +- 16, with a tolerance of five
        // deviations.
        assert!((420..=580).contains(&got.undefined), "{}", got.undefined);
        assert!(got.interval.unwrap().is_point());
        let only_as_given = |clips: &[u8], _: &[bool]| {
            if clips == [0, 2] { Ok(0.5) } else { Err(MetricError::Empty) }
        };
        let never = bootstrap(&[0, 2], &[true, true], &options(1), only_as_given).unwrap();
        assert_eq!(never.interval.is_none(), never.undefined == 1);
    }

    #[test]
    fn one_class_has_an_interval_of_accuracy_only() {
        let called = [true, false, true, true];
        let got = bootstrap(&called, &[true; 4], &options(500), accuracy).unwrap();
        let Interval { low, high } = got.interval.unwrap();
        assert!(got.estimate == 0.75 && low < 0.75 && high == 1.0, "{low} {high}");
        let auc = bootstrap(&[0.1, 0.2], &[true; 2], &options(5), roc_auc);
        assert_eq!(auc, Err(MetricError::OneClass { class: Class::Fake, count: 2 }));
    }

    #[test]
    fn infinite_values_are_kept() {
        let dprime = |scores: &[f64], fakes: &[bool]| d_prime(roc_auc(scores, fakes)?);
        let got =
            bootstrap(&[0.9, 0.6, 0.7, 0.1], &[true, true, false, false], &options(200), dprime);
        assert_eq!(got.unwrap().interval.unwrap().high, f64::INFINITY);
    }

    #[test]
    fn result_depends_on_seed_but_not_on_threads() {
        let scores: Vec<f64> = (0..60).map(|i| f64::from(i * 37 % 60)).collect();
        let is_fake: Vec<bool> = (0..60).map(|i| i % 3 == 0).collect();
        let with = |threads, seed| {
            let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
            let options = BootstrapOptions { seed, ..options(300) };
            pool.install(|| bootstrap(&scores, &is_fake, &options, roc_auc)).unwrap()
        };
        assert_eq!(with(1, 0), with(5, 0));
        assert_ne!(with(1, 0).interval, with(1, 1).interval);
    }

    #[test]
    fn invalid_options_are_errors() {
        let with = |options| bootstrap(&[0.1, 0.2], &[true, false], &options, roc_auc);
        assert_eq!(with(options(0)), Err(MetricError::NoReplicates));
        for level in [0.0, 1.0, -0.5, f64::INFINITY] {
            let got = with(BootstrapOptions { level, ..options(5) });
            assert_eq!(got, Err(MetricError::Level { value: level }));
        }
        let nan = with(BootstrapOptions { level: f64::NAN, ..options(5) });
        assert!(matches!(nan, Err(MetricError::Level { .. })));
    }
}
