//! d' (d-prime), the sensitivity index.

use std::f64::consts::SQRT_2;

use crate::{
    better::Better,
    error::MetricError,
    metric::{Computed, Metric, Needs, Stage},
};

/// Computes d' = `sqrt(2) * probit(auc)`, which the AudioSet baselines report beside the AUC.
///
/// d' is the distance between the two classes' scores in standard deviations, if both were normal.
/// It resolves differences between AUCs near 1. AUC 0.5 gives 0, AUC 1 gives +infinity and AUC 0
/// gives -infinity.
///
/// # Errors
///
/// [`MetricError::NotARate`] if `auc` is not in `[0, 1]`.
pub fn d_prime(auc: f64) -> Result<f64, MetricError> {
    Ok(SQRT_2 * probit(auc)?)
}

/// Computes the quantile function of the standard normal distribution.
///
/// The relative error is about 1e-16 over the whole range. The algorithm is AS 241 (PPND16; Wichura
/// 1988, Applied Statistics 37(3), 477-484), which needs no error function. `probit(0)` is
/// -infinity and `probit(1)` is +infinity.
///
/// # Errors
///
/// [`MetricError::NotARate`] if `p` is not in `[0, 1]`.
pub fn probit(p: f64) -> Result<f64, MetricError> {
    if !(0.0..=1.0).contains(&p) {
        return Err(MetricError::NotARate { value: p });
    }
    let from_center = p - 0.5;
    if from_center.abs() <= 0.425 {
        return Ok(from_center * CENTER.at(0.180625 - from_center * from_center));
    }
    let tail = if from_center < 0.0 { p } else { 1.0 - p };
    if tail == 0.0 {
        return Ok(f64::INFINITY.copysign(from_center));
    }
    let root = (-tail.ln()).sqrt();
    let distance = if root <= 5.0 { TAIL.at(root - 1.6) } else { FAR_TAIL.at(root - 5.0) };
    Ok(distance.copysign(from_center))
}

/// A rational function. Coefficients are ordered from the highest power.
struct Rational {
    numerator: [f64; 8],
    denominator: [f64; 8],
}

impl Rational {
    fn at(&self, r: f64) -> f64 {
        let horner = |terms: &[f64]| terms.iter().fold(0.0, |sum, term| sum * r + term);
        horner(&self.numerator) / horner(&self.denominator)
    }
}

/// Approximation for `|p - 0.5| <= 0.425`, in `0.425^2 - (p - 0.5)^2`.
const CENTER: Rational = Rational {
    numerator: [
        2509.0809287301227,
        33430.57558358813,
        67265.7709270087,
        45921.95393154987,
        13731.69376550946,
        1971.5909503065513,
        133.14166789178438,
        3.3871328727963665,
    ],
    denominator: [
        5226.495278852854,
        28729.085735721943,
        39307.89580009271,
        21213.794301586597,
        5394.196021424751,
        687.1870074920579,
        42.31333070160091,
        1.0,
    ],
};

/// Approximation for `r = sqrt(-ln(tail)) <= 5`, in `r - 1.6`.
const TAIL: Rational = Rational {
    numerator: [
        0.0007745450142783414,
        0.022723844989269184,
        0.2417807251774506,
        1.2704582524523684,
        3.6478483247632045,
        5.769497221460691,
        4.630337846156546,
        1.4234371107496835,
    ],
    denominator: [
        1.0507500716444169e-09,
        0.0005475938084995345,
        0.015198666563616457,
        0.14810397642748008,
        0.6897673349851,
        1.6763848301838038,
        2.053191626637759,
        1.0,
    ],
};

/// Approximation for `r = sqrt(-ln(tail)) > 5`, in `r - 5`.
const FAR_TAIL: Rational = Rational {
    numerator: [
        2.0103343992922881e-07,
        2.7115555687434876e-05,
        0.0012426609473880784,
        0.026532189526576124,
        0.29656057182850487,
        1.7848265399172913,
        5.463784911164114,
        6.657904643501103,
    ],
    denominator: [
        2.0442631033899397e-15,
        1.421511758316446e-07,
        1.8463183175100548e-05,
        0.0007868691311456133,
        0.014875361290850615,
        0.1369298809227358,
        0.599832206555888,
        1.0,
    ],
};

impl Metric {
    /// [`d_prime`] of the mean AUC. Infinite if the mean AUC is 0 or 1.
    pub const D_PRIME: Self = Self {
        key: "dprime",
        title: "d'",
        meaning: "the sensitivity index `sqrt(2) * probit(A)` of the mean ROC AUC `A`, as the reference reports it; infinite if `A` is 0 or 1",
        better: Better::Higher,
        range: [f64::NEG_INFINITY, f64::INFINITY],
        needs: Needs::BothClasses,
        stages: &[Stage::Finetune],
        computed: Computed::Derived { of: &Self::MEAN_AUC, by: d_prime },
        interval: None,
    };
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a failed unwrap fails the test")]
    use super::*;

    /// Quantiles from R's `qnorm` and from tables of the normal distribution.
    #[test]
    fn known_quantiles() {
        let cases = [
            (0.5, 0.0),
            (0.75, 0.674_489_750_196_081_7),
            (0.9, 1.281_551_565_544_600_4),
            (0.95, 1.644_853_626_951_472_4),
            (0.975, 1.959_963_984_540_054),
            (0.999, 3.090_232_306_167_813_5),
            (1e-10, -6.361_340_902_404_056),
            (1e-20, -9.262_340_089_798_409),
        ];
        for (p, expected) in cases {
            let got = probit(p).unwrap();
            assert!((got - expected).abs() < 1e-12, "probit({p}) = {got}, expected {expected}");
        }
    }

    #[test]
    fn approximations_join_continuously() {
        // The slope of the quantile function is below 10 at 0.075 and below 1e12 at exp(-25).
        for (edge, jump) in [(0.075, 1e-8), ((-25.0_f64).exp(), 1e-8)] {
            let below = probit(edge * (1.0 - 1e-10)).unwrap();
            let above = probit(edge * (1.0 + 1e-10)).unwrap();
            assert!(below < above && above - below < jump, "at {edge}: {below}, {above}");
        }
    }

    #[test]
    fn ends_are_infinite_and_values_outside_are_errors() {
        assert_eq!(d_prime(1.0), Ok(f64::INFINITY));
        assert_eq!(d_prime(0.0), Ok(f64::NEG_INFINITY));
        assert_eq!(d_prime(0.5), Ok(0.0));
        for value in [-1e-9, 1.0 + 1e-9, f64::INFINITY] {
            assert_eq!(d_prime(value), Err(MetricError::NotARate { value }));
        }
        assert!(matches!(probit(f64::NAN), Err(MetricError::NotARate { .. })));
    }
}
