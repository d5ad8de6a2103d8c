//! The factor that keeps gradients in half precision from vanishing, moved as PyTorch's `GradScaler`
//! moves it.

use super::Progress;
use crate::recipe::Precision;

/// Start of the factor.
const START: f64 = 65_536.0;
/// Good steps after which it is doubled.
const INTERVAL: u64 = 2_000;

/// The factor at the start of a run.
pub(super) fn start(precision: Precision) -> f64 {
    if precision == Precision::F16 { START } else { 1.0 }
}

/// Moves the factor after a step, and says whether the run may go on: a step that is not finite is
/// the factor's fault as long as there is one to lower.
pub(super) fn after_step(precision: Precision, progress: &mut Progress, finite: bool) -> bool {
    if precision != Precision::F16 {
        return finite;
    }
    if finite {
        progress.steady += 1;
        if progress.steady == INTERVAL {
            (progress.loss_scale, progress.steady) = (progress.loss_scale * 2.0, 0);
        }
    } else {
        (progress.loss_scale, progress.steady) = (progress.loss_scale / 2.0, 0);
    }
    progress.loss_scale >= 1.0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_halves_at_a_bad_step_and_doubles_after_many_good_ones() {
        let mut progress = Progress::start(start(Precision::F16));
        assert!(after_step(Precision::F16, &mut progress, false));
        assert_eq!(progress.loss_scale, 32_768.0);
        for _ in 0..INTERVAL {
            assert!(after_step(Precision::F16, &mut progress, true));
        }
        assert_eq!((progress.loss_scale, progress.steady), (65_536.0, 0));
        let gave_up = (0..20).any(|_| !after_step(Precision::F16, &mut progress, false));
        assert!(gave_up, "a loss that is never finite is no matter of scale");
    }

    #[test]
    fn full_precision_has_none() {
        let mut progress = Progress::start(start(Precision::F32));
        assert!(!after_step(Precision::F32, &mut progress, false));
        assert_eq!(progress.loss_scale, 1.0);
    }
}
