//! Decodes clips through FFmpeg's libraries: HEVC, VP9, AV1, AVI, Matroska, 10 bit, Opus and the
//! rest.
//!
//! FFmpeg continues where it can: it conceals damage, and repeats or guesses frames. Here, every
//! sign of damage that FFmpeg reports is an error. A frame that the index lists but the decoder
//! does not return is also an error. FFmpeg reads bytes through a bounded reader of this module, so
//! no file can make it open another file or the network.
//!
//! Video and audio have one input each, since they are read side by side.

mod access;
mod audio;
mod convert;
mod decoder;
mod display_order;
mod errors;
mod frames;
mod index;
mod input;
mod length;
mod pixel_aspect;
mod samples;
mod video_reader;

use std::path::Path;

use video_rs::ffmpeg::{format::stream::Disposition, media::Type};

use self::{
    audio::{AudioReader, FirstAudio},
    frames::Frames,
    index::Packets,
    input::Input,
};
use super::source::{AudioStream, FrameStream, MediaInfo, MediaSource};
use crate::error::{MediaError, Stream};

/// A clip that FFmpeg decodes.
pub(crate) struct FfmpegClip {
    info: MediaInfo,
    frames: Frames,
    audio: AudioReader,
}

impl FfmpegClip {
    /// Reads the whole container once and decodes the first frame and the first audio.
    ///
    /// # Errors
    ///
    /// The errors of [`super::open`].
    pub(crate) fn open(path: &Path) -> Result<Self, MediaError> {
        length::check(path)?;
        let mut input = Input::open(path)?;
        let video_stream = choose(&input, Stream::Video)?;
        let audio_stream = choose(&input, Stream::Audio)?;
        let packets = Packets::read(&mut input, video_stream, audio_stream)?;
        let container = input.container();
        drop(input);
        let (first_audio, audio) = AudioReader::open(path, audio_stream)?;
        let FirstAudio { time: audio_start, rate, channels, codec: audio_codec } = first_audio;
        let audio_end = packets.audio_end.max(audio_start);
        let (frames, first_frame) = Frames::open(path, video_stream, packets)?;
        // The edit list of an MP4 file defines where its clock starts. Elsewhere the clock starts
        // with the first frame or audio, as broadcasts count from an arbitrary time.
        let origin = if container == input::MP4 { 0.0 } else { first_frame.time.min(audio_start) };
        let frames = frames.started_at(origin);
        let audio = audio.started_at(audio_start - origin);
        let info = MediaInfo {
            container: container.to_owned(),
            video_codec: first_frame.codec,
            width: first_frame.size.0,
            height: first_frame.size.1,
            pixel_aspect: first_frame.pixel_aspect,
            audio_codec,
            sample_rate: rate,
            channels,
            audio_start: audio_start - origin,
            audio_end: audio_end - origin,
            notes: Vec::new(),
        };
        Ok(Self { info, frames, audio })
    }
}

/// Returns the index of the stream that FFmpeg's players choose, cover images excluded.
fn choose(input: &Input, stream: Stream) -> Result<usize, MediaError> {
    let kind = match stream {
        Stream::Video => Type::Video,
        Stream::Audio => Type::Audio,
    };
    let is_no_cover = |candidate: &video_rs::ffmpeg::Stream<'_>| {
        !candidate.disposition().contains(Disposition::ATTACHED_PIC)
    };
    let best = input.streams().best(kind).filter(is_no_cover);
    best.or_else(|| {
        input.streams().find(|one| one.parameters().medium() == kind && is_no_cover(one))
    })
    .map(|chosen| chosen.index())
    .ok_or(MediaError::MissingStream { stream })
}

impl MediaSource for FfmpegClip {
    fn info(&self) -> &MediaInfo {
        &self.info
    }

    fn frame_times(&self) -> &[f64] {
        self.frames.times()
    }

    fn streams(&mut self) -> (&mut dyn FrameStream, &mut dyn AudioStream) {
        (&mut self.frames, &mut self.audio)
    }
}
