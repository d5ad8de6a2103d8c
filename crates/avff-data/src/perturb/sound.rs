//! Perturbations of audio.

use avff_media::Audio;
use avff_rng::Rng;

/// Adds normal noise whose power is that of all channels divided by `ratio`, which is no decibel.
pub(super) fn noise(audio: &mut Audio, ratio: f64, mut normal: impl FnMut() -> f64) {
    let count = audio.channels.iter().map(Vec::len).sum::<usize>();
    let noise: Vec<f64> = (0..count).map(|_| normal()).collect();
    let power =
        |values: &mut dyn Iterator<Item = f64>| values.map(|value| value * value).sum::<f64>();
    let signal = power(&mut audio.channels.iter().flatten().map(|sample| f64::from(*sample)));
    let drawn = power(&mut noise.iter().copied());
    if drawn == 0.0 {
        return;
    }
    let scale = (signal / (ratio * drawn)).sqrt();
    for (sample, noise) in audio.channels.iter_mut().flatten().zip(noise) {
        *sample += (scale * noise) as f32;
    }
}

/// Delays the audio by some seconds, with silence before it; the end is cut.
pub(super) fn delay(audio: &mut Audio, seconds: f64) {
    let by = (seconds * f64::from(audio.rate)).round() as usize;
    for channel in &mut audio.channels {
        let kept = channel.len().saturating_sub(by);
        channel.truncate(kept);
        channel.splice(0..0, std::iter::repeat_n(0.0, by));
    }
}

/// Removes what a telephone does not carry: a chain of two one-pole filters of 300 Hz and 3.4 kHz.
pub(super) fn telephone(audio: &mut Audio, passes: usize) {
    let rate = f64::from(audio.rate);
    let pole = |hertz: f64| (-std::f64::consts::TAU * hertz / rate).exp();
    let (low, high) = (pole(3_400.0), pole(300.0));
    for channel in &mut audio.channels {
        for _ in 0..passes {
            let (mut smooth, mut slow) = (0.0, 0.0);
            for sample in channel.iter_mut() {
                smooth = f64::from(*sample) * (1.0 - low) + smooth * low;
                slow = smooth * (1.0 - high) + slow * high;
                *sample = (smooth - slow) as f32;
            }
        }
    }
}

/// Plays the audio in a room: the reverb of SoX with its defaults (damping 50 %, room 100 %, 20 ms before it).
///
/// Source: the algorithm Freeverb, by Jezar at Dreampoint, with the constants of SoX 14.4.
pub(super) fn reverberate(audio: &mut Audio, reverberance: f64) {
    const COMBS: [f64; 8] = [1116.0, 1188.0, 1277.0, 1356.0, 1422.0, 1491.0, 1557.0, 1617.0];
    const ALL_PASSES: [f64; 4] = [225.0, 341.0, 441.0, 556.0];
    let a = -1.0 / (1.0_f64 - 0.3).ln();
    let b = 100.0 / ((1.0_f64 - 0.98).ln() * a + 1.0);
    let feedback = (1.0 - ((reverberance - b) / (a * b)).exp()) as f32;
    let (damping, gain) = (0.5 * 0.3 + 0.2, 0.015);
    let scale = f64::from(audio.rate) / 44_100.0;
    let line = |length: f64| Line::new((scale * length + 0.5) as usize);
    let before = (0.02 * f64::from(audio.rate) + 0.5) as usize;
    for channel in &mut audio.channels {
        let mut combs: Vec<(Line, f32)> = COMBS.iter().map(|length| (line(*length), 0.0)).collect();
        let mut all_passes: Vec<Line> = ALL_PASSES.iter().map(|length| line(*length)).collect();
        let mut delayed = Line::new(before);
        for sample in channel.iter_mut() {
            let input = delayed.exchange(*sample);
            let mut wet = 0.0;
            for (comb, store) in combs.iter_mut().rev() {
                let output = comb.oldest();
                *store = output + (*store - output) * damping;
                comb.exchange(input + *store * feedback);
                wet += output;
            }
            for all_pass in all_passes.iter_mut().rev() {
                let output = all_pass.oldest();
                all_pass.exchange(wet + output * 0.5);
                wet = output - wet;
            }
            *sample += wet * gain;
        }
    }
}

/// A delay line.
struct Line {
    samples: Vec<f32>,
    at: usize,
}

impl Line {
    fn new(length: usize) -> Self {
        Self { samples: vec![0.0; length.max(1)], at: 0 }
    }

    /// The sample that went in longest ago.
    fn oldest(&self) -> f32 {
        self.samples.get(self.at).copied().unwrap_or_default()
    }

    /// Puts a sample in, and returns the one that it replaces.
    fn exchange(&mut self, sample: f32) -> f32 {
        let old = self.samples.get_mut(self.at).map_or(0.0, |slot| std::mem::replace(slot, sample));
        self.at = (self.at + 1) % self.samples.len();
        old
    }
}

/// Draws normal numbers.
pub(super) fn normals(rng: &mut Rng) -> impl FnMut() -> f64 + '_ {
    || rng.normal()
}
