//! The classifier of a detector behind one interface, whatever backend runs it.

mod attention;
mod occlusion;

#[cfg(feature = "cpu")]
use std::sync::Arc;

use avff_data::{
    Clip, ClipSpec,
    batcher::{self, Batch},
    pipeline::Sample,
};
use avff_media::UnknownName;
#[cfg(feature = "cpu")]
use avff_model::checkpoint::InFile;
use avff_model::{AvffConfig, Checkpoint, Classifier, FusionScope, explain::Segments, precision};
use burn::tensor::{FloatDType, backend::Backend};
use serde::{Deserialize, Serialize};

pub use self::{
    attention::Attention,
    occlusion::{Moment, Window},
};
use crate::{
    device::{Device, DeviceError, with_backend},
    error::Error,
    score::Logits,
};

/// Clips in a forward pass on a GPU unless asked otherwise.
const GPU_BATCH: usize = 8;

/// Numbers the network computes with.
#[derive(
    Debug,
    Clone,
    Copy,
    Default,
    PartialEq,
    Eq,
    Serialize,
    Deserialize,
    strum::Display,
    strum::EnumString,
    strum::IntoStaticStr,
    strum::VariantNames,
)]
#[serde(rename_all = "lowercase")]
#[strum(serialize_all = "lowercase", parse_err_ty = UnknownName, parse_err_fn = UnknownName::of::<Self>)]
pub enum Arithmetic {
    /// What the released weights were trained with.
    #[default]
    F32,
    /// Products by tensor cores, which keep 11 bits of their factors; on NVIDIA's GPUs alone.
    Tf32,
    /// Half precision, 11 bits of a number; on GPUs alone.
    F16,
    /// Half precision, 8 bits of a number and the range of f32. On a GPU all is computed in it; on a CPU that has instructions
    /// for it, products and attention of the encoders' blocks.
    Bf16,
    /// Products of the encoders' blocks in 8-bit integers: faster, and off by what rounding does.
    /// On the CPU alone.
    Int8,
}

impl Arithmetic {
    /// What parameters are cast to.
    fn half(self) -> Option<FloatDType> {
        match self {
            Self::F16 => Some(FloatDType::F16),
            Self::Bf16 => Some(FloatDType::BF16),
            Self::F32 | Self::Tf32 | Self::Int8 => None,
        }
    }
}

/// How the classifier is set up.
#[derive(Debug, Clone)]
pub(crate) struct NetworkOptions {
    /// Where it runs.
    pub(crate) device: Device,
    /// What the cross-modal blocks attend over.
    pub(crate) fusion: FusionScope,
    /// Clips in a forward pass; `None` for what suits the device.
    pub(crate) batch_size: Option<usize>,
    /// What it computes with.
    pub(crate) arithmetic: Arithmetic,
    /// Whether the encoders' weights stay in the file, to be read in each pass: for one clip or two. Their scores are
    /// the same, and come sooner; of many they come later. On the CPU in f32 alone.
    #[cfg_attr(
        not(feature = "cpu"),
        expect(dead_code, reason = "only flex reads weights in a pass")
    )]
    pub(crate) weights_in_file: bool,
}

/// A loaded classifier.
pub(crate) trait Network: Send + Sync {
    /// Clips that [`logits`](Self::logits) wants at a time.
    fn batch_size(&self) -> usize;

    /// Logits of up to [`batch_size`](Self::batch_size) clips, in their order.
    ///
    /// # Errors
    /// [`Error::Model`] where weights [in a file](NetworkOptions::weights_in_file) could not be read.
    fn logits(&self, clips: &[Clip]) -> Result<Vec<Logits>, Error>;

    /// Where the score of a sample comes from.
    ///
    /// # Errors
    /// As [`logits`](Self::logits).
    fn explain(&self, sample: &Sample) -> Result<Window, Error>;

    /// Which patches of a sample the encoders attend to.
    ///
    /// # Errors
    /// As [`logits`](Self::logits).
    fn attention(&self, sample: &Sample) -> Result<Attention, Error>;
}

