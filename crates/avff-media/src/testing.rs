//! A synthetic clip in memory, for tests of code that reads a media source, and where the samples of MP4
//! files lie, for tests that damage them.

#![allow(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]

mod mp4_samples;

pub use self::mp4_samples::samples_of_mp4;
use super::source::{
    AudioStream, BlockSink, FrameSink, FrameStream, MediaInfo, MediaSource, out_of_range,
};
use crate::{
    audio::Audio, damage_check::DamageCheck, error::MediaError, frame::Frame, tracks::Choice,
};

/// A clip whose frame `i` has the level `i` in every pixel, and whose audio is a tone.
pub struct TestClip {
    /// The information that the clip states; its frames are of 3 by 2 pixels all the same.
    pub info: MediaInfo,
    times: Vec<f64>,
    /// The frames.
    pub frames: TestFrames,
    /// The audio.
    pub audio: TestAudio,
}

/// A stream of frames of one level each.
pub struct TestFrames {
    count: usize,
    /// The number of frames that the stream fails to return.
    pub missing: usize,
    /// The requested indices, call by call.
    pub requests: Vec<Vec<usize>>,
}

/// A stream of the audio it holds, in blocks of a number of samples.
pub struct TestAudio(pub Audio, pub usize);

/// Samples per second.
pub const RATE: u32 = 8_000;

impl TestClip {
    /// Creates `count` frames at 25 fps and one second of audio.
    pub fn new(count: usize) -> Self {
        Self::with_samples(count, 8_000)
    }

    /// Creates `count` frames at 25 fps and `samples` samples of audio.
    pub fn with_samples(count: usize, samples: usize) -> Self {
        let tone = (0..samples).map(|i| (i as f32 * 0.3).sin()).collect();
        let info = MediaInfo {
            container: "test".into(),
            video_check: DamageCheck::None,
            audio_check: DamageCheck::None,
            video_codec: "none".into(),
            width: 3,
            height: 2,
            pixel_aspect: (1, 1),
            audio_codec: "none".into(),
            sample_rate: RATE,
            channels: 1,
            audio_start: 0.0,
            audio_end: samples as f64 / f64::from(RATE),
            video_end: count as f64 / 25.0,
            hidden_frames: 0,
            audio_drift: 0.0,
            audio_gaps: Vec::new(),
            damage: Vec::new(),
            video_track: Choice::ONLY,
            audio_track: Choice::ONLY,
            notes: Vec::new(),
        };
        Self {
            info,
            times: (0..count).map(|i| i as f64 / 25.0).collect(),
            frames: TestFrames { count, missing: 0, requests: Vec::new() },
            audio: TestAudio(Audio { rate: RATE, channels: vec![tone] }, 1_000),
        }
    }
}

impl MediaSource for TestClip {
    fn info(&self) -> &MediaInfo {
        &self.info
    }

    fn frame_times(&self) -> &[f64] {
        &self.times
    }

    fn streams(&mut self) -> (&mut dyn FrameStream, &mut dyn AudioStream) {
        (&mut self.frames, &mut self.audio)
    }
}

impl FrameStream for TestFrames {
    fn frames(&mut self, indices: &[usize], sink: FrameSink<'_>) -> Result<(), MediaError> {
        assert!(indices.is_sorted_by(|a, b| a < b), "{indices:?}");
        self.requests.push(indices.to_vec());
        for &index in indices.iter().skip(self.missing) {
            if index >= self.count {
                return Err(out_of_range(index, self.count));
            }
            if sink(index, Frame { width: 3, height: 2, rgb: vec![index as u8; 18] }).is_break() {
                break;
            }
        }
        Ok(())
    }
}

impl AudioStream for TestAudio {
    fn whole(&mut self) -> Result<Audio, MediaError> {
        Ok(self.0.clone())
    }

    fn blocks(&mut self, sink: BlockSink<'_>) -> Result<(), MediaError> {
        for start in (0..self.0.len().max(1)).step_by(self.1) {
            let block = self.0.part(start, start + self.1);
            let channels: Vec<&[f32]> = block.channels.iter().map(Vec::as_slice).collect();
            if sink(block.rate, &channels).is_break() {
                break;
            }
        }
        Ok(())
    }

    fn between(&mut self, start: f64, end: f64) -> Result<Audio, MediaError> {
        Ok(self.0.span(start, end))
    }
}
