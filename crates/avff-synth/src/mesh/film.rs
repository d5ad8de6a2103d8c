//! The camera's electronics: from light to the bytes of a frame.

use avff_media::Frame;
use avff_rng::Rng;

use super::{
    color::{Rgb, encoded},
    picture::Picture,
};
use crate::pose::Oscillation;

/// The number of precomputed noise values.
const GRAINS: usize = 1 << 15;

/// How a camera turns light into a frame.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Film {
    /// Factors of the channels: exposure and white balance.
    gain: Rgb,
    /// How the exposure drifts, in stops.
    drift: Oscillation,
    /// How much darker the corners are.
    vignette: f32,
    /// The number of blurs by the lens, and the weight of each neighbor.
    defocus: (usize, f32),
    /// How much edges are sharpened.
    sharpening: f32,
    /// The exponent and the contrast of the tone curve.
    gamma: f32,
    contrast: f32,
    /// The saturation; 0 is black and white.
    saturation: f32,
    /// Additional light in the shadows.
    haze: f32,
    /// The standard deviation of the noise, relative to full scale, and how much is of one color.
    noise: f32,
    chroma: f32,
    grains: Vec<f32>,
    /// The quality of JPEG files, from 1 to 100.
    pub(super) quality: u8,
}

impl Film {
    /// Samples a camera for a face that reflects `level` of white light.
    pub(super) fn new(level: f32, rng: &mut Rng) -> Self {
        let drifts = rng.bernoulli(0.15);
        let drift = Oscillation::new(rng, 0.0, if drifts { 0.12 } else { 0.0 });
        let mut uniform = |low: f64, high: f64| rng.between(low, high) as f32;
        // Cameras expose for the face, more or less.
        let exposure =
            libm::exp2f(uniform(-0.9, 0.7)) * libm::powf(0.3 / level.max(0.01), uniform(0.4, 0.9));
        let (warm, green) = (uniform(-0.2, 0.2), uniform(-0.05, 0.05));
        let gain = [exposure * (1.0 + warm), exposure * (1.0 + green), exposure * (1.0 - warm)];
        let kind = uniform(0.0, 1.0);
        let defocus = match uniform(0.0, 1.0) {
            soft if soft < 0.08 => (3, 0.25),
            soft if soft < 0.25 => (2, uniform(0.1, 0.25)),
            _ => (1, uniform(0.0, 0.2)),
        };
        let saturation = if kind < 0.04 { 0.0 } else { uniform(0.55, 1.35) };
        Self {
            gain,
            drift,
            vignette: (uniform(-0.3, 0.5)).max(0.0),
            defocus,
            sharpening: uniform(-0.6, 0.9).max(0.0),
            gamma: libm::exp2f(uniform(-0.35, 0.35)),
            contrast: uniform(-0.25, 0.5),
            saturation,
            haze: uniform(-0.08, 0.06).max(0.0),
            noise: uniform(0.0, 0.03) * uniform(0.1, 1.0),
            chroma: uniform(0.0, 1.0),
            quality: uniform(45.0, 97.0) as u8,
            grains: (0..GRAINS).map(|_| rng.normal() as f32).collect(),
        }
    }

    /// Samples a good camera, with noise alone, for a face that reflects `level` of white light.
    pub(super) fn plain(level: f32, rng: &mut Rng) -> Self {
        let exposure = libm::powf(0.3 / level.max(0.01), 0.6);
        Self {
            gain: [exposure; 3],
            drift: Oscillation::new(rng, 0.0, 0.0),
            vignette: 0.0,
            defocus: (1, 0.08),
            sharpening: 0.0,
            gamma: 1.0,
            contrast: 0.1,
            saturation: 1.0,
            haze: 0.0,
            noise: 0.006,
            chroma: 0.5,
            quality: 90,
            grains: (0..GRAINS).map(|_| rng.normal() as f32).collect(),
        }
    }

    /// Develops a picture at a time in seconds.
    pub(super) fn develop(&self, mut picture: Picture, seconds: f64, rng: &mut Rng) -> Frame {
        for _ in 0..self.defocus.0 {
            picture.blur(self.defocus.1);
        }
        if self.sharpening > 0.0 {
            picture.sharpen(self.sharpening);
        }
        let (width, height) = (picture.width, picture.height);
        let drift = libm::exp2f(self.drift.at(seconds));
        let gain = self.gain.map(|value| value * drift);
        let mut rgb = vec![0; 3 * picture.pixels.len()];
        let radius = self.vignette * 4.0 / (width * width + height * height) as f32;
        let lines = rgb.chunks_exact_mut(3 * width.max(1));
        for ((y, row), line) in picture.pixels.chunks_exact(width.max(1)).enumerate().zip(lines) {
            let start = rng.index(GRAINS.saturating_sub(4 * width).max(1));
            let grains = self.grains.get(start..).unwrap_or_default().as_chunks::<4>().0;
            let dy = y as f32 - 0.5 * height as f32;
            let pixels = line.as_chunks_mut::<3>().0.iter_mut().zip(row).zip(grains);
            for (x, ((out, pixel), grains)) in pixels.enumerate() {
                let dx = x as f32 - 0.5 * width as f32;
                let shade = 1.0 - radius * (dx * dx + dy * dy);
                let value = [
                    encoded(pixel[0] * gain[0] * shade),
                    encoded(pixel[1] * gain[1] * shade),
                    encoded(pixel[2] * gain[2] * shade),
                ];
                let luma = 0.299 * value[0] + 0.587 * value[1] + 0.114 * value[2];
                for at in 0..3 {
                    let value = self.tone(luma + self.saturation * (value[at] - luma));
                    let grain = grains[3] + self.chroma * (grains[at] - grains[3]);
                    let level = (value + self.noise * grain) * 255.0 + 0.5;
                    out[at] = level.clamp(0.0, 255.0) as u8;
                }
            }
        }
        Frame { width, height, rgb }
    }

    /// Applies the tone curve.
    fn tone(&self, value: f32) -> f32 {
        let value = value.clamp(0.0, 1.0);
        // A power of a value in `[0, 1]` near 1, without its cost: exact at 0 and 1.
        let bent = value + (self.gamma - 1.0) * value * (value - 1.0) * (1.5 - value);
        let curved = bent + self.contrast * bent * (1.0 - bent) * (2.0 * bent - 1.0);
        self.haze + (1.0 - self.haze) * curved
    }
}

#[cfg(test)]
mod tests {
    use avff_datasets::layout::Split;

    use super::*;
    use crate::rng::{SynthPurpose, rng};

    #[test]
    fn brighter_light_gives_brighter_pixels() {
        for index in 0..40 {
            let mut random = rng(1, Split::Train, index, SynthPurpose::MeshFilm);
            let film = Film { noise: 0.0, vignette: 0.0, ..Film::new(0.3, &mut random) };
            let levels = [0.0, 0.02, 0.1, 0.3, 0.6].map(|level| {
                let picture = Picture::new(16, 8, [level; 3]);
                film.develop(picture, 0.0, &mut random).rgb[3 * 40]
            });
            assert!(levels.is_sorted() && levels[4] > levels[0] + 60, "{levels:?}");
        }
    }
}
