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
//! | `partial_auc.rs` | [`partial_auc`], [`standardised_partial_auc`] |
//! | `retrieval.rs` | [`retrieval_accuracy`], [`embedding_retrieval_accuracy`]: of pairs, not of labels |
//! | `bootstrap.rs` | [`bootstrap`]: a confidence interval of any metric |
//! | `delong.rs` | [`delong`], [`delong_test`], [`placements`]: variance of an AUC, and of two on the same clips |
//! | `interval.rs`, `intervals.rs` | [`Interval`]; [`Intervals`]: those of a report |
//! | `report.rs` | [`BinaryReport`]: all of them over one set of clips |
//! | `category.rs` | [`by_category`]: a report for each kind of forgery |

mod average_precision;
mod bootstrap;
mod category;
mod delong;
mod dprime;
mod eer;
mod error;
mod interval;
mod intervals;
mod partial_auc;
mod ranking;
mod report;
mod retrieval;
mod roc;
mod threshold;

pub use average_precision::{average_precision, mean_average_precision};
pub use bootstrap::{Bootstrap, BootstrapOptions, bootstrap};
pub use category::{Against, CategoryReport, by_category};
pub use delong::{Delong, DelongTest, delong, delong_test, placements};
pub use dprime::{d_prime, probit};
pub use eer::equal_error_rate;
pub use error::{Class, MetricError};
pub use interval::Interval;
pub use intervals::Intervals;
pub use partial_auc::{partial_auc, standardised_partial_auc};
pub use report::{BinaryReport, Scored};
pub use retrieval::{Retrieval, embedding_retrieval_accuracy, retrieval_accuracy};
pub use roc::{mean_roc_auc, roc_auc};
pub use threshold::{accuracy, balanced_accuracy, by_argmax, by_threshold};
