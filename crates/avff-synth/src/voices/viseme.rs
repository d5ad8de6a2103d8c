//! Visemes: shapes of the mouth that one or more phones share.

use strum::VariantArray;

use super::actions::{
    JAW_OPEN, MOUTH_DIMPLE_LEFT, MOUTH_DIMPLE_RIGHT, MOUTH_FUNNEL, MOUTH_LOWER_DOWN_LEFT,
    MOUTH_LOWER_DOWN_RIGHT, MOUTH_PRESS_LEFT, MOUTH_PRESS_RIGHT, MOUTH_PUCKER, MOUTH_ROLL_LOWER,
    MOUTH_ROLL_UPPER, MOUTH_SHRUG_LOWER, MOUTH_SMILE_LEFT, MOUTH_SMILE_RIGHT, MOUTH_STRETCH_LEFT,
    MOUTH_STRETCH_RIGHT, MOUTH_UPPER_UP_LEFT, MOUTH_UPPER_UP_RIGHT, TONGUE_OUT,
};

/// A viseme, of the fifteen that the Oculus lip-sync convention made common; the rest posture is
/// the one without actions.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, VariantArray)]
#[repr(usize)]
pub enum Viseme {
    /// The mouth at rest.
    Rest = 0,
    /// Closed lips: p, b, m.
    Closed = 1,
    /// Lower lip at the upper teeth: f, v.
    LipTeeth = 2,
    /// Tongue between the teeth: th.
    Tongue = 3,
    /// Tongue behind the teeth: t, d, l.
    Alveolar = 4,
    /// Back of the tongue raised: k, g, h.
    Velar = 5,
    /// Protruded and slightly rounded: sh, ch.
    Postalveolar = 6,
    /// Teeth together and bared: s, z.
    Sibilant = 7,
    /// Tongue up, nasal: n, ng.
    Nasal = 8,
    /// Slightly rounded: r.
    Rhotic = 9,
    /// Open jaw: a.
    Open = 10,
    /// Half open and spread: e.
    Mid = 11,
    /// Wide spread: i.
    Spread = 12,
    /// Rounded and open: o.
    RoundOpen = 13,
    /// Tightly rounded: u, w.
    Round = 14,
}

/// The number of visemes.
pub(super) const VISEMES: usize = 15;

