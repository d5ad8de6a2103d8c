//! Reads a container once without decoding: every video packet, and where the audio ends.

use std::ops::Range;

use video_rs::ffmpeg::{Packet, Rational, codec::Id, packet::side_data::Type as Side};

use super::{
    access::{inspect, one_to_one},
    errors::damaged,
    hevc_sets,
    input::{AVI, Input, MATROSKA, MP4, check},
    pictures::{Expected, PictureCheck},
    samples::is_uncompressed,
    slices::SliceCheck,
};
use crate::{
    damage_policy::DamagePolicy,
    error::{MediaError, Stream, message_of},
    h264::{check_display_order, unknown_order},
    mp4::limits::MAX_SAMPLES,
    mp4_clip::Mp4Index,
    timeline::{AudioExtent, FrameTime, TimedPicture, lost_pictures},
};

/// How far a codec displays a picture from its place in decode order, in pictures. H.264 and HEVC
/// reorder 16 pictures at most, and each may have a second field.
const MAX_REORDER: usize = 32;

/// How many pictures a decoder of H.264 or HEVC holds back.
const MAX_HELD: usize = 16;

/// A coded picture.
#[derive(Debug, Clone, Copy)]
pub(super) struct CodedPicture {
    /// The display time according to FFmpeg, in ticks. It identifies the packet.
    pub(super) time: i64,
    /// The display time according to the index of the container, in ticks.
    pub(super) shown: i64,
    /// How long the picture lasts, in ticks; 0 where the container does not say.
    pub(super) duration: i64,
    /// Whether the container calls the picture a key frame.
    pub(super) key: bool,
    /// Whether decoding can start here; see [`PacketInfo`](super::access::PacketInfo).
    pub(super) random_access: bool,
}

/// The packets of a container.
#[derive(Debug)]
pub(super) struct Packets {
    /// The video codec.
    pub(super) codec: Id,
    /// The duration of a tick, in seconds.
    pub(super) tick: Rational,
    /// The average frame rate according to the container; 0 where the container does not state it.
    pub(super) rate: f64,
    /// The coded pictures, in decode order. Empty where some have no time.
    pub(super) coded: Vec<CodedPicture>,
    /// Time and index of each coded picture, sorted by time. Empty where packets cannot be
    /// distinguished by their times.
    pub(super) by_time: Vec<(i64, usize)>,
    /// Whether the container states the display time of every packet.
    pub(super) timed: bool,
    /// When each video packet is decoded, in ticks. Empty where the container does not state it for
    /// all.
    pub(super) decode_times: Vec<i64>,
    /// The number of video packets, distinguishable or not.
    pub(super) count: usize,
    /// Whether each packet yields one displayed frame, as far as visible without decoding.
    pub(super) all_displayed: bool,
    /// Whether the container can seek to an exact time.
    pub(super) seekable: bool,
    /// Time and duration of each coded picture according to the index of an MP4 file, in decode order.
    pub(super) listed: Vec<(i64, i64)>,
    /// The times of the audio packets.
    pub(super) audio: AudioExtent,
    /// The duration of a tick of the audio stream, in seconds.
    pub(super) audio_tick: f64,
    /// How many samples at the end of the last audio packet are padding.
    pub(super) audio_padding: u32,
    /// Where the packets of video lie in the file. Empty where this is unknown for any packet, or not
    /// needed.
    pub(super) video_bytes: Vec<Range<u64>>,
    /// Where the packets of audio lie, and their times and durations; empty likewise.
    pub(super) audio_bytes: Vec<(Range<u64>, i64, i64)>,
    /// Checks the slices of H.264 that are decoded; at its start.
    pub(super) slices: Option<SliceCheck>,
    /// The faulty packets of video, and what is wrong with each.
    pub(super) faults: Vec<(usize, String)>,
}

