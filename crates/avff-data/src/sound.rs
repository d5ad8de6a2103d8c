//! The decoded sound of a clip.

/// All channels at the file's own sample rate, in `[-1, 1]`; every channel has the same length.
#[derive(Debug, Clone, PartialEq)]
pub struct Sound {
    /// Samples a second.
    pub rate: u32,
    /// One vector of samples a channel; never empty.
    pub channels: Vec<Vec<f32>>,
}

impl Sound {
    /// Samples in each channel.
    #[must_use]
    pub fn len(&self) -> usize {
        self.channels.first().map_or(0, Vec::len)
    }

    /// Whether there are no samples at all.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}
