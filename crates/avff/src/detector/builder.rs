//! What can be chosen of a detector.

use std::{
    path::Path,
    sync::{Arc, OnceLock},
    thread::available_parallelism,
};

use avff_data::{
    ClipSpec,
    spec::{FrameFit, Sampling, TrimSilence},
};
use avff_face::NoFace;
use avff_media::Decoder;
use avff_model::{Checkpoint, FusionScope, checkpoint::Kind};

use super::Detector;
use crate::{
    device::Device,
    error::Error,
    network::{Arithmetic, NetworkOptions},
    preprocessing::{self, PreprocessingError},
    score::Aggregate,
};

/// Opens a [`Detector`]. What is not chosen is as the checkpoint was trained.
///
/// ```no_run
/// use avff::{Arithmetic, Detector};
///
/// let detector = Detector::builder()
///     .device("cuda:0".parse()?)
///     .precision(Arithmetic::Bf16)
///     .window(3.2)
///     .open("stage-3.pth")?;
/// # Ok::<(), avff::Error>(())
/// ```
#[derive(Debug, Clone, Default)]
pub struct DetectorBuilder {
    device: Option<Device>,
    precision: Arithmetic,
    fusion: FusionScope,
    batch_size: Option<usize>,
    aggregate: Aggregate,
    workers: Option<usize>,
    config: Option<serde_json::Value>,
    weights_in_file: bool,
    preparation: Preparation,
}

/// What differs from the checkpoint's own preparation of clips.
#[derive(Debug, Clone, Default)]
pub struct Preparation {
    /// How frames become the network's size.
    pub frame_fit: Option<FrameFit>,
    /// Whether frames are cut to the main face.
    pub face_crop: Option<bool>,
    /// Side of a face crop in sides of the detected face, from 1 to 4.
    pub face_margin: Option<f64>,
    /// What happens to a clip in which no face is found.
    pub no_face: Option<NoFace>,
    /// Score windows of this many seconds, or, with `Some(None)`, the whole clip stretched to fit.
    pub window: Option<Option<f64>>,
    /// From the start of a window to the start of the next, in seconds; the window's length if not given.
    pub stride: Option<f64>,
    /// Leave out silence at both ends.
    pub trim_silence: Option<TrimSilence>,
    /// Which reader takes media files.
    pub decoder: Option<Decoder>,
}

impl Preparation {
    /// Changes what is given in a spec.
    ///
    /// # Errors
    /// [`PreprocessingError::NotCropped`] for details of a face crop that is not made.
    pub fn apply(&self, spec: &mut ClipSpec) -> Result<(), PreprocessingError> {
        spec.face = match self.face_crop {
            Some(true) => Some(spec.face.unwrap_or_default()),
            Some(false) => None,
            None => spec.face,
        };
        match &mut spec.face {
            Some(face) => {
                face.margin = self.face_margin.unwrap_or(face.margin);
                face.no_face = self.no_face.unwrap_or(face.no_face);
            }
            None if self.face_margin.is_some() || self.no_face.is_some() => {
                return Err(PreprocessingError::NotCropped);
            }
            None => {}
        }
        spec.video.fit = self.frame_fit.unwrap_or(spec.video.fit);
        spec.decoder = self.decoder.unwrap_or(spec.decoder);
        spec.trim_silence = self.trim_silence.or(spec.trim_silence);
        match self.window {
            None => {}
            Some(None) => spec.sampling = Sampling::Whole,
            Some(Some(seconds)) => {
                spec.sampling = Sampling::Window {
                    seconds,
                    fps: spec.video.frames as f64 / seconds,
                    stride: self.stride.unwrap_or(seconds),
                };
            }
        }
        Ok(())
    }
}

impl DetectorBuilder {
    /// Where the network runs: the fastest device that is built in and answers, if not given.
    #[must_use]
    pub fn device(mut self, device: Device) -> Self {
        self.device = Some(device);
        self
    }

    /// What the network computes with: f32 if not given.
    #[must_use]
    pub fn precision(mut self, precision: Arithmetic) -> Self {
        self.precision = precision;
        self
    }

