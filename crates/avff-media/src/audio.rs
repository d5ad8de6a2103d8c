//! The decoded sound of a clip.

/// All channels at the file's own sample rate, in `[-1, 1]`; every channel has the same length.
#[derive(Debug, Clone, PartialEq)]
pub struct Audio {
    /// Samples a second.
    pub rate: u32,
    /// One vector of samples a channel; never empty.
    pub channels: Vec<Vec<f32>>,
}

impl Audio {
    /// Samples in each channel.
    #[must_use]
    pub fn len(&self) -> usize {
        self.channels.first().map_or(0, Vec::len)
    }

    /// Its length, in seconds.
    #[must_use]
    pub fn seconds(&self) -> f64 {
        self.len() as f64 / f64::from(self.rate.max(1))
    }

    /// Samples `from` to `to` of every channel, as far as they are there.
    #[must_use]
    pub fn part(&self, from: usize, to: usize) -> Self {
        let to = to.min(self.len());
        let from = from.min(to);
        let channel = |all: &Vec<f32>| all.get(from..to).unwrap_or_default().to_vec();
        Self { rate: self.rate, channels: self.channels.iter().map(channel).collect() }
    }

    /// Whether there are no samples at all.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}
