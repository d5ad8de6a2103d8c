//! Where light comes from.

use super::identity::real;
use avff_rng::Rng;

/// Everything that a picture is lit by.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Light {
    /// Towards the light, a unit vector: right, down, and to the camera.
    pub(super) from: [f32; 3],
    /// What falls on everything, and what comes from the light.
    pub(super) even: f32,
    pub(super) directed: f32,
}

impl Light {
    pub(super) fn new(rng: &mut Rng) -> Self {
        let (x, y) = (real(rng, -0.8, 0.8), real(rng, -0.8, 0.2));
        let length = (x * x + y * y + 0.6).sqrt();
        let directed = real(rng, 0.15, 0.6);
        let from = [x / length, y / length, 0.6_f32.sqrt() / length];
        Self { from, even: 1.0 - 0.8 * directed, directed }
    }

    /// What a surface is multiplied by whose normal is `(x, y)` and towards the camera.
    pub(super) fn on(&self, x: f32, y: f32) -> f32 {
        let z = (1.0 - x * x - y * y).max(0.0).sqrt();
        let [right, down, near] = self.from;
        self.even + self.directed * (x * right + y * down + z * near).max(0.0)
    }
}