impl Packets {
    /// Reads a container to its end, and checks its packets against what is `expected`.
    ///
    /// # Errors
    ///
    /// `MissingStream` for a stream without packets, `TooLarge` for too many, `Damaged`,
    /// `Malformed`, `Io`.
    pub(super) fn read(
        input: &mut Input,
        [video, audio]: [usize; 2],
        expected: Expected,
        damage: DamagePolicy,
    ) -> Result<Self, MediaError> {
        let missing = |stream| move || MediaError::MissingStream { stream };
        let stream = input.stream(video).ok_or_else(missing(Stream::Video))?;
        let (codec, tick, rate) =
            (stream.parameters().id(), stream.time_base(), f64::from(stream.avg_frame_rate()));
        let audio_stream = input.stream(audio).ok_or_else(missing(Stream::Audio))?;
        let (audio_tick, audio_codec) =
            (f64::from(audio_stream.time_base()), audio_stream.parameters().id());
        let mut coded = Vec::new();
        let known = one_to_one(codec);
        let mut slices = SliceCheck::new(codec, &expected);
        let mut pictures = PictureCheck::new(codec, expected);
        // An empty chunk of AVI shows the frame before it again.
        let may_be_empty = input.container() == AVI;
        let (mut hidden, mut timed) = (false, true);
        let mut faults = Vec::new();
        let (mut video_bytes, mut audio_bytes) = (Vec::new(), Vec::new());
        let mut count = 0;
        let mut audio_packets = Vec::new();
        let mut decode_times = Vec::new();
        let mut padding = 0;
        while let Some(packet) = input.next()? {
            if packet.stream() == audio {
                check(&packet, Stream::Audio)?;
                if packet.size() == 0 && !may_be_empty {
                    return Err(empty(Stream::Audio, audio_packets.len()));
                }
                checked_increment(audio_packets.len(), "number of audio packets")?;
                let before = audio_packets.last().map_or(0, |(time, _)| *time);
                padding = end_padding(&packet);
                let time = packet.pts().unwrap_or(before);
                audio_packets.push((time, packet.duration()));
                if !damage.is_refuse() {
                    let bytes = bytes_of(&packet);
                    audio_bytes.extend(bytes.map(|bytes| (bytes, time, packet.duration())));
                }
            } else if packet.stream() == video {
                check(&packet, Stream::Video)?;
                if packet.size() == 0 && !may_be_empty {
                    return Err(empty(Stream::Video, count));
                }
                if let Some(slices) = slices.as_mut().filter(|_| count == 0) {
                    slices.learn(&packet);
                }
                if let Some(pictures) = &mut pictures
                    && let Err(error) = pictures.check(&packet)
                {
                    // Lost frames may have moved all later ones.
                    if damage.is_refuse() || pictures.misnumbered() {
                        return Err(error);
                    }
                    faults.push((count, message_of(error)?));
                    pictures.restart();
                }
                if !damage.is_refuse() {
                    video_bytes.extend(bytes_of(&packet));
                }
                if codec == Id::HEVC {
                    hevc_sets::check_packet(packet.data().unwrap_or_default())?;
                }
                count = checked_increment(count, "number of video packets")?;
                let info = inspect(codec, packet.data().unwrap_or_default(), packet.is_key());
                hidden |= info.hidden;
                decode_times.extend(packet.dts());
                match packet.pts() {
                    Some(time) => coded.push(CodedPicture {
                        time,
                        shown: time,
                        duration: packet.duration().max(0),
                        key: packet.is_key(),
                        random_access: info.random_access,
                    }),
                    None => timed = false,
                }
            }
        }
        if video_bytes.len() != count || audio_bytes.len() != audio_packets.len() {
            (video_bytes, audio_bytes) = (Vec::new(), Vec::new());
        }
        for (packets, stream) in [(count, Stream::Video), (audio_packets.len(), Stream::Audio)] {
            if packets == 0 {
                return Err(MediaError::MissingStream { stream });
            }
        }
        if !timed {
            coded.clear();
        }
        if decode_times.len() != count {
            decode_times.clear();
        }
        let mut by_time: Vec<(i64, usize)> =
            coded.iter().enumerate().map(|(number, one)| (one.time, number)).collect();
        by_time.sort_unstable();
        let equal = by_time.windows(2).filter(|pair| matches!(pair, [a, b] if a.0 == b.0)).count();
        let in_order = coded.is_sorted_by_key(|picture| picture.time);
        if known && equal > 0 && input.container() == MP4 && !in_order {
            return Err(unknown_order(equal));
        }
        if !known || equal > 0 {
            by_time.clear();
        }
        let all_displayed = !by_time.is_empty() && !hidden;
        let audio = match is_uncompressed(audio_codec) {
            true => AudioExtent::uncompressed(audio_packets.into_iter()),
            false => AudioExtent::new(audio_packets.into_iter()),
        };
        let seekable = matches!(input.container(), MP4 | MATROSKA);
        Ok(Self {
            codec,
            tick,
            rate,
            coded,
            by_time,
            timed,
            decode_times,
            count,
            all_displayed,
            seekable,
            listed: Vec::new(),
            audio,
            audio_tick,
            audio_padding: padding,
            video_bytes,
            audio_bytes,
            slices,
            faults,
        })
    }

