//! How well proposals find the fake segments of clips: average precision and average recall.
//!
//! Source: Z. Cai et al., "Glitch in the Matrix: a large scale benchmark for content driven
//! audio-visual forgery detection and localization" (LAV-DF), 2023, whose definitions AV-Deepfake1M
//! uses as well. An overlap counts if it is larger than the threshold, not if it equals it.

use serde::{Deserialize, Serialize};

/// The overlaps of AP in tables of the field.
pub const AP_OVERLAPS: [f64; 4] = [0.5, 0.75, 0.9, 0.95];
/// The numbers of proposals of AR in tables of the field.
pub const AR_PROPOSALS: [usize; 4] = [50, 20, 10, 5];
/// The overlaps that AR is averaged over.
const AR_OVERLAPS: [f64; 10] = [0.5, 0.55, 0.6, 0.65, 0.7, 0.75, 0.8, 0.85, 0.9, 0.95];

/// A part of a clip that may be fake.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Proposal {
    /// How likely it is fake; only the order matters.
    pub score: f64,
    /// Its start in seconds.
    pub start: f64,
    /// Its end in seconds.
    pub end: f64,
}

/// A clip with its proposals and its fake segments, as start and end in seconds.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Localized {
    /// The proposals, in any order.
    pub proposals: Vec<Proposal>,
    /// The fake segments; none in a real clip.
    pub truth: Vec<[f64; 2]>,
}

/// Average precision and recall over clips.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Localization {
    /// AP at each overlap.
    pub ap: Vec<(f64, f64)>,
    /// AR with so many proposals a clip.
    pub ar: Vec<(usize, f64)>,
    /// The clips.
    pub clips: usize,
    /// The fake segments.
    pub segments: usize,
}

impl Localization {
    /// Computes AP at [`AP_OVERLAPS`] and AR at [`AR_PROPOSALS`]. `None` without a fake segment, where
    /// neither is defined.
    #[must_use]
    pub fn of(clips: &[Localized]) -> Option<Self> {
        let segments = clips.iter().map(|clip| clip.truth.len()).sum::<usize>();
        if segments == 0 {
            return None;
        }
        let sorted: Vec<Localized> = clips.iter().map(by_score).collect();
        Some(Self {
            ap: AP_OVERLAPS.map(|at| (at, average_precision(&sorted, segments, at))).to_vec(),
            ar: AR_PROPOSALS
                .map(|count| (count, average_recall(&sorted, segments, count)))
                .to_vec(),
            clips: clips.len(),
            segments,
        })
    }
}

/// Sorts the proposals of a clip, the likeliest first.
fn by_score(clip: &Localized) -> Localized {
    let mut sorted = clip.clone();
    sorted.proposals.sort_by(|a, b| b.score.total_cmp(&a.score));
    sorted
}

/// Intersection over union of two spans.
fn overlap(proposal: &Proposal, [start, end]: [f64; 2]) -> f64 {
    let both = (proposal.end.min(end) - proposal.start.max(start)).max(0.0);
    let union = (proposal.end - proposal.start) + (end - start) - both;
    if union > 0.0 { both / union } else { 0.0 }
}

/// The area under the precision-recall curve of all proposals of all clips, with the highest precision
/// at this recall or a higher one. Each segment takes its likeliest proposal that overlaps enough.
fn average_precision(clips: &[Localized], segments: usize, at_least: f64) -> f64 {
    let mut all: Vec<(f64, bool)> = Vec::new();
    for clip in clips {
        let mut hit = vec![false; clip.proposals.len()];
        for truth in &clip.truth {
            let free = clip.proposals.iter().enumerate().find(|(at, proposal)| {
                !hit.get(*at).copied().unwrap_or(true) && overlap(proposal, *truth) > at_least
            });
            if let Some((at, _)) = free
                && let Some(hit) = hit.get_mut(at)
            {
                *hit = true;
            }
        }
        all.extend(clip.proposals.iter().map(|proposal| proposal.score).zip(hit));
    }
    all.sort_by(|a, b| b.0.total_cmp(&a.0));
    let mut hits = 0.0;
    let curve: Vec<(f64, f64)> = (1_u32..)
        .zip(&all)
        .map(|(count, (_, hit))| {
            hits += f64::from(u8::from(*hit));
            (hits / segments as f64, hits / f64::from(count))
        })
        .collect();
    // From the highest recall down, so that each step has the highest precision at this recall or above.
    let (mut area, mut best) = (0.0, 0.0_f64);
    for (at, (recall, precision)) in curve.iter().enumerate().rev() {
        best = best.max(*precision);
        let before = at.checked_sub(1).and_then(|before| curve.get(before));
        area += (recall - before.map_or(0.0, |before| before.0)) * best;
    }
    area
}

