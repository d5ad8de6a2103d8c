//! The arithmetic of one frame before and after its FFT, written for auto-vectorization: sums in
//! lanes, no branches, no library calls in loops.
//!
//! Every operation is rounded in a fixed order on every processor. Only the FFT's own dispatch can
//! cause differences between machines.

use pulp::{Simd, WithSimd};
use realfft::num_complex::Complex;

use super::{FLOOR, PREEMPHASIS, mel::MelBanks};

/// Converts samples to the FFT's input. A closure would not be inlined where `pulp` selects the
/// instruction set, and would be compiled for the baseline instruction set.
pub(super) struct Before<'a> {
    pub(super) samples: &'a [f32],
    pub(super) window: &'a [f64],
    pub(super) frame: &'a mut [f64],
}

impl WithSimd for Before<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, _: S) {
        condition(self.samples, PREEMPHASIS, self.window, self.frame);
    }
}

/// Converts the FFT's output to log-mel energies.
pub(super) struct After<'a> {
    pub(super) spectrum: &'a [Complex<f64>],
    pub(super) banks: &'a MelBanks,
    pub(super) power: &'a mut [f64],
    pub(super) energies: &'a mut [f64],
    pub(super) row: &'a mut [f32],
}

impl WithSimd for After<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, _: S) {
        for (power, value) in self.power.iter_mut().zip(self.spectrum) {
            *power = value.norm_sqr();
        }
        self.banks.energies(self.power, self.energies);
        for (value, &energy) in self.row.iter_mut().zip(&*self.energies) {
            *value = ln(energy.max(FLOOR)) as f32;
        }
    }
}

/// Number of partial sums, which hide the latency of additions.
const LANES: usize = 8;

/// Returns the mean of the samples; 0 for none.
#[inline(always)]
pub(super) fn mean(samples: &[f32]) -> f64 {
    let (chunks, rest) = samples.as_chunks::<LANES>();
    let mut lanes = [0.0_f64; LANES];
    for chunk in chunks {
        for (lane, &sample) in lanes.iter_mut().zip(chunk) {
            *lane += f64::from(sample);
        }
    }
    let rest: f64 = rest.iter().map(|&sample| f64::from(sample)).sum();
    (lanes.iter().sum::<f64>() + rest) / samples.len().max(1) as f64
}

/// Subtracts the mean of a frame's samples, applies pre-emphasis with `coefficient` and the window,
/// and pads with zeros.
#[inline(always)]
pub(super) fn condition(samples: &[f32], coefficient: f64, window: &[f64], frame: &mut [f64]) {
    let mean = mean(samples);
    let centered = |&sample: &f32| f64::from(sample) - mean;
    let (Some(first), Some(later)) = (samples.first(), samples.get(1..)) else { return };
    let (Some(start), Some(window_start)) = (frame.first_mut(), window.first()) else { return };
    // The first sample is its own predecessor (`mode="replicate"`).
    let first = centered(first);
    *start = (first - coefficient * first) * window_start;
    let windows = window.iter().skip(1);
    let values = frame.iter_mut().skip(1);
    for (((value, window), sample), previous) in values.zip(windows).zip(later).zip(samples) {
        *value = (centered(sample) - coefficient * centered(previous)) * window;
    }
    if let Some(padding) = frame.get_mut(samples.len()..) {
        padding.fill(0.0);
    }
}

/// Computes the natural logarithm of positive normal numbers, with an error within 1e-15 of the
/// value or of 1.
#[inline(always)]
pub(super) fn ln(x: f64) -> f64 {
    /// The bits of the square root of one half, and the mask of the fraction bits.
    const HALF: u64 = 0x3fe6_a09e_667f_3bcd;
    const FRACTION: u64 = (1 << 52) - 1;
    /// 2^52, which converts an integer in the lowest bits to a float.
    const BIG: u64 = 0x4330_0000_0000_0000;
    // x = 2^power * y with y from sqrt(1/2) to sqrt(2).
    let bits = x.to_bits().wrapping_sub(HALF);
    let y = f64::from_bits((bits & FRACTION).wrapping_add(HALF));
    // Biased to be non-negative.
    let biased = (bits >> 52).wrapping_add(1024) & 0xfff;
    let power = f64::from_bits(BIG | biased) - f64::from_bits(BIG | 1024);
    // ln y = 2 artanh s, an odd series; s is at most 0.172.
    let s = (y - 1.0) / (y + 1.0);
    let z = s * s;
    let mut sum = 1.0 / 21.0;
    for odd in [19.0, 17.0, 15.0, 13.0, 11.0, 9.0, 7.0, 5.0, 3.0_f64] {
        sum = sum * z + 1.0 / odd;
    }
    let series = 2.0 * s + 2.0 * s * z * sum;
    power * std::f64::consts::LN_2 + series
}

#[cfg(test)]
mod tests {
    use pulp::Arch;

    use super::*;

    #[test]
    fn ln_matches_the_standard_library() {
        let mut x = f64::from(f32::EPSILON);
        while x < 1e90 {
            for x in [x, x.next_up(), x * 1.37, x * std::f64::consts::SQRT_2] {
                let (actual, expected) = (ln(x), x.ln());
                assert!(
                    (actual - expected).abs() <= 1e-15 * expected.abs().max(1.0),
                    "ln {x}: {actual}, {expected}"
                );
            }
            x *= 1.01;
        }
        assert_eq!(ln(1.0), 0.0);
    }

    #[test]
    fn frame_is_centered_emphasized_and_windowed() {
        let samples: Vec<f32> = (0..21).map(|i| ((i * 7) % 5) as f32 + 3.0).collect();
        let window: Vec<f64> = (0..21).map(|i| f64::from(i) * 0.1 + 0.5).collect();
        let mut frame = vec![9.0; 32];
        Arch::new().dispatch(Before { samples: &samples, window: &window, frame: &mut frame });
        let mean = samples.iter().map(|&x| f64::from(x)).sum::<f64>() / 21.0;
        let centered: Vec<f64> = samples.iter().map(|&x| f64::from(x) - mean).collect();
        for at in 0..21 {
            let expected =
                (centered[at] - PREEMPHASIS * centered[at.saturating_sub(1)]) * window[at];
            assert!((frame[at] - expected).abs() < 1e-14, "{at}");
        }
        assert!(frame[21..].iter().all(|&value| value == 0.0));
    }
}
