//! The options that say which network scores, where and how.

use std::{
    io::IsTerminal, num::NonZeroUsize, panic::resume_unwind, path::PathBuf, sync::Arc,
    thread::JoinHandle,
};

use anyhow::Context;
use avff::{
    clip_scores::Aggregate,
    clips,
    convert::caution,
    data::ClipSpec,
    device::Device,
    error::Error,
    eval::Run,
    model::{
        AvffConfig, Checkpoint,
        checkpoint::{Format, Kind, Precision},
    },
    scorer::{self, Arithmetic, Fusion, Scorer, ScorerOptions},
};
use clap::ValueEnum;

use super::clip::ClipArgs;

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
    #[arg(long, value_enum, default_value_t = FusionArg::PerClip)]
    fusion_attention: FusionArg,

    /// What the network computes with
    #[arg(long, value_enum, default_value_t = ArithmeticArg::F32)]
    precision: ArithmeticArg,

    #[command(flatten)]
    clip: ClipArgs,

    /// How windows make a clip's score: mean of the logits, or max, the window that looks most fake
    #[arg(long, default_value_t, help_heading = "Reading clips")]
    aggregate: Aggregate,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum ArithmeticArg {
    /// As the released weights were trained
    F32,
    /// Tensor cores' 11 bits in products: faster, not exact; on NVIDIA's GPUs
    Tf32,
    /// Half precision: faster, not exact; on GPUs that have it, as NVIDIA's from Ampere on, and on CPUs with AMX (Linux) or
    /// AVX512-BF16
    Bf16,
    /// Half precision: faster, not exact; on GPUs
    F16,
    /// Products of the encoders' blocks in 8-bit integers: faster, not exact; on the CPU alone
    Int8,
}

impl From<ArithmeticArg> for Arithmetic {
    fn from(arithmetic: ArithmeticArg) -> Self {
        match arithmetic {
            ArithmeticArg::F32 => Self::F32,
            ArithmeticArg::Tf32 => Self::Tf32,
            ArithmeticArg::Bf16 => Self::Bf16,
            ArithmeticArg::F16 => Self::F16,
            ArithmeticArg::Int8 => Self::Int8,
        }
    }
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum FusionArg {
    /// Each clip by itself: a score never depends on other clips
    PerClip,
    /// Across the clips of a batch, as the reference computes; needs --batch-size
    AcrossBatch,
}

/// A checkpoint whose header is read, and how it is to score.
pub(super) struct Network {
    checkpoint: Arc<Checkpoint>,
    config: AvffConfig,
    pub(super) spec: ClipSpec,
    options: ScorerOptions,
    aggregate: Aggregate,
}

impl Network {
    /// What has to be said of its scores.
    pub(super) fn caution(&self) -> Option<&str> {
        caution(&self.checkpoint)
    }

    /// Begins to describe what scores depend on: the file's hash takes longer than opening it, and is needed last.
    pub(super) fn describe(&self) -> Described {
        let Self { checkpoint, config, spec, options, aggregate } = self;
        let (checkpoint, config, spec, options, aggregate) =
            (checkpoint.clone(), config.clone(), spec.clone(), options.clone(), *aggregate);
        let describe = move || Run::new(&checkpoint, &config, &spec, &options, aggregate);
        Described(std::thread::spawn(describe))
    }

    /// Reads the weights.
    pub(super) fn scorer(&self) -> anyhow::Result<Box<dyn Scorer>> {
        Ok(scorer::open(&self.checkpoint, &self.config, &self.spec, &self.options)?)
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
    /// How windows make a score.
    pub(super) fn aggregate(&self) -> Aggregate {
        self.aggregate
    }

    /// The network; `one_clip` where it will not score more than that.
    pub(super) fn read(&self, one_clip: bool) -> anyhow::Result<Network> {
        let checkpoint = Arc::new(Checkpoint::open(&self.checkpoint)?);
        checkpoint.require(Kind::Classifier)?;
        let config = checkpoint.config(overrides(self.config.as_ref())?.as_ref())?;
        let mut adjusted = Ok(());
        let spec = clips::spec(&checkpoint, &config, |spec| adjusted = self.clip.adjust(spec))?;
        adjusted?;
        let options = ScorerOptions {
            device: self.device.parse::<Device>()?,
            fusion: match self.fusion_attention {
                FusionArg::PerClip => Fusion::PerClip,
                FusionArg::AcrossBatch => Fusion::AcrossBatch,
            },
            batch_size: self.batch_size.map(NonZeroUsize::get),
            arithmetic: self.precision.into(),
            weights_in_file: one_clip && spec.sampling.is_whole(),
        };
        if options.fusion == Fusion::AcrossBatch {
            tracing::warn!("across-batch scores depend on which clips share a batch, and on order");
        }
        tracing::info!("{} on {}", self.checkpoint.display(), options.device);
        if checkpoint.format() != Format::Safetensors {
            tracing::warn!(
                "{} carries neither its config nor how its clips were prepared: `avff convert` makes a file of it that \
                 does",
                self.checkpoint.display()
            );
        }
        let network = Network { checkpoint, config, spec, options, aggregate: self.aggregate };
        // On a terminal the results say it themselves.
        if let Some(caution) = network.caution().filter(|_| !std::io::stdout().is_terminal()) {
            tracing::warn!("{caution}");
        }
        Ok(network)
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
