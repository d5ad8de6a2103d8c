//! The sound of an MP4 track: packets to samples, and the edit list's trim as FFmpeg applies it.
//!
//! Encoders put a packet or so of silence before the sound and hide it with the edit list. Left in,
//! it shifts every fbank frame. The rule: samples before the edit are dropped one by one, packets
//! that begin at its end or later are dropped whole, and nothing is cut inside the last packet.

use std::{
    fmt::{self, Debug, Formatter},
    io::{Read, Seek},
    ops::Range,
};

use symphonia::core::{
    codecs::audio::AudioDecoder,
    packet::PacketRef,
    units::{Duration, Timestamp},
};

use super::{
    aac::{self, LIBFAAC_DELAY, SBR_PROBES},
    codec::{Codec, damaged, decoder, unsupported},
    mp4::{Edit, Sample, read_sample},
    pcm::MAX_CHANNELS,
    source::AudioStream,
};
use crate::{
    audio::Audio,
    error::{MediaError, Stream},
};

/// Samples of all channels together: four hours of mono or two of stereo at 48 kHz, 2.6 GiB.
pub(crate) const MAX_SOUND_SAMPLES: u64 = 4 * 3600 * 48_000;

/// A sound track that can be decoded.
#[derive(Debug, Clone)]
pub(crate) struct SoundTrack {
    /// How it is coded.
    pub(crate) codec: Codec,
    /// Its packets, or its chunks if uncompressed.
    pub(crate) samples: Vec<Sample>,
    /// What is heard of it.
    pub(crate) edit: Edit,
    /// Ticks a second of its times.
    pub(crate) timescale: u32,
}

impl SoundTrack {
    /// Refuses HE-AAC that only its packets announce.
    ///
    /// # Errors
    ///
    /// `UnsupportedCodec`, `Io`.
    pub(crate) fn check(&self, file: &mut (impl Read + Seek)) -> Result<(), MediaError> {
        if !self.codec.is_aac() {
            return Ok(());
        }
        let mut packet = Vec::new();
        for sample in self.samples.iter().take(SBR_PROBES) {
            read_sample(file, sample, &mut packet)?;
            if !aac::ends_in_sbr(&packet) {
                return Ok(());
            }
        }
        Err(unsupported("HE-AAC".to_owned()))
    }

    /// When the sound starts and ends on the clip's clock, in seconds. Packets carry no length, so
    /// the last one is taken to be as long as the one before it.
    pub(crate) fn extent(&self) -> (f64, f64) {
        let ticks = f64::from(self.timescale.max(1));
        let first = self.samples.first().map_or(0, |sample| sample.time);
        let start = self.edit.clock(first.max(self.edit.start));
        let mut last = self.heard().map(|(_, sample)| sample).rev();
        let (last, before) = (last.next(), last.next());
        let length = match (&self.codec, last, before) {
            (Codec::Pcm(pcm), Some(last), _) => i64::from(last.size / pcm.frame_bytes().max(1)),
            (_, Some(last), Some(before)) => last.time.saturating_sub(before.time),
            _ => 0,
        };
        let end = last.map_or(start, |last| self.edit.clock(last.time).saturating_add(length));
        (start as f64 / ticks, end as f64 / ticks)
    }

    /// The packets that are heard, with their numbers.
    fn heard(&self) -> impl DoubleEndedIterator<Item = (usize, &Sample)> {
        let end = self.edit.end.unwrap_or(i64::MAX);
        self.samples.iter().enumerate().filter(move |(_, sample)| sample.time < end)
    }

    /// Samples at `rate` that the edit list cuts off the front; `signed` by libfaac, whose delay
    /// FFmpeg drops where no list says otherwise.
    fn skip(&self, rate: u32, signed: bool) -> usize {
        let first = self.samples.first().map_or(0, |sample| sample.time);
        let ticks = u64::try_from(self.edit.start.saturating_sub(first)).unwrap_or(0);
        match u128::from(ticks) * u128::from(rate) / u128::from(self.timescale.max(1)) {
            0 if signed => LIBFAAC_DELAY,
            skip => usize::try_from(skip).unwrap_or(usize::MAX),
        }
    }
}

/// A sound track on its way through the decoder.
pub(crate) struct SoundReader<R> {
    file: R,
    track: SoundTrack,
    pass: Option<Pass>,
}

/// One pass from the first packet on. Holds what was decoded and not yet let go.
struct Pass {
    /// None for uncompressed sound.
    decoder: Option<Box<dyn AudioDecoder>>,
    /// The place of the next packet among all.
    next: usize,
    /// Samples still to be dropped from the front.
    skip: usize,
    /// Samples a channel that were let go.
    gone: usize,
    /// No channels before the first packet.
    held: Audio,
    packet: Vec<u8>,
    planes: Vec<Vec<f32>>,
}

impl Pass {
    fn new(codec: &Codec) -> Result<Self, MediaError> {
        let decoder = match codec {
            Codec::Coded(params) => Some(decoder(params)?),
            Codec::Pcm(_) => None,
        };
        let held = Audio { rate: 0, channels: Vec::new() };
        let (packet, planes) = (Vec::new(), Vec::new());
        Ok(Self { decoder, next: 0, skip: 0, gone: 0, held, packet, planes })
    }