/// Loads the classifier of a checkpoint onto a device.
///
/// # Errors
/// What loading reports, or that the device is not there.
pub(crate) fn load(
    checkpoint: &Checkpoint,
    config: &AvffConfig,
    spec: &ClipSpec,
    options: &NetworkOptions,
) -> Result<Box<dyn Network>, Error> {
    options.device.check()?;
    let batch_size = match (options.batch_size, options.fusion) {
        (Some(size), _) => size.max(1),
        (None, FusionScope::PerClip) if options.device.is_gpu() => GPU_BATCH,
        (None, FusionScope::PerClip) => 1,
        (None, FusionScope::AcrossBatch) => {
            return Err(Error::NoBatchSize);
        }
    };
    let passes = match options.fusion {
        FusionScope::AcrossBatch => Passes::Whole,
        FusionScope::PerClip if options.device.is_gpu() => Passes::Padded,
        FusionScope::PerClip => Passes::Single,
    };
    let arithmetic = options.arithmetic;
    let by_cpu = arithmetic == Arithmetic::Bf16
        && options.device == Device::Cpu
        && precision::cpu_has_bf16();
    let half = arithmetic.half().filter(|_| !by_cpu);
    let unknown = || DeviceError::Precision {
        precision: arithmetic.into(),
        device: options.device.to_string(),
    };
    // Else a CPU computes each operation in f32 and rounds: slower, and off for nothing.
    if half.is_some() && !options.device.is_gpu()
        || arithmetic == Arithmetic::Tf32 && !matches!(options.device, Device::Cuda(_))
    {
        return Err(unknown().into());
    }
    with_backend!(options.device, |B, device| {
        if half.is_some_and(|dtype| !B::supports_dtype(&device, dtype.into())) {
            return Err(unknown().into());
        }
        if arithmetic == Arithmetic::F32 {
            options.device.expect_exact::<B>(&device)?;
        }
        #[cfg(feature = "cpu")]
        let (model, source) = if options.weights_in_file && arithmetic == Arithmetic::F32 {
            checkpoint.classifier_in_file::<B>(config, &device)?
        } else {
            (checkpoint.classifier::<B>(config, &device)?, None)
        };
        #[cfg(not(feature = "cpu"))]
        let model = checkpoint.classifier::<B>(config, &device)?;
        let model = match (half, arithmetic) {
            (Some(dtype), _) => precision::cast(model, dtype),
            (None, Arithmetic::Int8) => model.into_int8()?,
            (None, Arithmetic::Bf16) => model.into_bf16()?,
            (None, _) => model,
        };
        let model = model.into_packed();
        let (spec, tf32) = (spec.clone(), arithmetic == Arithmetic::Tf32);
        let (segments, config) = (Segments::new(config), config.clone());
        Ok(Box::new(Loaded::<B> {
            model,
            config,
            segments,
            device,
            spec,
            fusion: options.fusion,
            passes,
            batch_size,
            tf32,
            #[cfg(feature = "cpu")]
            source,
        }) as Box<dyn Network>)
    })
}

/// How a batch goes through the network.
#[derive(Debug, Clone, Copy)]
enum Passes {
    /// One clip a pass: on a CPU a clip fills all cores, and matrix products of another size may
    /// sum in another order. So the score of a clip is the same to the last bit in any batch.
    Single,
    /// All at once, filled up with black silence to the full size, so that kernels chosen by shape
    /// are the same for the last, smaller batch.
    Padded,
    /// All at once and nothing else: the clips see each other.
    Whole,
}

struct Loaded<B: Backend> {
    model: Classifier<B>,
    config: AvffConfig,
    segments: Segments,
    device: B::Device,
    spec: ClipSpec,
    fusion: FusionScope,
    passes: Passes,
    batch_size: usize,
    /// Whether products may be TF32.
    tf32: bool,
    /// Where weights are that are not in memory.
    #[cfg(feature = "cpu")]
    source: Option<Arc<InFile>>,
}

impl<B: Backend> Loaded<B> {
    fn batch(&self, sample: &Sample) -> Batch<B> {
        batcher::batch(std::slice::from_ref(&sample.clip), &self.spec, &self.device)
    }

    /// Whether all weights that stay in the file could be read.
    fn check_source(&self) -> Result<(), Error> {
        #[cfg(feature = "cpu")]
        if let Some(fault) = self.source.as_ref().and_then(|source| source.fault()) {
            return Err(fault.into());
        }
        Ok(())
    }

    fn pass(&self, clips: &[Clip]) -> Vec<Logits> {
        let batch = batcher::batch::<B>(clips, &self.spec, &self.device);
        let forward = || self.model.forward(batch.audio, batch.video, self.fusion);
        let logits = precision::with_tf32(self.tf32, forward).into_data();
        let values: Vec<f32> = logits.iter::<f32>().collect();
        values.chunks_exact(2).map(|pair| Logits { fake: pair[0], real: pair[1] }).collect()
    }
}

impl<B: Backend> Network for Loaded<B> {
    fn batch_size(&self) -> usize {
        self.batch_size
    }

    fn logits(&self, clips: &[Clip]) -> Result<Vec<Logits>, Error> {
        let logits = match self.passes {
            Passes::Single => {
                clips.iter().flat_map(|clip| self.pass(std::slice::from_ref(clip))).collect()
            }
            Passes::Whole => self.pass(clips),
            Passes::Padded => {
                let blank = Clip {
                    audio: vec![0.0; self.spec.audio.values()],
                    video: vec![0.0; self.spec.video.values()],
                };
                let mut filled = clips.to_vec();
                filled.resize(self.batch_size.max(clips.len()), blank);
                let mut logits = self.pass(&filled);
                logits.truncate(clips.len());
                logits
            }
        };
        self.check_source()?;
        Ok(logits)
    }

    fn explain(&self, sample: &Sample) -> Result<Window, Error> {
        let batch = self.batch(sample);
        let look =
            || occlusion::window(&self.model, &self.segments, self.fusion, batch, sample.span);
        let window = precision::with_tf32(self.tf32, look);
        self.check_source()?;
        Ok(window)
    }

    fn attention(&self, sample: &Sample) -> Result<Attention, Error> {
        let batch = self.batch(sample);
        let look = || self.model.patch_attention(&self.config, batch.audio, batch.video);
        let attention = precision::with_tf32(self.tf32, look).into();
        self.check_source()?;
        Ok(attention)
    }
}
