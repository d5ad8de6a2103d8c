//! Who speaks: pitch, throat and rhythm.

use super::rng::{SynthPurpose, rng};
use avff_datasets::layout::Split;

/// A voice and the way it speaks.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Voice {
    /// Pitch, in Hz.
    pub(super) pitch: f64,
    /// How far pitch moves, in semitones.
    pub(super) melody: f64,
    /// What formants are multiplied by: a short throat has high ones.
    pub(super) throat: f64,
    /// Breath beside the voice.
    pub(super) breath: f64,
    /// Share of a period in which the cords are apart.
    pub(super) open: f64,
    /// Low pass after the cords, in Hz: a soft voice has a low one.
    pub(super) soft: f64,
    /// Unsteadiness of pitch, from period to period.
    pub(super) rough: f64,
    /// Syllables a second.
    pub(super) pace: f64,
    /// How much syllables differ in length, from 0 to 1.
    pub(super) swing: f64,
    /// The usual pause between phrases, in seconds.
    pub(super) pause: f64,
    /// How loud, as a factor.
    pub(super) loud: f64,
}

impl Voice {
    /// Voice `index` of a split.
    pub(super) fn new(seed: u64, split: Split, index: u64) -> Self {
        let mut rng = rng(seed, split, index, SynthPurpose::Voice);
        // Between a low man's and a high woman's, even on the scale of semitones.
        let high = rng.unit();
        Self {
            pitch: 85.0 * libm::exp2(1.5 * high),
            melody: rng.between(1.0, 4.0),
            // High voices tend to have short throats.
            throat: 0.92 + 0.2 * high + rng.between(-0.05, 0.05),
            breath: rng.between(0.01, 0.12),
            open: rng.between(0.5, 0.75),
            soft: rng.between(900.0, 3000.0),
            rough: rng.between(0.002, 0.012),
            pace: rng.between(2.3, 3.6),
            swing: rng.between(0.2, 0.5),
            pause: rng.between(0.3, 0.6),
            loud: rng.between(0.8, 1.25),
        }
    }
}
