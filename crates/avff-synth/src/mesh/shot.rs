//! Framing: where the camera stands, what it shows, and how it moves.

use avff_rng::Rng;

use super::{lens::Lens, shape::EYES};
use crate::pose::Oscillation;

/// Width over height of frames. Square ones are the most frequent.
const ASPECTS: [(usize, usize); 8] =
    [(1, 1), (1, 1), (1, 1), (1, 1), (16, 9), (9, 16), (4, 3), (3, 4)];
/// The height of a head in heights from chin to eyes.
const HEAD: f32 = 2.1;

/// The camera's place and movement.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Shot {
    pub(super) width: usize,
    pub(super) height: usize,
    lens: Lens,
    roll: Oscillation,
    shake: [Oscillation; 2],
    /// The amplitude of a trembling hand, in pixels.
    tremble: f32,
    /// The relative change of size each second.
    zoom: f32,
    /// The time in seconds that the shutter is open; 0 is a sharp picture.
    pub(super) shutter: f32,
}

impl Shot {
    /// Samples a shot of a face of height `face`, from chin to eyes in decimetres. `size` is the
    /// shorter side.
    pub(super) fn new(size: usize, face: f32, rng: &mut Rng) -> Self {
        let (across, down) = ASPECTS[rng.index(ASPECTS.len())];
        // Even sides, as video coders want them.
        let longer = |part: usize, other: usize| (size * part / other).next_multiple_of(2);
        let (width, height) = match across.cmp(&down) {
            std::cmp::Ordering::Greater => (longer(across, down), size),
            std::cmp::Ordering::Less => (size, longer(down, across)),
            std::cmp::Ordering::Equal => (size, size),
        };
        let mut uniform = |low: f64, high: f64| rng.between(low, high) as f32;
        let short = size as f32;
        // The part of the shorter side that the head takes.
        let part = libm::exp2f(uniform(-1.45, 0.35));
        let scale = short * part / (HEAD * face);
        let head = [0.75 * short * part, short * part];
        let slack = |side: usize, head: f32| (0.5 * (side as f32 - head)).max(0.06 * short);
        let bell = uniform(-1.0, 1.0) * uniform(0.3, 1.0);
        let x = 0.5 * width as f32 + 0.75 * bell * slack(width, head[0]);
        let bell = uniform(-1.0, 0.6) * uniform(0.3, 1.0);
        let y = 0.5 * height as f32 + 0.8 * bell * slack(height, head[1]);
        let lens = Lens {
            center: (x, y),
            target: [EYES[0], EYES[1] - 0.1, EYES[2] - 0.5],
            distance: libm::exp2f(uniform(1.8, 5.2)),
            scale,
            roll: (0.0, 1.0),
        };
        let (hand, tilt) = (uniform(0.0, 1.0), uniform(0.0, 1.0));
        let held = hand < 0.4;
        let shaking = if held { uniform(0.2, 2.2) * 0.012 * short } else { 0.0 };
        let tremble = if held { uniform(0.0, 0.004) * short } else { 0.0 };
        let zoom = if uniform(0.0, 1.0) < 0.12 { uniform(-0.06, 0.06) } else { 0.0 };
        let blurred = uniform(0.0, 1.0) < 0.15;
        let shutter = if blurred { uniform(0.008, 0.035) } else { 0.0 };
        let mean = if tilt < 0.15 { 0.13 } else { 0.03 } * rng.normal();
        let roll = Oscillation::new(rng, mean, if held { 0.02 } else { 0.0 });
        let shake = [0; 2].map(|_| Oscillation::new(rng, 0.0, f64::from(shaking)));
        Self { width, height, lens, roll, shake, tremble, zoom, shutter }
    }

    /// Samples a square shot of a face in the middle by a camera that stands still.
    pub(super) fn plain(size: usize, face: f32, rng: &mut Rng) -> Self {
        let short = size as f32;
        let still = Oscillation::new(rng, 0.0, 0.0);
        let mut uniform = |low: f64, high: f64| rng.between(low, high) as f32;
        let lens = Lens {
            center: (short * uniform(0.46, 0.54), short * uniform(0.44, 0.52)),
            target: [EYES[0], EYES[1] - 0.1, EYES[2] - 0.5],
            distance: 12.0,
            scale: short * uniform(0.65, 0.8) / (HEAD * face),
            roll: (0.0, 1.0),
        };
        Self {
            width: size,
            height: size,
            lens,
            roll: still.clone(),
            shake: [still.clone(), still],
            tremble: 0.0,
            zoom: 0.0,
            shutter: 0.0,
        }
    }

    /// Returns the lens at a time in seconds.
    pub(super) fn lens(&self, seconds: f64) -> Lens {
        let roll = self.roll.at(seconds);
        let time = seconds as f32;
        let tremble = |frequency: f32, phase: f32| {
            self.tremble
                * libm::sinf(frequency * time + phase)
                * libm::sinf(0.37 * frequency * time)
        };
        let (x, y) = self.lens.center;
        let center = (
            x + self.shake[0].at(seconds) + tremble(47.0, 0.0),
            y + self.shake[1].at(seconds) + tremble(39.0, 1.0),
        );
        Lens {
            center,
            scale: self.lens.scale * libm::exp2f(self.zoom * time),
            roll: (libm::sinf(roll), libm::cosf(roll)),
            ..self.lens
        }
    }
}