impl Viseme {
    /// Returns the actions of the full viseme and their weights.
    ///
    /// From openfacefx 0.24 (MIT license, copyright 2026 OpenFaceFX contributors), with four
    /// changes that look right on a mesh with modeled lips: no funnel in `Round`, pucker instead of
    /// funnel in `RoundOpen`, raised upper lip in `Open`, and less of the tongue in `Tongue`.
    #[must_use]
    pub fn actions(self) -> &'static [(usize, f32)] {
        match self {
            Self::Rest => &[],
            Self::Closed => &[
                (MOUTH_PRESS_LEFT, 0.5),
                (MOUTH_PRESS_RIGHT, 0.5),
                (MOUTH_ROLL_LOWER, 0.22),
                (MOUTH_ROLL_UPPER, 0.22),
            ],
            Self::LipTeeth => &[
                (MOUTH_SHRUG_LOWER, 0.52),
                (MOUTH_UPPER_UP_LEFT, 0.3),
                (MOUTH_UPPER_UP_RIGHT, 0.3),
                (MOUTH_ROLL_LOWER, 0.3),
                (JAW_OPEN, 0.07),
            ],
            Self::Tongue => &[
                (TONGUE_OUT, 0.7),
                (JAW_OPEN, 0.12),
                (MOUTH_UPPER_UP_LEFT, 0.15),
                (MOUTH_UPPER_UP_RIGHT, 0.15),
                (MOUTH_LOWER_DOWN_LEFT, 0.15),
                (MOUTH_LOWER_DOWN_RIGHT, 0.15),
            ],
            Self::Alveolar => &[
                (JAW_OPEN, 0.24),
                (TONGUE_OUT, 0.28),
                (MOUTH_UPPER_UP_LEFT, 0.12),
                (MOUTH_UPPER_UP_RIGHT, 0.12),
            ],
            Self::Velar => {
                &[(JAW_OPEN, 0.32), (MOUTH_LOWER_DOWN_LEFT, 0.12), (MOUTH_LOWER_DOWN_RIGHT, 0.12)]
            }
            Self::Postalveolar => &[(MOUTH_FUNNEL, 0.6), (MOUTH_PUCKER, 0.4), (JAW_OPEN, 0.16)],
            Self::Sibilant => &[
                (JAW_OPEN, 0.09),
                (MOUTH_STRETCH_LEFT, 0.3),
                (MOUTH_STRETCH_RIGHT, 0.3),
                (MOUTH_UPPER_UP_LEFT, 0.28),
                (MOUTH_UPPER_UP_RIGHT, 0.28),
                (MOUTH_LOWER_DOWN_LEFT, 0.28),
                (MOUTH_LOWER_DOWN_RIGHT, 0.28),
            ],
            Self::Nasal => &[
                (JAW_OPEN, 0.2),
                (TONGUE_OUT, 0.22),
                (MOUTH_LOWER_DOWN_LEFT, 0.1),
                (MOUTH_LOWER_DOWN_RIGHT, 0.1),
            ],
            Self::Rhotic => &[(MOUTH_PUCKER, 0.45), (MOUTH_FUNNEL, 0.3), (JAW_OPEN, 0.18)],
            Self::Open => &[
                (JAW_OPEN, 0.6),
                (MOUTH_LOWER_DOWN_LEFT, 0.1),
                (MOUTH_LOWER_DOWN_RIGHT, 0.1),
                (MOUTH_UPPER_UP_LEFT, 0.3),
                (MOUTH_UPPER_UP_RIGHT, 0.3),
            ],
            Self::Mid => &[
                (JAW_OPEN, 0.42),
                (MOUTH_STRETCH_LEFT, 0.32),
                (MOUTH_STRETCH_RIGHT, 0.32),
                (MOUTH_DIMPLE_LEFT, 0.22),
                (MOUTH_DIMPLE_RIGHT, 0.22),
            ],
            Self::Spread => &[
                (JAW_OPEN, 0.16),
                (MOUTH_STRETCH_LEFT, 0.5),
                (MOUTH_STRETCH_RIGHT, 0.5),
                (MOUTH_SMILE_LEFT, 0.32),
                (MOUTH_SMILE_RIGHT, 0.32),
                (MOUTH_UPPER_UP_LEFT, 0.2),
                (MOUTH_UPPER_UP_RIGHT, 0.2),
            ],
            Self::RoundOpen => &[(MOUTH_PUCKER, 0.6), (JAW_OPEN, 0.4), (MOUTH_SHRUG_LOWER, 0.4)],
            Self::Round => &[(MOUTH_PUCKER, 0.85), (JAW_OPEN, 0.12)],
        }
    }

    /// Returns how fast the movement is, relative to the speaker's smoothing. Closures are quick.
    pub(super) fn width(self) -> f64 {
        match self {
            Self::Closed => 0.55,
            Self::LipTeeth => 0.62,
            _ => 1.0,
        }
    }

    /// Returns how much earlier than their sound the lips start to move, in seconds. Rounding is
    /// anticipated over neighboring consonants.
    pub(super) fn anticipation(self) -> f64 {
        match self {
            Self::Round | Self::RoundOpen => 0.05,
            Self::Postalveolar | Self::Rhotic => 0.03,
            _ => 0.0,
        }
    }

    /// Returns the shortest time that lips need for the movement, in seconds: aligners shorten
    /// closures to their burst.
    pub(super) fn shortest(self) -> f64 {
        match self {
            Self::Closed => 0.075,
            Self::LipTeeth => 0.065,
            _ => 0.0,
        }
    }

    /// Returns how completely a closure suppresses neighboring visemes, from 0 to 1.
    pub(super) fn closure(self) -> f32 {
        match self {
            Self::Closed => 1.0,
            Self::LipTeeth => 0.9,
            _ => 0.0,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{super::actions::COUNT, *};

    #[test]
    fn weights_are_within_range_and_open_visemes_open() {
        assert_eq!(Viseme::VARIANTS.len(), VISEMES);
        for viseme in Viseme::VARIANTS {
            for &(index, weight) in viseme.actions() {
                assert!(index < COUNT && weight > 0.0 && weight <= 1.0, "{viseme:?}");
            }
        }
        let jaw = |viseme: Viseme| {
            viseme.actions().iter().find(|&&(index, _)| index == JAW_OPEN).map_or(0.0, |&(_, w)| w)
        };
        assert!(jaw(Viseme::Open) > jaw(Viseme::Mid) && jaw(Viseme::Mid) > jaw(Viseme::Spread));
        assert_eq!(jaw(Viseme::Closed), 0.0);
    }
}
