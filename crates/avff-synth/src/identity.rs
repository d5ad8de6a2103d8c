//! Who is seen: the proportions and colours of a face.

use super::{
    canvas::{Color, between},
    rng::{SynthPurpose, rng},
};
use avff_datasets::layout::Split;
use avff_rng::Rng;

/// A face. Lengths are in units of half its width, heights from its middle downwards.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Identity {
    pub(super) skin: Color,
    pub(super) hair: Color,
    pub(super) iris: Color,
    pub(super) lips: Color,
    pub(super) teeth: Color,
    pub(super) clothes: Color,
    /// From the middle to the crown, and to the chin.
    pub(super) crown: f32,
    pub(super) chin: f32,
    /// How square the jaw is, from 0 to 1.
    pub(super) jaw: f32,
    pub(super) eye_height: f32,
    /// From the middle line to each eye.
    pub(super) eye_apart: f32,
    pub(super) eye_size: (f32, f32),
    pub(super) brow: (f32, f32),
    pub(super) nose_length: f32,
    pub(super) nose_width: f32,
    pub(super) mouth_height: f32,
    /// Half the width of the mouth at rest.
    pub(super) mouth_width: f32,
    /// How far it opens.
    pub(super) mouth_open: f32,
    /// Thickness of the upper and of the lower lip.
    pub(super) lip: (f32, f32),
    /// Height of the hairline above the middle, and how much it is bent.
    pub(super) hairline: (f32, f32),
    /// How far hair reaches down at the sides.
    pub(super) hair_length: f32,
    /// How much wider than the face hair is.
    pub(super) hair_width: f32,
    pub(super) glasses: Option<Color>,
    /// How dark the shadow of a beard is.
    pub(super) stubble: f32,
}

/// From light skin to dark, in sRGB.
const SKINS: [Color; 5] = [
    [0.96, 0.82, 0.74],
    [0.91, 0.73, 0.60],
    [0.80, 0.60, 0.45],
    [0.62, 0.43, 0.31],
    [0.42, 0.28, 0.20],
];
/// Black, brown, auburn, blond and grey hair.
const HAIRS: [Color; 6] = [
    [0.07, 0.06, 0.06],
    [0.20, 0.12, 0.08],
    [0.35, 0.20, 0.10],
    [0.50, 0.22, 0.10],
    [0.78, 0.62, 0.36],
    [0.62, 0.62, 0.62],
];
/// Brown, dark, green, blue and grey irises.
const IRISES: [Color; 5] = [
    [0.34, 0.20, 0.10],
    [0.14, 0.09, 0.07],
    [0.32, 0.42, 0.22],
    [0.25, 0.42, 0.60],
    [0.45, 0.50, 0.52],
];

impl Identity {
    /// Face `index` of a split.
    pub(super) fn new(seed: u64, split: Split, index: u64) -> Self {
        let mut rng = rng(seed, split, index, SynthPurpose::Face);
        let skin = along(&SKINS, &mut rng);
        let red = [0.72, 0.22, 0.24];
        let lips = between(skin, red, real(&mut rng, 0.35, 0.75)).map(|value| 0.92 * value);
        let shade = real(&mut rng, 0.8, 1.2);
        let hair = HAIRS[rng.index(HAIRS.len())].map(|value| value * shade);
        let any = |rng: &mut Rng| [0; 3].map(|_| real(rng, 0.08, 0.9));
        Self {
            skin,
            hair,
            iris: IRISES[rng.index(IRISES.len())],
            lips,
            teeth: [0.93, 0.90, 0.84].map(|value| value * real(&mut rng, 0.9, 1.02)),
            clothes: any(&mut rng),
            crown: real(&mut rng, 1.15, 1.35),
            chin: real(&mut rng, 1.15, 1.32),
            jaw: real(&mut rng, 0.0, 0.6),
            eye_height: real(&mut rng, -0.32, -0.20),
            eye_apart: real(&mut rng, 0.38, 0.48),
            eye_size: (real(&mut rng, 0.15, 0.21), real(&mut rng, 0.07, 0.12)),
            brow: (real(&mut rng, 0.03, 0.07), real(&mut rng, -0.25, 0.25)),
            nose_length: real(&mut rng, 0.30, 0.42),
            nose_width: real(&mut rng, 0.12, 0.20),
            mouth_height: real(&mut rng, 0.50, 0.60),
            mouth_width: real(&mut rng, 0.42, 0.53),
            mouth_open: real(&mut rng, 0.42, 0.52),
            lip: (real(&mut rng, 0.06, 0.12), real(&mut rng, 0.08, 0.15)),
            hairline: (real(&mut rng, -0.95, -0.70), real(&mut rng, -0.1, 0.4)),
            hair_length: real(&mut rng, -0.3, 1.4),
            hair_width: real(&mut rng, 1.02, 1.22),
            glasses: rng.chance(0.2).then(|| any(&mut rng).map(|value| 0.6 * value)),
            stubble: if rng.chance(0.3) { real(&mut rng, 0.05, 0.25) } else { 0.0 },
        }
    }
}

/// Uniform, in single precision.
pub(super) fn real(rng: &mut Rng, low: f64, high: f64) -> f32 {
    rng.between(low, high) as f32
}

/// A colour on the way through some, slightly off it.
fn along<const N: usize>(colors: &[Color; N], rng: &mut Rng) -> Color {
    let at = rng.unit() * (N - 1) as f64;
    let index = (at as usize).min(N.saturating_sub(2));
    let color = between(colors[index], colors[index + 1], (at - index as f64) as f32);
    color.map(|value| value * real(rng, 0.96, 1.04))
}
