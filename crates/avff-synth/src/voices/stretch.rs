//! Changes the tempo of speech and keeps its pitch.

use std::f64::consts::TAU;

/// The length of a window, in samples: 32 ms at 16 kHz, two to six periods of a voice.
const WINDOW: usize = 512;
const HOP: usize = WINDOW / 2;
/// How far a window may move to match the one before, in samples: a period of a low voice.
const SEARCH: usize = 160;

/// Returns speech that is `tempo` times as fast, from 0.5 to 2, with the same pitch.
///
/// Waveform-similarity overlap-add, after Verhelst and Roelands (1993), "An overlap-add technique
/// based on waveform similarity (WSOLA) for high quality time-scale modification of speech". Times
/// move by 10 ms at most against the exact tempo.
#[must_use]
pub fn stretched(samples: &[f32], tempo: f64) -> Vec<f32> {
    let tempo = tempo.clamp(0.5, 2.0);
    let count = (samples.len() as f64 / tempo).floor() as usize;
    if samples.len() < 2 * WINDOW || (tempo - 1.0).abs() < 1e-9 {
        return samples.iter().copied().take(count).collect();
    }
    let mut out = vec![0.0_f32; count + WINDOW];
    let bell: Vec<f32> = (0..WINDOW)
        .map(|at| (0.5 - 0.5 * libm::cos(TAU * at as f64 / WINDOW as f64)) as f32)
        .collect();
    let last = samples.len() - WINDOW;
    let mut continued: Option<usize> = None;
    for start in (0..count).step_by(HOP) {
        // The first half window fades in nothing, so that the window is taken as whole there.
        let target = ((start as f64 * tempo) as usize).min(last);
        let chosen = continued.map_or(target, |natural| best(samples, natural.min(last), target));
        let part = samples.iter().skip(chosen);
        let places = out.iter_mut().skip(start);
        for ((place, &sample), &weight) in places.zip(part).zip(&bell) {
            *place += sample * weight;
        }
        if start == 0 {
            let part = samples.iter().take(HOP);
            for ((place, &sample), &weight) in out.iter_mut().zip(part).zip(&bell) {
                *place += sample * (1.0 - weight);
            }
        }
        continued = Some(chosen + HOP);
    }
    out.truncate(count);
    out
}

/// Returns the start near `target` whose window is most like the one at `natural`, which would
/// continue the last window exactly.
fn best(samples: &[f32], natural: usize, target: usize) -> usize {
    let last = samples.len().saturating_sub(WINDOW);
    let low = target.saturating_sub(SEARCH);
    let high = (target + SEARCH).min(last);
    let pattern = samples.get(natural..natural + WINDOW).unwrap_or_default();
    // Every fourth sample finds the neighborhood, every second the place.
    let near = nearest(samples, pattern, low, high, 4);
    nearest(samples, pattern, near.saturating_sub(4).max(low), (near + 4).min(high), 1)
}

fn nearest(samples: &[f32], pattern: &[f32], low: usize, high: usize, step: usize) -> usize {
    let stride = if step > 1 { 4 } else { 2 };
    let mut best = (f32::MIN, low);
    for start in (low..=high).step_by(step) {
        let window = samples.get(start..start + WINDOW).unwrap_or_default();
        let (mut product, mut energy) = (0.0_f32, 1e-9_f32);
        for (&a, &b) in window.iter().zip(pattern).step_by(stride) {
            product += a * b;
            energy += a * a;
        }
        let likeness = product / energy.sqrt();
        if likeness > best.0 {
            best = (likeness, start);
        }
    }
    best.1
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The frequency of zero crossings, in Hz.
    fn frequency(samples: &[f32]) -> f64 {
        let pairs = samples.windows(2);
        let rising = pairs.filter(|pair| pair[0] < 0.0 && pair[1] >= 0.0).count();
        rising as f64 / samples.len() as f64 * 16_000.0
    }

    #[test]
    fn pitch_stays_and_duration_changes() {
        let sine: Vec<f32> = (0..32_000)
            .map(|at| libm::sin(TAU * 150.0 * f64::from(at) / 16_000.0) as f32)
            .collect();
        for tempo in [0.8, 1.0, 1.25] {
            let out = stretched(&sine, tempo);
            assert_eq!(out.len(), (32_000.0 / tempo) as usize);
            assert!((frequency(&out) - 150.0).abs() < 1.0, "{tempo}: {}", frequency(&out));
            let middle = &out[1000..out.len() - 1000];
            let power = middle.iter().map(|x| x * x).sum::<f32>() / middle.len() as f32;
            assert!((power - 0.5).abs() < 0.02, "{tempo}: {power}");
        }
    }

    /// A burst of sound moves to its time divided by the tempo.
    #[test]
    fn times_follow_the_tempo() {
        let mut samples = vec![0.0_f32; 32_000];
        for (at, sample) in samples.iter_mut().enumerate().skip(16_000).take(1600) {
            *sample = libm::sin(0.4 * at as f64) as f32;
        }
        for tempo in [0.85, 1.2] {
            let out = stretched(&samples, tempo);
            let energy: f64 = out.iter().map(|&x| f64::from(x).powi(2)).sum();
            let moment: f64 =
                out.iter().enumerate().map(|(at, &x)| at as f64 * f64::from(x).powi(2)).sum();
            let expected = 16_800.0 / tempo;
            assert!((moment / energy - expected).abs() < 200.0, "{tempo}: {}", moment / energy);
        }
        assert_eq!(stretched(&samples[..100], 1.25).len(), 80);
        assert!(stretched(&[], 1.25).is_empty());
    }
}
