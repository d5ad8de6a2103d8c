//! Decodes the audio of a clip with FFmpeg.
//!
//! The whole audio is what FFmpeg returns, with the container's trimming. Spans of time are read from
//! the [timeline](crate::timeline), which knows the time of each packet.

use std::{
    collections::VecDeque,
    ops::Range,
    path::{Path, PathBuf},
    sync::Arc,
};

use video_rs::ffmpeg::{Error, codec::Id, decoder, error::EAGAIN, frame};

use super::{
    decoder::open_decoder,
    errors::{codec_name, damaged, decode_error},
    index::bytes_of,
    input::{EditLists, Input},
    recovery::{DamagedTicks, Recovery},
    samples::{is_uncompressed, planar},
};
use crate::{
    audio::Audio,
    audio_blocks::{Blocks, collect},
    audio_bound::AudioBound,
    audio_recovery::{AUDIO_MARGIN, Verdict},
    damage_policy::DamagePolicy,
    error::{DamageCode, DamagedPart, MAX_DAMAGED_PARTS, MediaError, Stream, message_of},
    interleaving::Interleaving,
    pcm::MAX_CHANNELS,
    source::{AudioStream, BlockSink},
    timeline::{AudioPackets, EditList, PlacedAudio},
};

/// Reads an audio stream through the decoder.
pub(super) struct AudioReader {
    path: PathBuf,
    stream: usize,
    /// The parts of the stream that are presented.
    edits: EditList,
    /// The time of the first packet, in ticks.
    first: i64,
    /// The duration of a tick, in seconds.
    tick: f64,
    /// When the audio starts on the clip's clock, in seconds.
    start: f64,
    /// How long all packets last, in seconds.
    duration: f64,
    placed: Option<PlacedAudio<Packets>>,
    damage: DamagePolicy,
    /// Damage that was found and not yet reported.
    found: VecDeque<DamagedPart>,
    places: Arc<Interleaving>,
}

/// The properties of the first decoded audio.
pub(super) struct FirstAudio {
    /// Its time, in ticks.
    pub(super) time: i64,
    /// Samples per second.
    pub(super) rate: u32,
    /// Channels.
    pub(super) channels: usize,
    /// The codec.
    pub(super) codec: String,
}

/// Decodes the packets of a stream in order.
struct Packets {
    path: PathBuf,
    edit_lists: EditLists,
    input: Input,
    stream: usize,
    decoder: decoder::Audio,
    codec: Id,
    frame: frame::Audio,
    /// The index of the next packet.
    next: usize,
    /// The number of decoded frames.
    decoded: usize,
    /// The time of the first frame, in ticks.
    first: i64,
    /// The first time that is no longer decoded, in ticks.
    end: i64,
    /// The duration of a tick, in seconds.
    tick: f64,
    rate: u32,
    planes: Vec<Vec<f32>>,
    bound: AudioBound,
    damage: DamagePolicy,
    /// Time, duration and size of the packet that the decoder got last.
    packet: (Option<i64>, i64, usize),
    /// Where that packet lies.
    bytes: Option<Range<u64>>,
    /// The time of a damaged packet that was replaced by silence, until the next frame.
    replaced: Option<i64>,
    /// The state after the last damaged packet.
    recovery: Option<Recovery>,
    /// Damage that was found and not yet taken.
    found: Vec<DamagedTicks>,
}

impl Packets {
    fn open(
        path: &Path,
        stream: usize,
        edit_lists: EditLists,
        first: i64,
    ) -> Result<Self, MediaError> {
        Self::of(Input::open(path, edit_lists)?, path, stream, edit_lists, first)
    }

    fn of(
        input: Input,
        path: &Path,
        stream: usize,
        edit_lists: EditLists,
        first: i64,
    ) -> Result<Self, MediaError> {
        let ffmpeg_stream = input.stream(stream);
        let ffmpeg_stream =
            ffmpeg_stream.ok_or(MediaError::MissingStream { stream: Stream::Audio })?;
        let (codec, tick) = (ffmpeg_stream.parameters().id(), ffmpeg_stream.time_base().into());
        let decoder = open_decoder(&ffmpeg_stream, Stream::Audio)?
            .audio()
            .map_err(|error| decode_error(Stream::Audio, codec, "the stream", error))?;
        let (what, value) = ("number of audio channels", u64::from(decoder.channels()));
        if value > u64::from(MAX_CHANNELS) {
            return Err(MediaError::TooLarge { what, value, limit: u64::from(MAX_CHANNELS) });
        }
        Ok(Self {
            path: path.to_owned(),
            edit_lists,
            input,
            stream,
            decoder,
            codec,
            frame: frame::Audio::empty(),
            next: 0,
            decoded: 0,
            first,
            end: i64::MAX,
            tick,
            rate: 0,
            planes: Vec::new(),
            bound: AudioBound::new(0.0),
            damage: DamagePolicy::Refuse,
            packet: (None, 0, 0),
            bytes: None,
            replaced: None,
            recovery: None,
            found: Vec::new(),
        })
    }

