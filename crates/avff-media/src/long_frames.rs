//! Frames that are shown longer than the constant rate of their clip says.
//!
//! A lost frame that no other frame refers to leaves nothing but such a gap in time.

/// How far a step of a constant rate may be from the usual one, as a share of it: time stamps are rounded.
const ROUNDING: f64 = 0.125;

/// How many steps of other lengths a clip of a constant rate may have, whatever its length.
const FEW: usize = 3;

/// One in so many steps may have another length in a long clip of a constant rate.
const ONE_IN: usize = 50;

/// Returns the time spans in which frames may be missing, as the display times of a clip say: from where the next
/// frame was due to where it is shown, in seconds.
///
/// Empty for clips of a varying rate, such as many screen recordings: there a long frame says nothing. A rate is
/// constant if nearly all steps are equal and the others are multiples of them.
#[must_use]
pub fn long_frames(times: &[f64]) -> Vec<(f64, f64)> {
    let steps = || times.windows(2).filter_map(|two| Some((*two.first()?, *two.last()?)));
    let mut sorted: Vec<f64> = steps().map(|(time, next)| next - time).collect();
    sorted.sort_by(f64::total_cmp);
    let Some(&usual) = sorted.get(sorted.len() / 2).filter(|&&usual| usual > 0.0) else {
        return Vec::new();
    };
    // How many usual steps a step takes; `None` for no whole number.
    let multiple = |step: f64| {
        let count = (step / usual).round();
        (count >= 1.0 && (step / usual - count).abs() <= ROUNDING).then_some(count)
    };
    let mut spans = Vec::new();
    for (time, next) in steps() {
        match multiple(next - time) {
            Some(1.0) => {}
            Some(_) => spans.push((time + usual, next)),
            None => return Vec::new(),
        }
    }
    if spans.len() <= FEW.max(sorted.len() / ONE_IN) && spans.len() * 4 <= sorted.len() {
        spans
    } else {
        Vec::new()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The spans without the frames of these numbers, of `count` frames at 30 per second in whole milliseconds.
    fn without(count: usize, lost: &[usize]) -> Vec<[i64; 2]> {
        let kept = (0..count).filter(|index| !lost.contains(index));
        let times: Vec<f64> =
            kept.map(|index| (index as f64 * 1000.0 / 30.0).round() / 1000.0).collect();
        let spans = long_frames(&times);
        spans
            .iter()
            .map(|span| [span.0, span.1].map(|time| (time * 1000.0).round() as i64))
            .collect()
    }

    #[test]
    fn lost_frames_leave_gaps_in_a_constant_rate() {
        assert_eq!(without(100, &[]), [[0; 2]; 0]);
        assert_eq!(without(100, &[30]), [[1000, 1033]]);
        assert_eq!(without(100, &[30, 31, 60]), [[1000, 1067], [2000, 2033]]);
        assert_eq!(without(100, &[0, 99]), [[0; 2]; 0], "the first and the last frame");
        assert_eq!(without(1000, &(1..20).map(|nth| nth * 50).collect::<Vec<_>>()).len(), 19);
    }

    #[test]
    fn a_varying_rate_says_nothing() {
        let every_tenth: Vec<usize> = (1..30).map(|nth| nth * 10).collect();
        assert_eq!(without(300, &every_tenth), [[0; 2]; 0]);
        assert_eq!(without(6, &[1, 3]), [[0; 2]; 0], "too few frames");
        let mut times: Vec<f64> = (0..100).map(|index| f64::from(index) * 0.04).collect();
        times.iter_mut().skip(50).for_each(|time| *time += 0.06);
        assert_eq!(long_frames(&times), [], "two clips that were joined");
        for times in [&[][..], &[1.0], &[1.0, 1.0], &[0.0, f64::NAN]] {
            assert_eq!(long_frames(times), []);
        }
    }
}
