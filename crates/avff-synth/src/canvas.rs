//! Draws antialiased shapes at the final size of the frame.
//!
//! A shape is a function from a point to its coverage and its color. Points are in units of half a
//! face's width, relative to the center of the face and rotated with it. Every edge is one pixel
//! wide, by the first-order distance to it.

/// R, G, B in `[0, 1]`, gamma-encoded as in an image file.
pub(super) type Color = [f32; 3];

/// A square image in floating point.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Canvas {
    /// Width and height, in pixels.
    pub(super) size: usize,
    /// The pixels, row by row from the top left.
    pub(super) pixels: Vec<Color>,
}

/// The position, size and rotation of a face in the frame.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Placement {
    /// The center, in pixels from the top left corner.
    pub(super) center: (f32, f32),
    /// Half the width, in pixels.
    pub(super) unit: f32,
    /// Sine and cosine of the clockwise rotation.
    pub(super) rotation: (f32, f32),
}

/// The bounds of a shape: left, top, right and bottom, in the face's units.
pub(super) type Bounds = (f32, f32, f32, f32);

impl Placement {
    /// Converts a length to pixels.
    pub(super) fn pixels(&self, length: f32) -> f32 {
        length * self.unit
    }

    /// Returns how much of a pixel lies inside of an edge, from its distance outside of the edge.
    pub(super) fn cover(&self, distance: f32) -> f32 {
        (0.5 - self.pixels(distance)).clamp(0.0, 1.0)
    }
}

impl Canvas {
    pub(super) fn new(size: usize, color: Color) -> Self {
        Self { size, pixels: vec![color; size * size] }
    }

    /// Draws a shape. `paint` returns coverage and color for a point in the face's units.
    pub(super) fn draw(
        &mut self,
        placement: &Placement,
        (left, top, right, bottom): Bounds,
        paint: impl Fn(f32, f32) -> (f32, Color),
    ) {
        let (sine, cosine) = placement.rotation;
        let corners = [(left, top), (right, top), (left, bottom), (right, bottom)];
        let (mut low, mut high) = ((f32::MAX, f32::MAX), (f32::MIN, f32::MIN));
        for (u, v) in corners {
            let x = placement.center.0 + placement.unit * (u * cosine - v * sine);
            let y = placement.center.1 + placement.unit * (u * sine + v * cosine);
            low = (low.0.min(x), low.1.min(y));
            high = (high.0.max(x), high.1.max(y));
        }
        // Casts to integers saturate.
        let until = |high: f32| (high.ceil().max(0.0) as usize).saturating_add(1).min(self.size);
        let (columns, rows) =
            (low.0.max(0.0) as usize..until(high.0), low.1.max(0.0) as usize..until(high.1));
        let scale = 1.0 / placement.unit;
        let (right, down) = (scale * cosine, -scale * sine);
        for y in rows {
            let line = self.pixels.get_mut(y * self.size..(y + 1) * self.size).unwrap_or_default();
            let dy = (y as f32 + 0.5 - placement.center.1) * scale;
            let dx = (0.5 - placement.center.0) * scale;
            let (u, v) = (dx * cosine + dy * sine, dy * cosine - dx * sine);
            let Some(line) = line.get_mut(columns.clone()) else { continue };
            for (pixel, x) in line.iter_mut().zip(columns.start..) {
                let x = x as f32;
                let (share, color) = paint(u + x * right, v + x * down);
                if share > 0.0 {
                    blend(pixel, color, share);
                }
            }
        }
    }

    /// Draws a plain ellipse around `(u, v)`.
    pub(super) fn ellipse(
        &mut self,
        placement: &Placement,
        (u, v): (f32, f32),
        (a, b): (f32, f32),
        color: Color,
        share: f32,
    ) {
        let edge = 1.0 / placement.unit;
        let bounds = (u - a - edge, v - b - edge, u + a + edge, v + b + edge);
        self.draw(placement, bounds, |x, y| {
            (share * placement.cover(signed_distance((x - u) / a, (y - v) / b, (a, b), 0.0)), color)
        });
    }

    /// Draws a spot that fades from its center to nothing at its rim.
    pub(super) fn glow(
        &mut self,
        placement: &Placement,
        (u, v): (f32, f32),
        (a, b): (f32, f32),
        color: Color,
        share: f32,
    ) {
        self.draw(placement, (u - a, v - b, u + a, v + b), |x, y| {
            let (x, y) = ((x - u) / a, (y - v) / b);
            let fade = (1.0 - x * x - y * y).max(0.0);
            (share * fade * fade, color)
        });
    }
}

/// Returns the approximate signed distance of a point from the rim of a squircle with half axes
/// `(a, b)`, negative inside. `x` and `y` are in half axes; `square` goes from 0, an ellipse,
/// towards 1 (Fernández-Guasti 1992).
pub(super) fn signed_distance(x: f32, y: f32, (a, b): (f32, f32), square: f32) -> f32 {
    let (xx, yy) = (x * x, y * y);
    let value = xx + yy - square * xx * yy - 1.0;
    let slope = (2.0 * x * (1.0 - square * yy) / a, 2.0 * y * (1.0 - square * xx) / b);
    value / (slope.0 * slope.0 + slope.1 * slope.1).sqrt().max(1e-3)
}

fn blend(pixel: &mut Color, color: Color, share: f32) {
    for (own, new) in pixel.iter_mut().zip(color) {
        *own += share * (new - *own);
    }
}

/// Interpolates between two colors.
pub(super) fn mix(mut from: Color, to: Color, share: f32) -> Color {
    blend(&mut from, to, share);
    from
}

/// Multiplies a color by a factor.
pub(super) fn scaled(color: Color, factor: f32) -> Color {
    color.map(|value| value * factor)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Compares with the analytic area; a correctly blended edge errs by far less than a pixel.
    #[test]
    fn shapes_have_their_area() {
        for (rotation, center) in [(0.0_f32, (32.0, 32.0)), (0.4, (31.3, 32.8))] {
            let placement = Placement { center, unit: 20.0, rotation: rotation.sin_cos() };
            let mut canvas = Canvas::new(64, [0.0; 3]);
            canvas.ellipse(&placement, (0.2, -0.1), (0.9, 0.4), [1.0; 3], 1.0);
            let area: f32 = canvas.pixels.iter().map(|pixel| pixel[0]).sum();
            let expected = std::f32::consts::PI * 0.9 * 0.4 * 400.0;
            assert!((area - expected).abs() < 0.01 * expected, "{area}, expected {expected}");
        }
    }

    #[test]
    fn shapes_outside_of_the_canvas_are_not_drawn() {
        let placement = Placement { center: (1e9, -1e9), unit: 20.0, rotation: (0.0, 1.0) };
        let mut canvas = Canvas::new(8, [0.5; 3]);
        canvas.ellipse(&placement, (0.0, 0.0), (1.0, 1.0), [1.0; 3], 1.0);
        assert_eq!(canvas, Canvas::new(8, [0.5; 3]));
    }
}
