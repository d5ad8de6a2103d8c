//! Properties of partial AUC, DeLong, bootstrap and retrieval for arbitrary scores, ties included.
#![allow(clippy::unwrap_used, reason = "a failed unwrap fails the test")]

use avff_metrics::{
    BootstrapOptions, average_precision, bootstrap, delong, delong_test, partial_auc,
    retrieval_accuracy, roc_auc, standardized_partial_auc,
};
use proptest::prelude::*;

/// Generates at least two clips of each class with two scores each. Half of the sets contain many
/// ties.
fn sets() -> impl Strategy<Value = (Vec<f64>, Vec<f64>, Vec<bool>)> {
    let clips = prop_oneof![Just(6_u32), Just(1 << 20)].prop_flat_map(|levels| {
        let clip = (0..levels, 0..levels, any::<bool>()).prop_map(move |(first, second, fake)| {
            let score = |level| f64::from(level) / f64::from(levels);
            (score(first), score(second), fake)
        });
        proptest::collection::vec(clip, 4..60)
    });
    clips
        .prop_filter("two of each class", |clips| {
            let fakes = clips.iter().filter(|clip| clip.2).count();
            fakes >= 2 && clips.len() - fakes >= 2
        })
        .prop_map(|clips| {
            let scores = clips.iter().map(|&(first, second, _)| (first, second)).unzip();
            let (first, second): (Vec<f64>, Vec<f64>) = scores;
            (first, second, clips.iter().map(|clip| clip.2).collect())
        })
}

/// Computes the AUC and the covariance of two AUCs over all pairs, as the paper of 1988 defines
/// them.
fn by_pairs(first: &[f64], second: &[f64], is_fake: &[bool]) -> (f64, f64) {
    let of = |scores: &[f64], class: bool| -> Vec<f64> {
        scores.iter().zip(is_fake).filter(|clip| *clip.1 == class).map(|clip| *clip.0).collect()
    };
    let win = |fake: f64, real: f64| {
        if fake > real {
            1.0
        } else if fake == real {
            0.5
        } else {
            0.0
        }
    };
    let mean = |values: &[f64]| values.iter().sum::<f64>() / values.len() as f64;
    let components = |scores: &[f64]| {
        let (fakes, reals) = (of(scores, true), of(scores, false));
        let v10: Vec<f64> = fakes
            .iter()
            .map(|&f| mean(&reals.iter().map(|&r| win(f, r)).collect::<Vec<_>>()))
            .collect();
        let v01: Vec<f64> = reals
            .iter()
            .map(|&r| mean(&fakes.iter().map(|&f| win(f, r)).collect::<Vec<_>>()))
            .collect();
        (v10, v01)
    };
    let ((a10, a01), (b10, b01)) = (components(first), components(second));
    let covariance = |a: &[f64], b: &[f64]| {
        let (mean_a, mean_b) = (mean(a), mean(b));
        let sum: f64 = a.iter().zip(b).map(|(a, b)| (a - mean_a) * (b - mean_b)).sum();
        sum / (a.len() - 1) as f64 / a.len() as f64
    };
    (mean(&a10), covariance(&a10, &b10) + covariance(&a01, &b01))
}

