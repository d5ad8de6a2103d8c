//! The clips of a run.

use std::{path::Path, sync::Arc};

use avff_data::{
    DataError,
    cache::{Cache, CacheConfig},
    loader::{ClipReader, Loader, LoaderConfig, Order, Shard, Unreadable},
};
use avff_datasets::Dataset;
use avff_media::SettingError;
use avff_metrics::Needs;
use avff_train::{TrainError, distributed::Processes};

use super::{Planned, TrainingError};

/// Clips to train and to validate on.
pub(super) struct Clips {
    pub(super) train: Loader,
    pub(super) validation: Option<Loader>,
}

/// Opens a run's manifests.
pub(super) fn open(
    plan: &Planned,
    labelled: bool,
    peers: &dyn Processes,
) -> Result<Clips, TrainingError> {
    let (recipe, data) = (&plan.recipe, &plan.recipe.data);
    let (rank, world) = (peers.rank(), peers.world());
    let dataset = |path: &Path| -> Result<Arc<Dataset>, TrainingError> {
        let dataset = Dataset::read(path, data.root.as_deref())?;
        match dataset.unlabelled() {
            Some(row) if labelled => {
                let (line, name) = (row.line, row.name.clone());
                Err(TrainError::NoTarget { line, name }.into())
            }
            _ => Ok(Arc::new(dataset)),
        }
    };
    if world > 1 && data.unreadable == Unreadable::Skip {
        return Err(TrainingError::SkipInParallel);
    }
    if !data.batch.is_multiple_of(world) {
        return Err(TrainingError::UnevenBatch { batch: data.batch, processes: world });
    }
    let mut reader = ClipReader::new(plan.spec.clone()).map_err(TrainError::Data)?;
    if let Some(cache) = &data.cache {
        let config = CacheConfig {
            folder: cache.folder.clone(),
            max_bytes: cache.bytes,
            identity: cache.identity,
        };
        reader = reader.cached(Arc::new(Cache::open(&config)?));
    }
    let reader = Arc::new(reader);
    let set = |config: LoaderConfig, shard: Shard| {
        let workers = data.workers.unwrap_or(config.workers);
        LoaderConfig { workers, ahead: data.ahead, unreadable: data.unreadable, shard, ..config }
    };
    let training = LoaderConfig {
        order: data.order.clone(),
        augment: data.augment.clone(),
        ..LoaderConfig::training(data.batch / world, recipe.seed)
    };
    let train = dataset(&data.train)?;
    let by = [recipe.best_metric(), recipe.plateau_metric()];
    let needs_both = by.into_iter().flatten().any(|metric| metric.needs == Needs::BothClasses);
    let shard = Shard { rank, world, pad: true };
    warn_of(&train, labelled, data.batch, &data.train);
    let train = Loader::new(train, reader.clone(), set(training, shard))
        .map_err(|error| as_key(error, &data.train))?;
    let validation = data.validation.as_deref().map(|path| -> Result<Loader, TrainingError> {
        let batch = data.validation_batch.unwrap_or(data.batch).div_ceil(world);
        let config = LoaderConfig { order: Order::Plain, ..LoaderConfig::validation(batch) };
        // Every clip once: parts may differ by one.
        let shard = Shard { rank, world, pad: false };
        let dataset = dataset(path)?;
        let fakes = dataset.rows().iter().filter(|row| row.target == Some(1)).count();
        if labelled && needs_both && (fakes == 0 || fakes == dataset.len()) {
            return Err(TrainingError::OneClassValidation);
        }
        Loader::new(dataset, reader.clone(), set(config, shard))
            .map_err(|error| as_key(error, path))
    });
    Ok(Clips { train, validation: validation.transpose()? })
}

/// A fault of the loader's settings, under the key that a recipe has for it.
fn as_key(error: DataError, manifest: &Path) -> TrainingError {
    match error {
        DataError::Setting(SettingError { field, value, rule }) => {
            TrainingError::DataSetting { field, value, rule, manifest: manifest.into() }
        }
        error => TrainError::Data(error).into(),
    }
}

/// What can be trained on and teaches little.
fn warn_of(train: &Dataset, labelled: bool, batch: usize, manifest: &Path) {
    let fakes = train.rows().iter().filter(|row| row.target == Some(1)).count();
    if labelled && (fakes == 0 || fakes == train.len()) {
        tracing::warn!("{}: clips of one class alone teach no difference", manifest.display());
    }
    if !labelled && batch == 1 {
        tracing::warn!(
            "data.batch is 1: a clip is compared with no other, so contrast teaches nothing"
        );
    }
}
