//! The decoded audio of a clip.

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
