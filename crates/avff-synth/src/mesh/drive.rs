//! Turns the lips of a synthetic utterance into actions of the mesh.

use avff_rng::Rng;

use super::action::{Action, Weights};
use crate::mouth::Lips;

/// How a person articulates.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Articulation {
    /// How far the mouth opens, relative to a clear speaker.
    gain: f32,
    /// How much of an opening is the jaw's.
    jaw: f32,
    /// How strongly the lips round, spread and rise.
    round: f32,
    spread: f32,
    upper: f32,
    /// How strongly closed lips press against each other.
    press: f32,
    /// How far the left side moves more than the right one.
    lopsided: f32,
    /// How early the mouth moves, in seconds.
    pub(crate) lead: f64,
}

impl Articulation {
    pub(crate) fn new(rng: &mut Rng) -> Self {
        let mut uniform = |low: f64, high: f64| rng.between(low, high) as f32;
        Self {
            gain: uniform(0.55, 1.3),
            jaw: uniform(0.55, 1.1),
            round: uniform(0.5, 1.1),
            spread: uniform(0.2, 0.9),
            upper: uniform(0.0, 1.3),
            press: uniform(0.2, 1.2),
            lopsided: uniform(-0.35, 0.35) * uniform(0.0, 1.0),
            lead: f64::from(uniform(-0.02, 0.06)),
        }
    }

    /// Returns the actions of a mouth with the given lips.
    pub(crate) fn actions(&self, lips: Lips) -> Weights {
        use Action::{
            JawOpen, MouthFunnel, MouthLowerDownLeft, MouthLowerDownRight, MouthPressLeft,
            MouthPressRight, MouthPucker, MouthRollLower, MouthRollUpper, MouthStretchLeft,
            MouthStretchRight, MouthUpperUpLeft, MouthUpperUpRight,
        };
        let open = lips.open * self.gain;
        let (round, spread) =
            (self.round * lips.round.max(0.0), self.spread * (-lips.round).max(0.0));
        let mut out = Weights::default();
        let (left, right) = (1.0 + self.lopsided, 1.0 - self.lopsided);
        let mut sides = |actions: [Action; 2], weight: f32| {
            out.add(actions[0], weight * left);
            out.add(actions[1], weight * right);
        };
        let lower = 0.22 + 0.45 * (1.0 - self.jaw).max(0.0);
        sides([MouthLowerDownLeft, MouthLowerDownRight], lower * open * (1.0 - 0.6 * round));
        sides(
            [MouthUpperUpLeft, MouthUpperUpRight],
            0.30 * self.upper * open * (1.0 - round).max(0.0),
        );
        sides([MouthStretchLeft, MouthStretchRight], 0.5 * spread);
        // Lips that touch press against each other.
        let closed = self.press * (1.0 - lips.open / 0.08).clamp(0.0, 1.0);
        sides([MouthPressLeft, MouthPressRight], 0.35 * closed);
        out.add_both([MouthRollLower, MouthRollUpper], 0.12 * closed);
        out.add(JawOpen, 0.64 * self.jaw * open);
        out.add(MouthPucker, 0.8 * round);
        out.add(MouthFunnel, 0.35 * round * open);
        out
    }
}
