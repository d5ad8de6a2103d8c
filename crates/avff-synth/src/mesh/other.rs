//! Another person in the picture: behind the speaker, or in a panel of a split picture.

use std::f32::consts::TAU;

use avff_datasets::layout::Split;

use super::{
    color::{Rgb, mix},
    draw::draw,
    drive::Articulation,
    lens::Lens,
    light::Light,
    look::any_color,
    motion::Motion,
    person::Person,
    picture::Picture,
    shot::Shot,
};
use crate::{
    mouth::Lips,
    rng::{SynthPurpose, part_rng},
};

/// The share of clips with another person.
const SHARE: f64 = 0.06;

/// Another person, who is smaller and either silent or talks without being audible.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Other {
    person: Person,
    motion: Motion,
    articulation: Articulation,
    /// Syllables per second and their phase; `None` is silent.
    talk: Option<(f32, f32)>,
    light: Light,
    /// The place of the face, in shares of the frame, and its size relative to the speaker's.
    place: [f32; 2],
    size: f32,
    panel: Option<Panel>,
}

/// A part of the picture that shows another room.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Panel {
    /// Left, top, width and height, in pixels.
    bounds: [usize; 4],
    colors: [Rgb; 2],
}

impl Other {
    /// Samples another person in some clips. `shot` is that of the speaker.
    pub(super) fn new(
        seed: u64,
        split: Split,
        index: u64,
        (shot, light): (&Shot, &Light),
        seconds: f64,
    ) -> Option<Self> {
        let mut rng = part_rng(seed, split, index, SynthPurpose::MeshOther, 0);
        let rng = &mut rng;
        if !rng.bernoulli(SHARE) {
            return None;
        }
        let person = Person::new(rng);
        let articulation = Articulation::new(rng);
        let mut uniform = |low: f64, high: f64| rng.between(low, high) as f32;
        let talk = (uniform(0.0, 1.0) < 0.5).then(|| (uniform(1.8, 4.0), TAU * uniform(0.0, 1.0)));
        let lens = shot.lens(0.0);
        // On the side with more room.
        let left = lens.center.0 > 0.5 * shot.width as f32;
        let (across, height, size) = (uniform(0.06, 0.25), uniform(0.3, 0.6), uniform(0.35, 0.7));
        let (broad, tall) = (uniform(0.28, 0.45), uniform(0.3, 1.0));
        let split_picture = uniform(0.0, 1.0) < 0.4;
        let place = [if left { across } else { 1.0 - across }, height];
        let panel = split_picture.then(|| {
            let width = ((broad * shot.width as f32) as usize).max(24);
            let height = ((tall * shot.height as f32) as usize).max(24);
            let x = if left { 0 } else { shot.width - width };
            Panel { bounds: [x, 0, width, height], colors: [any_color(rng), any_color(rng)] }
        });
        let light = if split_picture { Light::new(rng) } else { *light };
        let motion = Motion::new(rng, seconds, &|_| 0.0);
        Some(Self { person, motion, articulation, talk, light, place, size, panel })
    }

    /// Draws the person into the background at a time in seconds.
    pub(super) fn behind(&self, picture: &mut Picture, lens: &Lens, seconds: f64) {
        if self.panel.is_none() {
            let center =
                (self.place[0] * picture.width as f32, self.place[1] * picture.height as f32);
            let lens = Lens { center, scale: self.size * lens.scale, ..*lens };
            self.draw(picture, &lens, seconds);
        }
    }

    /// Draws the panel over a picture at a time in seconds.
    pub(super) fn before(&self, picture: &mut Picture, lens: &Lens, seconds: f64) {
        let Some(Panel { bounds: [left, top, width, height], colors }) = self.panel else { return };
        let mut panel = Picture::new(width, height, colors[0]);
        panel.paint(|_, y, _| mix(colors[0], colors[1], y as f32 / height as f32));
        let (wide, high) = (width as f32, height as f32);
        let lens =
            Lens { center: (0.5 * wide, 0.45 * high), scale: 0.24 * wide.min(high), ..*lens };
        self.draw(&mut panel, &lens, seconds);
        for (y, row) in panel.pixels.chunks_exact(width).enumerate() {
            let start = (top + y) * picture.width + left;
            let line = picture.pixels.get_mut(start..start + width).unwrap_or_default();
            line.iter_mut().zip(row).for_each(|(pixel, &value)| *pixel = value);
        }
    }

    fn draw(&self, picture: &mut Picture, lens: &Lens, seconds: f64) {
        let mut posture = self.motion.at(seconds);
        let time = seconds as f32;
        let open = self.talk.map_or(0.0, |(pace, phase)| {
            let syllable = libm::sinf(TAU * pace * time + phase).max(0.0);
            let phrase = libm::sinf(0.9 * time + phase) + 0.6 * libm::sinf(2.3 * time);
            syllable * (0.6 + phrase).clamp(0.0, 1.0)
        });
        let round = libm::sinf(4.1 * time) * open.min(0.4);
        posture.merge(&self.articulation.actions(Lips { open, round }));
        let posed = self.person.posed(&posture, time);
        draw(picture, &self.person, &posed, lens, &self.light);
    }
}