    /// What the cross-modal blocks attend over: each clip by itself if not given.
    #[must_use]
    pub fn fusion(mut self, fusion: FusionScope) -> Self {
        self.fusion = fusion;
        self
    }

    /// Clips in a forward pass: 1 on a CPU and 8 on a GPU if not given. No score depends on it, unless
    /// clips attend to each other.
    #[must_use]
    pub fn batch_size(mut self, clips: usize) -> Self {
        self.batch_size = Some(clips);
        self
    }

    /// How the windows of a clip make its score: the mean of their logits if not given.
    #[must_use]
    pub fn aggregate(mut self, aggregate: Aggregate) -> Self {
        self.aggregate = aggregate;
        self
    }

    /// Threads that decode ahead in [`score_many`](Detector::score_many): one a core if not given, and
    /// with 0 the calling thread decodes.
    #[must_use]
    pub fn workers(mut self, threads: usize) -> Self {
        self.workers = Some(threads);
        self
    }

    /// Scores windows of this many seconds, in true time, instead of the whole clip stretched to fit.
    #[must_use]
    pub fn window(mut self, seconds: f64) -> Self {
        self.preparation.window = Some(Some(seconds));
        self
    }

    /// Whether frames are cut to the main face.
    #[must_use]
    pub fn face_crop(mut self, crop: bool) -> Self {
        self.preparation.face_crop = Some(crop);
        self
    }

    /// Everything else about how clips are prepared.
    #[must_use]
    pub fn preparation(mut self, preparation: Preparation) -> Self {
        self.preparation = preparation;
        self
    }

    /// Keys of the network's config that the checkpoint does not say or says wrongly, such as
    /// `{"encoder": {"heads": 12}}`.
    #[must_use]
    pub fn config(mut self, overrides: Option<serde_json::Value>) -> Self {
        self.config = overrides;
        self
    }

    /// Leaves the encoders' weights in the file, to be read in each pass: for a single clip. The score is
    /// the same and comes sooner; those of many clips come later. On the CPU in f32 alone.
    #[must_use]
    pub fn weights_in_file(mut self, stay: bool) -> Self {
        self.weights_in_file = stay;
        self
    }

    /// Opens the checkpoint at `path` and reads its weights.
    ///
    /// # Errors
    /// As [`Detector::open`], and options that do not go together.
    pub fn open(self, path: impl AsRef<Path>) -> Result<Detector, Error> {
        let detector = self.prepare(path)?;
        detector.load()?;
        Ok(detector)
    }

    /// Opens the checkpoint at `path`, but leaves its weights to the first score: its header shows most
    /// that can be wrong.
    ///
    /// # Errors
    /// As [`open`](Self::open).
    pub fn prepare(self, path: impl AsRef<Path>) -> Result<Detector, Error> {
        self.detector(Checkpoint::open(path)?)
    }

    /// [`open`](Self::open) for weights that are in memory; `name` stands for them in messages.
    ///
    /// # Errors
    /// As [`open`](Self::open).
    pub fn from_bytes(self, name: &str, bytes: impl Into<Arc<[u8]>>) -> Result<Detector, Error> {
        let detector = self.detector(Checkpoint::from_bytes(name, bytes)?)?;
        detector.load()?;
        Ok(detector)
    }

    fn detector(self, checkpoint: Checkpoint) -> Result<Detector, Error> {
        checkpoint.require(Kind::Classifier)?;
        let config = checkpoint.config(self.config.as_ref())?;
        let spec = preprocessing::spec(&checkpoint, &config, |spec| self.preparation.apply(spec))?;
        let options = NetworkOptions {
            device: self.device.unwrap_or_else(Device::auto),
            fusion: self.fusion,
            batch_size: self.batch_size,
            arithmetic: self.precision,
            weights_in_file: self.weights_in_file && spec.sampling.is_whole(),
        };
        Ok(Detector {
            checkpoint: Arc::new(checkpoint),
            config,
            spec,
            options,
            aggregate: self.aggregate,
            workers: self.workers.unwrap_or_else(cores),
            network: OnceLock::new(),
        })
    }
}

/// Cores, or none where there are no threads.
fn cores() -> usize {
    if cfg!(target_family = "wasm") { 0 } else { available_parallelism().map_or(1, usize::from) }
}
