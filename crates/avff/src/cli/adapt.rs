//! `avff adapt`.

use std::{io::Write, path::PathBuf, process::ExitCode};

use avff::{Device, Pretrained, pretrained::PretrainedOptions};

use super::network::{PrecisionArg, overrides};

/// Make a stage-3 start from a stage-2 checkpoint
///
/// Encoders and cross-modal blocks carry over, decoders are dropped. The head starts from a seed, and so do the
/// token maps of A2V and V2A where they span a clip; those of slices carry over. The result has to be trained before its scores mean anything.
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
    let config = overrides(args.config.as_ref())?;
    let options = PretrainedOptions { device: Some(Device::host()), config, ..Default::default() };
    let pretrained = Pretrained::open_with(&args.stage2, options)?;
    pretrained.adapt(&args.stage3, args.seed, args.precision.into())?;
    writeln!(
        std::io::stdout().lock(),
        "{}: a classifier to train; its head starts from seed {}",
        args.stage3.display(),
        args.seed
    )?;
    Ok(ExitCode::SUCCESS)
}
