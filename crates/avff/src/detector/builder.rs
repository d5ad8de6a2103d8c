//! Options of a detector.

use std::{
    path::Path,
    sync::{Arc, OnceLock},
    thread::available_parallelism,
};

use avff_data::{
    ClipSpec,
    spec::{FrameFit, Sampling, Speech, TrimSilence},
};
use avff_face::NoFace;
use avff_media::{DamagePolicy, Decoder, Tracks};
use avff_model::{Checkpoint, FusionScope, checkpoint::Kind};

use super::Detector;
#[cfg(feature = "weights")]
use crate::bundled;
use crate::{
    calibration::{self, Judge, Uncalibrated},
    device::Device,
    error::Error,
    network::{Arithmetic, NetworkOptions},
    preprocessing::{self, PreprocessingError},
    score::Aggregate,
};

/// Opens a [`Detector`] with options. Defaults follow the checkpoint.
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
    memory: Option<u64>,
    config: Option<serde_json::Value>,
    weights_in_file: bool,
    preparation: Preparation,
    synchrony: bool,
    error_rate: Option<f64>,
}

/// Changes to the clip preparation of a checkpoint. `None` keeps the checkpoint's setting.
#[derive(Debug, Clone, Default)]
pub struct Preparation {
    /// How frames are resized to the network's input size.
    pub frame_fit: Option<FrameFit>,
    /// Whether frames are cropped to the main face.
    pub face_crop: Option<bool>,
    /// Side of the face crop relative to the side of the detected face, from 0.3 to 4.
    pub face_margin: Option<f64>,
    /// How far the crop's center lies below the face's, in sides of the face, from -1 to 1.
    pub face_down: Option<f64>,
    /// How clips without a detected face are handled.
    pub no_face: Option<NoFace>,
    /// Window length in seconds. `Some(None)` scores the whole clip, stretched to the network's input length.
    pub window: Option<Option<f64>>,
    /// Distance between window starts, in seconds. The default is the window length.
    pub stride: Option<f64>,
    /// Trims silence at both ends.
    pub trim_silence: Option<TrimSilence>,
    /// The decoder of media files.
    pub decoder: Option<Decoder>,
    /// What is done with a clip that is damaged: refuse it, or score the windows that the damage does not touch.
    pub damage: Option<DamagePolicy>,
    /// Whether a clip gets a score only if a face speaks in it.
    pub speech: Option<Speech>,
    /// The tracks to read where a clip has several; those that players choose by default.
    pub tracks: Tracks,
}

