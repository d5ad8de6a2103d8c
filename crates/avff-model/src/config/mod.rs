//! The config of a network: its sizes, and a named option for each choice in which the reference
//! differs from the paper.

mod validate;

use serde::{Deserialize, Serialize};

use crate::error::ModelError;

/// Sizes and choices of both models; travels with the weights.
///
/// Two presets share this type: [`AvffConfig::open_avff`] computes what the released checkpoints
/// were trained with, [`AvffConfig::avff`] makes the choices the paper's idea calls for, in three sizes.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AvffConfig {
    /// The fbank that goes in.
    pub audio: AudioConfig,
    /// The frames that go in.
    pub video: VideoConfig,
    /// Both encoders.
    pub encoder: TransformerConfig,
    /// Both decoders of the pre-training model.
    pub decoder: TransformerConfig,
    /// Slices each modality's tokens are cut into; half of them are hidden in pre-training.
    pub slices: usize,
    /// Along which axis audio is cut into slices.
    pub audio_slices: AudioSlices,
    /// Over which tokens the cross-modal blocks attend.
    pub fusion_attention: FusionAttention,
    /// What the token maps of the cross-modal blocks span.
    #[serde(default)]
    pub token_span: TokenSpan,
    /// Whether the clips of a batch share one mask.
    pub mask: MaskScope,
    /// What the reconstruction loss compares.
    pub reconstruction: ReconstructionConfig,
    /// Weights of the pre-training losses.
    pub loss: LossConfig,
    /// The classifier's head.
    pub head: HeadConfig,
}

/// The fbank and how it is cut into patches.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AudioConfig {
    /// Time frames of the fbank.
    pub frames: usize,
    /// Mel bins of the fbank.
    pub mels: usize,
    /// Time frames in a patch.
    pub patch_frames: usize,
    /// Mel bins in a patch.
    pub patch_mels: usize,
}

/// The frames and how they are cut into tubelets.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct VideoConfig {
    /// Colour channels.
    pub channels: usize,
    /// Frames of a clip.
    pub frames: usize,
    /// Rows of a frame.
    pub height: usize,
    /// Columns of a frame.
    pub width: usize,
    /// Frames in a tubelet.
    pub tubelet: usize,
    /// Rows and columns of a tubelet.
    pub patch: usize,
}

/// A stack of transformer blocks.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TransformerConfig {
    /// Features of a token, `d`.
    pub dim: usize,
    /// Blocks.
    pub depth: usize,
    /// Attention heads; they divide `dim`.
    pub heads: usize,
    /// Hidden features of a block's MLP, as a multiple of `dim`.
    pub mlp_ratio: f64,
}

/// The classifier's head.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct HeadConfig {
    /// Features after each modality's reduction, and of the head's second layer.
    pub hidden: usize,
    /// Dropout in the head while training; evaluation never drops (the reference's `eval.py` does,
    /// which makes its scores random).
    pub dropout: f64,
    /// What it sees of the embeddings.
    #[serde(default)]
    pub input: HeadInput,
}

/// What the head sees of the embeddings.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum HeadInput {
    /// The mean over features of every token: the reference. Embeddings come out of a LayerNorm, whose
    /// mean is the same for every token as long as its weights are, so the head starts all but blind.
    #[default]
    TokenMeans,
    /// All features: of each modality the embedding and the one made from the other, joined on features,
    /// the tokens reduced by a small network: the paper's idea.
    Features,
    /// Every token's pair: its own embedding and the one made from the other modality, through a layer of
    /// their own before attention reduces the tokens. Whether frames and audio disagree in a time segment
    /// can only be seen by comparing both in that segment, before the features are reduced.
    Pairs,
}

/// What a token map of A2V or V2A spans.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum TokenSpan {
    /// All tokens that are given: the reference. Half of a clip's in pre-training and all in the
    /// classifier, so that adaptation has to throw the maps away.
    #[default]
    Clip,
    /// One slice, with the same map for each: the tokens of a time segment come from that segment alone,
    /// and adaptation keeps the maps that pre-training has learned.
    Slice,
}

/// What the contrastive loss compares.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ContrastOver {
    /// The mean tokens of clips: the reference and the paper. A mean over seconds shows who speaks and
    /// where, and almost nothing about when.
    #[default]
    Clips,
    /// The mean tokens of slices (slice-wise contrastive loss): the similarity of two clips is the sum of
    /// the cosine similarities of their slices at equal positions. (Slices at other positions are no
    /// negatives: position embeddings alone would tell them apart.)
    Slices,
}

/// Along which axis audio is cut into slices.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum AudioSlices {
    /// Tokens are ordered mel row by mel row, so a slice is a band of frequencies over the whole
    /// clip: what the reference computes, though it calls the slices temporal.
    Mel,
    /// Tokens are ordered time column by time column, so slice `i` of audio covers the same time
    /// as slice `i` of video: the paper's idea.
    Time,
}

/// Over which tokens the cross-modal blocks attend in training. Evaluation may differ:
/// [`FusionScope`](crate::FusionScope).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum FusionAttention {
    /// Across the clips of a batch, token by token: the reference, because it uses
    /// `nn.MultiheadAttention` without `batch_first`.
    Batch,
    /// Over the tokens of each clip: the paper's method.
    Tokens,
}

