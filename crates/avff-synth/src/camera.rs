//! The camera: background, color, blur, grain, and conversion to a frame.

use super::{
    canvas::{Canvas, Color, Placement, mix},
    identity::uniform,
    light::Light,
};
use avff_media::Frame;
use avff_rng::Rng;

/// The number of precomputed grain values: more than the values of a row.
const GRAINS: usize = 1 << 13;

/// A camera in front of a background.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Camera {
    background: Canvas,
    pub(super) light: Light,
    /// The factors of the color channels.
    tint: Color,
    /// The weight of each neighbor in the blur.
    blur: f32,
    /// The standard deviation of the grain, relative to full scale.
    pub(super) grain: f32,
    grains: Vec<f32>,
    /// The quality of the JPEG files, from 1 to 100.
    pub(super) quality: u8,
}

impl Camera {
    /// Samples a camera. `grains` generates its grain, `rng` everything else.
    pub(super) fn new(size: usize, rng: &mut Rng, grains: &mut Rng) -> Self {
        let light = Light::new(rng);
        let exposure = uniform(rng, 0.8, 1.12);
        let warm = uniform(rng, -0.08, 0.08);
        let tint = [exposure * (1.0 + warm), exposure, exposure * (1.0 - warm)];
        let blur = uniform(rng, 0.0, 0.22);
        let grain = uniform(rng, 0.004, 0.022);
        let quality = 70 + rng.below(26) as u8;
        let grains = (0..GRAINS).map(|_| grains.normal() as f32).collect();
        Self { background: background(size, rng), light, tint, blur, grain, grains, quality }
    }

    /// Returns a copy of the background, to draw on.
    pub(super) fn scene(&self) -> Canvas {
        self.background.clone()
    }

    /// Applies tint and blur to a scene, but no grain.
    pub(super) fn apply_optics(&self, scene: &mut Canvas) {
        for pixel in &mut scene.pixels {
            for (value, tint) in pixel.iter_mut().zip(self.tint) {
                *value *= tint;
            }
        }
        blur(scene, self.blur);
    }

    /// Adds grain. If `shares` is given, the grain of each pixel is multiplied by its share.
    pub(super) fn grain(&self, canvas: &mut Canvas, shares: Option<&[f32]>, rng: &mut Rng) {
        let width = canvas.size.max(1);
        let mut shares = shares.into_iter().flat_map(|shares| shares.chunks_exact(width));
        for row in canvas.pixels.chunks_exact_mut(width) {
            // Each row uses grain values from another offset.
            let start = rng.index(GRAINS.saturating_sub(3 * width));
            let grains = self.grains.get(start..).unwrap_or_default();
            match shares.next() {
                None => {
                    for (value, grain) in row.as_flattened_mut().iter_mut().zip(grains) {
                        *value += self.grain * grain;
                    }
                }
                Some(shares) => {
                    for ((pixel, grains), share) in row.iter_mut().zip(grains.chunks(3)).zip(shares)
                    {
                        for (value, grain) in pixel.iter_mut().zip(grains) {
                            *value += self.grain * share * grain;
                        }
                    }
                }
            }
        }
    }
}

/// Converts a canvas to an 8-bit frame.
pub(super) fn to_frame(canvas: &Canvas) -> Frame {
    let bytes = canvas.pixels.iter().flatten();
    // Casts to integers saturate.
    let rgb = bytes.map(|value| (value * 255.0 + 0.5) as u8).collect();
    Frame { width: canvas.size, height: canvas.size, rgb }
}

