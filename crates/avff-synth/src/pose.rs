//! How a head moves and its eyes blink: slowly, and without regard to what is said.

use std::f64::consts::TAU;

use super::canvas::Placing;
use avff_rng::Rng;

/// How long a blink takes, in seconds.
const BLINK: f64 = 0.22;

/// A value that wanders around its middle.
#[derive(Debug, Clone, PartialEq)]
struct Wander {
    middle: f64,
    /// Size, frequency in Hz and phase of each wave.
    waves: [(f64, f64, f64); 3],
}

impl Wander {
    fn new(rng: &mut Rng, middle: f64, size: f64) -> Self {
        let wave = |at: usize, rng: &mut Rng| {
            let hertz = rng.between(0.08, 0.25) * (at + 1) as f64;
            (size * rng.between(0.3, 1.0) / (at + 1) as f64, hertz, TAU * rng.unit())
        };
        Self { middle, waves: std::array::from_fn(|at| wave(at, rng)) }
    }

    fn at(&self, seconds: f64) -> f32 {
        let wave = |&(size, hertz, phase): &(f64, f64, f64)| {
            size * libm::sin(TAU * hertz * seconds + phase)
        };
        (self.middle + self.waves.iter().map(wave).sum::<f64>()) as f32
    }
}

/// The movements of a head through a clip.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Motion {
    x: Wander,
    y: Wander,
    unit: Wander,
    turn: Wander,
    yaw: Wander,
    nod: Wander,
    gaze: (Wander, Wander),
    /// When blinks are halfway, in seconds.
    blinks: Vec<f64>,
}

/// A head at an instant.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Pose {
    pub(super) placing: Placing,
    /// How far features move to the right and down as the head turns, in the face's units.
    pub(super) aside: (f32, f32),
    /// How far eyes are open, from 0 to 1.
    pub(super) eyes: f32,
    /// Where they look, from -1 to 1.
    pub(super) gaze: (f32, f32),
}

impl Motion {
    pub(super) fn new(rng: &mut Rng, seconds: f64) -> Self {
        let wander = |rng: &mut Rng, low: f64, high: f64, size: f64| {
            let middle = rng.between(low, high);
            Wander::new(rng, middle, size)
        };
        // In shares of the picture's side.
        let unit = wander(rng, 0.40, 0.46, 0.006);
        let x = wander(rng, 0.46, 0.54, 0.012);
        let y = wander(rng, 0.42, 0.47, 0.012);
        let turn = wander(rng, -0.10, 0.10, 0.03);
        let yaw = wander(rng, -0.14, 0.14, 0.05);
        let nod = wander(rng, -0.06, 0.06, 0.03);
        let gaze = (wander(rng, -0.5, 0.5, 0.3), wander(rng, -0.3, 0.3, 0.2));
        let mut blinks = Vec::new();
        let mut at = rng.between(-2.0, 2.0);
        while at < seconds + BLINK {
            blinks.push(at);
            at += rng.between(1.2, 4.5);
        }
        Self { x, y, unit, turn, yaw, nod, gaze, blinks }
    }

    /// In a picture of `size` pixels a side.
    pub(super) fn at(&self, seconds: f64, size: usize) -> Pose {
        let side = size as f32;
        let turn = f64::from(self.turn.at(seconds));
        let placing = Placing {
            middle: (side * self.x.at(seconds), side * self.y.at(seconds)),
            unit: side * self.unit.at(seconds),
            turn: (libm::sin(turn) as f32, libm::cos(turn) as f32),
        };
        let nearest = self.blinks.iter().map(|blink| (blink - seconds).abs());
        let shut = 1.0 - nearest.fold(f64::MAX, f64::min) / (BLINK / 2.0);
        Pose {
            placing,
            aside: (self.yaw.at(seconds), self.nod.at(seconds)),
            eyes: (1.0 - 1.4 * shut.clamp(0.0, 1.0)).max(0.0) as f32,
            gaze: (self.gaze.0.at(seconds), self.gaze.1.at(seconds)),
        }
    }
}