/// Whether the clips of a batch share one mask.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum MaskScope {
    /// One draw for all: the reference.
    PerBatch,
    /// A draw for each clip: the paper.
    PerClip,
}

/// Which patches the reconstruction loss covers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ReconstructionRegion {
    /// All of them, the visible ones too: the reference.
    All,
    /// Those that were hidden: the paper.
    Hidden,
}

/// How the reconstruction target is standardised (unbiased variance, `+ 1e-6` under the root).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum TargetNorm {
    /// Not at all.
    None,
    /// Along the input's last axis - a row of pixels, the spectrogram's time: the reference.
    Row,
    /// Within each patch, as masked autoencoders do.
    Patch,
}

/// What the reconstruction loss compares.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ReconstructionConfig {
    /// Which patches count.
    pub region: ReconstructionRegion,
    /// How the target is standardised.
    pub target_norm: TargetNorm,
}

/// Weights of the pre-training losses.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LossConfig {
    /// Weight of both reconstruction losses.
    pub reconstruction: f64,
    /// Weight of the contrastive loss.
    pub contrast: f64,
    /// Temperature of the contrastive loss.
    pub temperature: f64,
    /// By what it tells clips apart.
    #[serde(default)]
    pub contrast_over: ContrastOver,
}

/// How audio tokens tile the fbank.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AudioGrid {
    /// Patches along time.
    pub time: usize,
    /// Patches along mel.
    pub mel: usize,
}

impl AudioGrid {
    /// Tokens of a clip.
    #[must_use]
    pub fn tokens(&self) -> usize {
        self.time * self.mel
    }
}

/// How visual tokens tile the frames.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct VideoGrid {
    /// Tubelets along time.
    pub time: usize,
    /// Tubelets along the height.
    pub rows: usize,
    /// Tubelets along the width.
    pub columns: usize,
}

impl VideoGrid {
    /// Tokens of a clip.
    #[must_use]
    pub fn tokens(&self) -> usize {
        self.time * self.rows * self.columns
    }
}

impl TransformerConfig {
    /// Hidden features of a block's MLP.
    #[must_use]
    pub fn hidden(&self) -> usize {
        // Rounded to nearest, so that a ratio inferred from shapes gives the shape back.
        (self.dim as f64 * self.mlp_ratio).round() as usize
    }
}

impl AvffConfig {
    /// This config with a JSON object merged into it, object by object, such as
    /// `{"encoder": {"heads": 3}}`. Whether the sizes fit each other is [`validate`](Self::validate)'s.
    ///
    /// # Errors
    /// [`ModelError::Config`] for a field that there is none of, or of another type.
    pub fn merged(&self, overrides: &serde_json::Value) -> Result<Self, ModelError> {
        let malformed = |e: serde_json::Error| config("file", e.to_string());
        let mut json = serde_json::to_value(self).map_err(malformed)?;
        merge(&mut json, overrides);
        serde_json::from_value(json).map_err(malformed)
    }

    /// How audio tokens tile the fbank.
    #[must_use]
    pub fn audio_grid(&self) -> AudioGrid {
        AudioGrid {
            time: self.audio.frames / self.audio.patch_frames,
            mel: self.audio.mels / self.audio.patch_mels,
        }
    }

    /// How visual tokens tile the frames.
    #[must_use]
    pub fn video_grid(&self) -> VideoGrid {
        VideoGrid {
            time: self.video.frames / self.video.tubelet,
            rows: self.video.height / self.video.patch,
            columns: self.video.width / self.video.patch,
        }
    }

    /// Input and output tokens of A2V's map in a network that is given `shown` slices; V2A's are the
    /// reverse.
    pub(crate) fn token_map(&self, shown: usize) -> [usize; 2] {
        let slices = match self.token_span {
            TokenSpan::Clip => shown,
            TokenSpan::Slice => 1,
        };
        [self.audio_grid().tokens(), self.video_grid().tokens()]
            .map(|tokens| tokens / self.slices * slices)
    }

    /// Runs of a clip's tokens whose means contrast compares.
    #[must_use]
    pub fn contrasted(&self) -> usize {
        match self.loss.contrast_over {
            ContrastOver::Clips => 1,
            ContrastOver::Slices => self.slices,
        }
    }

    /// Numbers in an audio patch.
    #[must_use]
    pub fn audio_patch_len(&self) -> usize {
        self.audio.patch_frames * self.audio.patch_mels
    }

    /// Numbers in a tubelet.
    #[must_use]
    pub fn video_patch_len(&self) -> usize {
        self.video.channels * self.video.tubelet * self.video.patch * self.video.patch
    }
}

fn merge(base: &mut serde_json::Value, over: &serde_json::Value) {
    match (base, over) {
        (serde_json::Value::Object(base), serde_json::Value::Object(over)) => {
            for (key, value) in over {
                merge(base.entry(key).or_insert(serde_json::Value::Null), value);
            }
        }
        (base, over) => *base = over.clone(),
    }
}

fn config(field: &str, reason: String) -> ModelError {
    ModelError::Config { field: field.into(), reason }
}
