//! The pre-training model of stages 1 and 2: reconstruction of clips, and adaptation to a classifier.

mod adapt;
pub mod reconstruct;

use std::path::Path;

use avff_data::ClipSpec;
use avff_model::{AvffConfig, Checkpoint, checkpoint::Kind};

pub use self::reconstruct::{Losses, MaskChoice, ReconstructOptions, Reconstruction, array_paths};
#[cfg(feature = "sheets")]
pub use self::reconstruct::{SheetOptions, VisibleParts};
use crate::{
    checkpoint::warning, detector::Preparation, device::Device, error::Error, preprocessing,
};

/// Options to open a [`Pretrained`]. Defaults follow the checkpoint.
#[derive(Debug, Clone, Default)]
pub struct PretrainedOptions {
    /// The device of the network; `None` for the fastest available device.
    pub device: Option<Device>,
    /// Overrides for keys of the network's config that the checkpoint lacks or has wrong.
    pub config: Option<serde_json::Value>,
    /// Changes to the clip preparation.
    pub preparation: Preparation,
}

/// A stage-1 or stage-2 checkpoint with its network config and its clip preparation.
///
/// ```no_run
/// use avff::{Pretrained, pretrained::ReconstructOptions};
///
/// let pretrained = Pretrained::open("stage-2.pth")?;
/// let reconstruction = pretrained.reconstruct("clip.mp4", &ReconstructOptions::default())?;
/// println!("{:.4}", reconstruction.losses.total);
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
    /// Opens stage-1 or stage-2 weights: a `.pth` from PyTorch, or safetensors.
    ///
    /// # Errors
    /// Fails if the file cannot be read, is not a pre-training model, or does not match its config.
    pub fn open(path: impl AsRef<Path>) -> Result<Self, Error> {
        Self::open_with(path, PretrainedOptions::default())
    }

    /// Like [`open`](Self::open) with options.
    ///
    /// # Errors
    /// Fails like [`open`](Self::open).
    pub fn open_with(path: impl AsRef<Path>, options: PretrainedOptions) -> Result<Self, Error> {
        let checkpoint = Checkpoint::open(path)?;
        checkpoint.require(Kind::Pretrain)?;
        let config = checkpoint.config(options.config.as_ref())?;
        let spec =
            preprocessing::spec(&checkpoint, &config, |spec| options.preparation.apply(spec))?;
        let device = options.device.unwrap_or_else(Device::auto);
        Ok(Self { checkpoint, config, spec, device })
    }

    /// The clip spec: how clips are prepared for the network.
    #[must_use]
    pub fn spec(&self) -> &ClipSpec {
        &self.spec
    }

    /// The config of the network.
    #[must_use]
    pub fn config(&self) -> &AvffConfig {
        &self.config
    }

    /// The checkpoint that the weights come from.
    #[must_use]
    pub fn checkpoint(&self) -> &Checkpoint {
        &self.checkpoint
    }

    /// The device that the network runs on.
    #[must_use]
    pub fn device(&self) -> Device {
        self.device
    }

    /// The warning to show with every output of these weights.
    #[must_use]
    pub fn warning(&self) -> Option<&str> {
        warning(&self.checkpoint)
    }
}
