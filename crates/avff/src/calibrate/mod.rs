//! Fits calibrations to the predictions of an evaluation, for [`calibration`](crate::calibration), and draws them.

#[cfg(feature = "sheets")]
mod figures;
mod fit;
mod report;

#[cfg(feature = "sheets")]
pub use self::figures::{Figure, figures, figures_of, save_figures};
pub use self::fit::{CalibrateError, CalibrateRequest, Fitted, TestSet, calibrate};
