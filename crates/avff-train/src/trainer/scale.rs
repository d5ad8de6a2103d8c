//! The loss scale, which keeps gradients in half precision from underflowing. It is adjusted like
//! PyTorch's `GradScaler`.

use super::Progress;
use crate::recipe::Precision;

/// Initial scale.
const START: f64 = 65_536.0;
/// Number of consecutive finite steps after which the scale is doubled.
const INTERVAL: u64 = 2_000;

/// Returns the initial loss scale.
pub(super) fn start(precision: Precision) -> f64 {
    if precision == Precision::F16 { START } else { 1.0 }
}

/// Adjusts the loss scale after a step and returns whether the run may continue. A non-finite step
/// is attributed to the scale as long as it can be lowered.
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
    fn scale_halves_after_overflow_and_doubles_after_interval() {
        let mut progress = Progress::start(start(Precision::F16));
        assert!(after_step(Precision::F16, &mut progress, false));
        assert_eq!(progress.loss_scale, 32_768.0);
        for _ in 0..INTERVAL {
            assert!(after_step(Precision::F16, &mut progress, true));
        }
        assert_eq!((progress.loss_scale, progress.steady), (65_536.0, 0));
        let gave_up = (0..20).any(|_| !after_step(Precision::F16, &mut progress, false));
        assert!(gave_up, "a loss that is never finite must end the run");
    }

    #[test]
    fn full_precision_has_no_scale() {
        let mut progress = Progress::start(start(Precision::F32));
        assert!(!after_step(Precision::F32, &mut progress, false));
        assert_eq!(progress.loss_scale, 1.0);
    }
}
