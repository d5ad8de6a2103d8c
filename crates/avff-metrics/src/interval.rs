//! A confidence interval.

use serde::{Deserialize, Serialize};

use crate::error::MetricError;

/// The interval that contains a metric at the requested confidence level.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Interval {
    /// Lower end.
    pub low: f64,
    /// Upper end.
    pub high: f64,
}

impl Interval {
    /// Returns whether the interval has zero width, as for scores that separate all clips. A point
    /// interval does not describe the uncertainty of the metric.
    #[must_use]
    pub fn is_point(self) -> bool {
        self.low == self.high
    }
}

/// Returns an error if `level` is not in `(0, 1)`.
pub(crate) fn check_level(level: f64) -> Result<(), MetricError> {
    if level > 0.0 && level < 1.0 { Ok(()) } else { Err(MetricError::Level { value: level }) }
}
