//! An image in linear light.

use super::color::Rgb;

/// An image, row by row from the top left.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Picture {
    pub(super) width: usize,
    pub(super) height: usize,
    pub(super) pixels: Vec<Rgb>,
}

impl Picture {
    pub(super) fn new(width: usize, height: usize, color: Rgb) -> Self {
        Self { width, height, pixels: vec![color; width * height] }
    }

    /// Changes every pixel with a function of its column and row.
    pub(super) fn paint(&mut self, paint: impl Fn(usize, usize, Rgb) -> Rgb) {
        for (y, row) in self.pixels.chunks_exact_mut(self.width.max(1)).enumerate() {
            for (x, pixel) in row.iter_mut().enumerate() {
                *pixel = paint(x, y, *pixel);
            }
        }
    }

    /// Blurs along rows and columns: each neighbor gets weight `share`. At the edge, a pixel is its
    /// own neighbor.
    pub(super) fn blur(&mut self, share: f32) {
        let width = self.width.max(1);
        let weighted = |before: Rgb, own: Rgb, after: Rgb| {
            [0, 1, 2].map(|at| own[at] + share * (before[at] + after[at] - 2.0 * own[at]))
        };
        for row in self.pixels.chunks_exact_mut(width) {
            let mut before = row.first().copied().unwrap_or_default();
            for at in 0..row.len() {
                let own = row[at];
                let after = row.get(at + 1).copied().unwrap_or(own);
                row[at] = weighted(before, own, after);
                before = own;
            }
        }
        let mut above = self.pixels.get(..width).unwrap_or_default().to_vec();
        for y in 0..self.height {
            let (upper, lower) = self.pixels.split_at_mut((y + 1) * width);
            let row = upper.get_mut(y * width..).unwrap_or_default();
            let own = row.to_vec();
            let below = lower.get(..width).unwrap_or(&own);
            for (at, pixel) in row.iter_mut().enumerate() {
                *pixel = weighted(above[at], own[at], below[at]);
            }
            above = own;
        }
    }

    /// Strengthens the difference of each pixel to its surroundings by `amount`.
    pub(super) fn sharpen(&mut self, amount: f32) {
        let mut soft = self.clone();
        soft.blur(0.25);
        for (pixel, soft) in self.pixels.iter_mut().zip(&soft.pixels) {
            for at in 0..3 {
                pixel[at] = (pixel[at] + amount * (pixel[at] - soft[at])).max(0.0);
            }
        }
    }

    /// Adds `share` times the light of another picture.
    pub(super) fn add(&mut self, other: &Self, share: f32) {
        for (pixel, other) in self.pixels.iter_mut().zip(&other.pixels) {
            for at in 0..3 {
                pixel[at] += share * other[at];
            }
        }
    }

    /// Blurs strongly: three moving averages along rows and columns, which are nearly a Gaussian of
    /// standard deviation `sigma` pixels.
    pub(super) fn blur_much(&mut self, sigma: f32) {
        let reach = (sigma + 0.3) as usize;
        if reach == 0 || self.pixels.is_empty() {
            return;
        }
        for _ in 0..3 {
            for row in self.pixels.chunks_exact_mut(self.width) {
                average(row, reach);
            }
            let mut column = Vec::with_capacity(self.height);
            for x in 0..self.width {
                column.clear();
                column.extend(self.pixels.iter().skip(x).step_by(self.width).copied());
                average(&mut column, reach);
                let pixels = self.pixels.iter_mut().skip(x).step_by(self.width);
                pixels.zip(&column).for_each(|(pixel, &value)| *pixel = value);
            }
        }
    }
}

/// Replaces each color by the mean of those within `reach`; the ends are repeated.
fn average(line: &mut [Rgb], reach: usize) {
    let own = line.to_vec();
    let last = own.len().saturating_sub(1);
    let at =
        |index: usize| own.get(index.saturating_sub(reach).min(last)).copied().unwrap_or_default();
    let mut sum = [0.0; 3];
    for index in 0..=2 * reach {
        let value = at(index);
        sum = [sum[0] + value[0], sum[1] + value[1], sum[2] + value[2]];
    }
    let share = 1.0 / (2 * reach + 1) as f32;
    for (index, pixel) in line.iter_mut().enumerate() {
        *pixel = sum.map(|value| value * share);
        let (new, old) = (at(index + 2 * reach + 1), at(index));
        for channel in 0..3 {
            sum[channel] += new[channel] - old[channel];
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn dot(side: usize) -> Picture {
        let mut picture = Picture::new(side, side, [0.0; 3]);
        picture.pixels[side / 2 * side + side / 2] = [1.0, 2.0, 4.0];
        picture
    }

    #[test]
    fn blurs_keep_the_light_and_spread_it_evenly() {
        let side = 41;
        let mut soft = dot(side);
        soft.blur(0.2);
        assert!((soft.pixels[20 * side + 20][1] - 2.0 * 0.36).abs() < 1e-5);
        assert!((soft.pixels[21 * side + 19][1] - 2.0 * 0.04).abs() < 1e-5);
        let mut much = dot(side);
        much.blur_much(4.0);
        let sum: f32 = much.pixels.iter().map(|pixel| pixel[2]).sum();
        assert!((sum - 4.0).abs() < 1e-3, "{sum}");
        let variance: f32 = much
            .pixels
            .iter()
            .enumerate()
            .map(|(at, pixel)| {
                let away = (at % side) as f32 - 20.0;
                away * away * pixel[0]
            })
            .sum();
        // Three averages over nine pixels have a variance of 3 x 80 / 12.
        assert!((variance - 20.0).abs() < 0.1, "{variance}");
    }

    #[test]
    fn sharpening_strengthens_edges_only() {
        let mut flat = Picture::new(9, 9, [0.5; 3]);
        flat.sharpen(0.8);
        assert!(flat.pixels.iter().all(|pixel| (pixel[0] - 0.5).abs() < 1e-6));
        let mut edge = Picture::new(9, 9, [0.5; 3]);
        edge.paint(|x, _, color| if x < 4 { color } else { [1.0; 3] });
        edge.sharpen(0.8);
        assert!(edge.pixels[4 * 9 + 4][0] > 1.05 && edge.pixels[4 * 9 + 3][0] < 0.45);
    }
}
