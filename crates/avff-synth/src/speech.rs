//! Synthesizes speech from articulation: pulses and noise through resonators, after Klatt (1980),
//! "Software for a cascade/parallel formant synthesizer".

use std::f64::consts::{PI, TAU};

use super::{
    track::{Parameter, Track},
    voice::Voice,
    words::value,
};
use avff_rng::Rng;

/// The time that audio starts before the clip, in ms, so that resonance and echoes have settled.
const RUN_UP: i32 = 300;
/// The fourth and fifth formants, in Hz; they distinguish voices, not vowels.
const UPPER: [f64; 2] = [3400.0, 4300.0];
/// The bandwidths of the formants, in Hz.
const BANDWIDTHS: [f64; 5] = [70.0, 100.0, 160.0, 250.0, 320.0];
/// The limit on frequencies of formants and noise, relative to the sample rate.
const HIGHEST: f64 = 0.44;
/// The gain that brings an average voice to a tenth of full scale.
const LEVEL: f64 = 0.30;

/// A second-order resonator with unit gain at 0 Hz.
#[derive(Debug, Clone, Copy, Default)]
struct Resonator {
    gain: f64,
    back: (f64, f64),
    last: (f64, f64),
}

impl Resonator {
    fn tune(&mut self, frequency: f64, bandwidth: f64, rate: f64) {
        let radius = libm::exp(-PI * bandwidth / rate);
        self.back = (2.0 * radius * libm::cos(TAU * frequency / rate), -radius * radius);
        self.gain = 1.0 - self.back.0 - self.back.1;
    }

    fn pass(&mut self, value: f64) -> f64 {
        let out = self.gain * value + self.back.0 * self.last.0 + self.back.1 * self.last.1;
        self.last = (out, self.last.0);
        out
    }
}

/// The vocal cords: Klatt's polynomial flow, differentiated to model lip radiation, and a low-pass
/// filter.
struct VocalCords {
    phase: f64,
    /// The relative pitch of the current period.
    jitter: f64,
    last: f64,
}

impl VocalCords {
    fn next(&mut self, voice: &Voice, hertz: f64, rate: f64, rng: &mut Rng) -> f64 {
        self.phase += hertz * self.jitter / rate;
        if self.phase >= 1.0 {
            self.phase -= 1.0;
            self.jitter = (1.0 + voice.jitter * rng.normal()).clamp(0.9, 1.1);
        }
        let at = self.phase / voice.open_quotient;
        // The mean over a period is 0.
        let pulse = if at < 1.0 { at * (2.0 - 3.0 * at) } else { 0.0 };
        let share = (TAU * voice.cutoff / rate).min(1.0);
        self.last += share * (pulse - self.last);
        self.last
    }

    /// Returns whether the vocal cords are apart, so that air flows.
    fn are_open(&self, voice: &Voice) -> bool {
        self.phase < voice.open_quotient
    }
}

/// Returns the number of samples before time 0.
pub(super) fn run_up(rate: u32) -> usize {
    (i64::from(rate) * i64::from(RUN_UP) / 1000) as usize
}

/// Synthesizes the speech of a voice for a track, without the room: [`run_up`] samples before time
/// 0 and `samples` samples after, at sample rate `rate`.
pub(super) fn synthesize(
    voice: &Voice,
    track: &Track,
    samples: usize,
    rate: u32,
    rng: &mut Rng,
) -> Vec<f32> {
    let hertz = f64::from(rate);
    let length = run_up(rate) + samples;
    let mut cords = VocalCords { phase: rng.unit(), jitter: 1.0, last: 0.0 };
    let mut vocal_tract = [Resonator::default(); 5];
    let mut frication_filter = Resonator::default();
    let mut tuned = i32::MIN;
    let mut now = track.at(-RUN_UP);
    let mut pitch = voice.pitch;
    let mut out = Vec::with_capacity(length);
    for index in 0..length {
        let ms = (index as u64 * 1000 / u64::from(rate)) as i32 - RUN_UP;
        if ms != tuned {
            tuned = ms;
            now = track.at(ms);
            pitch = voice.pitch * libm::exp2(f64::from(value(&now, Parameter::Pitch)) / 12.0);
            let formants = [Parameter::Formant1, Parameter::Formant2, Parameter::Formant3]
                .map(|parameter| f64::from(value(&now, parameter)))
                .into_iter()
                .chain(UPPER);
            for ((resonator, formant), bandwidth) in
                vocal_tract.iter_mut().zip(formants).zip(BANDWIDTHS)
            {
                let formant = (formant * voice.formant_scale).min(HIGHEST * hertz);
                resonator.tune(formant, bandwidth, hertz);
            }
            let at = f64::from(value(&now, Parameter::FricationFrequency)).min(HIGHEST * hertz);
            frication_filter.tune(at, 0.35 * at, hertz);
        }
        let noise = 2.0 * rng.unit() - 1.0;
        let pulse = cords.next(voice, pitch, hertz, rng);
        let voicing = f64::from(value(&now, Parameter::Voicing));
        let flow = if cords.are_open(voice) { 1.0 } else { 0.3 };
        let aspiration = f64::from(value(&now, Parameter::Aspiration)) * 0.5
            + voicing * voice.breathiness * flow;
        let source = voicing * pulse + 0.25 * aspiration * noise;
        let vowel = vocal_tract.iter_mut().fold(source, |value, resonator| resonator.pass(value));
        let frication = frication_filter.pass(f64::from(value(&now, Parameter::Frication)) * noise);
        out.push((LEVEL * voice.gain * (vowel + frication)) as f32);
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The response has its maximum at the tuned frequency, half the power half a bandwidth away,
    /// and 1 at 0 Hz. The tolerances allow for the finite bandwidth.
    #[test]
    fn resonators_peak_at_their_frequency() {
        let mut resonator = Resonator::default();
        resonator.tune(1000.0, 80.0, 16_000.0);
        let ringing: Vec<f64> =
            (0..8000).map(|at| resonator.pass(if at == 0 { 1.0 } else { 0.0 })).collect();
        let power = |hertz: f64| {
            let turn = |at: usize| TAU * hertz * at as f64 / 16_000.0;
            let sum = |wave: fn(f64) -> f64| -> f64 {
                ringing.iter().enumerate().map(|(at, value)| value * wave(turn(at))).sum()
            };
            sum(f64::cos).powi(2) + sum(f64::sin).powi(2)
        };
        assert!((power(0.0) - 1.0).abs() < 1e-6, "{}", power(0.0));
        for away in [-40.0, 40.0] {
            let share = power(1000.0 + away) / power(1000.0);
            assert!((share - 0.5).abs() < 0.05, "{share} at {away} Hz");
        }
    }
}
