//! Options of the network that scores: weights, device, precision.

use std::{
    io::IsTerminal,
    num::NonZeroUsize,
    ops::Deref,
    panic::resume_unwind,
    path::{Path, PathBuf},
    sync::Arc,
    thread::JoinHandle,
};

use anyhow::Context;
use avff::{
    Aggregate, Arithmetic, Detector, Device, Error, Preparation,
    data::spec::Speech,
    evaluate::Run,
    model::{
        FusionScope,
        checkpoint::{Format, Precision},
    },
    preprocessing,
};
use clap::{ValueEnum, builder::TypedValueParser};

use super::{clip::ClipArgs, damage::DamageArgs, values::named};

/// The variable with the default of `--checkpoint`.
pub(super) const CHECKPOINT: &str = "AVFF_CHECKPOINT";

/// The network that scores.
#[derive(Debug, clap::Args)]
#[command(next_help_heading = "Network")]
pub(super) struct NetworkArgs {
    /// Stage-3 weights: `.pth` from PyTorch, or safetensors [default: avff-lips, which is built in and compares lips
    /// and voice]
    #[arg(long, env = CHECKPOINT, value_name = "FILE")]
    checkpoint: Option<PathBuf>,

    /// JSON that overrides keys of the checkpoint's config, such as {"encoder": {"heads": 12}}
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,

    /// cpu, ndarray, wgpu[:N], cuda[:N], or auto for the fastest that works
    #[arg(long, default_value = "auto")]
    device: String,

    /// Clips per forward pass [default: 1 on a CPU, 8 on a GPU]. Scores do not depend on it, except
    /// with --fusion-attention across-batch
    #[arg(long, value_name = "N")]
    batch_size: Option<NonZeroUsize>,

    /// Which clips the cross-modal blocks attend over
    #[arg(long, value_parser = fusion_scopes(), default_value_t)]
    fusion_attention: FusionScope,

    /// Compute precision
    #[arg(long, value_parser = arithmetics(), default_value_t)]
    precision: Arithmetic,

    #[command(flatten)]
    clip: ClipArgs,

    #[command(flatten)]
    damage: DamageArgs,

    #[command(flatten)]
    speech: SpeechArgs,

    /// Error rate of decisions, of each class [default: the calibration's]
    #[arg(long, value_name = "RATE", value_parser = super::report::level, help_heading = "Decisions")]
    error_rate: Option<f64>,

    /// How a clip's score follows from its windows: mean of the logits, or max, the highest window
    #[arg(long, default_value_t, help_heading = "Clip preparation")]
    aggregate: Aggregate,
}

fn arithmetics() -> impl TypedValueParser<Value = Arithmetic> {
    named([
        (Arithmetic::F32, "Exact"),
        (Arithmetic::Tf32, "Faster, rounded matrix products; NVIDIA GPUs"),
        (Arithmetic::Bf16, "Faster, rounded; GPUs, and CPUs with AMX (Linux) or AVX512-BF16"),
        (Arithmetic::F16, "Faster, rounded; GPUs"),
        (Arithmetic::Int8, "Faster, quantized matrix products of the encoders; CPU"),
    ])
}

/// Whether a clip needs a face that speaks.
#[derive(Debug, Clone, Copy, clap::Args)]
pub(super) struct SpeechArgs {
    /// Which clips get a score [default: the checkpoint's]
    #[arg(long = "speech", value_parser = speech(), help_heading = "Clip preparation")]
    pub(super) speech: Option<Speech>,
}

fn speech() -> impl TypedValueParser<Value = Speech> {
    named([
        (Speech::Any, "All clips that can be read"),
        (Speech::Required, "Those in which a face speaks, so that lips and voice can be compared"),
    ])
}

fn fusion_scopes() -> impl TypedValueParser<Value = FusionScope> {
    named([
        (FusionScope::PerClip, "Each clip alone: a score never depends on other clips"),
        (
            FusionScope::AcrossBatch,
            "The clips of a batch, as the reference computes it; needs --batch-size",
        ),
    ])
}

/// A detector whose weights may not be loaded yet.
pub(super) struct Network(Arc<Detector>);

impl Deref for Network {
    type Target = Detector;

    fn deref(&self) -> &Detector {
        &self.0
    }
}

impl Network {
    /// Starts to describe the run on another thread, because hashing a checkpoint takes longer than
    /// opening it.
    pub(super) fn describe(&self) -> Described {
        let detector = Arc::clone(&self.0);
        Described(std::thread::spawn(move || detector.run()))
    }
}