    fn feed(&mut self) -> Result<(), MediaError> {
        while let Some(packet) = self.input.next()? {
            if packet.stream() == self.stream {
                self.next += 1;
                self.packet = (packet.pts(), packet.duration(), packet.size());
                self.bytes = bytes_of(&packet);
                if let Some(recovery) = &mut self.recovery {
                    recovery.feed(&packet);
                }
                return self.decoder.send_packet(&packet).map_err(|error| self.fault(error));
            }
        }
        self.decoder.send_eof().map_err(|error| self.fault(error))
    }

    /// Takes the audio of the frame that was decoded last.
    fn take(&mut self) -> Result<(), MediaError> {
        let fault = |what: &str| damaged(Stream::Audio, format!("packet {}: {what}", self.next));
        if self.frame.is_corrupt() || self.frame.has_decode_errors() {
            return Err(fault("the audio is incomplete"));
        }
        let before = (self.rate, self.planes.len());
        self.rate = self.frame.rate();
        planar(&self.frame, &mut self.planes).ok_or_else(|| fault("contains no channel"))?;
        if self.planes.len() > MAX_CHANNELS as usize || self.rate == 0 {
            return Err(fault("contains no channel"));
        }
        if self.decoded > 0 && before != (self.rate, self.planes.len()) {
            return Err(fault("the sample rate or the channel count changes"));
        }
        if self.planes.iter().flatten().any(|sample| !sample.is_finite()) {
            return Err(fault("a sample is infinite or not a number"));
        }
        let samples = self.planes.first().map_or(0, Vec::len);
        self.bound.add(samples, self.rate).map_err(|what| fault(&what))?;
        self.decoded += 1;
        Ok(())
    }

    /// Returns the time of the last decoded frame in ticks.
    fn ticks(&self) -> Option<i64> {
        if self.replaced.is_some() {
            return self.replaced;
        }
        // The decoder moves this time where it drops the encoder's delay, but not its best guess.
        self.frame.pts().or_else(|| self.frame.timestamp())
    }

    /// Decodes the next packet; returns `false` after the last.
    fn receive(&mut self) -> Result<bool, MediaError> {
        loop {
            match self.decoder.receive_frame(&mut self.frame) {
                // Nothing is cut within the last packet, as by FFmpeg itself.
                Ok(()) if self.ticks().is_some_and(|time| time >= self.end) => return Ok(false),
                Ok(()) => {
                    self.take()?;
                    return Ok(true);
                }
                Err(Error::Eof) => return Ok(false),
                Err(Error::Other { errno: EAGAIN }) => self.feed()?,
                Err(error) => return Err(self.fault(error)),
            }
        }
    }

    /// Replaces the damaged packet that the decoder got last by silence, where the rest of the clip is
    /// to be read. Returns `false` where no later audio can be trusted.
    ///
    /// # Errors
    ///
    /// The error itself where the clip is refused, where the packet has no place, and where too much is
    /// damaged.
    fn pass_over(
        &mut self,
        ((rate, channels), length): ((u32, usize), usize),
        error: MediaError,
    ) -> Result<bool, MediaError> {
        let (Some(time), duration, _) = self.packet else { return Err(error) };
        if self.damage.is_refuse() || self.decoded == 0 || self.found.len() >= MAX_DAMAGED_PARTS {
            return Err(error);
        }
        let what = message_of(error)?;
        // Damage may begin unnoticed at the end of the packet before.
        let start = time.saturating_sub(duration);
        let stream = self.input.stream(self.stream);
        let stream = stream.ok_or(MediaError::MissingStream { stream: Stream::Audio })?;
        let Some(settling) = Recovery::settling(self.codec) else {
            // It is unknown how long the decoder remembers what it decoded.
            self.found.push(DamagedTicks { start, end: i64::MAX, bytes: self.bytes.clone(), what });
            return Ok(false);
        };
        let samples = match &settling {
            Some(_) => length,
            // `as` saturates, and the bound on all audio follows.
            None => (duration as f64 * self.tick * f64::from(rate)).round() as usize,
        };
        if samples == 0 || channels == 0 {
            return Err(damaged(Stream::Audio, what));
        }
        let fresh = open_decoder(&stream, Stream::Audio)?
            .audio()
            .map_err(|error| decode_error(Stream::Audio, self.codec, "the stream", error))?;
        let old = std::mem::replace(&mut self.decoder, fresh);
        self.recovery = settling.map(|settling| Recovery::new(old, settling));
        self.bound.add(samples, rate).map_err(|what| damaged(Stream::Audio, what))?;
        self.rate = rate;
        self.planes.resize_with(channels, Vec::new);
        self.planes.iter_mut().for_each(|plane| {
            plane.clear();
            plane.resize(samples, 0.0);
        });
        self.replaced = Some(time);
        self.decoded += 1;
        let end = time.saturating_add(duration);
        self.found.push(DamagedTicks { start, end, bytes: self.bytes.clone(), what });
        Ok(true)
    }

