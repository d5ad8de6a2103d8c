//! Plans training: how fast clips must be read, how fast this machine reads them, and what shards
//! would take.

mod measure;
mod report;

use std::{num::NonZeroUsize, path::PathBuf, time::Duration};

use avff_data::{
    ClipError, ClipSpec,
    shards::{Packing, ShardError},
};
use avff_datasets::{Dataset, ManifestOptions};

pub use self::{
    measure::{Reading, Shards},
    report::Plan,
};
use crate::input::InputError;

/// Why nothing can be planned.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum PlanError {
    /// The manifest cannot be used.
    #[error(transparent)]
    Input(#[from] InputError),
    /// The clip spec cannot be used.
    #[error(transparent)]
    Clip(#[from] ClipError),
    /// Clips of the sample cannot be packed or read back.
    #[error(transparent)]
    Shards(#[from] ShardError),
    /// No folder for the sample's shards can be made.
    #[error("no temporary folder: {0}")]
    Temporary(#[from] std::io::Error),
}

/// Options of [`plan`].
#[derive(Debug, Clone)]
pub struct PlanOptions {
    /// A CSV of clips to measure; without one, only what must be read is computed.
    pub csv: Option<PathBuf>,
    /// How the CSV is read.
    pub manifest: ManifestOptions,
    /// Clips of the data set, if the CSV is a sample of it.
    pub clips: Option<u64>,
    /// Epochs of training.
    pub epochs: u64,
    /// Hours that training may take, if that is decided.
    pub hours: Option<f64>,
    /// Machines that read together.
    pub machines: u64,
    /// How clips are prepared.
    pub spec: ClipSpec,
    /// What shards would store.
    pub packing: Packing,
    /// Bytes of a shard.
    pub shard_bytes: u64,
    /// Threads that read.
    pub workers: NonZeroUsize,
    /// How long files are read, and then shards.
    pub duration: Duration,
}

/// Measures this machine on clips spread over the manifest, and plans.
///
/// # Errors
/// Fails if the manifest or the spec cannot be used, or if no clip of the sample can be read.
pub fn plan(options: &PlanOptions) -> Result<Plan, PlanError> {
    let (mut rows, mut files, mut shards) = (None, None, None);
    if let Some(csv) = &options.csv {
        let dataset = Dataset::read(csv, &options.manifest).map_err(InputError::from)?;
        let sample = measure::spread(dataset.rows());
        let reading =
            measure::files(&sample, options).map_err(|source| ClipError::new(csv, source))?;
        if reading.clips > 0 {
            shards = Some(measure::shards(&sample, options)?);
        }
        rows = Some(dataset.len() as u64);
        files = Some(reading);
    }
    Ok(Plan {
        clips: options.clips.or(rows).unwrap_or_default(),
        epochs: options.epochs,
        hours: options.hours,
        machines: options.machines.max(1),
        shard_bytes: options.shard_bytes,
        files,
        shards,
    })
}
