//! Silence at the ends of a sound.
//!
//! Tools that make fakes pad their sound; 25 to 30 ms of leading silence alone part real from fake
//! in published data sets (AVH-Align, arXiv 2412.00175).

use avff_media::Audio;

/// Silence at both ends, in samples of a channel.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Silence {
    /// Before the first sample that is heard.
    pub leading: usize,
    /// After the last sample that is heard; none where nothing is heard, as all of it leads.
    pub trailing: usize,
}

impl Silence {
    /// Measures the samples that no channel lifts above `below_db` of full scale.
    #[must_use]
    pub fn of(sound: &Audio, below_db: f32) -> Self {
        let level = 10_f32.powf(below_db / 20.0);
        let heard = |sample: &f32| sample.abs() > level;
        let first =
            sound.channels.iter().filter_map(|channel| channel.iter().position(heard)).min();
        let last =
            sound.channels.iter().filter_map(|channel| channel.iter().rposition(heard)).max();
        match (first, last) {
            (Some(first), Some(last)) => Self { leading: first, trailing: sound.len() - 1 - last },
            _ => Self { leading: sound.len(), trailing: 0 },
        }
    }

    /// Leading silence, in seconds.
    #[must_use]
    pub fn leading_seconds(&self, rate: u32) -> f64 {
        self.leading as f64 / f64::from(rate.max(1))
    }

    /// Trailing silence, in seconds.
    #[must_use]
    pub fn trailing_seconds(&self, rate: u32) -> f64 {
        self.trailing as f64 / f64::from(rate.max(1))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn any_channel_is_heard() {
        let quiet = 0.0009;
        let sound = Audio {
            rate: 1000,
            channels: vec![
                vec![0.0, quiet, 0.0, -0.5, 0.2, quiet, 0.0, 0.0],
                vec![quiet, 0.0, 0.002, 0.0, 0.0, 0.0, -quiet, 0.0],
            ],
        };
        let silence = Silence::of(&sound, -60.0);
        assert_eq!(silence, Silence { leading: 2, trailing: 3 });
        assert_eq!((silence.leading_seconds(1000), silence.trailing_seconds(1000)), (0.002, 0.003));
        assert_eq!(Silence::of(&sound, -61.0), Silence { leading: 0, trailing: 1 });
        assert_eq!(Silence::of(&sound, 0.0), Silence { leading: 8, trailing: 0 });
    }
}
