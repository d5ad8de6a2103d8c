//! The decoded audio of a clip.

use std::ops::Range;

use crate::{allocate::reserve, error::MediaError};

/// What audio samples are called where there is no memory for them.
const AUDIO: &str = "decoded audio";

/// The limit on samples of all channels together: 80 minutes of mono or 40 of stereo at 48 kHz, 0.92
/// GB. A copy of one channel at 16 kHz takes a third of that at most.
pub(crate) const MAX_AUDIO_SAMPLES: u64 = 80 * 60 * 48_000;

/// Audio samples of all channels at the file's own sample rate, in `[-1, 1]`. All channels have
/// equal length.
#[derive(Debug, Clone, PartialEq)]
pub struct Audio {
    /// Samples per second.
    pub rate: u32,
    /// One vector of samples per channel; never empty.
    pub channels: Vec<Vec<f32>>,
}

impl Audio {
    /// Returns the number of samples per channel.
    #[must_use]
    pub fn len(&self) -> usize {
        self.channels.first().map_or(0, Vec::len)
    }

    /// Returns the samples from `start` to `end`, in seconds after the first sample, cut to those that exist. A
    /// sample belongs to the span that contains its time.
    #[must_use]
    pub fn span(&self, start: f64, end: f64) -> Self {
        let range = sample_range(start, end, self.rate);
        self.part(range.start, range.end)
    }

    /// Returns the duration, in seconds.
    #[must_use]
    pub fn seconds(&self) -> f64 {
        self.len() as f64 / f64::from(self.rate.max(1))
    }

    /// Returns samples `from..to` of every channel, cut to the samples that exist.
    #[must_use]
    pub fn part(&self, from: usize, to: usize) -> Self {
        let to = to.min(self.len());
        let from = from.min(to);
        let channel = |all: &Vec<f32>| all.get(from..to).unwrap_or_default().to_vec();
        Self { rate: self.rate, channels: self.channels.iter().map(channel).collect() }
    }

    /// Returns whether there are no samples.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

/// Returns the range of samples from `start` to `end`, in seconds after the first sample. A sample
/// belongs to the span that contains its time.
pub(crate) fn sample_range(start: f64, end: f64, rate: u32) -> Range<usize> {
    // `as` saturates, so a negative or undefined time becomes the first sample.
    let at = |seconds: f64| (seconds * f64::from(rate)).round() as usize;
    at(start)..at(end)
}

/// Checks the number of samples of all channels together.
///
/// # Errors
///
/// `TooLarge` for hours of audio.
pub(crate) fn check_count(samples: u64) -> Result<(), MediaError> {
    let (what, value, limit) = ("number of audio samples", samples, MAX_AUDIO_SAMPLES);
    if value > limit { Err(MediaError::TooLarge { what, value, limit }) } else { Ok(()) }
}

/// Returns audio without samples, with memory for `expected` samples in each channel where there is as
/// much. A vector that grows by itself needs up to twice the memory for a moment.
pub(crate) fn with_room(rate: u32, channels: usize, expected: usize) -> Audio {
    let mut audio = Audio { rate, channels: vec![Vec::new(); channels] };
    for channel in &mut audio.channels {
        // Without the memory, appending fails later or not at all.
        let _ = channel.try_reserve_exact(expected);
    }
    audio
}

/// Makes a channel `length` samples long, with silence at its end where it is shorter.
///
/// # Errors
///
/// `NoMemory`.
pub(crate) fn resize(channel: &mut Vec<f32>, length: usize) -> Result<(), MediaError> {
    reserve(channel, length.saturating_sub(channel.len()), AUDIO)?;
    channel.resize(length, 0.0);
    Ok(())
}

/// Appends samples to a channel.
///
/// # Errors
///
/// `NoMemory`.
pub(crate) fn extend(channel: &mut Vec<f32>, samples: &[f32]) -> Result<(), MediaError> {
    reserve(channel, samples.len(), AUDIO)?;
    channel.extend_from_slice(samples);
    Ok(())
}

/// Appends the channels of a packet.
///
/// # Errors
///
/// `TooLarge` for hours of audio, `NoMemory`.
pub(crate) fn append(audio: &mut Audio, planes: &[&[f32]]) -> Result<(), MediaError> {
    let added: usize = planes.iter().map(|plane| plane.len()).sum();
    let value = (audio.len().saturating_mul(audio.channels.len())).saturating_add(added) as u64;
    check_count(value)?;
    audio.channels.iter_mut().zip(planes).try_for_each(|(channel, plane)| extend(channel, plane))
}