    /// Compares the packets with the index of an MP4 file. FFmpeg passes over packets that it cannot
    /// read, without an error.
    ///
    /// # Errors
    ///
    /// `Damaged` for another number of packets, and the errors of [`check_display_order`].
    pub(super) fn check_index(&self, index: &Mp4Index) -> Result<(), MediaError> {
        if matches!(self.codec, Id::H264 | Id::HEVC) {
            let frame = |(index, &(time, duration)): (usize, &(i64, i64))| FrameTime {
                time,
                duration,
                index,
            };
            let mut frames: Vec<FrameTime> =
                index.video_times.iter().enumerate().map(frame).collect();
            frames.sort_by_key(|frame| frame.time);
            check_display_order(&frames, MAX_HELD)?;
        }
        let audio = if index.uncompressed { 0 } else { index.audio_times.len() };
        for (stream, read, listed) in [
            (Stream::Video, self.count, index.video_times.len()),
            (Stream::Audio, self.audio.len(), audio),
        ] {
            if listed > 0 && read != listed {
                let what = format!("the index lists {listed} packets, but {read} can be read");
                return Err(damaged(stream, what));
            }
        }
        Ok(())
    }

    /// Takes times and durations from the index of an MP4 file. FFmpeg changes times that repeat, and
    /// does not know the durations of all packets.
    pub(super) fn with_index(mut self, index: &Mp4Index) -> Self {
        if index.video_times.len() == self.coded.len() {
            for (coded, &(time, duration)) in self.coded.iter_mut().zip(&index.video_times) {
                (coded.shown, coded.duration) = (time, duration);
            }
        }
        self.listed.clone_from(&index.video_times);
        let audio = index.audio_times.iter().copied();
        if index.uncompressed && audio.len() > 0 {
            self.audio = AudioExtent::uncompressed(audio);
        } else if audio.len() == self.audio.len() {
            self.audio = AudioExtent::new(audio);
        }
        self
    }

    /// Returns the duration of a frame in ticks, according to the average frame rate; 0 where the
    /// container does not state it.
    pub(super) fn step(&self) -> f64 {
        let tick = f64::from(self.tick);
        if self.rate > 0.0 && tick > 0.0 { 1.0 / (self.rate * tick) } else { 0.0 }
    }

    /// Converts ticks to seconds.
    pub(super) fn seconds(&self, ticks: i64) -> f64 {
        let scaled = i128::from(ticks) * i128::from(self.tick.numerator());
        scaled as f64 / f64::from(self.tick.denominator().max(1))
    }

