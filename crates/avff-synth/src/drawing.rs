//! The frames of a clip with a drawn head.

use avff_datasets::layout::Split;
use avff_media::Frame;
use avff_rng::Rng;

use super::{
    camera::{Camera, to_frame},
    canvas::Canvas,
    config::SynthConfig,
    head,
    identity::Identity,
    mouth::{Lips, Mouth},
    patch::Patch,
    pose::{Motion, Pose},
    rng::{SynthPurpose, part_rng, rng},
};

/// A drawn face in front of a camera.
#[derive(Debug, Clone)]
pub(super) struct Drawing {
    seed: u64,
    split: Split,
    index: u64,
    size: usize,
    identity: Identity,
    motion: Motion,
    camera: Camera,
    patch: Patch,
}

impl Drawing {
    /// Creates the drawing of a clip with face `face` of a split.
    pub(super) fn new(config: &SynthConfig, split: Split, index: u64, face: u64) -> Self {
        let seed = config.seed;
        let rng_for = |purpose| rng(seed, split, index, purpose);
        Self {
            identity: Identity::new(seed, split, face),
            motion: Motion::new(&mut rng_for(SynthPurpose::Pose), config.seconds),
            camera: Camera::new(
                config.size,
                &mut rng_for(SynthPurpose::Camera),
                &mut rng_for(SynthPurpose::Grain),
            ),
            patch: Patch::new(&mut rng_for(SynthPurpose::Traces)),
            size: config.size,
            seed,
            split,
            index,
        }
    }

    /// Returns the quality of the JPEG files, from 1 to 100.
    pub(super) fn quality(&self) -> u8 {
        self.camera.quality
    }

    /// Renders frame `number`, shown at `seconds`. If there are `patched` lips, a patch with them
    /// covers the mouth.
    pub(super) fn frame(
        &self,
        number: usize,
        seconds: f64,
        own: Lips,
        patched: Option<Lips>,
    ) -> Frame {
        let pose = self.motion.at(seconds, self.size);
        let mut scene = self.camera.scene();
        head::draw(&mut scene, &self.identity, &pose, &self.camera.light, own.open);
        let fake = patched.map(|lips| {
            let mut canvas = scene.clone();
            self.mouth(&mut canvas, &pose, lips);
            self.camera.apply_optics(&mut canvas);
            canvas
        });
        let mouth = self.mouth(&mut scene, &pose, own);
        self.camera.apply_optics(&mut scene);
        let grain =
            fake.map(|fake| self.patch.blend(&mut scene, fake, &self.identity, &pose, &mouth));
        // Frames are counted from 1, as part 0 is the grain table of the camera.
        let part = u32::try_from(number).unwrap_or(u32::MAX).saturating_add(1);
        let mut rng = self.grain(part);
        self.camera.grain(&mut scene, grain.as_deref(), &mut rng);
        to_frame(&scene)
    }

    fn grain(&self, part: u32) -> Rng {
        part_rng(self.seed, self.split, self.index, SynthPurpose::Grain, part)
    }

    fn mouth(&self, canvas: &mut Canvas, pose: &Pose, lips: Lips) -> Mouth {
        let mouth = Mouth::new(&self.identity, pose, lips);
        mouth.draw(canvas, &self.identity, pose, &self.camera.light);
        mouth
    }
}
