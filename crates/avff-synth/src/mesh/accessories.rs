//! Glasses, earrings, hats with brims, and what passes between a face and the camera.

use std::f32::consts::TAU;

use avff_rng::Rng;

use super::{
    asset::Asset,
    color::{Rgb, scaled},
    look::{Headwear, Look, any_color},
    part::{Holder, Part},
    shape::{Shape, nearest},
    vector::{Vec3, add, along, sub},
};

/// The color of black plastic.
const BLACK: Rgb = [0.012; 3];

/// Samples what a person wears.
pub(super) fn worn(shape: &Shape, look: &Look, rng: &mut Rng) -> Vec<Part> {
    let mut parts = Vec::new();
    let mut uniform = |low: f64, high: f64| rng.between(low, high) as f32;
    let (kind, size, tall, square) =
        (uniform(0.0, 1.0), uniform(0.23, 0.34), uniform(0.6, 1.0), uniform(0.0, 0.7));
    let (thick, drop) = (uniform(0.010, 0.034), uniform(-0.02, 0.10));
    let (earring, length) = (uniform(0.0, 1.0), uniform(0.02, 0.09));
    let color = if rng.bernoulli(0.5) { BLACK } else { scaled(any_color(rng), 0.7) };
    if kind < 0.27 {
        parts.extend(glasses(shape, color, kind < 0.04, [size, size * tall, square, thick, drop]));
    }
    let metal = [[0.75, 0.58, 0.22], [0.7, 0.7, 0.72], any_color(rng)][rng.index(3)];
    if earring < look.earrings {
        parts.push(earrings(shape, metal, length));
    }
    if look.headwear == Some(Headwear::Cap) {
        parts.push(brim(shape, look.headwear_color));
    }
    parts
}

/// Returns the point of a shape that is nearest to `average` on an average head.
fn place(shape: &Shape, average: Vec3) -> Vec3 {
    let index = nearest(&Asset::get().positions, average);
    shape.positions.get(index).copied().unwrap_or(average)
}

fn glasses(
    shape: &Shape,
    color: Rgb,
    dark: bool,
    [width, height, square, thick, drop]: [f32; 5],
) -> Vec<Part> {
    let mut frame = Part::new(color, 0.5, Holder::Head);
    let mut lenses = Part::new(BLACK, 1.0, Holder::Head);
    let bridge = place(shape, [0.0, 7.26, 1.51]);
    for side in [-1.0, 1.0] {
        let eye = place(shape, [side * 0.31, 7.28, 1.39]);
        let ear = place(shape, [side * 0.84, 7.35, 0.40]);
        let (width, height) = (width * eye[0].abs() / 0.31, height * eye[0].abs() / 0.31);
        let center = [eye[0] + side * 0.02, bridge[1] - drop, bridge[2] + 0.05];
        // The rim curves back at its sides.
        let rim = |share: f32, angle: f32| {
            let (sine, cosine) = (libm::sinf(angle), libm::cosf(angle));
            let square = 1.0 + square * 0.35 * (2.0 * sine * cosine) * (2.0 * sine * cosine);
            let x = share * width * square * cosine;
            let out = (side * x + width).max(0.0);
            [
                center[0] + x,
                center[1] + share * height * square * sine,
                center[2] - 0.22 * out * out,
            ]
        };
        let line: Vec<Vec3> = (0..22).map(|at| rim(1.0, TAU * at as f32 / 22.0)).collect();
        frame.tube(&line, thick, true);
        let outer = rim(1.0, if side > 0.0 { 0.35 } else { TAU / 2.0 - 0.35 });
        let temple = add(ear, [side * 0.03, 0.06, 0.0]);
        let hinge = along(outer, [side * 0.03, 0.0, -0.06], 1.0);
        frame.tube(&[outer, hinge, temple, along(temple, [0.0, -0.2, -0.25], 1.0)], thick, false);
        let inner = rim(1.0, if side > 0.0 { TAU / 2.0 - 0.25 } else { 0.25 });
        frame.tube(&[inner, [0.0, bridge[1] - drop + 0.06, bridge[2] + 0.06]], thick, false);
        if dark {
            lenses.sheet(4, 22, |share, around| rim(share, TAU * around));
        }
    }
    if dark { vec![frame, lenses] } else { vec![frame] }
}

