//! Decodes the audio of an MP4 track.
//!
//! Encoders put about a packet of silence before the audio and hide it with the edit list. Decoded
//! without the edit list, the silence shifts every fbank frame. The whole audio is what FFmpeg
//! returns, packets one after the other: samples before the edit are dropped one by one, packets that
//! begin at its end or later are dropped whole, and nothing is cut inside the last packet. Spans of
//! time are read from the [timeline](super::timeline).

mod recovery;

use std::{
    collections::VecDeque,
    fmt::{self, Debug, Formatter},
    io::{Read, Seek},
    ops::Range,
    sync::Arc,
};

use symphonia::core::{
    codecs::audio::{
        AudioDecoder,
        well_known::{CODEC_ID_AAC, CODEC_ID_MP3},
    },
    packet::PacketRef,
    units::{Duration, Timestamp},
};

use self::recovery::{DamagedPackets, Recovery};
use super::{
    aac::{self, LIBFAAC_DELAY, SBR_PROBES},
    audio_packet::{PacketCheck, ends_in_tag},
    codec::{Codec, damaged, decoder, unsupported},
    damage_policy::DamagePolicy,
    h264::bytes_of,
    interleaving::Interleaving,
    mp4::{Sample, read_sample},
    pcm::MAX_CHANNELS,
    source::{AudioStream, BlockSink},
    timeline::{AudioExtent, AudioPackets, EditList, PlacedAudio},
};
use crate::{
    audio::Audio,
    audio_blocks::{Blocks, collect},
    audio_bound::AudioBound,
    audio_recovery::{AUDIO_MARGIN, Verdict},
    error::{DamageCode, DamagedPart, MAX_DAMAGED_PARTS, MediaError, Stream, message_of},
};

/// An audio track that can be decoded.
#[derive(Debug, Clone)]
pub(crate) struct AudioTrack {
    /// The codec.
    pub(crate) codec: Codec,
    /// The packets, or runs of uncompressed samples.
    samples: Vec<Sample>,
    /// The parts of the track that are presented.
    edits: EditList,
    /// The times of the packets.
    extent: AudioExtent,
    /// Ticks per second of the track's times.
    timescale: u32,
    /// Whether the packets of AAC end in the end tag.
    end_tag: bool,
}

impl AudioTrack {
    /// Collects what is needed to decode a track. `stretched` says that the first packet may start
    /// late within its duration, as in fragmented files without an edit list.
    pub(crate) fn new(
        codec: Codec,
        samples: Vec<Sample>,
        edits: EditList,
        timescale: u32,
        stretched: bool,
    ) -> Self {
        let mut extent = match &codec {
            Codec::Pcm(pcm) => AudioExtent::uncompressed(
                samples.iter().map(|sample| (sample.time, pcm.ticks(sample.size, timescale))),
            ),
            Codec::Coded(_) => AudioExtent::new(
                samples.iter().map(|sample| (sample.time, i64::from(sample.duration))),
            ),
        };
        if stretched {
            extent = extent.with_stretched_start(1.0 / f64::from(timescale.max(1)));
        }
        Self { codec, samples, edits, extent, timescale, end_tag: false }
    }

    /// Refuses HE-AAC that only its packets announce, and finds out whether packets of AAC end in the
    /// end tag.
    ///
    /// # Errors
    ///
    /// `UnsupportedCodec`, `Io`.
    pub(crate) fn check(&mut self, file: &mut (impl Read + Seek)) -> Result<(), MediaError> {
        if !self.codec.is_aac() {
            return Ok(());
        }
        let mut packet = Vec::new();
        let (mut with, mut without, mut end_tags) = (0_usize, 0_usize, 0_usize);
        for sample in self.samples.iter().take(SBR_PROBES) {
            read_sample(file, sample, &mut packet)?;
            end_tags += usize::from(ends_in_tag(&packet));
            // One damaged packet among them makes no difference.
            self.end_tag = end_tags > (with + without) * 3 / 4;
            if aac::ends_in_sbr(&packet) {
                with += 1
            } else {
                without += 1
            }
            // Plain AAC has it in no packet. Later, the rest cannot change the answer.
            if (with == 0 && without >= 8) || without > SBR_PROBES / 2 {
                return Ok(());
            }
        }
        if with >= 2 && with >= without { Err(unsupported("HE-AAC".to_owned())) } else { Ok(()) }
    }

