//! Simulates the artifacts of a tool that redraws mouths: a patch with another mouth.

use super::{
    camera::blur,
    canvas::{Canvas, Color},
    identity::{Identity, uniform},
    mouth::Mouth,
    pose::Pose,
};
use avff_rng::Rng;

/// The artifacts of a patch.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Patch {
    /// The offset of the colors.
    color: Color,
    /// The number of blurs; each gives both neighbors of a pixel a weight of a quarter.
    blurs: usize,
    /// The fraction of the camera's grain inside of the patch.
    grain: f32,
    /// The width of the soft edge, relative to the patch.
    edge: f32,
    /// The size, relative to the widest mouth.
    size: f32,
}

impl Patch {
    pub(super) fn new(rng: &mut Rng) -> Self {
        let light = uniform(rng, 0.02, 0.06) * if rng.bernoulli(0.5) { 1.0 } else { -1.0 };
        let tone = [0; 3].map(|_| uniform(rng, -0.02, 0.02));
        Self {
            color: tone.map(|tone| light + tone),
            blurs: 1 + rng.index(2),
            grain: uniform(rng, 0.0, 0.4),
            edge: uniform(rng, 0.1, 0.4),
            size: uniform(rng, 1.1, 1.35),
        }
    }

    /// Returns the opacity of the patch at each pixel.
    fn mask(&self, canvas: &Canvas, identity: &Identity, pose: &Pose, mouth: &Mouth) -> Vec<f32> {
        let mut mask = Canvas::new(canvas.size, [0.0; 3]);
        let (u, v) = (mouth.center.0, mouth.center.1 + 0.3 * identity.mouth_open);
        let a = self.size * 1.1 * identity.mouth_width;
        let b = self.size * (0.62 * identity.mouth_open + identity.lip.1);
        mask.draw(&pose.placement, (u - a, v - b, u + a, v + b), |x, y| {
            let (x, y) = ((x - u) / a, (y - v) / b);
            let inside = 1.0 - (x * x + y * y).sqrt();
            ((inside / self.edge).clamp(0.0, 1.0), [1.0; 3])
        });
        mask.pixels.into_iter().map(|[value, ..]| value).collect()
    }

    /// Blends `fake` over `real` around the mouth; both have passed the camera's optics. Returns
    /// the factor of the camera's grain at each pixel.
    pub(super) fn blend(
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
