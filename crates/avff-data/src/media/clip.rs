//! An MP4 file as a source of pictures and sound.

use std::{
    fs::File,
    io::{BufReader, Read, Seek},
};

use super::{
    MediaSource,
    codec::Codec,
    h264::{VideoConfig, VideoTrack},
    mp4::{Edit, Movie, Track, audio, visual},
    rotate::Turns,
    sound::SoundTrack,
};
use crate::{
    error::{DataError, Stream},
    picture::Picture,
    sound::Sound,
};

/// An MP4 file with one decodable stream of each kind.
#[derive(Debug)]
pub(crate) struct Mp4Clip<R> {
    file: R,
    video: VideoTrack,
    audio: SoundTrack,
}

impl Mp4Clip<BufReader<File>> {
    /// Reads the index of a file and checks both streams.
    ///
    /// # Errors
    ///
    /// As [`super::open`].
    pub(crate) fn open(file: File) -> Result<Self, DataError> {
        let size = file.metadata()?.len();
        Self::new(BufReader::new(file), size)
    }
}

impl<R: Read + Seek> Mp4Clip<R> {
    /// [`open`](Mp4Clip::open) for anything that can be read at random, of a known size in bytes.
    fn new(mut file: R, size: u64) -> Result<Self, DataError> {
        let movie = Movie::read(&mut file, size)?;
        let (timescale, movie_turns) = movie.header()?;
        let tracks = movie.tracks()?;
        // A missing stream is the plainer news, so it comes before what is wrong with the other.
        for stream in [Stream::Video, Stream::Audio] {
            if !tracks.iter().any(|track| track.stream == stream) {
                return Err(DataError::MissingStream { stream });
            }
        }
        let (video_track, config) =
            first_usable(&tracks, Stream::Video, |track| VideoConfig::of(&visual(track.stsd)?))?;
        let (audio_track, codec) =
            first_usable(&tracks, Stream::Audio, |track| Codec::of(&audio(track.stsd)?))?;
        let tables = movie.tables(&mut file, video_track, audio_track, codec.frame_bytes())?;
        let turns = Turns::from_matrix(video_track.turns)?.then(movie_turns);
        // FFmpeg, and with it decord and torchaudio, applies edit lists to the samples of the index
        // alone and shows everything in fragments. Doing better would be doing otherwise.
        let edit = |track: &Track<'_>| {
            if tables.fragmented { Ok(Edit::ALL) } else { track.edit(timescale) }
        };
        let video_edit = edit(video_track)?;
        let audio = SoundTrack {
            codec,
            samples: tables.audio,
            edit: edit(audio_track)?,
            timescale: audio_track.timescale,
        };
        audio.check(&mut file)?;
        let video = VideoTrack::new(&mut file, config, tables.video, video_edit, turns)?;
        Ok(Self { file, video, audio })
    }
}

/// The first track of a kind whose settings are accepted, or what is wrong with the very first:
/// cover pictures and commentary in odd formats do not stand in the way.
fn first_usable<'a, 'b, T>(
    tracks: &'a [Track<'b>],
    stream: Stream,
    check: impl Fn(&Track<'b>) -> Result<T, DataError>,
) -> Result<(&'a Track<'b>, T), DataError> {
    let mut first = Err(DataError::MissingStream { stream });
    for track in tracks.iter().filter(|track| track.stream == stream) {
        match check(track) {
            Ok(settings) => return Ok((track, settings)),
            Err(error) => {
                if matches!(first, Err(DataError::MissingStream { .. })) {
                    first = Err(error);
                }
            }
        }
    }
    first
}

impl<R: Read + Seek + Send> MediaSource for Mp4Clip<R> {
    fn frame_count(&self) -> usize {
        self.video.frame_count()
    }

    fn frames_at(&mut self, indices: &[usize]) -> Result<Vec<Picture>, DataError> {
        self.video.pictures(&mut self.file, indices)
    }

    fn sound(&mut self) -> Result<Sound, DataError> {
        self.audio.decode(&mut self.file)
    }
}