impl Preparation {
    /// Applies the given settings to a spec.
    ///
    /// # Errors
    /// Returns [`PreprocessingError::NotCropped`] for settings of a face crop without a face crop, and
    /// [`PreprocessingError::NoWindows`] for a stride without windows.
    pub fn apply(&self, spec: &mut ClipSpec) -> Result<(), PreprocessingError> {
        spec.face = match self.face_crop {
            Some(true) => Some(spec.face.unwrap_or_default()),
            Some(false) => None,
            None => spec.face,
        };
        match &mut spec.face {
            Some(face) => {
                face.margin = self.face_margin.unwrap_or(face.margin);
                face.down = self.face_down.unwrap_or(face.down);
                face.no_face = self.no_face.unwrap_or(face.no_face);
            }
            None if self.face_margin.or(self.face_down).is_some() || self.no_face.is_some() => {
                return Err(PreprocessingError::NotCropped);
            }
            None => {}
        }
        spec.video.fit = self.frame_fit.unwrap_or(spec.video.fit);
        spec.decoder = self.decoder.unwrap_or(spec.decoder);
        spec.speech = self.speech.unwrap_or(spec.speech);
        spec.damage = self.damage.unwrap_or(spec.damage);
        if !self.tracks.is_default() {
            spec.tracks = self.tracks;
        }
        spec.trim_silence = self.trim_silence.or(spec.trim_silence);
        match self.window {
            None => match (self.stride, &mut spec.sampling) {
                (Some(new), Sampling::Window { stride, .. }) => *stride = new,
                (Some(_), Sampling::Whole) => return Err(PreprocessingError::NoWindows),
                (None, _) => {}
            },
            Some(None) if self.stride.is_some() => return Err(PreprocessingError::NoWindows),
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
    /// Sets the device of the network. The default is the fastest available device.
    #[must_use]
    pub fn device(mut self, device: Device) -> Self {
        self.device = Some(device);
        self
    }

    /// Sets the compute precision. The default is f32.
    #[must_use]
    pub fn precision(mut self, precision: Arithmetic) -> Self {
        self.precision = precision;
        self
    }

    /// Sets which clips the cross-modal blocks attend over. The default is each clip alone.
    #[must_use]
    pub fn fusion(mut self, fusion: FusionScope) -> Self {
        self.fusion = fusion;
        self
    }

    /// Sets the number of clips in a forward pass. The default is 1 on a CPU and 8 on a GPU. Scores do not
    /// depend on it, except with [`FusionScope::AcrossBatch`].
    #[must_use]
    pub fn batch_size(mut self, clips: usize) -> Self {
        self.batch_size = Some(clips);
        self
    }

    /// Sets how the windows of a clip are aggregated to its score. The default is the mean of their logits.
    #[must_use]
    pub fn aggregate(mut self, aggregate: Aggregate) -> Self {
        self.aggregate = aggregate;
        self
    }

    /// Sets the number of threads that decode ahead in [`score_many`](Detector::score_many). The default is
    /// one per core. With 0, the calling thread decodes.
    #[must_use]
    pub fn workers(mut self, threads: usize) -> Self {
        self.workers = Some(threads);
        self
    }

    /// Sets the memory for decoding clips, in bytes. It is that of the process: all detectors share it, and
    /// the last detector that is opened sets it ([`avff_media::memory`]). The default is half of the machine's
    /// memory. Clips wait for memory, and a clip that needs more is refused, so scores do not depend on it.
    #[must_use]
    pub fn memory(mut self, bytes: u64) -> Self {
        self.memory = Some(bytes);
        self
    }

    /// Scores windows of this many seconds in real time, instead of the whole clip stretched to the network's
    /// input length.
    #[must_use]
    pub fn window(mut self, seconds: f64) -> Self {
        self.preparation.window = Some(Some(seconds));
        self
    }

    /// Sets whether frames are cropped to the main face.
    #[must_use]
    pub fn face_crop(mut self, crop: bool) -> Self {
        self.preparation.face_crop = Some(crop);
        self
    }

    /// Sets what is done with a clip that is damaged. The default is to refuse it. With
    /// [`DamagePolicy::Windows`], the windows are scored that the damage does not touch, and
    /// [`Score::left_out`](crate::Score::left_out) names the others.
    #[must_use]
    pub fn damage(mut self, policy: DamagePolicy) -> Self {
        self.preparation.damage = Some(policy);
        self
    }

    /// Measures for each clip, beside its score, whether lips move with the voice
    /// ([`synchrony`](avff_data::synchrony)). Clips are decoded a second time for it. Scores do not change.
    #[must_use]
    pub fn synchrony(mut self, measure: bool) -> Self {
        self.synchrony = measure;
        self
    }

    /// Sets the error rate of decisions, of each class: of real clips like those of the calibration, at most this
    /// share is called fake, and of such fakes, at most this share is called real. The default is the calibration's.
    #[must_use]
    pub fn error_rate(mut self, rate: f64) -> Self {
        self.error_rate = Some(rate);
        self
    }

    /// Sets all options of clip preparation at once.
    #[must_use]
    pub fn preparation(mut self, preparation: Preparation) -> Self {
        self.preparation = preparation;
        self
    }

    /// Overrides keys of the network's config that the checkpoint lacks or has wrong, such as
    /// `{"encoder": {"heads": 12}}`.
    #[must_use]
    pub fn config(mut self, overrides: Option<serde_json::Value>) -> Self {
        self.config = overrides;
        self
    }

    /// Reads the encoders' weights from the file during each forward pass instead of loading them. The score
    /// of a single clip is available sooner, but many clips take longer. Scores do not change. Works only on
    /// the CPU in f32.
    #[must_use]
    pub fn weights_in_file(mut self, in_file: bool) -> Self {
        self.weights_in_file = in_file;
        self
    }

    /// Opens the checkpoint at `path` and loads its weights.
    ///
    /// # Errors
    /// Fails like [`Detector::open`], and if options contradict each other.
    pub fn open(self, path: impl AsRef<Path>) -> Result<Detector, Error> {
        let detector = self.prepare(path)?;
        detector.load()?;
        Ok(detector)
    }

    /// Opens the checkpoint at `path` without loading its weights. The header reveals most errors; the first
    /// score loads the weights.
    ///
    /// # Errors
    /// Fails like [`open`](Self::open).
    pub fn prepare(self, path: impl AsRef<Path>) -> Result<Detector, Error> {
        self.detector(Checkpoint::open(path)?)
    }

    /// Like [`open`](Self::open) for weights in memory. Messages refer to them by `name`.
    ///
    /// # Errors
    /// Fails like [`open`](Self::open).
    pub fn from_bytes(self, name: &str, bytes: impl Into<Arc<[u8]>>) -> Result<Detector, Error> {
        let detector = self.detector(Checkpoint::from_bytes(name, bytes)?)?;
        detector.load()?;
        Ok(detector)
    }

    /// Opens the network that comes with this crate ([`Detector::bundled`]).
    ///
    /// # Errors
    /// Fails if options contradict each other or the network.
    #[cfg(feature = "weights")]
    pub fn bundled(self) -> Result<Detector, Error> {
        let detector = self.prepare_bundled()?;
        detector.load()?;
        Ok(detector)
    }

    /// Like [`bundled`](Self::bundled), without loading the weights yet.
    ///
    /// # Errors
    /// Fails like [`bundled`](Self::bundled).
    #[cfg(feature = "weights")]
    pub fn prepare_bundled(self) -> Result<Detector, Error> {
        self.detector(Checkpoint::from_bytes(bundled::NAME, bundled::WEIGHTS)?)
    }

    fn detector(self, checkpoint: Checkpoint) -> Result<Detector, Error> {
        checkpoint.require(Kind::Classifier)?;
        let config = checkpoint.config(self.config.as_ref())?;
        let spec = preprocessing::spec(&checkpoint, &config, |spec| self.preparation.apply(spec))?;
        if self.fusion == FusionScope::AcrossBatch && !spec.damage.is_refuse() {
            return Err(PreprocessingError::DamageAcrossBatch.into());
        }
        if let Some(bytes) = self.memory {
            avff_media::memory::set_limit(bytes);
        }
        if let Some(rate) = self.error_rate.filter(|rate| !(*rate > 0.0 && *rate < 1.0)) {
            return Err(Error::ErrorRate(rate));
        }
        let aggregate = (!spec.sampling.is_whole()).then_some(self.aggregate);
        let judge = match calibration::read(&checkpoint)? {
            None => Err(Uncalibrated::Absent),
            Some(record) => {
                let same = calibration::expect_same_preparation(
                    &record,
                    &spec,
                    aggregate,
                    &config,
                    self.fusion,
                );
                same.map(|()| Judge::new(record, self.error_rate))
            }
        };
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
            synchrony: self.synchrony,
            judge,
            network: OnceLock::new(),
        })
    }
}

/// The number of cores, or 0 on targets without threads.
fn cores() -> usize {
    if cfg!(target_family = "wasm") { 0 } else { available_parallelism().map_or(1, usize::from) }
}
