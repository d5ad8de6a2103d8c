//! The config of a network: its sizes, and an option for every choice in which the reference
//! differs from the paper.

mod validate;

use serde::{Deserialize, Serialize};

use crate::error::ModelError;

/// The factor by which a stem of convolutions divides rows and columns.
pub(crate) const STEM_STRIDE: usize = 16;
/// The features of a stem's output.
pub(crate) const STEM_FEATURES: usize = 64;

/// Sizes and options of both models. Checkpoints contain it.
///
/// Two families of presets use this type. [`AvffConfig::open_avff`] computes what the released
/// checkpoints were trained with. [`AvffConfig::avff`], in three sizes, follows the idea of the
/// paper.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AvffConfig {
    /// The audio input.
    pub audio: AudioConfig,
    /// The video input.
    pub video: VideoConfig,
    /// Size of both encoders.
    pub encoder: TransformerConfig,
    /// Size of both decoders of the pre-training model.
    pub decoder: TransformerConfig,
    /// Number of slices per modality; pre-training masks half of them.
    pub slices: usize,
    /// Axis along which audio is split into slices.
    pub audio_slices: AudioSlices,
    /// Tokens over which the cross-modal blocks attend.
    pub fusion_attention: FusionAttention,
    /// Tokens that a token map of the cross-modal blocks spans.
    #[serde(default)]
    pub token_span: TokenSpan,
    /// Initial values of the visual decoder's first layer and mask token.
    #[serde(default)]
    pub visual_decoder_init: VisualDecoderInit,
    /// Whether the clips of a batch share one mask.
    pub mask: MaskScope,
    /// Options of the reconstruction loss.
    pub reconstruction: ReconstructionConfig,
    /// Weights of the pre-training losses.
    pub loss: LossConfig,
    /// The classifier's head.
    pub head: HeadConfig,
}

/// The fbank features and their patches.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AudioConfig {
    /// Time frames of the fbank.
    pub frames: usize,
    /// Mel bins of the fbank.
    pub mels: usize,
    /// Time frames per patch.
    pub patch_frames: usize,
    /// Mel bins per patch.
    pub patch_mels: usize,
}

/// The frames and their tubelets.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct VideoConfig {
    /// Color channels.
    pub channels: usize,
    /// Frames per clip.
    pub frames: usize,
    /// Height of a frame in pixels.
    pub height: usize,
    /// Width of a frame in pixels.
    pub width: usize,
    /// Frames per tubelet.
    pub tubelet: usize,
    /// Height and width of a tubelet in pixels.
    pub patch: usize,
    /// What comes before the embedding of tubelets.
    #[serde(default, skip_serializing_if = "VideoStem::is_patches")]
    pub stem: VideoStem,
}

/// What comes before the embedding of tubelets.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum VideoStem {
    /// Nothing: the pixels of a tubelet are embedded, as in the reference.
    #[default]
    Patches,
    /// Four convolutions that halve the sides of each frame ([`ConvStem`](crate::layers::ConvStem)). Needs patches of
    /// 16 pixels. In the runs of docs/src/archive/experiments.md, lips were learned in fewer steps.
    Convolutions,
}

impl VideoStem {
    fn is_patches(&self) -> bool {
        *self == Self::Patches
    }
}

/// A stack of transformer blocks.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TransformerConfig {
    /// Features per token, `d`.
    pub dim: usize,
    /// Number of blocks.
    pub depth: usize,
    /// Attention heads; their number must divide `dim`.
    pub heads: usize,
    /// Hidden features of a block's MLP, as a multiple of `dim`.
    pub mlp_ratio: f64,
}

/// The classifier's head.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct HeadConfig {
    /// Features after the reduction of each modality, and of the head's second layer.
    pub hidden: usize,
    /// Dropout rate of the head in training. Evaluation uses no dropout; the reference's `eval.py`
    /// does, which makes its scores random.
    pub dropout: f64,
    /// The head's view of the embeddings.
    #[serde(default)]
    pub input: HeadInput,
}

