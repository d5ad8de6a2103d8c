//! The speaker: pitch, vocal tract and rhythm.

use super::rng::{SynthPurpose, rng};
use avff_datasets::layout::Split;

/// The properties of a voice.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Voice {
    /// The base pitch, in Hz.
    pub(super) pitch: f64,
    /// The range of pitch movements, in semitones.
    pub(super) pitch_range: f64,
    /// The factor of the formants; a short vocal tract has high formants.
    pub(super) formant_scale: f64,
    /// The breathiness: noise in addition to the voice.
    pub(super) breathiness: f64,
    /// The open quotient: the fraction of a period in which the vocal cords are apart.
    pub(super) open_quotient: f64,
    /// The cutoff of the low-pass filter after the vocal cords, in Hz; a soft voice has a low
    /// cutoff.
    pub(super) cutoff: f64,
    /// The jitter: relative variation of pitch from period to period.
    pub(super) jitter: f64,
    /// Syllables per second.
    pub(super) syllable_rate: f64,
    /// The variation of syllable length, from 0 to 1.
    pub(super) rhythm_variation: f64,
    /// The mean pause between phrases, in seconds.
    pub(super) pause: f64,
    /// The gain.
    pub(super) gain: f64,
}

impl Voice {
    /// Samples voice `index` of a split.
    pub(super) fn new(seed: u64, split: Split, index: u64) -> Self {
        let mut rng = rng(seed, split, index, SynthPurpose::Voice);
        // From a low male pitch to a high female pitch, uniform in semitones.
        let high = rng.unit();
        Self {
            pitch: 85.0 * libm::exp2(1.5 * high),
            pitch_range: rng.between(1.0, 4.0),
            // High voices tend to have short vocal tracts.
            formant_scale: 0.92 + 0.2 * high + rng.between(-0.05, 0.05),
            breathiness: rng.between(0.01, 0.12),
            open_quotient: rng.between(0.5, 0.75),
            cutoff: rng.between(900.0, 3000.0),
            jitter: rng.between(0.002, 0.012),
            syllable_rate: rng.between(2.3, 3.6),
            rhythm_variation: rng.between(0.2, 0.5),
            pause: rng.between(0.3, 0.6),
            gain: rng.between(0.8, 1.25),
        }
    }
}
