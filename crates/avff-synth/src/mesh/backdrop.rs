//! What is behind a person, and the captions of a broadcast in front.

use std::f32::consts::TAU;

use avff_rng::Rng;

use super::{
    color::{Rgb, mix, scaled},
    look::any_color,
    noise::{noise, octaves},
    picture::Picture,
    vector::smooth,
};
use crate::pose::Oscillation;

/// The margin of a background around the frame, relative to the frame's side.
const MARGIN: f32 = 0.12;

/// A background, and bars with text.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Backdrop {
    width: usize,
    height: usize,
    /// A picture with a margin around the frame.
    picture: Picture,
    margin: [usize; 2],
    /// How the background moves, in pixels. It moves with a camera that turns.
    moves: [Oscillation; 2],
    still: bool,
    /// Somebody or something that passes in the background.
    passer: Option<Passer>,
    bars: Vec<Bar>,
}

/// Something dark that passes in the background, out of focus.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Passer {
    color: Rgb,
    /// Where it is at time 0, relative to the frame's width, and widths a second.
    start: f32,
    speed: f32,
    top: f32,
    width: f32,
}

/// A bar over the picture: bounds in pixels, color, cover, and the color and size of its text.
#[derive(Debug, Clone, PartialEq)]
struct Bar {
    bounds: [usize; 4],
    color: Rgb,
    cover: f32,
    text: Option<(Rgb, f32)>,
    seed: u32,
}

/// A rectangle in shares of the frame.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Box2 {
    left: f32,
    top: f32,
    right: f32,
    bottom: f32,
    color: Rgb,
}

impl Backdrop {
    pub(super) fn new(width: usize, height: usize, rng: &mut Rng) -> Self {
        let short = width.min(height) as f32;
        let margin = [width, height].map(|side| (MARGIN * side as f32) as usize);
        let (wide, high) = (width + 2 * margin[0], height + 2 * margin[1]);
        let mut picture = Picture::new(wide, high, [0.0; 3]);
        paint(&mut picture, rng);
        let kind = rng.unit();
        let blurs = if kind < 0.3 {
            0
        } else {
            (rng.unit() * rng.unit() * 0.02 * f64::from(short * short)) as usize
        };
        // Each blur adds a variance of half a squared pixel.
        picture.blur_much(0.7 * (blurs as f32).sqrt());
        let moving = rng.bernoulli(0.25);
        let amplitude = if moving { 0.03 * f64::from(short) * rng.between(0.1, 1.0) } else { 0.0 };
        let moves = [0; 2].map(|_| Oscillation::new(rng, 0.0, amplitude));
        let passer = rng.bernoulli(0.07).then(|| {
            let mut uniform = |low: f64, high: f64| rng.between(low, high) as f32;
            let speed = uniform(0.15, 0.9);
            Passer {
                start: uniform(-1.5, 0.5),
                speed,
                top: uniform(0.0, 0.5),
                width: uniform(0.06, 0.22),
                color: scaled(any_color(rng), 0.5),
            }
        });
        let bars = bars(width, height, rng);
        Self { width, height, picture, margin, moves, still: !moving, passer, bars }
    }

    /// Samples a still gradient.
    pub(super) fn plain(width: usize, height: usize, rng: &mut Rng) -> Self {
        let (one, other) = (any_color(rng), any_color(rng));
        let mut picture = Picture::new(width, height, one);
        picture.paint(|_, y, _| mix(one, other, y as f32 / height as f32));
        let moves = [0; 2].map(|_| Oscillation::new(rng, 0.0, 0.0));
        let margin = [0; 2];
        let (passer, bars) = (None, Vec::new());
        Self { width, height, picture, margin, moves, still: true, passer, bars }
    }

    /// Returns the background at a time in seconds.
    pub(super) fn at(&self, seconds: f64) -> Picture {
        let mut out = Picture::new(self.width, self.height, [0.0; 3]);
        let [dx, dy] = if self.still {
            [0.0; 2]
        } else {
            let limit = |at: usize| {
                let room = self.margin[at].saturating_sub(2) as f32;
                self.moves[at].at(seconds).clamp(-room, room)
            };
            [limit(0), limit(1)]
        };
        let (x, y) = (self.margin[0] as f32 + dx, self.margin[1] as f32 + dy);
        let (column, row) = (x as usize, y as usize);
        let (right, down) = (x - column as f32, y - row as f32);
        let wide = self.picture.width;
        for (at, line) in out.pixels.chunks_exact_mut(self.width.max(1)).enumerate() {
            let start = (row + at) * wide + column;
            let above = self.picture.pixels.get(start..).unwrap_or_default();
            if self.still {
                line.iter_mut().zip(above).for_each(|(pixel, &value)| *pixel = value);
                continue;
            }
            let below = above.get(wide..).unwrap_or_default();
            for ((pixel, above), below) in
                line.iter_mut().zip(above.windows(2)).zip(below.windows(2))
            {
                let (&[a, b], &[c, d]) = (pair(above), pair(below));
                *pixel = mix(mix(a, b, right), mix(c, d, right), down);
            }
        }
        if let Some(passer) = self.passer {
            let center = passer.start + passer.speed * seconds as f32;
            let (width, height) = (self.width as f32, self.height as f32);
            out.paint(|x, y, color| {
                let across = (x as f32 / width - center).abs() / passer.width;
                let top = passer.top + 0.12 * across * across;
                let inside =
                    smooth(1.05, 0.85, across) * smooth(-0.02, 0.03, y as f32 / height - top);
                mix(color, passer.color, inside)
            });
        }
        out
    }

