//! The frequencies that a microphone and its line transmit.

use avff_rng::Rng;

use super::biquad::Biquad;

/// The fraction of recordings over a telephone.
const TELEPHONE: f64 = 0.06;
/// The quality of a filter without a peak.
const FLAT: f64 = std::f64::consts::FRAC_1_SQRT_2;

/// A microphone.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Microphone {
    filters: Vec<Biquad>,
}

impl Microphone {
    pub(super) fn new(rate: f64, rng: &mut Rng) -> Self {
        let telephone = rng.bernoulli(TELEPHONE);
        let (low, high) = if telephone {
            (rng.between(250.0, 350.0), rng.between(3200.0, 3500.0))
        } else {
            // Cheap microphones miss the highest frequencies, and good ones do not.
            (rng.between(30.0, 180.0), rng.between(4500.0, 12_000.0))
        };
        let mut filters = vec![Biquad::high_pass(low, FLAT, rate)];
        if high < 0.49 * rate {
            filters.push(Biquad::low_pass(high, FLAT, rate));
            filters.push(Biquad::low_pass(high, FLAT, rate));
        }
        for _ in 0..2 {
            let hertz = 200.0 * libm::exp(rng.between(0.0, 3.3));
            let (quality, gain) = (rng.between(0.5, 1.5), rng.between(-5.0, 5.0));
            filters.push(Biquad::peak(hertz, quality, gain, rate));
        }
        Self { filters }
    }

    /// Filters samples in place.
    pub(super) fn apply(&self, samples: &mut [f32]) {
        let mut filters = self.filters.clone();
        for sample in samples {
            let value =
                filters.iter_mut().fold(f64::from(*sample), |value, filter| filter.pass(value));
            *sample = value as f32;
        }
    }
}
