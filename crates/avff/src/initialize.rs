//! A pre-training model whose encoders are initialized from published weights.

use std::path::{Path, PathBuf};

use avff_data::ClipSpec;
use avff_model::{
    AvffConfig, Init, ModelError, Pretrain,
    checkpoint::{Kind, Metadata, Precision, save},
    initialize::{Architecture, Modality, Normalization, PublishedEncoder, Report},
};

use crate::{
    device::{Device, DeviceError, with_backend},
    output::OutputError,
    overwrite_guard,
    preprocessing::{self, PreprocessingError},
};

/// Why a model cannot be initialized.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum InitializeError {
    /// The config or an encoder's file cannot be used, or the weights cannot be written.
    #[error(transparent)]
    Model(#[from] ModelError),
    /// No backend for the work.
    #[error(transparent)]
    Device(#[from] DeviceError),
    /// The preparation of clips does not fit the network.
    #[error(transparent)]
    Preprocessing(#[from] PreprocessingError),
    /// The output cannot be written.
    #[error(transparent)]
    Output(#[from] OutputError),
    /// No file of an encoder is given.
    #[error("give a file for at least one encoder")]
    NoEncoder,
    /// An encoder of the other modality.
    #[error("{}: holds {name}, an encoder for {actual}; the option takes an encoder for {expected}", path.display())]
    WrongEncoder {
        /// The file.
        path: PathBuf,
        /// The encoder that it holds.
        name: Architecture,
        /// What that encodes.
        actual: Modality,
        /// What should be encoded.
        expected: Modality,
    },
}

/// What a model is initialized from.
#[derive(Debug, Clone)]
pub struct InitializeOptions {
    /// The network.
    pub config: AvffConfig,
    /// How clips are prepared for it.
    pub spec: ClipSpec,
    /// Random seed of the weights that no file gives.
    pub seed: u64,
    /// A file with a video encoder: MARLIN.
    pub video: Option<PathBuf>,
    /// A file with an audio encoder: AudioMAE or CAV-MAE.
    pub audio: Option<PathBuf>,
}

/// Initializes a pre-training model and writes it as safetensors, marked as not trained.
///
/// Returns a report for each file: which keys were taken, converted or left out.
///
/// # Errors
/// A spec that does not fit, a file that cannot be read or holds no encoder for its place, an output that exists or cannot be
/// written.
pub fn initialize(
    options: &InitializeOptions,
    output: &Path,
    precision: Precision,
    device: Device,
) -> Result<Vec<Report>, InitializeError> {
    overwrite_guard::weights(output)?;
    let config = &options.config;
    config.validate()?;
    let mut donors = Vec::new();
    for (path, expected) in [(&options.video, Modality::Video), (&options.audio, Modality::Audio)] {
        let Some(path) = path else { continue };
        let donor = PublishedEncoder::open(path)?;
        let (name, actual) = (donor.architecture(), donor.architecture().modality());
        if actual != expected {
            return Err(InitializeError::WrongEncoder {
                path: path.clone(),
                name,
                actual,
                expected,
            });
        }
        donors.push(donor);
    }
    if donors.is_empty() {
        return Err(InitializeError::NoEncoder);
    }
    let spec = &options.spec;
    preprocessing::check(spec, config)?;
    let inputs = Normalization {
        video_mean: spec.video.mean,
        video_std: spec.video.std,
        audio_mean: spec.audio.mean,
        audio_std: spec.audio.std,
    };
    let mut metadata = Metadata::new(Kind::Pretrain, config, false);
    preprocessing::store(&mut metadata, spec)?;
    let mut sources = Vec::new();
    for donor in &donors {
        let (architecture, sha256) = (donor.architecture(), donor.sha256()?);
        sources.push(serde_json::json!({ "architecture": architecture, "sha256": sha256 }));
    }
    let source = serde_json::json!({ "seed": options.seed, "encoders": sources });
    metadata.extra.insert("started_from".into(), source);
    with_backend!(device, |B, device| {
        let mut model = Pretrain::<B>::new(config, &mut Init::seeded(options.seed), &device)?;
        let mut reports = Vec::new();
        for donor in &donors {
            let (started, report) = donor.initialize(model, &inputs)?;
            model = started;
            reports.push(report);
        }
        save(&model, &metadata, precision, output)?;
        Ok(reports)
    })
}