    /// Draws bars with text over a picture.
    pub(super) fn caption(&self, picture: &mut Picture) {
        for bar in &self.bars {
            let [left, top, right, bottom] = bar.bounds;
            for y in top..bottom.min(picture.height) {
                let row = y * picture.width;
                let line = picture.pixels.get_mut(row + left..row + right.min(picture.width));
                for (x, pixel) in line.unwrap_or_default().iter_mut().enumerate() {
                    let mut color = bar.color;
                    let mut cover = bar.cover;
                    if let Some((ink, size)) = bar.text {
                        let share = glyphs(x as f32 / size, (y - top) as f32 / size, bar.seed);
                        color = mix(color, ink, share);
                        cover = cover.max(share);
                    }
                    *pixel = mix(*pixel, color, cover);
                }
            }
        }
    }
}

fn pair(values: &[Rgb]) -> &[Rgb; 2] {
    values.first_chunk().unwrap_or(&[[0.0; 3]; 2])
}

/// Returns how much ink is at a point of something that looks like lines of text. The height of a
/// line is 1.
fn glyphs(x: f32, y: f32, seed: u32) -> f32 {
    let line = y.floor();
    let height = y - line;
    if !(0.22..0.80).contains(&height) {
        return 0.0;
    }
    let letter = (x / 0.42).floor();
    let within = x / 0.42 - letter;
    let random = |salt: u32| noise([letter + 0.5, line * 7.0 + 0.5, 0.5 + salt as f32], seed);
    // Some letters are spaces, and lines have different lengths.
    if random(0) < -0.38 || letter > 40.0 || !(0.08..0.88).contains(&within) {
        return 0.0;
    }
    let strokes = [
        within < 0.3 && random(1) > -0.35,
        within > 0.65 && random(2) > 0.0,
        height < 0.34 && random(3) > -0.1,
        (0.44..0.56).contains(&height) && random(4) > -0.2,
        height > 0.68 && random(5) > 0.05,
    ];
    f32::from(strokes.contains(&true))
}

/// Samples the bars of a broadcast; most pictures have none.
fn bars(width: usize, height: usize, rng: &mut Rng) -> Vec<Bar> {
    let mut bars = Vec::new();
    let (caption, logo, ticker) = (rng.bernoulli(0.08), rng.bernoulli(0.08), rng.bernoulli(0.04));
    let mut bar = |bounds: [f32; 4], text: Option<f32>, solid: bool, rng: &mut Rng| {
        let [left, top, right, bottom] = bounds;
        let color = any_color(rng);
        let dark = color[1] < 0.25;
        let ink = if dark { [0.9; 3] } else { [0.01; 3] };
        let pixels = |share: f32, side: usize| (share * side as f32) as usize;
        bars.push(Bar {
            bounds: [
                pixels(left, width),
                pixels(top, height),
                pixels(right, width),
                pixels(bottom, height),
            ],
            color,
            cover: if solid { rng.between(0.6, 1.0) as f32 } else { 0.0 },
            text: text.map(|size| (ink, size * height as f32)),
            seed: rng.below(1 << 30) as u32,
        });
    };
    if caption {
        let (left, top) = (rng.between(0.0, 0.15) as f32, rng.between(0.78, 0.88) as f32);
        let (right, size) = (rng.between(0.5, 1.0) as f32, rng.between(0.04, 0.09) as f32);
        let lines = 1.0 + rng.index(2) as f32;
        let solid = rng.bernoulli(0.75);
        bar([left, top, right, (top + lines * size).min(1.0)], Some(size), solid, rng);
    }
    if ticker {
        bar([0.0, 0.93, 1.0, 1.0], Some(0.06), true, rng);
    }
    if logo {
        let (left, size) =
            (if rng.bernoulli(0.5) { 0.03 } else { 0.82 }, rng.between(0.06, 0.12) as f32);
        let solid = rng.bernoulli(0.6);
        bar([left, 0.04, left + 0.15, 0.04 + size], Some(size), solid, rng);
    }
    bars
}

