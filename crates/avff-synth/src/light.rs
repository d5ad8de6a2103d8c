//! The light of a scene.

use super::identity::uniform;
use avff_rng::Rng;

/// One directional light and ambient light.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Light {
    /// The direction towards the light, a unit vector: right, down, and to the camera.
    pub(super) direction: [f32; 3],
    /// The intensities of the ambient and of the directional light.
    pub(super) ambient: f32,
    pub(super) directional: f32,
}

impl Light {
    pub(super) fn new(rng: &mut Rng) -> Self {
        let (x, y) = (uniform(rng, -0.8, 0.8), uniform(rng, -0.8, 0.2));
        let length = (x * x + y * y + 0.6).sqrt();
        let directional = uniform(rng, 0.15, 0.6);
        let direction = [x / length, y / length, 0.6_f32.sqrt() / length];
        Self { direction, ambient: 1.0 - 0.8 * directional, directional }
    }

    /// Returns the shading factor of a surface that faces the camera and whose normal has the
    /// components `(x, y)`.
    pub(super) fn shading(&self, x: f32, y: f32) -> f32 {
        let z = (1.0 - x * x - y * y).max(0.0).sqrt();
        let [right, down, near] = self.direction;
        self.ambient + self.directional * (x * right + y * down + z * near).max(0.0)
    }
}
