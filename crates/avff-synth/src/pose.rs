//! The slow movements of a head and the blinking of its eyes, independent of speech.

use std::f64::consts::TAU;

use super::canvas::Placement;
use avff_rng::Rng;

/// The duration of a blink, in seconds.
const BLINK: f64 = 0.22;

/// A value that oscillates slowly around its mean.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Oscillation {
    mean: f64,
    /// Amplitude, frequency in Hz and phase of each sine wave.
    waves: [(f64, f64, f64); 3],
}

impl Oscillation {
    pub(super) fn new(rng: &mut Rng, mean: f64, amplitude: f64) -> Self {
        let wave = |at: usize, rng: &mut Rng| {
            let frequency = rng.between(0.08, 0.25) * (at + 1) as f64;
            (amplitude * rng.between(0.3, 1.0) / (at + 1) as f64, frequency, TAU * rng.unit())
        };
        Self { mean, waves: std::array::from_fn(|at| wave(at, rng)) }
    }

    pub(super) fn at(&self, seconds: f64) -> f32 {
        let wave = |&(amplitude, frequency, phase): &(f64, f64, f64)| {
            amplitude * libm::sin(TAU * frequency * seconds + phase)
        };
        (self.mean + self.waves.iter().map(wave).sum::<f64>()) as f32
    }
}

/// The movements of a head during a clip.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Motion {
    x: Oscillation,
    y: Oscillation,
    unit: Oscillation,
    turn: Oscillation,
    yaw: Oscillation,
    nod: Oscillation,
    gaze: (Oscillation, Oscillation),
    /// The centers of the blinks, in seconds.
    blinks: Vec<f64>,
}

/// The pose of a head at one time.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Pose {
    pub(super) placement: Placement,
    /// The shift of the facial features to the right and down as the head turns, in the face's
    /// units.
    pub(super) aside: (f32, f32),
    /// The opening of the eyes, from 0 to 1.
    pub(super) eyes: f32,
    /// The gaze direction, from -1 to 1.
    pub(super) gaze: (f32, f32),
}

impl Motion {
    pub(super) fn new(rng: &mut Rng, seconds: f64) -> Self {
        let oscillation = |rng: &mut Rng, low: f64, high: f64, amplitude: f64| {
            let mean = rng.between(low, high);
            Oscillation::new(rng, mean, amplitude)
        };
        // Relative to the frame's side.
        let unit = oscillation(rng, 0.40, 0.46, 0.006);
        let x = oscillation(rng, 0.46, 0.54, 0.012);
        let y = oscillation(rng, 0.42, 0.47, 0.012);
        let turn = oscillation(rng, -0.10, 0.10, 0.03);
        let yaw = oscillation(rng, -0.14, 0.14, 0.05);
        let nod = oscillation(rng, -0.06, 0.06, 0.03);
        let gaze = (oscillation(rng, -0.5, 0.5, 0.3), oscillation(rng, -0.3, 0.3, 0.2));
        let mut blinks = Vec::new();
        let mut at = rng.between(-2.0, 2.0);
        while at < seconds + BLINK {
            blinks.push(at);
            at += rng.between(1.2, 4.5);
        }
        Self { x, y, unit, turn, yaw, nod, gaze, blinks }
    }

    /// Returns the pose in a frame of `size` pixels per side.
    pub(super) fn at(&self, seconds: f64, size: usize) -> Pose {
        let side = size as f32;
        let turn = f64::from(self.turn.at(seconds));
        let placement = Placement {
            center: (side * self.x.at(seconds), side * self.y.at(seconds)),
            unit: side * self.unit.at(seconds),
            rotation: (libm::sin(turn) as f32, libm::cos(turn) as f32),
        };
        let nearest = self.blinks.iter().map(|blink| (blink - seconds).abs());
        let shut = 1.0 - nearest.fold(f64::MAX, f64::min) / (BLINK / 2.0);
        Pose {
            placement,
            aside: (self.yaw.at(seconds), self.nod.at(seconds)),
            eyes: (1.0 - 1.4 * shut.clamp(0.0, 1.0)).max(0.0) as f32,
            gaze: (self.gaze.0.at(seconds), self.gaze.1.at(seconds)),
        }
    }
}
