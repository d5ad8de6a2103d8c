//! What a network looks like: its sizes, and by name each choice the reference made differently
//! from what one would expect.

use serde::{Deserialize, Serialize};

use crate::error::ModelError;

/// The most any size in a config may be; a config can come from an untrusted file.
const MAX_SIZE: usize = 1 << 20;
/// The most transformer blocks in a stack.
const MAX_DEPTH: usize = 512;

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
    /// What the cross-modal blocks attend over.
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
    /// Every token's pair - its own embedding and the one made from the other modality - by itself, through
    /// a layer of its own, before tokens are reduced by attention: whether picture and sound disagree at
    /// a moment is a matter of both at that moment, and what is reduced feature by feature cannot be
    /// compared any more.
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
    /// One slice, the same map for each: a moment's tokens are made of that moment alone, and adaptation
    /// keeps what pre-training has learned.
    Slice,
}

/// By what the contrastive loss tells clips apart.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ContrastOver {
    /// Their mean tokens: the reference and the paper. Means over seconds say who speaks and where, and
    /// next to nothing about when.
    #[default]
    Clips,
    /// Their slices' mean tokens, moment by moment: two clips are as alike as the sum of the cosines of
    /// their slices, each with the other's at the same place. (Not with those at other places: encoders
    /// know where a slice is, and places would do.)
    Slices,
}

/// Along which axis audio is cut into slices.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum AudioSlices {
    /// Tokens are ordered mel row by mel row, so a slice is a band of frequencies over the whole
    /// clip: what the reference computes, though it calls the slices temporal.
    Mel,
    /// Tokens are ordered time column by time column, so slice `i` of audio covers the same moment
    /// as slice `i` of video: the paper's idea.
    Time,
}

