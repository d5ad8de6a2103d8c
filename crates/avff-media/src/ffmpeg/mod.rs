//! Clips through FFmpeg's libraries: HEVC, VP9, AV1, AVI, Matroska, 10 bit, Opus and the rest.
//!
//! FFmpeg plays on where it can: it conceals what is damaged, and repeats or guesses pictures. Here
//! every sign of damage that it gives is an error, and pictures that its index promises and its
//! decoder does not show are one too. Bytes reach FFmpeg through a reader of ours, so no file can
//! make it open another one or the network.
//!
//! Pictures and sound have an input each, since they are read side by side.

mod access;
mod count;
mod decode;
mod fault;
mod index;
mod input;
mod length;
mod paint;
mod pictures;
mod samples;
mod sound;
mod walk;

use std::path::Path;

use video_rs::ffmpeg::{format::stream::Disposition, media::Type};

use self::{
    index::Packets,
    input::Input,
    pictures::Pictures,
    sound::{SoundStart, Speaker},
};
use super::source::{AudioStream, FrameStream, MediaInfo, MediaSource};
use crate::error::{MediaError, Stream};

/// A clip whose streams FFmpeg decodes.
pub(crate) struct FfmpegClip {
    info: MediaInfo,
    pictures: Pictures,
    sound: Speaker,
}

impl FfmpegClip {
    /// Reads the whole container once, and the first picture and sound of it.
    ///
    /// # Errors
    ///
    /// As [`super::open`].
    pub(crate) fn open(path: &Path) -> Result<Self, MediaError> {
        length::check(path)?;
        let mut input = Input::open(path)?;
        let video = choose(&input, Stream::Video)?;
        let audio = choose(&input, Stream::Audio)?;
        let packets = Packets::read(&mut input, video, audio)?;
        let container = input.container();
        drop(input);
        let (start, sound) = Speaker::open(path, audio)?;
        let SoundStart { time: audio_start, rate, channels, codec: audio_codec } = start;
        let audio_end = packets.audio_end.max(audio_start);
        let (pictures, first) = Pictures::open(path, video, packets)?;
        // The edit list of an MP4 file says where its clock starts; elsewhere the first thing to be
        // seen or heard does, as broadcasts count from anywhere.
        let origin = if container == input::MP4 { 0.0 } else { first.time.min(audio_start) };
        let pictures = pictures.started_at(origin);
        let sound = sound.started_at(audio_start - origin);
        let info = MediaInfo {
            container: container.to_owned(),
            video_codec: first.codec,
            width: first.size.0,
            height: first.size.1,
            audio_codec,
            sample_rate: rate,
            channels,
            audio_start: audio_start - origin,
            audio_end: audio_end - origin,
        };
        Ok(Self { info, pictures, sound })
    }
}

/// The stream that FFmpeg's players choose, cover pictures left out.
fn choose(input: &Input, stream: Stream) -> Result<usize, MediaError> {
    let kind = match stream {
        Stream::Video => Type::Video,
        Stream::Audio => Type::Audio,
    };
    let moves = |candidate: &video_rs::ffmpeg::Stream<'_>| {
        !candidate.disposition().contains(Disposition::ATTACHED_PIC)
    };
    let best = input.streams().best(kind).filter(moves);
    best.or_else(|| input.streams().find(|one| one.parameters().medium() == kind && moves(one)))
        .map(|found| found.index())
        .ok_or(MediaError::MissingStream { stream })
}

impl MediaSource for FfmpegClip {
    fn info(&self) -> &MediaInfo {
        &self.info
    }

    fn frame_times(&self) -> &[f64] {
        self.pictures.times()
    }

    fn streams(&mut self) -> (&mut dyn FrameStream, &mut dyn AudioStream) {
        (&mut self.pictures, &mut self.sound)
    }
}
