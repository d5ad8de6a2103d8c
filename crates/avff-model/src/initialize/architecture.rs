//! The supported published encoders, and the names in their files.

use serde::{Deserialize, Serialize};
use strum::{Display, VariantArray};

/// A published encoder.
///
/// Names, shapes and statistics come from the repositories named below.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, Display, VariantArray)]
#[serde(rename_all = "kebab-case")]
pub enum Architecture {
    /// MARLIN (Cai et al., CVPR 2023; github.com/ControlNet/MARLIN): faces, 16 frames of 224 x 224
    /// in tubelets. This network's visual encoder is equal to it, except for the biases of q and v.
    #[strum(serialize = "MARLIN")]
    Marlin,
    /// AudioMAE (Huang et al., NeurIPS 2022; github.com/facebookresearch/AudioMAE): a ViT over
    /// `[time, mel]`, tokens time-major, with a class token.
    #[strum(serialize = "AudioMAE")]
    AudioMae,
    /// The audio branch of CAV-MAE (Gong et al., ICLR 2023; github.com/YuanGongND/cav-mae): a ViT
    /// over `[mel, time]`, tokens mel-major, a modality vector, and blocks shared with the frames
    /// at the end.
    #[strum(serialize = "CAV-MAE")]
    CavMae,
}

/// A modality of a clip.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, Display)]
#[serde(rename_all = "kebab-case")]
#[strum(serialize_all = "kebab-case")]
pub enum Modality {
    /// Audio.
    Audio,
    /// Video frames.
    Video,
}

/// Normalization of a network's inputs: `(x - mean) / std`.
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
    /// The normalization of the reference: ImageNet for frames, CAV-MAE's AudioSet statistics for
    /// audio.
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
    /// Returns the modality of the encoder.
    #[must_use]
    pub fn modality(self) -> Modality {
        match self {
            Self::Marlin => Modality::Video,
            Self::AudioMae | Self::CavMae => Modality::Audio,
        }
    }

    /// Returns the normalization of the encoder's inputs in training.
    ///
    /// MARLIN: `dataset/youtube_face.py` divides levels by 255. AudioMAE: `dataset.py` divides by
    /// twice the deviation, with AudioSet's statistics from `main_pretrain.py`. CAV-MAE:
    /// `egs/audioset/run_cavmae_pretrain*.sh`, which the reference adopted.
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

    /// Returns the key of the patch embedding's weight, which identifies the architecture.
    pub(super) fn kernel(self) -> &'static str {
        match self {
            Self::Marlin => "patch_embedding.projection.weight",
            Self::AudioMae => "patch_embed.proj.weight",
            Self::CavMae => "patch_embed_a.proj.weight",
        }
    }

    /// Returns the key of the position table.
    pub(super) fn positions(self) -> &'static str {
        match self {
            Self::Marlin => "pos_embedding.emb",
            Self::AudioMae => "pos_embed",
            Self::CavMae => "pos_embed_a",
        }
    }

    /// Returns the key of the vector that is added to every token, if any.
    pub(super) fn modality_vector(self) -> Option<&'static str> {
        (self == Self::CavMae).then_some("modality_a")
    }

    /// Returns the names of the block stacks, in order.
    pub(super) fn stacks(self) -> &'static [&'static str] {
        match self {
            Self::Marlin | Self::AudioMae => &["blocks"],
            Self::CavMae => &["blocks_a", "blocks_u"],
        }
    }

    /// Returns the source's name of a part of this network's encoder; blocks are
    /// `stack.number.part`.
    pub(super) fn name_of(self, stack: &str, part: &str) -> String {
        // Blocks shared by both branches have separate norms for each branch.
        let shared = self == Self::CavMae && (stack == "blocks_u" || stack.is_empty());
        match part.split_once('.') {
            Some((norm @ ("norm" | "norm1" | "norm2"), rest)) if shared => {
                format!("{norm}_a.{rest}")
            }
            _ => part.to_owned(),
        }
    }

    /// Returns why a key outside the encoder is unused, or `None` for an unknown key.
    pub(super) fn unused_reason(self, key: &str) -> Option<&'static str> {
        let has = |part: &str| key.split('.').any(|name| name == part);
        let starts = |part: &str| key.starts_with(part);
        if key.contains("decoder") || has("mask_token") || starts("enc_dec_proj") {
            return Some("belongs to its decoder");
        }
        if key.contains("discriminator") {
            return Some("belongs to its discriminator");
        }
        if has("cls_token") {
            return Some("is a class token, which this encoder does not have");
        }
        if ["head", "fc_norm", "mlp_head", "head_dist"].into_iter().any(has) {
            return Some("belongs to a classifier behind the encoder");
        }
        if self == Self::CavMae {
            if key.contains("_v.") || key.ends_with("_v") {
                return Some("belongs to the branch for frames");
            }
            if starts("blocks_a.") && key.contains("_a.") {
                return Some("is not used by its own forward pass");
            }
            if starts("blocks_u.") && (key.contains(".norm1.") || key.contains(".norm2.")) {
                return Some("applies to both branches joined");
            }
            if starts("norm.") {
                return Some("applies to both branches joined");
            }
        }
        None
    }
}
