//! Colors in linear light.

use std::sync::LazyLock;

/// R, G, B in linear light; 1 is white.
pub(super) type Rgb = [f32; 3];

/// Converts a color of CIE L*a*b* (D65) to linear light. Colors outside of sRGB are clipped.
pub(super) fn from_lab(lightness: f64, a: f64, b: f64) -> Rgb {
    let y = (lightness + 16.0) / 116.0;
    let cubed = |t: f64| if t > 6.0 / 29.0 { t * t * t } else { 0.128_418_55 * (t - 4.0 / 29.0) };
    let (x, y, z) = (0.950_47 * cubed(y + a / 500.0), cubed(y), 1.088_83 * cubed(y - b / 200.0));
    let rgb = [
        3.240_454_2 * x - 1.537_138_5 * y - 0.498_531_4 * z,
        -0.969_266_0 * x + 1.876_010_8 * y + 0.041_556_0 * z,
        0.055_643_4 * x - 0.204_025_9 * y + 1.057_225_2 * z,
    ];
    rgb.map(|value| value.clamp(0.002, 1.0) as f32)
}

/// Converts a color of sRGB, in `[0, 1]`, to linear light.
pub(super) fn from_srgb(color: [f32; 3]) -> Rgb {
    color.map(|value| {
        if value <= 0.040_45 { value / 12.92 } else { libm::powf((value + 0.055) / 1.055, 2.4) }
    })
}

/// Interpolates between two colors.
pub(super) fn mix(from: Rgb, to: Rgb, share: f32) -> Rgb {
    [0, 1, 2].map(|at| from[at] + share * (to[at] - from[at]))
}

/// Multiplies two colors.
pub(super) fn times(a: Rgb, b: Rgb) -> Rgb {
    [a[0] * b[0], a[1] * b[1], a[2] * b[2]]
}

/// Multiplies a color by a factor.
pub(super) fn scaled(color: Rgb, factor: f32) -> Rgb {
    color.map(|value| value * factor)
}

/// The number of steps of [`encoded`].
const STEPS: usize = 4096;

/// sRGB's encoding of the squares of evenly spaced values.
static ENCODED: LazyLock<Vec<f32>> = LazyLock::new(|| {
    let encode = |step: usize| {
        let root = step as f32 / STEPS as f32;
        let value = root * root;
        if value <= 0.003_130_8 {
            12.92 * value
        } else {
            1.055 * libm::powf(value, 1.0 / 2.4) - 0.055
        }
    };
    (0..=STEPS).map(encode).collect()
});

/// Encodes linear light as sRGB, in `[0, 1]`, with an error below a thousandth.
pub(super) fn encoded(value: f32) -> f32 {
    let at = (value.clamp(0.0, 1.0).sqrt() * STEPS as f32 + 0.5) as usize;
    ENCODED.get(at).copied().unwrap_or(1.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn colors_convert_to_known_values() {
        let near = |actual: Rgb, expected: Rgb| {
            assert!(actual.iter().zip(expected).all(|(a, b)| (a - b).abs() < 2e-3), "{actual:?}");
        };
        near(from_lab(100.0, 0.0, 0.0), [1.0; 3]);
        near(from_lab(50.0, 0.0, 0.0), [0.1842; 3]);
        // sRGB's red.
        near(from_lab(53.24, 80.09, 67.2), [1.0, 0.002, 0.002]);
        near(from_srgb([0.5; 3]), [0.2140; 3]);
        for value in [0.0, 0.001, 0.01, 0.2, 0.7, 1.0] {
            let back = from_srgb([encoded(value); 3])[0];
            assert!((back - value).abs() < 1e-3, "{value}: {back}");
        }
    }
}
