//! Any length of sound to the model's number of frames: linear interpolation along time.
//!
//! The reference computes the whole filterbank and stretches it. Each stretched row needs two rows
//! of it at most, so only those are computed here: an hour takes as many FFTs as twenty seconds.

use std::{borrow::Cow, sync::Arc};

use super::{Fbank, resample::at_rate};
use crate::{error::DataError, spec::AudioSpec};
use avff_media::Audio;

/// The two rows that one stretched row lies between.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Position {
    before: usize,
    after: usize,
    /// Share of `after`, in `[0, 1]`.
    share: f32,
}

impl Position {
    /// Row `index` of `to` among `from` rows, by the f32 arithmetic of
    /// `torch.nn.functional.interpolate(mode="linear", align_corners=False)`.
    fn new(index: usize, from: usize, to: usize) -> Self {
        if from == to {
            return Self { before: index, after: index, share: 0.0 };
        }
        let scale = from as f32 / to as f32;
        let at = (scale * (index as f32 + 0.5) - 0.5).max(0.0);
        let last = from.saturating_sub(1);
        let before = (at as usize).min(last);
        let share = (at - before as f32).clamp(0.0, 1.0);
        Self { before, after: (before + 1).min(last), share }
    }

    fn blend(self, before: f32, after: f32) -> f32 {
        (1.0 - self.share) * before + self.share * after
    }
}

impl Fbank {
    /// The log-mel energies of `sound` stretched to `frames` rows, `[frames, mels]`: what the
    /// reference calls fbank, before normalisation.
    ///
    /// # Errors
    /// As [`Fbank::compute`].
    pub fn stretched(&self, sound: &Audio, frames: usize) -> Result<Vec<f32>, DataError> {
        let wave = self.wave(sound)?;
        let from = self.frames_in(wave.len())?;
        let mut scratch = self.scratch();
        blended(from, frames, self.mels(), |index, row| self.frame(wave, index, &mut scratch, row))
    }
}

/// The filterbanks of `sounds`, each at the spec's rate or its own, one after the other and stretched to
/// the spec's frames as one, before normalisation: how the reference joins clips. No row spans two of
/// them.
///
/// # Errors
/// As [`Fbank::shared`] and [`Fbank::compute`], and [`MediaError::TooLarge`](avff_media::MediaError::TooLarge) for a sound that would have too
/// many samples at the spec's rate.
pub fn stretched_parts(sounds: &[Audio], spec: &AudioSpec) -> Result<Vec<f32>, DataError> {
    let sounds: Vec<Cow<'_, Audio>> =
        sounds.iter().map(|sound| at_rate(sound, spec.rate)).collect::<Result<_, _>>()?;
    let tables: Vec<Arc<Fbank>> = sounds
        .iter()
        .map(|sound| Fbank::shared(sound.rate, spec.mels, spec.framing()))
        .collect::<Result<_, _>>()?;
    let mut parts = Vec::with_capacity(sounds.len());
    let mut from = 0;
    for (fbank, sound) in tables.iter().zip(&sounds) {
        let wave = fbank.wave(sound)?;
        let rows = fbank.frames_in(wave.len())?;
        parts.push((from..from + rows, fbank, wave, fbank.scratch()));
        from += rows;
    }
    blended(from, spec.frames, spec.mels, |index, row| {
        let part = parts.iter_mut().find(|(rows, ..)| rows.contains(&index));
        let Some((rows, fbank, wave, scratch)) = part else {
            return Err(DataError::TooShort { samples: 0, needed: 1 });
        };
        fbank.frame(*wave, index - rows.start, scratch, row)
    })
}

/// `from` rows stretched to `to`, computing only the rows that are needed, each once.
fn blended(
    from: usize,
    to: usize,
    mels: usize,
    mut compute: impl FnMut(usize, &mut [f32]) -> Result<(), DataError>,
) -> Result<Vec<f32>, DataError> {
    // The rows last used and their numbers; positions only ever move forward.
    let mut rows = [(usize::MAX, vec![0.0; mels]), (usize::MAX, vec![0.0; mels])];
    let mut out = Vec::with_capacity(to.saturating_mul(mels));
    for index in 0..to {
        let position = Position::new(index, from, to);
        if rows[0].0 != position.before && rows[1].0 == position.before {
            rows.swap(0, 1);
        }
        for ((number, row), wanted) in rows.iter_mut().zip([position.before, position.after]) {
            if *number != wanted {
                compute(wanted, row)?;
                *number = wanted;
            }
        }
        let pairs = rows[0].1.iter().zip(&rows[1].1);
        out.extend(pairs.map(|(&before, &after)| position.blend(before, after)));
    }
    Ok(out)
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn positions_are_torchs() {
        let at = |index, from, to| {
            let Position { before, after, share } = Position::new(index, from, to);
            (before, after, share)
        };
        // A single row is blended with itself; the first half step is held at the first row.
        assert_eq!(at(1023, 1, 1024), (0, 0, 1023.5 / 1024.0 - 0.5));
        assert_eq!(at(0, 512, 1024), (0, 1, 0.0));
        assert_eq!(at(1, 512, 1024), (0, 1, 0.25));
        assert_eq!(at(1023, 512, 1024), (511, 511, 0.25));
        assert_eq!(at(7, 1024, 1024), (7, 7, 0.0));
        assert_eq!(at(0, 4096, 1024), (1, 2, 0.5));
        assert_eq!(at(1023, 4096, 1024), (4093, 4094, 0.5));
    }

    /// Skipping the rows nobody needs must not change the ones somebody does.
    #[test]
    fn equals_stretching_the_whole_filterbank() {
        for (samples, frames) in [(200, 7), (2_000, 100), (9_000, 20), (1_000, 11), (50_000, 16)] {
            let wave = (0..samples).map(|i| (i as f32 * i as f32 * 1e-4).sin()).collect();
            let sound = Audio { rate: 8_000, channels: vec![wave] };
            let fbank = Fbank::new(8_000, 40).unwrap();
            let whole = fbank.compute(&sound).unwrap();
            let rows: Vec<&[f32]> = whole.chunks_exact(40).collect();
            let want: Vec<f32> = (0..frames)
                .map(|index| Position::new(index, rows.len(), frames))
                .flat_map(|at| {
                    let pairs = rows[at.before].iter().zip(rows[at.after]);
                    pairs.map(|(&a, &b)| at.blend(a, b)).collect::<Vec<_>>()
                })
                .collect();
            assert_eq!(fbank.stretched(&sound, frames).unwrap(), want);
        }
    }
}
