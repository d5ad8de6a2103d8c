//! Tensors as pictures: frames, spectrograms, and how far two of them are apart.

use avff_data::spec::{AudioSpec, VideoSpec};
use avff_media::{Frame, MediaError, resize::resize};
use colorous::Gradient;

use super::canvas::{Colour, GREY};

/// Energies, in a perceptually uniform map.
pub(crate) const ENERGY: Gradient = colorous::MAGMA;
/// Errors, in another one.
pub(crate) const ERROR: Gradient = colorous::VIRIDIS;
/// Shares of attention, likewise.
pub(crate) const ATTENTION: Gradient = colorous::VIRIDIS;
/// What was hidden.
pub(crate) const HIDDEN: Colour = [255, 140, 0];
/// dB of a natural logarithm of an energy.
const DECIBEL: f32 = 10.0 / std::f32::consts::LN_10;

/// The values of a colour map's two ends.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Range {
    pub(crate) low: f32,
    pub(crate) high: f32,
}

impl Range {
    /// From one quantile of some values to another, and at least `least` wide.
    pub(crate) fn of(values: impl Iterator<Item = f32>, [from, to]: [f64; 2], least: f32) -> Self {
        let mut sorted: Vec<f32> = values.collect();
        sorted.sort_by(f32::total_cmp);
        let last = sorted.len().saturating_sub(1) as f64;
        let at = |share: f64| sorted.get((last * share).round() as usize).copied().unwrap_or(0.0);
        let low = at(from);
        Self { low, high: at(to).max(low + least) }
    }

    /// From 0 to nearly the largest.
    pub(crate) fn of_errors(values: impl Iterator<Item = f32>, least: f32) -> Self {
        Self { low: 0.0, high: Self::of(values, [0.0, 0.995], least).high.max(least) }
    }

    pub(crate) fn colour(self, map: Gradient, value: f32) -> Colour {
        let share = f64::from((value - self.low) / (self.high - self.low));
        map.eval_continuous(share.clamp(0.0, 1.0)).into_array()
    }
}

/// Frames `[3, frames, height, width]` of levels from 0 to 255, not yet cut to that range.
#[derive(Debug, Clone)]
pub(crate) struct Frames {
    pub(crate) width: usize,
    pub(crate) height: usize,
    pub(crate) frames: usize,
    pub(crate) levels: Vec<f32>,
}

impl Frames {
    /// Undoes the network's normalisation.
    pub(crate) fn new(spec: &VideoSpec, normalised: &[f32]) -> Self {
        let channel = (spec.frames * spec.height * spec.width).max(1);
        let level = |(index, value): (usize, &f32)| {
            let channel = (index / channel).min(2);
            255.0 * (value * spec.std[channel] + spec.mean[channel])
        };
        let levels = normalised.iter().enumerate().map(level).collect();
        Self { width: spec.width, height: spec.height, frames: spec.frames, levels }
    }

    /// Where in `levels` a channel of a frame is.
    fn plane(&self, channel: usize, frame: usize) -> &[f32] {
        let size = self.width * self.height;
        let at = (channel * self.frames + frame) * size;
        self.levels.get(at..at + size).unwrap_or_default()
    }

    pub(crate) fn picture(&self, frame: usize) -> Frame {
        let planes = [0, 1, 2].map(|channel| self.plane(channel, frame));
        let pixels = 0..self.width * self.height;
        // The cast cuts to 0 and 255.
        let rgb = pixels.flat_map(|at| planes.map(|plane| plane[at].round() as u8)).collect();
        Frame { width: self.width, height: self.height, rgb }
    }

    /// The mean over channels of how far two are apart, pixel by pixel, `[frames, height, width]`.
    pub(crate) fn distance(&self, other: &Self) -> Vec<f32> {
        let mut out = Vec::with_capacity(self.levels.len() / 3);
        for frame in 0..self.frames {
            let pairs = [0, 1, 2].map(|c| (self.plane(c, frame), other.plane(c, frame)));
            out.extend(
                (0..self.width * self.height)
                    .map(|at| pairs.iter().map(|(a, b)| (a[at] - b[at]).abs()).sum::<f32>() / 3.0),
            );
        }
        out
    }
}

/// A picture at the size of a cell: whole pixels where that is larger, else the antialiased filter frames go
/// through.
pub(crate) fn fitted(picture: &Frame, [width, height]: [usize; 2]) -> Result<Frame, MediaError> {
    if !(width.is_multiple_of(picture.width) && height.is_multiple_of(picture.height)) {
        return resize(picture, width, height);
    }
    let (across, down) = (width / picture.width, height / picture.height);
    let mut rgb = Vec::with_capacity(3 * width * height);
    for line in picture.rgb.chunks_exact(3 * picture.width) {
        let wide: Vec<u8> =
            line.as_chunks::<3>().0.iter().flat_map(|pixel| pixel.repeat(across)).collect();
        rgb.extend(wide.repeat(down));
    }
    Ok(Frame { width, height, rgb })
}

/// Log-mel energies `[frames, mels]` in dB.
pub(crate) fn decibels(spec: &AudioSpec, normalised: &[f32]) -> Vec<f32> {
    normalised.iter().map(|value| DECIBEL * (value * spec.std + spec.mean)).collect()
}

