//! Changes pitch and keeps tempo: a phase vocoder, and resampling.

use avff_media::Audio;
use realfft::{RealFftPlanner, num_complex::Complex};

use crate::{error::DataError, fbank::resampled};

/// Samples of a window, and between windows.
const WINDOW: usize = 512;
const HOP: usize = 128;

/// Shifts the pitch by semitones, as torchaudio's `PitchShift` with its defaults: stretched by a phase vocoder,
/// resampled, and cut or padded to the original length.
///
/// # Errors
/// The audio cannot be resampled.
pub(super) fn shift(audio: &mut Audio, semitones: f64) -> Result<(), DataError> {
    let rate = 2.0_f64.powf(-semitones / 12.0);
    let from = (f64::from(audio.rate) / rate) as u32;
    for channel in &mut audio.channels {
        let length = channel.len();
        let stretched = stretch(channel, rate);
        let stretched = Audio { rate: from, channels: vec![stretched] };
        let resampled = resampled(&stretched, audio.rate)?;
        let mut shifted = resampled.channels.first().cloned().unwrap_or_default();
        shifted.resize(length, 0.0);
        *channel = shifted;
    }
    Ok(())
}

/// Makes samples longer by `1 / rate` without changing the pitch.
fn stretch(samples: &[f32], rate: f64) -> Vec<f32> {
    let frames = spectra(samples);
    let bins = WINDOW / 2 + 1;
    let advance = |bin: usize| std::f64::consts::PI * HOP as f64 * bin as f64 / (bins - 1) as f64;
    let steps = (frames.len() as f64 / rate).ceil() as usize;
    let none = vec![Complex::new(0.0, 0.0); bins];
    let mut phases: Vec<f64> = frames
        .first()
        .map_or_else(|| vec![0.0; bins], |first| first.iter().map(|c| c.arg()).collect());
    let mut stretched = Vec::with_capacity(steps);
    for step in 0..steps {
        let at = step as f64 * rate;
        let (first, part) = (at as usize, at.fract());
        let [before, after] = [first, first + 1].map(|at| frames.get(at).unwrap_or(&none));
        let mut frame = Vec::with_capacity(bins);
        for (bin, phase) in phases.iter_mut().enumerate() {
            let (a, b) = (before[bin], after[bin]);
            frame.push(Complex::from_polar(part * b.norm() + (1.0 - part) * a.norm(), *phase));
            let turn = b.arg() - a.arg() - advance(bin);
            let turns = (turn / std::f64::consts::TAU).round_ties_even();
            *phase += turn - std::f64::consts::TAU * turns + advance(bin);
        }
        stretched.push(frame);
    }
    joined(&stretched, (samples.len() as f64 / rate).round() as usize)
}

/// Hann window, periodic.
fn window() -> Vec<f64> {
    let turn = |at: usize| std::f64::consts::TAU * at as f64 / WINDOW as f64;
    (0..WINDOW).map(|at| 0.5 - 0.5 * turn(at).cos()).collect()
}

/// The spectra of windows around every `HOP`th sample; the samples are mirrored at both ends.
fn spectra(samples: &[f32]) -> Vec<Vec<Complex<f64>>> {
    let (window, half) = (window(), WINDOW / 2);
    let period = 2 * (samples.len().max(2) - 1);
    let mirrored = |shifted: usize| {
        let at = shifted.abs_diff(half) % period;
        samples.get(at.min(period - at)).copied().map_or(0.0, f64::from)
    };
    let fft = RealFftPlanner::<f64>::new().plan_fft_forward(WINDOW);
    let spectrum = |frame: usize| {
        let mut input: Vec<f64> =
            window.iter().enumerate().map(|(at, w)| w * mirrored(frame * HOP + at)).collect();
        let mut output = fft.make_output_vec();
        // The lengths are those of the plan.
        let _ = fft.process(&mut input, &mut output);
        output
    };
    (0..=samples.len() / HOP).map(spectrum).collect()
}

/// Adds the windows of spectra up, divided by the sum of squared windows.
fn joined(frames: &[Vec<Complex<f64>>], length: usize) -> Vec<f32> {
    let (window, half) = (window(), WINDOW / 2);
    let total = WINDOW + HOP * frames.len().saturating_sub(1);
    let (mut sum, mut weight) = (vec![0.0; total], vec![0.0; total]);
    let fft = RealFftPlanner::<f64>::new().plan_fft_inverse(WINDOW);
    for (frame, spectrum) in frames.iter().enumerate() {
        let mut input = spectrum.clone();
        // A real signal has no imaginary part at both ends of its spectrum.
        for end in [0, WINDOW / 2] {
            if let Some(bin) = input.get_mut(end) {
                bin.im = 0.0;
            }
        }
        let mut output = fft.make_output_vec();
        let _ = fft.process(&mut input, &mut output);
        for (at, (value, w)) in output.iter().zip(&window).enumerate() {
            sum[frame * HOP + at] += value / WINDOW as f64 * w;
            weight[frame * HOP + at] += w * w;
        }
    }
    let at = |place: usize| match (sum.get(place), weight.get(place)) {
        (Some(sum), Some(weight)) if *weight > 1e-11 => (sum / weight) as f32,
        _ => 0.0,
    };
    (half..half + length).map(at).collect()
}
