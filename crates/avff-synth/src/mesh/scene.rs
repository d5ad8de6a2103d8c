//! A person in front of a camera.

use avff_datasets::layout::Split;
use avff_media::Frame;

use super::{
    accessories, action::Weights, backdrop::Backdrop, draw::draw, film::Film, light::Light,
    motion::Motion, other::Other, patch::Patch, person::Person, picture::Picture, shot::Shot,
};
use crate::{
    config::{Appearance, SynthConfig},
    rng::{SynthPurpose, part_rng, rng},
};

/// Pictures that a blurred one is the mean of.
const SUBFRAMES: usize = 3;

/// What a mouth does: the actions at a time in seconds.
pub(crate) type Mouth<'a> = &'a dyn Fn(f64) -> Weights;

/// The visible part of a clip.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Scene {
    seed: u64,
    split: Split,
    index: u64,
    person: Person,
    motion: Motion,
    light: Light,
    shot: Shot,
    backdrop: Backdrop,
    other: Option<Other>,
    film: Film,
    patch: Patch,
}

impl Scene {
    /// Creates the scene of a clip with face `face` of a split. `loudness` is that of the person's
    /// own voice at a time in seconds, from 0 to about 1.
    pub(crate) fn new(
        config: &SynthConfig,
        split: Split,
        index: u64,
        face: u64,
        loudness: &dyn Fn(f64) -> f32,
    ) -> Self {
        let seed = config.seed;
        let of = |purpose| rng(seed, split, index, purpose);
        let varied = config.appearance == Appearance::Varied;
        let mut person = rng(seed, split, face, SynthPurpose::MeshPerson);
        let person = if varied { Person::new(&mut person) } else { Person::plain(&mut person) };
        let (mut camera, mut back) =
            (of(SynthPurpose::MeshCamera), of(SynthPurpose::MeshBackground));
        let face = person.shape.face;
        let shot = if varied {
            Shot::new(config.size, face, &mut camera)
        } else {
            Shot::plain(config.size, face, &mut camera)
        };
        let light =
            if varied { Light::new(&mut of(SynthPurpose::MeshLight)) } else { Light::plain() };
        // Dark skin is exposed for in part only.
        let level = light.level() * person.look.skin[1].sqrt();
        let between = if varied {
            let mut rng = of(SynthPurpose::MeshBetween);
            accessories::between(&person.shape, person.look.skin, config.seconds, &mut rng)
        } else {
            Vec::new()
        };
        let film = &mut of(SynthPurpose::MeshFilm);
        Self {
            seed,
            split,
            index,
            motion: Motion::new(&mut of(SynthPurpose::MeshMotion), config.seconds, loudness),
            backdrop: if varied {
                Backdrop::new(shot.width, shot.height, &mut back)
            } else {
                Backdrop::plain(shot.width, shot.height, &mut back)
            },
            other: varied
                .then(|| Other::new(seed, split, index, (&shot, &light), config.seconds))
                .flatten(),
            film: if varied { Film::new(level, film) } else { Film::plain(level, film) },
            patch: Patch::new(&mut of(SynthPurpose::MeshPatch)),
            person: person.with(between),
            light,
            shot,
        }
    }

    /// Returns the quality of the JPEG files, from 1 to 100.
    pub(crate) fn quality(&self) -> u8 {
        self.film.quality
    }

    /// Renders frame `number`, shown at `seconds`. If there is a `patched` mouth, a patch with it
    /// covers the own one.
    pub(crate) fn frame(
        &self,
        number: usize,
        seconds: f64,
        own: Mouth,
        patched: Option<Mouth>,
    ) -> Frame {
        let mut picture = if self.shot.shutter > 0.0 {
            let mut sum = Picture::new(self.shot.width, self.shot.height, [0.0; 3]);
            for sub in 0..SUBFRAMES {
                let share = sub as f64 / (SUBFRAMES - 1) as f64 - 0.5;
                let at = seconds + share * f64::from(self.shot.shutter);
                sum.add(&self.picture(at, own, patched), 1.0 / SUBFRAMES as f32);
            }
            sum
        } else {
            self.picture(seconds, own, patched)
        };
        self.backdrop.caption(&mut picture);
        let part = u32::try_from(number).unwrap_or(u32::MAX);
        let mut rng = part_rng(self.seed, self.split, self.index, SynthPurpose::MeshGrain, part);
        self.film.develop(picture, seconds, &mut rng)
    }

    /// Draws what the camera sees at one time.
    fn picture(&self, seconds: f64, own: Mouth, patched: Option<Mouth>) -> Picture {
        let lens = self.shot.lens(seconds);
        let light = self.light.at(seconds as f32);
        let mut backdrop = self.backdrop.at(seconds);
        if let Some(other) = &self.other {
            other.behind(&mut backdrop, &lens, seconds);
        }
        let posed = |mouth: Mouth| {
            let mut posture = self.motion.at(seconds);
            posture.merge(&mouth(seconds));
            self.person.posed(&posture, seconds as f32)
        };
        let posed_own = posed(own);
        let mut picture = backdrop.clone();
        draw(&mut picture, &self.person, &posed_own, &lens, &light);
        if let Some(patched) = patched {
            let mut fake = backdrop.clone();
            draw(&mut fake, &self.person, &posed(patched), &lens, &light);
            let mouth = self.person.mouth(&posed_own, &lens);
            self.patch.blend(&mut picture, &fake, &backdrop, mouth);
        }
        if let Some(other) = &self.other {
            other.before(&mut picture, &lens, seconds);
        }
        picture
    }
}
