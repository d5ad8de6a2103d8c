//! Compares with scikit-learn and scipy; `reference/calibration.py` writes the fixture.

#![allow(clippy::unwrap_used, reason = "a failed unwrap fails the test")]

use avff_calibration::{
    Clips, Isotonic, Map, Platt, Rate, Temperature, brier, calibration_error, cllr, cllr_min,
};
use serde_json::Value;

fn fixture() -> Value {
    serde_json::from_str(include_str!("fixtures/calibration.json")).unwrap()
}

fn numbers(case: &Value, key: &str) -> Vec<f64> {
    case[key].as_array().unwrap().iter().map(|value| value.as_f64().unwrap()).collect()
}

#[track_caller]
fn near(name: &Value, what: &str, actual: f64, expected: f64, tolerance: f64) {
    let error = (actual - expected).abs();
    assert!(error <= tolerance, "{name}: {what} is {actual}, expected {expected}");
}

#[test]
fn fits_and_costs_match_scikit_learn() {
    let fixture = fixture();
    let cases = fixture["cases"].as_array().unwrap();
    assert_eq!(cases.len(), 4);
    for case in cases {
        let name = &case["name"];
        let number = |key: &str| case[key].as_f64().unwrap();
        let scores = numbers(case, "scores");
        let fake: Vec<bool> = numbers(case, "fake").iter().map(|label| *label == 1.0).collect();
        let clips = Clips::new(&scores, &fake).unwrap();
        // scikit-learn minimizes with L-BFGS and stops at a gradient of 1e-6 or so.
        let platt = Platt::fit(&clips).unwrap();
        let p: Vec<f64> = scores.iter().map(|score| platt.probability(*score)).collect();
        for (actual, expected) in p.iter().zip(numbers(case, "platt")) {
            near(name, "platt", *actual, expected, 1e-5);
        }
        let isotonic = Isotonic::fit(&clips);
        for (at, expected) in numbers(case, "isotonic_at").iter().zip(numbers(case, "isotonic")) {
            near(name, "isotonic", isotonic.probability(*at), expected, 1e-9);
        }
        let temperature = Temperature::fit(&clips).unwrap().temperature;
        near(name, "temperature / scipy's", temperature / number("temperature"), 1.0, 1e-5);
        near(name, "Brier", brier(&p, &fake).unwrap(), number("brier"), 1e-5);
        near(name, "ECE", calibration_error(&p, &fake, 10).unwrap().ece, number("ece"), 1e-4);
        near(name, "loss", Map::Platt(platt).loss(&clips, 0.0), number("loss"), 1e-6);
        let ratios = clips.map(|score| Map::Platt(platt).log_odds(score) - clips.prior_log_odds());
        near(name, "Cllr", cllr(&ratios), number("cllr"), 1e-5);
        near(name, "Cllr-min", cllr_min(&clips), number("cllr_min"), 1e-9);
    }
}

#[test]
fn intervals_of_rates_match_scipy() {
    let fixture = fixture();
    for case in fixture["rates"].as_array().unwrap() {
        let count = |key: &str| usize::try_from(case[key].as_u64().unwrap()).unwrap();
        let number = |key: &str| case[key].as_f64().unwrap();
        let rate = Rate::new(count("hits"), count("clips"), number("level")).unwrap();
        near(case, "low", rate.low, number("low"), 1e-9);
        near(case, "high", rate.high, number("high"), 1e-9);
    }
}
