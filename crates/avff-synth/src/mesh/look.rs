//! The colors of a person: skin, hair, eyes, lips and clothes.

use avff_rng::Rng;

use super::{
    color::{Rgb, from_lab, from_srgb, mix, scaled},
    shape::Build,
};

/// A person's colors and the surface of the skin.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Look {
    pub(super) skin: Rgb,
    pub(super) lips: Rgb,
    /// How far the color of the lips covers the skin.
    pub(super) lip_cover: f32,
    pub(super) hair: Rgb,
    pub(super) brows: Brows,
    pub(super) iris: Rgb,
    pub(super) sclera: Rgb,
    pub(super) teeth: Rgb,
    /// Strengths of low-frequency blotches, of pores and of the red of cheeks and nose.
    pub(super) blotches: f32,
    pub(super) pores: f32,
    pub(super) flush: f32,
    /// The density of freckles and of single dark spots, from 0 to 1.
    pub(super) freckles: f32,
    pub(super) spots: f32,
    /// The depth of wrinkles, from 0 to 1.
    pub(super) wrinkles: f32,
    /// Reflection of the skin.
    pub(super) shine: f32,
    pub(super) beard: Beard,
    pub(super) scalp: Scalp,
    pub(super) headwear: Option<Headwear>,
    pub(super) headwear_color: Rgb,
    /// How far the edge of the headwear is moved, in decimetres.
    pub(super) headwear_edge: f32,
    /// The probability of earrings.
    pub(super) earrings: f32,
    pub(super) clothes: Clothes,
    /// The seed of all noise on this person.
    pub(super) seed: u32,
}

/// The shape of brows.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Brows {
    pub(super) color: Rgb,
    pub(super) cover: f32,
    /// Half the height, in decimetres.
    pub(super) thick: f32,
    pub(super) height: f32,
    pub(super) arch: f32,
    pub(super) length: f32,
}

/// Hair of the lower face.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Beard {
    pub(super) color: Rgb,
    /// How densely each part is covered, from 0 to 1.
    pub(super) chin: f32,
    pub(super) cheeks: f32,
    pub(super) moustache: f32,
    /// How far the moustache hangs over the upper lip, in decimetres.
    pub(super) overhang: f32,
    /// How far the hair stands out, in decimetres.
    pub(super) depth: f32,
}

/// Hair that lies on the head.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Scalp {
    /// How densely the head is covered, from 0 (bald) to 1.
    pub(super) cover: f32,
    /// The height of the hairline relative to an average one, in decimetres.
    pub(super) line: f32,
    /// How far the hair recedes above the temples, in decimetres.
    pub(super) temples: f32,
    /// How far the hair stands out, in decimetres.
    pub(super) depth: f32,
    /// How coarse the curls are; 0 is straight hair.
    pub(super) curls: f32,
    /// The height at which the shell of long hair ends, if there is one.
    pub(super) long: Option<f32>,
    /// The height of a fringe, its slope to the side, and how far to the front the sides reach.
    pub(super) fringe: Option<f32>,
    pub(super) sweep: f32,
    pub(super) open: f32,
}

/// What covers the head.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Headwear {
    Beanie,
    Cap,
    Scarf,
}

/// What covers the torso.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Clothes {
    pub(super) color: Rgb,
    pub(super) other: Rgb,
    pub(super) pattern: Pattern,
    /// The size of the pattern, in decimetres.
    pub(super) size: f32,
    /// The height of the neckline at the front, and how much deeper a V is.
    pub(super) neckline: f32,
    pub(super) depth: f32,
    /// The thickness of the cloth, in decimetres.
    pub(super) thickness: f32,
}

/// The pattern of clothes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Pattern {
    Plain,
    Stripes,
    Columns,
    Checks,
    Dots,
    Blotches,
    /// A jacket over a shirt.
    Jacket,
}

const PATTERNS: [Pattern; 8] = [
    Pattern::Plain,
    Pattern::Plain,
    Pattern::Stripes,
    Pattern::Columns,
    Pattern::Checks,
    Pattern::Dots,
    Pattern::Blotches,
    Pattern::Jacket,
];

