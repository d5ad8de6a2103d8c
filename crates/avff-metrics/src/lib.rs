//! How well scores separate fake clips from real ones.
//!
//! Each metric is one function of scores and labels. Fake is the positive class everywhere. A higher
//! score means "more likely fake". Scores may be `f32` or `f64`, logits or probabilities: only their
//! order counts, except where a threshold is given. Input on which a metric has no value is a
//! [`MetricError`], never a number that looks like a result.
//!
//! [`METRICS`] is the registry: the key, title, direction, range and function of every metric. Reports,
//! recipe keys, tables, charts and docs derive from it. To add a metric, write its function and its
//! constant of [`Metric`] in a file of its own, and name the constant in `registry.rs`.
//!
//! | file | concept |
//! |---|---|
//! | `metric.rs`, `registry.rs` | [`Metric`]: what a metric is; [`METRICS`]: the list of all |
//! | `better.rs` | [`Better`]: which way a metric gets better |
//! | `ranking.rs` | the sorted walk over distinct scores that the ranking metrics share |
//! | `roc.rs` | [`roc_auc`], [`mean_roc_auc`] |
//! | `average_precision.rs` | [`average_precision`], [`mean_average_precision`] |
//! | `threshold.rs` | [`by_argmax`], [`by_threshold`], [`accuracy`], [`balanced_accuracy`] |
//! | `eer.rs` | [`equal_error_rate`] |
//! | `dprime.rs` | [`d_prime`], [`probit`] |
//! | `partial_auc.rs` | [`partial_auc`], [`standardised_partial_auc`] |
//! | `retrieval.rs` | [`retrieval_accuracy`], [`embedding_retrieval_accuracy`]: of pairs, not of labels |
//! | `losses.rs` | the losses that validation measures |
//! | `bootstrap.rs` | [`bootstrap`]: a confidence interval of any metric |
//! | `delong.rs` | [`delong`], [`delong_test`], [`placements`]: variance of an AUC, and of two on the same clips |
//! | `scored.rs` | [`Scored`], [`ScoredSet`]: clips with outputs and labels |
//! | `report.rs`, `values.rs`, `notes.rs` | [`BinaryReport`]: all metrics over one set of clips |
//! | `interval.rs`, `intervals.rs` | [`Interval`]; [`Intervals`]: those of a report |
//! | `category.rs` | [`by_category`]: a report for each kind of forgery |
//!
//! # Example
//!
//! ```
//! use avff_metrics::{BinaryReport, Metric, Scored};
//!
//! // Two outputs for each clip (fake, real), as logits or probabilities, and the manifest's label.
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
//! // One class alone has no AUC: the value is absent and the reason is kept.
//! let fakes = BinaryReport::new(&clips[..2])?;
//! assert_eq!(fakes.get(Metric::AUC), None);
//! assert!(fakes.notes[0].ends_with("both classes are needed, all 2 clips are fake"));
//! # Ok::<(), avff_metrics::MetricError>(())
//! ```

#![forbid(unsafe_code)]

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
pub use metric::{Computed, IntervalMethod, Metric, Needs, Stage};
pub use partial_auc::{partial_auc, standardised_partial_auc};
pub use registry::METRICS;
pub use report::BinaryReport;
pub use retrieval::{Retrieval, embedding_retrieval_accuracy, retrieval_accuracy};
pub use roc::{mean_roc_auc, roc_auc};
pub use scored::{Scored, ScoredSet};
pub use threshold::{accuracy, balanced_accuracy, by_argmax, by_threshold};
pub use values::Values;
