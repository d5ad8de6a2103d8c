//! Silence at both ends of audio.
//!
//! Generation tools pad their audio. In published data sets, 25 to 30 ms of leading silence alone
//! separate real from fake (AVH-Align, arXiv 2412.00175).

use avff_media::Audio;

/// Silence at both ends, in samples per channel.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Silence {
    /// Number of samples before the first audible sample.
    pub leading: usize,
    /// Number of samples after the last audible sample; 0 for silent audio, which is all leading.
    pub trailing: usize,
}

impl Silence {
    /// Counts the samples in which no channel exceeds `below_db` of full scale.
    #[must_use]
    pub fn measure(audio: &Audio, below_db: f32) -> Self {
        let level = 10_f32.powf(below_db / 20.0);
        let audible = |sample: &f32| sample.abs() > level;
        let first =
            audio.channels.iter().filter_map(|channel| channel.iter().position(audible)).min();
        let last =
            audio.channels.iter().filter_map(|channel| channel.iter().rposition(audible)).max();
        match (first, last) {
            (Some(first), Some(last)) => Self { leading: first, trailing: audio.len() - 1 - last },
            _ => Self { leading: audio.len(), trailing: 0 },
        }
    }

    /// Returns the leading silence, in seconds.
    #[must_use]
    pub fn leading_seconds(&self, rate: u32) -> f64 {
        self.leading as f64 / f64::from(rate.max(1))
    }

    /// Returns the trailing silence, in seconds.
    #[must_use]
    pub fn trailing_seconds(&self, rate: u32) -> f64 {
        self.trailing as f64 / f64::from(rate.max(1))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn any_audible_channel_ends_silence() {
        let quiet = 0.0009;
        let audio = Audio {
            rate: 1000,
            channels: vec![
                vec![0.0, quiet, 0.0, -0.5, 0.2, quiet, 0.0, 0.0],
                vec![quiet, 0.0, 0.002, 0.0, 0.0, 0.0, -quiet, 0.0],
            ],
        };
        let silence = Silence::measure(&audio, -60.0);
        assert_eq!(silence, Silence { leading: 2, trailing: 3 });
        assert_eq!((silence.leading_seconds(1000), silence.trailing_seconds(1000)), (0.002, 0.003));
        assert_eq!(Silence::measure(&audio, -61.0), Silence { leading: 0, trailing: 1 });
        assert_eq!(Silence::measure(&audio, 0.0), Silence { leading: 8, trailing: 0 });
    }
}