/// Blurs along rows and then columns: each neighbor gets weight `share`. At the edge, a pixel is
/// its own neighbor.
pub(super) fn blur(canvas: &mut Canvas, share: f32) {
    let width = canvas.size.max(1);
    let weighted = |before: f32, own: f32, after: f32| own + share * (before + after - 2.0 * own);
    // A row with its first and its last pixel repeated.
    let mut line = vec![[0.0; 3]; width + 2];
    for row in canvas.pixels.chunks_exact_mut(width) {
        let ends = row.first().copied().zip(row.last().copied());
        if let ([first, middle @ .., last], Some(ends)) = (line.as_mut_slice(), ends) {
            (*first, *last) = ends;
            middle.copy_from_slice(row);
        }
        let before = line.as_flattened();
        let own = before.get(3..).unwrap_or_default();
        let after = before.get(6..).unwrap_or_default();
        let out = row.as_flattened_mut().iter_mut();
        for (((out, &before), &own), &after) in out.zip(before).zip(own).zip(after) {
            *out = weighted(before, own, after);
        }
    }
    // Unmodified copies of the rows that are being replaced.
    let mut above = canvas.pixels.get(..width).unwrap_or_default().to_vec();
    let mut own = above.clone();
    for y in 0..canvas.pixels.len() / width {
        let (upper, lower) = canvas.pixels.split_at_mut((y + 1) * width);
        let row = upper.get_mut(y * width..).unwrap_or_default();
        own.copy_from_slice(row);
        let below = lower.get(..width).unwrap_or(&own).as_flattened();
        let out = row.as_flattened_mut().iter_mut();
        for (((out, &above), &own), &below) in
            out.zip(above.as_flattened()).zip(own.as_flattened()).zip(below)
        {
            *out = weighted(above, own, below);
        }
        std::mem::swap(&mut above, &mut own);
    }
}

/// Draws an out-of-focus background: a gradient with a few spots.
fn background(size: usize, rng: &mut Rng) -> Canvas {
    let any = |rng: &mut Rng| [0; 3].map(|_| uniform(rng, 0.1, 0.9));
    let (one, other) = (any(rng), any(rng));
    let (across, down) = (uniform(rng, -1.0, 1.0), uniform(rng, -1.0, 1.0));
    let mut canvas = Canvas::new(size, one);
    let placement = Placement { center: (0.0, 0.0), unit: size as f32, rotation: (0.0, 1.0) };
    canvas.draw(&placement, (0.0, 0.0, 1.0, 1.0), |x, y| {
        (1.0, mix(one, other, (0.5 + across * (x - 0.5) + down * (y - 0.5)).clamp(0.0, 1.0)))
    });
    for _ in 0..3 + rng.below(5) {
        let center = (uniform(rng, 0.0, 1.0), uniform(rng, 0.0, 1.0));
        let half = (uniform(rng, 0.08, 0.4), uniform(rng, 0.08, 0.4));
        let (color, share) = (any(rng), uniform(rng, 0.3, 0.9));
        if rng.bernoulli(0.5) {
            canvas.glow(&placement, center, half, color, share);
        } else {
            canvas.ellipse(&placement, center, half, color, share);
        }
    }
    for _ in 0..3 {
        blur(&mut canvas, 0.25);
    }
    canvas
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Compares with the definition, including an edge and a corner. The tolerance allows another
    /// order of sums.
    #[test]
    fn blur_is_separable_and_repeats_the_edge() {
        let size = 5;
        let mut canvas = Canvas::new(size, [0.0; 3]);
        for (at, pixel) in canvas.pixels.iter_mut().enumerate() {
            *pixel = [at as f32, (at * at % 7) as f32, 1.0];
        }
        let before = canvas.clone();
        blur(&mut canvas, 0.2);
        let value = |x: i32, y: i32, channel: usize| {
            let at = |v: i32| v.clamp(0, size as i32 - 1) as usize;
            before.pixels[at(y) * size + at(x)][channel]
        };
        for (y, x) in (0..5).flat_map(|y| (0..5).map(move |x| (y, x))) {
            for channel in 0..3 {
                let weights = [(-1, 0.2), (0, 0.6), (1, 0.2)];
                let row = |y| -> f32 {
                    weights.iter().map(|&(dx, weight)| weight * value(x + dx, y, channel)).sum()
                };
                let expected: f32 = weights.iter().map(|&(dy, weight)| weight * row(y + dy)).sum();
                let actual = canvas.pixels[y as usize * size + x as usize][channel];
                assert!(
                    (actual - expected).abs() < 1e-4,
                    "{actual}, expected {expected}, at {x}, {y}"
                );
            }
        }
    }
}
