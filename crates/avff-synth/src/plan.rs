//! The plan of a clip, before any rendering.

use super::{
    config::SynthConfig,
    method::Method,
    rng::{SynthPurpose, rng},
};
use avff_datasets::layout::Split;

/// The ground truth of a clip.
#[derive(Debug, Clone, PartialEq)]
pub struct Plan {
    /// The split.
    pub split: Split,
    /// The index of the clip in the split.
    pub index: u64,
    /// The method.
    pub method: Method,
    /// The index of the visible face among the split's faces.
    pub face: u64,
    /// The index of the voice whose rhythm the true mouth has, among the split's voices. It is
    /// sampled independently of the face, so that no face correlates with a voice.
    pub own_voice: u64,
    /// The index of another voice.
    pub other_voice: u64,
    /// The delay of the audio against the recording, in milliseconds; 0 except for time shifts.
    pub shift_ms: i32,
    /// The start and end of the fake segment, in seconds; `None` for a real clip.
    pub fake: Option<(f64, f64)>,
    /// The digital silence at the start, in samples.
    pub silent: usize,
}

impl Plan {
    /// Creates the plan of clip `index` of a split. It depends on the seed, the split, the index
    /// and the rendering settings, but not on the number of clips.
    #[must_use]
    pub fn new(config: &SynthConfig, split: Split, index: u64) -> Self {
        let mut rng = rng(config.seed, split, index, SynthPurpose::Plan);
        let method = config.mix.at(position(config.seed, split, index));
        let face = rng.below(config.people);
        let own_voice = rng.below(config.people);
        // Any voice except the clip's own.
        let step = 1 + rng.below(config.people.saturating_sub(1));
        let other_voice = (own_voice + step) % config.people.max(1);
        let (least, most) = config.shift_ms;
        let size = least + rng.below(u64::from(most.saturating_sub(least)) + 1) as u32;
        let late = rng.bernoulli(0.5);
        let shift_ms = match (method, late) {
            (Method::TimeShift, true) => size.cast_signed(),
            (Method::TimeShift, false) => -size.cast_signed(),
            _ => 0,
        };
        let middle = config.seconds / 2.0;
        let fake = match (rng.bernoulli(config.half), rng.bernoulli(0.5)) {
            (false, _) => (0.0, config.seconds),
            (true, false) => (0.0, middle),
            (true, true) => (middle, config.seconds),
        };
        let silent = rng.between(0.025, 0.030) * f64::from(config.rate);
        let trapped = config.silence_trap && method.is_fake();
        Self {
            split,
            index,
            method,
            face,
            own_voice,
            other_voice,
            shift_ms,
            fake: method.is_fake().then_some(fake),
            silent: if trapped { silent as usize } else { 0 },
        }
    }

    /// Returns whether the whole clip is fake.
    #[must_use]
    pub fn is_fake_throughout(&self, config: &SynthConfig) -> bool {
        self.fake.is_some_and(|(from, to)| from <= 0.0 && to >= config.seconds)
    }

    /// Returns the index of the voice in the audio. If half of a clip is fake, the clip's own voice
    /// says something else in that half, because a change of voice would reveal where the fake
    /// begins.
    #[must_use]
    pub fn audio_voice(&self, config: &SynthConfig) -> u64 {
        match self.method {
            Method::VoiceSwap | Method::LipSync | Method::BothSwap
                if self.is_fake_throughout(config) =>
            {
                self.other_voice
            }
            _ => self.own_voice,
        }
    }
}

/// Returns the position of a clip in the proportions. The steps of the golden ratio fill `[0, 1)`
/// evenly, so any number of clips nearly matches the requested proportions.
fn position(seed: u64, split: Split, index: u64) -> f64 {
    /// The golden ratio times 2^64, as in Knuth's multiplicative hashing.
    const GOLDEN: u64 = 0x9E37_79B9_7F4A_7C15;
    let start = rng(seed, split, 0, SynthPurpose::Shares).below(u64::MAX);
    let at = start.wrapping_add(index.wrapping_mul(GOLDEN));
    (at >> 11) as f64 * 2.0_f64.powi(-53)
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    #[test]
    fn proportions_match_the_request() {
        let config = SynthConfig { half: 0.5, ..SynthConfig::default() };
        let mut counts = BTreeMap::new();
        let (mut halves, mut first, mut early) = (0, 0, 0);
        for index in 0..1600 {
            let plan = Plan::new(&config, Split::Test, index);
            *counts.entry(plan.method).or_insert(0) += 1;
            assert_ne!(plan.own_voice, plan.other_voice);
            assert_eq!(plan.fake.is_some(), plan.method.is_fake());
            assert_eq!(plan.shift_ms != 0, plan.method == Method::TimeShift);
            if plan.method == Method::TimeShift {
                assert!((80..=800).contains(&plan.shift_ms.abs()), "{}", plan.shift_ms);
                early += i32::from(plan.shift_ms < 0);
            }
            if let Some((from, to)) = plan.fake.filter(|_| !plan.is_fake_throughout(&config)) {
                assert_eq!(to - from, 1.6);
                halves += 1;
                first += i32::from(from == 0.0);
            }
        }
        for &(method, share) in config.mix.shares() {
            let error = f64::from(counts[&method]) - share * 100.0;
            assert!(error.abs() < 4.0, "{method}: {error}");
        }
        // 800 fakes, 400 halves, 200 shifts: five standard deviations each.
        assert!((330..=470).contains(&halves), "{halves}");
        assert!((halves / 2 - first).abs() < 50, "{first} of {halves}");
        assert!((65..=135).contains(&early), "{early}");
    }

    #[test]
    fn plan_depends_on_seed_split_and_index() {
        let config = SynthConfig::default();
        let plan = |config: &SynthConfig, split, index| Plan::new(config, split, index);
        let base = plan(&config, Split::Train, 5);
        assert_eq!(base, plan(&SynthConfig { train: 9, ..config.clone() }, Split::Train, 5));
        let voices = |plan: &Plan| (plan.face, plan.own_voice, plan.other_voice);
        for other in [
            plan(&SynthConfig { seed: 1, ..config.clone() }, Split::Train, 5),
            plan(&config, Split::Val, 5),
            plan(&config, Split::Train, 6),
        ] {
            assert_ne!(voices(&base), voices(&other));
        }
    }
}
