//! Temperature scaling: the log odds divided by one number.

use serde::{Deserialize, Serialize};

use crate::{clips::Clips, error::CalibrationError, logistic::sigmoid};

/// Steps of the bisection at most.
const STEPS: usize = 200;

/// `P(fake) = 1 / (1 + exp(-score / temperature))`. The score is a difference of two logits.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Temperature {
    /// Above 1 where the network was too sure.
    pub temperature: f64,
}

impl Temperature {
    /// Finds the temperature with the lowest cross-entropy, which is convex in its inverse.
    ///
    /// Source: C. Guo et al., "On calibration of modern neural networks", ICML 2017.
    ///
    /// # Errors
    /// [`CalibrationError::Separated`] and [`CalibrationError::Inverted`] where no temperature is
    /// the best.
    pub fn fit(clips: &Clips) -> Result<Self, CalibrationError> {
        let data: Vec<(f64, f64)> = clips.labeled().collect();
        // The derivative of the cross-entropy by the inverse temperature; it grows with it.
        let slope = |inverse: f64| -> f64 {
            data.iter().map(|&(score, label)| (sigmoid(inverse * score) - label) * score).sum()
        };
        if slope(0.0) >= 0.0 {
            return Err(CalibrationError::Inverted);
        }
        if data.iter().all(|(score, label)| score * (label - 0.5) >= 0.0) {
            return Err(CalibrationError::Separated);
        }
        // A clip on the wrong side makes the derivative positive in the end.
        let mut upper = 1.0;
        while slope(upper) < 0.0 && upper.is_finite() {
            upper *= 2.0;
        }
        let mut lower = 0.0;
        for _ in 0..STEPS {
            let middle = (lower + upper) / 2.0;
            if middle == lower || middle == upper {
                break;
            }
            if slope(middle) < 0.0 { lower = middle } else { upper = middle }
        }
        Ok(Self { temperature: 1.0 / upper })
    }

    /// Computes P(fake).
    #[must_use]
    pub fn probability(&self, score: f64) -> f64 {
        sigmoid(score / self.temperature)
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::map::Map;

    /// Of clips at +2 and at -2, three quarters are on their side: log(3) = 2 / T.
    #[test]
    fn matches_the_closed_form() {
        let scores = [2.0, 2.0, 2.0, 2.0, -2.0, -2.0, -2.0, -2.0];
        let fake = [true, true, true, false, true, false, false, false];
        let clips = Clips::new(&scores, &fake).unwrap();
        let fitted = Temperature::fit(&clips).unwrap();
        assert!((fitted.temperature - 2.0 / libm::log(3.0)).abs() < 1e-12, "{fitted:?}");
        assert!((fitted.probability(2.0) - 0.75).abs() < 1e-12);
        let loss = |temperature| Map::Temperature(Temperature { temperature }).loss(&clips, 0.0);
        let least = loss(fitted.temperature);
        assert!(least < loss(1.7) && least < loss(2.0));
    }

    #[test]
    fn sets_without_a_best_temperature_are_errors() {
        let fit =
            |scores: &[f64], fake: &[bool]| Temperature::fit(&Clips::new(scores, fake).unwrap());
        assert_eq!(fit(&[1.0, -1.0], &[true, false]), Err(CalibrationError::Separated));
        assert_eq!(fit(&[-1.0, 1.0], &[true, false]), Err(CalibrationError::Inverted));
        assert_eq!(fit(&[0.0, 0.0], &[true, false]), Err(CalibrationError::Inverted));
    }
}
