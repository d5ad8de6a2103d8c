//! Why a run of an evaluation cannot start or continue.

use std::path::PathBuf;

use avff_metrics::MetricError;

use crate::{
    error::Error,
    input::InputError,
    output::{Difference, OutputError},
};

/// Why a manifest is not evaluated. A clip that cannot be read is no such error: it has a row in the
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
    /// The results cannot be written, or the unfinished run cannot continue.
    #[error(transparent)]
    Output(#[from] OutputError),
    /// Scores that metrics cannot be computed of.
    #[error(transparent)]
    Metric(#[from] MetricError),
    /// A run cannot both continue and be replaced.
    #[error("an earlier run is either resumed or overwritten, not both")]
    ResumeAndOverwrite,
    /// Batches of a resumed run would be cut elsewhere.
    #[error("an across-batch run cannot be resumed: its scores depend on how clips are batched")]
    ResumeAcrossBatch,
    /// Batches of shards would be cut elsewhere.
    #[error("an across-batch run has no shards: its scores depend on how clips are batched")]
    ShardAcrossBatch,
    /// An interrupted across-batch run is in the way.
    #[error("{}: an unfinished across-batch run, which cannot be resumed", path.display())]
    UnfinishedAcrossBatch {
        /// Its journal.
        path: PathBuf,
    },
    /// The run is finished, and its summary was made with other options.
    #[error(
        "the run is finished with {} {}, not {}; its logits are gone", .0.what, .0.was, .0.now
    )]
    OtherReport(Difference),
}