/// What the cross-modal blocks attend over.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum FusionAttention {
    /// Across the clips of a batch, token by token: what the reference computes, because it uses
    /// `nn.MultiheadAttention` without `batch_first`.
    Batch,
    /// Over the tokens of each clip: the paper's idea.
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
    /// The network of the released checkpoints, quirks included: ViT-B encoders, attention across
    /// the batch in A2V/V2A, audio slices that are mel bands, one mask a batch, reconstruction of
    /// all patches against row-standardised targets.
    #[must_use]
    pub fn open_avff() -> Self {
        Self {
            audio: AudioConfig { frames: 1024, mels: 128, patch_frames: 16, patch_mels: 16 },
            video: VideoConfig {
                channels: 3,
                frames: 16,
                height: 224,
                width: 224,
                tubelet: 2,
                patch: 16,
            },
            encoder: TransformerConfig { dim: 768, depth: 12, heads: 12, mlp_ratio: 4.0 },
            decoder: TransformerConfig { dim: 384, depth: 4, heads: 6, mlp_ratio: 4.0 },
            slices: 8,
            audio_slices: AudioSlices::Mel,
            fusion_attention: FusionAttention::Batch,
            token_span: TokenSpan::Clip,
            mask: MaskScope::PerBatch,
            reconstruction: ReconstructionConfig {
                region: ReconstructionRegion::All,
                target_norm: TargetNorm::Row,
            },
            loss: LossConfig {
                reconstruction: 1.0,
                contrast: 0.05,
                temperature: 0.05,
                contrast_over: ContrastOver::Clips,
            },

            head: HeadConfig { hidden: 1024, dropout: 0.5, input: HeadInput::TokenMeans },
        }
    }

    /// ViT-B encoders with the choices the paper's idea calls for: slices of both modalities are
    /// moments, A2V/V2A attend within the clip, every clip has its own mask, only hidden patches are
    /// reconstructed, standardised patch by patch; contrast compares clips moment by moment, token maps keep
    /// to a slice, and the head sees each token's own embedding and the one made from the other modality
    /// together. 768 fbank frames are 96 a slice of 0.4 s, where a clip is 3.2 s long.
    #[must_use]
    pub fn avff() -> Self {
        Self {
            audio: AudioConfig { frames: 768, ..Self::open_avff().audio },
            audio_slices: AudioSlices::Time,
            fusion_attention: FusionAttention::Tokens,
            token_span: TokenSpan::Slice,
            mask: MaskScope::PerClip,
            reconstruction: ReconstructionConfig {
                region: ReconstructionRegion::Hidden,
                target_norm: TargetNorm::Patch,
            },
            loss: LossConfig {
                reconstruction: 1.0,
                contrast: 1.0,
                temperature: 0.1,
                contrast_over: ContrastOver::Slices,
            },
            head: HeadConfig { input: HeadInput::Pairs, ..Self::open_avff().head },
            ..Self::open_avff()
        }
    }

    /// [`avff`](Self::avff) with ViT-S encoders and pictures of 112 x 112 pixels.
    #[must_use]
    pub fn avff_small() -> Self {
        let base = Self::avff();
        Self {
            video: VideoConfig { height: 112, width: 112, ..base.video },
            encoder: TransformerConfig { dim: 384, heads: 6, ..base.encoder },
            decoder: TransformerConfig { dim: 192, heads: 3, ..base.decoder },
            head: HeadConfig { hidden: 512, ..base.head },
            ..base
        }
    }

    /// [`avff`](Self::avff) for the CPU of a laptop: two blocks of 96 features, pictures of 64 x 64 pixels,
    /// fbanks of 256 x 64.
    #[must_use]
    pub fn avff_tiny() -> Self {
        let base = Self::avff();
        Self {
            audio: AudioConfig { frames: 256, mels: 64, ..base.audio },
            video: VideoConfig { height: 64, width: 64, ..base.video },
            encoder: TransformerConfig { dim: 96, depth: 2, heads: 3, ..base.encoder },
            decoder: TransformerConfig { dim: 48, depth: 1, heads: 3, ..base.decoder },
            head: HeadConfig { hidden: 128, ..base.head },
            ..base
        }
    }

    /// This config with the members of a JSON object laid over it, object by object, such as
    /// `{"encoder": {"heads": 3}}`. Whether the sizes fit each other is [`validate`](Self::validate)'s.
    ///
    /// # Errors
    /// [`ModelError::Config`] for a field that there is none of, or of another type.
    pub fn overlaid(&self, overrides: &serde_json::Value) -> Result<Self, ModelError> {
        let malformed = |e: serde_json::Error| config("file", e.to_string());
        let mut json = serde_json::to_value(self).map_err(malformed)?;
        overlay(&mut json, overrides);
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

    /// Checks that the sizes fit each other; every constructor of a model calls it.
    ///
    /// # Errors
    /// [`ModelError::Config`] with the field that is off and why.
    pub fn validate(&self) -> Result<(), ModelError> {
        self.validate_sizes()?;
        divides("audio.patch_frames", self.audio.patch_frames, "audio.frames", self.audio.frames)?;
        divides("audio.patch_mels", self.audio.patch_mels, "audio.mels", self.audio.mels)?;
        divides("video.tubelet", self.video.tubelet, "video.frames", self.video.frames)?;
        divides("video.patch", self.video.patch, "video.height", self.video.height)?;
        divides("video.patch", self.video.patch, "video.width", self.video.width)?;
        for (name, stack) in [("encoder", &self.encoder), ("decoder", &self.decoder)] {
            divides(&format!("{name}.heads"), stack.heads, &format!("{name}.dim"), stack.dim)?;
            // The 2-D sine-cosine table has four equal parts.
            divides("4", 4, &format!("{name}.dim"), stack.dim)?;
            if stack.depth > MAX_DEPTH {
                return Err(config(&format!("{name}.depth"), format!("is over {MAX_DEPTH}")));
            }
            if !(stack.mlp_ratio > 0.0 && stack.mlp_ratio <= 64.0) || stack.hidden() == 0 {
                return Err(config(&format!("{name}.mlp_ratio"), "is not in (0, 64]".into()));
            }
        }
        divides("2", 2, "slices", self.slices)?;
        let audio = self.audio_grid();
        match self.audio_slices {
            AudioSlices::Mel => divides("slices", self.slices, "audio tokens", audio.tokens())?,
            AudioSlices::Time => divides("slices", self.slices, "audio time columns", audio.time)?,
        }
        divides("slices", self.slices, "video tubelets in time", self.video_grid().time)?;
        if !(0.0..1.0).contains(&self.head.dropout) {
            return Err(config("head.dropout", "is not in [0, 1)".into()));
        }
        if self.loss.temperature.is_nan() || self.loss.temperature <= 0.0 {
            return Err(config("loss.temperature", "is not above 0".into()));
        }
        for (field, weight) in [
            ("loss.reconstruction", self.loss.reconstruction),
            ("loss.contrast", self.loss.contrast),
        ] {
            if !weight.is_finite() || weight < 0.0 {
                return Err(config(field, "is not a number from 0 up".into()));
            }
        }
        Ok(())
    }

    fn validate_sizes(&self) -> Result<(), ModelError> {
        for (field, size) in [
            ("audio.frames", self.audio.frames),
            ("audio.mels", self.audio.mels),
            ("audio.patch_frames", self.audio.patch_frames),
            ("audio.patch_mels", self.audio.patch_mels),
            ("video.channels", self.video.channels),
            ("video.frames", self.video.frames),
            ("video.height", self.video.height),
            ("video.width", self.video.width),
            ("video.tubelet", self.video.tubelet),
            ("video.patch", self.video.patch),
            ("encoder.dim", self.encoder.dim),
            ("encoder.depth", self.encoder.depth),
            ("encoder.heads", self.encoder.heads),
            ("decoder.dim", self.decoder.dim),
            ("decoder.depth", self.decoder.depth),
            ("decoder.heads", self.decoder.heads),
            ("slices", self.slices),
            ("head.hidden", self.head.hidden),
        ] {
            if size == 0 || size > MAX_SIZE {
                return Err(config(field, format!("is {size}, not in 1..={MAX_SIZE}")));
            }
        }
        let (audio, video) = (self.audio_grid(), self.video_grid());
        let products = [
            ("audio tokens", audio.time.checked_mul(audio.mel)),
            (
                "video tokens",
                video.time.checked_mul(video.rows).and_then(|n| n.checked_mul(video.columns)),
            ),
        ];
        for (what, product) in products {
            if product.is_none_or(|n| n > MAX_SIZE) {
                return Err(config(what, format!("are more than {MAX_SIZE}")));
            }
        }
        Ok(())
    }
}

