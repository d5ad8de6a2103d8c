//! Named networks.

use serde::{Deserialize, Serialize};
use strum::{Display, EnumIter, EnumString, IntoStaticStr};

use crate::config::{
    AudioConfig, AudioSlices, AvffConfig, ContrastiveOver, FusionAttention, HeadConfig, HeadInput,
    LossConfig, MaskScope, ReconstructionConfig, ReconstructionRegion, TargetNorm, TokenSpan,
    TransformerConfig, VideoConfig, VideoStem, VisualDecoderInit,
};

/// A named network.
#[derive(
    Debug,
    Clone,
    Copy,
    PartialEq,
    Eq,
    Serialize,
    Deserialize,
    Display,
    EnumString,
    EnumIter,
    IntoStaticStr,
)]
#[serde(rename_all = "kebab-case")]
#[strum(serialize_all = "kebab-case")]
pub enum Preset {
    /// [`AvffConfig::open_avff`]: the network of the released checkpoints.
    OpenAvff,
    /// [`AvffConfig::avff`]: the method of the paper, ViT-B.
    Avff,
    /// [`AvffConfig::avff_small`]: the method of the paper, ViT-S.
    AvffSmall,
    /// [`AvffConfig::avff_tiny`]: the method of the paper, for a laptop's CPU.
    AvffTiny,
}

impl Preset {
    /// Returns the network's config.
    #[must_use]
    pub fn config(self) -> AvffConfig {
        match self {
            Self::OpenAvff => AvffConfig::open_avff(),
            Self::Avff => AvffConfig::avff(),
            Self::AvffSmall => AvffConfig::avff_small(),
            Self::AvffTiny => AvffConfig::avff_tiny(),
        }
    }
}

impl AvffConfig {
    /// The network of the released checkpoints, including its quirks: ViT-B encoders, attention
    /// across the batch in A2V and V2A, audio slices that are mel bands, and one mask per batch.
    /// All patches are reconstructed, with targets standardized by row.
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
                stem: VideoStem::Patches,
            },
            encoder: TransformerConfig { dim: 768, depth: 12, heads: 12, mlp_ratio: 4.0 },
            decoder: TransformerConfig { dim: 384, depth: 4, heads: 6, mlp_ratio: 4.0 },
            slices: 8,
            audio_slices: AudioSlices::Mel,
            fusion_attention: FusionAttention::Batch,
            token_span: TokenSpan::Clip,
            visual_decoder_init: VisualDecoderInit::TorchDefault,
            mask: MaskScope::PerBatch,
            reconstruction: ReconstructionConfig {
                region: ReconstructionRegion::All,
                target_norm: TargetNorm::Row,
            },
            loss: LossConfig {
                reconstruction: 1.0,
                contrastive: 0.05,
                temperature: 0.05,
                contrastive_over: ContrastiveOver::Clips,
                rolled: 0,
            },
            head: HeadConfig { hidden: 1024, dropout: 0.5, input: HeadInput::TokenMeans },
        }
    }

    /// ViT-B encoders with the options that follow the method of the paper. Slices of both
    /// modalities are time segments, A2V and V2A attend within the clip, and every clip has its own
    /// mask. Only masked patches are reconstructed, standardized patch by patch. The contrastive
    /// loss is slice-wise, token maps span one slice, and the head sees pairs of embeddings. In a
    /// clip of 3.2 s, 768 fbank frames give 96 for each slice of 0.4 s.
    #[must_use]
    pub fn avff() -> Self {
        Self {
            audio: AudioConfig { frames: 768, ..Self::open_avff().audio },
            audio_slices: AudioSlices::Time,
            fusion_attention: FusionAttention::Tokens,
            token_span: TokenSpan::Slice,
            visual_decoder_init: VisualDecoderInit::Xavier,
            mask: MaskScope::PerClip,
            reconstruction: ReconstructionConfig {
                region: ReconstructionRegion::Hidden,
                target_norm: TargetNorm::Patch,
            },
            loss: LossConfig {
                reconstruction: 1.0,
                contrastive: 1.0,
                temperature: 0.1,
                contrastive_over: ContrastiveOver::Slices,
                rolled: 0,
            },
            head: HeadConfig { input: HeadInput::Pairs, ..Self::open_avff().head },
            ..Self::open_avff()
        }
    }

    /// [`avff`](Self::avff) with ViT-S encoders and frames of 112 x 112 pixels.
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

    /// [`avff`](Self::avff) for the CPU of a laptop: two blocks of 96 features, frames of 64 x 64
    /// pixels, and fbank features of 256 x 64.
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
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use strum::IntoEnumIterator;

    use super::*;

    #[test]
    fn presets_are_valid_with_one_name() {
        for preset in Preset::iter() {
            let config = preset.config();
            config.validate().unwrap();
            let json = serde_json::to_string(&config).unwrap();
            assert_eq!(serde_json::from_str::<AvffConfig>(&json).unwrap(), config);
            assert_eq!(serde_json::to_string(&preset).unwrap(), format!("\"{preset}\""));
            assert_eq!(preset.to_string().parse(), Ok(preset));
        }
    }
}
