//! How well scores separate fake clips from real ones.
//!
//! Each metric is one function of the scores and the labels. Fake is the positive class everywhere, a
//! higher score means "more likely fake", and scores may be `f32` or `f64`, logits or probabilities:
//! only their order counts, except where a threshold is given. Input on which a metric has no value is
//! a [`MetricError`], never a number that looks like a result.
//!
//! | file | concept |
//! |---|---|
//! | `ranking.rs` | the sorted walk over distinct scores that the ranking metrics share |
//! | `roc.rs` | [`roc_auc`], [`mean_roc_auc`] |
//! | `average_precision.rs` | [`average_precision`], [`mean_average_precision`] |
//! | `threshold.rs` | [`by_argmax`], [`by_threshold`], [`accuracy`], [`balanced_accuracy`] |
//! | `eer.rs` | [`equal_error_rate`] |
//! | `dprime.rs` | [`d_prime`], [`probit`] |
//! | `report.rs` | [`BinaryReport`]: all of them over one set of clips |

mod average_precision;
mod dprime;
mod eer;
mod error;
mod ranking;
mod report;
mod roc;
mod threshold;

pub use average_precision::{average_precision, mean_average_precision};
pub use dprime::{d_prime, probit};
pub use eer::equal_error_rate;
pub use error::{Class, MetricError};
pub use report::{BinaryReport, Scored};
pub use roc::{mean_roc_auc, roc_auc};
pub use threshold::{accuracy, balanced_accuracy, by_argmax, by_threshold};
