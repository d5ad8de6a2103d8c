//! A clip made of thin air, for tests of what is built on a source.

#![allow(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]

use super::{
    sound::sample_range,
    source::{MediaInfo, MediaSource, PictureStream, SoundStream, Take, beyond},
};
use crate::{error::DataError, picture::Picture, sound::Sound};

/// A clip whose picture `i` is all `i`, with the sound of a tone.
pub(crate) struct Fake {
    info: MediaInfo,
    times: Vec<f64>,
    pub(crate) pictures: Pictures,
    pub(crate) wave: Wave,
}

pub(crate) struct Pictures {
    count: usize,
    /// Pictures it fails to give.
    pub(crate) short_by: usize,
    /// Places it was asked for, call by call.
    pub(crate) asked: Vec<Vec<usize>>,
}

pub(crate) struct Wave(pub(crate) Sound);

/// Samples a second.
pub(crate) const RATE: u32 = 8_000;

impl Fake {
    /// `count` pictures at 25 a second, a second of sound.
    pub(crate) fn new(count: usize) -> Self {
        Self::lasting(count, 8_000)
    }

    /// `count` pictures at 25 a second, `samples` samples of sound.
    pub(crate) fn lasting(count: usize, samples: usize) -> Self {
        let wave = (0..samples).map(|i| (i as f32 * 0.3).sin()).collect();
        let info = MediaInfo {
            container: "fake".into(),
            video_codec: "none".into(),
            width: 3,
            height: 2,
            audio_codec: "none".into(),
            sample_rate: RATE,
            channels: 1,
            sound_start: 0.0,
            sound_end: samples as f64 / f64::from(RATE),
        };
        Self {
            info,
            times: (0..count).map(|i| i as f64 / 25.0).collect(),
            pictures: Pictures { count, short_by: 0, asked: Vec::new() },
            wave: Wave(Sound { rate: RATE, channels: vec![wave] }),
        }
    }
}

impl MediaSource for Fake {
    fn info(&self) -> &MediaInfo {
        &self.info
    }

    fn frame_times(&self) -> &[f64] {
        &self.times
    }

    fn streams(&mut self) -> (&mut dyn PictureStream, &mut dyn SoundStream) {
        (&mut self.pictures, &mut self.wave)
    }
}

impl PictureStream for Pictures {
    fn pictures(&mut self, indices: &[usize], take: Take<'_>) -> Result<(), DataError> {
        assert!(indices.is_sorted_by(|a, b| a < b), "{indices:?}");
        self.asked.push(indices.to_vec());
        for &index in indices.iter().skip(self.short_by) {
            if index >= self.count {
                return Err(beyond(index, self.count));
            }
            take(index, Picture { width: 3, height: 2, rgb: vec![index as u8; 18] })?;
        }
        Ok(())
    }
}

impl SoundStream for Wave {
    fn whole(&mut self) -> Result<Sound, DataError> {
        Ok(self.0.clone())
    }

    fn between(&mut self, start: f64, end: f64) -> Result<Sound, DataError> {
        let range = sample_range(start, end, RATE);
        Ok(self.0.part(range.start, range.end))
    }
}