    /// Adds audio that depends on an earlier damaged packet.
    fn settle(&mut self) {
        let Some(recovery) = &mut self.recovery else { return };
        let (Some(time), duration, bytes) = self.packet else { return };
        let end = match recovery.compare(&self.planes, bytes) {
            Verdict::Intact => return,
            Verdict::Dependent => time.saturating_add(duration),
            Verdict::Endless => i64::MAX,
        };
        if end == i64::MAX {
            self.recovery = None;
        }
        let what = format!("packet {}: its audio depends on a damaged packet before it", self.next);
        match self.found.last_mut() {
            Some(last) if last.end >= time => last.end = end,
            _ => self.found.push(DamagedTicks { start: time, end, bytes: None, what }),
        }
    }

    fn fault(&self, error: Error) -> MediaError {
        decode_error(Stream::Audio, self.codec, &format!("packet {}", self.next), error)
    }
}

impl AudioPackets<()> for Packets {
    fn next(&mut self, _: &mut ()) -> Result<bool, MediaError> {
        let length = self.planes.first().map_or(0, Vec::len);
        let before = ((self.rate, self.planes.len()), length);
        self.replaced = None;
        match self.receive() {
            Ok(true) => {
                self.settle();
                Ok(true)
            }
            Ok(false) => Ok(false),
            Err(error) => self.pass_over(before, error),
        }
    }

    fn restart(&mut self, _: &mut ()) -> Result<(), MediaError> {
        let (end, mut bound, damage) = (self.end, self.bound, self.damage);
        bound.restart();
        *self = Self::open(&self.path, self.stream, self.edit_lists, self.first)?;
        (self.end, self.bound, self.damage) = (end, bound, damage);
        Ok(())
    }

    fn time(&self) -> Option<f64> {
        let ticks = self.ticks()?;
        // The start of a stretched first packet is not its time stamp.
        let ticks = if self.decoded == 1 { ticks.max(self.first) } else { ticks };
        Some(ticks.saturating_sub(self.first) as f64 * self.tick)
    }

    fn planes(&self) -> &[Vec<f32>] {
        &self.planes
    }

    fn rate(&self) -> u32 {
        self.rate
    }

    fn delay(&self) -> usize {
        0
    }

    fn uncompressed(&self) -> bool {
        is_uncompressed(self.codec)
    }
}

impl AudioReader {
    /// Opens a stream and decodes its first audio frame.
    ///
    /// # Errors
    ///
    /// `UnsupportedCodec`, `Damaged`, `Malformed`, `Io`; `MissingStream` where the stream has no
    /// audio.
    pub(super) fn first(path: &Path, stream: usize) -> Result<FirstAudio, MediaError> {
        Self::first_of(Input::open(path, EditLists::Ignored)?, path, stream)
    }

    /// Decodes the first audio frame of an open file.
    ///
    /// # Errors
    ///
    /// The errors of [`first`](Self::first).
    pub(super) fn first_of(
        input: Input,
        path: &Path,
        stream: usize,
    ) -> Result<FirstAudio, MediaError> {
        let mut packets = Packets::of(input, path, stream, EditLists::Ignored, 0)?;
        if !packets.next(&mut ())? {
            return Err(MediaError::MissingStream { stream: Stream::Audio });
        }
        Ok(FirstAudio {
            time: packets.ticks().unwrap_or(0),
            rate: packets.rate,
            channels: packets.planes.len(),
            codec: codec_name(packets.codec),
        })
    }

