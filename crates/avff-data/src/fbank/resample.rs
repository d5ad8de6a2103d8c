//! A sound at the rate that a spec asks for, so that its mel bins are the same frequencies whatever the
//! file's rate is.

use std::borrow::Cow;

use rubato::{Fft, FixedSync, Resampler, audioadapter_buffers::direct::InterleavedSlice};

use super::Wave;
use crate::error::DataError;
use crate::spec::{MAX_RATE, MIN_RATE};
use avff_media::{Audio, MediaError, Stream};

/// About as many samples are in a block of the resampler. A short one has a lower cut-off, a long one more delay
/// at the ends.
const BLOCK: usize = 1024;
/// The most samples a sound may have afterwards: four hours at 16 kHz.
const MAX_SAMPLES: u64 = 1 << 28;

/// Channel 0 of `sound`, the one that a filterbank is made of, at `rate`; as it is where that is its own or
/// none is asked for.
///
/// # Errors
/// As [`Wave::new`], [`DataError::SampleRate`] and [`MediaError::TooLarge`].
pub(super) fn at_rate(sound: &Audio, rate: Option<u32>) -> Result<Cow<'_, Audio>, DataError> {
    let Some(rate) = rate.filter(|&rate| rate != sound.rate) else {
        return Ok(Cow::Borrowed(sound));
    };
    let wave = Wave::new(sound)?;
    let (from, to) = (u64::from(sound.rate), u64::from(rate));
    for value in [from, to] {
        if value > u64::from(MAX_RATE) {
            let limit = MAX_RATE.into();
            return Err(MediaError::TooLarge { what: "sample rate", value, limit }.into());
        }
    }
    if sound.rate < MIN_RATE {
        let reason = "it is too low to be brought to another one";
        return Err(DataError::SampleRate { rate: sound.rate, reason });
    }
    let value = (wave.len() as u64).saturating_mul(to).div_ceil(from.max(1));
    if value > MAX_SAMPLES {
        return Err(
            MediaError::TooLarge { what: "resampled samples", value, limit: MAX_SAMPLES }.into()
        );
    }
    let reason = "no resampler takes it";
    // An even number of the least blocks there are: the filter's middle is then a sample, and the sound is
    // not half a sample late.
    let least = (sound.rate / common(sound.rate, rate).max(1)).max(1) as usize;
    let block = least * BLOCK.div_ceil(least).next_multiple_of(2);
    let (from, to) = (sound.rate as usize, rate as usize);
    let mut resampler = Fft::<f32>::new(from, to, block, 1, FixedSync::Both)
        .map_err(|_| DataError::SampleRate { rate: sound.rate, reason })?;
    let failed = |error: String| MediaError::Damaged {
        stream: Stream::Audio,
        what: format!("cannot be resampled: {error}"),
    };
    let samples = InterleavedSlice::new(wave.samples(), 1, wave.len())
        .map_err(|error| failed(error.to_string()))?;
    let resampled = resampler
        .process_all(&samples, wave.len(), None)
        .map_err(|error| failed(error.to_string()))?;
    Ok(Cow::Owned(Audio { rate, channels: vec![resampled.take_data()] }))
}

/// The greatest common divisor.
fn common(a: u32, b: u32) -> u32 {
    if b == 0 { a } else { common(b, a % b) }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn tone(rate: u32, hz: f64, seconds: f64) -> Audio {
        let samples = (f64::from(rate) * seconds) as usize;
        let turn = std::f64::consts::TAU * hz / f64::from(rate);
        let wave = (0..samples).map(|at| (at as f64 * turn).sin() as f32 * 0.5).collect();
        Audio { rate, channels: vec![wave] }
    }

    #[test]
    fn a_tone_stays_where_it_was() {
        for rate in [8_000, 22_050, 44_100, 48_000] {
            let sound = tone(rate, 440.0, 1.0);
            let got = at_rate(&sound, Some(16_000)).unwrap();
            let want = tone(16_000, 440.0, 1.0);
            assert_eq!((got.rate, got.len()), (16_000, want.len()), "{rate}");
            // Away from the ends, where there is nothing on the other side.
            let pairs = got.channels[0].iter().zip(&want.channels[0]).skip(400).take(15_200);
            let worst = pairs.map(|(got, want)| (got - want).abs()).fold(0.0, f32::max);
            assert!(worst < 1e-3, "{rate}: {worst}");
        }
    }

    #[test]
    fn what_the_lower_rate_cannot_hold_is_gone() {
        let sound = tone(48_000, 10_000.0, 0.5);
        let got = at_rate(&sound, Some(16_000)).unwrap();
        let worst = got.channels[0][400..7_600].iter().fold(0.0_f32, |worst, x| worst.max(x.abs()));
        assert!(worst < 1e-3, "{worst}");
    }

    #[test]
    fn nothing_is_done_where_nothing_is_asked() {
        let sound = tone(16_000, 440.0, 0.1);
        for rate in [None, Some(16_000)] {
            assert!(matches!(at_rate(&sound, rate).unwrap(), Cow::Borrowed(_)));
        }
    }

    #[test]
    fn absurd_rates_are_refused() {
        let mut sound = tone(16_000, 440.0, 1.0);
        for rate in [0, 1, MIN_RATE - 1] {
            sound.rate = rate;
            let refused = at_rate(&sound, Some(48_000));
            assert!(matches!(refused, Err(DataError::SampleRate { .. })), "{rate}");
        }
        sound.rate = u32::MAX;
        assert!(matches!(
            at_rate(&sound, Some(48_000)).unwrap_err().media(),
            Some(MediaError::TooLarge { .. })
        ));
        // Rates without a common divisor make the largest blocks.
        sound.rate = MAX_RATE - 1;
        assert_eq!(at_rate(&sound, Some(15_991)).unwrap().rate, 15_991);
    }
}
