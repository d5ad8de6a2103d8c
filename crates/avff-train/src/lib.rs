//! What surrounds the AVFF network when it is trained and judged.
//!
//! A [`Recipe`] is a run as a TOML file; a [`learner`] is what is particular about a stage; the
//! [`trainer`] is the loop around it, whose runs can be interrupted anywhere and resumed to the same
//! weights.
//!
//! # Layout
//!
//! - [`recipe`]: a run's settings, read, changed and written back.
//! - [`learner`]: how a batch becomes gradients, and how a network is judged, stage by stage.
//! - [`trainer`]: the loop, states, what a run tells.
//! - [`optim`], [`schedule`], [`average`]: how weights follow gradients.
//! - [`params`], [`gradients`]: a module's parameters, and their gradients, as lists.
//! - [`run`]: the folder of a training run and what a person sees there: logs, tables, plots.
//! - [`peers`]: the processes of a data-parallel run.
//! - [`error`]: why a run could not start or go on.
//! - [`metrics`]: ROC AUC, average precision, accuracy, equal error rate, d' and more, each a function
//!   of its own; [`metrics::BinaryReport`], all of them over one scored set of clips, and
//!   [`metrics::by_category`], one for each kind of forgery; confidence intervals and DeLong's test.
//!
//! # Example
//!
//! ```
//! use avff_train::metrics::{BinaryReport, Scored};
//!
//! // Two outputs a clip (fake, real), as logits or probabilities, and the label of the manifest.
//! let clips = [
//!     Scored { fake: 2.1, real: -1.9, target: 1 },
//!     Scored { fake: -0.4, real: 0.6, target: 1 },
//!     Scored { fake: 0.3, real: -0.2, target: 0 },
//!     Scored { fake: -3.0, real: 2.8, target: 0 },
//! ];
//! let report = BinaryReport::new(&clips)?;
//! assert_eq!(report.auc, Some(0.75));
//! assert_eq!(report.accuracy, Some(0.5));
//! assert!(report.notes.is_empty());
//!
//! // One class alone has no AUC: the value is absent and the reason is kept.
//! let fakes = BinaryReport::new(&clips[..2])?;
//! assert_eq!(fakes.auc, None);
//! assert!(fakes.notes[0].ends_with("both classes are needed, all 2 clips are fake"));
//! # Ok::<(), avff_train::metrics::MetricError>(())
//! ```

#![forbid(unsafe_code)]

pub mod average;
pub mod error;
pub mod gradients;
pub mod learner;
pub mod metrics;
pub mod optim;
pub mod params;
pub mod peers;
pub mod recipe;
pub mod run;
pub mod schedule;
pub mod trainer;

pub use error::TrainError;
pub use recipe::Recipe;
