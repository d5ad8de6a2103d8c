//! The function from a score to P(fake), of any method.

use serde::{Deserialize, Serialize};

use crate::{
    clips::Clips, error::CalibrationError, isotonic::Isotonic, platt::Platt,
    temperature::Temperature,
};

/// A method of calibration.
#[derive(
    Debug,
    Clone,
    Copy,
    PartialEq,
    Eq,
    Serialize,
    Deserialize,
    strum::Display,
    strum::EnumString,
    strum::IntoStaticStr,
    strum::VariantArray,
    strum::VariantNames,
)]
#[serde(rename_all = "kebab-case")]
#[strum(serialize_all = "kebab-case")]
pub enum Method {
    /// A logistic function with slope and intercept.
    Platt,
    /// The log odds divided by one number.
    Temperature,
    /// The best non-decreasing function; needs hundreds of clips.
    Isotonic,
}

/// The function from a score to P(fake).
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "method", rename_all = "kebab-case")]
pub enum Map {
    /// [`Method::Platt`].
    Platt(Platt),
    /// [`Method::Temperature`].
    Temperature(Temperature),
    /// [`Method::Isotonic`].
    Isotonic(Isotonic),
}

impl Map {
    /// Fits a method to labeled clips. The scores are differences of logits, or any other numbers
    /// that grow with "more likely fake".
    ///
    /// # Errors
    /// See [`Platt::fit`] and [`Temperature::fit`].
    pub fn fit(method: Method, clips: &Clips) -> Result<Self, CalibrationError> {
        Ok(match method {
            Method::Platt => Self::Platt(Platt::fit(clips)?),
            Method::Temperature => Self::Temperature(Temperature::fit(clips)?),
            Method::Isotonic => Self::Isotonic(Isotonic::fit(clips)),
        })
    }

    /// The method.
    #[must_use]
    pub fn method(&self) -> Method {
        match self {
            Self::Platt(_) => Method::Platt,
            Self::Temperature(_) => Method::Temperature,
            Self::Isotonic(_) => Method::Isotonic,
        }
    }

    /// Whether a fit can give these numbers: they are finite, and steps ascend from probability to probability.
    pub(crate) fn is_valid(&self) -> bool {
        match self {
            Self::Platt(map) => map.slope.is_finite() && map.intercept.is_finite(),
            Self::Temperature(map) => map.temperature.is_finite() && map.temperature > 0.0,
            Self::Isotonic(map) => {
                let unit = |p: &f64| (0.0..=1.0).contains(p);
                map.scores.len() == map.probabilities.len()
                    && !map.scores.is_empty()
                    && map.scores.iter().all(|score| score.is_finite())
                    && map.probabilities.iter().all(unit)
                    && map.scores.is_sorted()
                    && map.probabilities.is_sorted()
            }
        }
    }

    /// Computes P(fake) of a clip from a set with as large a share of fakes as the calibration
    /// clips.
    #[must_use]
    pub fn probability(&self, score: f64) -> f64 {
        match self {
            Self::Platt(map) => map.probability(score),
            Self::Temperature(map) => map.probability(score),
            Self::Isotonic(map) => map.probability(score),
        }
    }

    /// Computes the log odds of [`probability`](Self::probability), which may be infinite.
    #[must_use]
    pub fn log_odds(&self, score: f64) -> f64 {
        match self {
            Self::Platt(map) => map.slope * score + map.intercept,
            Self::Temperature(map) => score / map.temperature,
            Self::Isotonic(map) => {
                let p = map.probability(score);
                libm::log(p) - libm::log1p(-p)
            }
        }
    }

    /// Computes the mean cross-entropy of labeled clips, in nats. Probabilities below `least` count as
    /// `least`, those above 1 - `least` as that: one clip with probability 0 would cost infinitely
    /// much.
    #[must_use]
    pub fn loss(&self, clips: &Clips, least: f64) -> f64 {
        let each = clips.labeled().map(|(score, label)| {
            let p = self.probability(score).max(least).min(1.0 - least);
            -libm::log(if label > 0.5 { p } else { 1.0 - p })
        });
        each.sum::<f64>() / clips.len() as f64
    }
}