/// Computes the trapezoidal area under the ROC curve up to `max_fpr`. Counts the clips anew at
/// every threshold.
fn partial_by_thresholds(scores: &[f64], is_fake: &[bool], max_fpr: f64) -> f64 {
    let mut thresholds = scores.to_vec();
    thresholds.sort_by(|a, b| b.total_cmp(a));
    let rate = |class: bool, threshold: f64| {
        let own = || scores.iter().zip(is_fake).filter(|clip| *clip.1 == class);
        own().filter(|clip| *clip.0 >= threshold).count() as f64 / own().count() as f64
    };
    let (mut area, mut fpr, mut tpr) = (0.0, 0.0, 0.0);
    for threshold in thresholds {
        let (next_fpr, next_tpr) = (rate(false, threshold), rate(true, threshold));
        if next_fpr > fpr {
            let end = next_fpr.min(max_fpr);
            let at_end = tpr + (next_tpr - tpr) * (end - fpr) / (next_fpr - fpr);
            area += (end - fpr).max(0.0) * (tpr + at_end) / 2.0;
        }
        (fpr, tpr) = (next_fpr, next_tpr);
        if fpr >= max_fpr {
            break;
        }
    }
    area
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn delong_matches_definition((first, second, is_fake) in sets()) {
        let got = delong_test(&first, &second, &is_fake).unwrap();
        let (auc, covariance) = by_pairs(&first, &second, &is_fake);
        prop_assert_eq!(Ok(got.first.auc), roc_auc(&first, &is_fake));
        prop_assert!((got.first.auc - auc).abs() < 1e-12);
        prop_assert!((got.covariance - covariance).abs() < 1e-12);
        prop_assert!((got.first.variance - by_pairs(&first, &first, &is_fake).1).abs() < 1e-12);
        let sum = got.first.variance + got.second.variance - 2.0 * got.covariance;
        prop_assert!((got.variance - sum).abs() < 1e-12);
        prop_assert!((got.difference - (got.second.auc - got.first.auc)).abs() < 1e-12);
        // Swapping the inputs changes the sign of z and preserves p.
        let swapped = delong_test(&second, &first, &is_fake).unwrap();
        prop_assert_eq!((swapped.p, swapped.z), (got.p, got.z.map(|z| -z)));
        prop_assert!(got.p.is_none_or(|p| (0.0..=1.0).contains(&p)));
    }

    #[test]
    fn increasing_map_of_scores_changes_nothing((first, _, is_fake) in sets()) {
        // The map is exact in f64 and strictly increasing on these scores, so it preserves ties.
        let squared: Vec<f64> = first.iter().map(|score| score * score * 8.0 - 3.0).collect();
        let got = delong_test(&first, &squared, &is_fake).unwrap();
        prop_assert_eq!((got.variance, got.z, got.p), (0.0, Some(0.0), Some(1.0)));
        prop_assert_eq!(got.first, got.second);
        for max_fpr in [0.05, 0.3, 1.0] {
            let of = |scores: &[f64]| partial_auc(scores, &is_fake, max_fpr);
            prop_assert_eq!(of(&first), of(&squared));
        }
        let options = BootstrapOptions { replicates: 20, ..BootstrapOptions::default() };
        let of = |scores: &[f64]| bootstrap(scores, &is_fake, &options, average_precision);
        prop_assert_eq!(of(&first), of(&squared));
    }

    #[test]
    fn intervals_contain_their_estimates((first, _, is_fake) in sets(), level in 0.01..0.999) {
        let got = delong(&first, &is_fake).unwrap();
        let interval = got.interval(level).unwrap();
        prop_assert!(0.0 <= interval.low && interval.low <= got.auc);
        prop_assert!(got.auc <= interval.high && interval.high <= 1.0);
        prop_assert_eq!(interval.is_point(), got.variance == 0.0);
    }

    #[test]
    fn bootstrap_interval_contains_auc((first, _, is_fake) in sets()) {
        // The AUC is the mean of its resamples' AUCs, so the 99.9 % interval must contain it.
        let options = BootstrapOptions { replicates: 300, level: 0.999, seed: 5 };
        let got = bootstrap(&first, &is_fake, &options, roc_auc).unwrap();
        let interval = got.interval.unwrap();
        prop_assert_eq!(Ok(got.estimate), roc_auc(&first, &is_fake));
        prop_assert!(interval.low <= got.estimate + 1e-12 && got.estimate <= interval.high + 1e-12);
        prop_assert_eq!(got.undefined, 0);
    }

    #[test]
    fn partial_auc_matches_definition(
        (first, _, is_fake) in sets(),
        max_fpr in prop_oneof![0.001..1.0_f64, Just(0.5), Just(1.0)],
    ) {
        let got = partial_auc(&first, &is_fake, max_fpr).unwrap();
        let expected = partial_by_thresholds(&first, &is_fake, max_fpr);
        prop_assert!((got - expected).abs() < 1e-12, "{} {}", got, expected);
        prop_assert!((0.0..=max_fpr + 1e-12).contains(&got));
        let complete = roc_auc(&first, &is_fake).unwrap();
        prop_assert_eq!(partial_auc(&first, &is_fake, 1.0), Ok(complete));
        let standard = standardized_partial_auc(&first, &is_fake, 1.0).unwrap();
        prop_assert!((standard - complete).abs() < 1e-12);
    }

    #[test]
    fn retrieval_without_ties_is_argmax_accuracy(
        n in 2..9_usize,
        seed in any::<u64>(),
    ) {
        // Distinct entries at random positions.
        let mut entries: Vec<usize> = (0..n * n).collect();
        entries.sort_by_cached_key(|&entry| {
            let mixed = (entry as u64 ^ seed).wrapping_mul(0x9E37_79B9_7F4A_7C15);
            (mixed ^ mixed >> 31).wrapping_mul(0xBF58_476D_1CE4_E5B9)
        });
        let entries: Vec<f64> = entries.into_iter().map(|entry| entry as f64).collect();
        let rows: Vec<&[f64]> = entries.chunks(n).collect();
        let at = |row: usize, column: usize| entries[row * n + column];
        let hits = |entry: &dyn Fn(usize, usize) -> f64| {
            let correct = |&i: &usize| (0..n).all(|other| entry(i, other) <= entry(i, i));
            (0..n).filter(correct).count() as f64 / n as f64
        };
        let got = retrieval_accuracy(&rows).unwrap();
        prop_assert!((got.forward - hits(&at)).abs() < 1e-12);
        prop_assert!((got.backward - hits(&|row, column| at(column, row))).abs() < 1e-12);
    }
}
