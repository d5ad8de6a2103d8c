//! A spectrogram as a picture.

use image::RgbImage;

use crate::{
    colour::{Colour, GREY, HIDDEN},
    panels::image,
};

/// A spectrogram as a picture, time to the right and frequency upwards.
pub struct Spectrogram<'a> {
    /// `[frames, mels]`.
    pub values: &'a [f32],
    /// Where it was hidden, `[frames, mels]`.
    pub hidden: &'a [bool],
    /// Filters in a frame.
    pub mels: usize,
}

impl Spectrogram<'_> {
    /// A picture of `[width, height]` pixels. Each pixel is the mean of what it covers. Hidden parts are grey, or only bordered.
    pub fn picture(
        &self,
        [width, height]: [usize; 2],
        colour: impl Fn(f32) -> Colour,
        cover: bool,
    ) -> RgbImage {
        let frames = self.values.len() / self.mels.max(1);
        let covered = |at: usize, of: usize, count: usize| {
            let from = at * count / of;
            from..((at + 1) * count / of).max(from + 1)
        };
        let hidden = |x: usize, y: usize| {
            let (frame, mel) = (x * frames / width, (height - 1 - y) * self.mels / height);
            self.hidden.get(frame * self.mels + mel).copied().unwrap_or(false)
        };
        image([width, height], |x, y| {
            let rows = covered(height - 1 - y, height, self.mels);
            let columns = covered(x, width, frames);
            let count = rows.len() * columns.len();
            let sum: f32 = columns
                .flat_map(|frame| rows.clone().map(move |mel| frame * self.mels + mel))
                .filter_map(|at| self.values.get(at))
                .sum();
            let here = hidden(x, y);
            let beside = [(x + 1, y), (x, y + 1), (x.wrapping_sub(1), y), (x, y.wrapping_sub(1))];
            let border =
                beside.into_iter().any(|(x, y)| x < width && y < height && hidden(x, y) != here);
            match (cover, here) {
                (true, true) => GREY,
                (false, _) if border => HIDDEN,
                _ => colour(sum / count.max(1) as f32),
            }
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spectrograms_stand_upright() {
        // 2 frames of 3 mels; the second frame is loud at its highest mel and hidden.
        let values = [0.0, 0.0, 0.0, 0.0, 0.0, 9.0];
        let hidden = [false, false, false, true, true, true];
        let spectrogram = Spectrogram { values: &values, hidden: &hidden, mels: 3 };
        let colour = |value: f32| [value as u8; 3];
        let plain = spectrogram.picture([4, 6], colour, false);
        let at = |picture: &RgbImage, x: u32, y: u32| picture.get_pixel(x, y).0[0];
        assert_eq!((at(&plain, 3, 0), at(&plain, 3, 2), at(&plain, 0, 0)), (9, 0, 0));
        assert_eq!(
            [1, 2].map(|x| plain.get_pixel(x, 0).0),
            [HIDDEN, HIDDEN],
            "the border, on both sides"
        );
        let masked = spectrogram.picture([4, 6], colour, true);
        assert_eq!((at(&masked, 1, 0), at(&masked, 2, 0)), (0, GREY[0]));
    }
}
