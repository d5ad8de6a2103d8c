//! What every reader of clips offers: the times of its frames, and two streams.

use std::ops::ControlFlow;

use crate::{audio::Audio, error::MediaError, frame::Frame};

/// What a clip is, as its container tells without decoding.
#[derive(Debug, Clone, PartialEq)]
pub struct MediaInfo {
    /// The container, such as `MP4` or `frame folder`.
    pub container: String,
    /// The picture codec, such as `H.264`.
    pub video_codec: String,
    /// Pixels in a row of a picture as shown, after rotation.
    pub width: usize,
    /// Rows of a picture as shown, after rotation.
    pub height: usize,
    /// The sound codec, such as `AAC`.
    pub audio_codec: String,
    /// Samples a second, as the container says; what is decoded counts.
    pub sample_rate: u32,
    /// Audio channels, as the container says; what is decoded counts.
    pub channels: usize,
    /// When the sound starts on the clip's clock, in seconds.
    pub audio_start: f64,
    /// When the sound ends on the clip's clock, in seconds, as the container says.
    pub audio_end: f64,
}

/// A clip whose two streams were found and can be decoded by this build.
///
/// Pictures and sound share one clock in seconds, on which the container starts to show at 0.
pub trait MediaSource: Send {
    /// What the container tells.
    fn info(&self) -> &MediaInfo;

    /// When each shown picture appears, in seconds; never decreasing, at least one.
    fn frame_times(&self) -> &[f64];

    /// Both streams, to be read side by side.
    fn streams(&mut self) -> (&mut dyn FrameStream, &mut dyn AudioStream);
}

/// The pictures of a clip.
pub trait FrameStream {
    /// Hands the frames at these indices in display order, from 0, to `sink`, one after the other, as
    /// the viewer sees them: rotation is applied. Indices increase strictly. Holds a few frames at a
    /// time, however many are asked for. Stops without an error where `sink` breaks.
    ///
    /// # Errors
    /// [`MediaError::TooLarge`] for an index beyond the last, [`MediaError::Damaged`] where anything
    /// needed for one of the frames does not decode, [`MediaError::Io`], and in a folder
    /// [`MediaError::Malformed`] for a frame of another size.
    fn frames(&mut self, indices: &[usize], sink: FrameSink<'_>) -> Result<(), MediaError>;
}

/// Gets each frame with its index in display order, and may break off.
pub type FrameSink<'a> = &'a mut dyn FnMut(usize, Frame) -> ControlFlow<()>;

impl dyn FrameStream + '_ {
    /// [`frames`](FrameStream::frames) for a sink that can fail: its error ends the pass.
    ///
    /// # Errors
    /// What the stream reports, and the sink's own error.
    pub fn try_frames<E: From<MediaError>>(
        &mut self,
        indices: &[usize],
        mut sink: impl FnMut(usize, Frame) -> Result<ControlFlow<()>, E>,
    ) -> Result<(), E> {
        let mut failed = None;
        let read = self.frames(indices, &mut |index, frame| match sink(index, frame) {
            Ok(flow) => flow,
            Err(error) => {
                failed = Some(error);
                ControlFlow::Break(())
            }
        });
        failed.map_or(Ok(()), Err).and(read.map_err(E::from))
    }
}

/// The sound of a clip.
pub trait AudioStream {
    /// The whole sound, every channel, with the container's trim applied.
    ///
    /// # Errors
    /// [`MediaError::Damaged`] where a packet does not decode, [`MediaError::TooLarge`] for hours of
    /// sound, [`MediaError::Io`].
    fn whole(&mut self) -> Result<Audio, MediaError>;

    /// The part of the sound from `start` to `end` on the clip's clock, in seconds: exactly those
    /// samples of [`whole`](Self::whole), fewer where the sound starts later or ends earlier. Spans
    /// whose starts do not decrease are decoded in one pass and in memory for the longest.
    ///
    /// # Errors
    /// As [`whole`](Self::whole).
    fn between(&mut self, start: f64, end: f64) -> Result<Audio, MediaError>;
}

impl dyn MediaSource + '_ {
    /// How many pictures are shown; at least one.
    #[must_use]
    pub fn frame_count(&self) -> usize {
        self.frame_times().len()
    }

    /// The pictures at these places in display order, in any order and more than once; all are held
    /// at once.
    ///
    /// # Errors
    /// As [`FrameStream::frames`].
    pub fn frames_at(&mut self, indices: &[usize]) -> Result<Vec<Frame>, MediaError> {
        let mut distinct = indices.to_vec();
        distinct.sort_unstable();
        distinct.dedup();
        let mut found = Vec::with_capacity(distinct.len());
        self.streams().0.frames(&distinct, &mut |index, frame| {
            found.push((index, frame));
            ControlFlow::Continue(())
        })?;
        let picture = |index: &usize| {
            let at = found.binary_search_by_key(index, |(place, _)| *place).ok()?;
            found.get(at).map(|(_, picture)| picture.clone())
        };
        let pictures: Option<Vec<Frame>> = indices.iter().map(picture).collect();
        pictures.ok_or_else(|| missing(distinct.len(), found.len()))
    }

    /// The whole sound.
    ///
    /// # Errors
    /// As [`AudioStream::whole`].
    pub fn audio(&mut self) -> Result<Audio, MediaError> {
        self.streams().1.whole()
    }
}

/// The error for a reader that gave fewer frames than it was asked for.
#[must_use]
pub fn missing(expected: usize, actual: usize) -> MediaError {
    MediaError::Damaged {
        stream: crate::error::Stream::Video,
        what: format!("{actual} of {expected} frames came"),
    }
}

/// A picture was asked for that is not there.
pub(crate) fn beyond(index: usize, count: usize) -> MediaError {
    MediaError::TooLarge {
        what: "frame index",
        value: index as u64,
        limit: count.saturating_sub(1) as u64,
    }
}
