//! Splitting of clips into tubelets.

use rayon::prelude::*;

/// The layout of a clip in tubelets, in counts and lengths.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Tubelets {
    /// Color channels of a frame.
    pub channels: usize,
    /// Number of tubelets along time.
    pub time: usize,
    /// Frames per tubelet.
    pub tubelet: usize,
    /// Number of patches along the height.
    pub rows: usize,
    /// Number of patches along the width.
    pub columns: usize,
    /// Height and width of a patch.
    pub patch: usize,
}

impl Tubelets {
    /// Returns the number of tokens of a clip.
    #[must_use]
    pub fn tokens(&self) -> usize {
        self.time * self.rows * self.columns
    }

    /// Returns the number of values of a token.
    #[must_use]
    pub fn length(&self) -> usize {
        self.channels * self.tubelet * self.patch * self.patch
    }

    /// Splits frames into tokens: time first, then rows, then columns. The values of a tubelet are
    /// ordered (channel, frame, row, column).
    ///
    /// # Shapes
    /// - `frames`: `[batch, channels, time * tubelet, rows * patch, columns * patch]`
    /// - result: `[batch, tokens, length]`
    ///
    /// # Panics
    /// Panics if `frames` does not hold whole clips.
    #[must_use]
    pub fn split(&self, frames: &[f32]) -> Vec<f32> {
        let Self { channels, time, tubelet, rows, columns, patch } = *self;
        let (tokens, length) = (self.tokens(), self.length());
        let clip = tokens * length;
        assert!(
            frames.len().is_multiple_of(clip.max(1)),
            "{} numbers in clips of {clip}",
            frames.len()
        );
        let mut out = crate::memory::scratch(frames.len());
        if out.is_empty() {
            return out;
        }
        let (height, width) = (rows * patch, columns * patch);
        out.par_chunks_exact_mut(length).with_min_len(16).enumerate().for_each(|(index, token)| {
            let (batch, index) = (index / tokens, index % tokens);
            let (t, place) = (index / (rows * columns), index % (rows * columns));
            let (row, column) = (place / columns, place % columns);
            let lines = token.chunks_exact_mut(patch);
            for (number, line) in lines.enumerate() {
                let (plane, y) = (number / patch, number % patch);
                let (channel, frame) = (plane / tubelet, plane % tubelet);
                let plane = ((batch * channels + channel) * time + t) * tubelet + frame;
                let start = (plane * height + row * patch + y) * width + column * patch;
                line.copy_from_slice(&frames[start..start + patch]);
            }
        });
        out
    }
}
