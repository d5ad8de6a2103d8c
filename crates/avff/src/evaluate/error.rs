//! Errors of evaluations.

use std::path::PathBuf;

use avff_metrics::MetricError;

use crate::{
    error::Error,
    input::InputError,
    output::{Difference, OutputError},
};

/// Why a manifest cannot be evaluated. A clip that cannot be read does not stop the run: it gets a row in the
/// errors file.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum EvaluateError {
    /// The detector cannot score.
    #[error(transparent)]
    Detector(#[from] Error),
    /// The manifest cannot be used.
    #[error(transparent)]
    Input(#[from] InputError),
    /// The results cannot be written, or the unfinished run cannot be resumed.
    #[error(transparent)]
    Output(#[from] OutputError),
    /// Metrics cannot be computed from the scores.
    #[error(transparent)]
    Metric(#[from] MetricError),
    /// Both resuming and overwriting were requested.
    #[error("an earlier run can be either resumed or overwritten, not both")]
    ResumeAndOverwrite,
    /// A resumed run would form other batches.
    #[error(
        "a run with across-batch attention cannot be resumed: its scores depend on how clips are batched"
    )]
    ResumeAcrossBatch,
    /// Shards would form other batches.
    #[error(
        "a run with across-batch attention cannot be sharded: its scores depend on how clips are batched"
    )]
    ShardAcrossBatch,
    /// An earlier run with across-batch attention was interrupted.
    #[error("{}: holds an unfinished run with across-batch attention, which cannot be resumed", path.display())]
    UnfinishedAcrossBatch {
        /// The run's journal.
        path: PathBuf,
    },
    /// Two rows would be one row of a table of base names.
    #[error("{}: lines {} and {} both have the base name `{name}`", csv.display(), lines[0], lines[1])]
    RepeatedBaseName {
        /// The manifest.
        csv: PathBuf,
        /// The base name.
        name: String,
        /// The lines of the rows.
        lines: [u64; 2],
    },
    /// The run is finished, and its summary was computed with other options.
    #[error(
        "the finished run has {} {}, not {}; its logits are no longer stored", .0.what, .0.was, .0.now
    )]
    OtherReport(Difference),
}
