//! Second-order filters.

use std::f64::consts::TAU;

/// A second-order filter, after Bristow-Johnson's "Cookbook formulae for audio equalizer biquad
/// filter coefficients".
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Biquad {
    forward: [f64; 3],
    back: [f64; 2],
    inputs: [f64; 2],
    outputs: [f64; 2],
}

impl Biquad {
    fn new(forward: [f64; 3], back: [f64; 3]) -> Self {
        let [scale, first, second] = back;
        Self {
            forward: forward.map(|value| value / scale),
            back: [first / scale, second / scale],
            inputs: [0.0; 2],
            outputs: [0.0; 2],
        }
    }

    /// The sine and cosine of a frequency's angle, limited to what the rate can hold.
    fn angle(hertz: f64, rate: f64) -> (f64, f64) {
        let angle = TAU * hertz.clamp(1.0, 0.49 * rate) / rate;
        (libm::sin(angle), libm::cos(angle))
    }

    /// Passes frequencies below `hertz`. A quality of 0.707 has no peak.
    pub(super) fn low_pass(hertz: f64, quality: f64, rate: f64) -> Self {
        let (sin, cos) = Self::angle(hertz, rate);
        let alpha = sin / (2.0 * quality);
        let edge = (1.0 - cos) / 2.0;
        Self::new([edge, 1.0 - cos, edge], [1.0 + alpha, -2.0 * cos, 1.0 - alpha])
    }

    /// Passes frequencies above `hertz`.
    pub(super) fn high_pass(hertz: f64, quality: f64, rate: f64) -> Self {
        let (sin, cos) = Self::angle(hertz, rate);
        let alpha = sin / (2.0 * quality);
        let edge = (1.0 + cos) / 2.0;
        Self::new([edge, -1.0 - cos, edge], [1.0 + alpha, -2.0 * cos, 1.0 - alpha])
    }

    /// Amplifies frequencies around `hertz` by `gain` dB.
    pub(super) fn peak(hertz: f64, quality: f64, gain: f64, rate: f64) -> Self {
        let (sin, cos) = Self::angle(hertz, rate);
        let alpha = sin / (2.0 * quality);
        let amplitude = libm::exp10(gain / 40.0);
        Self::new(
            [1.0 + alpha * amplitude, -2.0 * cos, 1.0 - alpha * amplitude],
            [1.0 + alpha / amplitude, -2.0 * cos, 1.0 - alpha / amplitude],
        )
    }

    pub(super) fn pass(&mut self, input: f64) -> f64 {
        let [b0, b1, b2] = self.forward;
        let [a1, a2] = self.back;
        let ([x1, x2], [y1, y2]) = (self.inputs, self.outputs);
        let output = b0 * input + b1 * x1 + b2 * x2 - a1 * y1 - a2 * y2;
        self.inputs = [input, x1];
        self.outputs = [output, y1];
        output
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The gain at a frequency, in dB, after the filter has settled.
    fn gain(mut filter: Biquad, hertz: f64) -> f64 {
        let wave = |at: u32| libm::sin(TAU * hertz * f64::from(at) / 16_000.0);
        let power: f64 =
            (0..16_000).map(|at| filter.pass(wave(at)).powi(2) * f64::from(at >= 8000)).sum();
        10.0 * libm::log10(power / 4000.0)
    }

    #[test]
    fn gains_are_those_of_the_formulas() {
        let half = std::f64::consts::FRAC_1_SQRT_2;
        let low = Biquad::low_pass(1000.0, half, 16_000.0);
        let high = Biquad::high_pass(1000.0, half, 16_000.0);
        for filter in [low, high] {
            assert!((gain(filter, 1000.0) + 3.01).abs() < 0.05, "{}", gain(filter, 1000.0));
        }
        assert!(gain(low, 100.0).abs() < 0.1 && gain(low, 4000.0) < -24.0);
        assert!(gain(high, 7000.0).abs() < 0.1 && gain(high, 200.0) < -27.0);
        let peak = Biquad::peak(2000.0, 1.0, 6.0, 16_000.0);
        assert!((gain(peak, 2000.0) - 6.0).abs() < 0.05 && gain(peak, 100.0).abs() < 0.1);
    }
}
