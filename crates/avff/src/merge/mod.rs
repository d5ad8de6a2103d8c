//! The shards of a run, to be merged into what one run writes.

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
    /// The merged files cannot be written, or a shard's cannot be read.
    #[error(transparent)]
    Output(#[from] OutputError),
    /// A column of categories cannot be used.
    #[error(transparent)]
    Input(#[from] InputError),
    /// Scores that metrics cannot be computed of.
    #[error(transparent)]
    Metric(#[from] MetricError),
    /// No shard is given.
    #[error("there is nothing to merge")]
    Empty,
    /// A path that no shard was written to.
    #[error("{}: is no shard: there is no {}", path.display(), lacks.display())]
    NotAShard {
        /// The path that was given.
        path: PathBuf,
        /// The file that a shard has.
        lacks: PathBuf,
    },
    /// A shard that is not done.
    #[error("{}: this shard is unfinished", path.display())]
    Unfinished {
        /// The file that exists until the shard is done.
        path: PathBuf,
    },
    /// A shard that is given twice.
    #[error("shard {shard} is given twice: {} and {}", other.display(), path.display())]
    Twice {
        /// Which shard.
        shard: Shard,
        /// The second one.
        path: PathBuf,
        /// The first one.
        other: PathBuf,
    },
    /// Some shards are not given.
    #[error("shards are missing: {shards}; run them, or give their files too")]
    Missing {
        /// Which shards.
        shards: String,
    },
    /// Shards of different runs.
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
    /// A shard whose files do not fit together.
    #[error("{}: {reason}; the shard has to be run again", path.display())]
    Damaged {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
    /// Folders of cropped clips that lie elsewhere: their clips are not moved.
    #[error("{}: is not in the folder that the shards are merged into, {}", path.display(), into.display())]
    Elsewhere {
        /// The shard.
        path: PathBuf,
        /// The output.
        into: PathBuf,
    },
}
