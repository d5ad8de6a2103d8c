//! The pre-training model of stages 1 and 2: what it reconstructs, and the classifier it becomes.

mod adapt;
pub mod reconstruct;

use std::path::Path;

use avff_data::ClipSpec;
use avff_model::{AvffConfig, Checkpoint, checkpoint::Kind};

pub use self::reconstruct::{Losses, MaskChoice, ReconstructOptions, Reconstruction};
#[cfg(feature = "sheets")]
pub use self::reconstruct::{SheetOptions, Shown};
use crate::{
    checkpoint::warning, detector::Preparation, device::Device, error::Error, preprocessing,
};

/// How a [`Pretrained`] is opened. What is not chosen is as the checkpoint was trained.
#[derive(Debug, Clone, Default)]
pub struct PretrainedOptions {
    /// Where the network runs: the fastest device that is built in and answers, if not given.
    pub device: Option<Device>,
    /// Keys of the network's config that the checkpoint does not say or says wrongly.
    pub config: Option<serde_json::Value>,
    /// How clips are prepared.
    pub preparation: Preparation,
}

/// A stage-1 or stage-2 checkpoint with its network's config and how it prepares clips.
///
/// ```no_run
/// use avff::{Pretrained, pretrained::ReconstructOptions};
///
/// let pretrained = Pretrained::open("stage-2.pth")?;
/// let made = pretrained.reconstruct("clip.mp4", &ReconstructOptions::default())?;
/// println!("{:.4}", made.losses.total);
/// # Ok::<(), avff::Error>(())
/// ```
#[derive(Debug)]
pub struct Pretrained {
    pub(crate) checkpoint: Checkpoint,
    pub(crate) config: AvffConfig,
    pub(crate) spec: ClipSpec,
    pub(crate) device: Device,
}

impl Pretrained {
    /// Opens stage-1 or stage-2 weights, a `.pth` as PyTorch saves it or safetensors.
    ///
    /// # Errors
    /// A file that cannot be read, is no pre-training model, or does not fit its own description.
    pub fn open(path: impl AsRef<Path>) -> Result<Self, Error> {
        Self::open_with(path, PretrainedOptions::default())
    }

    /// [`open`](Self::open) with options.
    ///
    /// # Errors
    /// As [`open`](Self::open).
    pub fn open_with(path: impl AsRef<Path>, options: PretrainedOptions) -> Result<Self, Error> {
        let checkpoint = Checkpoint::open(path)?;
        checkpoint.require(Kind::Pretrain)?;
        let config = checkpoint.config(options.config.as_ref())?;
        let spec =
            preprocessing::spec(&checkpoint, &config, |spec| options.preparation.apply(spec))?;
        let device = options.device.unwrap_or_else(Device::auto);
        Ok(Self { checkpoint, config, spec, device })
    }

    /// How clips are prepared for the network.
    #[must_use]
    pub fn spec(&self) -> &ClipSpec {
        &self.spec
    }

    /// The network's sizes and choices.
    #[must_use]
    pub fn config(&self) -> &AvffConfig {
        &self.config
    }

    /// The file that the weights are from.
    #[must_use]
    pub fn checkpoint(&self) -> &Checkpoint {
        &self.checkpoint
    }

    /// Where the network runs.
    #[must_use]
    pub fn device(&self) -> Device {
        self.device
    }

    /// What every output must say beside what these weights make.
    #[must_use]
    pub fn warning(&self) -> Option<&str> {
        warning(&self.checkpoint)
    }
}
