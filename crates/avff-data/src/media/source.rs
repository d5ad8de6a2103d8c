//! What every reader of clips offers: a list of shown pictures with their times, and two streams.

use crate::{error::DataError, picture::Picture, sound::Sound};

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
    /// Sound channels, as the container says; what is decoded counts.
    pub channels: usize,
    /// When the sound starts on the clip's clock, in seconds.
    pub sound_start: f64,
    /// When the sound ends on the clip's clock, in seconds, as the container says.
    pub sound_end: f64,
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
    fn streams(&mut self) -> (&mut dyn PictureStream, &mut dyn SoundStream);
}

/// The pictures of a clip.
pub trait PictureStream {
    /// Hands the pictures at these places in display order, from 0, to `take`, one after the other,
    /// as the viewer sees them: rotation is applied. Places increase strictly. Holds a few pictures
    /// at a time, however many are asked for.
    ///
    /// # Errors
    /// [`DataError::TooLarge`] for a place beyond the last, [`DataError::Damaged`] where anything
    /// needed for one of the pictures does not decode, [`DataError::Io`], in a folder
    /// [`DataError::Malformed`] for a picture of another size, and what `take` returns.
    fn pictures(&mut self, indices: &[usize], take: Take<'_>) -> Result<(), DataError>;
}

/// Gets each picture with its place in display order.
pub type Take<'a> = &'a mut dyn FnMut(usize, Picture) -> Result<(), DataError>;

/// The sound of a clip.
pub trait SoundStream {
    /// The whole sound, every channel, with the container's trim applied.
    ///
    /// # Errors
    /// [`DataError::Damaged`] where a packet does not decode, [`DataError::TooLarge`] for hours of
    /// sound, [`DataError::Io`].
    fn whole(&mut self) -> Result<Sound, DataError>;

    /// The part of the sound from `start` to `end` on the clip's clock, in seconds: exactly those
    /// samples of [`whole`](Self::whole), fewer where the sound starts later or ends earlier. Spans
    /// whose starts do not decrease are decoded in one pass and in memory for the longest.
    ///
    /// # Errors
    /// As [`whole`](Self::whole).
    fn between(&mut self, start: f64, end: f64) -> Result<Sound, DataError>;
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
    /// As [`PictureStream::pictures`].
    pub fn frames_at(&mut self, indices: &[usize]) -> Result<Vec<Picture>, DataError> {
        let mut distinct = indices.to_vec();
        distinct.sort_unstable();
        distinct.dedup();
        let mut found = Vec::with_capacity(distinct.len());
        self.streams().0.pictures(&distinct, &mut |index, picture| {
            found.push((index, picture));
            Ok(())
        })?;
        let picture = |index: &usize| {
            let at = found.binary_search_by_key(index, |(place, _)| *place).ok()?;
            found.get(at).map(|(_, picture)| picture.clone())
        };
        let pictures: Option<Vec<Picture>> = indices.iter().map(picture).collect();
        pictures.ok_or_else(|| missing(distinct.len(), found.len()))
    }

    /// The whole sound.
    ///
    /// # Errors
    /// As [`SoundStream::whole`].
    pub fn sound(&mut self) -> Result<Sound, DataError> {
        self.streams().1.whole()
    }
}

/// A reader gave fewer pictures than it was asked for.
pub(crate) fn missing(due: usize, came: usize) -> DataError {
    DataError::Damaged {
        stream: crate::error::Stream::Video,
        what: format!("{came} pictures came where {due} were due"),
    }
}

/// A picture was asked for that is not there.
pub(crate) fn beyond(index: usize, count: usize) -> DataError {
    DataError::TooLarge {
        what: "frame index",
        value: index as u64,
        limit: count.saturating_sub(1) as u64,
    }
}
