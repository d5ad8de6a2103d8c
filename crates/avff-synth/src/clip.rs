//! One clip: what is seen and heard, picture by picture.

use std::{io, path::Path};

use super::{
    camera::{Camera, developed},
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
    speech::{run_up, speak},
    track::{Part, Track},
    voice::Voice,
    words::{say, value},
};
use avff_datasets::layout::Split;
use avff_media::{Audio, FolderWriter, Frame, FrameCoding};
use avff_rng::Rng;

/// A clip that is made as it is asked for.
#[derive(Debug, Clone)]
pub struct SynthClip {
    config: SynthConfig,
    plan: Plan,
    identity: Identity,
    motion: Motion,
    camera: Camera,
    /// What the face does.
    seen: Track,
    /// What a mouth over it does.
    patch: Option<(Patch, Track)>,
    voice: Voice,
    heard: Track,
}

impl SynthClip {
    /// Clip `index` of a split, for a config that is valid.
    #[must_use]
    pub fn new(config: &SynthConfig, split: Split, index: u64) -> Self {
        let plan = Plan::new(config, split, index);
        let seed = config.seed;
        let lot = |lot| rng(seed, split, index, lot);
        let voice = |index| Voice::new(seed, split, index);
        let words = |voice: &Voice, of| say(voice, config.seconds, &mut lot(of));
        let own = words(&voice(plan.own_voice), SynthPurpose::OwnWords);
        let fake = |other: Track| match plan.fake {
            Some(_) if plan.is_fake_throughout(config) => other,
            Some(span) => own.spliced(&other, span),
            None => own.clone(),
        };
        let other = || fake(words(&voice(plan.other_voice), SynthPurpose::OtherWords));
        let third = || fake(words(&voice(plan.own_voice), SynthPurpose::ThirdWords));
        let (seen, patched, heard) = match plan.method {
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
            motion: Motion::new(&mut lot(SynthPurpose::Pose), config.seconds),
            camera: Camera::new(
                config.size,
                &mut lot(SynthPurpose::Camera),
                &mut lot(SynthPurpose::Grain),
            ),
            seen,
            patch: patched.map(|track| (Patch::new(&mut lot(SynthPurpose::Traces)), track)),
            voice: voice(plan.heard_voice(config)),
            heard,
            config: config.clone(),
            plan,
        }
    }

    /// The truth about it.
    #[must_use]
    pub fn plan(&self) -> &Plan {
        &self.plan
    }

    /// Quality of its JPEG files, from 1 to 100; the camera's, whatever the clip's method.
    #[must_use]
    pub fn quality(&self) -> u8 {
        self.camera.quality
    }

    /// How far the mouth that is seen is open when a picture is taken, from 0 to 1.
    #[must_use]
    pub fn opening(&self, picture: usize) -> f32 {
        let seconds = self.time(picture);
        let track = match &self.patch {
            Some((_, track)) if self.is_patched(seconds) => track,
            _ => &self.seen,
        };
        lips(track, seconds).open
    }

    /// When a picture is taken, in seconds: in the middle of the time that it is shown.
    fn time(&self, picture: usize) -> f64 {
        (picture as f64 + 0.5) / self.config.fps
    }

    fn is_patched(&self, seconds: f64) -> bool {
        self.plan.fake.is_some_and(|(from, to)| (from..to).contains(&seconds))
    }

    /// Frame `picture`, counted from 0, as it is before it is coded.
    #[must_use]
    pub fn picture(&self, picture: usize) -> Frame {
        let seconds = self.time(picture);
        let pose = self.motion.at(seconds, self.config.size);
        let own = lips(&self.seen, seconds);
        let mut scene = self.camera.scene();
        head::draw(&mut scene, &self.identity, &pose, &self.camera.light, own.open);
        let mut fake = None;
        if let Some((patch, track)) = &self.patch
            && self.is_patched(seconds)
        {
            let mut canvas = scene.clone();
            self.mouth(&mut canvas, &pose, lips(track, seconds));
            self.camera.see(&mut canvas);
            fake = Some((patch, canvas));
        }
        let mouth = self.mouth(&mut scene, &pose, own);
        self.camera.see(&mut scene);
        let grain =
            fake.map(|(patch, fake)| patch.lay(&mut scene, fake, &self.identity, &pose, &mouth));
        // Pictures are counted from 1, as part 0 is the grain itself.
        let part = u32::try_from(picture).unwrap_or(u32::MAX).saturating_add(1);
        let mut rng = self.grain(part);
        self.camera.grain(&mut scene, grain.as_deref(), &mut rng);
        developed(&scene)
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

    /// The sound, of one channel.
    #[must_use]
    pub fn sound(&self) -> Audio {
        let Plan { split, index, silent, .. } = self.plan;
        let (seed, rate) = (self.config.seed, self.config.rate);
        let mut breath = rng(seed, split, index, SynthPurpose::Breath);
        let speech = speak(&self.voice, &self.heard, self.config.samples(), rate, &mut breath);
        let mut room = rng(seed, split, index, SynthPurpose::Room);
        let mut channel = Room::new(&mut room).record(&speech, run_up(rate), rate, &mut room);
        channel.iter_mut().take(silent).for_each(|sample| *sample = 0.0);
        Audio { rate, channels: vec![channel] }
    }
}

impl SynthClip {
    /// Writes the clip as a frame folder of JPEG pictures and 16-bit sound; `folder` is there and empty.
    ///
    /// # Errors
    /// What the system says.
    pub fn write(&self, folder: &Path) -> io::Result<()> {
        let mut writer = FolderWriter::new(folder, FrameCoding::Jpeg(self.quality()));
        for picture in 0..self.config.pictures() {
            writer.frame(&self.picture(picture))?;
        }
        writer.finish_steady(&self.sound(), self.config.fps)
    }
}

fn lips(track: &Track, seconds: f64) -> Lips {
    let posture = track.between(seconds);
    Lips { open: value(&posture, Part::Open), round: value(&posture, Part::Round) }
}