    /// Returns the number of channels. `stated` is that of the sample entry, which is 2 for any AAC
    /// and MP3 that FFmpeg writes.
    ///
    /// # Errors
    ///
    /// `Io`, and `Damaged` for a first packet that is too long.
    pub(crate) fn channels(
        &self,
        file: &mut (impl Read + Seek),
        stated: usize,
    ) -> Result<usize, MediaError> {
        let Codec::Coded(params) = &self.codec else { return Ok(stated) };
        let coded = match params.codec {
            CODEC_ID_AAC => params.extra_data.as_deref().and_then(aac::channels),
            CODEC_ID_MP3 => {
                let mut packet = Vec::new();
                if let Some(sample) = self.samples.first() {
                    read_sample(file, sample, &mut packet)?;
                }
                mp3_channels(&packet)
            }
            _ => None,
        };
        Ok(coded.unwrap_or(stated))
    }

    /// Returns the duration of a tick in seconds.
    fn tick(&self) -> f64 {
        1.0 / f64::from(self.timescale.max(1))
    }

    /// Returns how far the audio is from its place when packets are played one after the other, at
    /// most, in seconds.
    pub(crate) fn drift(&self) -> f64 {
        self.extent.drift() as f64 * self.tick()
    }

    /// Returns the time spans without packets, in seconds on the clip's clock.
    pub(crate) fn gaps(&self) -> Vec<(f64, f64)> {
        self.extent.gaps(&self.edits, self.tick())
    }

    /// Returns when the audio starts and ends on the clip's clock, in seconds.
    pub(crate) fn seconds(&self) -> (f64, f64) {
        self.extent.seconds(&self.edits, self.tick())
    }

    /// Returns how many samples at `rate` the edit list cuts off the front of the whole audio.
    fn skip(&self, rate: u32, delay: usize) -> usize {
        let first = self.samples.first().map_or(0, |sample| sample.time);
        let start = self.edits.first().start.unwrap_or(i64::MIN);
        let ticks = u64::try_from(start.saturating_sub(first)).unwrap_or(0);
        match u128::from(ticks) * u128::from(rate) / u128::from(self.timescale.max(1)) {
            0 => delay,
            skip => usize::try_from(skip).unwrap_or(usize::MAX),
        }
    }
}

/// Returns the number of channels of an MP3 frame (ISO/IEC 11172-3 section 2.4.2.3, `mode`).
fn mp3_channels(packet: &[u8]) -> Option<usize> {
    match packet {
        [0xff, sync, _, mode, ..] if *sync >= 0xe0 => Some(if mode >> 6 == 3 { 1 } else { 2 }),
        _ => None,
    }
}

/// Decodes the packets of a track in order.
struct Packets {
    track: Arc<AudioTrack>,
    /// `None` for uncompressed audio.
    decoder: Option<Box<dyn AudioDecoder>>,
    check: Option<PacketCheck>,
    bound: AudioBound,
    /// The first composition time that is no longer decoded.
    end: i64,
    /// The index of the next packet.
    next: usize,
    /// The time of the last decoded packet.
    time: i64,
    /// The last decoded packet.
    rate: u32,
    delay: usize,
    planes: Vec<Vec<f32>>,
    packet: Vec<u8>,
    damage: DamagePolicy,
    /// The state after the last damaged packet.
    recovery: Option<Recovery>,
    /// Damage that was found and not yet taken.
    found: Vec<DamagedPackets>,
}

impl Packets {
    /// Starts at the first packet. Packets from composition time `end` on are left out.
    fn new(
        track: &Arc<AudioTrack>,
        end: Option<i64>,
        damage: DamagePolicy,
    ) -> Result<Self, MediaError> {
        let (decoder, check) = match &track.codec {
            Codec::Coded(params) => {
                (Some(decoder(params)?), Some(PacketCheck::new(params, track.end_tag)))
            }
            Codec::Pcm(_) => (None, None),
        };
        Ok(Self {
            track: Arc::clone(track),
            decoder,
            check,
            bound: AudioBound::new(track.extent.duration(track.tick())),
            end: end.unwrap_or(i64::MAX),
            next: 0,
            time: 0,
            rate: 0,
            delay: 0,
            planes: Vec::new(),
            packet: Vec::new(),
            damage,
            recovery: None,
            found: Vec::new(),
        })
    }

