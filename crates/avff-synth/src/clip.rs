//! Renders one synthetic clip: frames and audio.

use std::{io, path::Path};

use super::{
    config::{Head, SynthConfig},
    drawing::Drawing,
    mesh::{Articulation, Scene},
    method::Method,
    movement::{MouthState, Movement},
    plan::Plan,
    recorded::Recorded,
    rng::{SynthPurpose, rng},
    soundtrack::Soundtrack,
    track::{Parameter, Track},
    voice::Voice,
    voices::{Library, VoicesError},
    words::{articulate, value},
};
use avff_datasets::layout::Split;
use avff_media::{Audio, FolderWriter, Frame, FrameCoding};

/// A synthetic clip, whose frames and audio are rendered on request.
#[derive(Debug, Clone)]
pub struct SynthClip {
    config: SynthConfig,
    plan: Plan,
    view: View,
    face: Movement,
    /// The movements of a patch over the mouth.
    patch: Option<Movement>,
    soundtrack: Soundtrack,
}

/// What the camera shows.
#[derive(Debug, Clone)]
enum View {
    Drawn(Box<Drawing>),
    Mesh(Box<Scene>, Articulation),
}

impl SynthClip {
    /// Creates clip `index` of a split, with a synthetic voice. The configuration must be valid.
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
        let soundtrack =
            Soundtrack::Synthetic { voice: voice(plan.audio_voice(config)), track: audio_track };
        let patch = patched.map(Movement::Synthetic);
        let loudness = |seconds| value(&own.at_seconds(seconds), Parameter::Voicing);
        let face = Movement::Synthetic(face_track);
        Self::assembled(config, plan, (face, patch), soundtrack, &loudness)
    }

    /// Creates clip `index` of a split, with recorded speech of a library. The configuration must be
    /// valid.
    ///
    /// # Errors
    /// Fails where the split has too few speakers, or where an utterance cannot be read.
    pub fn recorded(
        config: &SynthConfig,
        library: &Library,
        split: Split,
        index: u64,
    ) -> Result<Self, VoicesError> {
        let plan = Plan::new(config, split, index);
        let Recorded { face, patch, audio, loudness, start } =
            Recorded::new(config, library, &plan)?;
        let loudness = |seconds| loudness.at(start + seconds);
        let soundtrack = Soundtrack::Recorded(audio);
        Ok(Self::assembled(config, plan, (face, patch), soundtrack, &loudness))
    }

    /// Creates a clip from the movements of the face and of a patch over the mouth. `loudness` is that
    /// of the person's own voice at a time in seconds.
    fn assembled(
        config: &SynthConfig,
        plan: Plan,
        (face, patch): (Movement, Option<Movement>),
        soundtrack: Soundtrack,
        loudness: &dyn Fn(f64) -> f32,
    ) -> Self {
        let Plan { split, index, face: person, .. } = plan;
        let view = match config.head {
            Head::Drawn => View::Drawn(Box::new(Drawing::new(config, split, index, person))),
            Head::Mesh => {
                let scene = Scene::new(config, split, index, person, loudness);
                let mut rng = rng(config.seed, split, index, SynthPurpose::MeshArticulation);
                View::Mesh(Box::new(scene), Articulation::new(&mut rng))
            }
        };
        Self { view, face, patch, soundtrack, config: config.clone(), plan }
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
        match &self.view {
            View::Drawn(drawing) => drawing.quality(),
            View::Mesh(scene, _) => scene.quality(),
        }
    }

    /// Returns the opening of the visible mouth in a frame, from 0 to 1.
    #[must_use]
    pub fn mouth_opening(&self, index: usize) -> f32 {
        let seconds = self.time(index);
        self.patched(seconds).unwrap_or_else(|| self.face.at(seconds)).lips.open
    }

    /// Returns the time of a frame, in seconds: the middle of its display interval.
    fn time(&self, index: usize) -> f64 {
        (index as f64 + 0.5) / self.config.fps
    }

    /// Returns the articulation of the patch at a time, if it covers the mouth then.
    fn patched(&self, seconds: f64) -> Option<MouthState> {
        let (from, to) = self.plan.fake?;
        (from..to).contains(&seconds).then_some(self.patch.as_ref()?.at(seconds))
    }

    /// Renders frame `index`, counted from 0, before JPEG compression.
    #[must_use]
    pub fn frame(&self, index: usize) -> Frame {
        let seconds = self.time(index);
        let patched = self.patched(seconds);
        match &self.view {
            View::Drawn(drawing) => {
                let own = self.face.at(seconds).lips;
                drawing.frame(index, seconds, own, patched.map(|patched| patched.lips))
            }
            View::Mesh(scene, articulation) => {
                let of = |movement: &Movement, seconds: f64| {
                    let mouth = movement.at(seconds + movement.lead(articulation.lead));
                    let mut actions = articulation.actions(mouth.lips);
                    // Recorded speech has the habits of its speaker in its actions.
                    if let Some(known) = mouth.actions {
                        actions.0 = known;
                    }
                    actions
                };
                let own = |seconds: f64| of(&self.face, seconds);
                let movement = patched.and(self.patch.as_ref());
                let patch = movement.map(|movement| move |seconds: f64| of(movement, seconds));
                let patch = patch.as_ref().map(|patch| patch as &dyn Fn(f64) -> _);
                scene.frame(index, seconds, &own, patch)
            }
        }
    }

    /// Renders the audio, which has one channel.
    #[must_use]
    pub fn audio(&self) -> Audio {
        let Plan { split, index, silent, .. } = self.plan;
        let mut channel = self.soundtrack.render(&self.config, split, index);
        channel.iter_mut().take(silent).for_each(|sample| *sample = 0.0);
        Audio { rate: self.config.rate, channels: vec![channel] }
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
