//! The losses that validation measures.

use crate::{
    better::Better,
    metric::{Computed, Metric, Needs, Stage},
};

const fn loss(key: &'static str, title: &'static str, meaning: &'static str) -> Metric {
    Metric {
        key,
        title,
        meaning,
        better: Better::Lower,
        range: [0.0, f64::INFINITY],
        needs: Needs::Clips,
        stages: &[Stage::Pretrain],
        computed: Computed::InTraining,
        interval: None,
    }
}

impl Metric {
    /// The loss that training minimizes.
    pub const LOSS: Self = Self {
        stages: &[Stage::Pretrain, Stage::Finetune],
        ..loss("loss", "loss", "the loss that training minimizes")
    };
    /// The reconstruction loss of the audio.
    pub const AUDIO_LOSS: Self =
        loss("audio_loss", "audio loss", "the reconstruction loss of the audio");
    /// The reconstruction loss of the frames.
    pub const VIDEO_LOSS: Self =
        loss("video_loss", "video loss", "the reconstruction loss of the frames");
    /// The contrastive loss between audio and frames.
    pub const CONTRASTIVE_LOSS: Self = Self {
        needs: Needs::Pairs,
        ..loss(
            "contrastive_loss",
            "contrastive loss",
            "the contrastive loss between the audio and the frames of a batch's clips",
        )
    };
}