/// Hair colors in sRGB: black, dark brown, brown, auburn, red, dark blond, blond.
const HAIRS: [[f32; 3]; 7] = [
    [0.06, 0.055, 0.055],
    [0.14, 0.095, 0.07],
    [0.26, 0.17, 0.11],
    [0.36, 0.20, 0.13],
    [0.55, 0.27, 0.13],
    [0.52, 0.40, 0.26],
    [0.78, 0.64, 0.42],
];
/// Iris colors in sRGB: dark brown, brown, hazel, green, blue and gray.
const IRISES: [[f32; 3]; 6] = [
    [0.15, 0.09, 0.06],
    [0.30, 0.18, 0.09],
    [0.42, 0.32, 0.16],
    [0.36, 0.44, 0.27],
    [0.33, 0.47, 0.62],
    [0.47, 0.52, 0.55],
];

fn uniform(rng: &mut Rng, low: f64, high: f64) -> f32 {
    rng.between(low, high) as f32
}

/// Samples any color of cloth or paint, more often a dull than a bright one.
pub(super) fn any_color(rng: &mut Rng) -> Rgb {
    let (lightness, chroma) = (rng.between(8.0, 92.0), 60.0 * rng.unit() * rng.unit());
    let hue = rng.between(0.0, std::f64::consts::TAU);
    from_lab(lightness, chroma * libm::cos(hue), chroma * libm::sin(hue))
}

/// Samples a skin color whose individual typology angle is uniform, from very dark to very light
/// (Chardon et al. 1991). Returns the color and the darkness of the skin from 0 to 1.
fn skin(rng: &mut Rng) -> (Rgb, f32) {
    let angle = rng.between(-55.0, 62.0);
    let dark = ((62.0 - angle) / 117.0) as f32;
    // Medium skin is the yellowest.
    let yellow = 20.0 - 5.0 * ((angle - 10.0) / 60.0).powi(2) + rng.between(-3.0, 3.0);
    let yellow = yellow.max(6.0);
    let lightness = (50.0 + yellow * libm::tan(angle.to_radians())).clamp(20.0, 80.0);
    let red = rng.between(9.0, 15.5) - 1.0 * f64::from(dark);
    (from_lab(lightness, red, yellow), dark)
}

impl Look {
    pub(super) fn new(build: &Build, rng: &mut Rng) -> Self {
        let (skin, dark) = skin(rng);
        let old = smooth_age(build.age);
        let mut hair = from_srgb(
            HAIRS[(rng.unit() * rng.unit() * 7.0 + 0.35 * f64::from(1.0 - dark) * 6.0).min(6.0)
                as usize],
        );
        let gray = (old - uniform(rng, 0.0, 0.8)).clamp(0.0, 0.9);
        hair = mix(hair, from_srgb([0.72, 0.72, 0.70]), gray);
        if rng.bernoulli(0.04) {
            hair = any_color(rng);
        }
        hair = scaled(hair, uniform(rng, 0.7, 1.4));
        let adult = build.age > 0.46;
        let male = build.male > 0.5;
        let painted = !male && adult && rng.bernoulli(0.45);
        let natural = [skin[0] * 0.70, skin[1] * 0.36, skin[2] * 0.40];
        let paint =
            from_lab(rng.between(22.0, 50.0), rng.between(20.0, 55.0), rng.between(0.0, 26.0));
        let lips = if painted {
            mix(natural, paint, uniform(rng, 0.3, 1.0))
        } else {
            mix(natural, skin, uniform(rng, 0.0, 0.55))
        };
        Self {
            skin,
            lips,
            lip_cover: if painted { 0.95 } else { uniform(rng, 0.5, 0.95) },
            hair,
            brows: Brows {
                color: scaled(hair, uniform(rng, 0.4, 0.9)),
                cover: uniform(rng, 0.25, 0.95),
                thick: uniform(rng, 0.022, 0.062),
                height: uniform(rng, -0.03, 0.05),
                arch: uniform(rng, 0.05, 0.5),
                length: uniform(rng, 0.50, 0.60),
            },
            iris: scaled(from_srgb(IRISES[rng.index(IRISES.len())]), uniform(rng, 0.8, 1.3)),
            sclera: mix([0.72, 0.70, 0.68], [0.62, 0.50, 0.42], uniform(rng, 0.0, 0.6)),
            teeth: mix(
                [0.66, 0.63, 0.57],
                [0.52, 0.43, 0.28],
                uniform(rng, 0.0, 1.0) * uniform(rng, 0.3, 1.0),
            ),
            blotches: uniform(rng, 0.02, 0.16),
            pores: uniform(rng, 0.01, 0.12),
            flush: uniform(rng, 0.0, 0.5),
            freckles: if rng.bernoulli(0.2) { uniform(rng, 0.2, 1.0) } else { 0.0 },
            spots: if rng.bernoulli(0.5) { uniform(rng, 0.1, 1.0) } else { 0.0 },
            wrinkles: (old * uniform(rng, 0.5, 1.2)).min(1.0),
            shine: uniform(rng, 0.1, 1.0) * uniform(rng, 0.3, 1.0),
            beard: Beard::new(adult && male, mix(hair, [0.02; 3], 0.3), rng),
            scalp: Scalp::new(male, old, rng),
            headwear: match rng.index(30) {
                0 => Some(Headwear::Beanie),
                1 => Some(Headwear::Cap),
                2 | 3 if !male => Some(Headwear::Scarf),
                _ => None,
            },
            headwear_color: any_color(rng),
            headwear_edge: uniform(rng, -0.06, 0.12),
            earrings: if male { 0.03 } else { 0.35 },
            clothes: Clothes::new(rng),
            seed: rng.below(u64::from(u32::MAX)) as u32,
        }
    }
}

