//! The clips of a training run.

use std::{path::Path, sync::atomic::AtomicBool};

use avff_data::{
    DataError,
    loader::{Cut, Loader, LoaderConfig, Order, Shard, Unreadable},
};
use avff_datasets::Dataset;
use avff_media::SettingError;
use avff_metrics::Needs;
use avff_train::{
    TrainError,
    distributed::{Processes, Replicas},
    trainer::Observer,
};

use super::{
    Planned, TrainOptions, TrainingError,
    preflight::Preflight,
    shared_clips,
    source::{Source, Sources},
};

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
    watch: &mut dyn Observer,
    stop: &AtomicBool,
) -> Result<Clips, TrainingError> {
    let (recipe, data) = (&plan.recipe, &plan.recipe.data);
    let (rank, world) = (processes.rank(), processes.world());
    if world > 1 && data.unreadable == Unreadable::Skip {
        return Err(TrainingError::SkipInParallel);
    }
    let replicas = recipe.steps.replicas.map(|count| Replicas::new(count, processes));
    match replicas {
        Some(replicas) if world > replicas.count() => {
            let replicas = replicas.count();
            return Err(TrainingError::FewReplicas { replicas, processes: world });
        }
        None if !data.batch.is_multiple_of(world) => {
            return Err(TrainingError::UnevenBatch { batch: data.batch, processes: world });
        }
        _ => {}
    }
    // Replicas are cut out of whole batches; without them, processes share an epoch's clips.
    let cut = replicas
        .map_or_else(Cut::default, |replicas| Cut { parts: replicas.count(), own: replicas.own() });
    let share = |pad: bool| match replicas {
        Some(_) => Shard::default(),
        None => Shard { rank, world, pad },
    };
    let parts = if replicas.is_some() { 1 } else { world };
    let sources = Sources::new(plan, labeled)?;
    let configure = |config: LoaderConfig, shard: Shard| {
        let workers = data.workers.unwrap_or(config.workers);
        LoaderConfig {
            workers,
            prefetch: data.prefetch,
            unreadable: data.unreadable,
            shard,
            cut: cut.clone(),
            ..config
        }
    };
    let training = LoaderConfig {
        order: data.order.clone(),
        augment: data.augment.clone(),
        ..LoaderConfig::training(data.batch / parts, recipe.seed)
    };
    let train = sources.open(&data.train, &data.train_where)?;
    let validation = data
        .validation
        .as_deref()
        .map(|path| Ok::<_, TrainingError>((path, sources.open(path, &data.validation_where)?)));
    let validation = validation.transpose()?;
    if rank == 0 {
        let open = data.preflight && matches!(plan.options, TrainOptions::New { .. });
        // The indexes of shards were read, and their clips are checked as they are read.
        let mut check = |source: &Source, path: &Path| {
            let Some(reader) = source.files.as_deref() else { return Ok(()) };
            let mut progress = |clips, total| watch.opened(clips, total);
            Preflight { reader, open, stop }.check(&source.dataset, path, &mut progress)
        };
        if data.unreadable == Unreadable::Error {
            check(&train, &data.train)?;
            validation.iter().try_for_each(|(path, source)| check(source, path))?;
        }
        if let Some((path, source)) = &validation
            && let Some(warning) =
                shared_clips::warning([&train.dataset, &source.dataset], [&data.train, path])
        {
            tracing::warn!("{warning}");
        }
    }
    let metrics = [recipe.best_metric(), recipe.plateau_metric()];
    let needs_both = metrics.into_iter().flatten().any(|metric| metric.needs == Needs::BothClasses);
    let shard = share(true);
    warn_of_one_class(
        &train.dataset,
        // Mixing makes fakes of real clips.
        labeled && !data.augment.mix.is_some_and(|mix| mix.replace + mix.shift > 0.0),
        &data.train,
        "the network cannot learn to separate classes",
    );
    if !labeled && data.batch / recipe.steps.replicas.unwrap_or(1) == 1 {
        tracing::warn!(
            "a batch, or a replica, has one clip: the contrastive loss compares its clips, so it has no effect"
        );
    }
    let train = Loader::new(train.dataset, train.reader, configure(training, shard))
        .map_err(|error| as_key(error, &data.train))?;
    let validation = validation.map(|(path, source)| -> Result<Loader, TrainingError> {
        let Source { dataset, reader, .. } = source;
        let batch = data.validation_batch.unwrap_or(data.batch).div_ceil(parts);
        let config = LoaderConfig { order: Order::Plain, ..LoaderConfig::validation(batch) };
        // Without padding, every clip is read once, and shards may differ by one clip.
        let shard = share(false);
        if labeled && needs_both && only_class(&dataset).is_some() {
            return Err(TrainingError::OneClassValidation);
        }
        let effect = "metrics that compare real and fake clips are undefined";
        warn_of_one_class(&dataset, labeled, path, effect);
        Loader::new(dataset, reader, configure(config, shard)).map_err(|error| as_key(error, path))
    });
    Ok(Clips { train, validation: validation.transpose()? })
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

/// Returns the class of all clips of a labeled data set, if they are of one.
fn only_class(dataset: &Dataset) -> Option<&'static str> {
    let fakes = dataset.rows().iter().filter(|row| row.target == Some(1)).count();
    match fakes {
        0 => Some("real"),
        fakes if fakes == dataset.len() => Some("fake"),
        _ => None,
    }
}

/// Warns of a data set that can be used but hardly makes sense. `effect` says why.
fn warn_of_one_class(dataset: &Dataset, labeled: bool, manifest: &Path, effect: &str) {
    if let Some(class) = only_class(dataset).filter(|_| labeled) {
        tracing::warn!("{}: every clip is {class}, so {effect}", manifest.display());
    }
}
