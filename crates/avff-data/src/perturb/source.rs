//! Clips that are decoded once and read many times, each time with another perturbation.

use std::{collections::BTreeMap, ops::ControlFlow};

use avff_media::{
    Audio, AudioStream, BlockSink, Frame, FrameSink, FrameStream, MediaError, MediaInfo,
    MediaSource,
};

use super::Applied;
use crate::error::DataError;

/// The most bytes of frames that are kept. Others are decoded again.
const MOST: usize = 1 << 30;
/// The samples of a block of audio.
const BLOCK: usize = 1 << 14;

/// A clip whose decoded frames and audio are kept in memory.
pub struct Held {
    info: MediaInfo,
    times: Vec<f64>,
    frames: HeldFrames,
    audio: HeldAudio,
}

impl Held {
    /// Decodes the audio of `source`, and keeps frames as they are asked for.
    ///
    /// # Errors
    /// The audio cannot be decoded.
    pub fn new(mut source: Box<dyn MediaSource>) -> Result<Self, DataError> {
        let (info, times) = (source.info().clone(), source.frame_times().to_vec());
        let audio = source.streams().1;
        let placed = audio.between(info.audio_start, info.audio_end)?;
        let played = audio.whole()?;
        let audio = HeldAudio {
            clean: [played.clone(), placed.clone()],
            now: [played, placed],
            start: info.audio_start,
            is_perturbed: false,
        };
        let frames = HeldFrames { source, kept: BTreeMap::new(), bytes: 0, applied: None };
        Ok(Self { info, times, frames, audio })
    }

    /// Sets the perturbation of everything that is read from now on; `None` for the clip as it is.
    ///
    /// # Errors
    /// The audio cannot be perturbed.
    pub fn perturb(&mut self, applied: Option<Applied>) -> Result<(), DataError> {
        self.frames.applied = applied;
        let of_audio = applied.filter(|applied| !applied.perturbation.changes_frames());
        if of_audio.is_some() || self.audio.is_perturbed {
            self.audio.now = self.audio.clean.clone();
        }
        self.audio.is_perturbed = of_audio.is_some();
        for audio in &mut self.audio.now {
            if let Some(applied) = of_audio {
                applied.audio(audio)?;
            }
        }
        Ok(())
    }
}

impl MediaSource for Held {
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

struct HeldFrames {
    source: Box<dyn MediaSource>,
    kept: BTreeMap<usize, Frame>,
    bytes: usize,
    applied: Option<Applied>,
}

impl FrameStream for HeldFrames {
    fn frames(&mut self, indices: &[usize], sink: FrameSink<'_>) -> Result<(), MediaError> {
        let Self { source, kept, bytes, applied } = self;
        let mut pass = |index: usize, mut frame: Frame| {
            if let Some(applied) = applied {
                applied.frame(&mut frame, index);
            }
            sink(index, frame)
        };
        // Frames that are kept come from memory, in runs; the others from the decoder.
        let mut rest = indices;
        while let Some(first) = rest.first() {
            let is_kept = kept.contains_key(first);
            let count = rest.iter().take_while(|index| kept.contains_key(index) == is_kept).count();
            let (run, after) = rest.split_at(count);
            rest = after;
            if is_kept {
                for index in run {
                    let Some(frame) = kept.get(index) else { continue };
                    if pass(*index, frame.clone()).is_break() {
                        return Ok(());
                    }
                }
                continue;
            }
            let mut stopped = false;
            source.streams().0.frames(run, &mut |index, frame| {
                if *bytes + frame.rgb.len() <= MOST {
                    *bytes += frame.rgb.len();
                    kept.insert(index, frame.clone());
                }
                let flow = pass(index, frame);
                stopped = flow.is_break();
                flow
            })?;
            if stopped {
                return Ok(());
            }
        }
        Ok(())
    }
}

/// The audio as it is played packet by packet, and as it lies on the clip's clock.
struct HeldAudio {
    clean: [Audio; 2],
    now: [Audio; 2],
    /// When the first sample on the clock is played, in seconds.
    start: f64,
    is_perturbed: bool,
}

impl AudioStream for HeldAudio {
    fn whole(&mut self) -> Result<Audio, MediaError> {
        Ok(self.now[0].clone())
    }

    fn blocks(&mut self, sink: BlockSink<'_>) -> Result<(), MediaError> {
        let played = &self.now[0];
        for start in (0..played.len().max(1)).step_by(BLOCK) {
            let block = played.part(start, start + BLOCK);
            let channels: Vec<&[f32]> = block.channels.iter().map(Vec::as_slice).collect();
            if sink(block.rate, &channels) == ControlFlow::Break(()) {
                break;
            }
        }
        Ok(())
    }

    fn between(&mut self, start: f64, end: f64) -> Result<Audio, MediaError> {
        Ok(self.now[1].span(start - self.start, end - self.start))
    }
}
