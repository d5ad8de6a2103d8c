//! Renders one synthetic clip: frames and audio.

use std::{io, path::Path};

use super::{
    camera::{Camera, to_frame},
    canvas::Canvas,
    config::SynthConfig,
    head,
    identity::Identity,
    method::Method,
    mouth::{Lips, Mouth},
    patch::Patch,
    plan::Plan,
    pose::{Motion, Pose},
    rng::{SynthPurpose, part_rng, rng},
    room::Room,
    speech::{run_up, synthesize},
    track::{Parameter, Track},
    voice::Voice,
    words::{articulate, value},
};
use avff_datasets::layout::Split;
use avff_media::{Audio, FolderWriter, Frame, FrameCoding};
use avff_rng::Rng;

/// A synthetic clip, whose frames and audio are rendered on request.
#[derive(Debug, Clone)]
pub struct SynthClip {
    config: SynthConfig,
    plan: Plan,
    identity: Identity,
    motion: Motion,
    camera: Camera,
    /// The articulation of the face.
    face_track: Track,
    /// The patch over the mouth, and its articulation.
    patch: Option<(Patch, Track)>,
    voice: Voice,
    audio_track: Track,
}

impl SynthClip {
    /// Creates clip `index` of a split. The configuration must be valid.
    #[must_use]
    pub fn new(config: &SynthConfig, split: Split, index: u64) -> Self {
        let plan = Plan::new(config, split, index);
        let seed = config.seed;
        let rng_for = |purpose| rng(seed, split, index, purpose);
        let voice = |index| Voice::new(seed, split, index);
        let words = |voice: &Voice, of| articulate(voice, config.seconds, &mut rng_for(of));
        let own = words(&voice(plan.own_voice), SynthPurpose::OwnWords);
        let fake = |other: Track| match plan.fake {
            Some(_) if plan.is_fake_throughout(config) => other,
            Some(span) => own.spliced(&other, span),
            None => own.clone(),
        };
        let other = || fake(words(&voice(plan.other_voice), SynthPurpose::OtherWords));
        let third = || fake(words(&voice(plan.own_voice), SynthPurpose::ThirdWords));
        let (face_track, patched, audio_track) = match plan.method {
            Method::Real => (own.clone(), None, own.clone()),
            Method::VoiceSwap => (own.clone(), None, other()),
            Method::TimeShift => (own.clone(), None, fake(own.clone().shifted(plan.shift_ms))),
            Method::MouthSwap => (other(), None, own.clone()),
            Method::MouthSwapTraces => (own.clone(), Some(other()), own.clone()),
            Method::LipSync => (own.clone(), Some(other()), other()),
            Method::BothSwap => (own.clone(), Some(third()), other()),
        };
        Self {
            identity: Identity::new(seed, split, plan.face),
            motion: Motion::new(&mut rng_for(SynthPurpose::Pose), config.seconds),
            camera: Camera::new(
                config.size,
                &mut rng_for(SynthPurpose::Camera),
                &mut rng_for(SynthPurpose::Grain),
            ),
            face_track,
            patch: patched.map(|track| (Patch::new(&mut rng_for(SynthPurpose::Traces)), track)),
            voice: voice(plan.audio_voice(config)),
            audio_track,
            config: config.clone(),
            plan,
        }
    }

    /// Returns the ground truth.
    #[must_use]
    pub fn plan(&self) -> &Plan {
        &self.plan
    }

    /// Returns the quality of the JPEG files, from 1 to 100. It belongs to the camera and is
    /// independent of the method.
    #[must_use]
    pub fn quality(&self) -> u8 {
        self.camera.quality
    }

    /// Returns the opening of the visible mouth in a frame, from 0 to 1.
    #[must_use]
    pub fn mouth_opening(&self, index: usize) -> f32 {
        let seconds = self.time(index);
        let track = match &self.patch {
            Some((_, track)) if self.is_patched(seconds) => track,
            _ => &self.face_track,
        };
        lips(track, seconds).open
    }

    /// Returns the time of a frame, in seconds: the middle of its display interval.
    fn time(&self, index: usize) -> f64 {
        (index as f64 + 0.5) / self.config.fps
    }

    fn is_patched(&self, seconds: f64) -> bool {
        self.plan.fake.is_some_and(|(from, to)| (from..to).contains(&seconds))
    }

    /// Renders frame `index`, counted from 0, before JPEG compression.
    #[must_use]
    pub fn frame(&self, index: usize) -> Frame {
        let seconds = self.time(index);
        let pose = self.motion.at(seconds, self.config.size);
        let own = lips(&self.face_track, seconds);
        let mut scene = self.camera.scene();
        head::draw(&mut scene, &self.identity, &pose, &self.camera.light, own.open);
        let mut fake = None;
        if let Some((patch, track)) = &self.patch
            && self.is_patched(seconds)
        {
            let mut canvas = scene.clone();
            self.mouth(&mut canvas, &pose, lips(track, seconds));
            self.camera.apply_optics(&mut canvas);
            fake = Some((patch, canvas));
        }
        let mouth = self.mouth(&mut scene, &pose, own);
        self.camera.apply_optics(&mut scene);
        let grain =
            fake.map(|(patch, fake)| patch.blend(&mut scene, fake, &self.identity, &pose, &mouth));
        // Frames are counted from 1, as part 0 is the grain table of the camera.
        let part = u32::try_from(index).unwrap_or(u32::MAX).saturating_add(1);
        let mut rng = self.grain(part);
        self.camera.grain(&mut scene, grain.as_deref(), &mut rng);
        to_frame(&scene)
    }

    fn grain(&self, part: u32) -> Rng {
        let Plan { split, index, .. } = self.plan;
        part_rng(self.config.seed, split, index, SynthPurpose::Grain, part)
    }

    fn mouth(&self, canvas: &mut Canvas, pose: &Pose, lips: Lips) -> Mouth {
        let mouth = Mouth::new(&self.identity, pose, lips);
        mouth.draw(canvas, &self.identity, pose, &self.camera.light);
        mouth
    }

    /// Renders the audio, which has one channel.
    #[must_use]
    pub fn audio(&self) -> Audio {
        let Plan { split, index, silent, .. } = self.plan;
        let (seed, rate) = (self.config.seed, self.config.rate);
        let mut breath = rng(seed, split, index, SynthPurpose::Breath);
        let speech =
            synthesize(&self.voice, &self.audio_track, self.config.samples(), rate, &mut breath);
        let mut room = rng(seed, split, index, SynthPurpose::Room);
        let mut channel = Room::new(&mut room).record(&speech, run_up(rate), rate, &mut room);
        channel.iter_mut().take(silent).for_each(|sample| *sample = 0.0);
        Audio { rate, channels: vec![channel] }
    }
}

impl SynthClip {
    /// Writes the clip as a frame folder with JPEG images and 16-bit audio. The folder must exist
    /// and be empty.
    ///
    /// # Errors
    /// Returns the I/O error of the operating system.
    pub fn write(&self, folder: &Path) -> io::Result<()> {
        let mut writer = FolderWriter::new(folder, FrameCoding::Jpeg(self.quality()));
        for index in 0..self.config.frames() {
            writer.frame(&self.frame(index))?;
        }
        writer.finish_with_fps(&self.audio(), self.config.fps)
    }
}

fn lips(track: &Track, seconds: f64) -> Lips {
    let posture = track.at_seconds(seconds);
    Lips {
        open: value(&posture, Parameter::MouthOpening),
        round: value(&posture, Parameter::LipRounding),
    }
}
