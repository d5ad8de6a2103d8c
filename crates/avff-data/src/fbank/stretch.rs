//! Stretches the filterbank to the model's number of frames by linear interpolation in time.
//!
//! The reference computes the complete filterbank and then stretches it. Each stretched row needs
//! at most two of its rows, so only these are computed: an hour takes as many FFTs as twenty
//! seconds.

use std::{borrow::Cow, sync::Arc};

use super::{Fbank, resample::at_rate};
use crate::{error::DataError, spec::AudioSpec};
use avff_media::Audio;

/// The two rows between which a stretched row lies.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Position {
    before: usize,
    after: usize,
    /// Weight of `after`, in `[0, 1]`.
    weight: f32,
}

impl Position {
    /// Returns the position of row `index` of `to` among `from` rows, with the f32 arithmetic of
    /// `torch.nn.functional.interpolate(mode="linear", align_corners=False)`.
    fn new(index: usize, from: usize, to: usize) -> Self {
        if from == to {
            return Self { before: index, after: index, weight: 0.0 };
        }
        let scale = from as f32 / to as f32;
        let at = (scale * (index as f32 + 0.5) - 0.5).max(0.0);
        let last = from.saturating_sub(1);
        let before = (at as usize).min(last);
        let weight = (at - before as f32).clamp(0.0, 1.0);
        Self { before, after: (before + 1).min(last), weight }
    }

    fn blend(self, before: f32, after: f32) -> f32 {
        (1.0 - self.weight) * before + self.weight * after
    }
}

impl Fbank {
    /// Computes the log-mel energies of `audio`, stretched to `frames` rows: `[frames, mels]`. The
    /// reference calls this fbank, before normalization.
    ///
    /// # Errors
    /// See [`Fbank::compute`].
    pub fn stretched(&self, audio: &Audio, frames: usize) -> Result<Vec<f32>, DataError> {
        let wave = self.wave(audio)?;
        let from = self.frames_in(wave.len())?;
        let mut scratch = self.scratch();
        interpolated(from, frames, self.mels(), |index, row| {
            self.frame(wave, index, &mut scratch, row)
        })
    }
}

/// Computes the filterbank of several audio segments, concatenated and stretched to the spec's
/// frames, before normalization.
///
/// Each segment has the spec's rate or its own. The reference concatenates clips in this way. No
/// fbank frame spans two segments.
///
/// # Errors
/// See [`Fbank::shared`] and [`Fbank::compute`]; also
/// [`MediaError::TooLarge`](avff_media::MediaError::TooLarge) for audio with too many samples at
/// the spec's rate.
pub fn concatenated_fbank(segments: &[Audio], spec: &AudioSpec) -> Result<Vec<f32>, DataError> {
    let segments: Vec<Cow<'_, Audio>> =
        segments.iter().map(|audio| at_rate(audio, spec.rate)).collect::<Result<_, _>>()?;
    let tables: Vec<Arc<Fbank>> = segments
        .iter()
        .map(|audio| Fbank::shared(audio.rate, spec.mels, spec.framing()))
        .collect::<Result<_, _>>()?;
    let mut banks = Vec::with_capacity(segments.len());
    let mut from = 0;
    for (fbank, audio) in tables.iter().zip(&segments) {
        let wave = fbank.wave(audio)?;
        let rows = fbank.frames_in(wave.len())?;
        banks.push((from..from + rows, fbank, wave, fbank.scratch()));
        from += rows;
    }
    interpolated(from, spec.frames, spec.mels, |index, row| {
        let bank = banks.iter_mut().find(|(rows, ..)| rows.contains(&index));
        let Some((rows, fbank, wave, scratch)) = bank else {
            return Err(DataError::TooShort { samples: 0, needed: 1 });
        };
        fbank.frame(*wave, index - rows.start, scratch, row)
    })
}

/// Returns the indices of the rows that [`interpolated`] needs, increasing.
pub(super) fn needed_rows(from: usize, to: usize) -> Vec<usize> {
    let positions = (0..to).map(|index| Position::new(index, from, to));
    let mut rows: Vec<usize> = positions.flat_map(|at| [at.before, at.after]).collect();
    rows.sort_unstable();
    rows.dedup();
    rows
}

/// Stretches `from` rows to `to`, computing only the needed rows, each once.
pub(super) fn interpolated(
    from: usize,
    to: usize,
    mels: usize,
    mut compute: impl FnMut(usize, &mut [f32]) -> Result<(), DataError>,
) -> Result<Vec<f32>, DataError> {
    // The two most recent rows with their indices; positions only increase.
    let mut rows = [(usize::MAX, vec![0.0; mels]), (usize::MAX, vec![0.0; mels])];
    let mut stretched = Vec::with_capacity(to.saturating_mul(mels));
    for index in 0..to {
        let position = Position::new(index, from, to);
        if rows[0].0 != position.before && rows[1].0 == position.before {
            rows.swap(0, 1);
        }
        for ((number, row), needed) in rows.iter_mut().zip([position.before, position.after]) {
            if *number != needed {
                compute(needed, row)?;
                *number = needed;
            }
        }
        let pairs = rows[0].1.iter().zip(&rows[1].1);
        stretched.extend(pairs.map(|(&before, &after)| position.blend(before, after)));
    }
    Ok(stretched)
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn positions_match_torch() {
        let at = |index, from, to| {
            let Position { before, after, weight } = Position::new(index, from, to);
            (before, after, weight)
        };
        // A single row is blended with itself; the first half step is clamped to the first row.
        assert_eq!(at(1023, 1, 1024), (0, 0, 1023.5 / 1024.0 - 0.5));
        assert_eq!(at(0, 512, 1024), (0, 1, 0.0));
        assert_eq!(at(1, 512, 1024), (0, 1, 0.25));
        assert_eq!(at(1023, 512, 1024), (511, 511, 0.25));
        assert_eq!(at(7, 1024, 1024), (7, 7, 0.0));
        assert_eq!(at(0, 4096, 1024), (1, 2, 0.5));
        assert_eq!(at(1023, 4096, 1024), (4093, 4094, 0.5));
    }

    /// Skipping unneeded rows must not change the needed ones.
    #[test]
    fn matches_stretching_the_complete_filterbank() {
        for (samples, frames) in [(200, 7), (2_000, 100), (9_000, 20), (1_000, 11), (50_000, 16)] {
            let wave = (0..samples).map(|i| (i as f32 * i as f32 * 1e-4).sin()).collect();
            let audio = Audio { rate: 8_000, channels: vec![wave] };
            let fbank = Fbank::new(8_000, 40).unwrap();
            let complete = fbank.compute(&audio).unwrap();
            let rows: Vec<&[f32]> = complete.chunks_exact(40).collect();
            let expected: Vec<f32> = (0..frames)
                .map(|index| Position::new(index, rows.len(), frames))
                .flat_map(|at| {
                    let pairs = rows[at.before].iter().zip(rows[at.after]);
                    pairs.map(|(&a, &b)| at.blend(a, b)).collect::<Vec<_>>()
                })
                .collect();
            assert_eq!(fbank.stretched(&audio, frames).unwrap(), expected);
        }
    }
}
