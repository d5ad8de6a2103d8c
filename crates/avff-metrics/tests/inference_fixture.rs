//! Partial AUC, DeLong, bootstrap and retrieval against the fixture of `reference/inference.py`.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on should stop")]

use avff_metrics::{
    BootstrapOptions, Interval, average_precision, bootstrap, delong, delong_test,
    embedding_retrieval_accuracy, partial_auc, roc_auc, standardised_partial_auc,
};
use serde_json::Value;

/// Both sides work in f64 and sum at most 410 terms in another order.
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
fn partial_auc_equals_scikit_learns() {
    for case in cases(&fixture()) {
        let (scores, is_fake) = (numbers(&case["first"]), is_fake(case));
        for row in rows(&case["partial"]) {
            let (max_fpr, area, standard) = (row[0], row[1], row[2]);
            let got = standardised_partial_auc(&scores, &is_fake, max_fpr).unwrap();
            assert!((got - standard).abs() < SUMS, "{} {max_fpr}: {got} {standard}", case["name"]);
            let got = partial_auc(&scores, &is_fake, max_fpr).unwrap();
            assert!((got - area).abs() < SUMS, "{} {max_fpr}: {got}, not {area}", case["name"]);
        }
    }
}

#[test]
fn delong_equals_the_plain_statement() {
    for case in cases(&fixture()) {
        let (name, is_fake, wanted) = (&case["name"], is_fake(case), &case["delong"]);
        let (first, second) = (numbers(&case["first"]), numbers(&case["second"]));
        let got = delong_test(&first, &second, &is_fake).unwrap();
        assert_eq!(got.first, delong(&first, &is_fake).unwrap());
        assert_eq!(Ok(got.first.auc), roc_auc(&first, &is_fake));
        let aucs = [got.first.auc, got.second.auc].into_iter().zip(numbers(&wanted["auc"]));
        let variances = [got.first.variance, got.second.variance];
        let variances = variances.into_iter().zip(numbers(&wanted["variance"]));
        let more = [
            (got.covariance, wanted["covariance"].as_f64().unwrap()),
            (got.variance, wanted["variance_of_difference"].as_f64().unwrap()),
        ];
        for (got, wanted) in aucs.chain(variances).chain(more) {
            assert!((got - wanted).abs() < SUMS, "{name}: {got}, not {wanted}");
        }
        // The fixture subtracts the covariance from the variances, which for near twins leaves nine
        // digits; p of 3e-48 magnifies what z is off by.
        for (got, wanted) in [(got.z, &wanted["z"]), (got.p, &wanted["p"])] {
            let wanted = wanted.as_f64();
            assert_eq!(got.is_some(), wanted.is_some(), "{name}");
            let (got, wanted) = (got.unwrap_or(0.0), wanted.unwrap_or(0.0));
            assert!((got - wanted).abs() <= 1e-8 * wanted.abs(), "{name}: {got}, not {wanted}");
        }
    }
}

/// Two runs of 20,000 resamples each. The end of such an interval deviates by about
/// sqrt(0.025 * 0.975 / 20,000) / density = 0.0011 / density of the spread's tail; with the normal
/// distribution's 0.058 / 0.048 for the AUC that is 0.0009, and 0.0013 for the difference of two. Five of
/// them are allowed.
#[test]
fn the_bootstrap_agrees_with_numpys() {
    let drawn = &fixture()["bootstrap"];
    let (scores, is_fake) = (numbers(&drawn["scores"]), is_fake(drawn));
    let options = BootstrapOptions { replicates: 20_000, ..BootstrapOptions::default() };
    let auc = bootstrap(&scores, &is_fake, &options, roc_auc).unwrap();
    let ap = bootstrap(&scores, &is_fake, &options, average_precision).unwrap();
    for (got, name) in [(auc, "auc"), (ap, "ap")] {
        let wanted = numbers(&drawn["interval"][name]);
        let Interval { low, high } = got.interval.unwrap();
        for (got, wanted) in [low, high].into_iter().zip(wanted) {
            assert!((got - wanted).abs() < 0.007, "{name}: {got}, not {wanted}");
        }
        assert_eq!(got.undefined, 0);
    }
}

#[test]
fn retrieval_equals_numpys() {
    for case in fixture()["retrieval"].as_array().unwrap() {
        let (first, second) = (rows(&case["first"]), rows(&case["second"]));
        let got = embedding_retrieval_accuracy(&first, &second).unwrap();
        let wanted = ["forward", "backward"].map(|way| case[way].as_f64().unwrap());
        assert!((got.forward - wanted[0]).abs() < SUMS && (got.backward - wanted[1]).abs() < SUMS);
        assert!((got.mean - (wanted[0] + wanted[1]) / 2.0).abs() < SUMS);
    }
}
