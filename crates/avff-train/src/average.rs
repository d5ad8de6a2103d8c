//! Averages of the weights along the way.

use serde::{Deserialize, Serialize};

/// Averages of the weights along the way.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct AverageConfig {
    /// The first and the last epoch whose weights are averaged.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub epochs: Option<[u64; 2]>,
    /// Decay of an exponential moving average.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ema: Option<f64>,
}