    /// Returns the index of the packet with this time.
    pub(super) fn at(&self, time: i64) -> Option<usize> {
        let at = self.by_time.binary_search_by_key(&time, |(time, _)| *time).ok()?;
        self.by_time.get(at).map(|(_, number)| *number)
    }

    /// Returns whether times order pictures in a way that no codec does. The index of an MP4 file
    /// states the order of its pictures.
    pub(super) fn far_from_order(&self) -> bool {
        let far =
            |(rank, (_, number)): (usize, &(i64, usize))| rank.abs_diff(*number) > MAX_REORDER;
        self.listed.is_empty() && self.by_time.iter().enumerate().any(far)
    }

    /// Returns the time spans without pictures that are longer than `longest`, in seconds.
    pub(super) fn jumps(&self, longest: f64) -> Vec<(f64, f64)> {
        let mut pictures: Vec<(i64, i64)> =
            self.coded.iter().map(|coded| (coded.time, coded.duration)).collect();
        pictures.sort_unstable();
        let jump = |two: &[(i64, i64)]| match *two {
            [(time, duration), (next, _)] => {
                let [end, next] =
                    [time.saturating_add(duration), next].map(|time| self.seconds(time));
                (next - end > longest).then_some((end, next))
            }
            _ => None,
        };
        pictures.windows(2).filter_map(jump).collect()
    }

    /// Returns the time spans whose pictures were lost, as their times say, in seconds.
    pub(super) fn lost(&self) -> Vec<(f64, f64)> {
        let picture = |coded: &CodedPicture| TimedPicture {
            time: coded.time,
            duration: coded.duration,
            sync: coded.key,
        };
        let pictures: Vec<TimedPicture> = self.coded.iter().map(picture).collect();
        let lost = lost_pictures(&pictures, &[], self.tick.into());
        lost.iter().map(|span| (self.seconds(span.start), self.seconds(span.end))).collect()
    }

    /// Returns how long the pictures with this time last, in ticks; 0 where that is unknown.
    pub(super) fn duration(&self, time: i64) -> i64 {
        let last = self.coded.last().filter(|coded| coded.time == time);
        let coded = last.or_else(|| self.coded.iter().rfind(|coded| coded.time == time));
        coded.map_or(0, |coded| coded.duration)
    }

    /// Returns the display time of a packet, in microseconds, rounded up.
    pub(super) fn microseconds(&self, number: usize) -> i64 {
        let time = self.coded.get(number).map_or(0, |coded| coded.time);
        let scaled = i128::from(time) * i128::from(self.tick.numerator()) * 1_000_000;
        let den = i128::from(self.tick.denominator().max(1));
        i64::try_from(scaled.div_euclid(den) + i128::from(scaled.rem_euclid(den) != 0))
            .unwrap_or(i64::MAX)
    }
}

/// Returns where a packet lies in the file; `None` where this is unknown.
pub(super) fn bytes_of(packet: &Packet) -> Option<Range<u64>> {
    let start = u64::try_from(packet.position()).ok()?;
    Some(start..start.saturating_add(packet.size() as u64))
}

fn empty(stream: Stream, number: usize) -> MediaError {
    damaged(stream, format!("packet {number} has no bytes"))
}

/// Returns how many samples the decoder drops at the end of a packet.
fn end_padding(packet: &Packet) -> u32 {
    let skipped = packet.side_data().find(|side| side.kind() == Side::SkipSamples);
    let end = skipped.and_then(|side| side.data().get(4..8)?.try_into().ok());
    end.map_or(0, u32::from_le_bytes)
}

fn checked_increment(count: usize, what: &'static str) -> Result<usize, MediaError> {
    if count >= MAX_SAMPLES {
        let (value, limit) = (count as u64 + 1, MAX_SAMPLES as u64);
        return Err(MediaError::TooLarge { what, value, limit });
    }
    Ok(count + 1)
}
