//! Chooses the streams that are read.

use std::path::Path;

use video_rs::ffmpeg::{
    Stream as FfStream, codec::Id, decoder as codecs, format::stream::Disposition,
};

use super::{
    input::{EditLists, Input, TRANSPORT_STREAM},
    matroska,
    programs::programs,
};
use crate::{
    error::{MediaError, Stream},
    tracks::{Candidate, Choice, Tracks, choose},
};

/// Codecs of still pictures.
const STILL: [Id; 6] = [Id::MJPEG, Id::PNG, Id::BMP, Id::GIF, Id::TIFF, Id::WEBP];

/// What decides which streams of a file are read.
pub(super) struct Chooser<'a> {
    path: &'a Path,
    input: &'a Input,
    tracks: Tracks,
    /// Whether each stream has packets; empty where there is nothing to choose.
    filled: Vec<bool>,
    /// The streams of each program; empty where there is nothing to choose.
    programs: Vec<Vec<u16>>,
}

impl<'a> Chooser<'a> {
    /// Reads what is needed to choose.
    ///
    /// # Errors
    ///
    /// The errors of [`Input::filled`].
    pub(super) fn new(
        path: &'a Path,
        input: &'a Input,
        tracks: Tracks,
    ) -> Result<Self, MediaError> {
        let kinds = [Stream::Video, Stream::Audio];
        let (mut filled, mut list) = (Vec::new(), Vec::new());
        if kinds.iter().any(|&kind| input.of_kind(kind).count() > 1) {
            filled = Input::open(path, EditLists::Ignored)?.filled()?;
            if input.container() == TRANSPORT_STREAM {
                list = programs(path);
            }
        }
        Ok(Self { path, input, tracks, filled, programs: list })
    }

    /// Returns the index of the video stream. A stream of a program without audio comes last.
    ///
    /// # Errors
    ///
    /// The errors of [`choose`].
    pub(super) fn video(&self) -> Result<(usize, Choice), MediaError> {
        let audio: Vec<FfStream<'_>> = self.input.of_kind(Stream::Audio).collect();
        self.stream(Stream::Video, |video| {
            audio.iter().any(|audio| self.is_usable(audio) && self.is_one_program(video, audio))
        })
    }

    /// Returns the index of the audio stream. A stream of another program than that of the video
    /// comes last.
    ///
    /// # Errors
    ///
    /// The errors of [`choose`].
    pub(super) fn audio(&self, video: usize) -> Result<(usize, Choice), MediaError> {
        let video = self.input.stream(video);
        self.stream(Stream::Audio, |audio| {
            video.as_ref().is_none_or(|video| self.is_one_program(video, audio))
        })
    }

    fn stream(
        &self,
        kind: Stream,
        has_counterpart: impl Fn(&FfStream<'_>) -> bool,
    ) -> Result<(usize, Choice), MediaError> {
        let of_kind: Vec<FfStream<'_>> = self.input.of_kind(kind).collect();
        let headers = matroska::tracks(self.path, self.input, kind);
        let candidate = |(rank, one): (usize, &FfStream<'_>)| Candidate {
            enabled: one.disposition().contains(Disposition::DEFAULT)
                && headers.get(rank).is_none_or(|header| header.enabled),
            known: is_known(one),
            picture: STILL.contains(&one.parameters().id())
                || one.disposition().contains(Disposition::ATTACHED_PIC),
            empty: self.is_empty(one),
            foreign: !self.programs.is_empty() && !has_counterpart(one),
        };
        let candidates: Vec<Candidate> = of_kind.iter().enumerate().map(candidate).collect();
        let (index, choice) = choose(&candidates, kind, self.tracks)?;
        let chosen = of_kind.get(index).ok_or(MediaError::MissingStream { stream: kind })?;
        Ok((chosen.index(), choice))
    }

    fn is_usable(&self, stream: &FfStream<'_>) -> bool {
        is_known(stream) && !self.is_empty(stream)
    }

    fn is_empty(&self, stream: &FfStream<'_>) -> bool {
        self.filled.get(stream.index()) == Some(&false)
    }

    /// Returns whether a program has both streams, which FFmpeg numbers by their packets.
    fn is_one_program(&self, one: &FfStream<'_>, other: &FfStream<'_>) -> bool {
        let pids = [one, other].map(|stream| u16::try_from(stream.id()).ok());
        self.programs
            .iter()
            .any(|program| pids.iter().all(|pid| pid.is_some_and(|pid| program.contains(&pid))))
    }
}

fn is_known(stream: &FfStream<'_>) -> bool {
    codecs::find(stream.parameters().id()).is_some()
}
