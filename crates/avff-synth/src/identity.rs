//! The visible person: proportions and colors of a face.

use super::{
    canvas::{Color, mix},
    rng::{SynthPurpose, rng},
};
use avff_datasets::layout::Split;
use avff_rng::Rng;

/// A face. Lengths are in units of half the face's width, heights are measured downwards from its
/// center.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Identity {
    pub(super) skin: Color,
    pub(super) hair: Color,
    pub(super) iris: Color,
    pub(super) lips: Color,
    pub(super) teeth: Color,
    pub(super) clothes: Color,
    /// Distances from the center to the crown, and to the chin.
    pub(super) crown: f32,
    pub(super) chin: f32,
    /// Squareness of the jaw, from 0 to 1.
    pub(super) jaw: f32,
    pub(super) eye_height: f32,
    /// Distance of each eye from the center line.
    pub(super) eye_apart: f32,
    pub(super) eye_size: (f32, f32),
    pub(super) brow: (f32, f32),
    pub(super) nose_length: f32,
    pub(super) nose_width: f32,
    pub(super) mouth_height: f32,
    /// Half the width of the mouth at rest.
    pub(super) mouth_width: f32,
    /// The largest opening of the mouth.
    pub(super) mouth_open: f32,
    /// Thickness of the upper and of the lower lip.
    pub(super) lip: (f32, f32),
    /// Height of the hairline above the center, and its curvature.
    pub(super) hairline: (f32, f32),
    /// How far the hair reaches down at the sides.
    pub(super) hair_length: f32,
    /// Width of the hair relative to the face.
    pub(super) hair_width: f32,
    pub(super) glasses: Option<Color>,
    /// Darkness of the beard shadow.
    pub(super) stubble: f32,
}

/// Skin colors from light to dark, in sRGB.
const SKINS: [Color; 5] = [
    [0.96, 0.82, 0.74],
    [0.91, 0.73, 0.60],
    [0.80, 0.60, 0.45],
    [0.62, 0.43, 0.31],
    [0.42, 0.28, 0.20],
];
/// Hair colors: black, brown, auburn, blond and gray.
const HAIRS: [Color; 6] = [
    [0.07, 0.06, 0.06],
    [0.20, 0.12, 0.08],
    [0.35, 0.20, 0.10],
    [0.50, 0.22, 0.10],
    [0.78, 0.62, 0.36],
    [0.62, 0.62, 0.62],
];
/// Iris colors: brown, dark, green, blue and gray.
const IRISES: [Color; 5] = [
    [0.34, 0.20, 0.10],
    [0.14, 0.09, 0.07],
    [0.32, 0.42, 0.22],
    [0.25, 0.42, 0.60],
    [0.45, 0.50, 0.52],
];

impl Identity {
    /// Samples face `index` of a split.
    pub(super) fn new(seed: u64, split: Split, index: u64) -> Self {
        let mut rng = rng(seed, split, index, SynthPurpose::Face);
        let skin = sample_palette(&SKINS, &mut rng);
        let red = [0.72, 0.22, 0.24];
        let lips = mix(skin, red, uniform(&mut rng, 0.35, 0.75)).map(|value| 0.92 * value);
        let shade = uniform(&mut rng, 0.8, 1.2);
        let hair = HAIRS[rng.index(HAIRS.len())].map(|value| value * shade);
        let any = |rng: &mut Rng| [0; 3].map(|_| uniform(rng, 0.08, 0.9));
        Self {
            skin,
            hair,
            iris: IRISES[rng.index(IRISES.len())],
            lips,
            teeth: [0.93, 0.90, 0.84].map(|value| value * uniform(&mut rng, 0.9, 1.02)),
            clothes: any(&mut rng),
            crown: uniform(&mut rng, 1.15, 1.35),
            chin: uniform(&mut rng, 1.15, 1.32),
            jaw: uniform(&mut rng, 0.0, 0.6),
            eye_height: uniform(&mut rng, -0.32, -0.20),
            eye_apart: uniform(&mut rng, 0.38, 0.48),
            eye_size: (uniform(&mut rng, 0.15, 0.21), uniform(&mut rng, 0.07, 0.12)),
            brow: (uniform(&mut rng, 0.03, 0.07), uniform(&mut rng, -0.25, 0.25)),
            nose_length: uniform(&mut rng, 0.30, 0.42),
            nose_width: uniform(&mut rng, 0.12, 0.20),
            mouth_height: uniform(&mut rng, 0.50, 0.60),
            mouth_width: uniform(&mut rng, 0.42, 0.53),
            mouth_open: uniform(&mut rng, 0.42, 0.52),
            lip: (uniform(&mut rng, 0.06, 0.12), uniform(&mut rng, 0.08, 0.15)),
            hairline: (uniform(&mut rng, -0.95, -0.70), uniform(&mut rng, -0.1, 0.4)),
            hair_length: uniform(&mut rng, -0.3, 1.4),
            hair_width: uniform(&mut rng, 1.02, 1.22),
            glasses: rng.bernoulli(0.2).then(|| any(&mut rng).map(|value| 0.6 * value)),
            stubble: if rng.bernoulli(0.3) { uniform(&mut rng, 0.05, 0.25) } else { 0.0 },
        }
    }
}

/// Returns a uniform number between `low` and `high`, in single precision.
pub(super) fn uniform(rng: &mut Rng, low: f64, high: f64) -> f32 {
    rng.between(low, high) as f32
}

/// Samples a color along a palette, with a slight deviation.
fn sample_palette<const N: usize>(colors: &[Color; N], rng: &mut Rng) -> Color {
    let at = rng.unit() * (N - 1) as f64;
    let index = (at as usize).min(N.saturating_sub(2));
    let color = mix(colors[index], colors[index + 1], (at - index as f64) as f32);
    color.map(|value| value * uniform(rng, 0.96, 1.04))
}