    /// Reads a stream whose first packet has the time `first`, in ticks. On the clip's clock, the audio
    /// starts at `start`, in seconds. All packets last `duration` seconds.
    pub(super) fn new(
        path: &Path,
        stream: usize,
        edits: EditList,
        (first, tick): (i64, f64),
        (start, duration): (f64, f64),
        damage: DamagePolicy,
    ) -> Self {
        Self {
            path: path.to_owned(),
            stream,
            edits,
            first,
            tick,
            start,
            duration,
            placed: None,
            damage,
            found: VecDeque::new(),
            places: Arc::default(),
        }
    }

    /// Returns when the audio of a span of ticks is played; `None` where it is not.
    fn span(&self, start: i64, end: i64) -> Option<(f64, f64)> {
        let segment = self.edits.first();
        let origin = segment.clock_of(self.first.max(segment.start.unwrap_or(i64::MIN)));
        // The times of the container, moved to the clip's clock.
        let moved = self.start - origin as f64 * self.tick;
        let (start, end) = self.edits.span_of(start, end)?;
        let seconds = |ticks: i64| ticks as f64 * self.tick + moved;
        Some((seconds(start) - AUDIO_MARGIN, seconds(end) + AUDIO_MARGIN))
    }

    /// Returns where packets lie, and when they are played.
    pub(super) fn places(
        &self,
        packets: Vec<(Range<u64>, i64, i64)>,
    ) -> Vec<(Range<u64>, (f64, f64))> {
        let place = |(bytes, time, duration): (Range<u64>, i64, i64)| {
            Some((bytes, self.span(time, time.saturating_add(duration))?))
        };
        packets.into_iter().filter_map(place).collect()
    }

    /// Sets what lies near the packets.
    pub(super) fn set_places(&mut self, places: Arc<Interleaving>) {
        self.places = places;
    }

    /// Returns when damaged audio is played, and what lies near it; `None` where it is not played.
    fn part(&self, damaged: DamagedTicks) -> Option<DamagedPart> {
        let DamagedTicks { start, end, bytes, what: message } = damaged;
        let span = self.span(start, end)?;
        let (start, end) = bytes.map_or(span, |bytes| self.places.extend(&bytes, span));
        let (stream, code) = (Stream::Audio, DamageCode::Damaged);
        Some(DamagedPart { start, end, stream, code, message })
    }
}

impl AudioStream for AudioReader {
    fn whole(&mut self) -> Result<Audio, MediaError> {
        collect(AudioBound::new(self.duration), |sink| self.blocks(sink))
    }

    fn blocks(&mut self, sink: BlockSink<'_>) -> Result<(), MediaError> {
        let mut packets = Packets::open(&self.path, self.stream, EditLists::Applied, 0)?;
        packets.bound = AudioBound::new(self.duration);
        let mut blocks: Option<Blocks> = None;
        while packets.next(&mut ())? {
            let blocks = match &mut blocks {
                Some(blocks) => blocks,
                None => {
                    let expected = packets.bound.samples(packets.rate);
                    let expected = expected.saturating_mul(packets.planes.len() as u64);
                    blocks.insert(Blocks::new(0, expected)?)
                }
            };
            if blocks.pass(packets.rate, &packets.planes, sink)?.is_break() {
                break;
            }
        }
        Ok(())
    }

    fn between(&mut self, start: f64, end: f64) -> Result<Audio, MediaError> {
        if let Some(part) = self.found.pop_front() {
            return Err(MediaError::DamagedPart(part));
        }
        let placed = match &mut self.placed {
            Some(placed) => placed,
            None => {
                let mut packets =
                    Packets::open(&self.path, self.stream, EditLists::Ignored, self.first)?;
                packets.bound = AudioBound::new(self.duration);
                packets.damage = self.damage;
                // A segment may follow that goes back, so only a single one ends the decoding.
                if let ([_], Some(end)) = (self.edits.segments(), self.edits.end()) {
                    packets.end = end;
                }
                let placed =
                    PlacedAudio::new(packets, &mut (), &self.edits, self.first, self.tick)?;
                self.placed.insert(placed)
            }
        };
        let audio = placed.between(&mut (), start - self.start, end - self.start)?;
        let found = std::mem::take(&mut placed.packets_mut().found);
        let parts: Vec<_> = found.into_iter().filter_map(|ticks| self.part(ticks)).collect();
        self.found.extend(parts);
        match self.found.pop_front() {
            Some(part) => Err(MediaError::DamagedPart(part)),
            None => Ok(audio),
        }
    }
}
