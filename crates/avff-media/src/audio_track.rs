//! Decodes the audio of an MP4 track and applies the edit list as FFmpeg does.
//!
//! Encoders put about a packet of silence before the audio and hide it with the edit list. Decoded
//! without the edit list, the silence shifts every fbank frame. FFmpeg's rule: samples before the
//! edit are dropped one by one, packets that begin at its end or later are dropped whole, and
//! nothing is cut inside the last packet.

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

/// The limit on samples of all channels together: four hours of mono or two of stereo at 48 kHz,
/// 2.6 GiB.
pub(crate) const MAX_AUDIO_SAMPLES: u64 = 4 * 3600 * 48_000;

/// An audio track that can be decoded.
#[derive(Debug, Clone)]
pub(crate) struct AudioTrack {
    /// The codec.
    pub(crate) codec: Codec,
    /// The packets, or the chunks of uncompressed audio.
    pub(crate) samples: Vec<Sample>,
    /// The part of the track that the edit list presents.
    pub(crate) edit: Edit,
    /// Ticks per second of the track's times.
    pub(crate) timescale: u32,
}

impl AudioTrack {
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

    /// Returns when the audio starts and ends on the clip's clock, in seconds. Packets carry no
    /// duration, so the last packet counts as long as the packet before it.
    pub(crate) fn extent(&self) -> (f64, f64) {
        let ticks = f64::from(self.timescale.max(1));
        let first = self.samples.first().map_or(0, |sample| sample.time);
        let start = self.edit.clock(first.max(self.edit.start));
        let mut last = self.presented().map(|(_, sample)| sample).rev();
        let (last, before) = (last.next(), last.next());
        let length = match (&self.codec, last, before) {
            (Codec::Pcm(pcm), Some(last), _) => i64::from(last.size / pcm.frame_bytes().max(1)),
            (_, Some(last), Some(before)) => last.time.saturating_sub(before.time),
            _ => 0,
        };
        let end = last.map_or(start, |last| self.edit.clock(last.time).saturating_add(length));
        (start as f64 / ticks, end as f64 / ticks)
    }

    /// Iterates over the packets before the end of the edit, with their indices.
    fn presented(&self) -> impl DoubleEndedIterator<Item = (usize, &Sample)> {
        let end = self.edit.end.unwrap_or(i64::MAX);
        self.samples.iter().enumerate().filter(move |(_, sample)| sample.time < end)
    }

    /// Returns how many samples at `rate` the edit list cuts off the front. `signed` means signed
    /// by libfaac, whose delay FFmpeg drops where no edit list says otherwise.
    fn skip(&self, rate: u32, signed: bool) -> usize {
        let first = self.samples.first().map_or(0, |sample| sample.time);
        let ticks = u64::try_from(self.edit.start.saturating_sub(first)).unwrap_or(0);
        match u128::from(ticks) * u128::from(rate) / u128::from(self.timescale.max(1)) {
            0 if signed => LIBFAAC_DELAY,
            skip => usize::try_from(skip).unwrap_or(usize::MAX),
        }
    }
}

/// Reads an audio track through the decoder.
pub(crate) struct AudioTrackReader<R> {
    file: R,
    track: AudioTrack,
    state: Option<DecodeState>,
}

/// A decoding position that starts at the first packet and buffers the decoded audio.
struct DecodeState {
    /// `None` for uncompressed audio.
    decoder: Option<Box<dyn AudioDecoder>>,
    /// The index of the next packet.
    next: usize,
    /// Samples that must still be dropped from the front.
    skip: usize,
    /// Samples per channel that were already released from the buffer.
    released: usize,
    /// The decoded audio that was not yet released; without channels before the first packet.
    buffered: Audio,
    packet: Vec<u8>,
    planes: Vec<Vec<f32>>,
}

impl DecodeState {
    fn new(codec: &Codec) -> Result<Self, MediaError> {
        let decoder = match codec {
            Codec::Coded(params) => Some(decoder(params)?),
            Codec::Pcm(_) => None,
        };
        let buffered = Audio { rate: 0, channels: Vec::new() };
        let (packet, planes) = (Vec::new(), Vec::new());
        Ok(Self { decoder, next: 0, skip: 0, released: 0, buffered, packet, planes })
    }

