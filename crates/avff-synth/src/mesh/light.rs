//! The light of a scene with a mesh.

use avff_rng::Rng;

use super::{
    color::{Rgb, scaled},
    vector::{Rotation, Vec3, along, dot, unit},
};

/// A distant light.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Lamp {
    /// The direction towards the light.
    pub(super) direction: Vec3,
    pub(super) color: Rgb,
    /// How far the light reaches around a surface; a large lamp reaches further.
    pub(super) wrap: f32,
}

/// All light of a scene.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Light {
    pub(super) key: Lamp,
    pub(super) fill: Lamp,
    pub(super) rim: Lamp,
    /// Light from above and from below.
    pub(super) sky: Rgb,
    pub(super) ground: Rgb,
    /// How the key light changes: the share and frequency of flicker in Hz, and how far it turns
    /// each second, in radians.
    flicker: (f32, f32),
    turn: f32,
}

/// The light that a surface reflects: diffusely and as highlights.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Shade {
    pub(super) diffuse: Rgb,
    pub(super) specular: Rgb,
}

impl Lamp {
    fn diffuse(&self, normal: Vec3) -> f32 {
        ((dot(normal, self.direction) + self.wrap) / (1.0 + self.wrap)).max(0.0)
    }

    /// Returns the cosine between the normal and the direction in which a mirror would lie.
    fn mirror(&self, normal: Vec3, view: Vec3) -> f32 {
        dot(normal, unit(along(self.direction, view, 1.0))).max(0.0)
    }

    /// Returns the highlight of a smooth wet surface.
    pub(super) fn glint(&self, normal: Vec3, view: Vec3) -> f32 {
        let mut value = self.mirror(normal, view);
        for _ in 0..7 {
            value *= value;
        }
        value
    }
}

impl Light {
    pub(super) fn new(rng: &mut Rng) -> Self {
        let mut uniform = |low: f64, high: f64| rng.between(low, high) as f32;
        let tone = |warm: f32| [1.0 + warm, 1.0, 1.0 - warm];
        let (azimuth, height) = (uniform(-1.5, 1.5), uniform(-0.3, 1.1));
        let toward = |azimuth: f32, height: f32| {
            let flat = libm::cosf(height);
            [flat * libm::sinf(azimuth), libm::sinf(height), flat * libm::cosf(azimuth)]
        };
        let strength = uniform(0.25, 1.0);
        let key = Lamp {
            direction: toward(azimuth, height),
            color: scaled(tone(uniform(-0.2, 0.3)), 1.1 * strength),
            wrap: uniform(0.05, 0.5),
        };
        let fill = Lamp {
            direction: toward(-azimuth.signum() * uniform(0.3, 1.6), uniform(-0.3, 0.6)),
            color: scaled(tone(uniform(-0.35, 0.35)), uniform(0.0, 0.4)),
            wrap: 0.5,
        };
        let rim = Lamp {
            direction: toward(uniform(2.0, 4.3), uniform(0.0, 0.8)),
            color: scaled(tone(uniform(-0.3, 0.3)), (uniform(-1.0, 1.0)).max(0.0)),
            wrap: 0.0,
        };
        let ambient = 1.0 - 0.75 * strength;
        let sky = scaled(tone(uniform(-0.15, 0.15)), ambient * uniform(0.6, 1.1));
        let ground = scaled(tone(uniform(-0.05, 0.25)), ambient * uniform(0.25, 0.8));
        let kind = uniform(0.0, 1.0);
        let flicker =
            if kind < 0.05 { (uniform(0.03, 0.2), uniform(0.5, 11.0)) } else { (0.0, 0.0) };
        let turn = if kind > 0.95 { uniform(-0.4, 0.4) } else { 0.0 };
        Self { key, fill, rim, sky, ground, flicker, turn }
    }

    /// Returns soft light from the front and above.
    pub(super) fn plain() -> Self {
        let lamp = |direction: Vec3, level: f32| Lamp {
            direction: unit(direction),
            color: [level; 3],
            wrap: 0.4,
        };
        Self {
            key: lamp([-0.4, 0.5, 0.8], 0.7),
            fill: lamp([0.6, 0.1, 0.7], 0.2),
            rim: lamp([0.5, 0.3, -0.8], 0.0),
            sky: [0.4; 3],
            ground: [0.25; 3],
            flicker: (0.0, 0.0),
            turn: 0.0,
        }
    }

    /// Returns the light at a time in seconds.
    pub(super) fn at(&self, seconds: f32) -> Self {
        let mut light = *self;
        let (share, frequency) = self.flicker;
        let wave = libm::sinf(std::f32::consts::TAU * frequency * seconds);
        light.key.color = scaled(light.key.color, 1.0 + share * wave);
        if self.turn != 0.0 {
            let turn = Rotation::new(self.turn * seconds, 0.0, 0.0);
            light.key.direction = turn.apply(light.key.direction);
        }
        light
    }

    /// Returns how bright the front of a white face is.
    pub(super) fn level(&self) -> f32 {
        let front = |x: f32, y: f32| {
            let normal = unit([x, y, 1.0]);
            self.shade(normal, [0.0, 0.0, 1.0], 0.9, 1.0).diffuse[1]
        };
        0.25 * (front(-0.7, 0.0) + front(0.7, 0.0) + front(0.0, 0.4) + front(0.0, -0.4))
    }

    /// Returns the light on a surface. `open` is the share of the surroundings that lights it and
    /// `lit` the share of the key light, both from 0 to 1.
    pub(super) fn shade(&self, normal: Vec3, view: Vec3, open: f32, lit: f32) -> Shade {
        let up = 0.5 + 0.5 * normal[1];
        let key = lit * self.key.diffuse(normal);
        let fill = open * self.fill.diffuse(normal);
        let rim = open * self.rim.diffuse(normal);
        let skyward = open * up;
        let groundward = open * (1.0 - up);
        let mut diffuse = [0.0; 3];
        for (at, value) in diffuse.iter_mut().enumerate() {
            *value = key * self.key.color[at]
                + fill * self.fill.color[at]
                + rim * self.rim.color[at]
                + skyward * self.sky[at]
                + groundward * self.ground[at];
        }
        let sixteenth = |value: f32| {
            let squared = value * value;
            let fourth = squared * squared;
            fourth * fourth * fourth * fourth
        };
        let (key, rim) = (
            lit * sixteenth(self.key.mirror(normal, view)),
            open * sixteenth(self.rim.mirror(normal, view)),
        );
        let fill = open * sixteenth(self.fill.mirror(normal, view));
        let specular = [0, 1, 2].map(|at| {
            key * self.key.color[at] + fill * self.fill.color[at] + rim * self.rim.color[at]
        });
        Shade { diffuse, specular }
    }
}
