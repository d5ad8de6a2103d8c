//! Projects points of space to the frame.

use super::vector::Vec3;

/// A pinhole camera that looks along the negative z axis.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Lens {
    /// The point of the frame, in pixels, at which `target` appears.
    pub(super) center: (f32, f32),
    /// The point of space in the middle of the picture.
    pub(super) target: Vec3,
    /// The distance to the target, in decimetres. Nearer cameras distort more.
    pub(super) distance: f32,
    /// Pixels of a decimetre at the target.
    pub(super) scale: f32,
    /// Sine and cosine of the camera's roll.
    pub(super) roll: (f32, f32),
}

/// The least distance of a visible point to the camera, in decimetres.
const NEAREST: f32 = 0.5;

impl Lens {
    /// Returns column and row of a point in pixels, and the inverse of its distance. Points behind
    /// the camera have the column NaN, which no triangle is drawn with.
    pub(super) fn project(&self, point: Vec3) -> [f32; 3] {
        let away = self.distance - (point[2] - self.target[2]);
        if away < NEAREST {
            return [f32::NAN, 0.0, 0.0];
        }
        let factor = self.scale * self.distance / away;
        let (x, y) = (factor * (point[0] - self.target[0]), -factor * (point[1] - self.target[1]));
        let (sine, cosine) = self.roll;
        [self.center.0 + x * cosine - y * sine, self.center.1 + x * sine + y * cosine, 1.0 / away]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nearer_things_are_larger_and_the_target_is_centered() {
        let lens = Lens {
            center: (50.0, 40.0),
            target: [0.0, 7.0, 1.0],
            distance: 10.0,
            scale: 20.0,
            roll: (0.0, 1.0),
        };
        assert_eq!(lens.project(lens.target), [50.0, 40.0, 0.1]);
        assert_eq!(lens.project([1.0, 8.0, 1.0])[..2], [70.0, 20.0]);
        assert_eq!(lens.project([1.0, 7.0, 6.0])[..2], [90.0, 40.0]);
        assert!(lens.project([1.0, 7.0, 11.0])[0].is_nan());
    }
}
