//! The tables of a recipe that belong to no other module.

use std::path::{Path, PathBuf};

use avff_data::{
    ClipSpec,
    augment::AugmentConfig,
    cache::Identity,
    loader::{Order, Unreadable},
};
use avff_datasets::ColumnNames;
use avff_model::{AvffConfig, FusionScope, Preset};
use serde::{Deserialize, Serialize};

use crate::learner::ReplicaLoss;

/// Returns the preprocessing of clips for a preset's network, at the sizes of `config`.
#[must_use]
pub fn clip_spec(preset: Preset, config: &AvffConfig) -> ClipSpec {
    let spec = match preset {
        Preset::OpenAvff => ClipSpec::open_avff(),
        Preset::Avff | Preset::AvffSmall | Preset::AvffTiny => ClipSpec::avff(),
    };
    let (audio, video) = (&config.audio, &config.video);
    spec.with_sizes([audio.frames, audio.mels], [video.frames, video.height, video.width])
}

/// The network.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ModelChoice {
    /// Preset on which the config is based.
    pub preset: Preset,
    /// Differences from the preset, with the config's own keys, such as `encoder.dim = 96`.
    #[serde(default, skip_serializing_if = "toml::Table::is_empty")]
    pub config: toml::Table,
}

/// Initialization of the weights.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(tag = "from", rename_all = "kebab-case", deny_unknown_fields)]
pub enum Initialization {
    /// Random initialization from the seed.
    #[default]
    Scratch,
    /// Weights of a checkpoint with the same kind of model and equal sizes.
    Checkpoint {
        /// Path of the checkpoint.
        path: PathBuf,
    },
    /// The weights of any file that match by key and shape; all others are initialized from the
    /// seed.
    Matching {
        /// Path of the file.
        path: PathBuf,
    },
    /// Stage 3 from a stage-2 checkpoint: unused weights are dropped, and new weights are
    /// initialized from the seed.
    Adapt {
        /// Path of the checkpoint.
        path: PathBuf,
    },
}

impl Initialization {
    /// Returns the file of the weights, if any.
    #[must_use]
    pub fn path(&self) -> Option<&Path> {
        match self {
            Self::Scratch => None,
            Self::Checkpoint { path } | Self::Matching { path } | Self::Adapt { path } => {
                Some(path)
            }
        }
    }
}

/// The clips and their batches.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Data {
    /// Manifest of the training clips.
    pub train: PathBuf,
    /// Manifest of the validation clips.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub validation: Option<PathBuf>,
    /// Conditions on the training clips, such as `split=train`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub train_where: Vec<String>,
    /// Conditions on the validation clips, such as `split=val`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub validation_where: Vec<String>,
    /// Folder of relative clip names; each manifest's folder by default.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub root: Option<PathBuf>,
    /// Names of the manifests' columns.
    #[serde(default, skip_serializing_if = "ColumnNames::is_default")]
    pub columns: ColumnNames,
    /// Clips per step, over all processes.
    pub batch: usize,
    /// Clips per validation batch; `batch` by default.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub validation_batch: Option<usize>,
    /// Order of the training clips.
    #[serde(default)]
    pub order: Order,
    /// Handling of unreadable clips.
    #[serde(default)]
    pub unreadable: Unreadable,
    /// How to treat shards that are missing or damaged when a run starts.
    #[serde(default)]
    pub missing_shards: Unreadable,
    /// Whether every clip is opened before the first step of a new run, unless unreadable clips are
    /// skipped.
    #[serde(default = "Data::default_preflight")]
    pub preflight: bool,
    /// Threads that read clips; the number of cores by default.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub workers: Option<usize>,
    /// Maximum number of decoded samples that wait for the network.
    #[serde(default = "Data::default_prefetch")]
    pub prefetch: usize,
    /// Disk cache of decoded clips.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cache: Option<Cache>,
    /// Differences from the preset's preprocessing, with the clip spec's own keys.
    #[serde(default, skip_serializing_if = "toml::Table::is_empty")]
    pub clip: toml::Table,
    /// Data augmentation.
    #[serde(default)]
    pub augment: AugmentConfig,
}

impl Data {
    fn default_preflight() -> bool {
        true
    }

    fn default_prefetch() -> usize {
        16
    }
}

/// Disk cache of decoded clips.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Cache {
    /// Folder of the cache.
    pub folder: PathBuf,
    /// Maximum size in bytes.
    pub bytes: u64,
    /// Identification of equal files.
    #[serde(default)]
    pub identity: Identity,
}

/// Settings of a training step.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Steps {
    /// Number of replicas that a batch is cut into. Each has its own contrastive loss, mask and
    /// attention across clips, as on one of several GPUs of the reference. Without it, the clips
    /// of all processes are one batch.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub replicas: Option<usize>,
    /// How the losses of replicas make the batch's.
    pub replica_loss: ReplicaLoss,
    /// Maximum number of clips per forward pass; larger batches use gradient accumulation.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub micro_batch: Option<usize>,
    /// Maximum norm of all gradients together; larger gradients are scaled down.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub clip_norm: Option<f64>,
    /// Compute precision. Weights, optimizer moments and losses stay in f32.
    pub precision: Precision,
    /// Handling of a non-finite loss or gradient.
    pub non_finite: NonFinite,
    /// Key prefixes of weights that are not trained.
    pub freeze: Vec<String>,
}

impl Default for Steps {
    fn default() -> Self {
        Self {
            replicas: None,
            replica_loss: ReplicaLoss::Mean,
            micro_batch: None,
            clip_norm: None,
            precision: Precision::F32,
            non_finite: NonFinite::Stop,
            freeze: Vec::new(),
        }
    }
}

/// Compute precision of training.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Precision {
    /// Full precision, on every device.
    #[default]
    F32,
    /// Products on tensor cores of NVIDIA GPUs, which keep 11 bits of each factor. The caller
    /// trains [`with_tf32`](avff_model::precision::with_tf32).
    Tf32,
    /// Half precision, with loss scaling so that small gradients are not lost.
    F16,
    /// bfloat16: the range of f32 with 8 bits of precision.
    Bf16,
}

/// Handling of a non-finite loss or gradient.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum NonFinite {
    /// The run ends, and the error names the clips of the batch.
    #[default]
    Stop,
    /// The step is skipped and counted.
    Skip,
}

/// Frequency and attention of validation.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Validation {
    /// Epochs between validations; the last epoch is always validated.
    pub every: u64,
    /// Tokens over which A2V and V2A attend in the validation of stage 3: within each clip, or
    /// across the clips of a forward pass. Pre-training always validates as it trains.
    pub fusion_attention: FusionScope,
}

impl Default for Validation {
    fn default() -> Self {
        Self { every: 1, fusion_attention: FusionScope::PerClip }
    }
}

/// Checkpoints to keep.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Keep {
    /// Steps between training checkpoints, in addition to those at the end of an epoch; 0 for none.
    pub every_steps: u64,
    /// Number of training checkpoints to keep.
    pub last: usize,
    /// Whether to keep the weights of every epoch.
    pub each_epoch: bool,
    /// Validation metric that selects the best weights. By default, the total loss or mAP,
    /// depending on the stage.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub best: Option<String>,
}

impl Default for Keep {
    fn default() -> Self {
        Self { every_steps: 0, last: 2, each_epoch: false, best: None }
    }
}
