//! Compares partial AUC, DeLong, bootstrap and retrieval with the fixture of
//! `reference/inference.py`.
#![allow(clippy::unwrap_used, reason = "a failed unwrap fails the test")]

use avff_metrics::{
    BootstrapOptions, Interval, average_precision, bootstrap, delong, delong_test,
    embedding_retrieval_accuracy, partial_auc, roc_auc, standardized_partial_auc,
};
use serde_json::Value;

/// Tolerance: both sides work in f64 and sum at most 410 terms in different orders.
const SUMS: f64 = 1e-14;

fn fixture() -> Value {
    serde_json::from_str(include_str!("fixtures/inference.json")).unwrap()
}

fn numbers(values: &Value) -> Vec<f64> {
    values.as_array().unwrap().iter().map(|v| v.as_f64().unwrap()).collect()
}

fn is_fake(case: &Value) -> Vec<bool> {
    numbers(&case["target"]).iter().map(|&target| target == 1.0).collect()
}

fn rows(values: &Value) -> Vec<Vec<f64>> {
    values.as_array().unwrap().iter().map(numbers).collect()
}

fn cases(fixture: &Value) -> &Vec<Value> {
    let cases = fixture["cases"].as_array().unwrap();
    assert!(cases.len() >= 11, "the fixture lost cases");
    cases
}

#[test]
fn partial_auc_matches_scikit_learn() {
    for case in cases(&fixture()) {
        let (scores, is_fake) = (numbers(&case["first"]), is_fake(case));
        for row in rows(&case["partial"]) {
            let (max_fpr, area, standard) = (row[0], row[1], row[2]);
            let got = standardized_partial_auc(&scores, &is_fake, max_fpr).unwrap();
            assert!((got - standard).abs() < SUMS, "{} {max_fpr}: {got} {standard}", case["name"]);
            let got = partial_auc(&scores, &is_fake, max_fpr).unwrap();
            assert!(
                (got - area).abs() < SUMS,
                "{} {max_fpr}: {got}, expected {area}",
                case["name"]
            );
        }
    }
}

#[test]
fn delong_matches_pairwise_definition() {
    for case in cases(&fixture()) {
        let (name, is_fake, expected) = (&case["name"], is_fake(case), &case["delong"]);
        let (first, second) = (numbers(&case["first"]), numbers(&case["second"]));
        let got = delong_test(&first, &second, &is_fake).unwrap();
        assert_eq!(got.first, delong(&first, &is_fake).unwrap());
        assert_eq!(Ok(got.first.auc), roc_auc(&first, &is_fake));
        let aucs = [got.first.auc, got.second.auc].into_iter().zip(numbers(&expected["auc"]));
        let variances = [got.first.variance, got.second.variance];
        let variances = variances.into_iter().zip(numbers(&expected["variance"]));
        let more = [
            (got.covariance, expected["covariance"].as_f64().unwrap()),
            (got.variance, expected["variance_of_difference"].as_f64().unwrap()),
        ];
        for (got, expected) in aucs.chain(variances).chain(more) {
            assert!((got - expected).abs() < SUMS, "{name}: {got}, expected {expected}");
        }
        // The fixture subtracts the covariance from the variances, which leaves nine digits for
        // nearly equal rankings. A p of 3e-48 magnifies the error of z.
        for (got, expected) in [(got.z, &expected["z"]), (got.p, &expected["p"])] {
            let expected = expected.as_f64();
            assert_eq!(got.is_some(), expected.is_some(), "{name}");
            let (got, expected) = (got.unwrap_or(0.0), expected.unwrap_or(0.0));
            assert!(
                (got - expected).abs() <= 1e-8 * expected.abs(),
                "{name}: {got}, expected {expected}"
            );
        }
    }
}

/// Compares two runs of 20,000 resamples each.
///
/// The end of an interval has a standard deviation of about sqrt(0.025 * 0.975 / 20,000) / density
/// = 0.0011 / density of the distribution's tail. With the normal distribution's 0.058 / 0.048 for
/// the AUC, this is 0.0009, and 0.0013 for the difference of two ends. The tolerance is five
/// deviations.
#[test]
fn bootstrap_matches_numpy() {
    let reference = &fixture()["bootstrap"];
    let (scores, is_fake) = (numbers(&reference["scores"]), is_fake(reference));
    let options = BootstrapOptions { replicates: 20_000, ..BootstrapOptions::default() };
    let auc = bootstrap(&scores, &is_fake, &options, roc_auc).unwrap();
    let ap = bootstrap(&scores, &is_fake, &options, average_precision).unwrap();
    for (got, name) in [(auc, "auc"), (ap, "ap")] {
        let expected = numbers(&reference["interval"][name]);
        let Interval { low, high } = got.interval.unwrap();
        for (got, expected) in [low, high].into_iter().zip(expected) {
            assert!((got - expected).abs() < 0.007, "{name}: {got}, expected {expected}");
        }
        assert_eq!(got.undefined, 0);
    }
}

#[test]
fn retrieval_matches_numpy() {
    for case in fixture()["retrieval"].as_array().unwrap() {
        let (first, second) = (rows(&case["first"]), rows(&case["second"]));
        let got = embedding_retrieval_accuracy(&first, &second).unwrap();
        let expected = ["forward", "backward"].map(|way| case[way].as_f64().unwrap());
        assert!(
            (got.forward - expected[0]).abs() < SUMS && (got.backward - expected[1]).abs() < SUMS
        );
        assert!((got.mean - (expected[0] + expected[1]) / 2.0).abs() < SUMS);
    }
}
