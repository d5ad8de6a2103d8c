//! A confidence interval.

use serde::{Deserialize, Serialize};

use crate::error::MetricError;

/// Where a metric lies with the confidence that was asked for.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Interval {
    /// Its lower end.
    pub low: f64,
    /// Its upper end.
    pub high: f64,
}

impl Interval {
    /// Whether it has no width, as with scores that separate every clip: it then says nothing of how
    /// sure the metric is.
    #[must_use]
    pub fn is_point(self) -> bool {
        self.low == self.high
    }
}

/// Refuses a level that is not within `(0, 1)`.
pub(crate) fn check_level(level: f64) -> Result<(), MetricError> {
    if level > 0.0 && level < 1.0 { Ok(()) } else { Err(MetricError::Level { value: level }) }
}
