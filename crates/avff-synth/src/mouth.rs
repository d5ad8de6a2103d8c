//! A mouth: lips, and between them teeth, tongue and darkness.

use super::{
    canvas::{Canvas, Color, Placing, between, lit},
    identity::Identity,
    light::Light,
    pose::Pose,
};

/// How far a mouth is from rest.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Lips {
    /// From 0 to 1.
    pub(super) open: f32,
    /// From spread (-1) to rounded (1).
    pub(super) round: f32,
}

/// The colour of the inside, and of the tongue.
const INSIDE: Color = [0.13, 0.04, 0.05];
const TONGUE: Color = [0.62, 0.26, 0.26];
/// Share of an opening that is above the line where lips meet: the jaw falls, the upper lip hardly rises.
const ABOVE: f32 = 0.28;

/// Where a mouth is and how large, in the face's units.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Mouth {
    pub(super) middle: (f32, f32),
    /// Half its width.
    pub(super) width: f32,
    /// Height of the opening.
    open: f32,
    round: f32,
    lip: (f32, f32),
}

impl Mouth {
    pub(super) fn new(identity: &Identity, pose: &Pose, lips: Lips) -> Self {
        let narrow = 1.0 - 0.38 * lips.round.max(0.0) + 0.10 * (-lips.round).max(0.0);
        // Rounded lips are thrust forward and seem thicker; a jaw that falls pulls corners in.
        let thick = 1.0 + 0.35 * lips.round.max(0.0) - 0.15 * lips.open;
        Self {
            middle: (0.55 * pose.aside.0, identity.mouth_height + 0.4 * pose.aside.1),
            width: identity.mouth_width * narrow * (1.0 - 0.10 * lips.open),
            open: identity.mouth_open * lips.open,
            round: lips.round.max(0.0),
            lip: (identity.lip.0 * thick, identity.lip.1 * thick),
        }
    }

    /// Its curve at `x` of half its width, from 1 in the middle to 0 in the corners: rounder the more
    /// it is rounded.
    fn curve(&self, x: f32) -> f32 {
        let left = (1.0 - x * x).max(0.0);
        let oval = 0.35 + 0.6 * self.round;
        (1.0 - oval) * left + oval * left.sqrt()
    }

    /// Draws it.
    pub(super) fn draw(
        &self,
        canvas: &mut Canvas,
        identity: &Identity,
        pose: &Pose,
        light: &Light,
    ) {
        let placing = &pose.placing;
        let (u, v) = self.middle;
        let edge = 1.5 / placing.unit;
        let top = ABOVE * self.open + self.lip.0;
        let bottom = (1.0 - ABOVE) * self.open + self.lip.1;
        let reach =
            (u - self.width - edge, v - top - edge, u + self.width + edge, v + bottom + edge);
        let side = 1.0 - 0.25 * light.from[0].abs();
        let (upper, lower) = (lit(identity.lips, 0.86 * side), identity.lips);
        canvas.draw(placing, reach, |x, y| {
            let (x, y) = ((x - u) / self.width, y - v);
            // The bow of the upper lip dips in the middle.
            let bow = 1.0 - 0.30 * (1.0 - (x / 0.22) * (x / 0.22)).max(0.0);
            let (curve, inner) = (self.curve(x), self.curve(x / 0.86));
            let (high, low) = (-ABOVE * self.open * inner, (1.0 - ABOVE) * self.open * inner);
            let above = (-ABOVE * self.open - self.lip.0 * bow) * curve;
            let below = ((1.0 - ABOVE) * self.open + self.lip.1) * curve;
            let share = placing.cover(above - y).min(placing.cover(y - below));
            let shade = if y < high { upper } else { lit(lower, 1.06 - 0.5 * (y - low).max(0.0)) };
            let within = placing.cover(high - y).min(placing.cover(y - low));
            // Lips that touch leave a thin dark line.
            let line = 0.55
                * placing.cover(((y - high).abs() - 0.008).max(-0.012))
                * f32::from(x.abs() < 0.95);
            let dark = within.min(placing.pixels(low - high).min(1.0)).max(line);
            (share, between(shade, self.inside(identity, placing, y - high, low - y), dark))
        });
    }

    /// The colour between the lips, `down` below the upper and `up` above the lower.
    fn inside(&self, identity: &Identity, placing: &Placing, down: f32, up: f32) -> Color {
        let tongue = ((0.30 * self.open - up) * 14.0).clamp(0.0, 0.75);
        let color = between(INSIDE, TONGUE, tongue);
        let teeth = 0.16 * self.open.min(0.35) + 0.012;
        // Lips that hardly part show no teeth.
        let shown = (self.open * 25.0).min(1.0) * placing.cover(down - teeth);
        between(color, lit(identity.teeth, 0.80), shown)
    }
}
