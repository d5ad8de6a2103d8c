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
mod avi;
mod chooser;
mod convert;
mod decoder;
mod display_order;
mod errors;
mod frames;
mod held_frames;
mod hevc_sets;
mod index;
mod input;
mod length;
mod matroska;
mod picture_bound;
mod pictures;
mod pixel_aspect;
mod programs;
mod recovery;
mod samples;
mod slices;
mod structure;
mod video_reader;

use std::{path::Path, sync::Arc};

use self::{
    audio::{AudioReader, FirstAudio},
    chooser::Chooser,
    frames::{FirstFrame, Frames},
    index::Packets,
    input::{EditLists, Input},
    pictures::Expected,
};
use super::source::{AudioStream, FrameStream, MediaInfo, MediaSource};
use crate::{
    avc::AvcConfig,
    damage_check::DamageCheck,
    damage_policy::DamagePolicy,
    error::{MediaError, Stream},
    interleaving::Interleaving,
    mp4_clip::{Mp4Index, missing, outside},
    timeline::hidden_frames,
    tracks::Tracks,
};

/// The longest step of a broadcast's clock, in seconds. FFmpeg, too, takes a longer one for a jump of
/// the clock, as where a recording was interrupted. What happened in between is unknown.
const JUMP: f64 = 10.0;

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
    pub(crate) fn open(
        path: &Path,
        tracks: Tracks,
        damage: DamagePolicy,
    ) -> Result<Self, MediaError> {
        length::check(path)?;
        let memory = frames::reserve(picture_bound::check(path)?)?;
        let mut input = Input::open(path, EditLists::Ignored)?;
        let chooser = Chooser::new(path, &input, tracks)?;
        let (video_stream, video_track) = chooser.video()?;
        let (audio_stream, audio_track) = chooser.audio(video_stream)?;
        let container = input.container();
        let of_mp4 = container == input::MP4;
        let id = |stream| input.stream(stream).map_or(0, |stream| stream.id());
        let edits = match of_mp4 {
            true => Mp4Index::read(path, id(video_stream), id(audio_stream))?,
            false => Mp4Index::none(),
        };
        let is_broadcast = input.is_broadcast();
        let tick = input.stream(video_stream).map_or(0.0, |one| f64::from(one.time_base()));
        let expected = Expected {
            avc: avc(path, &input, video_stream, &edits)?,
            times: edits.video_times.iter().map(|(time, _)| *time).collect(),
            holes: edits.video_holes.clone(),
            is_broadcast,
            // `as` saturates.
            jump: if is_broadcast && tick > 0.0 { (JUMP / tick) as i64 } else { 0 },
        };
        structure::check(path, &input, [video_stream, audio_stream])?;
        let packets = Packets::read(&mut input, [video_stream, audio_stream], expected, damage)?;
        packets.check_index(&edits)?;
        let mut packets = packets.with_index(&edits);
        // In an MP4 file the index tells the time of the first audio, and any packet the rest, so that
        // the file need not be opened again.
        let FirstAudio { time, rate, channels, codec: audio_codec } = match of_mp4 && input.rewind()
        {
            true => AudioReader::first_of(input, path, audio_stream)?,
            false => {
                drop(input);
                AudioReader::first(path, audio_stream)?
            }
        };
        let tick = packets.audio_tick;
        if edits.stretched {
            packets.audio = std::mem::take(&mut packets.audio).with_stretched_start(tick);
        }
        let extent = packets.audio.clone();
        let parts = match is_broadcast {
            true => missing(packets.jumps(JUMP), extent.jumps(JUMP, tick)),
            false if of_mp4 => edits.holes.clone(),
            false => missing(packets.lost(), Vec::new()),
        };
        let padding = packets.audio_padding;
        let pictures: Vec<_> =
            packets.coded.iter().map(|coded| (coded.shown, coded.duration, coded.key)).collect();
        // Without knowing what lies near damage, no window is safe.
        let is_placed = !packets.video_bytes.is_empty();
        let damage = if is_placed { damage } else { DamagePolicy::Refuse };
        let audio_bytes = std::mem::take(&mut packets.audio_bytes);
        let (frames, first_frame) =
            Frames::open(path, video_stream, packets, &edits.video, memory, damage)?;
        let shown = frames.presented().indices.len();
        let hidden = match of_mp4 && !edits.fragmented {
            true => hidden_frames(&pictures, &edits.video, shown),
            false => 0,
        };
        let (mut audio_start, mut audio_end) = extent.seconds(&edits.audio, tick);
        let mut first = extent.first();
        if !of_mp4 {
            // A decoder may drop the encoder's delay, so the audio starts later than its packet.
            first = time;
            audio_start = time as f64 * tick;
            audio_end -= f64::from(padding) / f64::from(rate.max(1));
        }
        let (video_check, audio_check) = checks(&first_frame, &audio_codec, &frames);
        let mut info = MediaInfo {
            container: container.to_owned(),
            video_check,
            audio_check,
            video_codec: first_frame.codec,
            width: first_frame.size.0,
            height: first_frame.size.1,
            pixel_aspect: first_frame.pixel_aspect,
            audio_codec,
            sample_rate: rate,
            channels,
            audio_start,
            audio_end: audio_end.max(audio_start),
            video_end: frames.presented().end,
            hidden_frames: hidden,
            audio_drift: extent.drift() as f64 * tick,
            audio_gaps: outside(extent.gaps(&edits.audio, tick), &parts),
            damage: parts,
            video_track,
            audio_track,
            notes: Vec::new(),
        };
        // The index of an MP4 file defines where its clock starts. Elsewhere the clock starts with the
        // first frame or audio, as broadcasts count from an arbitrary time.
        let starts_with_media = !of_mp4 || edits.fragmented;
        let origin = if starts_with_media { first_frame.time.min(audio_start) } else { 0.0 };
        let mut frames = frames.started_at(origin);
        info.started_at(origin);
        let clock = (first, tick);
        let span = (info.audio_start, extent.duration(tick));
        let mut audio = AudioReader::new(path, audio_stream, edits.audio, clock, span, damage);
        let mut places = Interleaving::default();
        places.add(frames.places());
        places.add(audio.places(audio_bytes));
        let places = Arc::new(places);
        frames.set_places(Arc::clone(&places));
        audio.set_places(places);
        info.damage.extend(frames.faulty()?);
        Ok(Self { info, frames, audio })
    }
}

