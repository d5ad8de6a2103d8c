//! Draws a mouth: lips, teeth, tongue and the dark interior.

use super::{
    canvas::{Canvas, Color, Placement, mix, scaled},
    identity::Identity,
    light::Light,
    pose::Pose,
};

/// The articulation of the lips.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Lips {
    /// The opening, from 0 to 1.
    pub(super) open: f32,
    /// The shape, from spread (-1) to rounded (1).
    pub(super) round: f32,
}

/// The colors of the interior and of the tongue.
const INSIDE: Color = [0.13, 0.04, 0.05];
const TONGUE: Color = [0.62, 0.26, 0.26];
/// The fraction of an opening above the line where the lips meet: the jaw falls, the upper lip
/// hardly rises.
const UPPER_SHARE: f32 = 0.28;

/// The position and size of a mouth, in the face's units.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Mouth {
    pub(super) center: (f32, f32),
    /// Half the width.
    pub(super) width: f32,
    /// The height of the opening.
    open: f32,
    round: f32,
    lip: (f32, f32),
}

impl Mouth {
    pub(super) fn new(identity: &Identity, pose: &Pose, lips: Lips) -> Self {
        let narrow = 1.0 - 0.38 * lips.round.max(0.0) + 0.10 * (-lips.round).max(0.0);
        // Rounded lips protrude and look thicker; a falling jaw pulls the corners in.
        let thick = 1.0 + 0.35 * lips.round.max(0.0) - 0.15 * lips.open;
        Self {
            center: (0.55 * pose.aside.0, identity.mouth_height + 0.4 * pose.aside.1),
            width: identity.mouth_width * narrow * (1.0 - 0.10 * lips.open),
            open: identity.mouth_open * lips.open,
            round: lips.round.max(0.0),
            lip: (identity.lip.0 * thick, identity.lip.1 * thick),
        }
    }

    /// Returns the relative height of the opening at `x` in half widths, from 1 in the center to 0
    /// in the corners. The curve becomes rounder with the rounding of the lips.
    fn curve(&self, x: f32) -> f32 {
        let squared = (1.0 - x * x).max(0.0);
        let oval = 0.35 + 0.6 * self.round;
        (1.0 - oval) * squared + oval * squared.sqrt()
    }

    /// Draws the mouth.
    pub(super) fn draw(
        &self,
        canvas: &mut Canvas,
        identity: &Identity,
        pose: &Pose,
        light: &Light,
    ) {
        let placement = &pose.placement;
        let (u, v) = self.center;
        let edge = 1.5 / placement.unit;
        let top = UPPER_SHARE * self.open + self.lip.0;
        let bottom = (1.0 - UPPER_SHARE) * self.open + self.lip.1;
        let bounds =
            (u - self.width - edge, v - top - edge, u + self.width + edge, v + bottom + edge);
        let side = 1.0 - 0.25 * light.direction[0].abs();
        let (upper, lower) = (scaled(identity.lips, 0.86 * side), identity.lips);
        canvas.draw(placement, bounds, |x, y| {
            let (x, y) = ((x - u) / self.width, y - v);
            // The upper lip dips in the center.
            let bow = 1.0 - 0.30 * (1.0 - (x / 0.22) * (x / 0.22)).max(0.0);
            let (curve, inner) = (self.curve(x), self.curve(x / 0.86));
            let (high, low) =
                (-UPPER_SHARE * self.open * inner, (1.0 - UPPER_SHARE) * self.open * inner);
            let above = (-UPPER_SHARE * self.open - self.lip.0 * bow) * curve;
            let below = ((1.0 - UPPER_SHARE) * self.open + self.lip.1) * curve;
            let share = placement.cover(above - y).min(placement.cover(y - below));
            let shade =
                if y < high { upper } else { scaled(lower, 1.06 - 0.5 * (y - low).max(0.0)) };
            let within = placement.cover(high - y).min(placement.cover(y - low));
            // Touching lips leave a thin dark line.
            let line = 0.55
                * placement.cover(((y - high).abs() - 0.008).max(-0.012))
                * f32::from(x.abs() < 0.95);
            let dark = within.min(placement.pixels(low - high).min(1.0)).max(line);
            (share, mix(shade, self.inside(identity, placement, y - high, low - y), dark))
        });
    }

    /// Returns the color between the lips, `down` below the upper lip and `up` above the lower lip.
    fn inside(&self, identity: &Identity, placement: &Placement, down: f32, up: f32) -> Color {
        let tongue = ((0.30 * self.open - up) * 14.0).clamp(0.0, 0.75);
        let color = mix(INSIDE, TONGUE, tongue);
        let teeth = 0.16 * self.open.min(0.35) + 0.012;
        // Barely open lips show no teeth.
        let shown = (self.open * 25.0).min(1.0) * placement.cover(down - teeth);
        mix(color, scaled(identity.teeth, 0.80), shown)
    }
}
