//! Merges the shards of a run into the files of one run.

pub(crate) mod records;
pub(crate) mod set;

use std::path::PathBuf;

use avff_metrics::MetricError;

use crate::{
    input::InputError,
    output::{Difference, OutputError},
    shard::Shard,
};

/// Why shards cannot be merged.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum MergeError {
    /// The merged files cannot be written, or a shard's files cannot be read.
    #[error(transparent)]
    Output(#[from] OutputError),
    /// A column of categories cannot be used.
    #[error(transparent)]
    Input(#[from] InputError),
    /// Metrics cannot be computed from the scores.
    #[error(transparent)]
    Metric(#[from] MetricError),
    /// No shard is given.
    #[error("there are no shards to merge")]
    Empty,
    /// The path is not a shard.
    #[error("{}: not a shard: {} does not exist", path.display(), missing.display())]
    NotAShard {
        /// The given path.
        path: PathBuf,
        /// The missing file of a shard.
        missing: PathBuf,
    },
    /// A shard is unfinished.
    #[error("{}: this shard is unfinished", path.display())]
    Unfinished {
        /// The file that exists until the shard is finished.
        path: PathBuf,
    },
    /// A shard is given twice.
    #[error("shard {shard} is given twice: {} and {}", other.display(), path.display())]
    Duplicate {
        /// The shard.
        shard: Shard,
        /// The second path.
        path: PathBuf,
        /// The first path.
        other: PathBuf,
    },
    /// Shards are missing.
    #[error("shards are missing: {shards}; run them, or give their files as well")]
    Missing {
        /// The missing shards.
        shards: String,
    },
    /// The shards belong to different runs.
    #[error(
        "{}: {} is {}, but {} in {}: only shards of one run can be merged",
        path.display(), difference.what, difference.now, difference.was, other.display()
    )]
    OtherRun {
        /// The shard that differs.
        path: PathBuf,
        /// The shard that it differs from.
        other: PathBuf,
        /// The difference, from `other` to `path`.
        difference: Box<Difference>,
    },
    /// The files of a shard are inconsistent.
    #[error("{}: {reason}; run the shard again", path.display())]
    Damaged {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
    /// The folder of a shard of cropped clips is not in the output folder. Merging does not move clips.
    #[error("{}: not in the folder {}, into which the shards are merged", path.display(), into.display())]
    OutsideFolder {
        /// The shard.
        path: PathBuf,
        /// The output folder.
        into: PathBuf,
    },
}