/// Returns how much damage is found inside frames and audio packets.
fn checks(first: &FirstFrame, audio_codec: &str, frames: &Frames) -> (DamageCheck, DamageCheck) {
    let video = match DamageCheck::of(&first.codec) {
        DamageCheck::Most if first.codec == "H.264" && !frames.reads_slices() => DamageCheck::Some,
        check => check,
    };
    // What the bit reservoir of MP3 tells is looked at by the embedded reader alone.
    let audio = match audio_codec {
        "MP3" => DamageCheck::None,
        codec => DamageCheck::of(codec),
    };
    (video, audio)
}

/// Returns the configuration of H.264 that the container holds; `None` where there is none or it is
/// not understood.
fn avc(
    path: &Path,
    input: &Input,
    video: usize,
    index: &Mp4Index,
) -> Result<Option<AvcConfig>, MediaError> {
    let record = match input.container() {
        input::MP4 => return Ok(index.avc.clone()),
        input::MATROSKA => {
            let rank = input.of_kind(Stream::Video).position(|one| one.index() == video);
            let tracks = matroska::tracks(path, input, Stream::Video);
            rank.and_then(|rank| tracks.get(rank).map(|track| track.codec_private.clone()))
        }
        "FLV" => structure::flv_avc(path)?,
        _ => None,
    };
    Ok(record.and_then(|record| AvcConfig::read(&record).ok()))
}

impl MediaSource for FfmpegClip {
    fn info(&self) -> &MediaInfo {
        &self.info
    }

    fn frame_times(&self) -> &[f64] {
        &self.frames.presented().times
    }

    fn streams(&mut self) -> (&mut dyn FrameStream, &mut dyn AudioStream) {
        (&mut self.frames, &mut self.audio)
    }
}
