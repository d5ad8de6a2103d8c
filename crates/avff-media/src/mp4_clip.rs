//! An MP4 file as a source of frames and audio.

use std::{
    fs::File,
    io::{BufReader, Read, Seek},
    path::Path,
};

use super::{
    audio_track::{AudioTrack, AudioTrackReader},
    codec::Codec,
    h264::{VideoConfig, VideoTrack},
    mp4::{Edit, Movie, Track, audio, visual, visual_name},
    rotate::Turns,
    source::{AudioStream, FrameSink, FrameStream, MediaInfo, MediaSource},
};
use crate::error::{MediaError, Stream};

/// An MP4 file with one decodable stream of each kind.
#[derive(Debug)]
pub(crate) struct Mp4Clip<R> {
    info: MediaInfo,
    video: VideoFrames<R>,
    audio: AudioTrackReader<R>,
}

/// The video track and its own handle of the file.
#[derive(Debug)]
struct VideoFrames<R> {
    file: R,
    track: VideoTrack,
}

impl Mp4Clip<BufReader<File>> {
    /// Reads the index of a file and checks both streams.
    ///
    /// # Errors
    ///
    /// The errors of [`super::open`].
    pub(crate) fn open(path: &Path) -> Result<Self, MediaError> {
        // Each stream needs a file position of its own.
        let [video, audio] = [File::open(path)?, File::open(path)?];
        let size = video.metadata()?.len();
        Self::new(BufReader::new(video), BufReader::new(audio), size)
    }
}

impl<R: Read + Seek> Mp4Clip<R> {
    /// Like [`open`](Mp4Clip::open), but reads any two seekable readers of the same file, which has
    /// `size` bytes.
    pub(crate) fn new(mut file: R, audio_file: R, size: u64) -> Result<Self, MediaError> {
        let movie = Movie::read(&mut file, size)?;
        let (timescale, movie_turns) = movie.header()?;
        let tracks = movie.tracks()?;
        // A missing stream is the simpler message, so it is reported before other faults.
        for stream in [Stream::Video, Stream::Audio] {
            if !tracks.iter().any(|track| track.stream == stream) {
                return Err(MediaError::MissingStream { stream });
            }
        }
        let (video_track, config) =
            first_usable(&tracks, Stream::Video, |track| VideoConfig::of(&visual(track.stsd)?))?;
        let (audio_track, codec) =
            first_usable(&tracks, Stream::Audio, |track| Codec::of(&audio(track.stsd)?))?;
        let audio_entry = audio(audio_track.stsd)?;
        let tables = movie.tables(&mut file, video_track, audio_track, codec.frame_bytes())?;
        let turns = Turns::from_matrix(video_track.turns)?.then(movie_turns);
        // FFmpeg, and so decord and torchaudio, applies edit lists only to samples of the index. It
        // presents all samples of fragments and only moves them to the start of the edit. This
        // reader does the same.
        let edit = |track: &Track<'_>| {
            let edit = track.edit(timescale)?;
            let delayed = Edit { delay: edit.clock(0), ..Edit::ALL };
            Ok::<_, MediaError>(if tables.fragmented { delayed } else { edit })
        };
        let video_edit = edit(video_track)?;
        let audio = AudioTrack {
            codec,
            samples: tables.audio,
            edit: edit(audio_track)?,
            timescale: audio_track.timescale,
        };
        audio.check(&mut file)?;
        let track = VideoTrack::new(
            &mut file,
            config,
            tables.video,
            video_edit,
            video_track.timescale,
            turns,
        )?;
        let (width, height) = track.size();
        let fields = audio_entry.audio;
        let (audio_start, audio_end) = audio.extent();
        let info = MediaInfo {
            container: "MP4".to_owned(),
            video_codec: visual_name(visual(video_track.stsd)?.format),
            width,
            height,
            pixel_aspect: track.pixel_aspect(),
            audio_codec: audio.codec.name().to_owned(),
            sample_rate: fields.rate,
            channels: fields.channels as usize,
            audio_start,
            audio_end,
            notes: Vec::new(),
        };
        let video = VideoFrames { file, track };
        Ok(Self { info, video, audio: AudioTrackReader::new(audio_file, audio) })
    }
}

/// Returns the first track of a kind whose settings are accepted, or the error of the very first
/// track. So cover images and commentary in unusual formats do not block a clip.
fn first_usable<'a, 'b, T>(
    tracks: &'a [Track<'b>],
    stream: Stream,
    check: impl Fn(&Track<'b>) -> Result<T, MediaError>,
) -> Result<(&'a Track<'b>, T), MediaError> {
    let mut first = Err(MediaError::MissingStream { stream });
    for track in tracks.iter().filter(|track| track.stream == stream) {
        match check(track) {
            Ok(settings) => return Ok((track, settings)),
            Err(error) => {
                if matches!(first, Err(MediaError::MissingStream { .. })) {
                    first = Err(error);
                }
            }
        }
    }
    first
}

impl<R: Read + Seek + Send> MediaSource for Mp4Clip<R> {
    fn info(&self) -> &MediaInfo {
        &self.info
    }

    fn frame_times(&self) -> &[f64] {
        self.video.track.times()
    }

    fn streams(&mut self) -> (&mut dyn FrameStream, &mut dyn AudioStream) {
        (&mut self.video, &mut self.audio)
    }
}

impl<R: Read + Seek> FrameStream for VideoFrames<R> {
    fn frames(&mut self, indices: &[usize], sink: FrameSink<'_>) -> Result<(), MediaError> {
        self.track.frames(&mut self.file, indices, sink)
    }
}
