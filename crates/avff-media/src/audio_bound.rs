//! Bounds decoded audio by what the container states.
//!
//! Coded silence is small: a few kilobytes hold hours of it. So the size of the whole audio is
//! checked before the first packet is kept, and packets that hold far more than they should are
//! refused.

use crate::{
    audio::{MAX_AUDIO_SAMPLES, check_count},
    error::MediaError,
};

/// How often the audio may be longer than stated, and how many seconds beyond that. Writers round
/// durations, or take them from another time scale.
const FACTOR: f64 = 2.0;
const MARGIN: f64 = 60.0;

/// The length of the audio of a stream.
#[derive(Debug, Clone, Copy)]
pub(crate) struct AudioBound {
    /// How long all packets last according to the container, in seconds; 0 where that is unknown.
    stated: f64,
    /// The decoded samples per channel.
    decoded: u64,
}

impl AudioBound {
    /// Takes the duration of all packets, in seconds.
    pub(crate) fn new(stated: f64) -> Self {
        Self { stated, decoded: 0 }
    }

    /// Counts the samples per channel of the next packet.
    ///
    /// # Errors
    ///
    /// What is wrong with the packet.
    pub(crate) fn add(&mut self, samples: usize, rate: u32) -> Result<(), String> {
        self.decoded = self.decoded.saturating_add(samples as u64);
        let seconds = self.decoded as f64 / f64::from(rate.max(1));
        if self.stated > 0.0 && seconds > FACTOR * self.stated + MARGIN {
            let stated = self.stated;
            return Err(format!(
                "up to here the packets hold {seconds:.0} s of audio, but the container states \
                 {stated:.1} s in all"
            ));
        }
        Ok(())
    }

    /// Starts again at the first packet.
    pub(crate) fn restart(&mut self) {
        self.decoded = 0;
    }

    /// Returns the expected number of samples per channel.
    ///
    /// # Errors
    ///
    /// `TooLarge` for hours of audio.
    pub(crate) fn expected(&self, rate: u32, channels: usize) -> Result<usize, MediaError> {
        let samples = self.samples(rate);
        check_count(samples.saturating_mul(channels as u64))?;
        Ok(usize::try_from(samples.min(MAX_AUDIO_SAMPLES)).unwrap_or(0))
    }

    /// Returns the stated number of samples per channel.
    pub(crate) fn samples(&self, rate: u32) -> u64 {
        // `as` saturates.
        (self.stated * f64::from(rate)).ceil() as u64
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]

    use super::*;

    #[test]
    fn packets_may_hold_a_little_more_than_stated() {
        let mut bound = AudioBound::new(10.0);
        assert_eq!(bound.add(80_000, 1000), Ok(()));
        let error = bound.add(1, 1000).unwrap_err();
        let expected = "up to here the packets hold 80 s of audio, but the container states 10.0 s";
        assert!(error.starts_with(expected), "{error}");
        bound.restart();
        assert_eq!(bound.add(80_000, 1000), Ok(()));
        let mut unknown = AudioBound::new(0.0);
        assert_eq!(unknown.add(1 << 40, 1000), Ok(()));
    }

    #[test]
    fn hours_are_refused_before_they_are_decoded() {
        let samples = |stated, channels| AudioBound::new(stated).expected(48_000, channels);
        assert_eq!(samples(1.5, 2).unwrap(), 72_000);
        assert_eq!(samples(80.0 * 60.0, 1).unwrap(), 230_400_000);
        let error = samples(80.0 * 60.0, 2).unwrap_err();
        assert_eq!(
            error.to_string(),
            "number of audio samples of 460800000 is over the limit of 230400000"
        );
        assert!(samples(f64::INFINITY, 1).is_err());
        assert_eq!(samples(0.0, 1).unwrap(), 0);
        assert_eq!(samples(-1.0, 1).unwrap(), 0);
    }
}
