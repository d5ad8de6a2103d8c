//! The direction in which a metric improves.

use std::cmp::Ordering;

use serde::{Deserialize, Serialize};

/// The direction in which a metric improves.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Better {
    /// Lower values are better, as for a loss or an error rate.
    Lower,
    /// Higher values are better, as for accuracy.
    Higher,
}

impl Better {
    /// Orders two values, the better first and NaN last.
    #[must_use]
    pub fn order(self, a: f64, b: f64) -> Ordering {
        let by_value = match self {
            Self::Lower => a.total_cmp(&b),
            Self::Higher => b.total_cmp(&a),
        };
        a.is_nan().cmp(&b.is_nan()).then(by_value)
    }

    /// Returns whether `new` is better than `old`. NaN is worse than every number.
    #[must_use]
    pub fn improves(self, new: f64, old: f64) -> bool {
        match self {
            _ if new.is_nan() => false,
            _ if old.is_nan() => true,
            Self::Lower => new < old,
            Self::Higher => new > old,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nan_comes_last_and_never_improves() {
        let mut values = [f64::NAN, 0.5, -f64::NAN, 0.7];
        values.sort_by(|&a, &b| Better::Higher.order(a, b));
        assert_eq!(values[..2], [0.7, 0.5]);
        assert!(Better::Lower.improves(0.4, 0.5) && !Better::Higher.improves(0.4, 0.5));
        assert!(Better::Lower.improves(9.0, f64::NAN) && !Better::Lower.improves(f64::NAN, 9.0));
    }
}
