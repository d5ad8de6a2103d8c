//! A mouth that was put over another: what a tool that re-draws mouths leaves behind.

use super::{
    camera::blur,
    canvas::{Canvas, Color},
    identity::{Identity, real},
    mouth::Mouth,
    pose::Pose,
};
use avff_rng::Rng;

/// What is different within a patch.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Patch {
    /// Added to colours.
    color: Color,
    /// How often the patch is blurred; each time a pixel gets a quarter of both neighbours.
    blurs: usize,
    /// How much of the camera's grain is in it.
    grain: f32,
    /// How wide its edge is, as a share of its size.
    edge: f32,
    /// Its size, against that of the widest mouth.
    size: f32,
}

impl Patch {
    pub(super) fn new(rng: &mut Rng) -> Self {
        let light = real(rng, 0.02, 0.06) * if rng.chance(0.5) { 1.0 } else { -1.0 };
        let tone = [0; 3].map(|_| real(rng, -0.02, 0.02));
        Self {
            color: tone.map(|tone| light + tone),
            blurs: 1 + rng.index(2),
            grain: real(rng, 0.0, 0.4),
            edge: real(rng, 0.1, 0.4),
            size: real(rng, 1.1, 1.35),
        }
    }

    /// How much of each pixel is the patch's.
    fn mask(&self, canvas: &Canvas, identity: &Identity, pose: &Pose, mouth: &Mouth) -> Vec<f32> {
        let mut mask = Canvas::new(canvas.size, [0.0; 3]);
        let (u, v) = (mouth.middle.0, mouth.middle.1 + 0.3 * identity.mouth_open);
        let a = self.size * 1.1 * identity.mouth_width;
        let b = self.size * (0.62 * identity.mouth_open + identity.lip.1);
        mask.draw(&pose.placing, (u - a, v - b, u + a, v + b), |x, y| {
            let (x, y) = ((x - u) / a, (y - v) / b);
            let inside = 1.0 - (x * x + y * y).sqrt();
            ((inside / self.edge).clamp(0.0, 1.0), [1.0; 3])
        });
        mask.pixels.into_iter().map(|[value, ..]| value).collect()
    }

    /// Lays `fake` over `real` around the mouth, both as the lens saw them; returns how much grain each
    /// pixel still gets from the camera.
    pub(super) fn lay(
        &self,
        real: &mut Canvas,
        mut fake: Canvas,
        identity: &Identity,
        pose: &Pose,
        mouth: &Mouth,
    ) -> Vec<f32> {
        let mask = self.mask(real, identity, pose, mouth);
        for _ in 0..self.blurs {
            blur(&mut fake, 0.25);
        }
        for ((own, new), &share) in real.pixels.iter_mut().zip(&fake.pixels).zip(&mask) {
            for ((value, new), color) in own.iter_mut().zip(new).zip(self.color) {
                *value += share * (new + color - *value);
            }
        }
        mask.into_iter().map(|share| 1.0 - share * (1.0 - self.grain)).collect()
    }
}
