//! The interface of every clip reader: the times of the frames, and two streams.

use std::ops::ControlFlow;

use crate::{
    audio::Audio,
    damage_check::DamageCheck,
    error::{DamagedPart, MediaError},
    frame::Frame,
    tracks::Choice,
};

/// The properties of a clip, as its container states them without decoding.
#[derive(Debug, Clone, PartialEq)]
pub struct MediaInfo {
    /// The container, such as `MP4` or `frame folder`.
    pub container: String,
    /// The video codec, such as `H.264`.
    pub video_codec: String,
    /// Width of a displayed frame in pixels, after rotation.
    pub width: usize,
    /// Height of a displayed frame in pixels, after rotation.
    pub height: usize,
    /// Width and height of a displayed pixel in lowest terms, after rotation; `(1, 1)` for square
    /// pixels. Frames are returned as they are stored;
    /// [`square_pixels`](crate::pixel_aspect::square_pixels) resizes them to square pixels.
    pub pixel_aspect: (u32, u32),
    /// The audio codec, such as `AAC`.
    pub audio_codec: String,
    /// Samples per second according to the container; the decoded audio is authoritative.
    pub sample_rate: u32,
    /// Audio channels according to the container or the codec's settings; the decoded audio is
    /// authoritative.
    pub channels: usize,
    /// When the audio starts on the clip's clock, in seconds.
    pub audio_start: f64,
    /// When the audio ends on the clip's clock, in seconds, according to the container.
    pub audio_end: f64,
    /// When the last frame ends on the clip's clock, in seconds.
    pub video_end: f64,
    /// How many frames decord counts beyond the displayed ones: those that an edit list hides, but that
    /// are decoded. A clip that is sampled as a whole follows decord, which repeats the last frame in
    /// their place.
    pub hidden_frames: usize,
    /// How far the audio is from its place on the clip's clock when its packets are played one after
    /// the other, at most, in seconds.
    pub audio_drift: f64,
    /// The time spans without audio packets between the first and the last packet, in seconds on the clip's clock,
    /// except those that lie in `damage`. Recorders and senders that leave out silence write them too.
    pub audio_gaps: Vec<(f64, f64)>,
    /// The parts of the clip that cannot be trusted: those whose media was lost, and, under
    /// [`DamagePolicy::Windows`](crate::DamagePolicy::Windows), those that were found to be damaged when
    /// the clip was opened.
    pub damage: Vec<DamagedPart>,
    /// How much damage inside frames is found.
    pub video_check: DamageCheck,
    /// How much damage inside audio packets is found.
    pub audio_check: DamageCheck,
    /// The video track that is read.
    pub video_track: Choice,
    /// The audio track that is read.
    pub audio_track: Choice,
    /// What the reader assumed, and how the clip differs from a plain clip, as sentences; empty for
    /// ordinary clips.
    pub notes: Vec<String>,
}

impl MediaInfo {
    /// Moves the start of the clock to `origin`, in seconds.
    pub(crate) fn started_at(&mut self, origin: f64) {
        for time in [&mut self.audio_start, &mut self.audio_end, &mut self.video_end] {
            *time -= origin;
        }
        self.damage.iter_mut().for_each(|part| part.started_at(origin));
        for gap in &mut self.audio_gaps {
            *gap = (gap.0 - origin, gap.1 - origin);
        }
    }
}

/// A clip whose two streams this build can decode.
///
/// Frames and audio share one clock in seconds. The container's presentation starts at 0.
pub trait MediaSource: Send {
    /// Returns the properties of the clip.
    fn info(&self) -> &MediaInfo;

    /// Returns the display time of each frame, in seconds; never decreasing, at least one.
    fn frame_times(&self) -> &[f64];

    /// Returns both streams, to be read side by side.
    fn streams(&mut self) -> (&mut dyn FrameStream, &mut dyn AudioStream);
}

/// The frames of a clip.
pub trait FrameStream {
    /// Passes the frames at `indices` to `sink`, one after the other and rotated for display.
    ///
    /// Indices are in display order, from 0, and strictly increasing. Only a few frames are held in
    /// memory at a time, whatever the number of indices. Stops without an error where `sink`
    /// breaks.
    ///
    /// # Errors
    /// [`MediaError::TooLarge`] for an index past the last frame. [`MediaError::Damaged`] where
    /// data that is needed for a frame does not decode; [`MediaError::DamagedPart`] where the frames
    /// after that part can be read by another call. [`MediaError::Io`]. For a folder,
    /// [`MediaError::Malformed`] for a frame of another size.
    fn frames(&mut self, indices: &[usize], sink: FrameSink<'_>) -> Result<(), MediaError>;
}

/// Receives each frame with its index in display order, and may stop the reading.
pub type FrameSink<'a> = &'a mut dyn FnMut(usize, Frame) -> ControlFlow<()>;

impl dyn FrameStream + '_ {
    /// Like [`frames`](FrameStream::frames), for a sink that can fail. The sink's error ends the
    /// reading.
    ///
    /// # Errors
    /// The errors of the stream, and the sink's own error.
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

/// The audio of a clip.
pub trait AudioStream {
    /// Decodes the whole audio, every channel, and applies the container's trimming.
    ///
    /// # Errors
    /// [`MediaError::Damaged`] where a packet does not decode, [`MediaError::TooLarge`] for hours
    /// of audio, [`MediaError::Io`].
    fn whole(&mut self) -> Result<Audio, MediaError>;

