//! What happens to clips on their way: the perturbations of published robustness tests, and fixed ones.
//!
//! A perturbation has five levels. Those with the names of the literature do what its code does, quirks included; those
//! with plain names do what their name says. Random numbers follow from a seed and the clip, so runs can be repeated.
//!
//! | name | stream | what | levels |
//! |---|---|---|---|
//! | `cs` | frames | color saturation, as published: shifts colors, wraps | x 0.4 to 0 |
//! | `cc` | frames | color contrast: levels times a factor, so darker | x 0.85 to 0.35 |
//! | `bw` | frames | gray blocks of 8 pixels, as published: none below 256 pixels | 16 to 80 for 256 pixels |
//! | `gnc` | frames | Gaussian noise in Y, Cb, Cr | variance 0.001 to 0.05 |
//! | `gb` | frames | Gaussian blur | 7 to 21 taps |
//! | `jpeg` | frames | what the literature calls JPEG: smaller and larger again | by 2 to 6 |
//! | `gn` | audio | Gaussian noise | power ratio 40 to 10 |
//! | `ps` | audio | pitch shift, up or down | 2 to 10 semitones |
//! | `rv` | audio | reverberance | 20 to 100 |
//! | `saturation` | frames | color saturation around gray, clipped | as `cs` |
//! | `blocks` | frames | gray blocks by area, at least one | 16 to 80 for 256 x 256 pixels |
//! | `telephone` | audio | 300 Hz to 3.4 kHz | 1 to 5 filters |
//! | `offset` | both | the audio is late | 40, 80, 120, 200, 400 ms |
//!
//! Source: DeeperForensics-1.0 (L. Jiang et al., CVPR 2020) for frames; the robustness test of AuViRe (mever-team,
//! 2025) for audio, whose levels AVFF's plots have. There, frames are coded again with MPEG-4 after they are
//! perturbed, which is left out here. Two perturbations need an encoder and are missing: `vc` (H.264 at CRF 30 to 40) and
//! `ac` (MP3 at 320 to 64 kbit/s).

mod color;
mod frames;
mod pitch;
mod sound;
mod source;
#[cfg(test)]
mod tests;

use avff_media::{Audio, Frame};
use avff_rng::{Purpose, RngKey};
use serde::{Deserialize, Serialize};

pub use self::source::Held;
use crate::error::DataError;

/// The number of levels of every perturbation.
pub const LEVELS: usize = 5;

/// A perturbation.
#[derive(
    Debug,
    Clone,
    Copy,
    PartialEq,
    Eq,
    Hash,
    PartialOrd,
    Ord,
    Serialize,
    Deserialize,
    strum::Display,
    strum::EnumString,
    strum::IntoStaticStr,
    strum::VariantArray,
    strum::VariantNames,
)]
#[serde(rename_all = "kebab-case")]
#[strum(serialize_all = "kebab-case")]
pub enum Perturbation {
    /// Color saturation, as published.
    Cs,
    /// Color contrast, as published.
    Cc,
    /// Gray blocks, as published.
    Bw,
    /// Gaussian noise of colors, as published.
    Gnc,
    /// Gaussian blur, as published.
    Gb,
    /// Smaller and larger again, as published.
    Jpeg,
    /// Gaussian noise of audio, as published.
    Gn,
    /// Pitch shift, as published.
    Ps,
    /// Reverberance, as published.
    Rv,
    /// Color saturation around gray.
    Saturation,
    /// Gray blocks by area.
    Blocks,
    /// The band of a telephone.
    Telephone,
    /// Late audio.
    Offset,
}

impl Perturbation {
    /// Whether it changes frames.
    #[must_use]
    pub fn changes_frames(self) -> bool {
        matches!(
            self,
            Self::Cs
                | Self::Cc
                | Self::Bw
                | Self::Gnc
                | Self::Gb
                | Self::Jpeg
                | Self::Saturation
                | Self::Blocks
        )
    }

    /// The parameter of a level from 1 to 5; others count as the nearest one.
    #[must_use]
    pub fn parameter(self, level: usize) -> f64 {
        let levels: [f64; LEVELS] = match self {
            Self::Cs | Self::Saturation => [0.4, 0.3, 0.2, 0.1, 0.0],
            Self::Cc => [0.85, 0.725, 0.6, 0.475, 0.35],
            Self::Bw | Self::Blocks => [16.0, 32.0, 48.0, 64.0, 80.0],
            Self::Gnc => [0.001, 0.002, 0.005, 0.01, 0.05],
            Self::Gb => [7.0, 9.0, 13.0, 17.0, 21.0],
            Self::Jpeg => [2.0, 3.0, 4.0, 5.0, 6.0],
            Self::Gn => [40.0, 30.0, 20.0, 15.0, 10.0],
            Self::Ps => [2.0, 4.0, 6.0, 8.0, 10.0],
            Self::Rv => [20.0, 40.0, 60.0, 80.0, 100.0],
            Self::Telephone => [1.0, 2.0, 3.0, 4.0, 5.0],
            Self::Offset => [40.0, 80.0, 120.0, 200.0, 400.0],
        };
        levels[level.clamp(1, LEVELS) - 1]
    }
}

/// A perturbation of one clip.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Applied {
    /// The perturbation.
    pub perturbation: Perturbation,
    /// Its level, from 1 to 5.
    pub level: usize,
    /// The random seed.
    pub seed: u64,
    /// The number of the clip, so that clips differ.
    pub clip: u64,
}

impl Applied {
    fn key(self, occurrence: u32) -> RngKey {
        let kind = self.perturbation as u64;
        let epoch = kind * (LEVELS as u64 + 1) + self.level as u64;
        RngKey { seed: self.seed, epoch, row: self.clip, occurrence }
    }

    /// Perturbs the frame with this index in display order.
    pub fn frame(self, frame: &mut Frame, index: usize) {
        let value = self.perturbation.parameter(self.level);
        let mut rng = self.key(index as u32).rng(Purpose::Perturb);
        match self.perturbation {
            Perturbation::Cs => frames::published_saturation(frame, value as f32),
            Perturbation::Cc => frames::contrast(frame, value as f32),
            Perturbation::Bw => frames::published_blocks(frame, value as usize, &mut rng),
            Perturbation::Gnc => frames::noise(frame, value as f32, sound::normals(&mut rng)),
            Perturbation::Gb => frames::blur(frame, value as usize),
            Perturbation::Jpeg => frames::pixelate(frame, value as usize),
            Perturbation::Saturation => frames::saturation(frame, value as f32),
            Perturbation::Blocks => frames::area_blocks(frame, value as usize, &mut rng),
            _ => {}
        }
    }

    /// Perturbs the whole audio.
    ///
    /// # Errors
    /// The audio cannot be resampled.
    pub fn audio(self, audio: &mut Audio) -> Result<(), DataError> {
        let value = self.perturbation.parameter(self.level);
        let mut rng = self.key(0).rng(Purpose::Perturb);
        match self.perturbation {
            Perturbation::Gn => sound::noise(audio, value, sound::normals(&mut rng)),
            Perturbation::Ps => pitch::shift(audio, if rng.unit() < 0.5 { -value } else { value })?,
            Perturbation::Rv => sound::reverberate(audio, value),
            Perturbation::Telephone => sound::telephone(audio, value as usize),
            Perturbation::Offset => sound::delay(audio, value / 1_000.0),
            _ => {}
        }
        Ok(())
    }
}
