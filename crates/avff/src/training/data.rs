//! The clips of a training run.

use std::{path::Path, sync::Arc};

use avff_data::{
    DataError,
    cache::{Cache, CacheConfig},
    loader::{ClipReader, Loader, LoaderConfig, Order, Shard, Unreadable},
};
use avff_datasets::Dataset;
use avff_media::SettingError;
use avff_metrics::Needs;
use avff_train::{TrainError, distributed::Processes, recipe};

use super::{Planned, TrainingError, missing_clips, shared_clips};

/// Loaders of training and validation clips.
pub(super) struct Clips {
    pub(super) train: Loader,
    pub(super) validation: Option<Loader>,
}

/// Opens the manifests of a run.
pub(super) fn open(
    plan: &Planned,
    labeled: bool,
    processes: &dyn Processes,
) -> Result<Clips, TrainingError> {
    let (recipe, data) = (&plan.recipe, &plan.recipe.data);
    let (rank, world) = (processes.rank(), processes.world());
    let read = |path: &Path| -> Result<Arc<Dataset>, TrainingError> {
        let dataset = Dataset::read(path, data.root.as_deref())?;
        match dataset.unlabeled() {
            Some(row) if labeled => {
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
    let configure = |config: LoaderConfig, shard: Shard| {
        let workers = data.workers.unwrap_or(config.workers);
        LoaderConfig {
            workers,
            prefetch: data.prefetch,
            unreadable: data.unreadable,
            shard,
            ..config
        }
    };
    let training = LoaderConfig {
        order: data.order.clone(),
        augment: data.augment.clone(),
        ..LoaderConfig::training(data.batch / world, recipe.seed)
    };
    let train = read(&data.train)?;
    let validation =
        data.validation.as_deref().map(|path| Ok::<_, TrainingError>((path, read(path)?)));
    let validation = validation.transpose()?;
    if rank == 0 {
        check_clips(data, &train, validation.as_ref())?;
    }
    let metrics = [recipe.best_metric(), recipe.plateau_metric()];
    let needs_both = metrics.into_iter().flatten().any(|metric| metric.needs == Needs::BothClasses);
    let shard = Shard { rank, world, pad: true };
    warn_about(&train, labeled, data.batch, &data.train);
    let train = Loader::new(train, reader.clone(), configure(training, shard))
        .map_err(|error| as_key(error, &data.train))?;
    let validation = validation.map(|(path, dataset)| -> Result<Loader, TrainingError> {
        let batch = data.validation_batch.unwrap_or(data.batch).div_ceil(world);
        let config = LoaderConfig { order: Order::Plain, ..LoaderConfig::validation(batch) };
        // Without padding, every clip is read once, and shards may differ by one clip.
        let shard = Shard { rank, world, pad: false };
        let fakes = dataset.rows().iter().filter(|row| row.target == Some(1)).count();
        if labeled && needs_both && (fakes == 0 || fakes == dataset.len()) {
            return Err(TrainingError::OneClassValidation);
        }
        Loader::new(dataset, reader.clone(), configure(config, shard))
            .map_err(|error| as_key(error, path))
    });
    Ok(Clips { train, validation: validation.transpose()? })
}

/// Checks that the clips exist, unless unreadable ones are skipped, and warns if training and validation share clips.
fn check_clips(
    data: &recipe::Data,
    train: &Dataset,
    validation: Option<&(&Path, Arc<Dataset>)>,
) -> Result<(), TrainingError> {
    if data.unreadable == Unreadable::Error {
        missing_clips::check(train, &data.train)?;
    }
    let Some((path, dataset)) = validation else { return Ok(()) };
    if data.unreadable == Unreadable::Error {
        missing_clips::check(dataset, path)?;
    }
    if let Some(warning) = shared_clips::warning([train, dataset], [&data.train, path]) {
        tracing::warn!("{warning}");
    }
    Ok(())
}

/// Converts an invalid loader setting to an error that names the recipe's key.
fn as_key(error: DataError, manifest: &Path) -> TrainingError {
    match error {
        DataError::Setting(SettingError { field, value, rule }) => {
            TrainingError::DataSetting { field, value, rule, manifest: manifest.into() }
        }
        error => TrainError::Data(error).into(),
    }
}

/// Warns of settings that can be trained with but hardly make sense.
fn warn_about(train: &Dataset, labeled: bool, batch: usize, manifest: &Path) {
    let fakes = train.rows().iter().filter(|row| row.target == Some(1)).count();
    if labeled && (fakes == 0 || fakes == train.len()) {
        tracing::warn!(
            "{}: all clips are of one class, so the network cannot learn to separate classes",
            manifest.display()
        );
    }
    if !labeled && batch == 1 {
        tracing::warn!(
            "data.batch is 1: the contrastive loss compares the clips of a batch, so it has no effect"
        );
    }
}
