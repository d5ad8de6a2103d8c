//! Shapes with soft edges, drawn straight at the size of the picture.
//!
//! A shape is a function from a point to how much of it is covered and by which colour. Points are in
//! units of half a face's width, around the middle of the face and turned with it; an edge is a
//! pixel wide wherever it lies, by the first-order distance to it.

/// R, G, B in `[0, 1]`, as a file has them.
pub(super) type Color = [f32; 3];

/// A picture that is drawn on.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Canvas {
    /// Pixels a side.
    pub(super) size: usize,
    /// Row by row from the top left.
    pub(super) pixels: Vec<Color>,
}

/// Where a face lies in the picture.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Placing {
    /// Its middle, in pixels from the top left corner.
    pub(super) middle: (f32, f32),
    /// Half its width, in pixels.
    pub(super) unit: f32,
    /// Sine and cosine of the angle that it is turned by, clockwise.
    pub(super) turn: (f32, f32),
}

/// What a shape may cover: left, top, right and bottom, in the face's units.
pub(super) type Reach = (f32, f32, f32, f32);

impl Placing {
    /// A length in pixels.
    pub(super) fn pixels(&self, length: f32) -> f32 {
        length * self.unit
    }

    /// How much of a pixel is on the inner side of an edge, from its distance beyond it.
    pub(super) fn cover(&self, beyond: f32) -> f32 {
        (0.5 - self.pixels(beyond)).clamp(0.0, 1.0)
    }
}

impl Canvas {
    pub(super) fn new(size: usize, color: Color) -> Self {
        Self { size, pixels: vec![color; size * size] }
    }

    /// Draws a shape: `paint` says for a point in the face's units how much is covered, by what.
    pub(super) fn draw(
        &mut self,
        placing: &Placing,
        (left, top, right, bottom): Reach,
        paint: impl Fn(f32, f32) -> (f32, Color),
    ) {
        let (sine, cosine) = placing.turn;
        let corners = [(left, top), (right, top), (left, bottom), (right, bottom)];
        let (mut low, mut high) = ((f32::MAX, f32::MAX), (f32::MIN, f32::MIN));
        for (u, v) in corners {
            let x = placing.middle.0 + placing.unit * (u * cosine - v * sine);
            let y = placing.middle.1 + placing.unit * (u * sine + v * cosine);
            low = (low.0.min(x), low.1.min(y));
            high = (high.0.max(x), high.1.max(y));
        }
        // Casts to integers saturate.
        let until = |high: f32| (high.ceil().max(0.0) as usize).saturating_add(1).min(self.size);
        let (columns, rows) =
            (low.0.max(0.0) as usize..until(high.0), low.1.max(0.0) as usize..until(high.1));
        let scale = 1.0 / placing.unit;
        let (right, down) = (scale * cosine, -scale * sine);
        for y in rows {
            let line = self.pixels.get_mut(y * self.size..(y + 1) * self.size).unwrap_or_default();
            let dy = (y as f32 + 0.5 - placing.middle.1) * scale;
            let dx = (0.5 - placing.middle.0) * scale;
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

    /// A plain ellipse around (u, v).
    pub(super) fn ellipse(
        &mut self,
        placing: &Placing,
        (u, v): (f32, f32),
        (a, b): (f32, f32),
        color: Color,
        share: f32,
    ) {
        let edge = 1.0 / placing.unit;
        let reach = (u - a - edge, v - b - edge, u + a + edge, v + b + edge);
        self.draw(placing, reach, |x, y| {
            (share * placing.cover(beyond((x - u) / a, (y - v) / b, (a, b), 0.0)), color)
        });
    }

    /// A spot that fades from its middle to nothing at its rim.
    pub(super) fn glow(
        &mut self,
        placing: &Placing,
        (u, v): (f32, f32),
        (a, b): (f32, f32),
        color: Color,
        share: f32,
    ) {
        self.draw(placing, (u - a, v - b, u + a, v + b), |x, y| {
            let (x, y) = ((x - u) / a, (y - v) / b);
            let left = (1.0 - x * x - y * y).max(0.0);
            (share * left * left, color)
        });
    }
}

/// How far a point lies beyond the rim of a squircle with half axes `(a, b)`, about, and negative inside
/// it. `x` and `y` are in half axes; `square` from 0, an ellipse, towards 1 (Fernández-Guasti 1992).
pub(super) fn beyond(x: f32, y: f32, (a, b): (f32, f32), square: f32) -> f32 {
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

/// A colour between two.
pub(super) fn between(mut from: Color, to: Color, share: f32) -> Color {
    blend(&mut from, to, share);
    from
}

/// A colour made lighter or darker.
pub(super) fn lit(color: Color, factor: f32) -> Color {
    color.map(|value| value * factor)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Against the areas of geometry; an edge that is blended right errs by far less than a pixel.
    #[test]
    fn shapes_have_their_area() {
        for (turn, middle) in [(0.0_f32, (32.0, 32.0)), (0.4, (31.3, 32.8))] {
            let placing = Placing { middle, unit: 20.0, turn: turn.sin_cos() };
            let mut canvas = Canvas::new(64, [0.0; 3]);
            canvas.ellipse(&placing, (0.2, -0.1), (0.9, 0.4), [1.0; 3], 1.0);
            let area: f32 = canvas.pixels.iter().map(|pixel| pixel[0]).sum();
            let want = std::f32::consts::PI * 0.9 * 0.4 * 400.0;
            assert!((area - want).abs() < 0.01 * want, "{area}, not {want}");
        }
    }

    #[test]
    fn what_lies_outside_is_not_drawn() {
        let placing = Placing { middle: (1e9, -1e9), unit: 20.0, turn: (0.0, 1.0) };
        let mut canvas = Canvas::new(8, [0.5; 3]);
        canvas.ellipse(&placing, (0.0, 0.0), (1.0, 1.0), [1.0; 3], 1.0);
        assert_eq!(canvas, Canvas::new(8, [0.5; 3]));
    }
}
