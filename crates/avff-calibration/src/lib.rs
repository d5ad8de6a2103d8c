//! From scores to probabilities, likelihood ratios and decisions.
//!
//! Everything is fitted on calibration clips: labeled clips that neither training nor any test has
//! used. Scores are `f64`; a higher score means "more likely fake".
//!
//! | file | concept |
//! |---|---|
//! | `clips.rs` | [`Clips`]: scores of labeled clips, checked once |
//! | `map.rs` | [`Map`]: the function from a score to P(fake); [`Method`] |
//! | `platt.rs`, `temperature.rs`, `isotonic.rs` | the methods |
//! | `choice.rs` | [`choose`]: the method with the lowest cross-validated loss |
//! | `brier.rs` | [`brier`] and [`calibration_error`]: how far probabilities are off |
//! | `cllr.rs` | [`cllr`] and [`cllr_min`]: the cost of likelihood ratios |
//! | `bounds.rs` | [`Bounds`]: the likelihood ratios that the clips support |
//! | `operating_point.rs` | [`OperatingPoint`]: a threshold at a rate of false positives |
//! | `conformal.rs` | [`Conformal`]: decisions with a guaranteed error rate |
//! | `quality.rs` | [`Quality`]: how good probabilities and ratios are, on clips that no fit has seen |
//! | `fitted.rs` | [`Calibration`]: all of it for one detector; [`Answer`]: what a score means |

#![forbid(unsafe_code)]

#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;

mod bounds;
mod brier;
mod choice;
mod clips;
mod cllr;
mod conformal;
mod error;
mod fitted;
mod folds;
mod isotonic;
mod logistic;
mod map;
mod operating_point;
mod platt;
mod quality;
mod temperature;

pub use bounds::Bounds;
pub use brier::{Bin, CalibrationErrorByBin, brier, calibration_error};
pub use choice::{Choice, choose};
pub use clips::Clips;
pub use cllr::{cllr, cllr_min};
pub use conformal::{Conformal, Decision};
pub use error::CalibrationError;
pub use fitted::{Answer, CalibrateOptions, Calibration};
pub use isotonic::Isotonic;
pub use map::{Map, Method};
pub use operating_point::{OperatingPoint, Rate};
pub use platt::Platt;
pub use quality::Quality;
pub use temperature::Temperature;
