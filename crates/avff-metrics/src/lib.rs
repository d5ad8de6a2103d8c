//! Metrics for binary detection of fake clips, with confidence intervals.
//!
//! Each metric is a function of scores and labels. Fake is the positive class, and a higher score
//! means "more likely fake". Scores are `f32` or `f64`, logits or probabilities: only their order
//! matters, except where a threshold is given. An input for which a metric is undefined is a
//! [`MetricError`], never a number that looks like a result.
//!
//! [`METRICS`] is the registry of all metrics, with the key, title, direction, range and function
//! of each. Reports, recipe keys, tables, charts and docs derive from it. To add a metric, write
//! its function and its [`Metric`] constant in a new file, and add the constant to `registry.rs`.
//!
//! | file | concept |
//! |---|---|
//! | `metric.rs`, `registry.rs` | [`Metric`]: a metric's names and function; [`METRICS`]: all metrics |
//! | `better.rs` | [`Better`]: the direction in which a metric improves |
//! | `ranking.rs` | cumulative counts over sorted scores, shared by the ranking metrics |
//! | `roc.rs` | [`roc_auc`], [`mean_roc_auc`] |
//! | `average_precision.rs` | [`average_precision`], [`mean_average_precision`] |
//! | `threshold.rs` | [`by_argmax`], [`by_threshold`], [`accuracy`], [`balanced_accuracy`] |
//! | `eer.rs` | [`equal_error_rate`] |
//! | `dprime.rs` | [`d_prime`], [`probit`] |
//! | `partial_auc.rs` | [`partial_auc`], [`standardized_partial_auc`] |
//! | `retrieval.rs` | [`retrieval_accuracy`], [`embedding_retrieval_accuracy`]: metrics of pairs |
//! | `losses.rs` | the losses that validation measures |
//! | `bootstrap.rs` | [`bootstrap`]: confidence interval of any metric |
//! | `delong.rs` | [`delong`], [`delong_test`], [`placements`]: variance of an AUC and of a difference of AUCs |
//! | `scored.rs` | [`Scored`], [`ScoredSet`]: clips with outputs and labels |
//! | `report.rs`, `values.rs`, `notes.rs` | [`BinaryReport`]: all metrics of one set of clips |
//! | `interval.rs`, `intervals.rs` | [`Interval`]: one interval; [`Intervals`]: all intervals of a report |
//! | `category.rs` | [`by_category`]: reports by category of forgery |
//!
//! # Example
//!
//! ```
//! use avff_metrics::{BinaryReport, Metric, Scored};
//!
//! // Two outputs per clip (fake, real), as logits or probabilities, and the manifest's label.
//! let clips = [
//!     Scored { fake: 2.1, real: -1.9, target: 1 },
//!     Scored { fake: -0.4, real: 0.6, target: 1 },
//!     Scored { fake: 0.3, real: -0.2, target: 0 },
//!     Scored { fake: -3.0, real: 2.8, target: 0 },
//! ];
//! let report = BinaryReport::new(&clips)?;
//! assert_eq!(report.get(Metric::AUC), Some(0.75));
//! assert_eq!(report.get(Metric::ACCURACY), Some(0.5));
//! assert!(report.notes.is_empty());
//!
//! // A single class has no AUC: the value is `None` and a note gives the reason.
//! let fakes = BinaryReport::new(&clips[..2])?;
//! assert_eq!(fakes.get(Metric::AUC), None);
//! assert!(fakes.notes[0].ends_with("both classes are needed, but every clip is fake (clips: 2)"));
//! # Ok::<(), avff_metrics::MetricError>(())
//! ```

#![forbid(unsafe_code)]

#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;

mod average_precision;
mod better;
mod bootstrap;
mod category;
mod delong;
mod dprime;
mod eer;
mod error;
mod interval;
mod intervals;
mod localization;
mod losses;
mod metric;
mod notes;
mod partial_auc;
mod ranking;
mod registry;
mod report;
mod retrieval;
mod roc;
mod scored;
mod threshold;
mod tpr_at_fpr;
mod values;

pub use average_precision::{average_precision, mean_average_precision};
pub use better::Better;
pub use bootstrap::{Bootstrap, BootstrapOptions, bootstrap};
pub use category::{Against, CategoryReport, by_category};
pub use delong::{Delong, DelongTest, delong, delong_test, placements};
pub use dprime::{d_prime, probit};
pub use eer::equal_error_rate;
pub use error::{Class, MetricError};
pub use interval::Interval;
pub use intervals::Intervals;
pub use localization::{AP_OVERLAPS, AR_PROPOSALS, Localization, Localized, Proposal};
pub use metric::{Computed, IntervalMethod, Metric, Needs, Stage};
pub use partial_auc::{partial_auc, standardized_partial_auc};
pub use registry::METRICS;
pub use report::BinaryReport;
pub use retrieval::{Retrieval, embedding_retrieval_accuracy, retrieval_accuracy};
pub use roc::{mean_roc_auc, roc_auc};
pub use scored::{Scored, ScoredSet};
pub use threshold::{accuracy, balanced_accuracy, by_argmax, by_threshold};
pub use tpr_at_fpr::tpr_at_fpr;
pub use values::Values;
