//! The detector: a trained classifier and everything that its scores depend on.

mod builder;
mod many;

use std::{
    path::{Path, PathBuf},
    sync::{Arc, OnceLock},
};

use avff_data::{
    ClipSpec, Coverage, load_samples,
    pipeline::load_samples_from_bytes,
    spec::Speech,
    synchrony::{self, Synchrony},
};
use avff_model::{AvffConfig, Checkpoint};

pub use self::{
    builder::{DetectorBuilder, Preparation},
    many::ScoreMany,
};
use crate::{
    calibration::{Judge, Uncalibrated},
    checkpoint::warning,
    device::Device,
    error::Error,
    failure::{ClipFailure, guarded},
    network::{self, Network, NetworkOptions},
    score::{Aggregate, Score, WindowScore},
};

/// A detector of audio-visual deepfakes: a checkpoint, its network and its clip preparation.
///
/// A score depends only on the clip and the detector. It does not depend on other clips, on the number of
/// threads or on the order.
///
/// ```no_run
/// use avff::Detector;
///
/// let detector = Detector::open("stage-3.pth")?;
/// let score = detector.score("clip.mp4")?;
/// println!("{:.4}", score.probability_fake());
/// # Ok::<(), avff::Error>(())
/// ```
pub struct Detector {
    checkpoint: Arc<Checkpoint>,
    config: AvffConfig,
    spec: ClipSpec,
    options: NetworkOptions,
    aggregate: Aggregate,
    workers: usize,
    synchrony: bool,
    judge: Result<Judge, Uncalibrated>,
    network: OnceLock<Box<dyn Network>>,
}

impl Detector {
    /// Opens stage-3 weights on the fastest available device. The file is a `.pth` from PyTorch or safetensors.
    ///
    /// # Errors
    /// Fails if the file cannot be read, is not a classifier, or does not match its config.
    pub fn open(path: impl AsRef<Path>) -> Result<Self, Error> {
        Self::builder().open(path)
    }

    /// Like [`open`](Self::open) for weights in memory. Messages refer to them by `name`.
    ///
    /// # Errors
    /// Fails like [`open`](Self::open).
    pub fn from_bytes(name: &str, bytes: impl Into<Arc<[u8]>>) -> Result<Self, Error> {
        Self::builder().from_bytes(name, bytes)
    }

    /// Returns a builder with options such as device, precision, windows and face crop. Each has a default.
    #[must_use]
    pub fn builder() -> DetectorBuilder {
        DetectorBuilder::default()
    }

    /// Opens the network that comes with this crate, `avff-lips`. It compares lips and voice, in the main face of
    /// a clip, and knows nothing else: data/avff-lips/README.md says what it was trained on, and what it cannot
    /// see. A clip in which no face speaks has no score.
    ///
    /// ```
    /// let detector = avff::Detector::bundled()?;
    /// assert!(detector.warning().is_some());
    /// # Ok::<(), avff::Error>(())
    /// ```
    ///
    /// # Errors
    /// Fails if no device works.
    #[cfg(feature = "weights")]
    pub fn bundled() -> Result<Self, Error> {
        Self::builder().bundled()
    }

    /// Scores a clip: a media file, or a folder of PNG or JPEG frames with a WAV file.
    ///
    /// # Errors
    /// Returns [`Error::Failed`] if the clip cannot be read. The error contains the stage that failed and a
    /// hint.
    pub fn score(&self, clip: impl AsRef<Path>) -> Result<Score, Error> {
        let path = clip.as_ref();
        let read =
            |each: avff_data::pipeline::EachSample<'_>| Ok(load_samples(path, &self.spec, each)?);
        let score = || {
            let measured = self.lips().measured(|| measure(path, &self.spec))?;
            Ok(judged(self.score_read(read)?.with_synchrony(measured), self.judge().ok()))
        };
        score().map_err(|failure| Error::failed(path, failure))
    }

    /// Scores a clip from the bytes of a media file.
    ///
    /// # Errors
    /// Returns why the clip has no score.
    pub fn score_bytes(&self, clip: impl Into<Arc<[u8]>>) -> Result<Score, ClipFailure> {
        let bytes = clip.into();
        let measure = || {
            let bytes = Arc::clone(&bytes);
            let mut source = avff_media::open_bytes_with(bytes, self.spec.open_options())?;
            synchrony::measure_source(&mut *source)
        };
        let measure = || guarded(|| measure().map_err(|error| ClipFailure::of(&error)));
        let measured = self.lips().measured(measure)?;
        let score = self.score_read(|each| {
            load_samples_from_bytes(Arc::clone(&bytes), &self.spec, each)
                .map_err(|error| ClipFailure::of(&error))
        })?;
        Ok(judged(score.with_synchrony(measured), self.judge().ok()))
    }

    /// Scores many clips in order. Clips are decoded ahead on all cores in bounded memory. A clip that cannot
    /// be read yields an error in its place.
    ///
    /// ```no_run
    /// # let detector = avff::Detector::open("stage-3.pth")?;
    /// for (path, outcome) in detector.score_many(["a.mp4", "b.mp4"])? {
    ///     match outcome {
    ///         Ok(score) => println!("{}: {:.4}", path.display(), score.probability_fake()),
    ///         Err(failure) => println!("{}: {failure}", path.display()),
    ///     }
    /// }
    /// # Ok::<(), avff::Error>(())
    /// ```
    ///
    /// # Errors
    /// Fails if the weights cannot be loaded.
    pub fn score_many<P>(
        &self,
        clips: impl IntoIterator<Item = P, IntoIter: Send + 'static>,
    ) -> Result<ScoreMany<'_, PathBuf>, Error>
    where
        P: Into<PathBuf> + 'static,
    {
        let clips = clips.into_iter().map(Into::into);
        ScoreMany::new(self, clips, |path| Ok(path.as_path()), self.workers)
    }

