//! Where the clips of a run come from: a manifest of files, or a folder of shards.

use std::{path::Path, sync::Arc};

use avff_data::{
    cache::{Cache, CacheConfig},
    loader::{ClipReader, ReadClip},
    shards::{ShardCoverage, ShardError, ShardReader, ShardSet},
};
use avff_datasets::{Dataset, ManifestOptions};
use avff_train::{TrainError, recipe::Data};

use super::{Planned, TrainingError};

/// The clips of one role, such as training.
pub(super) struct Source {
    pub(super) dataset: Arc<Dataset>,
    pub(super) reader: Arc<dyn ReadClip>,
    /// The same reader, if it reads files, which can be opened ahead of training.
    pub(super) files: Option<Arc<ClipReader>>,
}

/// Opens the clips of a run. All manifests share a cache.
pub(super) struct Sources<'a> {
    plan: &'a Planned,
    labeled: bool,
    files: Arc<ClipReader>,
}

impl<'a> Sources<'a> {
    pub(super) fn new(plan: &'a Planned, labeled: bool) -> Result<Self, TrainingError> {
        let mut files = ClipReader::new(plan.spec.clone()).map_err(TrainError::Data)?;
        if let Some(cache) = &plan.recipe.data.cache {
            let config = CacheConfig {
                folder: cache.folder.clone(),
                max_bytes: cache.bytes,
                identity: cache.identity,
            };
            files = files.cached(Arc::new(Cache::open(&config)?));
        }
        Ok(Self { plan, labeled, files: Arc::new(files) })
    }

    /// Opens a manifest, or a folder of shards.
    pub(super) fn open(&self, path: &Path, conditions: &[String]) -> Result<Source, TrainingError> {
        let data = &self.plan.recipe.data;
        let source = if ShardSet::is_set(path) {
            if !conditions.is_empty() {
                return Err(TrainingError::ShardsWhere { path: path.into() });
            }
            let set = Arc::new(open_shards(data, path)?);
            let (augment, packing) = (&data.augment, set.packing());
            if !packing.wave && (augment.gain.is_some() || augment.white_noise.is_some()) {
                return Err(ShardError::NoWave.into());
            }
            if augment.mix.is_some_and(|mix| mix.concat > 0.0) {
                return Err(ShardError::NoConcat.into());
            }
            let dataset = Arc::new(set.dataset()?);
            let reader = ShardReader::new(set, self.plan.spec.clone())?;
            Source { dataset, reader: Arc::new(reader), files: None }
        } else {
            let options = ManifestOptions {
                root: data.root.clone(),
                columns: data.columns.clone(),
                // The recipe is validated, so every condition can be read.
                conditions: conditions.iter().filter_map(|text| text.parse().ok()).collect(),
            };
            let dataset = Arc::new(Dataset::read(path, &options)?);
            let files = Some(Arc::clone(&self.files));
            Source { dataset, reader: Arc::<ClipReader>::clone(&self.files), files }
        };
        match source.dataset.unlabeled() {
            Some(row) if self.labeled => {
                let (line, name) = (row.line, row.name.clone());
                Err(TrainError::NoTarget { line, name }.into())
            }
            _ => Ok(source),
        }
    }
}

/// Opens a folder of shards as the recipe says what is done where one is missing.
pub(super) fn open_shards(data: &Data, folder: &Path) -> Result<ShardSet, TrainingError> {
    Ok(ShardSet::open(folder, data.missing_shards)?)
}

/// Returns the identity of a manifest or of a folder of shards, and what of a data set is in shards.
pub(super) fn identity(
    data: &Data,
    path: &Path,
    key: &'static str,
) -> Result<(String, Option<ShardCoverage>), TrainingError> {
    if ShardSet::is_set(path) {
        let set = open_shards(data, path)?;
        return Ok((set.identity(), Some(set.coverage().clone())));
    }
    let failed =
        |source| TrainingError::File { key, source: avff_data::ClipError::new(path, source) };
    Ok((crate::hash::content(path).map_err(failed)?, None))
}
