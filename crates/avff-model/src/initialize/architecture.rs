//! The published encoders that are known, and the names in their files.

use serde::{Deserialize, Serialize};
use strum::{Display, VariantArray};

/// Which published encoder a file holds.
///
/// Names, shapes and statistics were read in the repositories named below.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, Display, VariantArray)]
#[serde(rename_all = "kebab-case")]
pub enum Architecture {
    /// MARLIN (Cai et al., CVPR 2023; github.com/ControlNet/MARLIN): faces, 16 frames of 224 x 224 in
    /// tubelets. This network's visual encoder is the same, without the biases of q and v.
    #[strum(serialize = "MARLIN")]
    Marlin,
    /// AudioMAE (Huang et al., NeurIPS 2022; github.com/facebookresearch/AudioMAE): a ViT over
    /// `[time, mel]`, tokens time-major, with a class token.
    #[strum(serialize = "AudioMAE")]
    AudioMae,
    /// The audio branch of CAV-MAE (Gong et al., ICLR 2023; github.com/YuanGongND/cav-mae): a ViT over
    /// `[mel, time]`, tokens mel-major, a modality vector, and blocks shared with the frames at the end.
    #[strum(serialize = "CAV-MAE")]
    CavMae,
}

/// One of a clip's two modalities.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, Display)]
#[serde(rename_all = "kebab-case")]
#[strum(serialize_all = "kebab-case")]
pub enum Modality {
    /// The audio.
    Audio,
    /// The frames.
    Video,
}

/// How the inputs of a network are normalised: `(x - mean) / std`.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Normalization {
    /// Mean of R, G, B in `[0, 1]`.
    pub video_mean: [f32; 3],
    /// Standard deviation of R, G, B.
    pub video_std: [f32; 3],
    /// Mean of the log-mel energies.
    pub audio_mean: f32,
    /// Standard deviation of the log-mel energies.
    pub audio_std: f32,
}

impl Default for Normalization {
    /// The reference's: ImageNet's for frames, CAV-MAE's of AudioSet for audio.
    fn default() -> Self {
        Self {
            video_mean: [0.485, 0.456, 0.406],
            video_std: [0.229, 0.224, 0.225],
            audio_mean: -5.081,
            audio_std: 4.4849,
        }
    }
}

impl Architecture {
    /// What it encodes.
    #[must_use]
    pub fn modality(self) -> Modality {
        match self {
            Self::Marlin => Modality::Video,
            Self::AudioMae | Self::CavMae => Modality::Audio,
        }
    }

    /// How its inputs were normalised in training.
    ///
    /// MARLIN: `dataset/youtube_face.py`, levels by 255 and nothing more. AudioMAE: `dataset.py`, which divides
    /// by twice the deviation, and AudioSet's statistics in `main_pretrain.py`. CAV-MAE:
    /// `egs/audioset/run_cavmae_pretrain*.sh`; the reference took them over.
    #[must_use]
    pub fn inputs(self) -> Normalization {
        let own = Normalization::default();
        match self {
            Self::Marlin => Normalization { video_mean: [0.0; 3], video_std: [1.0; 3], ..own },
            Self::AudioMae => {
                Normalization { audio_mean: -4.267_739_3, audio_std: 2.0 * 4.568_997_4, ..own }
            }
            Self::CavMae => own,
        }
    }

    /// The patch embedding's weight, by which architectures are recognised.
    pub(super) fn kernel(self) -> &'static str {
        match self {
            Self::Marlin => "patch_embedding.projection.weight",
            Self::AudioMae => "patch_embed.proj.weight",
            Self::CavMae => "patch_embed_a.proj.weight",
        }
    }

    /// The position table.
    pub(super) fn positions(self) -> &'static str {
        match self {
            Self::Marlin => "pos_embedding.emb",
            Self::AudioMae => "pos_embed",
            Self::CavMae => "pos_embed_a",
        }
    }

    /// The vector added to every token, where there is one.
    pub(super) fn modality_vector(self) -> Option<&'static str> {
        (self == Self::CavMae).then_some("modality_a")
    }

    /// The stacks of blocks, in their order.
    pub(super) fn stacks(self) -> &'static [&'static str] {
        match self {
            Self::Marlin | Self::AudioMae => &["blocks"],
            Self::CavMae => &["blocks_a", "blocks_u"],
        }
    }

    /// The source's name of a part of this network's encoder; blocks are `stack.number.part`.
    pub(super) fn name_of(self, stack: &str, part: &str) -> String {
        // In the blocks both branches share, each has norms of its own.
        let shared = self == Self::CavMae && (stack == "blocks_u" || stack.is_empty());
        match part.split_once('.') {
            Some((norm @ ("norm" | "norm1" | "norm2"), rest)) if shared => {
                format!("{norm}_a.{rest}")
            }
            _ => part.to_owned(),
        }
    }

    /// Why a key that is not part of the encoder is unused; `None` for an unknown key.
    pub(super) fn unused_reason(self, key: &str) -> Option<&'static str> {
        let has = |part: &str| key.split('.').any(|name| name == part);
        let starts = |part: &str| key.starts_with(part);
        if key.contains("decoder") || has("mask_token") || starts("enc_dec_proj") {
            return Some("of its decoder");
        }
        if key.contains("discriminator") {
            return Some("of its discriminator");
        }
        if has("cls_token") {
            return Some("a class token, which this encoder has none of");
        }
        if ["head", "fc_norm", "mlp_head", "head_dist"].into_iter().any(has) {
            return Some("of a classifier behind the encoder");
        }
        if self == Self::CavMae {
            if key.contains("_v.") || key.ends_with("_v") {
                return Some("of the branch for frames");
            }
            if starts("blocks_a.") && key.contains("_a.") {
                return Some("not used by its own forward pass");
            }
            if starts("blocks_u.") && (key.contains(".norm1.") || key.contains(".norm2.")) {
                return Some("for both branches joined");
            }
            if starts("norm.") {
                return Some("for both branches joined");
            }
        }
        None
    }
}
