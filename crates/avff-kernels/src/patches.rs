//! Clips of frames cut into tubelets.

use rayon::prelude::*;

/// How frames are cut: each count is of parts, each length of numbers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Tubelets {
    /// Colours of a frame.
    pub channels: usize,
    /// Tubelets one after the other.
    pub time: usize,
    /// Frames of a tubelet.
    pub tubelet: usize,
    /// Patches below each other.
    pub rows: usize,
    /// Patches side by side.
    pub columns: usize,
    /// Rows and columns of a patch.
    pub patch: usize,
}

impl Tubelets {
    /// Tokens of a clip.
    #[must_use]
    pub fn tokens(&self) -> usize {
        self.time * self.rows * self.columns
    }

    /// Numbers of a token.
    #[must_use]
    pub fn length(&self) -> usize {
        self.channels * self.tubelet * self.patch * self.patch
    }

    /// Tokens time-major, then by rows; a tubelet's numbers ordered (channel, frame, row, column).
    ///
    /// # Shapes
    /// - `frames`: `[batch, channels, time * tubelet, rows * patch, columns * patch]`
    /// - result: `[batch, tokens, length]`
    ///
    /// # Panics
    /// When `frames` holds no whole number of clips.
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
                let (picture, y) = (number / patch, number % patch);
                let (channel, frame) = (picture / tubelet, picture % tubelet);
                let picture = ((batch * channels + channel) * time + t) * tubelet + frame;
                let start = (picture * height + row * patch + y) * width + column * patch;
                line.copy_from_slice(&frames[start..start + patch]);
            }
        });
        out
    }
}