/// The head's view of the embeddings.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum HeadInput {
    /// The mean over the features of every token, as in the reference. Embeddings come from a
    /// LayerNorm, and before training its output has an equal mean for every token. At first the
    /// head therefore sees almost nothing.
    #[default]
    TokenMeans,
    /// All features, as in the paper. For each modality, the own and the cross-modal embedding are
    /// joined along features, and a small network reduces the tokens.
    Features,
    /// Both embeddings of every token: its own and the one predicted from the other modality. A
    /// layer processes each pair before attention reduces the tokens. Only a comparison within a
    /// time segment, before the reduction, can show whether frames and audio disagree in that
    /// segment.
    Pairs,
    /// Two similarities of audio and video: the highest in time, with the audio a fortieth of the clip
    /// early to a twentieth late, and the highest at other offsets of up to a quarter of the clip. A
    /// similarity is the mean cosine similarity of the slices that are so far apart. It is what the
    /// contrastive loss over slices compares, so the head starts with what pre-training has learned
    /// about timing. A2V and V2A are not used.
    Agreement,
}

/// Tokens that a token map of A2V or V2A spans.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum TokenSpan {
    /// All given tokens, as in the reference: half of a clip's tokens in pre-training and all in
    /// the classifier. Adaptation to the classifier therefore has to drop the maps.
    #[default]
    Clip,
    /// One slice; all slices share the map. The tokens of a time segment then depend on that
    /// segment alone, and adaptation keeps the maps learned in pre-training.
    Slice,
}

/// Initial values of the visual decoder's first layer, `decoder_patch_embed`, and of its unused
/// mask token. The option changes no tensor's shape and nothing after initialization.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum VisualDecoderInit {
    /// As in the other layers of the decoders: Xavier uniform, a zero bias, and a normal mask
    /// token.
    #[default]
    Xavier,
    /// PyTorch's default for weight and bias, as in the reference, which creates this layer after
    /// it has initialized the decoder. Weights are about half as large, and the bias is random. The
    /// mask token is normal, truncated at one standard deviation.
    TorchDefault,
}

/// What the contrastive loss compares.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ContrastiveOver {
    /// The mean tokens of clips, as in the reference and the paper. A mean over seconds shows who
    /// speaks and where, but hardly anything about timing.
    #[default]
    Clips,
    /// The mean tokens of slices (slice-wise contrastive loss). The similarity of two clips is the
    /// sum of the cosine similarities of their slices at equal positions. (Slices at other
    /// positions are not negatives, because position embeddings alone would distinguish them.)
    Slices,
}

/// Axis along which audio is split into slices.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum AudioSlices {
    /// Tokens are ordered by mel row, so a slice is a frequency band over the whole clip. The
    /// reference computes this, although it calls the slices temporal.
    Mel,
    /// Tokens are ordered by time column, so slice `i` of audio covers the time of slice `i` of
    /// video. This is the idea of the paper.
    Time,
}

/// Tokens over which the cross-modal blocks attend in training. Evaluation may differ: see
/// [`FusionScope`](crate::FusionScope).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum FusionAttention {
    /// Across the clips of a batch, token by token. The reference does this because it uses
    /// `nn.MultiheadAttention` without `batch_first`.
    Batch,
    /// Over the tokens of each clip, as in the paper.
    Tokens,
}

/// Whether the clips of a batch share one mask.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum MaskScope {
    /// One random mask for all clips, as in the reference.
    PerBatch,
    /// One random mask per clip, as in the paper.
    PerClip,
}

/// Patches that the reconstruction loss covers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ReconstructionRegion {
    /// All patches, including the visible ones, as in the reference.
    All,
    /// The masked patches, as in the paper.
    Hidden,
}

/// Standardization of the reconstruction target (unbiased variance, `+ 1e-6` under the root).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum TargetNorm {
    /// No standardization.
    None,
    /// Along the input's last axis (a row of pixels, or the time axis of the spectrogram), as in
    /// the reference.
    Row,
    /// Within each patch, as in masked autoencoders.
    Patch,
}

/// Options of the reconstruction loss.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ReconstructionConfig {
    /// Patches that the loss covers.
    pub region: ReconstructionRegion,
    /// Standardization of the target.
    pub target_norm: TargetNorm,
}

/// Weights of the pre-training losses.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LossConfig {
    /// Weight of both reconstruction losses.
    pub reconstruction: f64,
    /// Weight of the contrastive loss.
    #[serde(alias = "contrast")]
    pub contrastive: f64,
    /// Temperature of the contrastive loss.
    pub temperature: f64,
    /// Tokens that the contrastive loss compares.
    #[serde(default, alias = "contrast_over")]
    pub contrastive_over: ContrastiveOver,
    /// Number of times that a clip's own audio is compared with its frames at another time, as
    /// further negatives. The audio is rolled within the clip, by evenly spaced times.
    #[serde(default)]
    pub rolled: usize,
}

