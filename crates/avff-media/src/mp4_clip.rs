//! An MP4 file as a source of frames and audio.

use std::{
    fs::File,
    io::{BufReader, Read, Seek},
    ops::Range,
    path::Path,
    sync::Arc,
};

use super::{
    audio_track::{AudioTrack, AudioTrackReader},
    codec::Codec,
    damage_check::DamageCheck,
    damage_policy::DamagePolicy,
    h264::{VideoConfig, VideoTrack},
    interleaving::Interleaving,
    memory,
    mp4::{Movie, Track, audio, visual, visual_name},
    rotate::Turns,
    source::{AudioStream, FrameSink, FrameStream, MediaInfo, MediaSource},
    sps::max_reordered,
    timeline::EditList,
    tracks::{Candidate, Choice, Tracks, choose},
};
#[cfg(feature = "ffmpeg")]
use super::{
    avc::AvcConfig,
    h264::timed_pictures,
    mp4::{Children, Sample},
    timeline::lost_pictures,
};
use crate::error::{DamagedPart, MediaError, Stream};

/// The memory of decoding for each pixel, without references: the current picture, RGB, and a turned
/// or resized copy.
const HELD_BYTES: u64 = 24;
/// The memory of a reference picture for each pixel.
const REFERENCE_BYTES: u64 = 3;

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
    pub(crate) fn open(
        path: &Path,
        tracks: Tracks,
        damage: DamagePolicy,
    ) -> Result<Self, MediaError> {
        // Each stream needs a file position of its own.
        let [video, audio] = [File::open(path)?, File::open(path)?];
        let size = video.metadata()?.len();
        Self::new(BufReader::new(video), BufReader::new(audio), size, (tracks, damage))
    }
}

impl<R: Read + Seek> Mp4Clip<R> {
    /// Like [`open`](Mp4Clip::open), but reads any two seekable readers of the same file, which has
    /// `size` bytes.
    pub(crate) fn new(
        mut file: R,
        audio_file: R,
        size: u64,
        (wanted, damage): (Tracks, DamagePolicy),
    ) -> Result<Self, MediaError> {
        let movie = Movie::read(&mut file, size)?;
        let (timescale, movie_turns) = movie.header()?;
        let tracks = movie.tracks()?;
        let choose = |stream| track(&tracks, movie.is_fragmented()?, stream, wanted);
        let (video_track, video_choice) = choose(Stream::Video)?;
        let (audio_track, audio_choice) = choose(Stream::Audio)?;
        if video_track.external || audio_track.external {
            return Err(external());
        }
        let config = VideoConfig::of(&visual(video_track.stsd)?)?;
        let codec = Codec::of(&audio(audio_track.stsd)?)?;
        let audio_entry = audio(audio_track.stsd)?;
        codec.check(&audio_entry, audio_track.timescale)?;
        let tables = movie.tables(&mut file, video_track, audio_track, codec.frame_bytes())?;
        let turns = Turns::from_matrix(video_track.turns)?.then(movie_turns);
        let edits = |track: &Track<'_>| {
            let edits = track.edits(timescale)?;
            Ok::<_, MediaError>(if tables.fragmented { edits.moved_only() } else { edits })
        };
        let (video_edits, audio_edits) = (edits(video_track)?, edits(audio_track)?);
        let stretched = tables.fragmented && !audio_track.has_edits();
        let mut audio = AudioTrack::new(
            codec,
            tables.audio,
            audio_edits.clone(),
            audio_track.timescale,
            stretched,
        );
        audio.check(&mut file)?;
        let mut track = VideoTrack::new(
            &mut file,
            config,
            tables.video,
            &video_edits,
            (video_track.timescale, &tables.video_holes),
            turns,
            damage,
        )?;
        let (width, height) = track.size();
        let fields = audio_entry.audio;
        let (audio_start, audio_end) = audio.seconds();
        let parts = missing(
            in_seconds(track.lost(), &video_edits, video_track.timescale),
            in_seconds(&tables.audio_holes, &audio_edits, audio_track.timescale),
        );
        let audio_gaps = outside(audio.gaps(), &parts);
        let video_codec = visual_name(visual(video_track.stsd)?.format);
        let mut info = MediaInfo {
            container: "MP4".to_owned(),
            video_check: DamageCheck::of(&video_codec),
            audio_check: DamageCheck::of(audio.codec.name()),
            video_codec,
            width,
            height,
            pixel_aspect: track.pixel_aspect(),
            audio_codec: audio.codec.name().to_owned(),
            sample_rate: fields.rate,
            channels: audio.channels(&mut file, fields.channels as usize)?,
            audio_start,
            audio_end,
            video_end: track.presented().end,
            hidden_frames: if tables.fragmented { 0 } else { track.hidden_frames(&video_edits) },
            audio_drift: audio.drift(),
            audio_gaps,
            damage: parts,
            video_track: video_choice,
            audio_track: audio_choice,
            notes: Vec::new(),
        };
        // A stream that is joined late starts at any time. The presentation starts with its media.
        if tables.fragmented {
            let first = track.presented().times.first().copied().unwrap_or_default();
            let origin = first.min(audio_start);
            track.started_at(origin);
            info.started_at(origin);
        }
        let mut audio = AudioTrackReader::new(audio_file, audio, info.audio_start, damage);
        if !damage.is_refuse() {
            let mut places = Interleaving::default();
            places.add(track.places());
            places.add(audio.places());
            let places = Arc::new(places);
            track.set_places(Arc::clone(&places));
            audio.set_places(places);
            info.damage.extend(track.faulty()?);
        }
        let video = VideoFrames { file, track };
        Ok(Self { info, video, audio })
    }
}

