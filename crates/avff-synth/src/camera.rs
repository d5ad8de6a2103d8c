//! What a camera makes of a scene: background, colour, blur, grain, and the file.

use super::{
    canvas::{Canvas, Color, Placing, between},
    identity::real,
    light::Light,
};
use avff_media::Frame;
use avff_rng::Rng;

/// How many grains there are to choose from: more than a row has values.
const GRAINS: usize = 1 << 13;

/// A camera before a background.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Camera {
    background: Canvas,
    pub(super) light: Light,
    /// What colours are multiplied by.
    tint: Color,
    /// Share of each neighbour in a pixel.
    blur: f32,
    /// Deviation of its grain, of full scale.
    pub(super) grain: f32,
    grains: Vec<f32>,
    /// Quality of the JPEG files, from 1 to 100.
    pub(super) quality: u8,
}

impl Camera {
    /// `grains` draws its noise, `rng` everything else.
    pub(super) fn new(size: usize, rng: &mut Rng, grains: &mut Rng) -> Self {
        let light = Light::new(rng);
        let exposure = real(rng, 0.8, 1.12);
        let warm = real(rng, -0.08, 0.08);
        let tint = [exposure * (1.0 + warm), exposure, exposure * (1.0 - warm)];
        let blur = real(rng, 0.0, 0.22);
        let grain = real(rng, 0.004, 0.022);
        let quality = 70 + rng.below(26) as u8;
        let grains = (0..GRAINS).map(|_| grains.normal() as f32).collect();
        Self { background: background(size, rng), light, tint, blur, grain, grains, quality }
    }

    /// The background, to draw on.
    pub(super) fn scene(&self) -> Canvas {
        self.background.clone()
    }

    /// A scene through the lens; without grain.
    pub(super) fn see(&self, scene: &mut Canvas) {
        for pixel in &mut scene.pixels {
            for (value, tint) in pixel.iter_mut().zip(self.tint) {
                *value *= tint;
            }
        }
        blur(scene, self.blur);
    }

    /// Adds grain; where `shares` has values, as much of it at each pixel.
    pub(super) fn grain(&self, canvas: &mut Canvas, shares: Option<&[f32]>, rng: &mut Rng) {
        let width = canvas.size.max(1);
        let mut shares = shares.into_iter().flat_map(|shares| shares.chunks_exact(width));
        for row in canvas.pixels.chunks_exact_mut(width) {
            // Each row has grains from another place.
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

/// To 8 bits.
pub(super) fn developed(canvas: &Canvas) -> Frame {
    let bytes = canvas.pixels.iter().flatten();
    // Casts to integers saturate.
    let rgb = bytes.map(|value| (value * 255.0 + 0.5) as u8).collect();
    Frame { width: canvas.size, height: canvas.size, rgb }
}

/// Gives each pixel's neighbours, along rows and then columns, a share of it; at the rim a pixel is its
/// own neighbour.
pub(super) fn blur(canvas: &mut Canvas, share: f32) {
    let width = canvas.size.max(1);
    let mix = |before: f32, own: f32, after: f32| own + share * (before + after - 2.0 * own);
    // With the first and the last pixel twice.
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
            *out = mix(before, own, after);
        }
    }
    // Rows as they were, while they become others.
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
            *out = mix(above, own, below);
        }
        std::mem::swap(&mut above, &mut own);
    }
}

/// Something out of focus: a gradient with a few spots.
fn background(size: usize, rng: &mut Rng) -> Canvas {
    let any = |rng: &mut Rng| [0; 3].map(|_| real(rng, 0.1, 0.9));
    let (one, other) = (any(rng), any(rng));
    let (across, down) = (real(rng, -1.0, 1.0), real(rng, -1.0, 1.0));
    let mut canvas = Canvas::new(size, one);
    let placing = Placing { middle: (0.0, 0.0), unit: size as f32, turn: (0.0, 1.0) };
    canvas.draw(&placing, (0.0, 0.0, 1.0, 1.0), |x, y| {
        (1.0, between(one, other, (0.5 + across * (x - 0.5) + down * (y - 0.5)).clamp(0.0, 1.0)))
    });
    for _ in 0..3 + rng.below(5) {
        let middle = (real(rng, 0.0, 1.0), real(rng, 0.0, 1.0));
        let half = (real(rng, 0.08, 0.4), real(rng, 0.08, 0.4));
        let (color, share) = (any(rng), real(rng, 0.3, 0.9));
        if rng.chance(0.5) {
            canvas.glow(&placing, middle, half, color, share);
        } else {
            canvas.ellipse(&placing, middle, half, color, share);
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

    /// Against the definition, at a rim and a corner too; tolerance for sums in another order.
    #[test]
    fn blur_is_separable_and_keeps_the_rim() {
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
                let want: f32 = weights.iter().map(|&(dy, weight)| weight * row(y + dy)).sum();
                let got = canvas.pixels[y as usize * size + x as usize][channel];
                assert!((got - want).abs() < 1e-4, "{got}, not {want}, at {x}, {y}");
            }
        }
    }
}
