//! The classifier of a detector, behind a trait that is independent of the backend.

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
use avff_model::checkpoint::OffloadedWeights;
use avff_model::{AvffConfig, Checkpoint, Classifier, FusionScope, explain::Segments, precision};
use burn::tensor::{FloatDType, backend::Backend};
use serde::{Deserialize, Serialize};

pub use self::{
    attention::Attention,
    occlusion::{LagSimilarity, TimeSegment, Window},
};
use crate::{
    device::{Device, DeviceError, with_backend},
    error::Error,
    score::Logits,
};

/// The default number of clips in a forward pass on a GPU.
const GPU_BATCH: usize = 8;

/// The compute precision of the network.
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
    /// Single precision. The released weights were trained, and are scored by the reference, under autocast to f16, which
    /// rounds more.
    #[default]
    F32,
    /// Matrix products on tensor cores, whose factors keep 11 bits. NVIDIA GPUs only.
    Tf32,
    /// Half precision with 11 significant bits. GPUs only.
    F16,
    /// Half precision with 8 significant bits and the range of f32. A GPU computes everything in bf16. A CPU with bf16
    /// instructions uses it for the matrix products and the attention of the encoder blocks.
    Bf16,
    /// Matrix products of the encoder blocks in 8-bit integers: faster, with rounding errors. CPU only.
    Int8,
}

impl Arithmetic {
    /// The half-precision type that parameters are cast to.
    fn half(self) -> Option<FloatDType> {
        match self {
            Self::F16 => Some(FloatDType::F16),
            Self::Bf16 => Some(FloatDType::BF16),
            Self::F32 | Self::Tf32 | Self::Int8 => None,
        }
    }
}

/// Options of the classifier.
#[derive(Debug, Clone)]
pub(crate) struct NetworkOptions {
    /// The device.
    pub(crate) device: Device,
    /// Which clips the cross-modal blocks attend over.
    pub(crate) fusion: FusionScope,
    /// Clips in a forward pass; `None` for the default of the device.
    pub(crate) batch_size: Option<usize>,
    /// The compute precision.
    pub(crate) arithmetic: Arithmetic,
    /// Whether the encoders' weights are read from the file during each forward pass. One or two clips are scored
    /// sooner, but many clips take longer. Scores do not change. CPU in f32 only.
    #[cfg_attr(
        not(feature = "cpu"),
        expect(dead_code, reason = "only flex reads weights during a forward pass")
    )]
    pub(crate) weights_in_file: bool,
}

/// A loaded classifier.
pub(crate) trait Network: Send + Sync {
    /// The number of clips that [`logits`](Self::logits) expects at a time.
    fn batch_size(&self) -> usize;

    /// Computes the logits of up to [`batch_size`](Self::batch_size) clips, in order.
    ///
    /// # Errors
    /// Returns [`Error::Model`] if weights [in the file](NetworkOptions::weights_in_file) cannot be read.
    fn logits(&self, clips: &[Clip]) -> Result<Vec<Logits>, Error>;

    /// Scores a sample and computes the importance of its time segments.
    ///
    /// # Errors
    /// Fails like [`logits`](Self::logits).
    fn explain(&self, sample: &Sample) -> Result<Window, Error>;

    /// Computes the attention of the encoders to the patches of a sample.
    ///
    /// # Errors
    /// Fails like [`logits`](Self::logits).
    fn attention(&self, sample: &Sample) -> Result<Attention, Error>;
}