    /// Decodes the next packet that is heard; `false` after the last.
    fn step(
        &mut self,
        track: &SoundTrack,
        file: &mut (impl Read + Seek),
    ) -> Result<bool, MediaError> {
        let end = track.edit.end.unwrap_or(i64::MAX);
        let count = track.samples.len();
        let rest = track.samples.iter().enumerate().skip(self.next);
        let Some((index, sample)) = rest.into_iter().find(|(_, sample)| sample.time < end) else {
            self.next = count;
            return Ok(false);
        };
        self.next = index + 1;
        let kind = if self.decoder.is_some() { "packet" } else { "chunk" };
        let at = || format!("{kind} {index} of {count}");
        read_sample(file, sample, &mut self.packet)?;
        let mut signed = false;
        let rate = match (&mut self.decoder, &track.codec) {
            (Some(decoder), _) => {
                if track.codec.is_aac() {
                    if aac::is_hollow(&self.packet) {
                        return Err(damaged(format!("{}: no channel in it", at())));
                    }
                    signed = index == 0 && aac::signed_by_libfaac(&self.packet);
                }
                let time = Timestamp::new(sample.time);
                let decoded = decoder
                    .decode_ref(&PacketRef::new(0, time, Duration::new(0), &self.packet))
                    .map_err(|error| damaged(format!("{}: {error}", at())))?;
                decoded.copy_to_vecs_planar(&mut self.planes);
                decoded.spec().rate()
            }
            (None, Codec::Pcm(pcm)) => {
                self.planes.resize_with(pcm.channels as usize, Vec::new);
                self.planes.iter_mut().for_each(Vec::clear);
                pcm.decode(&self.packet, &mut self.planes);
                pcm.rate
            }
            (None, Codec::Coded(_)) => return Err(damaged(format!("{}: no decoder", at()))),
        };
        if self.held.channels.is_empty() {
            if self.planes.is_empty() || self.planes.len() > MAX_CHANNELS as usize || rate == 0 {
                return Err(damaged(format!("{}: no channel in it", at())));
            }
            self.held = Audio { rate, channels: vec![Vec::new(); self.planes.len()] };
            self.skip = track.skip(rate, signed);
        }
        if (self.held.rate, self.held.channels.len()) != (rate, self.planes.len()) {
            return Err(damaged(format!("{}: rate or channels change", at())));
        }
        append(&mut self.held, &self.planes)
            .map_err(|error| error.unwrap_or_else(|| damaged(format!("{}: not a number", at()))))?;
        let skip = self.skip.min(self.held.len());
        self.drop_front(skip);
        self.skip -= skip;
        Ok(true)
    }

    fn drop_front(&mut self, samples: usize) {
        for channel in &mut self.held.channels {
            channel.drain(..samples.min(channel.len()));
        }
    }

    /// Lets go of all before sample `index` of the sound.
    fn release_before(&mut self, index: usize) {
        let samples = index.saturating_sub(self.gone).min(self.held.len());
        self.drop_front(samples);
        self.gone += samples;
    }
}

impl<R: Read + Seek> SoundReader<R> {
    pub(crate) fn new(file: R, track: SoundTrack) -> Self {
        Self { file, track, pass: None }
    }
}

impl<R: Read + Seek> AudioStream for SoundReader<R> {
    fn whole(&mut self) -> Result<Audio, MediaError> {
        let mut pass = Pass::new(&self.track.codec)?;
        while pass.step(&self.track, &mut self.file)? {}
        if pass.held.channels.is_empty() {
            return Err(MediaError::MissingStream { stream: Stream::Audio });
        }
        Ok(pass.held)
    }

    fn between(&mut self, start: f64, end: f64) -> Result<Audio, MediaError> {
        let origin = self.track.extent().0;
        loop {
            let mut pass = match self.pass.take() {
                Some(pass) => pass,
                None => Pass::new(&self.track.codec)?,
            };
            // The rate is known once a packet is decoded.
            while pass.held.channels.is_empty() && pass.step(&self.track, &mut self.file)? {}
            if pass.held.channels.is_empty() {
                return Err(MediaError::MissingStream { stream: Stream::Audio });
            }
            let range = sample_range(start - origin, end - origin, pass.held.rate);
            if range.start < pass.gone {
                // It was let go: once more from the front.
                continue;
            }
            pass.release_before(range.start);
            while pass.gone + pass.held.len() < range.end
                && pass.step(&self.track, &mut self.file)?
            {
                pass.release_before(range.start);
            }
            let part = pass
                .held
                .part(range.start.saturating_sub(pass.gone), range.end.saturating_sub(pass.gone));
            self.pass = Some(pass);
            return Ok(part);
        }
    }
}

impl<R: Debug> Debug for SoundReader<R> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let next = self.pass.as_ref().map_or(0, |pass| pass.next);
        f.debug_struct("SoundReader").field("track", &self.track).field("next", &next).finish()
    }
}

/// The samples from `start` to `end`, both in seconds from the first: a sample belongs to the span
/// its instant lies in.
pub(crate) fn sample_range(start: f64, end: f64, rate: u32) -> Range<usize> {
    // `as` saturates, and a negative or undefined time is the first sample.
    let at = |seconds: f64| (seconds * f64::from(rate)).round() as usize;
    at(start)..at(end)
}

/// Adds a packet's channels. `Err(None)` means that a sample is infinite or not a number.
pub(crate) fn append(sound: &mut Audio, planes: &[Vec<f32>]) -> Result<(), Option<MediaError>> {
    let added: usize = planes.iter().map(Vec::len).sum();
    let value = (sound.len().saturating_mul(sound.channels.len())).saturating_add(added) as u64;
    if value > MAX_SOUND_SAMPLES {
        let what = "number of sound samples";
        return Err(Some(MediaError::TooLarge { what, value, limit: MAX_SOUND_SAMPLES }));
    }
    for (channel, plane) in sound.channels.iter_mut().zip(planes) {
        if plane.iter().any(|sample| !sample.is_finite()) {
            return Err(None);
        }
        channel.extend_from_slice(plane);
    }
    Ok(())
}
