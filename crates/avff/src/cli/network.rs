//! The options that say which network scores, where and how.

use std::{
    io::IsTerminal, num::NonZeroUsize, ops::Deref, panic::resume_unwind, path::PathBuf, sync::Arc,
    thread::JoinHandle,
};

use anyhow::Context;
use avff::{
    Aggregate, Arithmetic, Detector, Device, Error,
    evaluate::Run,
    model::{
        FusionScope,
        checkpoint::{Format, Precision},
    },
};
use clap::{ValueEnum, builder::TypedValueParser};

use super::{clip::ClipArgs, values::named};

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

    /// What the cross-modal blocks attend over
    #[arg(long, value_parser = fusion_scopes(), default_value_t)]
    fusion_attention: FusionScope,

    /// What the network computes with
    #[arg(long, value_parser = arithmetics(), default_value_t)]
    precision: Arithmetic,

    #[command(flatten)]
    clip: ClipArgs,

    /// How windows make a clip's score: mean of the logits, or max, the window that looks most fake
    #[arg(long, default_value_t, help_heading = "Reading clips")]
    aggregate: Aggregate,
}

fn arithmetics() -> impl TypedValueParser<Value = Arithmetic> {
    named([
        (Arithmetic::F32, "As the released weights were trained"),
        (
            Arithmetic::Tf32,
            "Tensor cores' 11 bits in products: faster, not exact; on NVIDIA's GPUs",
        ),
        (
            Arithmetic::Bf16,
            "Half precision: faster, not exact; on GPUs that have it, as NVIDIA's from Ampere on, and on CPUs with AMX (Linux) or AVX512-BF16",
        ),
        (Arithmetic::F16, "Half precision: faster, not exact; on GPUs"),
        (
            Arithmetic::Int8,
            "Products of the encoders' blocks in 8-bit integers: faster, not exact; on the CPU alone",
        ),
    ])
}

fn fusion_scopes() -> impl TypedValueParser<Value = FusionScope> {
    named([
        (FusionScope::PerClip, "Each clip by itself: a score never depends on other clips"),
        (
            FusionScope::AcrossBatch,
            "Across the clips of a batch, as the reference computes; needs --batch-size",
        ),
    ])
}

/// A detector whose weights may not be read yet.
pub(super) struct Network(Arc<Detector>);

impl Deref for Network {
    type Target = Detector;

    fn deref(&self) -> &Detector {
        &self.0
    }
}

impl Network {
    /// Begins to describe what scores depend on: the file's hash takes longer than opening it, and is
    /// needed last.
    pub(super) fn describe(&self) -> Described {
        let detector = Arc::clone(&self.0);
        Described(std::thread::spawn(move || detector.run()))
    }
}

/// What scores depend on, for which the file's hash has to be there.
pub(super) struct Described(JoinHandle<Result<Run, Error>>);

impl Described {
    pub(super) fn wait(self) -> anyhow::Result<Run> {
        Ok(self.0.join().unwrap_or_else(|panic| resume_unwind(panic))?)
    }
}

impl NetworkArgs {
    /// The detector; `one_clip` where it will not score more than that.
    pub(super) fn read(&self, one_clip: bool) -> anyhow::Result<Network> {
        let mut builder = Detector::builder()
            .device(self.device.parse::<Device>()?)
            .precision(self.precision)
            .fusion(self.fusion_attention)
            .aggregate(self.aggregate)
            .config(overrides(self.config.as_ref())?)
            .weights_in_file(one_clip)
            .preparation(self.clip.preparation());
        if let Some(size) = self.batch_size {
            builder = builder.batch_size(size.get());
        }
        let detector = builder.prepare(&self.checkpoint)?;
        if self.fusion_attention == FusionScope::AcrossBatch {
            tracing::warn!("across-batch scores depend on which clips share a batch, and on order");
        }
        tracing::info!("{} on {}", self.checkpoint.display(), detector.device());
        if detector.checkpoint().format() != Format::Safetensors {
            tracing::warn!(
                "{} carries neither its config nor how its clips were prepared: `avff convert` makes a file of it that \
                 does",
                self.checkpoint.display()
            );
        }
        // On a terminal the results say it themselves.
        if let Some(warning) = detector.warning().filter(|_| !std::io::stdout().is_terminal()) {
            tracing::warn!("{warning}");
        }
        Ok(Network(Arc::new(detector)))
    }
}

/// Number format of a file to write.
#[derive(Debug, Clone, Copy, ValueEnum)]
pub(super) enum PrecisionArg {
    /// As computed with
    F32,
    /// Half the size
    F16,
}

impl From<PrecisionArg> for Precision {
    fn from(precision: PrecisionArg) -> Self {
        match precision {
            PrecisionArg::F32 => Self::F32,
            PrecisionArg::F16 => Self::F16,
        }
    }
}

/// The JSON of a config file.
pub(super) fn overrides(path: Option<&PathBuf>) -> anyhow::Result<Option<serde_json::Value>> {
    let Some(path) = path else { return Ok(None) };
    let text = std::fs::read_to_string(path).with_context(|| path.display().to_string())?;
    let json = serde_json::from_str(&text).with_context(|| path.display().to_string())?;
    Ok(Some(json))
}
