//! SpecAugment's masks, as torchaudio's `FrequencyMasking` and `TimeMasking` draw them.

use avff_media::SettingError;
use std::ops::Range;

use serde::{Deserialize, Serialize};

use super::within;
use crate::spec::AudioSpec;
use avff_rng::Rng;

/// Hides one band of mels and one span of time.
///
/// The width is `floor(u * most)`, the start `floor(v * (bins - u * most))`, u and v uniform in
/// `[0, 1)`; what is hidden becomes 0. The reference does so before normalising, so a hidden value is
/// a log energy of 0, louder than most, and that is kept.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Masks {
    /// The band is narrower than this many mels; 0 for none. The reference's `freqm`.
    pub frequency: usize,
    /// The span is shorter than this many frames; 0 for none. The reference's `timem`.
    pub time: usize,
}

/// What is hidden from one sample.
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

    pub(super) fn draw(self, draws: &mut Rng, spec: &AudioSpec) -> Spans {
        let mut span = |most: usize, bins: usize| {
            let width = draws.unit() * most as f64;
            // The start is drawn from the room that the width leaves before it is rounded.
            let start = (draws.unit() * (bins as f64 - width)) as usize;
            start..start + width as usize
        };
        Spans { mels: span(self.frequency, spec.mels), frames: span(self.time, spec.frames) }
    }
}

impl Spans {
    /// Hides them in `[frames, mels]`.
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
        let mut draws = RngKey { seed: 0, epoch: 0, row, occurrence: 0 }.rng(Purpose::Masks);
        masks.draw(&mut draws, &ClipSpec::open_avff().audio)
    }

    #[test]
    fn a_band_and_a_span_are_zero_and_nothing_else() {
        let mut rows = vec![-3.0; 6 * 4];
        Spans { mels: 1..3, frames: 4..5 }.apply(&mut rows, 4);
        for (index, &value) in rows.iter().enumerate() {
            let hidden = index / 4 == 4 || (1..3).contains(&(index % 4));
            assert_eq!(value, if hidden { 0.0 } else { -3.0 }, "value {index}");
        }
    }

    #[test]
    fn widths_and_starts_are_torchaudios() {
        let all: Vec<Spans> =
            (0..4_000).map(|row| spans(Masks { frequency: 48, time: 192 }, row)).collect();
        let mean = |of: fn(&Spans) -> usize| {
            all.iter().map(|spans| of(spans) as f64).sum::<f64>() / all.len() as f64
        };
        // A floor of U[0, 48): 0 to 47, mean 23.5, deviation of the mean 13.9 / sqrt(4000) = 0.22.
        assert!(all.iter().all(|spans| spans.mels.len() < 48 && spans.mels.end <= 128));
        assert!((mean(|spans| spans.mels.len()) - 23.5).abs() < 1.1);
        assert!((mean(|spans| spans.frames.len()) - 95.5).abs() < 4.4);
        // Starts: v * (128 - w), w uniform below 48: mean 52, less half for the floor; deviation of
        // the mean 0.49.
        assert!((mean(|spans| spans.mels.start) - 51.5).abs() < 2.5);
        assert!(all.iter().any(|spans| spans.mels.is_empty()), "a width of 0 hides nothing");
    }

    #[test]
    fn zero_is_off() {
        for row in 0..50 {
            let Spans { mels, frames } = spans(Masks::default(), row);
            assert!(mels.is_empty() && frames.is_empty());
        }
    }
}