/// The description of a run, once the checkpoint is hashed.
pub(super) struct Described(JoinHandle<Result<Run, Error>>);

impl Described {
    pub(super) fn wait(self) -> anyhow::Result<Run> {
        Ok(self.0.join().unwrap_or_else(|panic| resume_unwind(panic))?)
    }
}

impl NetworkArgs {
    /// Opens the detector. With `one_clip`, weights are read from their file when they are needed. `json` says that
    /// the results are printed as JSON, `synchrony` that the synchrony is measured, too.
    pub(super) fn read(
        &self,
        one_clip: bool,
        json: bool,
        synchrony: bool,
    ) -> anyhow::Result<Network> {
        let mut builder = Detector::builder()
            .device(self.device.parse::<Device>()?)
            .precision(self.precision)
            .fusion(self.fusion_attention)
            .aggregate(self.aggregate)
            .config(overrides(self.config.as_ref())?)
            .weights_in_file(one_clip)
            .synchrony(synchrony)
            .preparation(Preparation {
                speech: self.speech.speech,
                ..self.damage.applied_to(self.clip.preparation())
            });
        if let Some(size) = self.batch_size {
            builder = builder.batch_size(size.get());
        }
        if let Some(rate) = self.error_rate {
            builder = builder.error_rate(rate);
        }
        let detector = match &self.checkpoint {
            Some(path) => builder.prepare(path).map_err(|error| explained(path, error))?,
            None => builder.prepare_bundled()?,
        };
        let name = detector.checkpoint().path().display().to_string();
        self.warn_of_preparation(&detector)?;
        if self.fusion_attention == FusionScope::AcrossBatch {
            tracing::warn!(
                "with across-batch attention, scores depend on the batch size and on the order of clips"
            );
        }
        tracing::info!("{name} on {}", detector.device());
        if detector.checkpoint().format() != Format::Safetensors {
            tracing::warn!(
                "{name} stores neither its config nor its clip preparation: defaults of the released checkpoints are \
                 used (`avff convert` writes a file that stores both)"
            );
        }
        // The results show the warning as text. JSON is for programs, and a file is not on the screen.
        let unseen = json || std::io::stderr().is_terminal();
        if let Some(warning) = detector.warning()
            && unseen
            && !std::io::stdout().is_terminal()
        {
            tracing::warn!("{warning}");
        }
        Ok(Network(Arc::new(detector)))
    }
}

/// Adds where the checkpoint's path comes from, since nobody typed it.
fn explained(path: &Path, error: Error) -> anyhow::Error {
    let variable = std::env::var_os(CHECKPOINT).filter(|variable| **variable == *path);
    match variable {
        Some(_) if !path.exists() => anyhow::Error::from(error).context(CHECKPOINT),
        _ => error.into(),
    }
}

impl NetworkArgs {
    /// Warns where clips are prepared otherwise than for training: scores then mean less.
    fn warn_of_preparation(&self, detector: &Detector) -> anyhow::Result<()> {
        let (checkpoint, config) = (detector.checkpoint(), detector.config());
        let trained = preprocessing::spec(checkpoint, config, |_| Ok(()))?;
        let lines = preprocessing::differences(&trained, detector.spec())?;
        if !lines.is_empty() {
            tracing::warn!(
                "clips are prepared differently from training, so scores may be wrong: {}",
                lines.join("; ")
            );
        }
        Ok(())
    }
}

/// Number format of a file to write.
#[derive(Debug, Clone, Copy, ValueEnum)]
pub(super) enum DtypeArg {
    /// 32-bit floats, exact
    F32,
    /// 16-bit floats, half the size
    F16,
}

impl From<DtypeArg> for Precision {
    fn from(dtype: DtypeArg) -> Self {
        match dtype {
            DtypeArg::F32 => Self::F32,
            DtypeArg::F16 => Self::F16,
        }
    }
}

/// Maximum size of the JSON of `--config`. A config has a few hundred bytes.
const MAX_CONFIG: u64 = 1 << 20;

/// Reads the JSON of `--config`.
pub(super) fn overrides(path: Option<&PathBuf>) -> anyhow::Result<Option<serde_json::Value>> {
    let Some(path) = path else { return Ok(None) };
    let named = || format!("--config {}", path.display());
    let text = avff_files::read_text(path, MAX_CONFIG).with_context(named)?;
    let json = serde_json::from_str(&text).with_context(named)?;
    Ok(Some(json))
}