/// The share of segments that one of the likeliest `count` proposals of their clip overlaps enough, averaged
/// over [`AR_OVERLAPS`].
fn average_recall(clips: &[Localized], segments: usize, count: usize) -> f64 {
    let best = clips.iter().flat_map(|clip| {
        clip.truth.iter().map(|truth| {
            let likeliest = clip.proposals.iter().take(count);
            likeliest.map(|proposal| overlap(proposal, *truth)).fold(0.0, f64::max)
        })
    });
    let best: Vec<f64> = best.collect();
    let found = |at_least: f64| best.iter().filter(|best| **best > at_least).count() as f64;
    AR_OVERLAPS.iter().map(|at| found(*at) / segments as f64).sum::<f64>()
        / AR_OVERLAPS.len() as f64
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a failed unwrap fails the test")]
    use proptest::prelude::*;

    use super::*;

    fn clip(proposals: &[[f64; 3]], truth: &[[f64; 2]]) -> Localized {
        let proposals = proposals.iter();
        let proposals = proposals.map(|&[score, start, end]| Proposal { score, start, end });
        Localized { proposals: proposals.collect(), truth: truth.to_vec() }
    }

    #[test]
    fn overlaps_are_those_of_spans() {
        let at = |start, end| overlap(&Proposal { score: 1.0, start, end }, [1.0, 3.0]);
        assert_eq!([at(1.0, 3.0), at(2.0, 4.0), at(3.0, 4.0)], [1.0, 1.0 / 3.0, 0.0]);
    }

    #[test]
    fn values_by_hand() {
        // Two clips with a segment each, one real clip with a likely proposal.
        let clips = [
            clip(&[[0.9, 0.0, 1.0], [0.3, 5.0, 6.0]], &[[0.0, 1.0]]),
            clip(&[[0.5, 2.0, 4.0]], &[[2.0, 3.25]]),
            clip(&[[0.7, 0.0, 1.0]], &[]),
        ];
        let found = Localization::of(&clips).unwrap();
        // At .5: hit, miss, hit, miss; precision 1 to recall .5, then 2/3.
        assert!((found.ap[0].1 - (0.5 + 0.5 * 2.0 / 3.0)).abs() < 1e-12, "{found:?}");
        // The second segment is overlapped by 0.625 alone.
        assert!((found.ap[1].1 - 0.5).abs() < 1e-12, "{found:?}");
        // Overlaps of 1 and .625: both of 2 for .5, .55 and .6, one of 2 for the other seven.
        assert!((found.ar[3].1 - (3.0 * 1.0 + 7.0 * 0.5) / 10.0).abs() < 1e-12, "{found:?}");
        assert_eq!((found.clips, found.segments), (3, 2));
    }

    #[test]
    fn a_segment_takes_one_proposal() {
        let clips = [clip(&[[0.9, 0.0, 1.0], [0.8, 0.0, 1.0]], &[[0.0, 1.0]])];
        assert_eq!(Localization::of(&clips).unwrap().ap[0].1, 1.0);
        let clips = [clip(&[[0.8, 0.0, 1.0], [0.9, 3.0, 4.0]], &[[0.0, 1.0]])];
        assert_eq!(Localization::of(&clips).unwrap().ap[0].1, 0.5);
        assert!(Localization::of(&[clip(&[[0.9, 0.0, 1.0]], &[])]).is_none());
    }

    proptest! {
        #[test]
        fn values_are_shares_and_more_proposals_recall_no_less(
            proposals in prop::collection::vec((0.0..1.0_f64, 0.0..9.0_f64, 0.1..3.0_f64), 0..30),
            truth in prop::collection::vec((0.0..9.0_f64, 0.1..3.0_f64), 1..5),
        ) {
            let proposals: Vec<[f64; 3]> = proposals.into_iter().map(|(score, at, long)| [score, at, at + long]).collect();
            let truth: Vec<[f64; 2]> = truth.into_iter().map(|(at, long)| [at, at + long]).collect();
            let found = Localization::of(&[clip(&proposals, &truth)]).unwrap();
            for (_, value) in &found.ap {
                prop_assert!((0.0..=1.0 + 1e-12).contains(value));
            }
            for pair in found.ar.windows(2) {
                prop_assert!(pair[0].1 >= pair[1].1);
            }
        }
    }
}