    /// Loads the weights if they are not loaded yet. Scoring loads them automatically.
    ///
    /// # Errors
    /// Fails if the weights cannot be read or do not match the config, or if the device is not available.
    pub fn load(&self) -> Result<(), Error> {
        self.network().map(|_| ())
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
        self.options.device
    }

    /// Whether scores come with the synchrony of lips and voice.
    pub(crate) fn measures_synchrony(&self) -> bool {
        self.synchrony
    }

    /// What lips and voice are compared for.
    pub(crate) fn lips(&self) -> Lips {
        Lips { shown: self.synchrony, required: self.spec.speech == Speech::Required }
    }

    /// How the windows of a clip are aggregated to its score.
    #[must_use]
    pub fn aggregate(&self) -> Aggregate {
        self.aggregate
    }

    /// The warning to show with every score: that the weights were never trained, or the note of their
    /// author.
    #[must_use]
    pub fn warning(&self) -> Option<&str> {
        warning(&self.checkpoint)
    }

    /// The calibration that gives probabilities, likelihood ratios and decisions.
    ///
    /// # Errors
    /// Why there is none: the checkpoint has no calibration, or clips are prepared otherwise than for it.
    pub fn judge(&self) -> Result<&Judge, &Uncalibrated> {
        self.judge.as_ref()
    }

    pub(crate) fn workers(&self) -> usize {
        self.workers
    }

    pub(crate) fn options(&self) -> &NetworkOptions {
        &self.options
    }

    pub(crate) fn network(&self) -> Result<&dyn Network, Error> {
        if let Some(network) = self.network.get() {
            return Ok(&**network);
        }
        let loaded = network::load(&self.checkpoint, &self.config, &self.spec, &self.options)?;
        Ok(&**self.network.get_or_init(|| loaded))
    }

    /// Scores an open clip on this thread, without an answer.
    #[cfg(feature = "tools")]
    pub(crate) fn score_source(
        &self,
        source: &mut dyn avff_media::MediaSource,
    ) -> Result<Score, ClipFailure> {
        let read = |each: avff_data::pipeline::EachSample<'_>| {
            avff_data::pipeline::read_samples(source, &self.spec, each)
                .map_err(|error| ClipFailure::of(&error))
        };
        self.score_read(read)
    }

    /// Scores one clip on this thread, sample by sample.
    fn score_read(
        &self,
        read: impl FnOnce(avff_data::pipeline::EachSample<'_>) -> Result<Coverage, ClipFailure>,
    ) -> Result<Score, ClipFailure> {
        let network = self.network().map_err(|error| ClipFailure::network(&error))?;
        let mut windows = Vec::new();
        let mut without_face = false;
        let (mut streams, mut notes) = (None, Arc::<[String]>::default());
        let mut network_failure = None;
        let coverage = guarded(|| {
            read(&mut |sample| {
                without_face |= sample.without_face;
                streams = Some(sample.streams);
                notes = Arc::clone(&sample.notes);
                match network.logits(std::slice::from_ref(&sample.clip)).as_deref() {
                    Ok(&[logits, ..]) => {
                        let (span, frames) = (sample.span, sample.frames);
                        windows.push(WindowScore { span, frames, logits });
                        std::ops::ControlFlow::Continue(())
                    }
                    Ok([]) => std::ops::ControlFlow::Break(()),
                    Err(error) => {
                        network_failure = Some(ClipFailure::network(error));
                        std::ops::ControlFlow::Break(())
                    }
                }
            })
        })?;
        if let Some(failure) = network_failure {
            return Err(failure);
        }
        // A clip without a window has no output.
        let streams = streams.ok_or_else(ClipFailure::not_finite)?;
        Score::of(windows, coverage, without_face, streams, &notes, self.aggregate)
    }
}

/// Adds what a score means, if the detector is calibrated.
fn judged(score: Score, judge: Option<&Judge>) -> Score {
    let answer = judge.and_then(|judge| judge.answer(score.logits));
    score.answered(answer)
}

/// What lips and voice are compared for.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Lips {
    /// The user wants to see the result.
    shown: bool,
    /// A clip gets a score only if they can be compared.
    required: bool,
}

impl Lips {
    /// Measures the synchrony if it is needed, and returns it if it is shown. A clip that cannot be measured, such as
    /// one that is damaged between its windows, may have a score all the same.
    ///
    /// # Errors
    /// Returns [`ClipFailure::no_speech`] if no face speaks where that is required.
    pub(crate) fn measured(
        self,
        measure: impl FnOnce() -> Result<Synchrony, ClipFailure>,
    ) -> Result<Option<Result<Synchrony, ClipFailure>>, ClipFailure> {
        if !self.shown && !self.required {
            return Ok(None);
        }
        let measured = measure();
        match &measured {
            Ok(Synchrony { cannot_tell: Some(reason), .. }) if self.required => {
                Err(ClipFailure::no_speech(*reason))
            }
            _ => Ok(self.shown.then_some(measured)),
        }
    }
}

/// Measures the synchrony of the clip at `path`, with the tracks and the decoder of `spec`.
pub(crate) fn measure(path: &Path, spec: &ClipSpec) -> Result<Synchrony, ClipFailure> {
    guarded(|| Ok(synchrony::measure(path, spec.open_options())?))
}

/// Bindings to other languages share a detector between threads.
const _: fn() = || {
    fn shared<T: Send + Sync>() {}
    shared::<Detector>();
};

impl std::fmt::Debug for Detector {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Detector")
            .field("checkpoint", &self.checkpoint.path())
            .field("device", &self.options.device)
            .field("spec", &self.spec)
            .finish_non_exhaustive()
    }
}
