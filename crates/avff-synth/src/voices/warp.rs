//! Turns a speaker into further speakers.

use avff_rng::Rng;

use super::{recording::Recording, resample::resampled, stretch::stretched};

/// A change of a speaker's voice. Phones move with the audio.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Warp {
    /// The factor of pitch and formants: below 1 for a longer vocal tract and a lower voice.
    pub pitch: f64,
    /// The factor of tempo: above 1 for faster speech.
    pub tempo: f64,
}

impl Default for Warp {
    /// No change.
    fn default() -> Self {
        Self { pitch: 1.0, tempo: 1.0 }
    }
}

impl Warp {
    /// Draws a change that keeps speech natural.
    #[must_use]
    pub fn new(rng: &mut Rng) -> Self {
        let pitch = rng.between(0.85, 1.18);
        // A person with another vocal tract does not speak faster for it.
        let tempo = rng.between(0.88, 1.15);
        Self { pitch, tempo }
    }

    /// Returns the recording of the changed speaker.
    #[must_use]
    pub fn apply(&self, recording: &Recording) -> Recording {
        // Reading at another speed changes the tempo, too, so that only the rest is stretched.
        let slow = stretched(&recording.samples, self.tempo / self.pitch);
        Recording {
            samples: resampled(&slow, self.pitch),
            phones: recording.phones.faster(self.tempo),
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::{super::phone_track::PhoneTrack, *};

    /// A loud vowel between silences stays at the time of its phone.
    #[test]
    fn phones_and_audio_stay_together() {
        let mut samples = vec![0.0_f32; 48_000];
        for (at, sample) in samples.iter_mut().enumerate().skip(16_000).take(8000) {
            *sample = libm::sin(0.06 * at as f64) as f32;
        }
        let phones = PhoneTrack::parse("0 1 sil\n1 1.5 AA\n1.5 3 sil").unwrap();
        let recording = Recording { samples, phones };
        for (pitch, tempo) in [(0.85, 1.1), (1.18, 0.9), (1.0, 1.15), (1.1, 1.1), (1.0, 1.0)] {
            let warped = Warp { pitch, tempo }.apply(&recording);
            assert!((warped.seconds() - 3.0 / tempo).abs() < 0.001);
            let vowel = warped.phones.segments()[1];
            let power = |from: f64, to: f64| {
                let part = &warped.samples[(from * 16e3) as usize..(to * 16e3) as usize];
                part.iter().map(|x| x * x).sum::<f32>() / part.len() as f32
            };
            // Times may move by the search of the stretching.
            let margin = 0.02;
            assert!(power(vowel.start + margin, vowel.end - margin) > 0.4, "{pitch} {tempo}");
            assert!(power(0.0, vowel.start - margin) < 0.002, "{pitch} {tempo}");
            assert!(power(vowel.end + margin, warped.seconds()) < 0.002, "{pitch} {tempo}");
        }
        assert_eq!(Warp::default().apply(&recording).phones, recording.phones);
    }
}