    /// Decodes the next packet before the end of the edit; returns `false` after the last.
    fn step(
        &mut self,
        track: &AudioTrack,
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
                    if aac::has_no_channels(&self.packet) {
                        return Err(damaged(format!("{}: contains no channel", at())));
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
        if self.buffered.channels.is_empty() {
            if self.planes.is_empty() || self.planes.len() > MAX_CHANNELS as usize || rate == 0 {
                return Err(damaged(format!("{}: contains no channel", at())));
            }
            self.buffered = Audio { rate, channels: vec![Vec::new(); self.planes.len()] };
            self.skip = track.skip(rate, signed);
        }
        if (self.buffered.rate, self.buffered.channels.len()) != (rate, self.planes.len()) {
            return Err(damaged(format!("{}: the sample rate or the channel count changes", at())));
        }
        append(&mut self.buffered, &self.planes).map_err(|error| {
            error.unwrap_or_else(|| {
                damaged(format!("{}: a sample is infinite or not a number", at()))
            })
        })?;
        let skip = self.skip.min(self.buffered.len());
        self.drop_front(skip);
        self.skip -= skip;
        Ok(true)
    }

    fn drop_front(&mut self, samples: usize) {
        for channel in &mut self.buffered.channels {
            channel.drain(..samples.min(channel.len()));
        }
    }

    /// Releases all samples before sample `index` of the audio.
    fn release_before(&mut self, index: usize) {
        let samples = index.saturating_sub(self.released).min(self.buffered.len());
        self.drop_front(samples);
        self.released += samples;
    }
}

impl<R: Read + Seek> AudioTrackReader<R> {
    pub(crate) fn new(file: R, track: AudioTrack) -> Self {
        Self { file, track, state: None }
    }
}

impl<R: Read + Seek> AudioStream for AudioTrackReader<R> {
    fn whole(&mut self) -> Result<Audio, MediaError> {
        let mut state = DecodeState::new(&self.track.codec)?;
        while state.step(&self.track, &mut self.file)? {}
        if state.buffered.channels.is_empty() {
            return Err(MediaError::MissingStream { stream: Stream::Audio });
        }
        Ok(state.buffered)
    }

    fn between(&mut self, start: f64, end: f64) -> Result<Audio, MediaError> {
        let origin = self.track.extent().0;
        loop {
            let mut state = match self.state.take() {
                Some(state) => state,
                None => DecodeState::new(&self.track.codec)?,
            };
            // The rate is known only after the first packet.
            while state.buffered.channels.is_empty() && state.step(&self.track, &mut self.file)? {}
            if state.buffered.channels.is_empty() {
                return Err(MediaError::MissingStream { stream: Stream::Audio });
            }
            let range = sample_range(start - origin, end - origin, state.buffered.rate);
            if range.start < state.released {
                // The start was already released: decode again from the first packet.
                continue;
            }
            state.release_before(range.start);
            while state.released + state.buffered.len() < range.end
                && state.step(&self.track, &mut self.file)?
            {
                state.release_before(range.start);
            }
            let part = state.buffered.part(
                range.start.saturating_sub(state.released),
                range.end.saturating_sub(state.released),
            );
            self.state = Some(state);
            return Ok(part);
        }
    }
}

impl<R: Debug> Debug for AudioTrackReader<R> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let next = self.state.as_ref().map_or(0, |state| state.next);
        f.debug_struct("AudioTrackReader").field("track", &self.track).field("next", &next).finish()
    }
}

/// Returns the range of samples from `start` to `end`, in seconds after the first sample. A sample
/// belongs to the span that contains its time.
pub(crate) fn sample_range(start: f64, end: f64, rate: u32) -> Range<usize> {
    // `as` saturates, so a negative or undefined time becomes the first sample.
    let at = |seconds: f64| (seconds * f64::from(rate)).round() as usize;
    at(start)..at(end)
}

/// Appends the channels of a packet. `Err(None)` means that a sample is infinite or not a number.
pub(crate) fn append(audio: &mut Audio, planes: &[Vec<f32>]) -> Result<(), Option<MediaError>> {
    let added: usize = planes.iter().map(Vec::len).sum();
    let value = (audio.len().saturating_mul(audio.channels.len())).saturating_add(added) as u64;
    if value > MAX_AUDIO_SAMPLES {
        let what = "number of audio samples";
        return Err(Some(MediaError::TooLarge { what, value, limit: MAX_AUDIO_SAMPLES }));
    }
    for (channel, plane) in audio.channels.iter_mut().zip(planes) {
        if plane.iter().any(|sample| !sample.is_finite()) {
            return Err(None);
        }
        channel.extend_from_slice(plane);
    }
    Ok(())
}
