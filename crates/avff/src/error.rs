//! Why scoring could not start or go on.

use std::{io, path::PathBuf};

/// Everything the facade can refuse; what is wrong with single clips is reported with them.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A checkpoint or config that cannot be used.
    #[error(transparent)]
    Model(#[from] avff_model::ModelError),
    /// A manifest that cannot be used.
    #[error(transparent)]
    Manifest(#[from] avff_data::error::ClipError),
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
    /// Options that contradict each other.
    #[error("{0}")]
    Options(&'static str),
    /// The manifest has a column that the output adds.
    #[error("the CSV has a column {column}, as the output will: rename it")]
    Column {
        /// Its name.
        column: &'static str,
    },
    /// An output could not be written or read back.
    #[error("{}: {source}", path.display())]
    Output {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
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
    /// A setting of made clips that cannot be used.
    #[error(transparent)]
    Synth(avff_data::error::DataError),
    /// Scores that are not what metrics need.
    #[error(transparent)]
    Metric(#[from] avff_train::metrics::MetricError),
}

impl Error {
    /// What a person can do about it, where the message does not say so itself.
    #[must_use]
    pub fn hint(&self) -> Option<&'static str> {
        match self {
            Self::Manifest(error) => error.source.hint(),
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
    text
}
