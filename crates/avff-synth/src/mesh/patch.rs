//! Simulates the artifacts of a tool that redraws mouths: a patch with another mouth.

use avff_rng::Rng;

use super::{
    color::{Rgb, mix},
    picture::Picture,
};

/// The artifacts of a patch.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Patch {
    /// The factors of the colors.
    tone: Rgb,
    /// The number of blurs; each gives both neighbors of a pixel a weight of a quarter.
    blurs: usize,
    /// The width of the soft edge, relative to the patch.
    edge: f32,
    /// The size, relative to the mouth.
    size: f32,
}

impl Patch {
    pub(super) fn new(rng: &mut Rng) -> Self {
        let light = rng.between(0.05, 0.14) * if rng.bernoulli(0.5) { 1.0 } else { -1.0 };
        Self {
            tone: [0; 3].map(|_| (1.0 + light + rng.between(-0.05, 0.05)) as f32),
            blurs: 1 + rng.index(2),
            edge: rng.between(0.1, 0.4) as f32,
            size: rng.between(1.0, 1.3) as f32,
        }
    }

    /// Blends `fake` over `real` in an ellipse around `center` with half the width `size`, except
    /// where only the background is visible.
    pub(super) fn blend(
        &self,
        real: &mut Picture,
        fake: &Picture,
        background: &Picture,
        (center, size): ([f32; 2], f32),
    ) {
        let mut fake = fake.clone();
        for _ in 0..self.blurs {
            fake.blur(0.25);
        }
        let (width, size) = (real.width, self.size * size);
        real.paint(|x, y, own| {
            let (dx, dy) = ((x as f32 - center[0]) / size, (y as f32 - center[1]) / (0.9 * size));
            let share = ((1.0 - (dx * dx + dy * dy).sqrt()) / self.edge).clamp(0.0, 1.0);
            let new = fake.pixels.get(y * width + x).copied().unwrap_or(own);
            if background.pixels.get(y * width + x) == Some(&own) {
                return own;
            }
            mix(own, super::color::times(new, self.tone), share)
        });
    }
}