    /// Decodes packet `index`, which has been read.
    fn decode(&mut self, index: usize) -> Result<(), MediaError> {
        let track = &*self.track;
        let count = track.samples.len();
        let kind = if self.decoder.is_some() { "packet" } else { "chunk" };
        let fault = |what: &str| damaged(format!("{kind} {index} of {count}: {what}"));
        self.rate = match (&mut self.decoder, &track.codec) {
            (Some(decoder), _) => {
                if track.codec.is_aac() {
                    if aac::has_no_channels(&self.packet) {
                        return Err(fault("contains no channel"));
                    }
                    if index == 0 && aac::signed_by_libfaac(&self.packet) {
                        self.delay = LIBFAAC_DELAY;
                    }
                }
                let check = self.check.as_mut().map(|check| check.check(&self.packet));
                let expected = check.transpose().map_err(|what| fault(&what))?.flatten();
                let packet = PacketRef::new(0, Timestamp::new(0), Duration::new(0), &self.packet);
                let decoded =
                    decoder.decode_ref(&packet).map_err(|error| fault(&error.to_string()))?;
                let actual = decoded.frames();
                if let Some(expected) = expected.filter(|&expected| expected != actual) {
                    return Err(fault(&format!("it gave {actual} of its {expected} samples")));
                }
                decoded.copy_to_vecs_planar(&mut self.planes);
                decoded.spec().rate()
            }
            (None, Codec::Pcm(pcm)) => {
                self.planes.resize_with(pcm.channels as usize, Vec::new);
                self.planes.iter_mut().for_each(Vec::clear);
                pcm.decode(&self.packet, &mut self.planes);
                pcm.rate
            }
            (None, Codec::Coded(_)) => return Err(fault("no decoder")),
        };
        if self.planes.iter().flatten().any(|sample| !sample.is_finite()) {
            return Err(fault("a sample is infinite or not a number"));
        }
        Ok(())
    }

    /// Replaces the damaged packet `index` by silence, where the rest of the clip is to be read.
    ///
    /// # Errors
    ///
    /// The error itself where the clip is refused, at the first packet, and where too much is damaged.
    fn pass_over(
        &mut self,
        index: usize,
        ((rate, channels), length): ((u32, usize), usize),
        error: MediaError,
    ) -> Result<(), MediaError> {
        if self.damage.is_refuse() || index == 0 || self.found.len() >= MAX_DAMAGED_PARTS {
            return Err(error);
        }
        let what = message_of(error)?;
        let track = &*self.track;
        let ticks = track.samples.get(index).map_or(0, |sample| match &track.codec {
            Codec::Pcm(pcm) => pcm.ticks(sample.size, track.timescale),
            Codec::Coded(_) => i64::from(sample.duration),
        });
        let samples = match &track.codec {
            // All packets are of one length, whatever the container rounds it to.
            Codec::Coded(params) if matches!(params.codec, CODEC_ID_AAC | CODEC_ID_MP3) => length,
            // `as` saturates, and the bound on all audio follows.
            _ => (ticks as f64 * track.tick() * f64::from(rate)).round() as usize,
        };
        if samples == 0 || channels == 0 {
            return Err(damaged(what));
        }
        self.bound.add(samples, rate).map_err(damaged)?;
        self.rate = rate;
        self.planes.resize_with(channels, Vec::new);
        self.planes.iter_mut().for_each(|plane| {
            plane.clear();
            plane.resize(samples, 0.0);
        });
        if let Codec::Coded(params) = &track.codec {
            let old = self.decoder.replace(decoder(params)?);
            self.check = Some(PacketCheck::new(params, track.end_tag));
            self.recovery = old.and_then(|old| Recovery::new(params.codec, old));
        }
        // Damage may begin unnoticed at the end of the packet before.
        let first = index.saturating_sub(1);
        match self.found.last_mut() {
            Some(last) if last.packets.end >= first => {
                last.packets.end = index + 1;
                let bytes = track.samples.get(index).map(bytes_of);
                last.bytes = match (last.bytes.take(), bytes) {
                    (Some(a), Some(b)) => Some(a.start.min(b.start)..a.end.max(b.end)),
                    (a, b) => a.or(b),
                };
            }
            _ => self.found.push({
                let bytes = track.samples.get(index).map(bytes_of);
                DamagedPackets { packets: first..index + 1, bytes, what }
            }),
        }
        Ok(())
    }