/// A spectrogram as a picture, time to the right and frequency upwards.
pub(crate) struct Spectrogram<'a> {
    /// `[frames, mels]`.
    pub(crate) values: &'a [f32],
    /// Where it was hidden, `[frames, mels]`.
    pub(crate) hidden: &'a [bool],
    pub(crate) mels: usize,
}

impl Spectrogram<'_> {
    /// Each pixel is the mean of what it covers. Hidden parts are grey, or only bordered.
    pub(crate) fn picture(
        &self,
        [width, height]: [usize; 2],
        colour: impl Fn(f32) -> Colour,
        cover: bool,
    ) -> Frame {
        let frames = self.values.len() / self.mels.max(1);
        let covered = |at: usize, of: usize, count: usize| {
            let from = at * count / of;
            from..((at + 1) * count / of).max(from + 1)
        };
        let hidden = |x: usize, y: usize| {
            let (frame, mel) = (x * frames / width, (height - 1 - y) * self.mels / height);
            self.hidden.get(frame * self.mels + mel).copied().unwrap_or(false)
        };
        let mut rgb = Vec::with_capacity(3 * width * height);
        for y in 0..height {
            let rows = covered(height - 1 - y, height, self.mels);
            for x in 0..width {
                let columns = covered(x, width, frames);
                let count = rows.len() * columns.len();
                let sum: f32 = columns
                    .flat_map(|frame| rows.clone().map(move |mel| frame * self.mels + mel))
                    .filter_map(|at| self.values.get(at))
                    .sum();
                let here = hidden(x, y);
                let beside =
                    [(x + 1, y), (x, y + 1), (x.wrapping_sub(1), y), (x, y.wrapping_sub(1))];
                let border = beside
                    .into_iter()
                    .any(|(x, y)| x < width && y < height && hidden(x, y) != here);
                rgb.extend(match (cover, here) {
                    (true, true) => GREY,
                    (false, _) if border => HIDDEN,
                    _ => colour(sum / count.max(1) as f32),
                });
            }
        }
        Frame { width, height, rgb }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use avff_data::{ClipSpec, tensors::video_tensor};

    use super::*;

    #[test]
    fn pictures_come_back_from_the_networks_numbers() {
        let mut spec = ClipSpec::open_avff().video;
        (spec.frames, spec.height, spec.width) = (2, 3, 5);
        let picture = |seed: usize| Frame {
            width: 5,
            height: 3,
            rgb: (0..45).map(|i| (i * 37 + seed) as u8).collect(),
        };
        let pictures = [picture(1), picture(200)];
        let tensor = video_tensor(&pictures, &spec);
        let frames = Frames::new(&spec, &tensor);
        assert_eq!([frames.picture(0), frames.picture(1)], pictures);
        let mut other = frames.clone();
        // One channel of the last pixel of the last frame, 30 levels off.
        *other.levels.last_mut().unwrap() += 30.0;
        let distance = frames.distance(&other);
        assert_eq!((distance.len(), distance[28]), (30, 0.0));
        assert!((distance[29] - 10.0).abs() < 1e-4, "{}", distance[29]);
    }

    #[test]
    fn spectrograms_stand_upright() {
        // 2 frames of 3 mels; the second frame is loud at its highest mel and hidden.
        let values = [0.0, 0.0, 0.0, 0.0, 0.0, 9.0];
        let hidden = [false, false, false, true, true, true];
        let spectrogram = Spectrogram { values: &values, hidden: &hidden, mels: 3 };
        let colour = |value: f32| [value as u8; 3];
        let plain = spectrogram.picture([4, 6], colour, false);
        let at = |picture: &Frame, x: usize, y: usize| picture.rgb[3 * (4 * y + x)];
        assert_eq!((at(&plain, 3, 0), at(&plain, 3, 2), at(&plain, 0, 0)), (9, 0, 0));
        assert_eq!(plain.rgb[3..9], [HIDDEN, HIDDEN].concat(), "the border, on both sides");
        let masked = spectrogram.picture([4, 6], colour, true);
        assert_eq!((at(&masked, 1, 0), at(&masked, 2, 0)), (0, GREY[0]));
    }

    #[test]
    fn ranges_leave_out_a_few_and_are_never_empty() {
        let values = (0..1000).map(|i| if i == 999 { 1e9 } else { i as f32 });
        assert_eq!(Range::of(values.clone(), [0.01, 0.99], 1.0), Range { low: 10.0, high: 989.0 });
        assert_eq!(Range::of_errors(values, 1.0).high, 994.0);
        assert_eq!(Range::of([5.0; 3].into_iter(), [0.0, 1.0], 2.0), Range { low: 5.0, high: 7.0 });
        assert_eq!(Range::of_errors([].into_iter(), 1.0), Range { low: 0.0, high: 1.0 });
        let range = Range { low: 0.0, high: 2.0 };
        assert_eq!(range.colour(ENERGY, -4.0), range.colour(ENERGY, 0.0));
        assert_ne!(range.colour(ENERGY, 2.0), range.colour(ENERGY, 0.0));
    }

    #[test]
    fn small_pictures_grow_by_whole_pixels() {
        let picture = Frame { width: 2, height: 1, rgb: vec![1, 2, 3, 4, 5, 6] };
        let large = fitted(&picture, [4, 2]).unwrap();
        let row = [1, 2, 3, 1, 2, 3, 4, 5, 6, 4, 5, 6];
        assert_eq!(large.rgb, [row, row].concat());
        assert_eq!(fitted(&picture, [3, 3]).unwrap().rgb.len(), 27);
    }
}
