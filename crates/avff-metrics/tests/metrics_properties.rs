//! Properties of the metrics for arbitrary scores, ties included.
#![allow(clippy::unwrap_used, reason = "a failed unwrap fails the test")]

use avff_metrics::{
    BinaryReport, Metric, Scored, average_precision, balanced_accuracy, by_threshold, d_prime,
    equal_error_rate, probit, roc_auc,
};
use proptest::prelude::*;

/// Generates a set with both classes. Half of the sets use few distinct scores and contain many
/// ties.
fn sets() -> impl Strategy<Value = (Vec<f64>, Vec<bool>)> {
    let score = prop_oneof![Just(8_u32), Just(1 << 20)].prop_flat_map(|levels| {
        let clip = (0..levels, any::<bool>())
            .prop_map(move |(level, fake)| (f64::from(level) / f64::from(levels), fake));
        proptest::collection::vec(clip, 2..80)
    });
    score
        .prop_filter("both classes", |clips| {
            clips.iter().any(|clip| clip.1) && clips.iter().any(|clip| !clip.1)
        })
        .prop_map(|clips| clips.into_iter().unzip())
}

/// Computes the AUC over all pairs of a fake and a real.
fn auc_by_pairs(scores: &[f64], is_fake: &[bool]) -> f64 {
    let of = |class: bool| scores.iter().zip(is_fake).filter(move |c| *c.1 == class).map(|c| *c.0);
    let (mut wins, mut pairs) = (0.0, 0.0);
    for fake in of(true) {
        for real in of(false) {
            pairs += 1.0;
            wins += if fake > real {
                1.0
            } else if fake == real {
                0.5
            } else {
                0.0
            };
        }
    }
    wins / pairs
}

/// Computes average precision from precision and recall at every distinct threshold.
fn ap_by_thresholds(scores: &[f64], is_fake: &[bool]) -> f64 {
    let mut thresholds = scores.to_vec();
    thresholds.sort_by(|a, b| b.total_cmp(a));
    thresholds.dedup();
    let fakes = is_fake.iter().filter(|&&fake| fake).count() as f64;
    let (mut area, mut recall_before) = (0.0, 0.0);
    for threshold in thresholds {
        let called = by_threshold(scores, threshold).unwrap();
        let true_positives = called.iter().zip(is_fake).filter(|c| *c.0 && *c.1).count() as f64;
        let positives = called.iter().filter(|&&fake| fake).count() as f64;
        area += (true_positives / fakes - recall_before) * true_positives / positives;
        recall_before = true_positives / fakes;
    }
    area
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn auc_and_ap_match_definitions((scores, is_fake) in sets()) {
        let auc = roc_auc(&scores, &is_fake).unwrap();
        prop_assert!((auc - auc_by_pairs(&scores, &is_fake)).abs() < 1e-12);
        let ap = average_precision(&scores, &is_fake).unwrap();
        prop_assert!((ap - ap_by_thresholds(&scores, &is_fake)).abs() < 1e-12);
    }

    #[test]
    fn values_stay_in_range((scores, is_fake) in sets()) {
        let auc = roc_auc(&scores, &is_fake).unwrap();
        prop_assert!((0.0..=1.0).contains(&auc));
        let ap = average_precision(&scores, &is_fake).unwrap();
        prop_assert!(ap > 0.0 && ap <= 1.0);
        let eer = equal_error_rate(&scores, &is_fake).unwrap();
        prop_assert!((0.0..=1.0).contains(&eer));
        prop_assert_eq!(auc == 1.0, eer == 0.0);
    }

    #[test]
    fn inverted_scores_invert_the_ranking((scores, is_fake) in sets()) {
        let inverted: Vec<f64> = scores.iter().map(|score| 1.0 - score).collect();
        let sum = roc_auc(&scores, &is_fake).unwrap() + roc_auc(&inverted, &is_fake).unwrap();
        prop_assert!((sum - 1.0).abs() < 1e-12);
        let eers =
            equal_error_rate(&scores, &is_fake).unwrap() + equal_error_rate(&inverted, &is_fake).unwrap();
        prop_assert!((eers - 1.0).abs() < 1e-12);
        // Inverting scores and labels preserves the separation.
        let is_real: Vec<bool> = is_fake.iter().map(|fake| !fake).collect();
        prop_assert_eq!(roc_auc(&scores, &is_fake), roc_auc(&inverted, &is_real));
    }

    #[test]
    fn only_score_order_matters((scores, is_fake) in sets(), seed in any::<u64>()) {
        let metrics = |scores: &[f64], is_fake: &[bool]| {
            (
                roc_auc(scores, is_fake),
                average_precision(scores, is_fake),
                equal_error_rate(scores, is_fake),
            )
        };
        let original = metrics(&scores, &is_fake);
        // The map is exact in f64 and strictly increasing on these scores, so it preserves ties.
        let squared: Vec<f64> = scores.iter().map(|score| score * score * 8.0 - 3.0).collect();
        prop_assert_eq!(metrics(&squared, &is_fake), original);

        let mut clips: Vec<(f64, bool)> = scores.into_iter().zip(is_fake).collect();
        let mut state = seed;
        clips.sort_by_cached_key(|_| {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            state >> 32
        });
        let (scores, is_fake): (Vec<f64>, Vec<bool>) = clips.into_iter().unzip();
        prop_assert_eq!(metrics(&scores, &is_fake), original);
    }

    #[test]
    fn equal_error_rate_lies_between_thresholds((scores, is_fake) in sets()) {
        // The EER point mixes two neighboring thresholds. Their balanced accuracies enclose 1 -
        // EER.
        let eer = equal_error_rate(&scores, &is_fake).unwrap();
        let mut around = scores.clone();
        around.push(f64::INFINITY);
        let reached = around.iter().map(|&threshold| {
            balanced_accuracy(&by_threshold(&scores, threshold).unwrap(), &is_fake).unwrap()
        });
        let (low, high) = reached.fold((1.0_f64, 0.0_f64), |(l, h), b| (l.min(b), h.max(b)));
        prop_assert!(low <= 1.0 - eer + 1e-12 && 1.0 - eer <= high + 1e-12);
    }

    #[test]
    fn probit_is_increasing_and_odd(p in 1e-9..0.5_f64) {
        prop_assert!(probit(p).unwrap() < probit(p * 1.001).unwrap());
        let mirrored = probit(1.0 - p).unwrap();
        prop_assert!((probit(p).unwrap() + mirrored).abs() < 1e-6);
        prop_assert!(d_prime(p).unwrap() <= 0.0);
    }

    #[test]
    fn report_accepts_arbitrary_bits(rows in proptest::collection::vec(any::<(u32, u32, u8)>(), 0..20)) {
        let clips: Vec<Scored> = rows
            .iter()
            .map(|&(fake, real, target)| Scored {
                fake: f32::from_bits(fake),
                real: f32::from_bits(real),
                target: target % 2,
            })
            .collect();
        let report = BinaryReport::new(&clips).unwrap();
        let values = [report.get(Metric::AUC), report.get(Metric::MEAN_AUC), report.get(Metric::AP), report.get(Metric::MAP), report.get(Metric::ACCURACY), report.get(Metric::EER)];
        for value in values.into_iter().flatten() {
            prop_assert!((0.0..=1.0).contains(&value));
        }
        prop_assert!(values.iter().all(Option::is_some) || !report.notes.is_empty());
    }
}