    /// Decodes the same samples as [`whole`](Self::whole) and passes them to `sink` block by block, so
    /// that memory does not grow with the length of the clip. Stops without an error where `sink` breaks.
    ///
    /// # Errors
    /// The errors of [`whole`](Self::whole). The limit on the length is higher.
    fn blocks(&mut self, sink: BlockSink<'_>) -> Result<(), MediaError>;

    /// Decodes the audio from `start` to `end` on the clip's clock, in seconds.
    ///
    /// Each packet is in its place on the clock: there is silence where packets are missing, and a
    /// packet that overlaps the one before replaces the rest of it. The result is shorter where the
    /// audio starts later or ends earlier. Spans with non-decreasing starts are decoded in one run, in
    /// memory for the longest span. The audio of an edit list that goes back stays in memory.
    ///
    /// # Errors
    /// The errors of [`whole`](Self::whole). [`MediaError::DamagedPart`] for each part that was found to
    /// be damaged, once; it may lie elsewhere. Another call can read on.
    fn between(&mut self, start: f64, end: f64) -> Result<Audio, MediaError>;
}

/// Receives the sample rate and the next samples of every channel, and may stop the reading.
pub type BlockSink<'a> = &'a mut dyn FnMut(u32, &[&[f32]]) -> ControlFlow<()>;

impl dyn AudioStream + '_ {
    /// Like [`blocks`](AudioStream::blocks), for a sink that can fail. The sink's error ends the reading.
    ///
    /// # Errors
    /// The errors of the stream, and the sink's own error.
    pub fn try_blocks<E: From<MediaError>>(
        &mut self,
        mut sink: impl FnMut(u32, &[&[f32]]) -> Result<ControlFlow<()>, E>,
    ) -> Result<(), E> {
        let mut failed = None;
        let read = self.blocks(&mut |rate, channels| match sink(rate, channels) {
            Ok(flow) => flow,
            Err(error) => {
                failed = Some(error);
                ControlFlow::Break(())
            }
        });
        failed.map_or(Ok(()), Err).and(read.map_err(E::from))
    }
}

impl dyn MediaSource + '_ {
    /// Returns the number of displayed frames; at least one.
    #[must_use]
    pub fn frame_count(&self) -> usize {
        self.frame_times().len()
    }

    /// Decodes the frames at `indices`, in any order and with repetitions. All frames are held in
    /// memory at once.
    ///
    /// # Errors
    /// The errors of [`FrameStream::frames`].
    pub fn frames_at(&mut self, indices: &[usize]) -> Result<Vec<Frame>, MediaError> {
        let mut distinct = indices.to_vec();
        distinct.sort_unstable();
        distinct.dedup();
        let mut decoded = Vec::with_capacity(distinct.len());
        self.streams().0.frames(&distinct, &mut |index, frame| {
            decoded.push((index, frame));
            ControlFlow::Continue(())
        })?;
        let frame = |index: &usize| {
            let at =
                decoded.binary_search_by_key(index, |(decoded_index, _)| *decoded_index).ok()?;
            decoded.get(at).map(|(_, frame)| frame.clone())
        };
        let frames: Option<Vec<Frame>> = indices.iter().map(frame).collect();
        frames.ok_or_else(|| missing(distinct.len(), decoded.len()))
    }

    /// Decodes the whole audio.
    ///
    /// # Errors
    /// The errors of [`AudioStream::whole`].
    pub fn audio(&mut self) -> Result<Audio, MediaError> {
        self.streams().1.whole()
    }
}

/// Returns the error for a reader that returned fewer frames than requested.
#[must_use]
pub fn missing(expected: usize, actual: usize) -> MediaError {
    MediaError::Damaged {
        stream: crate::error::Stream::Video,
        what: format!("only {actual} of {expected} frames were decoded"),
    }
}

/// Returns the error for a frame index past the last frame.
pub(crate) fn out_of_range(index: usize, count: usize) -> MediaError {
    MediaError::TooLarge {
        what: "frame index",
        value: index as u64,
        limit: count.saturating_sub(1) as u64,
    }
}
