//! Packs the clips of a manifest into shards, which training reads faster than single files.
//!
//! A run that was interrupted is continued by running it again: whole shards are kept. Several
//! processes or machines can pack one manifest, one part each ([`Shard`]).

mod summary;

use std::{num::NonZeroUsize, path::PathBuf};

use avff_data::{
    ClipError, ClipSpec,
    prefetch::Prefetch,
    shards::{Packing, Preparer, ShardError, ShardRun, ShardWriter},
};
use avff_datasets::ManifestOptions;

pub use self::summary::PackSummary;
use crate::{
    evaluate::Progress,
    failure::{ClipFailure, guarded},
    input::{
        InputError,
        manifest::{self, ManifestId},
    },
    shard::Shard,
};

/// Why clips cannot be packed. A clip that cannot be read does not stop the run: the index of its
/// shard names it.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum PackError {
    /// The manifest cannot be used.
    #[error(transparent)]
    Input(#[from] InputError),
    /// The clip spec cannot be used.
    #[error(transparent)]
    Clip(#[from] ClipError),
    /// The shards cannot be written, or are of another run.
    #[error(transparent)]
    Shards(#[from] ShardError),
}

/// Options of [`pack`].
#[derive(Debug, Clone)]
pub struct PackOptions {
    /// A CSV with a column `video_name`.
    pub csv: PathBuf,
    /// How the CSV is read.
    pub manifest: ManifestOptions,
    /// The folder of the shards.
    pub output: PathBuf,
    /// The part of the rows to pack; `None` for all rows.
    pub shard: Option<Shard>,
    /// How clips are prepared. Training must prepare them alike.
    pub spec: ClipSpec,
    /// What is stored of a clip.
    pub packing: Packing,
    /// Bytes after which the next shard begins.
    pub shard_bytes: u64,
    /// Clips prepared in parallel; `None` for one.
    pub workers: Option<NonZeroUsize>,
}

/// Returns the SHA-256 of a manifest and the conditions on its rows: shards of another selection are
/// not continued.
fn selection(id: &ManifestId) -> String {
    let conditions = id.conditions.iter().map(|condition| format!(" where {condition}"));
    conditions.fold(id.sha256.clone(), |id, condition| id + &condition)
}

/// Packs every clip of a manifest, except for those in whole shards of an earlier run.
///
/// # Errors
/// Fails if the run cannot start or if its files cannot be written. A clip that cannot be read does
/// not fail the run.
pub fn pack(
    options: &PackOptions,
    progress: &mut dyn FnMut(Progress),
) -> Result<PackSummary, PackError> {
    let manifest = manifest::scan(&options.csv, &options.manifest, options.shard)?;
    let part =
        options.shard.map_or((0, 1), |shard| (shard.index() as usize, shard.count() as usize));
    let preparer = Preparer::new(options.spec.clone(), options.packing)
        .map_err(|source| ClipError::new(&options.csv, source))?;
    let mut writer = ShardWriter::open(ShardRun {
        folder: options.output.clone(),
        part,
        rows: manifest.id.rows,
        manifest: selection(&manifest.id),
        spec: options.spec.for_weights(),
        packing: options.packing,
        columns: manifest.columns.clone(),
        shard_bytes: options.shard_bytes,
    })?;
    let done = writer.done();
    let mut summary = PackSummary::new(manifest.row_count(), writer.packed());
    let mut state = Progress { done, total: manifest.row_count(), failed: 0 };
    progress(state);
    let workers = options.workers.map_or(1, NonZeroUsize::get);
    let clips = Prefetch::new(manifest.rows(done)?, workers, workers, move |row| match row {
        Ok(row) => guarded(|| Ok(preparer.prepare(&row.path)?)),
        Err(_) => Err(ClipFailure::manifest()),
    });
    for (row, clip) in clips {
        let row = row?;
        match clip {
            Ok(clip) => writer.add(&row, &clip)?,
            Err(failure) => {
                tracing::debug!("{}: {}", row.name, failure.error);
                writer.fail(&row, failure.error.clone());
                summary.count_failure(&row, failure);
                state.failed += 1;
            }
        }
        state.done += 1;
        progress(state);
    }
    summary.finish(writer.finish()?);
    Ok(summary)
}
