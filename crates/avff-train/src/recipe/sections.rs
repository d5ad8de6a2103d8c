//! The tables of a recipe that no other module owns.

use std::path::PathBuf;

use avff_data::{
    ClipSpec,
    augment::AugmentConfig,
    cache::Identity,
    loader::{Order, Unreadable},
};
use avff_model::{AvffConfig, Preset};
use serde::{Deserialize, Serialize};

/// How the clips of a preset's network are prepared, at the sizes of `config`.
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
    /// Where its config starts.
    pub preset: Preset,
    /// What is different from the preset, in the config's own keys, such as `encoder.dim = 96`.
    #[serde(default, skip_serializing_if = "toml::Table::is_empty")]
    pub config: toml::Table,
}

/// What weights are initialized from.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(tag = "from", rename_all = "kebab-case", deny_unknown_fields)]
pub enum Start {
    /// Drawn from the seed.
    #[default]
    Scratch,
    /// A checkpoint of the same model; it must fit the recipe's network.
    Checkpoint {
        /// The file.
        path: PathBuf,
    },
    /// Stage 3 from a stage-2 checkpoint: what has no place is dropped, what is new is drawn from the
    /// seed.
    Adapt {
        /// The file.
        path: PathBuf,
    },
}

/// The clips and how they become batches.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Data {
    /// Manifest of the clips to train on.
    pub train: PathBuf,
    /// Manifest of the clips to validate on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub validation: Option<PathBuf>,
    /// Where relative clip names start; at each manifest's folder if not given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub root: Option<PathBuf>,
    /// Clips in a step, over all processes.
    pub batch: usize,
    /// Clips in a validation batch; as in a step if not given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub validation_batch: Option<usize>,
    /// In which order clips come.
    #[serde(default)]
    pub order: Order,
    /// What becomes of clips that cannot be read.
    #[serde(default)]
    pub unreadable: Unreadable,
    /// Threads that read clips; as many as there are cores if not given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub workers: Option<usize>,
    /// Samples that may wait.
    #[serde(default = "Data::default_ahead")]
    pub ahead: usize,
    /// Decoded clips kept on disk.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cache: Option<Cache>,
    /// What is different from the preset's preparation of clips, in the clip spec's own keys.
    #[serde(default, skip_serializing_if = "toml::Table::is_empty")]
    pub clip: toml::Table,
    /// What training varies in a clip.
    #[serde(default)]
    pub augment: AugmentConfig,
}

impl Data {
    fn default_ahead() -> usize {
        16
    }
}

/// Decoded clips kept on disk.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Cache {
    /// The folder.
    pub folder: PathBuf,
    /// The most it may hold, in bytes.
    pub bytes: u64,
    /// What makes two files the same.
    #[serde(default)]
    pub identity: Identity,
}

/// How a step is computed.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Steps {
    /// The most clips computed at once: gradients of a larger batch are accumulated.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub micro_batch: Option<usize>,
    /// The largest norm of all gradients together; larger ones are scaled down.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub clip_norm: Option<f64>,
    /// What passes are computed in. Weights, their moments and the losses stay in f32.
    pub precision: Precision,
    /// What becomes of a step whose loss or gradient is no number.
    pub non_finite: NonFinite,
    /// Weights that are not trained, by the start of their keys.
    pub freeze: Vec<String>,
}

impl Default for Steps {
    fn default() -> Self {
        Self {
            micro_batch: None,
            clip_norm: None,
            precision: Precision::F32,
            non_finite: NonFinite::Stop,
            freeze: Vec::new(),
        }
    }
}

/// What passes are computed in.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Precision {
    /// On every device.
    #[default]
    F32,
    /// Products by tensor cores of NVIDIA's GPUs, which keep 11 bits of their factors; whoever trains does so
    /// [`with_tf32`](avff_model::precision::with_tf32).
    Tf32,
    /// Half precision; losses are scaled so that small gradients are not lost.
    F16,
    /// The range of f32 with 8 bits of it.
    Bf16,
}

/// What becomes of a step whose loss or gradient is no number.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum NonFinite {
    /// The run ends and names the batch's clips.
    #[default]
    Stop,
    /// The step is left out and counted.
    Skip,
}

/// How often is validated.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Validation {
    /// After every so many epochs; the last epoch is always followed by one.
    pub every: u64,
}

impl Default for Validation {
    fn default() -> Self {
        Self { every: 1 }
    }
}

/// Which checkpoints are kept.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Keep {
    /// The state to resume from is also written after every so many steps, not only at an epoch's end;
    /// 0 for never.
    pub every_steps: u64,
    /// How many states are kept.
    pub last: usize,
    /// Whether the weights of every epoch are kept.
    pub each_epoch: bool,
    /// The validation metric by which the best weights are kept; the stage's own if not given:
    /// the total loss, or mAP.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub best: Option<String>,
}

impl Default for Keep {
    fn default() -> Self {
        Self { every_steps: 0, last: 2, each_epoch: false, best: None }
    }
}
