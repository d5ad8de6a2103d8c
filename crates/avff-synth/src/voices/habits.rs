//! How a speaker moves the lips while speaking.

use avff_rng::Rng;

/// The habits of a speaker. People differ in all of them, so that a network must not rely on any.
#[derive(Debug, Clone, PartialEq)]
pub struct Habits {
    /// How much earlier than the sound the lips move, in seconds. Recordings shift it, too.
    pub lead: f64,
    /// The standard deviation of the smoothing of movements, in seconds.
    pub smoothing: f64,
    /// The strength of all movements.
    pub gain: f32,
    /// How much the opening follows the loudness, from 0 to 1.
    pub loudness_coupling: f32,
    /// How much movements other than closures are reduced, from 0 to 1.
    pub mumbling: f32,
    /// The left half's strength relative to the right half's: 0 is symmetric.
    pub asymmetry: f32,
    /// How completely lips close for p, b and m, from 0 to 1.
    pub closure: f32,
    /// How much the upper lip shows the teeth.
    pub upper_teeth: f32,
    /// How much the lower lip shows the teeth.
    pub lower_teeth: f32,
    /// How much of the tongue is seen.
    pub tongue: f32,
    /// The smile while speaking, from 0 to 1.
    pub smile: f32,
    /// The strength of rounding.
    pub rounding: f32,
    /// The strength of spreading.
    pub spreading: f32,
    /// The opening at rest, as a weight of the jaw.
    pub rest: f32,
    /// How much the strength of a movement varies from phone to phone, as a standard deviation.
    pub variation: f32,
    /// How much the time of a movement varies from phone to phone, as a standard deviation in
    /// seconds.
    pub jitter: f64,
    /// The random seed of these variations.
    pub seed: u64,
}

impl Default for Habits {
    /// The habits that looked natural on a mesh: lips 40 ms early, smoothed with 40 ms.
    fn default() -> Self {
        Self {
            lead: 0.04,
            smoothing: 0.04,
            gain: 1.0,
            loudness_coupling: 0.5,
            mumbling: 0.0,
            asymmetry: 0.0,
            closure: 1.0,
            upper_teeth: 1.0,
            lower_teeth: 1.0,
            tongue: 1.0,
            smile: 0.0,
            rounding: 1.0,
            spreading: 1.0,
            rest: 0.0,
            variation: 0.0,
            jitter: 0.0,
            seed: 0,
        }
    }
}

impl Habits {
    /// Draws the habits of a speaker.
    #[must_use]
    pub fn new(rng: &mut Rng) -> Self {
        let mut between = |low: f64, high: f64| rng.between(low, high) as f32;
        let lead = f64::from(between(-0.02, 0.08));
        let smoothing = f64::from(between(0.03, 0.07));
        // The logarithm is uniform, so that halving is as frequent as doubling.
        let gain = libm::expf(between(-0.51, 0.262));
        let loudness_coupling = between(0.0, 1.0);
        // Most people do not mumble.
        let mumbling = (between(-0.6, 0.4)).max(0.0);
        let asymmetry = between(-0.25, 0.25);
        let closure = between(0.8, 1.0);
        let upper_teeth = between(0.1, 1.3);
        let lower_teeth = between(0.5, 1.5);
        let tongue = between(0.0, 1.0);
        let smile = (between(-0.4, 0.35)).max(0.0);
        let rounding = between(0.6, 1.15);
        let spreading = between(0.4, 1.15);
        let rest = (between(-0.05, 0.05)).max(0.0);
        let variation = between(0.1, 0.45);
        let jitter = f64::from(between(0.0, 0.02));
        let seed = rng.below(u64::MAX);
        Self {
            lead,
            smoothing,
            gain,
            loudness_coupling,
            mumbling,
            asymmetry,
            closure,
            upper_teeth,
            lower_teeth,
            tongue,
            smile,
            rounding,
            spreading,
            rest,
            variation,
            jitter,
            seed,
        }
    }
}

#[cfg(test)]
mod tests {
    use avff_rng::{Purpose, RngKey};

    use super::*;

    #[test]
    fn habits_are_within_their_ranges() {
        let habits = |row| {
            let key = RngKey { seed: 3, epoch: 0, row, occurrence: 0 };
            Habits::new(&mut key.rng(Purpose::Synth))
        };
        assert_eq!(habits(1), habits(1));
        assert_ne!(habits(1), habits(2));
        for row in 0..200 {
            let habits = habits(row);
            assert!((-0.02..=0.08).contains(&habits.lead));
            assert!((0.03..=0.07).contains(&habits.smoothing));
            assert!((0.6..=1.3).contains(&habits.gain), "{}", habits.gain);
            assert!((0.0..=0.4).contains(&habits.mumbling) && habits.closure <= 1.0);
        }
    }
}