/// Returns an upper bound on the memory that decoding frames of `size` takes, in bytes.
fn frame_bytes(size: (usize, usize)) -> u64 {
    // The decoder adds a border of 64 pixels on each side.
    let [width, height] = [size.0, size.1].map(|side| (side as u64).saturating_add(128));
    let per_pixel = HELD_BYTES + REFERENCE_BYTES * max_reordered(size) as u64;
    width.saturating_mul(height).saturating_mul(per_pixel)
}

fn external() -> MediaError {
    MediaError::UnsupportedContainer { container: "MP4 whose media lies in another file" }
}

/// Converts parts of a track to seconds on the clip's clock.
fn in_seconds(parts: &[Range<i64>], edits: &EditList, timescale: u32) -> Vec<(f64, f64)> {
    let seconds = |time: i64| edits.first().clock_of(time) as f64 / f64::from(timescale.max(1));
    parts.iter().map(|part| (seconds(part.start), seconds(part.end))).collect()
}

/// Returns the parts whose media is missing, from the time spans of both streams.
pub(crate) fn missing(video: Vec<(f64, f64)>, audio: Vec<(f64, f64)>) -> Vec<DamagedPart> {
    let of = |spans: Vec<(f64, f64)>, stream| {
        spans.into_iter().map(move |span| DamagedPart::missing(span, stream))
    };
    of(video, Stream::Video).chain(of(audio, Stream::Audio)).collect()
}

/// Returns the gaps in the audio that do not overlap a part whose media is missing.
pub(crate) fn outside(mut gaps: Vec<(f64, f64)>, parts: &[DamagedPart]) -> Vec<(f64, f64)> {
    gaps.retain(|gap| !parts.iter().any(|part| part.touches(gap.0, gap.1)));
    gaps
}

/// What the index says about two tracks, for a reader that has an index of its own.
#[cfg(feature = "ffmpeg")]
pub(crate) struct Mp4Index {
    /// The presented parts of the video track.
    pub(crate) video: EditList,
    /// The presented parts of the audio track.
    pub(crate) audio: EditList,
    /// Whether the first audio packet may start late within its duration.
    pub(crate) stretched: bool,
    /// Whether the file has fragments.
    pub(crate) fragmented: bool,
    /// Parts whose fragments were lost.
    pub(crate) holes: Vec<DamagedPart>,
    /// Time and duration of each video sample, in decode order.
    pub(crate) video_times: Vec<(i64, i64)>,
    /// Time and duration of each audio packet, or of runs of uncompressed samples.
    pub(crate) audio_times: Vec<(i64, i64)>,
    /// Whether the audio is uncompressed.
    pub(crate) uncompressed: bool,
    /// Parts of the video track that no fragment holds, in ticks.
    pub(crate) video_holes: Vec<Range<i64>>,
    /// The decoder configuration of H.264.
    pub(crate) avc: Option<AvcConfig>,
}

#[cfg(feature = "ffmpeg")]
impl Mp4Index {
    /// For containers without edit lists.
    pub(crate) fn none() -> Self {
        Self {
            video: EditList::all(),
            audio: EditList::all(),
            stretched: false,
            fragmented: false,
            holes: Vec::new(),
            video_times: Vec::new(),
            audio_times: Vec::new(),
            uncompressed: false,
            video_holes: Vec::new(),
            avc: None,
        }
    }