    /// Adds packets whose audio depends on an earlier damaged packet.
    fn settle(&mut self, index: usize) {
        let Some(recovery) = &mut self.recovery else { return };
        let packet = PacketRef::new(0, Timestamp::new(0), Duration::new(0), &self.packet);
        let end = match recovery.compare(&packet, &self.planes) {
            Verdict::Intact => return,
            Verdict::Dependent => index + 1,
            Verdict::Endless => {
                self.recovery = None;
                self.track.samples.len()
            }
        };
        let what = format!(
            "packet {index} of {}: its audio depends on a damaged packet before it",
            self.track.samples.len()
        );
        match self.found.last_mut() {
            Some(last) if last.packets.end == index => last.packets.end = end,
            _ => self.found.push(DamagedPackets { packets: index..end, bytes: None, what }),
        }
    }
}

impl<R: Read + Seek> AudioPackets<R> for Packets {
    fn next(&mut self, file: &mut R) -> Result<bool, MediaError> {
        let track = &*self.track;
        let count = track.samples.len();
        let rest = track.samples.iter().enumerate().skip(self.next);
        let end = self.end;
        let Some((index, sample)) = rest.into_iter().find(|(_, sample)| sample.time < end) else {
            self.next = count;
            return Ok(false);
        };
        let kind = if self.decoder.is_some() { "packet" } else { "chunk" };
        let fault = |what: &str| damaged(format!("{kind} {index} of {count}: {what}"));
        let time = if index == 0 { track.extent.first() } else { sample.time };
        read_sample(file, sample, &mut self.packet)?;
        let length = self.planes.first().map_or(0, Vec::len);
        let before = (self.rate, self.planes.len());
        if let Err(error) = self.decode(index) {
            self.pass_over(index, (before, length), error)?;
            (self.time, self.next) = (time, index + 1);
            return Ok(true);
        }
        let channels = self.planes.len();
        if channels == 0 || channels > MAX_CHANNELS as usize || self.rate == 0 {
            return Err(fault("contains no channel"));
        }
        if self.next > 0 && before != (self.rate, channels) {
            return Err(fault("the sample rate or the channel count changes"));
        }
        let samples = self.planes.first().map_or(0, Vec::len);
        self.bound.add(samples, self.rate).map_err(|what| fault(&what))?;
        self.settle(index);
        (self.time, self.next) = (time, index + 1);
        Ok(true)
    }

    fn restart(&mut self, _: &mut R) -> Result<(), MediaError> {
        if let Codec::Coded(params) = &self.track.codec {
            self.decoder = Some(decoder(params)?);
            self.check = Some(PacketCheck::new(params, self.track.end_tag));
        }
        self.next = 0;
        self.recovery = None;
        self.bound.restart();
        Ok(())
    }

    fn time(&self) -> Option<f64> {
        Some(self.time.saturating_sub(self.track.extent.first()) as f64 * self.track.tick())
    }

    fn planes(&self) -> &[Vec<f32>] {
        &self.planes
    }

    fn rate(&self) -> u32 {
        self.rate
    }

    fn delay(&self) -> usize {
        self.delay
    }

    fn uncompressed(&self) -> bool {
        self.decoder.is_none()
    }
}

/// Reads an audio track through the decoder.
pub(crate) struct AudioTrackReader<R> {
    file: R,
    /// When the audio starts on the clip's clock, in seconds.
    start: f64,
    track: Arc<AudioTrack>,
    placed: Option<PlacedAudio<Packets>>,
    damage: DamagePolicy,
    /// Damage that was found and not yet reported.
    found: VecDeque<DamagedPart>,
    /// What lies near the packets; known where the clip is read on after damage.
    places: Option<Arc<Interleaving>>,
}