fn overlay(base: &mut serde_json::Value, over: &serde_json::Value) {
    match (base, over) {
        (serde_json::Value::Object(base), serde_json::Value::Object(over)) => {
            for (key, value) in over {
                overlay(base.entry(key).or_insert(serde_json::Value::Null), value);
            }
        }
        (base, over) => *base = over.clone(),
    }
}

fn config(field: &str, reason: String) -> ModelError {
    ModelError::Config { field: field.into(), reason }
}

fn divides(part: &str, divisor: usize, whole: &str, size: usize) -> Result<(), ModelError> {
    if divisor != 0 && size != 0 && size.is_multiple_of(divisor) {
        return Ok(());
    }
    Err(config(whole, format!("is {size}, which {part} = {divisor} does not divide")))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn presets_are_valid_and_survive_json() {
        let presets: [fn() -> AvffConfig; 4] = [
            AvffConfig::open_avff,
            AvffConfig::avff,
            AvffConfig::avff_small,
            AvffConfig::avff_tiny,
        ];
        for preset in presets.map(|preset| preset()) {
            preset.validate().unwrap();
            let json = serde_json::to_string(&preset).unwrap();
            assert_eq!(serde_json::from_str::<AvffConfig>(&json).unwrap(), preset);
        }
    }

    #[test]
    fn sizes_that_do_not_fit_are_named() {
        type Break = fn(&mut AvffConfig);
        let cases: [(&str, Break); 8] = [
            ("audio.frames", |c| c.audio.frames = 1000),
            ("video.width", |c| c.video.width = 225),
            ("video.frames", |c| c.video.frames = 0),
            ("encoder.dim", |c| c.encoder.heads = 5),
            ("slices", |c| c.slices = 7),
            ("head.dropout", |c| c.head.dropout = 1.0),
            ("encoder.depth", |c| c.encoder.depth = 100_000),
            ("encoder.mlp_ratio", |c| c.encoder.mlp_ratio = f64::NAN),
        ];
        for (field, break_it) in cases {
            let mut config = AvffConfig::open_avff();
            break_it(&mut config);
            let error = config.validate().unwrap_err();
            assert!(matches!(&error, ModelError::Config { field: f, .. } if f == field), "{error}");
        }
    }
}
