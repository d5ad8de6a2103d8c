//! The sounds of speech: ARPAbet without stress.

use strum::{Display, EnumString, VariantArray};

use super::viseme::Viseme;

/// A phone of ARPAbet, or silence.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Display, EnumString, VariantArray)]
#[strum(serialize_all = "UPPERCASE")]
#[expect(missing_docs, reason = "the names are those of ARPAbet")]
pub enum Phone {
    #[strum(serialize = "sil")]
    Silence,
    Aa,
    Ae,
    Ah,
    Ao,
    Aw,
    Ay,
    B,
    Ch,
    D,
    Dh,
    Eh,
    Er,
    Ey,
    F,
    G,
    Hh,
    Ih,
    Iy,
    Jh,
    K,
    L,
    M,
    N,
    Ng,
    Ow,
    Oy,
    P,
    R,
    S,
    Sh,
    T,
    Th,
    Uh,
    Uw,
    V,
    W,
    Y,
    Z,
    Zh,
}

/// A viseme during a part of a phone.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Shape {
    pub(super) viseme: Viseme,
    /// The strength of the viseme, from 0 to 1.
    pub(super) strength: f32,
    /// The part of the phone, from 0 to 1.
    pub(super) from: f64,
    pub(super) to: f64,
}

/// A viseme during a whole phone.
const fn all(viseme: Viseme, strength: f32) -> Shape {
    Shape { viseme, strength, from: 0.0, to: 1.0 }
}

/// The first and the second part of a diphthong.
const fn first(viseme: Viseme, strength: f32) -> Shape {
    Shape { viseme, strength, from: 0.0, to: 0.6 }
}

const fn second(viseme: Viseme, strength: f32) -> Shape {
    Shape { viseme, strength, from: 0.6, to: 1.0 }
}

impl Phone {
    /// Returns whether the phone is a vowel.
    #[must_use]
    pub fn is_vowel(self) -> bool {
        use Phone::{Aa, Ae, Ah, Ao, Aw, Ay, Eh, Er, Ey, Ih, Iy, Ow, Oy, Uh, Uw};
        matches!(self, Aa | Ae | Ah | Ao | Aw | Ay | Eh | Er | Ey | Ih | Iy | Ow | Oy | Uh | Uw)
    }

    /// Returns the visemes of the phone. The classes are those of openfacefx 0.24 (MIT license);
    /// diphthongs move, reduced vowels open less, and h and k mostly have the shape of their
    /// neighbors.
    pub(super) fn shapes(self) -> &'static [Shape] {
        use Viseme::{
            Alveolar, Closed, LipTeeth, Mid, Nasal, Open, Postalveolar, Rhotic, Round, RoundOpen,
            Sibilant, Spread, Tongue, Velar,
        };
        match self {
            Self::Silence => &[],
            Self::Aa => const { &[all(Open, 1.0)] },
            Self::Ae => const { &[all(Open, 0.95)] },
            Self::Ah => const { &[all(Open, 0.6)] },
            Self::Ao => const { &[all(RoundOpen, 1.0)] },
            Self::Aw => const { &[first(Open, 1.0), second(Round, 0.7)] },
            Self::Ay => const { &[first(Open, 1.0), second(Spread, 0.7)] },
            Self::B | Self::P | Self::M => const { &[all(Closed, 1.0)] },
            Self::Ch | Self::Jh | Self::Sh | Self::Zh => const { &[all(Postalveolar, 1.0)] },
            Self::D | Self::T | Self::L => const { &[all(Alveolar, 0.9)] },
            Self::Dh | Self::Th => const { &[all(Tongue, 1.0)] },
            Self::Eh => const { &[all(Mid, 1.0)] },
            Self::Er => const { &[all(Rhotic, 1.0)] },
            Self::R => const { &[all(Rhotic, 0.8)] },
            Self::Ey => const { &[first(Mid, 1.0), second(Spread, 0.8)] },
            Self::F | Self::V => const { &[all(LipTeeth, 1.0)] },
            Self::G | Self::K => const { &[all(Velar, 0.7)] },
            Self::Hh => const { &[all(Velar, 0.5)] },
            Self::Ih => const { &[all(Mid, 0.75)] },
            Self::Iy => const { &[all(Spread, 1.0)] },
            Self::Y => const { &[all(Spread, 0.8)] },
            Self::N | Self::Ng => const { &[all(Nasal, 1.0)] },
            Self::Ow => const { &[first(RoundOpen, 1.0), second(Round, 0.8)] },
            Self::Oy => const { &[first(RoundOpen, 1.0), second(Spread, 0.7)] },
            Self::S | Self::Z => const { &[all(Sibilant, 1.0)] },
            Self::Uh => const { &[all(Round, 0.7)] },
            Self::Uw | Self::W => const { &[all(Round, 1.0)] },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_those_of_arpabet() {
        assert_eq!(Phone::VARIANTS.len(), 40);
        for (name, phone) in [("sil", Phone::Silence), ("AA", Phone::Aa), ("ZH", Phone::Zh)] {
            assert_eq!(name.parse(), Ok(phone));
            assert_eq!(phone.to_string(), name);
        }
        assert!("aa".parse::<Phone>().is_err() && "AA1".parse::<Phone>().is_err());
        let vowels = Phone::VARIANTS.iter().filter(|phone| phone.is_vowel()).count();
        assert_eq!(vowels, 15);
    }

    #[test]
    fn every_sound_has_a_shape() {
        for phone in Phone::VARIANTS {
            let shapes = phone.shapes();
            assert_eq!(shapes.is_empty(), *phone == Phone::Silence);
            if let (Some(start), Some(end)) = (shapes.first(), shapes.last()) {
                assert_eq!((start.from, end.to), (0.0, 1.0));
            }
        }
    }
}
