//! A clip made of thin air, for tests of what is built on a source.

#![allow(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]

use super::{
    audio_track::sample_range,
    source::{AudioStream, FrameSink, FrameStream, MediaInfo, MediaSource, beyond},
};
use crate::{audio::Audio, error::MediaError, frame::Frame};

/// A clip whose picture `i` is all `i`, with the sound of a tone.
pub struct Fake {
    info: MediaInfo,
    times: Vec<f64>,
    /// The frames.
    pub pictures: Pictures,
    /// The audio.
    pub wave: Wave,
}

/// Frames of one level each.
pub struct Pictures {
    count: usize,
    /// Pictures it fails to give.
    pub short_by: usize,
    /// Places it was asked for, call by call.
    pub asked: Vec<Vec<usize>>,
}

/// The audio, as it is.
pub struct Wave(pub Audio);

/// Samples a second.
pub const RATE: u32 = 8_000;

impl Fake {
    /// `count` pictures at 25 a second, a second of sound.
    pub fn new(count: usize) -> Self {
        Self::lasting(count, 8_000)
    }

    /// `count` pictures at 25 a second, `samples` samples of sound.
    pub fn lasting(count: usize, samples: usize) -> Self {
        let wave = (0..samples).map(|i| (i as f32 * 0.3).sin()).collect();
        let info = MediaInfo {
            container: "fake".into(),
            video_codec: "none".into(),
            width: 3,
            height: 2,
            audio_codec: "none".into(),
            sample_rate: RATE,
            channels: 1,
            audio_start: 0.0,
            audio_end: samples as f64 / f64::from(RATE),
        };
        Self {
            info,
            times: (0..count).map(|i| i as f64 / 25.0).collect(),
            pictures: Pictures { count, short_by: 0, asked: Vec::new() },
            wave: Wave(Audio { rate: RATE, channels: vec![wave] }),
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

    fn streams(&mut self) -> (&mut dyn FrameStream, &mut dyn AudioStream) {
        (&mut self.pictures, &mut self.wave)
    }
}

impl FrameStream for Pictures {
    fn frames(&mut self, indices: &[usize], sink: FrameSink<'_>) -> Result<(), MediaError> {
        assert!(indices.is_sorted_by(|a, b| a < b), "{indices:?}");
        self.asked.push(indices.to_vec());
        for &index in indices.iter().skip(self.short_by) {
            if index >= self.count {
                return Err(beyond(index, self.count));
            }
            if sink(index, Frame { width: 3, height: 2, rgb: vec![index as u8; 18] }).is_break() {
                break;
            }
        }
        Ok(())
    }
}

impl AudioStream for Wave {
    fn whole(&mut self) -> Result<Audio, MediaError> {
        Ok(self.0.clone())
    }

    fn between(&mut self, start: f64, end: f64) -> Result<Audio, MediaError> {
        let range = sample_range(start, end, RATE);
        Ok(self.0.part(range.start, range.end))
    }
}