fn earrings(shape: &Shape, color: Rgb, length: f32) -> Part {
    let mut part = Part::new(color, 1.0, Holder::Head);
    for side in [-1.0, 1.0] {
        let lobe = place(shape, [side * 0.80, 6.92, 0.50]);
        part.ellipsoid(add(lobe, [side * 0.03, -length, 0.02]), [0.035, length, 0.035]);
    }
    part
}

fn brim(shape: &Shape, color: Rgb) -> Part {
    let mut part = Part::new(color, 0.1, Holder::Head);
    let front = place(shape, [0.0, 8.0, 1.39]);
    let side = place(shape, [0.66, 7.95, 0.85]);
    part.sheet(6, 17, |share, around| {
        let angle = (around - 0.5) * 2.1;
        let (sine, cosine) = (libm::sinf(angle), libm::cosf(angle));
        let reach = share * 0.62 * cosine;
        [
            (side[0] + 0.12) * sine * (1.0 + 0.15 * share),
            front[1] - 0.02 - 0.16 * share - 0.10 * sine * sine,
            front[2] + 0.08 - 0.55 * (1.0 - cosine) + reach,
        ]
    });
    part
}

/// Samples a microphone or something that passes the camera, rarely.
pub(super) fn between(shape: &Shape, skin: Rgb, seconds: f64, rng: &mut Rng) -> Vec<Part> {
    let mut parts = Vec::new();
    let (microphone, passing) = (rng.bernoulli(0.05), rng.bernoulli(0.04));
    let color = if rng.bernoulli(0.7) { BLACK } else { any_color(rng) };
    let mut uniform = |low: f64, high: f64| rng.between(low, high) as f32;
    let chin = place(shape, [0.0, 6.2, 1.43]);
    let (radius, aside, below, ahead) =
        (uniform(0.18, 0.34), uniform(-0.6, 0.6), uniform(-0.05, 0.5), uniform(0.25, 0.8));
    if microphone {
        let mut part = Part::new(color, 0.2, Holder::Torso);
        let center = add(chin, [aside, -below - radius, ahead + radius]);
        part.ellipsoid(center, [radius; 3]);
        part.tube(
            &[center, add(center, [0.6 * aside, -1.2, 0.5]), add(center, [aside, -3.0, 0.8])],
            0.5 * radius,
            false,
        );
        parts.push(part);
    }
    if passing {
        let from_left = if uniform(0.0, 1.0) < 0.5 { -1.0 } else { 1.0 };
        let holder = Holder::Passing {
            time: uniform(0.1, 0.9) * seconds as f32,
            velocity: [from_left * uniform(2.0, 9.0), uniform(-2.0, 2.0), 0.0],
        };
        let center = [uniform(-0.4, 0.4), uniform(6.0, 7.4), uniform(2.2, 3.0)];
        let mut part = Part::new(if uniform(0.0, 1.0) < 0.7 { skin } else { color }, 0.15, holder);
        part.ellipsoid(center, [0.42, 0.50, 0.17]);
        for finger in 0..4 {
            let root = add(center, [-0.30 + 0.2 * finger as f32, 0.42, 0.0]);
            let bend = [uniform(-0.12, 0.12), uniform(0.5, 0.85), uniform(-0.1, 0.3)];
            part.tube(&[root, along(root, bend, 0.5), add(root, bend)], 0.085, false);
        }
        let arm = [uniform(-1.5, 1.5), -4.0, uniform(-0.5, 0.5)];
        part.tube(
            &[sub(center, [0.0, 0.3, 0.0]), along(center, arm, 0.5), add(center, arm)],
            0.3,
            false,
        );
        parts.push(part);
    }
    parts
}
