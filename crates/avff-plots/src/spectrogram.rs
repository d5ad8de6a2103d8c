//! Spectrograms as images.

use image::RgbImage;

use crate::{
    color::{Color, GRAY, MASKED},
    panels::image,
};

/// A spectrogram; time runs to the right and frequency upwards.
pub struct Spectrogram<'a> {
    /// Values, `[frames, mels]`.
    pub values: &'a [f32],
    /// Whether each value was masked, `[frames, mels]`.
    pub mask: &'a [bool],
    /// Number of mel filters.
    pub mels: usize,
}

impl Spectrogram<'_> {
    /// Renders an image of `[width, height]` pixels.
    ///
    /// Each pixel is the mean of the values that it covers. With `cover`, masked areas are gray;
    /// otherwise they have a border.
    pub fn image(
        &self,
        [width, height]: [usize; 2],
        color: impl Fn(f32) -> Color,
        cover: bool,
    ) -> RgbImage {
        let frames = self.values.len() / self.mels.max(1);
        let range = |at: usize, of: usize, count: usize| {
            let from = at * count / of;
            from..((at + 1) * count / of).max(from + 1)
        };
        let masked_at = |x: usize, y: usize| {
            let (frame, mel) = (x * frames / width, (height - 1 - y) * self.mels / height);
            self.mask.get(frame * self.mels + mel).copied().unwrap_or(false)
        };
        image([width, height], |x, y| {
            let rows = range(height - 1 - y, height, self.mels);
            let columns = range(x, width, frames);
            let count = rows.len() * columns.len();
            let sum: f32 = columns
                .flat_map(|frame| rows.clone().map(move |mel| frame * self.mels + mel))
                .filter_map(|at| self.values.get(at))
                .sum();
            let here = masked_at(x, y);
            let neighbors =
                [(x + 1, y), (x, y + 1), (x.wrapping_sub(1), y), (x, y.wrapping_sub(1))];
            let border = neighbors
                .into_iter()
                .any(|(x, y)| x < width && y < height && masked_at(x, y) != here);
            match (cover, here) {
                (true, true) => GRAY,
                (false, _) if border => MASKED,
                _ => color(sum / count.max(1) as f32),
            }
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn time_runs_right_and_frequency_up() {
        // 2 frames of 3 mels; the second frame is masked and loud at its highest mel.
        let values = [0.0, 0.0, 0.0, 0.0, 0.0, 9.0];
        let mask = [false, false, false, true, true, true];
        let spectrogram = Spectrogram { values: &values, mask: &mask, mels: 3 };
        let color = |value: f32| [value as u8; 3];
        let plain = spectrogram.image([4, 6], color, false);
        let at = |image: &RgbImage, x: u32, y: u32| image.get_pixel(x, y).0[0];
        assert_eq!((at(&plain, 3, 0), at(&plain, 3, 2), at(&plain, 0, 0)), (9, 0, 0));
        assert_eq!(
            [1, 2].map(|x| plain.get_pixel(x, 0).0),
            [MASKED, MASKED],
            "the border, on both sides"
        );
        let masked = spectrogram.image([4, 6], color, true);
        assert_eq!((at(&masked, 1, 0), at(&masked, 2, 0)), (0, GRAY[0]));
    }
}
