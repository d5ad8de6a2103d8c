//! Finds the nearest triangle at every sample of an image.

/// A projected vertex: column and row in samples, and the inverse of the distance.
pub(super) type Point = [f32; 3];

/// What a triangle counts as while it is drawn.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Draw {
    /// The number that the samples get.
    pub(super) number: u32,
    /// Whether the back is visible too.
    pub(super) two_sided: bool,
    /// A factor on the inverse distance; below 1, the triangle yields to others at its place.
    pub(super) nearness: f32,
}

/// A sample's triangle, and the weights of its first and second corner.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Hit {
    pub(super) number: u32,
    pub(super) weights: [f32; 2],
}

/// The number of samples that no triangle covers.
pub(super) const NOTHING: u32 = u32::MAX;
/// How far a triangle reaches over its edge, so that rounding leaves no gap to its neighbor.
const SEAM: f32 = 1e-4;
const EMPTY: Hit = Hit { number: NOTHING, weights: [0.0; 2] };

/// The nearest triangle at each sample.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Raster {
    pub(super) width: usize,
    pub(super) height: usize,
    /// The inverse distance; 0 is infinitely far.
    pub(super) near: Vec<f32>,
    pub(super) hits: Vec<Hit>,
}

impl Raster {
    pub(super) fn new(width: usize, height: usize) -> Self {
        let samples = width * height;
        Self { width, height, near: vec![0.0; samples], hits: vec![EMPTY; samples] }
    }

    /// Draws a triangle where `keep` returns true for the weights of its first two corners.
    pub(super) fn draw(
        &mut self,
        [a, b, c]: [Point; 3],
        draw: Draw,
        keep: impl Fn(f32, f32) -> bool,
    ) {
        let area = (b[0] - a[0]) * (c[1] - a[1]) - (c[0] - a[0]) * (b[1] - a[1]);
        // Rows count downwards, so the front has a negative area. NaN is left out as well.
        if !(area < -1e-6 || draw.two_sided && area > 1e-6) {
            return;
        }
        let low = |at: usize| a[at].min(b[at]).min(c[at]) - 0.5;
        let high = |at: usize| a[at].max(b[at]).max(c[at]) - 0.5;
        let (right, bottom) = (high(0), high(1));
        if right < 0.0 || bottom < 0.0 {
            return;
        }
        // Casts to integers saturate, and round towards zero. They are faster than `ceil`.
        let first = |value: f32| {
            let whole = value.max(0.0) as usize;
            whole + usize::from((whole as f32) < value)
        };
        let (x0, y0) = (first(low(0)), first(low(1)));
        let (x1, y1) =
            ((right as usize).min(self.width - 1), (bottom as usize).min(self.height - 1));
        if x0 > x1 || y0 > y1 {
            return;
        }
        let inverse = 1.0 / area;
        let du = [(b[1] - c[1]) * inverse, (c[0] - b[0]) * inverse];
        let dv = [(c[1] - a[1]) * inverse, (a[0] - c[0]) * inverse];
        let slopes = [(a[2] - c[2]) * draw.nearness, (b[2] - c[2]) * draw.nearness];
        let base = c[2] * draw.nearness;
        let (px, py) = (x0 as f32 + 0.5 - c[0], y0 as f32 + 0.5 - c[1]);
        let (mut u0, mut v0) = (px * du[0] + py * du[1], px * dv[0] + py * dv[1]);
        for y in y0..=y1 {
            let row = y * self.width;
            let (mut u, mut v) = (u0, v0);
            let near = self.near.get_mut(row + x0..=row + x1).unwrap_or_default();
            let hits = self.hits.get_mut(row + x0..=row + x1).unwrap_or_default();
            for (near, hit) in near.iter_mut().zip(hits) {
                if u >= -SEAM && v >= -SEAM && u + v <= 1.0 + SEAM {
                    let value = base + u * slopes[0] + v * slopes[1];
                    if value > *near && keep(u, v) {
                        *near = value;
                        *hit = Hit { number: draw.number, weights: [u, v] };
                    }
                }
                u += du[0];
                v += dv[0];
            }
            u0 += du[1];
            v0 += dv[1];
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const FRONT: Draw = Draw { number: 7, two_sided: false, nearness: 1.0 };

    fn covered(raster: &Raster) -> usize {
        raster.hits.iter().filter(|hit| hit.number != NOTHING).count()
    }

    #[test]
    fn backs_are_not_drawn() {
        // Counterclockwise as seen, which is clockwise in rows that count downwards.
        let front = [[2.0, 18.0, 0.1], [18.0, 18.0, 0.1], [2.0, 2.0, 0.1]];
        let back = [front[0], front[2], front[1]];
        let mut raster = Raster::new(20, 20);
        raster.draw(back, FRONT, |_, _| true);
        assert_eq!(covered(&raster), 0);
        raster.draw(front, FRONT, |_, _| true);
        // Half of 16 x 16, and half of the samples on the diagonal.
        assert!((120..=136).contains(&covered(&raster)), "{}", covered(&raster));
        let mut raster = Raster::new(20, 20);
        raster.draw(back, Draw { two_sided: true, ..FRONT }, |u, _| u > 0.5);
        assert!((25..=40).contains(&covered(&raster)), "{}", covered(&raster));
    }

    #[test]
    fn the_nearer_triangle_wins_in_any_order() {
        let at = |near: f32| [[0.0, 30.0, near], [30.0, 30.0, near], [0.0, 0.0, near]];
        let far = Draw { number: 1, ..FRONT };
        for order in [[0.2, 0.1], [0.1, 0.2]] {
            let mut raster = Raster::new(8, 8);
            for near in order {
                raster.draw(at(near), if near > 0.15 { FRONT } else { far }, |_, _| true);
            }
            assert_eq!(raster.hits[7 * 8 + 1].number, 7);
        }
        // A triangle that yields loses against one slightly behind it.
        let mut raster = Raster::new(8, 8);
        raster.draw(at(0.1), far, |_, _| true);
        raster.draw(at(0.101), Draw { nearness: 0.98, ..FRONT }, |_, _| true);
        assert_eq!(raster.hits[7 * 8 + 1].number, 1);
    }

    #[test]
    fn triangles_outside_or_without_area_are_not_drawn() {
        let mut raster = Raster::new(8, 8);
        for triangle in [
            [[-9.0, 5.0, 0.1], [-2.0, 5.0, 0.1], [-9.0, 1.0, 0.1]],
            [[1e9, 5.0, 0.1], [2e9, 5.0, 0.1], [1e9, 1.0, 0.1]],
            [[1.0, 1.0, 0.1], [2.0, 2.0, 0.1], [3.0, 3.0, 0.1]],
            [[f32::NAN, 1.0, 0.1], [2.0, 2.0, 0.1], [3.0, 3.0, 0.1]],
        ] {
            raster.draw(triangle, Draw { two_sided: true, ..FRONT }, |_, _| true);
        }
        assert_eq!(covered(&raster), 0);
    }
}
