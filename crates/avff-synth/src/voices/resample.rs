//! Reads audio faster or slower, which shifts pitch, formants and tempo together.

use std::f64::consts::PI;

/// The zero crossings of the interpolating sinc on either side.
const CROSSINGS: usize = 16;
/// The values of the sinc that are tabulated between two zero crossings.
const STEPS: usize = 512;

/// Returns audio that is `factor` times as fast, from 0.25 to 4: pitch and formants are `factor`
/// times as high, and the duration is divided by `factor`.
///
/// Band-limited interpolation with a windowed sinc, after Smith and Gossett (1984), "A flexible
/// sampling-rate conversion method".
#[must_use]
pub fn resampled(samples: &[f32], factor: f64) -> Vec<f32> {
    let factor = factor.clamp(0.25, 4.0);
    // Frequencies that would exceed half the sample rate are removed.
    let cutoff = (1.0 / factor).min(1.0);
    let table = kernel();
    let reach = (CROSSINGS as f64 / cutoff).ceil() as usize;
    let count = (samples.len() as f64 / factor).floor() as usize;
    let value = |index: usize| {
        let center = index as f64 * factor;
        let first = (center.floor() as usize + 1).saturating_sub(reach);
        let near = samples.iter().enumerate().skip(first).take(2 * reach);
        let sum: f64 = near
            .map(|(at, &sample)| {
                f64::from(sample) * lookup(&table, (at as f64 - center).abs() * cutoff)
            })
            .sum();
        (sum * cutoff) as f32
    };
    (0..count).map(value).collect()
}

/// Returns the sinc with a Hann window, from its center outward.
fn kernel() -> Vec<f64> {
    let value = |at: usize| {
        let x = at as f64 / STEPS as f64;
        let sinc = if at == 0 { 1.0 } else { libm::sin(PI * x) / (PI * x) };
        sinc * 0.5 * (1.0 + libm::cos(PI * x / CROSSINGS as f64))
    };
    (0..=CROSSINGS * STEPS).map(value).collect()
}

/// Returns the kernel at a distance in zero crossings, 0 beyond its end.
fn lookup(table: &[f64], distance: f64) -> f64 {
    let at = distance * STEPS as f64;
    let low = at as usize;
    let (Some(&before), Some(&after)) = (table.get(low), table.get(low + 1)) else { return 0.0 };
    before + (at - low as f64) * (after - before)
}

#[cfg(test)]
mod tests {
    use std::f64::consts::TAU;

    use super::*;

    fn sine(hertz: f64, count: usize) -> Vec<f32> {
        (0..count).map(|at| libm::sin(TAU * hertz * at as f64 / 16_000.0) as f32).collect()
    }

    /// A sine of another speed is the sine of another frequency, away from the ends.
    #[test]
    fn faster_audio_is_higher_and_shorter() {
        for factor in [0.85, 1.0, 1.18, 1.9] {
            let fast = resampled(&sine(440.0, 16_000), factor);
            assert_eq!(fast.len(), (16_000.0 / factor) as usize);
            let expected = sine(440.0 * factor, fast.len());
            for at in 50..fast.len() - 50 {
                // The tolerance is that of a window of 16 zero crossings.
                assert!((fast[at] - expected[at]).abs() < 2e-3, "{factor} {at}");
            }
        }
        assert!(resampled(&[], 1.1).is_empty());
    }

    #[test]
    fn frequencies_above_the_limit_are_removed() {
        // 7.5 kHz would become 8.85 kHz, which 16 kHz audio cannot hold.
        let fast = resampled(&sine(7500.0, 16_000), 1.18);
        let loudest = fast.iter().skip(100).take(13_000).fold(0.0_f32, |most, x| most.max(x.abs()));
        assert!(loudest < 0.02, "{loudest}");
    }
}