/// The grid of audio tokens over the fbank.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AudioGrid {
    /// Patches along time.
    pub time: usize,
    /// Patches along the mel axis.
    pub mel: usize,
}

impl AudioGrid {
    /// Returns the number of tokens per clip.
    #[must_use]
    pub fn tokens(&self) -> usize {
        self.time * self.mel
    }
}

/// The grid of visual tokens over the frames.
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
    /// Returns the number of tokens per clip.
    #[must_use]
    pub fn tokens(&self) -> usize {
        self.time * self.rows * self.columns
    }
}

impl TransformerConfig {
    /// Returns the number of hidden features of a block's MLP.
    #[must_use]
    pub fn hidden(&self) -> usize {
        // Rounding makes a ratio inferred from shapes reproduce the shape.
        (self.dim as f64 * self.mlp_ratio).round() as usize
    }
}

impl AvffConfig {
    /// Returns this config with a JSON object merged into it recursively, such as `{"encoder":
    /// {"heads": 3}}`. [`validate`](Self::validate) checks whether the sizes are consistent.
    ///
    /// # Errors
    /// [`ModelError::Config`] for an unknown field or a value of another type.
    pub fn merged(&self, overrides: &serde_json::Value) -> Result<Self, ModelError> {
        let malformed = |e: serde_json::Error| config("file", e.to_string());
        let mut json = serde_json::to_value(self).map_err(malformed)?;
        merge(&mut json, &with_present_names(overrides));
        serde_json::from_value(json).map_err(malformed)
    }

    /// Returns the grid of audio tokens.
    #[must_use]
    pub fn audio_grid(&self) -> AudioGrid {
        AudioGrid {
            time: self.audio.frames / self.audio.patch_frames,
            mel: self.audio.mels / self.audio.patch_mels,
        }
    }

    /// Returns the grid of visual tokens.
    #[must_use]
    pub fn video_grid(&self) -> VideoGrid {
        VideoGrid {
            time: self.video.frames / self.video.tubelet,
            rows: self.video.height / self.video.patch,
            columns: self.video.width / self.video.patch,
        }
    }

    /// Returns the config with the video input of the tubelet embedding: the frames, or the features of
    /// the stem.
    pub(crate) fn after_stem(&self) -> Self {
        let mut config = self.clone();
        if config.video.stem == VideoStem::Convolutions {
            let video = &mut config.video;
            (video.channels, video.patch) = (STEM_FEATURES, video.patch / STEM_STRIDE);
            (video.height, video.width) = (video.height / STEM_STRIDE, video.width / STEM_STRIDE);
        }
        config
    }

    /// Returns the input and output tokens of A2V's token map if `visible` slices are given. V2A's
    /// counts are the reverse.
    pub(crate) fn token_map(&self, visible: usize) -> [usize; 2] {
        let slices = match self.token_span {
            TokenSpan::Clip => visible,
            TokenSpan::Slice => 1,
        };
        [self.audio_grid().tokens(), self.video_grid().tokens()]
            .map(|tokens| tokens / self.slices * slices)
    }

    /// Returns the number of mean tokens per clip that the contrastive loss compares.
    #[must_use]
    pub fn contrastive_slices(&self) -> usize {
        match self.loss.contrastive_over {
            ContrastiveOver::Clips => 1,
            ContrastiveOver::Slices => self.slices,
        }
    }

    /// Returns the number of values in an audio patch.
    #[must_use]
    pub fn audio_patch_len(&self) -> usize {
        self.audio.patch_frames * self.audio.patch_mels
    }

    /// Returns the number of values in a tubelet.
    #[must_use]
    pub fn video_patch_len(&self) -> usize {
        self.video.channels * self.video.tubelet * self.video.patch * self.video.patch
    }
}

/// Returns a config file with the present names of keys that had another name.
fn with_present_names(overrides: &serde_json::Value) -> serde_json::Value {
    let mut overrides = overrides.clone();
    if let Some(loss) = overrides.get_mut("loss").and_then(serde_json::Value::as_object_mut) {
        for (old, new) in [("contrast", "contrastive"), ("contrast_over", "contrastive_over")] {
            if let Some(value) = loss.remove(old) {
                loss.entry(new).or_insert(value);
            }
        }
    }
    overrides
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