impl Look {
    /// Returns this look with even skin, without beard or hat.
    pub(super) fn plain(self) -> Self {
        let beard = Beard { chin: 0.0, cheeks: 0.0, moustache: 0.0, depth: 0.0, ..self.beard };
        let (blotches, pores, wrinkles, spots, freckles) = (0.03, 0.03, 0.0, 0.0, 0.0);
        Self { beard, headwear: None, blotches, pores, wrinkles, spots, freckles, ..self }
    }
}

/// Returns how old a face looks, from 0 (young) to 1.
fn smooth_age(age: f32) -> f32 {
    super::vector::smooth(0.52, 0.95, age)
}

impl Beard {
    fn new(possible: bool, color: Rgb, rng: &mut Rng) -> Self {
        let kind = rng.index(8);
        let (dense, some) = (uniform(rng, 0.6, 1.0), uniform(rng, 0.1, 0.5));
        let (overhang, depth) = (uniform(rng, 0.0, 0.06), uniform(rng, 0.01, 0.09));
        let [chin, cheeks, moustache] = match kind {
            // Stubble.
            0 | 1 => [some, some, some],
            // A full beard, a goatee, a moustache, a beard without moustache.
            2 | 3 => [dense, dense, dense],
            4 => [dense, 0.0, dense],
            5 => [0.0, 0.0, dense],
            6 => [dense, 0.6 * dense, 0.0],
            _ => [0.0; 3],
        };
        let here = if possible { 1.0 } else { 0.0 };
        let full = chin.max(moustache) > 0.55;
        Self {
            color,
            chin: chin * here,
            cheeks: cheeks * here,
            moustache: moustache * here,
            overhang: if full { overhang } else { 0.0 },
            depth: if full { depth * here } else { 0.0 },
        }
    }
}

impl Scalp {
    fn new(male: bool, old: f32, rng: &mut Rng) -> Self {
        let bald = rng.bernoulli(if male { 0.06 + 0.2 * f64::from(old) } else { 0.01 });
        let long = rng.bernoulli(if male { 0.08 } else { 0.62 });
        let end = uniform(rng, 4.9, 7.0);
        let fringe = rng.bernoulli(if male { 0.25 } else { 0.4 });
        let (height, sweep, open) =
            (uniform(rng, 7.66, 8.05), uniform(rng, -0.25, 0.25), uniform(rng, 0.35, 0.8));
        let deep = uniform(rng, 0.03, 0.40) * uniform(rng, 0.3, 1.0);
        Self {
            cover: if bald { uniform(rng, 0.0, 0.5) } else { 1.0 },
            line: uniform(rng, -0.14, 0.08) + if male { 0.12 * old } else { 0.0 },
            temples: if male {
                uniform(rng, 0.0, 0.2) * uniform(rng, 0.2, 1.0)
            } else {
                uniform(rng, 0.0, 0.08)
            },
            depth: if bald { 0.0 } else { deep },
            curls: if rng.bernoulli(0.4) { uniform(rng, 4.0, 14.0) } else { 0.0 },
            long: (long && !bald).then_some(end),
            fringe: (fringe && !bald).then_some(height),
            sweep,
            open,
        }
    }
}

impl Clothes {
    fn new(rng: &mut Rng) -> Self {
        Self {
            color: any_color(rng),
            other: any_color(rng),
            pattern: PATTERNS[rng.index(PATTERNS.len())],
            size: uniform(rng, 0.12, 0.9),
            neckline: uniform(rng, 5.15, 6.0),
            depth: if rng.bernoulli(0.4) { uniform(rng, 0.3, 1.0) } else { 0.0 },
            thickness: uniform(rng, 0.03, 0.14),
        }
    }
}
