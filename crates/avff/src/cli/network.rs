//! The options that say which network scores, where and how.

use std::{num::NonZeroUsize, path::PathBuf};

use anyhow::Context;
use avff::{
    clips,
    data::spec::{ClipSpec, FrameFit},
    device::Device,
    eval::Run,
    model::{Checkpoint, checkpoint::Kind},
    scorer::{self, Fusion, Scorer, ScorerOptions},
};
use clap::ValueEnum;

use super::face::{CropArg, FaceArgs};

/// Which network scores, where and how.
#[derive(Debug, clap::Args)]
pub(super) struct NetworkArgs {
    /// Stage-3 weights: a `.pth` as PyTorch saves it, or safetensors
    #[arg(long, env = "AVFF_CHECKPOINT", value_name = "FILE")]
    checkpoint: PathBuf,

    /// JSON laid over the config of the checkpoint, such as {"encoder": {"heads": 12}}
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,

    /// cpu, ndarray, wgpu[:N], cuda[:N], or auto for the fastest that is built in and answers
    #[arg(long, default_value = "auto")]
    device: String,

    /// Clips in a forward pass [default: 1 on a CPU, 8 on a GPU]. No score depends on it, but with
    /// --fusion-attention across-batch
    #[arg(long, value_name = "N")]
    batch_size: Option<NonZeroUsize>,

    /// How frames become the network's size: resize (as trained), center-crop (the reference's
    /// eval.py) or letterbox [default: as the checkpoint was trained]
    #[arg(long, value_name = "FIT")]
    frame_fit: Option<FrameFit>,

    /// Cut frames to the main face, or take them whole [default: as the checkpoint was trained]. A
    /// network should see what it was trained on
    #[arg(long, value_enum)]
    crop: Option<CropArg>,

    #[command(flatten)]
    face: FaceArgs,

    /// What the cross-modal blocks attend over
    #[arg(long, value_enum, default_value_t = FusionArg::PerClip)]
    fusion_attention: FusionArg,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum FusionArg {
    /// Each clip by itself: a score never depends on other clips
    PerClip,
    /// Across the clips of a batch, as the reference computes; needs --batch-size
    AcrossBatch,
}

/// A network ready to score.
pub(super) struct Network {
    pub(super) scorer: Box<dyn Scorer>,
    pub(super) spec: ClipSpec,
    pub(super) run: Run,
}

impl NetworkArgs {
    pub(super) fn open(&self) -> anyhow::Result<Network> {
        let checkpoint = Checkpoint::open(&self.checkpoint)?;
        checkpoint.require(Kind::Classifier)?;
        let config = checkpoint.config(overrides(self.config.as_ref())?.as_ref())?;
        let mut spec = clips::spec(&checkpoint, &config, self.frame_fit)?;
        spec.face = self.face.over(self.crop, spec.face)?;
        spec.validate()?;
        let options = ScorerOptions {
            device: self.device.parse::<Device>()?,
            fusion: match self.fusion_attention {
                FusionArg::PerClip => Fusion::PerClip,
                FusionArg::AcrossBatch => Fusion::AcrossBatch,
            },
            batch_size: self.batch_size.map(NonZeroUsize::get),
        };
        if options.fusion == Fusion::AcrossBatch {
            tracing::warn!("across-batch scores depend on which clips share a batch, and on order");
        }
        let run = Run::new(&checkpoint, &config, &spec, &options)?;
        if run.is_untrained() {
            tracing::warn!("{}", avff::UNTRAINED);
        }
        let scorer = scorer::open(&checkpoint, &config, &spec, &options)?;
        tracing::info!("{} on {}", self.checkpoint.display(), run.device);
        Ok(Network { scorer, spec, run })
    }
}

/// The JSON of a config file.
pub(super) fn overrides(path: Option<&PathBuf>) -> anyhow::Result<Option<serde_json::Value>> {
    let Some(path) = path else { return Ok(None) };
    let text = std::fs::read_to_string(path).with_context(|| path.display().to_string())?;
    let json = serde_json::from_str(&text).with_context(|| path.display().to_string())?;
    Ok(Some(json))
}
