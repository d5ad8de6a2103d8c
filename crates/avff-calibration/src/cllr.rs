//! The cost of likelihood ratios.

use crate::{clips::Clips, isotonic::pooled, logistic::softplus};

/// Computes the cost of log-likelihood ratios (Cllr), in bits: 0 is perfect, and 1 is that of a
/// ratio of 1 for every clip. The ratio compares "fake" with "real".
///
/// Source: N. Brümmer and J. du Preez, "Application-independent evaluation of speaker detection",
/// Computer Speech and Language, 2006.
#[must_use]
pub fn cllr(log_ratios: &Clips) -> f64 {
    let mean = |ratios: &[f64], sign: f64| {
        ratios.iter().map(|ratio| softplus(sign * ratio)).sum::<f64>() / ratios.len() as f64
    };
    (mean(&log_ratios.fakes, -1.0) + mean(&log_ratios.reals, 1.0)) / (2.0 * std::f64::consts::LN_2)
}

/// Computes Cllr-min: the Cllr of the best non-decreasing function of the scores. Cllr minus Cllr-min
/// is the loss by calibration; Cllr-min is the loss by discrimination.
#[must_use]
pub fn cllr_min(scores: &Clips) -> f64 {
    let (fakes, reals) = (scores.fakes.len() as f64, scores.reals.len() as f64);
    let mut cost = 0.0;
    for block in pooled(scores) {
        let own = [block.fakes / fakes, (block.clips - block.fakes) / reals];
        let [fake, real] = own;
        // The ratio of a block is that of its shares of both classes; a block of one class costs 0.
        if fake > 0.0 && real > 0.0 {
            cost += fake * libm::log2(1.0 + real / fake) + real * libm::log2(1.0 + fake / real);
        }
    }
    cost / 2.0
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn clips(scores: &[f64], fake: &[bool]) -> Clips {
        Clips::new(scores, fake).unwrap()
    }

    #[test]
    fn known_values() {
        // Ratios of 1 carry one bit of cost.
        assert!((cllr(&clips(&[0.0, 0.0], &[true, false])) - 1.0).abs() < 1e-15);
        // A ratio of 3 for a fake and of 1/3 for a real clip cost log2(4/3) each.
        let three = libm::log(3.0);
        let cost = cllr(&clips(&[three, -three], &[true, false]));
        assert!((cost - libm::log2(4.0 / 3.0)).abs() < 1e-12, "{cost}");
        assert_eq!(cllr_min(&clips(&[9.0, 8.0, 1.0], &[true, true, false])), 0.0);
        assert!((cllr_min(&clips(&[1.0, 2.0], &[true, false])) - 1.0).abs() < 1e-15);
    }

    /// Calibrated by pooling, the cost is Cllr-min; no shift or scale of the ratios does better.
    #[test]
    fn no_ratio_costs_less_than_the_least() {
        let fake = [true, false, true, true, false, false, true, false];
        let scores = [2.0, 1.5, 1.0, 0.5, 0.0, -0.5, -1.0, -2.0];
        let least = cllr_min(&clips(&scores, &fake));
        for scale in [0.1, 0.5, 1.0, 2.0] {
            for shift in [-0.5, 0.0, 0.5] {
                let ratios = scores.map(|score| scale * score + shift);
                assert!(cllr(&clips(&ratios, &fake)) >= least);
            }
        }
    }
}
