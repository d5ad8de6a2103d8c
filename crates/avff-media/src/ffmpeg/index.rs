//! One pass over a container without decoding: every packet of the pictures, and where the sound
//! ends.

use video_rs::ffmpeg::{Rational, codec::Id};

use super::{
    access::{look, one_to_one},
    input::{Input, MP4, check},
};
use crate::{
    error::{MediaError, Stream},
    mp4::limits::MAX_SAMPLES,
};

/// A coded picture.
#[derive(Debug, Clone, Copy)]
pub(super) struct Coded {
    /// When it is shown, in ticks.
    pub(super) time: i64,
    /// Whether decoding can start here; see [`Look`](super::access::Look).
    pub(super) clean: bool,
}

/// What the pass found.
#[derive(Debug)]
pub(super) struct Packets {
    /// How the pictures are coded.
    pub(super) codec: Id,
    /// Seconds of a tick.
    pub(super) tick: Rational,
    /// Average pictures a second, as the container says; 0 where it does not.
    pub(super) rate: f64,
    /// In decode order. Empty where packets cannot be told apart by their times.
    pub(super) coded: Vec<Coded>,
    /// Time and number of each of those, by time.
    pub(super) by_time: Vec<(i64, usize)>,
    /// Whether the container says of every packet when its picture is shown.
    pub(super) timed: bool,
    /// Packets of pictures, told apart or not.
    pub(super) count: usize,
    /// Whether one picture is shown of each packet, as far as can be seen without decoding.
    pub(super) all_shown: bool,
    /// Whether a time can be sought exactly.
    pub(super) seekable: bool,
    /// When the last packet of the sound ends, in seconds.
    pub(super) audio_end: f64,
}

impl Packets {
    /// Reads a container to its end.
    ///
    /// # Errors
    ///
    /// `MissingStream` for a stream without packets, `TooLarge` for too many, `Damaged`,
    /// `Malformed`, `Io`.
    pub(super) fn read(input: &mut Input, video: usize, audio: usize) -> Result<Self, MediaError> {
        let gone = |stream| move || MediaError::MissingStream { stream };
        let stream = input.stream(video).ok_or_else(gone(Stream::Video))?;
        let (codec, tick, rate) =
            (stream.parameters().id(), stream.time_base(), f64::from(stream.avg_frame_rate()));
        let (length, of_mp4) = (stream.duration(), input.container() == MP4);
        let sound = input.stream(audio).ok_or_else(gone(Stream::Audio))?;
        let (audio_tick, audio_codec) = (f64::from(sound.time_base()), sound.parameters().id());
        let mut coded = Vec::new();
        let known = one_to_one(codec);
        let (mut hidden, mut timed) = (false, true);
        let (mut count, mut sounds) = (0, 0);
        let mut heard = Heard::default();
        while let Some(packet) = input.next()? {
            if packet.stream() == audio {
                check(&packet, Stream::Audio)?;
                sounds = bounded(sounds, "number of sound packets")?;
                heard.add(packet.pts(), packet.duration());
            } else if packet.stream() == video {
                check(&packet, Stream::Video)?;
                count = bounded(count, "number of pictures")?;
                let seen = look(codec, packet.data().unwrap_or_default(), packet.is_key());
                hidden |= seen.hidden;
                match packet.pts() {
                    Some(time) if known => coded.push(Coded { time, clean: seen.clean }),
                    time => timed &= time.is_some(),
                }
            }
        }
        for (packets, stream) in [(count, Stream::Video), (sounds, Stream::Audio)] {
            if packets == 0 {
                return Err(MediaError::MissingStream { stream });
            }
        }
        if !timed {
            coded.clear();
        }
        let mut by_time: Vec<(i64, usize)> =
            coded.iter().enumerate().map(|(number, one)| (one.time, number)).collect();
        by_time.sort_unstable();
        if by_time.windows(2).any(|pair| matches!(pair, [a, b] if a.0 == b.0)) {
            (coded, by_time) = (Vec::new(), Vec::new());
        }
        // An edit list hides pictures that are decoded, which FFmpeg marks out of our reach. It
        // shortens the stream, too.
        let span = match (by_time.first(), by_time.last()) {
            (Some(first), Some(last)) => last.0.saturating_sub(first.0),
            _ => 0,
        };
        let cut = of_mp4 && length > 0 && span >= length;
        let all_shown = !coded.is_empty() && !hidden && !cut;
        let audio_end = heard.end(audio_codec.name().starts_with("pcm_")) as f64 * audio_tick;
        let seekable = matches!(input.container(), MP4 | "Matroska");
        Ok(Self { codec, tick, rate, coded, by_time, timed, count, all_shown, seekable, audio_end })
    }

    /// Ticks in seconds.
    pub(super) fn seconds(&self, ticks: i64) -> f64 {
        let scaled = i128::from(ticks) * i128::from(self.tick.numerator());
        scaled as f64 / f64::from(self.tick.denominator().max(1))
    }

    /// The number of the packet of this time.
    pub(super) fn at(&self, time: i64) -> Option<usize> {
        let at = self.by_time.binary_search_by_key(&time, |(time, _)| *time).ok()?;
        self.by_time.get(at).map(|(_, number)| *number)
    }

    /// When a packet's picture is shown, in microseconds, rounded up.
    pub(super) fn microseconds(&self, number: usize) -> i64 {
        let time = self.coded.get(number).map_or(0, |coded| coded.time);
        let scaled = i128::from(time) * i128::from(self.tick.numerator()) * 1_000_000;
        let den = i128::from(self.tick.denominator().max(1));
        i64::try_from(scaled.div_euclid(den) + i128::from(scaled.rem_euclid(den) != 0))
            .unwrap_or(i64::MAX)
    }
}

/// Where sound packets end.
#[derive(Default)]
struct Heard {
    last: i64,
    length: i64,
    longest: i64,
}

impl Heard {
    fn add(&mut self, time: Option<i64>, length: i64) {
        if let Some(time) = time.filter(|time| *time >= self.last) {
            (self.last, self.length) = (time, length.max(0));
        }
        self.longest = self.longest.max(length);
    }

    /// MP4 shortens the last packet to where the sound ends, but a coded packet is decoded whole.
    fn end(&self, uncompressed: bool) -> i64 {
        self.last.saturating_add(if uncompressed { self.length } else { self.longest })
    }
}

fn bounded(count: usize, what: &'static str) -> Result<usize, MediaError> {
    if count >= MAX_SAMPLES {
        let (value, limit) = (count as u64 + 1, MAX_SAMPLES as u64);
        return Err(MediaError::TooLarge { what, value, limit });
    }
    Ok(count + 1)
}
