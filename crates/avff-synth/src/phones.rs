//! The phones of syllables: mouth shapes, formants and noise sources.
//!
//! The formants are those of a man, after Peterson and Barney (1952), rounded; a voice scales them.
//! The opening and rounding of the mouth are chosen here, far enough apart to be visible in small
//! frames.

/// A vowel.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Vowel {
    /// The opening of the mouth, from 0 to 1.
    pub(super) open: f32,
    /// The shape of the lips, from spread (-1) to rounded (1).
    pub(super) round: f32,
    /// The first three formants, in Hz.
    pub(super) formants: [f32; 3],
    /// The loudness: open vowels are louder.
    pub(super) loudness: f32,
    /// The relative frequency.
    pub(super) weight: f64,
}

/// The manner of articulation of a consonant.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Manner {
    /// A closure, then a burst; followed by aspiration unless voiced.
    Stop {
        /// Whether the vocal cords vibrate during the closure.
        voiced: bool,
    },
    /// Continuous noise.
    Fricative {
        /// The loudness of the noise.
        noise: f32,
    },
    /// Voice through the nose.
    Nasal,
    /// Voice through a narrow mouth opening.
    Glide,
}

/// A consonant.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Consonant {
    /// The opening of the mouth; 0 for closed lips.
    pub(super) open: f32,
    /// The shape of the lips, as for a vowel.
    pub(super) round: f32,
    /// The targets of the formants, in Hz.
    pub(super) formants: [f32; 3],
    /// The center frequency of the noise, in Hz.
    pub(super) noise_frequency: f32,
    /// The manner of articulation.
    pub(super) manner: Manner,
    /// The relative frequency.
    pub(super) weight: f64,
}

const fn vowel(open: f32, round: f32, formants: [f32; 3], loudness: f32, weight: f64) -> Vowel {
    Vowel { open, round, formants, loudness, weight }
}

/// a, ae, e, i, o, u and a neutral one.
pub(super) const VOWELS: [Vowel; 7] = [
    vowel(1.00, 0.0, [760.0, 1240.0, 2500.0], 1.00, 3.0),
    vowel(0.85, -0.4, [670.0, 1700.0, 2450.0], 0.90, 1.5),
    vowel(0.55, -0.6, [500.0, 1900.0, 2500.0], 0.70, 1.5),
    vowel(0.26, -1.0, [290.0, 2250.0, 2950.0], 0.45, 1.5),
    vowel(0.62, 0.7, [500.0, 880.0, 2450.0], 0.75, 1.5),
    vowel(0.24, 1.0, [320.0, 800.0, 2300.0], 0.45, 1.5),
    vowel(0.50, 0.0, [520.0, 1400.0, 2450.0], 0.60, 1.0),
];

const fn consonant(
    open: f32,
    round: f32,
    formants: [f32; 3],
    noise_frequency: f32,
    manner: Manner,
    weight: f64,
) -> Consonant {
    Consonant { open, round, formants, noise_frequency, manner, weight }
}

const VOICED: Manner = Manner::Stop { voiced: true };
const VOICELESS: Manner = Manner::Stop { voiced: false };

/// m, n, b, p, d, t, g, k, s, sh, f and w.
pub(super) const CONSONANTS: [Consonant; 12] = [
    consonant(0.00, 0.0, [250.0, 1000.0, 2200.0], 0.0, Manner::Nasal, 2.0),
    consonant(0.14, 0.0, [250.0, 1600.0, 2600.0], 0.0, Manner::Nasal, 1.0),
    consonant(0.00, 0.0, [250.0, 900.0, 2200.0], 900.0, VOICED, 2.0),
    consonant(0.00, 0.0, [300.0, 900.0, 2200.0], 1000.0, VOICELESS, 2.0),
    consonant(0.12, 0.0, [250.0, 1700.0, 2600.0], 3900.0, VOICED, 1.0),
    consonant(0.12, 0.0, [300.0, 1700.0, 2600.0], 4300.0, VOICELESS, 1.0),
    consonant(0.20, 0.0, [250.0, 1900.0, 2300.0], 1900.0, VOICED, 0.5),
    consonant(0.20, 0.0, [300.0, 1900.0, 2300.0], 2000.0, VOICELESS, 0.5),
    consonant(0.10, -0.4, [320.0, 1500.0, 2500.0], 5800.0, Manner::Fricative { noise: 0.22 }, 1.0),
    consonant(0.16, 0.7, [320.0, 1700.0, 2400.0], 3100.0, Manner::Fricative { noise: 0.25 }, 1.0),
    consonant(0.04, 0.0, [320.0, 1100.0, 2200.0], 4800.0, Manner::Fricative { noise: 0.10 }, 1.0),
    consonant(0.10, 1.0, [300.0, 650.0, 2200.0], 0.0, Manner::Glide, 1.0),
];
