//! Simple solids: glasses, earrings, hats, microphones and hands are made of them.

use std::f32::consts::{PI, TAU};

use super::{
    color::Rgb,
    vector::{Vec3, add, along, cross, scale, sub, unit},
};

/// What a part moves with.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Holder {
    Head,
    Torso,
    /// The part passes the camera: it is at its place at `time` seconds and moves by `velocity`
    /// in decimetres per second.
    Passing {
        time: f32,
        velocity: Vec3,
    },
}

/// A solid with one color.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Part {
    pub(super) positions: Vec<Vec3>,
    pub(super) triangles: Vec<[u16; 3]>,
    pub(super) color: Rgb,
    pub(super) gloss: f32,
    pub(super) holder: Holder,
}

impl Part {
    pub(super) fn new(color: Rgb, gloss: f32, holder: Holder) -> Self {
        Self { positions: Vec::new(), triangles: Vec::new(), color, gloss, holder }
    }

    /// Adds a grid of points; neighbors in `rows` and `columns` are joined. With `closed`, the last
    /// column is joined with the first.
    fn grid(
        &mut self,
        rows: usize,
        columns: usize,
        closed: bool,
        at: impl Fn(usize, usize) -> Vec3,
    ) {
        let start = self.positions.len();
        for row in 0..rows {
            self.positions.extend((0..columns).map(|column| at(row, column)));
        }
        let index = |row: usize, column: usize| (start + row * columns + column % columns) as u16;
        for row in 0..rows.saturating_sub(1) {
            for column in 0..(if closed { columns } else { columns - 1 }) {
                let [a, b] = [index(row, column), index(row, column + 1)];
                let [c, d] = [index(row + 1, column), index(row + 1, column + 1)];
                self.triangles.extend([[a, b, c], [b, d, c]]);
            }
        }
    }

    /// Adds an ellipsoid with half axes `radii`.
    pub(super) fn ellipsoid(&mut self, center: Vec3, radii: Vec3) {
        self.grid(9, 14, true, |row, column| {
            let (polar, around) = (PI * row as f32 / 8.0, TAU * column as f32 / 14.0);
            let ring = libm::sinf(polar);
            let direction =
                [ring * libm::sinf(around), -libm::cosf(polar), ring * libm::cosf(around)];
            [0, 1, 2].map(|at| center[at] + radii[at] * direction[at])
        });
    }

    /// Adds a tube along a line of points; `closed` joins its ends.
    pub(super) fn tube(&mut self, line: &[Vec3], radius: f32, closed: bool) {
        let count = line.len();
        if count < 2 {
            return;
        }
        let point = |at: usize| line[at % count];
        let rows = if closed { count + 1 } else { count };
        self.grid(rows, 6, true, |row, column| {
            let row = row % count;
            let before = if closed { point(row + count - 1) } else { point(row.saturating_sub(1)) };
            let after = if closed { point(row + 1) } else { point((row + 1).min(count - 1)) };
            let forward = unit(sub(after, before));
            let side = unit(cross(forward, [0.31, 0.52, 0.80]));
            let up = cross(forward, side);
            let angle = TAU * column as f32 / 6.0;
            let ring = along(scale(side, libm::cosf(angle)), up, libm::sinf(angle));
            add(point(row), scale(ring, radius))
        });
    }

    /// Adds a sheet of `rows` by `columns` points.
    pub(super) fn sheet(&mut self, rows: usize, columns: usize, at: impl Fn(f32, f32) -> Vec3) {
        self.grid(rows, columns, false, |row, column| {
            at(row as f32 / (rows - 1) as f32, column as f32 / (columns - 1) as f32)
        });
    }
}

#[cfg(test)]
mod tests {
    use super::{super::vector::dot, *};

    #[test]
    fn solids_face_outwards() {
        let mut ball = Part::new([1.0; 3], 0.0, Holder::Head);
        ball.ellipsoid([1.0, 2.0, 3.0], [0.5, 0.7, 0.3]);
        let mut tube = Part::new([1.0; 3], 0.0, Holder::Head);
        tube.tube(&[[0.0; 3], [0.0, 1.0, 0.0], [0.0, 2.0, 0.1]], 0.2, false);
        for (part, center) in [(&ball, [1.0, 2.0, 3.0]), (&tube, [0.0, 1.0, 0.0])] {
            let (mut outward, mut count) = (0, 0);
            for triangle in &part.triangles {
                let [a, b, c] = triangle.map(|vertex| part.positions[usize::from(vertex)]);
                let normal = cross(sub(b, a), sub(c, a));
                if dot(normal, normal) > 1e-9 {
                    count += 1;
                    outward += usize::from(dot(normal, sub(a, center)) > 0.0);
                }
            }
            assert!(count > 20 && outward > count * 9 / 10, "{outward} of {count}");
        }
    }
}
