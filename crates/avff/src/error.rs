//! Why scoring could not start or go on.

use std::{
    io,
    path::{Path, PathBuf},
};

use crate::{
    hint,
    shard::{Shard, ShardError},
};

/// Everything the facade can refuse; what is wrong with single clips is reported with them.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A checkpoint or config that cannot be used.
    #[error(transparent)]
    Model(#[from] avff_model::ModelError),
    /// A data set or manifest that cannot be used.
    #[error(transparent)]
    Dataset(#[from] avff_datasets::DatasetError),
    /// A clip or folder that cannot be used.
    #[error(transparent)]
    Clip(#[from] avff_data::ClipError),
    /// The manifest names no clip.
    #[error("{}: no rows below the header", path.display())]
    NoRows {
        /// The manifest.
        path: PathBuf,
    },
    /// A name that is no device.
    #[error("unknown device {name}: use cpu, ndarray, wgpu, wgpu:N, cuda, cuda:N or auto")]
    UnknownDevice {
        /// What was asked for.
        name: String,
    },
    /// A device this build has no backend for.
    #[error("this build has no {device}: build with `--features {feature}`")]
    NotBuilt {
        /// What was asked for.
        device: String,
        /// The cargo feature that adds it.
        feature: &'static str,
    },
    /// A device that does not answer.
    #[error("{device} cannot be used on this machine: {hint}")]
    NoDevice {
        /// What was asked for.
        device: String,
        /// What it needs.
        hint: &'static str,
    },
    /// A GPU whose products are off.
    #[error(
        "{device} multiplies f32 inexactly, scores would differ from those of other devices; tf32 takes it as it is \
         (--precision tf32, in a recipe steps.precision = \"tf32\")"
    )]
    Inexact {
        /// The device.
        device: String,
    },
    /// A GPU that stopped on the way.
    #[error("{device} failed: {reason}; if its memory ran out, lower steps.micro_batch")]
    DeviceFailed {
        /// The device.
        device: String,
        /// What its backend said first.
        reason: String,
    },
    /// How clips are prepared does not fit the network.
    #[error("the clip's {what} of {clip} does not fit the network's {network}")]
    Spec {
        /// The size.
        what: &'static str,
        /// In the clip spec.
        clip: usize,
        /// In the network's config.
        network: usize,
    },
    /// A clip spec that makes no sense by itself.
    #[error(transparent)]
    ClipSpec(#[from] avff_data::spec::SpecError),
    /// What the checkpoint says about preparing clips cannot be read.
    #[error("the checkpoint's clip spec: {0}")]
    StoredSpec(serde_json::Error),
    /// Nothing is won by a precision there, or nothing computes in it.
    #[error(
        "{device} computes nothing in {precision}: f32 is exact, int8 is faster on some CPUs, bf16 on those with AMX or \
         AVX512-BF16; `avff convert --precision f16` halves a checkpoint's file"
    )]
    Precision {
        /// tf32, f16 or bf16.
        precision: &'static str,
        /// The device.
        device: String,
    },
    /// A setting of the data path that does not fit the clips it is for.
    #[error("data.{field} is {value}, it must be {rule}: {}", manifest.display())]
    DataSetting {
        /// The key of the recipe, below `data`.
        field: &'static str,
        /// Its value.
        value: String,
        /// What is accepted.
        rule: String,
        /// The clips.
        manifest: PathBuf,
    },
    /// Options that contradict each other.
    #[error("{0}")]
    Options(&'static str),
    /// The manifest has a column that the output adds.
    #[error("the CSV has a column {column}, as the output will: rename it")]
    Column {
        /// Its name.
        column: &'static str,
    },
    /// A column that the manifest lacks.
    #[error("{}: there is no column {column}, but {known}", path.display())]
    UnknownColumn {
        /// The manifest.
        path: PathBuf,
        /// What was asked for.
        column: String,
        /// Those it has.
        known: String,
    },
    /// A column of names or numbers rather than categories.
    #[error("the column {column} has more than {most} values: choose one of categories")]
    TooManyCategories {
        /// The column.
        column: String,
        /// The most that are allowed.
        most: usize,
    },
    /// A prediction that is no number.
    #[error("{}: line {line}: the score `{cell}` is no finite number", path.display())]
    Score {
        /// The predictions.
        path: PathBuf,
        /// From 1.
        line: u64,
        /// What is there.
        cell: String,
    },
    /// Two tables of predictions that label a clip differently.
    #[error("{clip} is labelled {first} in one file and {second} in the other: 1 is fake, 0 real")]
    Labels {
        /// Its name.
        clip: String,
        /// In the first file.
        first: u8,
        /// In the second file.
        second: u8,
    },
    /// Two tables of predictions that share no labelled clip.
    #[error(
        "no clip is in both files with a target: {first} are in the first alone, {second} in the second \
         alone, {unlabelled} in both without a target; clips are matched by video_name"
    )]
    NothingShared {
        /// In the first file alone.
        first: usize,
        /// In the second file alone.
        second: usize,
        /// In both, but without a target.
        unlabelled: usize,
    },
    /// A finished run whose summary was made otherwise.
    #[error(
        "the run is finished with {what} {was}, not {now}; its logits are gone, so start again with --overwrite"
    )]
    OtherReport {
        /// The option.
        what: &'static str,
        /// In the finished run.
        was: String,
        /// In this one.
        now: String,
    },
    /// An output could not be written or read back.
    #[error("{}: {source}", path.display())]
    Output {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// The folder of an output is not there.
    #[error("{}: there is no such folder to write it into", path.display())]
    NoFolder {
        /// The output.
        path: PathBuf,
    },
    /// An earlier run into the same output did not end.
    #[error("{}: an unfinished run; add --resume to go on with it or --overwrite to start again", path.display())]
    Unfinished {
        /// Its journal.
        path: PathBuf,
    },
    /// An earlier run that cannot be gone on with did not end.
    #[error("{}: an unfinished across-batch run, which cannot be resumed; add --overwrite to start again", path.display())]
    UnfinishedAcrossBatch {
        /// Its journal.
        path: PathBuf,
    },
    /// Results are not replaced unasked.
    #[error("{}: there are results already; add --overwrite to replace them or choose another --output", path.display())]
    Finished {
        /// The first of its files.
        path: PathBuf,
    },
    /// A name that is not UTF-8, which no manifest can hold.
    #[error("{}: the name is not UTF-8, which a CSV has to be; rename it", path.display())]
    Name {
        /// The folder.
        path: PathBuf,
    },
    /// A checkpoint or manifest is not written over another file.
    #[error("{}: is there already; remove it or choose another name", path.display())]
    Exists {
        /// The file.
        path: PathBuf,
    },
    /// Weights under the name of another format.
    #[error("{}: weights are written as safetensors, so name the file `.safetensors`", path.display())]
    NotSafetensors {
        /// The file.
        path: PathBuf,
    },
    /// Another process is writing to the same output.
    #[error("{}: another run is writing to this output", path.display())]
    Busy {
        /// Its journal.
        path: PathBuf,
    },
    /// An earlier run that cannot be resumed as it had other inputs or options.
    #[error(
        "cannot resume: {what} was {was}, now it is {now}; give what the unfinished run had, or --overwrite"
    )]
    OtherRun {
        /// What differs.
        what: String,
        /// In the unfinished run.
        was: String,
        /// In this one.
        now: String,
    },
    /// An earlier run into the same folder did not end.
    #[error("{}: holds an unfinished run; add --resume to go on with it, or remove the folder", path.display())]
    UnfinishedFolder {
        /// The folder.
        path: PathBuf,
    },
    /// An earlier run into the same folder that cannot be resumed as it had other inputs or options.
    #[error(
        "cannot resume: {what} was {was}, now it is {now}; give what the run had, or another --output"
    )]
    OtherFolder {
        /// What differs.
        what: &'static str,
        /// In the earlier run.
        was: String,
        /// In this one.
        now: String,
    },
    /// An unfinished run whose files do not fit together.
    #[error("cannot resume: {}: {reason}; start again with --overwrite", path.display())]
    Journal {
        /// The file that is off.
        path: PathBuf,
        /// In what way.
        reason: String,
    },
    /// A training run that could not start or go on; large, so apart.
    #[error(transparent)]
    Train(Box<avff_train::TrainError>),
    /// What names no shard.
    #[error(transparent)]
    Shard(#[from] ShardError),
    /// Something to be merged that no run left.
    #[error("{}: is no shard: there is no {}; merge what --shard I/N wrote", path.display(), lacks.display())]
    NotAShard {
        /// What was given.
        path: PathBuf,
        /// The file that a shard has.
        lacks: PathBuf,
    },
    /// A shard that is not done.
    #[error("{}: this shard is unfinished; run it again with --resume, then merge", path.display())]
    UnfinishedShard {
        /// The file that is there as long as it is not.
        path: PathBuf,
    },
    /// A shard that is there twice.
    #[error("shard {shard} is given twice: {} and {}", other.display(), path.display())]
    ShardTwice {
        /// Which one.
        shard: Shard,
        /// The second one.
        path: PathBuf,
        /// The first one.
        other: PathBuf,
    },
    /// Not all shards are given.
    #[error("shards are missing: {shards}; run them, or give their files too")]
    ShardsMissing {
        /// Which ones.
        shards: String,
    },
    /// Shards that are not of one run.
    #[error(
        "{}: {what} is {is}, but {was} in {}: only shards of one run can be merged",
        path.display(),
        other.display()
    )]
    OtherShard {
        /// The shard that differs.
        path: PathBuf,
        /// In what.
        what: &'static str,
        /// In this one.
        is: String,
        /// The shard it differs from.
        other: PathBuf,
        /// In that one.
        was: String,
    },
    /// A shard whose files do not fit together.
    #[error("{}: {reason}; the shard has to be run again", path.display())]
    DamagedShard {
        /// The file that is off.
        path: PathBuf,
        /// In what way.
        reason: String,
    },
    /// An encoder of the other half of a clip.
    #[error("{}: holds {name}, an encoder for {found}, where one for {due} is asked for", path.display())]
    WrongDonor {
        /// The file.
        path: PathBuf,
        /// Which encoder it holds.
        name: avff_model::initialize::Architecture,
        /// What that encodes.
        found: avff_model::initialize::Modality,
        /// What should be encoded.
        due: avff_model::initialize::Modality,
    },
    /// Slices to hide that the network has none of, or not half of them.
    #[error(
        "cannot hide slices {given:?} from sound: name {} different ones of 0 to {}",
        slices / 2,
        slices.saturating_sub(1)
    )]
    Mask {
        /// What was asked for.
        given: Vec<usize>,
        /// Slices of the network.
        slices: usize,
    },
    /// A window beyond a clip's last.
    #[error(
        "{}: has no window {part}: it has {parts}, counted from 0",
        path.display()
    )]
    NoPart {
        /// The clip.
        path: PathBuf,
        /// What was asked for.
        part: usize,
        /// What there is.
        parts: usize,
    },
    /// A clip that was asked for by itself and could not be worked on.
    #[error("{}: {}: {}", path.display(), failure.stage, failure.error)]
    Failed {
        /// The clip.
        path: PathBuf,
        /// Why not.
        failure: crate::failure::ClipFailure,
    },
    /// A setting that is out of its range.
    #[error(transparent)]
    Setting(#[from] avff_media::SettingError),
    /// Scores that are not what metrics need.
    #[error(transparent)]
    Metric(#[from] avff_metrics::MetricError),
}

impl From<avff_train::TrainError> for Error {
    fn from(error: avff_train::TrainError) -> Self {
        Self::Train(Box::new(error))
    }
}

impl Error {
    /// Refuses a file to write whose folder is not there, before any work is done.
    ///
    /// # Errors
    /// [`Error::NoFolder`].
    pub fn unless_in_a_folder(file: &Path) -> Result<(), Self> {
        match file.parent() {
            Some(folder) if !folder.as_os_str().is_empty() && !folder.is_dir() => {
                Err(Self::NoFolder { path: file.into() })
            }
            _ => Ok(()),
        }
    }

    pub(crate) fn unknown_column(path: impl Into<PathBuf>, column: &str, known: &[String]) -> Self {
        let known = match known {
            [] => "video_name alone".into(),
            known => known.join(", "),
        };
        Self::UnknownColumn { path: path.into(), column: column.into(), known }
    }

    /// What a person can do about it, where the message does not say so itself.
    #[must_use]
    pub fn hint(&self) -> Option<&str> {
        match self {
            Self::Dataset(error) => hint::of_dataset(&error.source),
            Self::Clip(error) => hint::of_data(&error.source),
            Self::Train(error) => match &**error {
                avff_train::TrainError::Clip(error) => hint::of_data(&error.source),
                avff_train::TrainError::Dataset(error) => hint::of_dataset(&error.source),
                avff_train::TrainError::Unreadable { source, .. } => hint::of_data(&source.source),
                _ => None,
            },
            Self::Failed { failure, .. } => failure.hint.as_deref(),
            _ => None,
        }
    }
}

/// An error and all it was caused by, on one line.
#[must_use]
pub fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        let cause_text = cause.to_string();
        // Some errors already show their cause.
        if !text.ends_with(&cause_text) {
            text = format!("{text}: {cause_text}");
        }
        source = cause.source();
    }
    // As our own errors say it.
    without_numbers(&text).replace("No such file or directory", "no such file")
}

/// Without the numbers by which a system names its errors beside the words.
fn without_numbers(text: &str) -> String {
    const BEFORE: &str = " (os error ";
    let mut parts = text.split(BEFORE);
    let mut out = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        match part.split_once(')') {
            Some((number, rest)) if number.bytes().all(|byte| byte.is_ascii_digit()) => {
                out.push_str(rest);
            }
            _ => out.extend([BEFORE, part]),
        }
    }
    out
}
