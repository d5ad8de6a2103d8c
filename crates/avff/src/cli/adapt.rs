//! `avff adapt`.

use std::{io::Write, path::PathBuf, process::ExitCode};

use avff::{adapt, device::Device};

use super::network::{PrecisionArg, overrides};

/// Make a stage-3 start from a stage-2 checkpoint
///
/// Encoders and cross-modal blocks carry over, decoders are dropped, the head and the token maps of
/// A2V and V2A start from a seed. The result has to be trained before its scores mean anything.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// Stage-1 or stage-2 weights
    stage2: PathBuf,

    /// The safetensors file to write
    stage3: PathBuf,

    /// Where the fresh weights start from
    #[arg(long, default_value_t = 0)]
    seed: u64,

    /// JSON laid over the config of the checkpoint
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,

    /// Number format of the file
    #[arg(long, value_enum, default_value_t = PrecisionArg::F32)]
    precision: PrecisionArg,
}

pub(super) fn run(args: &Args) -> anyhow::Result<ExitCode> {
    let precision = args.precision.into();
    let overrides = overrides(args.config.as_ref())?;
    let device = Device::host();
    adapt::adapt(&args.stage2, &args.stage3, overrides.as_ref(), args.seed, precision, device)?;
    writeln!(
        std::io::stdout().lock(),
        "{}: a classifier to train; its head starts from seed {}",
        args.stage3.display(),
        args.seed
    )?;
    Ok(ExitCode::SUCCESS)
}