    /// Reads the index of the tracks with these ids.
    ///
    /// # Errors
    ///
    /// The errors of the index, and `MissingStream` for a track that is not in it.
    pub(crate) fn read(path: &Path, video: i32, audio: i32) -> Result<Self, MediaError> {
        let file = File::open(path)?;
        let size = file.metadata()?.len();
        let mut file = BufReader::new(file);
        let movie = Movie::read(&mut file, size)?;
        let (timescale, _) = movie.header()?;
        let tracks = movie.tracks()?;
        let fragmented = movie.is_fragmented()?;
        let track = |id: i32, stream| {
            let track = tracks.iter().find(|track| i64::from(track.id) == i64::from(id));
            track.ok_or(MediaError::MissingStream { stream })
        };
        let (video, audio) = (track(video, Stream::Video)?, track(audio, Stream::Audio)?);
        if video.external || audio.external {
            return Err(external());
        }
        let edits = |track: &Track<'_>| {
            let edits = track.edits(timescale)?;
            Ok::<_, MediaError>(if fragmented { edits.moved_only() } else { edits })
        };
        let (video_edits, audio_edits) = (edits(video)?, edits(audio)?);
        // Another reader decodes more codecs than this one knows.
        let codec = super::mp4::audio(audio.stsd).and_then(|entry| Ok((Codec::of(&entry)?, entry)));
        if let Ok((codec, entry)) = &codec {
            codec.check(entry, audio.timescale)?;
        }
        let pcm = match codec {
            Ok((Codec::Pcm(pcm), _)) => Some(pcm),
            _ => None,
        };
        let frame_bytes = pcm.map(|pcm| pcm.frame_bytes());
        let listed = movie.listed(&mut file, video, audio, frame_bytes)?;
        let tick = 1.0 / f64::from(video.timescale.max(1));
        let lost = lost_pictures(&timed_pictures(&listed.video), &listed.video_holes, tick);
        let holes = missing(
            in_seconds(&lost, &video_edits, video.timescale),
            in_seconds(&listed.audio_holes, &audio_edits, audio.timescale),
        );
        let video_time = |sample: &Sample| (sample.time, i64::from(sample.duration));
        let audio_time = |sample: &Sample| match pcm {
            Some(pcm) => (sample.time, pcm.ticks(sample.size, audio.timescale)),
            None => video_time(sample),
        };
        Ok(Self {
            video_times: listed.video.iter().map(video_time).collect(),
            audio_times: listed.audio.iter().map(audio_time).collect(),
            uncompressed: pcm.is_some(),
            video_holes: listed.video_holes,
            avc: avc_of(video),
            video: video_edits,
            audio: audio_edits,
            stretched: fragmented && !audio.has_edits(),
            fragmented,
            holes,
        })
    }
}

/// Returns the decoder configuration of a track of H.264; `None` where this reader does not
/// understand it.
#[cfg(feature = "ffmpeg")]
fn avc_of(track: &Track<'_>) -> Option<AvcConfig> {
    let entry = visual(track.stsd).ok()?;
    AvcConfig::read(Children::find(entry.boxes, *b"avcC").ok()??).ok()
}

/// Returns the track of a kind that is read.
///
/// # Errors
///
/// The errors of [`choose`], and `Malformed` for a track without a format.
fn track<'a, 'b>(
    tracks: &'a [Track<'b>],
    fragmented: bool,
    stream: Stream,
    wanted: Tracks,
) -> Result<(&'a Track<'b>, Choice), MediaError> {
    let of_kind: Vec<&Track<'_>> = tracks.iter().filter(|track| track.stream == stream).collect();
    let candidates: Vec<Candidate> =
        of_kind.iter().map(|track| track.candidate(fragmented)).collect::<Result<_, _>>()?;
    let (index, choice) = choose(&candidates, stream, wanted)?;
    let track = of_kind.get(index).ok_or(MediaError::MissingStream { stream })?;
    Ok((track, choice))
}

impl<R: Read + Seek + Send> MediaSource for Mp4Clip<R> {
    fn info(&self) -> &MediaInfo {
        &self.info
    }

    fn frame_times(&self) -> &[f64] {
        &self.video.track.presented().times
    }

    fn streams(&mut self) -> (&mut dyn FrameStream, &mut dyn AudioStream) {
        (&mut self.video, &mut self.audio)
    }
}

impl<R: Read + Seek> FrameStream for VideoFrames<R> {
    fn frames(&mut self, indices: &[usize], sink: FrameSink<'_>) -> Result<(), MediaError> {
        let _memory = memory::reserve("the frames", frame_bytes(self.track.size()))?;
        self.track.frames(&mut self.file, indices, sink)
    }
}
