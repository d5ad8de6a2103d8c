//! The choice of a method by cross-validation.

use serde::{Deserialize, Serialize};
use strum::VariantArray;

use crate::{
    clips::Clips,
    error::CalibrationError,
    folds::Folds,
    map::{Map, Method},
};

/// What cross-validation says of every method.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Choice {
    /// The method with the lowest loss; the first of equals.
    pub method: Method,
    /// The mean cross-entropy of clips that a fit has not seen, in nats, for each method; `None` where
    /// a fit fails. Probabilities count as at least 1 / (n + 2) after a fit to n clips.
    pub losses: Vec<(Method, Option<f64>)>,
}

/// Chooses the method with the lowest cross-validated cross-entropy. Each fold has its share of both
/// classes; `seed` draws the folds.
///
/// # Errors
/// [`CalibrationError::Folds`] if a class has fewer clips than there are folds, or there are fewer
/// than two folds.
pub fn choose(clips: &Clips, folds: usize, seed: u64) -> Result<Choice, CalibrationError> {
    let folds = Folds::new(clips, folds, seed)?;
    let loss = |method: Method| -> Option<f64> {
        let mut sum = 0.0;
        for (held_out, others) in folds.iter() {
            // The rule of succession: what n clips of one class say of the next one.
            let least = 1.0 / (others.len() + 2) as f64;
            let fitted = Map::fit(method, others).ok()?;
            sum += fitted.loss(held_out, least) * held_out.len() as f64;
        }
        Some(sum / clips.len() as f64)
    };
    let losses: Vec<(Method, Option<f64>)> =
        Method::VARIANTS.iter().map(|&method| (method, loss(method))).collect();
    let known = losses.iter().filter_map(|&(method, loss)| Some((method, loss?)));
    let best = known.min_by(|a, b| a.1.total_cmp(&b.1));
    Ok(Choice { method: best.map_or(Method::Platt, |best| best.0), losses })
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use avff_rng::{Purpose, RngKey};

    use super::*;

    /// Scores whose log odds are a known function.
    fn drawn(count: u64, odds: impl Fn(f64) -> f64) -> Clips {
        let key = RngKey { seed: 1, epoch: 0, row: 0, occurrence: 0 };
        let mut rng = key.rng(Purpose::Bootstrap);
        let (mut scores, mut fake) = (Vec::new(), Vec::new());
        for _ in 0..count {
            let score = 3.0 * rng.normal();
            scores.push(score);
            fake.push(rng.unit() < crate::logistic::sigmoid(odds(score)));
        }
        Clips::new(&scores, &fake).unwrap()
    }

    #[test]
    fn the_method_that_fits_is_chosen() {
        // A line with an offset; a line through 0; steps.
        let choice = choose(&drawn(2_000, |score| 0.7 * score - 1.5), 5, 0).unwrap();
        assert_eq!(choice.method, Method::Platt, "{choice:?}");
        let clips = drawn(2_000, |score| 0.5 * score);
        let fitted = Map::fit(Method::Temperature, &clips).unwrap();
        let Map::Temperature(fitted) = fitted else { unreachable!("{fitted:?}") };
        assert!((fitted.temperature - 2.0).abs() < 0.2, "{fitted:?}");
        let steps = |score: f64| {
            if score < -2.0 {
                -0.5
            } else if score < 2.0 {
                0.0
            } else {
                0.5
            }
        };
        let choice = choose(&drawn(20_000, |score| 3.0 * steps(score)), 5, 0).unwrap();
        assert_eq!(choice.method, Method::Isotonic, "{choice:?}");
    }

    #[test]
    fn too_few_clips_for_the_folds_are_an_error() {
        let clips = Clips::new(&[1.0, 2.0, 3.0], &[true, false, true]).unwrap();
        let error = choose(&clips, 2, 0).unwrap_err();
        assert_eq!(error.to_string(), "1 real clips are fewer than 2 folds");
    }
}