/// Loads the classifier of a checkpoint onto a device.
///
/// # Errors
/// Fails if the weights cannot be loaded or if the device is not available.
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
    let batching = match options.fusion {
        FusionScope::AcrossBatch => Batching::Exact,
        FusionScope::PerClip if options.device.is_gpu() => Batching::Padded,
        FusionScope::PerClip => Batching::Single,
    };
    let arithmetic = options.arithmetic;
    let cpu_bf16 = arithmetic == Arithmetic::Bf16
        && options.device == Device::Cpu
        && precision::cpu_has_bf16();
    let half = arithmetic.half().filter(|_| !cpu_bf16);
    let unsupported = || DeviceError::Precision {
        precision: arithmetic.into(),
        device: options.device.to_string(),
    };
    // A CPU would compute each operation in f32 and round the result: slower and less accurate.
    if half.is_some() && !options.device.is_gpu()
        || arithmetic == Arithmetic::Tf32 && !matches!(options.device, Device::Cuda(_))
    {
        return Err(unsupported().into());
    }
    with_backend!(options.device, |B, device| {
        if half.is_some_and(|dtype| !B::supports_dtype(&device, dtype.into())) {
            return Err(unsupported().into());
        }
        if arithmetic == Arithmetic::F32 {
            options.device.expect_exact::<B>(&device)?;
        }
        #[cfg(feature = "cpu")]
        let (model, source) = if options.weights_in_file && arithmetic == Arithmetic::F32 {
            checkpoint.classifier_offloaded::<B>(config, &device)?
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
            batching,
            batch_size,
            tf32,
            #[cfg(feature = "cpu")]
            source,
        }) as Box<dyn Network>)
    })
}

/// How a batch is divided into forward passes.
#[derive(Debug, Clone, Copy)]
enum Batching {
    /// One clip per forward pass. On a CPU one clip uses all cores. Matrix products of another size may sum
    /// in another order, so a single clip per pass makes scores bit-identical in any batch.
    Single,
    /// One forward pass, padded with blank clips to the full batch size. The last, smaller batch then uses the
    /// kernels that the backend chooses for the full shape.
    Padded,
    /// One forward pass without padding, because the clips attend to each other.
    Exact,
}

struct Loaded<B: Backend> {
    model: Classifier<B>,
    config: AvffConfig,
    segments: Segments,
    device: B::Device,
    spec: ClipSpec,
    fusion: FusionScope,
    batching: Batching,
    batch_size: usize,
    /// Whether matrix products may use TF32.
    tf32: bool,
    /// The file of weights that are not loaded.
    #[cfg(feature = "cpu")]
    source: Option<Arc<OffloadedWeights>>,
}

impl<B: Backend> Loaded<B> {
    fn batch(&self, sample: &Sample) -> Batch<B> {
        batcher::batch(std::slice::from_ref(&sample.clip), &self.spec, &self.device)
    }

    /// Checks that all weights in the file could be read.
    fn check_source(&self) -> Result<(), Error> {
        #[cfg(feature = "cpu")]
        if let Some(fault) = self.source.as_ref().and_then(|source| source.take_error()) {
            return Err(fault.into());
        }
        Ok(())
    }

    fn forward(&self, clips: &[Clip]) -> Vec<Logits> {
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
        let logits = match self.batching {
            Batching::Single => {
                clips.iter().flat_map(|clip| self.forward(std::slice::from_ref(clip))).collect()
            }
            Batching::Exact => self.forward(clips),
            Batching::Padded => {
                let blank = Clip {
                    audio: vec![0.0; self.spec.audio.values()],
                    video: vec![0.0; self.spec.video.values()],
                };
                let mut padded = clips.to_vec();
                padded.resize(self.batch_size.max(clips.len()), blank);
                let mut logits = self.forward(&padded);
                logits.truncate(clips.len());
                logits
            }
        };
        self.check_source()?;
        Ok(logits)
    }

    fn explain(&self, sample: &Sample) -> Result<Window, Error> {
        let batch = self.batch(sample);
        let explain =
            || occlusion::window(&self.model, &self.segments, self.fusion, batch, sample.span);
        let window = precision::with_tf32(self.tf32, explain);
        self.check_source()?;
        Ok(window)
    }

    fn attention(&self, sample: &Sample) -> Result<Attention, Error> {
        let batch = self.batch(sample);
        let attend = || self.model.patch_attention(&self.config, batch.audio, batch.video);
        let attention = precision::with_tf32(self.tf32, attend).into();
        self.check_source()?;
        Ok(attention)
    }
}
