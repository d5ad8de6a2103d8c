//! SpecAugment's masks, as in torchaudio's `FrequencyMasking` and `TimeMasking`.

use avff_media::SettingError;
use std::ops::Range;

use serde::{Deserialize, Serialize};

use super::within;
use crate::spec::AudioSpec;
use avff_rng::Rng;

/// Masks one frequency band and one time span.
///
/// The width is `floor(u * max_width)` and the start `floor(v * (bins - u * max_width))`, with u
/// and v uniform in `[0, 1)`. Masked values become 0. As in the reference, masking precedes
/// normalization, so a masked value is a log energy of 0, which is louder than most.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Masks {
    /// Exclusive upper bound of the band's width, in mels; 0 disables it. The reference's `freqm`.
    pub frequency: usize,
    /// Exclusive upper bound of the span's length, in fbank frames; 0 disables it. The reference's
    /// `timem`.
    pub time: usize,
}

/// The masks of one sample.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Spans {
    mels: Range<usize>,
    frames: Range<usize>,
}

impl Masks {
    pub(super) fn validate(&self, spec: &AudioSpec) -> Result<(), SettingError> {
        within("augment.masks.frequency", self.frequency as f64, 0.0, spec.mels as f64)?;
        within("augment.masks.time", self.time as f64, 0.0, spec.frames as f64)
    }

    pub(super) fn draw(self, rng: &mut Rng, spec: &AudioSpec) -> Spans {
        let mut span = |max_width: usize, bins: usize| {
            let width = rng.unit() * max_width as f64;
            // The start depends on the width before rounding.
            let start = (rng.unit() * (bins as f64 - width)) as usize;
            start..start + width as usize
        };
        Spans { mels: span(self.frequency, spec.mels), frames: span(self.time, spec.frames) }
    }
}

impl Spans {
    /// Masks values of `[frames, mels]`.
    pub(super) fn apply(&self, rows: &mut [f32], mels: usize) {
        for (frame, row) in rows.chunks_exact_mut(mels.max(1)).enumerate() {
            if self.frames.contains(&frame) {
                row.fill(0.0);
            } else if let Some(band) = row.get_mut(self.mels.clone()) {
                band.fill(0.0);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::spec::ClipSpec;
    use avff_rng::{Purpose, RngKey};

    fn spans(masks: Masks, row: u64) -> Spans {
        let mut rng = RngKey { seed: 0, epoch: 0, row, occurrence: 0 }.rng(Purpose::Masks);
        masks.draw(&mut rng, &ClipSpec::open_avff().audio)
    }

    #[test]
    fn only_band_and_span_are_zero() {
        let mut rows = vec![-3.0; 6 * 4];
        Spans { mels: 1..3, frames: 4..5 }.apply(&mut rows, 4);
        for (index, &value) in rows.iter().enumerate() {
            let masked = index / 4 == 4 || (1..3).contains(&(index % 4));
            assert_eq!(value, if masked { 0.0 } else { -3.0 }, "value {index}");
        }
    }

    #[test]
    fn widths_and_starts_match_torchaudio() {
        let all: Vec<Spans> =
            (0..4_000).map(|row| spans(Masks { frequency: 48, time: 192 }, row)).collect();
        let mean = |of: fn(&Spans) -> usize| {
            all.iter().map(|spans| of(spans) as f64).sum::<f64>() / all.len() as f64
        };
        // The floor of U[0, 48): 0 to 47, mean 23.5, standard deviation of the mean 13.9 /
        // sqrt(4000) = 0.22.
        assert!(all.iter().all(|spans| spans.mels.len() < 48 && spans.mels.end <= 128));
        assert!((mean(|spans| spans.mels.len()) - 23.5).abs() < 1.1);
        assert!((mean(|spans| spans.frames.len()) - 95.5).abs() < 4.4);
        // Starts: v * (128 - w), w uniform below 48: mean 52, less half for the floor; standard
        // deviation of the mean 0.49.
        assert!((mean(|spans| spans.mels.start) - 51.5).abs() < 2.5);
        assert!(all.iter().any(|spans| spans.mels.is_empty()), "a width of 0 masks nothing");
    }

    #[test]
    fn zero_disables_masks() {
        for row in 0..50 {
            let Spans { mels, frames } = spans(Masks::default(), row);
            assert!(mels.is_empty() && frames.is_empty());
        }
    }
}