impl<R: Read + Seek> AudioTrackReader<R> {
    pub(crate) fn new(file: R, track: AudioTrack, start: f64, damage: DamagePolicy) -> Self {
        let (track, found) = (Arc::new(track), VecDeque::new());
        Self { file, start, track, placed: None, damage, found, places: None }
    }

    /// Returns where the packets lie, and when they are played.
    pub(crate) fn places(&self) -> Vec<(Range<u64>, (f64, f64))> {
        let packets = self.track.samples.iter().enumerate();
        packets
            .filter_map(|(index, sample)| Some((bytes_of(sample), self.span(index..index + 1)?)))
            .collect()
    }

    /// Sets what lies near the packets.
    pub(crate) fn set_places(&mut self, places: Arc<Interleaving>) {
        self.places = Some(places);
    }

    /// Returns when packets are played; `None` where they are not.
    fn span(&self, packets: Range<usize>) -> Option<(f64, f64)> {
        let track = &*self.track;
        let of = |index: usize| track.samples.get(index).map(|sample| sample.time);
        let end = of(packets.end).unwrap_or(i64::MAX / 2);
        let (start, end) = track.edits.span_of(of(packets.start)?, end)?;
        // The times of the container, moved to the clip's clock.
        let moved = self.start - track.seconds().0;
        let seconds = |ticks: i64| ticks as f64 * track.tick() + moved;
        let (start, end) = (seconds(start), seconds(end).min(track.seconds().1 + moved));
        Some((start - AUDIO_MARGIN, end + AUDIO_MARGIN))
    }

    /// Returns when the audio of damaged packets is played, and what lies near them; `None` where they
    /// are not played.
    fn part(&self, damaged: DamagedPackets) -> Option<DamagedPart> {
        let DamagedPackets { packets, bytes, what: message } = damaged;
        let span = self.span(packets)?;
        let (start, end) = match bytes.zip(self.places.as_ref()) {
            Some((bytes, places)) => places.extend(&bytes, span),
            None => span,
        };
        let (stream, code) = (Stream::Audio, DamageCode::Damaged);
        Some(DamagedPart { start, end, stream, code, message })
    }
}

impl<R: Read + Seek> AudioStream for AudioTrackReader<R> {
    fn whole(&mut self) -> Result<Audio, MediaError> {
        let bound = AudioBound::new(self.track.extent.duration(self.track.tick()));
        collect(bound, |sink| self.blocks(sink))
    }

    fn blocks(&mut self, sink: BlockSink<'_>) -> Result<(), MediaError> {
        let mut packets = Packets::new(&self.track, self.track.edits.end(), DamagePolicy::Refuse)?;
        let mut blocks: Option<Blocks> = None;
        while packets.next(&mut self.file)? {
            let planes = AudioPackets::<R>::planes(&packets);
            let blocks = match &mut blocks {
                Some(blocks) => blocks,
                None => {
                    let expected = packets.bound.samples(packets.rate);
                    let expected = expected.saturating_mul(planes.len() as u64);
                    let skip = self.track.skip(packets.rate, packets.delay);
                    blocks.insert(Blocks::new(skip, expected)?)
                }
            };
            if blocks.pass(packets.rate, planes, sink)?.is_break() {
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
                // A segment may follow that goes back, so only a single one ends the decoding.
                let end = (self.track.edits.segments().len() == 1)
                    .then(|| self.track.edits.end())
                    .flatten();
                let packets = Packets::new(&self.track, end, self.damage)?;
                let (first, tick) = (self.track.extent.first(), self.track.tick());
                let edits = &self.track.edits;
                let placed = PlacedAudio::new(packets, &mut self.file, edits, first, tick)?;
                self.placed.insert(placed)
            }
        };
        let audio = placed.between(&mut self.file, start - self.start, end - self.start)?;
        let found = std::mem::take(&mut placed.packets_mut().found);
        let parts: Vec<_> = found.into_iter().filter_map(|packets| self.part(packets)).collect();
        self.found.extend(parts);
        match self.found.pop_front() {
            Some(part) => Err(MediaError::DamagedPart(part)),
            None => Ok(audio),
        }
    }
}

impl<R> Debug for AudioTrackReader<R> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.debug_struct("AudioTrackReader").field("track", &self.track).finish_non_exhaustive()
    }
}
