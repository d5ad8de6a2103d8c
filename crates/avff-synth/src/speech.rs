//! From movements to sound: pulses and noise through resonators, after Klatt (1980), "Software for a
//! cascade/parallel formant synthesizer".

use std::f64::consts::{PI, TAU};

use super::{
    track::{Part, Track},
    voice::Voice,
    words::value,
};
use avff_rng::Rng;

/// How long before a clip its sound begins, in ms: what rings and echoes at its start has begun by then.
const RUN_UP: i32 = 300;
/// Formants above the third, in Hz; they tell voices apart, not vowels.
const UPPER: [f64; 2] = [3400.0, 4300.0];
/// Bandwidths of the formants, in Hz.
const BANDWIDTHS: [f64; 5] = [70.0, 100.0, 160.0, 250.0, 320.0];
/// A formant or noise is no higher than this share of the rate.
const HIGHEST: f64 = 0.44;
/// Brings a usual voice to a tenth of full scale.
const LEVEL: f64 = 0.30;

/// A second-order resonator that passes 0 Hz unchanged.
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

/// Vocal cords: Klatt's polynomial flow, differentiated as lips radiate it, and a low pass.
struct Cords {
    phase: f64,
    /// This period's pitch, against the melody's.
    unsteady: f64,
    last: f64,
}

impl Cords {
    fn next(&mut self, voice: &Voice, hertz: f64, rate: f64, rng: &mut Rng) -> f64 {
        self.phase += hertz * self.unsteady / rate;
        if self.phase >= 1.0 {
            self.phase -= 1.0;
            self.unsteady = (1.0 + voice.rough * rng.normal()).clamp(0.9, 1.1);
        }
        let at = self.phase / voice.open;
        // The mean over a period is 0.
        let pulse = if at < 1.0 { at * (2.0 - 3.0 * at) } else { 0.0 };
        let share = (TAU * voice.soft / rate).min(1.0);
        self.last += share * (pulse - self.last);
        self.last
    }

    /// Whether air flows.
    fn apart(&self, voice: &Voice) -> bool {
        self.phase < voice.open
    }
}

/// Samples before time 0.
pub(super) fn run_up(rate: u32) -> usize {
    (i64::from(rate) * i64::from(RUN_UP) / 1000) as usize
}

/// What a voice makes of a track, before the room: [`run_up`] samples before time 0 and `samples` after,
/// at `rate` a second.
pub(super) fn speak(
    voice: &Voice,
    track: &Track,
    samples: usize,
    rate: u32,
    rng: &mut Rng,
) -> Vec<f32> {
    let hertz = f64::from(rate);
    let length = run_up(rate) + samples;
    let mut cords = Cords { phase: rng.unit(), unsteady: 1.0, last: 0.0 };
    let mut throat = [Resonator::default(); 5];
    let mut mouth = Resonator::default();
    let mut tuned = i32::MIN;
    let mut now = track.at(-RUN_UP);
    let mut pitch = voice.pitch;
    let mut out = Vec::with_capacity(length);
    for index in 0..length {
        let ms = (index as u64 * 1000 / u64::from(rate)) as i32 - RUN_UP;
        if ms != tuned {
            tuned = ms;
            now = track.at(ms);
            pitch = voice.pitch * libm::exp2(f64::from(value(&now, Part::Pitch)) / 12.0);
            let formants = [Part::First, Part::Second, Part::Third]
                .map(|part| f64::from(value(&now, part)))
                .into_iter()
                .chain(UPPER);
            for ((resonator, formant), bandwidth) in throat.iter_mut().zip(formants).zip(BANDWIDTHS)
            {
                let formant = (formant * voice.throat).min(HIGHEST * hertz);
                resonator.tune(formant, bandwidth, hertz);
            }
            let at = f64::from(value(&now, Part::HissAt)).min(HIGHEST * hertz);
            mouth.tune(at, 0.35 * at, hertz);
        }
        let noise = 2.0 * rng.unit() - 1.0;
        let pulse = cords.next(voice, pitch, hertz, rng);
        let loud = f64::from(value(&now, Part::Voice));
        let flow = if cords.apart(voice) { 1.0 } else { 0.3 };
        let breath = f64::from(value(&now, Part::Breath)) * 0.5 + loud * voice.breath * flow;
        let source = loud * pulse + 0.25 * breath * noise;
        let vowel = throat.iter_mut().fold(source, |sound, resonator| resonator.pass(sound));
        let hiss = mouth.pass(f64::from(value(&now, Part::Hiss)) * noise);
        out.push((LEVEL * voice.loud * (vowel + hiss)) as f32);
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The response is highest at the frequency it is tuned to, half as strong in power half a bandwidth
    /// away, and 1 at 0 Hz; tolerances for a band that is not infinitely narrow.
    #[test]
    fn resonators_ring_where_they_are_tuned() {
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
