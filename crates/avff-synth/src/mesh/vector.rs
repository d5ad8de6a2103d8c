//! Points and directions in space, in decimetres: x to the person's left, y up, z to the front.

/// A point or a direction.
pub(super) type Vec3 = [f32; 3];

pub(super) fn add(a: Vec3, b: Vec3) -> Vec3 {
    [a[0] + b[0], a[1] + b[1], a[2] + b[2]]
}

pub(super) fn sub(a: Vec3, b: Vec3) -> Vec3 {
    [a[0] - b[0], a[1] - b[1], a[2] - b[2]]
}

pub(super) fn scale(a: Vec3, factor: f32) -> Vec3 {
    a.map(|value| value * factor)
}

/// Returns `a + share * b`.
pub(super) fn along(a: Vec3, b: Vec3, share: f32) -> Vec3 {
    [a[0] + share * b[0], a[1] + share * b[1], a[2] + share * b[2]]
}

pub(super) fn dot(a: Vec3, b: Vec3) -> f32 {
    a[0] * b[0] + a[1] * b[1] + a[2] * b[2]
}

pub(super) fn cross(a: Vec3, b: Vec3) -> Vec3 {
    [a[1] * b[2] - a[2] * b[1], a[2] * b[0] - a[0] * b[2], a[0] * b[1] - a[1] * b[0]]
}

/// Returns the direction with length 1; zero stays zero.
pub(super) fn unit(a: Vec3) -> Vec3 {
    scale(a, 1.0 / dot(a, a).sqrt().max(1e-12))
}

/// Interpolates from 0 at `low` to 1 at `high` without corners.
pub(super) fn smooth(low: f32, high: f32, value: f32) -> f32 {
    let t = ((value - low) / (high - low)).clamp(0.0, 1.0);
    t * t * (3.0 - 2.0 * t)
}

/// A rotation, as rows.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Rotation([Vec3; 3]);

impl Rotation {
    /// Turns by `yaw` to the person's left, then nods by `pitch` downwards, then tilts by `roll`
    /// towards the person's right shoulder, in radians.
    pub(super) fn new(yaw: f32, pitch: f32, roll: f32) -> Self {
        let [(sy, cy), (sp, cp), (sr, cr)] =
            [yaw, pitch, roll].map(|angle| (libm::sinf(angle), libm::cosf(angle)));
        let yaw = [[cy, 0.0, sy], [0.0, 1.0, 0.0], [-sy, 0.0, cy]];
        let pitch = [[1.0, 0.0, 0.0], [0.0, cp, -sp], [0.0, sp, cp]];
        let roll = [[cr, sr, 0.0], [-sr, cr, 0.0], [0.0, 0.0, 1.0]];
        Self(product(&roll, &product(&pitch, &yaw)))
    }

    pub(super) fn apply(&self, a: Vec3) -> Vec3 {
        self.0.map(|row| dot(row, a))
    }
}

fn product(a: &[Vec3; 3], b: &[Vec3; 3]) -> [Vec3; 3] {
    let column = |at: usize| [b[0][at], b[1][at], b[2][at]];
    a.map(|row| [dot(row, column(0)), dot(row, column(1)), dot(row, column(2))])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rotations_turn_to_the_stated_sides() {
        let front = [0.0, 0.0, 1.0];
        let left = Rotation::new(0.5, 0.0, 0.0).apply(front);
        assert!(left[0] > 0.4 && left[1].abs() < 1e-6);
        let down = Rotation::new(0.0, 0.5, 0.0).apply(front);
        assert!(down[1] < -0.4 && down[0].abs() < 1e-6);
        let tilted = Rotation::new(0.0, 0.0, 0.5).apply([0.0, 1.0, 0.0]);
        assert!(tilted[0] > 0.4 && tilted[2].abs() < 1e-6);
        assert!((dot(left, left) - 1.0).abs() < 1e-5);
    }
}
