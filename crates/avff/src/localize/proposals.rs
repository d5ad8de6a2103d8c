//! From overlapping windows to proposals.

use avff_data::windows::Span;
use avff_metrics::Proposal;

/// The most proposals of a clip.
const MOST: usize = 100;
/// The most thresholds that proposals are made at.
const THRESHOLDS: usize = 50;

/// Makes proposals from the scores of windows, which may overlap, in any order.
///
/// Where windows start and end, the clip is cut; each part has the mean score of the windows that cover it. At each
/// score that occurs, neighboring parts with at least this score are one proposal, whose score is their mean by time.
/// So a long proposal and its highest part are both there, the likelier one first.
#[must_use]
pub fn proposals(windows: &[(Span, f32)]) -> Vec<Proposal> {
    let parts = parts(windows);
    let mut levels: Vec<f64> = parts.iter().map(|part| part.score).collect();
    levels.sort_by(f64::total_cmp);
    levels.dedup();
    let step = levels.len().div_ceil(THRESHOLDS).max(1);
    let mut all: Vec<Proposal> = Vec::new();
    for level in levels.into_iter().step_by(step) {
        for run in runs(&parts, level) {
            let same = |other: &Proposal| other.start == run.start && other.end == run.end;
            if !all.iter().any(same) {
                all.push(run);
            }
        }
    }
    all.sort_by(|a, b| b.score.total_cmp(&a.score).then(a.start.total_cmp(&b.start)));
    all.truncate(MOST);
    all
}

/// Cuts the clip where windows start and end. Parts that no window covers are left out.
fn parts(windows: &[(Span, f32)]) -> Vec<Proposal> {
    let mut cuts: Vec<f64> = windows.iter().flat_map(|(span, _)| [span.start, span.end]).collect();
    cuts.sort_by(f64::total_cmp);
    cuts.dedup();
    let part = |ends: &[f64]| {
        let &[start, end] = ends else { return None };
        let covers = |span: &Span| span.start <= start && span.end >= end;
        let own: Vec<f64> = windows
            .iter()
            .filter(|(span, _)| covers(span))
            .map(|(_, score)| f64::from(*score))
            .collect();
        let score = own.iter().sum::<f64>() / own.len() as f64;
        (!own.is_empty()).then_some(Proposal { score, start, end })
    };
    cuts.windows(2).filter_map(part).collect()
}

/// Joins neighboring parts with at least this score.
fn runs(parts: &[Proposal], level: f64) -> Vec<Proposal> {
    let touching =
        |a: &Proposal, b: &Proposal| (a.score >= level) == (b.score >= level) && a.end == b.start;
    let joined = |run: &[Proposal]| {
        let (first, last) = (run.first()?, run.last()?);
        let long = |part: &Proposal| part.end - part.start;
        let score = run.iter().map(|part| part.score * long(part)).sum::<f64>()
            / run.iter().map(long).sum::<f64>();
        (first.score >= level).then_some(Proposal { score, start: first.start, end: last.end })
    };
    parts.chunk_by(touching).filter_map(joined).collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn window(start: f64, end: f64, score: f32) -> (Span, f32) {
        (Span { start, end }, score)
    }

    #[test]
    fn overlapping_windows_give_nested_proposals() {
        let found =
            proposals(&[window(0.0, 2.0, 0.25), window(1.0, 3.0, 0.75), window(4.0, 5.0, 0.5)]);
        let spans: Vec<[f64; 3]> = found.iter().map(|p| [p.score, p.start, p.end]).collect();
        // Parts: 0 to 1 at .25, 1 to 2 at .5, 2 to 3 at .75, and 4 to 5 at .5.
        let expected = [[0.75, 2.0, 3.0], [0.625, 1.0, 3.0], [0.5, 0.0, 3.0], [0.5, 4.0, 5.0]];
        assert_eq!(spans, expected);
        assert_eq!(proposals(&[]), []);
    }

    proptest! {
        #[test]
        fn proposals_lie_within_windows_and_descend(
            windows in prop::collection::vec((0.0..20.0_f64, 0.5..4.0_f64, 0.0..1.0_f32), 0..40),
        ) {
            let windows: Vec<_> = windows.into_iter().map(|(at, long, score)| window(at, at + long, score)).collect();
            let found = proposals(&windows);
            prop_assert!(found.len() <= MOST);
            prop_assert!(found.windows(2).all(|pair| pair[0].score >= pair[1].score));
            for proposal in found {
                prop_assert!(proposal.start < proposal.end && (0.0..=1.0).contains(&proposal.score));
            }
        }
    }
}
