//! `avff adapt`.

use std::{io::Write, path::PathBuf, process::ExitCode};

use avff::{Device, Pretrained, pretrained::PretrainedOptions};

use super::network::{DtypeArg, overrides};

/// Turn a stage-2 checkpoint into stage 3
///
/// The encoders and the cross-modal blocks are kept, and the decoders are dropped. The classification head
/// is new and random. The token maps of A2V and V2A are kept where they span a slice, and new where they
/// span a clip. Train the result before you score with it.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Example:
  avff adapt stage-2.pth stage-3-init.safetensors")]
pub(super) struct Args {
    /// Stage-2 (or stage-1) weights
    stage2: PathBuf,

    /// The safetensors file to write
    stage3: PathBuf,

    /// Random seed of the new weights
    #[arg(long, default_value_t = 0)]
    seed: u64,

    /// JSON that overrides keys of the checkpoint's config
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,

    /// Number format of the file
    #[arg(long, value_enum, default_value_t = DtypeArg::F32)]
    dtype: DtypeArg,
}

pub(super) fn run(args: &Args) -> anyhow::Result<ExitCode> {
    let config = overrides(args.config.as_ref())?;
    let options = PretrainedOptions { device: Some(Device::host()), config, ..Default::default() };
    let pretrained = Pretrained::open_with(&args.stage2, options)?;
    pretrained.adapt(&args.stage3, args.seed, args.dtype.into())?;
    writeln!(
        std::io::stdout().lock(),
        "{}: a stage-3 classifier whose head is random (seed {}); train it before you score with it",
        args.stage3.display(),
        args.seed
    )?;
    Ok(ExitCode::SUCCESS)
}
