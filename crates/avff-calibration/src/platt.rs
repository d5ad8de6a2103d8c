//! Platt scaling: a logistic function of the score.

use serde::{Deserialize, Serialize};

use crate::{
    clips::Clips,
    error::CalibrationError,
    logistic::{sigmoid, softplus},
};

/// Newton steps at most; five to ten are usual.
const STEPS: usize = 100;
/// The gradient at which the fit ends, per clip.
const TOLERANCE: f64 = 1e-12;

/// The logistic function `P(fake) = 1 / (1 + exp(-(slope * score + intercept)))`.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Platt {
    /// Above 0 where a higher score means "more likely fake".
    pub slope: f64,
    /// The log odds of fake at a score of 0.
    pub intercept: f64,
}

impl Platt {
    /// Fits the function to the smoothed labels `(fakes + 1) / (fakes + 2)` and `1 / (reals + 2)`.
    /// They keep the slope finite where the classes do not overlap.
    ///
    /// Source: J. Platt, "Probabilistic outputs for support vector machines", 1999; H.-T. Lin,
    /// C.-J. Lin and R. Weng, "A note on Platt's probabilistic outputs", 2007.
    ///
    /// # Errors
    /// [`CalibrationError::NoFit`] if Newton's method does not end, as for scores of 1e300.
    pub fn fit(clips: &Clips) -> Result<Self, CalibrationError> {
        let (fakes, reals) = (clips.fakes.len() as f64, clips.reals.len() as f64);
        let (high, low) = ((fakes + 1.0) / (fakes + 2.0), 1.0 / (reals + 2.0));
        let data: Vec<(f64, f64)> = clips
            .labeled()
            .map(|(score, label)| (score, if label > 0.5 { high } else { low }))
            .collect();
        // Standardized scores make the Hessian well conditioned.
        let count = data.len() as f64;
        let mean = data.iter().map(|(score, _)| score).sum::<f64>() / count;
        let variance = data.iter().map(|(score, _)| (score - mean).powi(2)).sum::<f64>() / count;
        let deviation = variance.sqrt();
        if !deviation.is_finite() {
            return Err(CalibrationError::NoFit { method: "platt" });
        }
        if deviation == 0.0 {
            // Equal scores tell nothing: the log odds of the labels.
            let p = data.iter().map(|(_, target)| target).sum::<f64>() / count;
            return Ok(Self { slope: 0.0, intercept: libm::log(p / (1.0 - p)) });
        }
        let data: Vec<(f64, f64)> =
            data.into_iter().map(|(score, target)| ((score - mean) / deviation, target)).collect();
        let [slope, intercept] = newton(&data)?;
        let slope = slope / deviation;
        Ok(Self { slope, intercept: intercept - slope * mean })
    }

    /// Computes P(fake).
    #[must_use]
    pub fn probability(&self, score: f64) -> f64 {
        sigmoid(self.slope * score + self.intercept)
    }
}

/// Minimizes the cross-entropy of `sigmoid(a x + b)` against targets in (0, 1).
fn newton(data: &[(f64, f64)]) -> Result<[f64; 2], CalibrationError> {
    let loss = |[a, b]: [f64; 2]| -> f64 {
        data.iter().map(|&(x, t)| softplus(a * x + b) - t * (a * x + b)).sum()
    };
    let mut at = [0.0, 0.0];
    let mut value = loss(at);
    for _ in 0..STEPS {
        let (mut gradient, mut hessian) = ([0.0; 2], [0.0; 3]);
        for &(x, target) in data {
            let p = sigmoid(at[0] * x + at[1]);
            let (error, weight) = (p - target, p * (1.0 - p));
            gradient = [gradient[0] + error * x, gradient[1] + error];
            hessian = [hessian[0] + weight * x * x, hessian[1] + weight * x, hessian[2] + weight];
        }
        if gradient.iter().all(|g| g.abs() < TOLERANCE * data.len() as f64) {
            return Ok(at);
        }
        // A ridge keeps the step finite where all clips are far from the threshold.
        let (h11, h12, h22) = (hessian[0] + 1e-12, hessian[1], hessian[2] + 1e-12);
        let determinant = h11 * h22 - h12 * h12;
        let step = [
            (h22 * gradient[0] - h12 * gradient[1]) / determinant,
            (h11 * gradient[1] - h12 * gradient[0]) / determinant,
        ];
        let mut length = 1.0;
        loop {
            let next = [at[0] - length * step[0], at[1] - length * step[1]];
            let next_value = loss(next);
            if next_value <= value {
                if next == at {
                    return Ok(at);
                }
                (at, value) = (next, next_value);
                break;
            }
            length /= 2.0;
            if length < 1e-10 {
                // No step lowers the loss: the limit of the numbers is reached.
                return Ok(at);
            }
        }
    }
    Err(CalibrationError::NoFit { method: "platt" })
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn clips(scores: &[f64], fake: &[bool]) -> Clips {
        Clips::new(scores, fake).unwrap()
    }

    /// Two scores have a closed form: the log odds of the mean targets.
    #[test]
    fn two_scores_give_their_log_odds() {
        // 3 of 4 clips at 1 and 1 of 5 at -1 are fake.
        let scores = [1.0, 1.0, 1.0, 1.0, -1.0, -1.0, -1.0, -1.0, -1.0];
        let fake = [true, true, true, false, true, false, false, false, false];
        let map = Platt::fit(&clips(&scores, &fake)).unwrap();
        let (high, low) = (5.0 / 6.0, 1.0 / 7.0);
        let above = (3.0 * high + low) / 4.0;
        let below = (high + 4.0 * low) / 5.0;
        assert!((map.probability(1.0) - above).abs() < 1e-10, "{map:?}");
        assert!((map.probability(-1.0) - below).abs() < 1e-10, "{map:?}");
    }

    #[test]
    fn separate_classes_have_a_finite_slope() {
        let map = Platt::fit(&clips(&[3.0, 2.0, -1.0, -2.0], &[true, true, false, false])).unwrap();
        assert!(map.slope > 0.0 && map.slope.is_finite(), "{map:?}");
        assert!(map.probability(3.0) < 1.0 && map.probability(-2.0) > 0.0);
    }

    #[test]
    fn equal_scores_give_the_share_of_fakes() {
        let map = Platt::fit(&clips(&[0.5; 4], &[true, true, true, false])).unwrap();
        let expected = (3.0 * 0.8 + 1.0 / 3.0) / 4.0;
        assert!((map.probability(0.5) - expected).abs() < 1e-12, "{map:?}");
    }

    #[test]
    fn scores_that_overflow_are_an_error() {
        let map = Platt::fit(&clips(&[1e300, -1e300], &[true, false]));
        assert!(matches!(map, Err(CalibrationError::NoFit { .. })), "{map:?}");
    }
}