/// Paints a background.
fn paint(picture: &mut Picture, rng: &mut Rng) {
    let (width, height) = (picture.width as f32, picture.height as f32);
    let seed = rng.below(1 << 30) as u32;
    let [one, other, third] = [any_color(rng), any_color(rng), any_color(rng)];
    let mut uniform = |low: f64, high: f64| rng.between(low, high) as f32;
    let (across, down, level) = (uniform(-1.0, 1.0), uniform(-1.0, 1.0), uniform(0.2, 0.8));
    let (fine, strong) = (libm::exp2f(uniform(1.0, 5.5)), uniform(0.1, 0.8));
    let size = height.max(width);
    let gradient = |x: f32, y: f32| (level + across * (x - 0.5) + down * (y - 0.5)).clamp(0.0, 1.0);
    let kind = rng.index(9);
    let mut boxes: Vec<Box2> = Vec::new();
    let mut discs: Vec<(f32, f32, f32, Rgb)> = Vec::new();
    match kind {
        // A wall with pictures, windows and doors, and often a floor.
        2 | 3 => {
            for _ in 0..1 + rng.index(5) {
                let (x, y) = (rng.between(-0.1, 0.9) as f32, rng.between(-0.1, 0.8) as f32);
                let (w, h) = (rng.between(0.08, 0.4) as f32, rng.between(0.08, 0.5) as f32);
                let rim = rng.between(0.005, 0.03) as f32;
                let bright = if rng.bernoulli(0.25) { 2.0 } else { 1.0 };
                let (frame, inner) = (any_color(rng), scaled(any_color(rng), bright));
                boxes.push(Box2 { left: x, top: y, right: x + w, bottom: y + h, color: frame });
                boxes.push(Box2 {
                    left: x + rim,
                    top: y + rim,
                    right: x + w - rim,
                    bottom: y + h - rim,
                    color: inner,
                });
            }
            if rng.bernoulli(0.5) {
                let top = rng.between(0.65, 0.95) as f32;
                boxes.push(Box2 { left: -1.0, top, right: 2.0, bottom: 2.0, color: third });
            }
        }
        // Shelves with books.
        4 => {
            let rows = 2 + rng.index(5);
            for row in 0..rows {
                let bottom = (row + 1) as f32 / rows as f32;
                let mut x = 0.0_f32;
                while x < 1.0 {
                    let w = rng.between(0.012, 0.06) as f32;
                    let h = rng.between(0.45, 0.92) as f32 / rows as f32;
                    if rng.bernoulli(0.85) {
                        boxes.push(Box2 {
                            left: x,
                            top: bottom - h,
                            right: x + 0.92 * w,
                            bottom,
                            color: any_color(rng),
                        });
                    }
                    x += w;
                }
                boxes.push(Box2 {
                    left: -1.0,
                    top: bottom - 0.015,
                    right: 2.0,
                    bottom,
                    color: third,
                });
            }
        }
        // Lights out of focus.
        5 => {
            for _ in 0..10 + rng.index(40) {
                let bright = rng.between(0.3, 2.0) as f32;
                let (x, y, r) =
                    (rng.unit() as f32, rng.unit() as f32, rng.between(0.01, 0.07) as f32);
                discs.push((x, y, r, scaled(any_color(rng), bright)));
            }
        }
        _ => {}
    }
    picture.paint(|x, y, _| {
        let (x, y) = (x as f32 / width, y as f32 / height);
        let (sx, sy) = (x * width / size, y * height / size);
        let mut color = mix(one, other, gradient(x, y));
        match kind {
            1 => return scaled(one, 0.7 + 0.3 * gradient(x, y)),
            5 => color = scaled(color, 0.3),
            // Leaves, clouds, plaster.
            6 | 7 => {
                let value = octaves([sx * fine, sy * fine, 0.5], 1.0, 4, seed);
                color = mix(color, third, (0.5 + 1.2 * strong * value).clamp(0.0, 1.0));
            }
            // Folds of a curtain, planks.
            8 => {
                let wave =
                    libm::sinf(TAU * (sx * fine + 0.3 * noise([sx * 4.0, sy * 2.0, 0.0], seed)));
                color = scaled(color, 1.0 + 0.6 * strong * wave);
            }
            _ => {}
        }
        for part in &boxes {
            if (part.left..part.right).contains(&x) && (part.top..part.bottom).contains(&y) {
                color = scaled(part.color, 0.6 + 0.6 * gradient(x, y));
            }
        }
        for &(cx, cy, radius, light) in &discs {
            let (dx, dy) = ((x - cx) * width / size, (y - cy) * height / size);
            if dx * dx + dy * dy < radius * radius {
                color = mix(color, light, 0.6);
            }
        }
        scaled(color, 1.0 + 0.08 * octaves([sx * 8.0, sy * 8.0, 3.0], 1.0, 2, seed))
    });
}
