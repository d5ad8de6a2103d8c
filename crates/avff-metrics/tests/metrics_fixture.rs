//! Compares the metrics with scikit-learn, using the fixture of `reference/metrics.py`.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a failed unwrap fails the test")]

use avff_metrics::{
    BinaryReport, Metric, Scored, accuracy, average_precision, balanced_accuracy, by_argmax,
    d_prime, equal_error_rate, mean_average_precision, mean_roc_auc, probit, roc_auc, tpr_at_fpr,
};
use serde_json::Value;

/// Tolerance: both sides work in f64 and sum at most 500 terms in different orders.
const SUMS: f64 = 1e-14;
/// Tolerance: scipy's root finder stops within 1e-15 on an interpolated, rounded curve. The slope
/// of probit is below 30 on these cases and magnifies the rounding of the AUC.
const ROOTS: f64 = 1e-13;

fn fixture() -> Value {
    serde_json::from_str(include_str!("fixtures/metrics.json")).unwrap()
}

fn numbers(case: &Value, key: &str) -> Vec<f64> {
    case[key].as_array().unwrap().iter().map(|v| v.as_f64().unwrap()).collect()
}

/// Returns the expected value; null stands for the infinite d' at AUC 1 or 0.
fn expected(case: &Value, metric: &str) -> f64 {
    let expected = &case["expected"];
    expected[metric].as_f64().unwrap_or_else(|| {
        assert_eq!(metric, "dprime", "only d' may be infinite");
        f64::INFINITY.copysign(expected["mean_auc"].as_f64().unwrap() - 0.5)
    })
}

fn error(got: f64, expected: f64) -> f64 {
    if got == expected { 0.0 } else { (got - expected).abs() }
}

#[test]
fn metrics_match_scikit_learn() {
    let fixture = fixture();
    let cases = fixture["cases"].as_array().unwrap();
    assert!(cases.len() >= 12, "the fixture lost cases");
    let mut failures = Vec::new();
    for case in cases {
        let (fake, real) = (numbers(case, "fake"), numbers(case, "real"));
        let is_fake: Vec<bool> = numbers(case, "target").iter().map(|&t| t == 1.0).collect();
        let called = by_argmax(&fake, &real).unwrap();
        let mean_auc = mean_roc_auc(&fake, &real, &is_fake).unwrap();
        let rows = [
            ("auc", roc_auc(&fake, &is_fake), SUMS),
            ("mean_auc", Ok(mean_auc), SUMS),
            ("ap", average_precision(&fake, &is_fake), SUMS),
            ("map", mean_average_precision(&fake, &real, &is_fake), SUMS),
            ("accuracy", accuracy(&called, &is_fake), SUMS),
            ("balanced_accuracy", balanced_accuracy(&called, &is_fake), SUMS),
            ("eer", equal_error_rate(&fake, &is_fake), ROOTS),
            ("tpr_at_fpr_1", tpr_at_fpr(&fake, &is_fake, 0.01), SUMS),
            ("tpr_at_fpr_01", tpr_at_fpr(&fake, &is_fake, 0.001), SUMS),
            ("dprime", d_prime(mean_auc), ROOTS),
        ];
        for (metric, got, tolerance) in rows {
            let (got, expected) = (got.unwrap(), expected(case, metric));
            let error = error(got, expected);
            if error.is_nan() || error > tolerance {
                failures.push(format!("{} {metric}: {got}, expected {expected}", case["name"]));
            }
        }
    }
    assert!(failures.is_empty(), "{failures:#?}");
}

#[test]
fn report_matches_metric_functions() {
    for case in fixture()["cases"].as_array().unwrap() {
        let outputs = numbers(case, "fake").into_iter().zip(numbers(case, "real"));
        let clips: Vec<Scored> = outputs
            .zip(numbers(case, "target"))
            // The fixture's scores and labels are exact in f32 and u8.
            .map(|((fake, real), t)| Scored {
                fake: fake as f32,
                real: real as f32,
                target: t as u8,
            })
            .collect();
        let report = BinaryReport::new(&clips).unwrap();
        let json = serde_json::to_value(&report).unwrap();
        for metric in case["expected"].as_object().unwrap().keys() {
            let expected = expected(case, metric);
            match json[metric].as_f64() {
                Some(got) => assert!(error(got, expected) <= ROOTS, "{} {metric}", case["name"]),
                None => assert_eq!(
                    report.get(Metric::D_PRIME),
                    Some(expected),
                    "{} {metric}",
                    case["name"]
                ),
            }
        }
        let infinite = report.get(Metric::D_PRIME).is_some_and(f64::is_infinite);
        assert_eq!(report.notes.is_empty(), !infinite, "{}: {:?}", case["name"], report.notes);
        assert_eq!(report.n, clips.len());
        assert_eq!(report.n_fake + report.n_real, report.n);
    }
}

#[test]
fn probit_matches_scipy() {
    for row in fixture()["probit"].as_array().unwrap() {
        let (p, expected) = (row[0].as_f64().unwrap(), row[1].as_f64().unwrap());
        let got = probit(p).unwrap();
        let error = error(got, expected);
        assert!(
            error <= 1e-14 * expected.abs().max(1e-3),
            "probit({p}) = {got}, expected {expected}"
        );
    }
}
