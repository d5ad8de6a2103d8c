//! Isotonic regression: the best non-decreasing function of the score.

use serde::{Deserialize, Serialize};

use crate::clips::Clips;

/// A non-decreasing function with linear pieces between knots, constant outside of them.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Isotonic {
    /// Scores, ascending.
    pub scores: Vec<f64>,
    /// P(fake) at these scores, not descending.
    pub probabilities: Vec<f64>,
}

/// A block of the pool-adjacent-violators algorithm: neighboring clips with one value.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Block {
    /// The lowest and the highest score.
    pub(crate) scores: [f64; 2],
    pub(crate) fakes: f64,
    pub(crate) clips: f64,
}

impl Block {
    /// The share of fakes.
    pub(crate) fn share(&self) -> f64 {
        self.fakes / self.clips
    }
}

/// Pools neighboring scores until the shares of fakes do not descend. Clips of equal score are one
/// from the start.
///
/// Source: M. Ayer et al., "An empirical distribution function for sampling with incomplete
/// information", 1955.
pub(crate) fn pooled(clips: &Clips) -> Vec<Block> {
    let mut sorted: Vec<(f64, f64)> = clips.labeled().collect();
    sorted.sort_by(|a, b| a.0.total_cmp(&b.0));
    let mut blocks: Vec<Block> = Vec::new();
    // Ties compare by `==`: 0.0 and -0.0 are equal scores.
    for tied in sorted.chunk_by(|a, b| a.0 == b.0) {
        let fakes = tied.iter().map(|(_, label)| label).sum();
        let score = tied.first().map_or(0.0, |clip| clip.0);
        let mut last = Block { scores: [score; 2], fakes, clips: tied.len() as f64 };
        while let Some(before) = blocks.pop_if(|before| before.share() >= last.share()) {
            last = Block {
                scores: [before.scores[0], last.scores[1]],
                fakes: before.fakes + last.fakes,
                clips: before.clips + last.clips,
            };
        }
        blocks.push(last);
    }
    blocks
}

impl Isotonic {
    /// Fits the function by least squares, which is also the best likelihood.
    #[must_use]
    pub fn fit(clips: &Clips) -> Self {
        let (mut scores, mut probabilities) = (Vec::new(), Vec::new());
        for block in pooled(clips) {
            let [low, high] = block.scores;
            for score in if low == high { vec![low] } else { vec![low, high] } {
                scores.push(score);
                probabilities.push(block.share());
            }
        }
        Self { scores, probabilities }
    }

    /// Computes P(fake). It is 0 or 1 where only clips of one class have such a score.
    #[must_use]
    pub fn probability(&self, score: f64) -> f64 {
        let at = self.scores.partition_point(|&knot| knot < score);
        let knot = |at: usize| Some((*self.scores.get(at)?, *self.probabilities.get(at)?));
        match (at.checked_sub(1).and_then(knot), knot(at)) {
            (Some((x0, y0)), Some((x1, y1))) => y0 + (y1 - y0) * ((score - x0) / (x1 - x0)),
            (None, Some((_, value))) | (Some((_, value)), None) => value,
            (None, None) => f64::NAN,
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn pools_the_violators() {
        // By score: real, fake, real, fake, fake; the second and the third violate the order.
        let scores = [1.0, 2.0, 3.0, 4.0, 5.0];
        let clips = Clips::new(&scores, &[false, true, false, true, true]).unwrap();
        let map = Isotonic::fit(&clips);
        let expected = [0.0, 0.5, 0.5, 1.0, 1.0];
        assert_eq!(scores.map(|score| map.probability(score)), expected);
        assert_eq!(
            [0.0, 1.5, 3.5, 9.0].map(|score| map.probability(score)),
            [0.0, 0.25, 0.75, 1.0]
        );
    }

    proptest! {
        /// The definition: the highest of the means of all runs that end above a clip, and so on
        /// (max-min formula).
        #[test]
        fn matches_the_max_min_formula(clips in proptest::collection::vec((0..8_i32, any::<bool>()), 2..24)) {
            prop_assume!(clips.iter().any(|clip| clip.1) && !clips.iter().all(|clip| clip.1));
            let scores: Vec<f64> = clips.iter().map(|clip| f64::from(clip.0)).collect();
            let fake: Vec<bool> = clips.iter().map(|clip| clip.1).collect();
            let map = Isotonic::fit(&Clips::new(&scores, &fake).unwrap());
            let mut levels = scores.clone();
            levels.sort_by(f64::total_cmp);
            levels.dedup();
            let mean = |from: f64, to: f64| {
                let inside: Vec<f64> = scores.iter().zip(&fake)
                    .filter(|(score, _)| (from..=to).contains(*score))
                    .map(|(_, fake)| f64::from(u8::from(*fake)))
                    .collect();
                inside.iter().sum::<f64>() / inside.len() as f64
            };
            for &score in &levels {
                let lows = levels.iter().filter(|&&low| low <= score);
                let value = lows
                    .map(|&low| {
                        let highs = levels.iter().filter(|&&high| high >= score);
                        highs.map(|&high| mean(low, high)).fold(f64::INFINITY, f64::min)
                    })
                    .fold(f64::NEG_INFINITY, f64::max);
                prop_assert!((map.probability(score) - value).abs() < 1e-12);
            }
        }
    }
}
