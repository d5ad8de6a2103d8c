//! The sound of an MP4 track: packets to samples, and the edit list's trim as FFmpeg applies it.
//!
//! Encoders put a packet or so of silence before the sound and hide it with the edit list. Left in,
//! it shifts every fbank frame. The rule: samples before the edit are dropped one by one, packets
//! that begin at its end or later are dropped whole, and nothing is cut inside the last packet.

use std::io::{Read, Seek};

use symphonia::core::{
    codecs::audio::AudioCodecParameters,
    packet::PacketRef,
    units::{Duration, Timestamp},
};

use super::{
    aac::{self, LIBFAAC_DELAY, SBR_PROBES},
    codec::{Codec, damaged, decoder, unsupported},
    mp4::{Edit, Sample},
    pcm::{MAX_CHANNELS, Pcm},
    read_sample,
};
use crate::{
    error::{DataError, Stream},
    sound::Sound,
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
    pub(crate) fn check(&self, file: &mut (impl Read + Seek)) -> Result<(), DataError> {
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

    /// Decodes and trims the whole track.
    ///
    /// # Errors
    ///
    /// `Damaged` with the packet's number, `TooLarge` for hours of sound, `Io`.
    pub(crate) fn decode(&self, file: &mut (impl Read + Seek)) -> Result<Sound, DataError> {
        let (mut sound, signed) = match &self.codec {
            Codec::Coded(params) => self.decode_packets(file, params)?,
            Codec::Pcm(pcm) => (self.decode_chunks(file, pcm)?, false),
        };
        let first = self.samples.first().map_or(0, |sample| sample.time);
        let ticks = u64::try_from(self.edit.start.saturating_sub(first)).unwrap_or(0);
        let skip =
            match u128::from(ticks) * u128::from(sound.rate) / u128::from(self.timescale.max(1)) {
                0 if signed => LIBFAAC_DELAY,
                skip => usize::try_from(skip).unwrap_or(usize::MAX),
            };
        for channel in &mut sound.channels {
            channel.drain(..skip.min(channel.len()));
        }
        Ok(sound)
    }

    fn heard(&self) -> impl Iterator<Item = (usize, &Sample)> {
        let end = self.edit.end.unwrap_or(i64::MAX);
        self.samples.iter().enumerate().filter(move |(_, sample)| sample.time < end)
    }

    fn decode_packets(
        &self,
        file: &mut (impl Read + Seek),
        params: &AudioCodecParameters,
    ) -> Result<(Sound, bool), DataError> {
        let mut decoder = decoder(params)?;
        let mut sound = Sound { rate: 0, channels: Vec::new() };
        let (mut packet, mut planes) = (Vec::new(), Vec::<Vec<f32>>::new());
        let mut signed = false;
        let count = self.samples.len();
        for (index, sample) in self.heard() {
            let at = || format!("packet {index} of {count}");
            read_sample(file, sample, &mut packet)?;
            if self.codec.is_aac() {
                if aac::is_hollow(&packet) {
                    return Err(damaged(format!("{}: no channel in it", at())));
                }
                signed |= index == 0 && aac::signed_by_libfaac(&packet);
            }
            let time = Timestamp::new(sample.time);
            let decoded = decoder
                .decode_ref(&PacketRef::new(0, time, Duration::new(0), &packet))
                .map_err(|error| damaged(format!("{}: {error}", at())))?;
            let rate = decoded.spec().rate();
            decoded.copy_to_vecs_planar(&mut planes);
            if sound.channels.is_empty() {
                if planes.is_empty() || planes.len() > MAX_CHANNELS as usize || rate == 0 {
                    return Err(damaged(format!("{}: no channel in it", at())));
                }
                sound = Sound { rate, channels: vec![Vec::new(); planes.len()] };
            }
            if (sound.rate, sound.channels.len()) != (rate, planes.len()) {
                return Err(damaged(format!("{}: rate or channels change", at())));
            }
            append(&mut sound, &planes).map_err(|error| {
                error.unwrap_or_else(|| damaged(format!("{}: not a number", at())))
            })?;
        }
        if sound.channels.is_empty() {
            return Err(DataError::MissingStream { stream: Stream::Audio });
        }
        Ok((sound, signed))
    }

    fn decode_chunks(&self, file: &mut (impl Read + Seek), pcm: &Pcm) -> Result<Sound, DataError> {
        let mut sound = Sound { rate: pcm.rate, channels: vec![Vec::new(); pcm.channels as usize] };
        let mut chunk = Vec::new();
        let mut planes = sound.channels.clone();
        let count = self.samples.len();
        for (index, sample) in self.heard() {
            read_sample(file, sample, &mut chunk)?;
            planes.iter_mut().for_each(Vec::clear);
            pcm.decode(&chunk, &mut planes);
            append(&mut sound, &planes).map_err(|error| {
                error.unwrap_or_else(|| damaged(format!("chunk {index} of {count}: not a number")))
            })?;
        }
        Ok(sound)
    }
}

/// Adds a packet's channels. `Err(None)` means that a sample is infinite or not a number.
pub(crate) fn append(sound: &mut Sound, planes: &[Vec<f32>]) -> Result<(), Option<DataError>> {
    let added: usize = planes.iter().map(Vec::len).sum();
    let value = (sound.len().saturating_mul(sound.channels.len())).saturating_add(added) as u64;
    if value > MAX_SOUND_SAMPLES {
        let what = "number of sound samples";
        return Err(Some(DataError::TooLarge { what, value, limit: MAX_SOUND_SAMPLES }));
    }
    for (channel, plane) in sound.channels.iter_mut().zip(planes) {
        if plane.iter().any(|sample| !sample.is_finite()) {
            return Err(None);
        }
        channel.extend_from_slice(plane);
    }
    Ok(())
}
