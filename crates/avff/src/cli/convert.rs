//! `avff convert`.

use std::{io::Write, path::PathBuf, process::ExitCode};

use avff::{Device, checkpoint::convert};

use super::network::{DtypeArg, overrides};

/// Convert a checkpoint to safetensors
///
/// A safetensors file loads fastest and stores the network's config. Keys and shapes stay those of
/// Open-AVFF, so PyTorch can load the file, too.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  avff convert stage-3.pth stage-3.safetensors
  avff convert stage-3.pth half.safetensors --dtype f16

Back to PyTorch, in Python:
  from safetensors.torch import load_file
  torch.save(load_file(\"stage-3.safetensors\"), \"stage-3.pth\")")]
pub(super) struct Args {
    /// A `.pth` or safetensors file of any stage
    from: PathBuf,

    /// The safetensors file to write
    to: PathBuf,

    /// JSON that overrides keys of the checkpoint's config
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,

    /// A warning to attach to every score of these weights, such as what they were trained on
    #[arg(long, value_name = "TEXT")]
    note: Option<String>,

    /// Number format of the file
    #[arg(long, value_enum, default_value_t = DtypeArg::F32)]
    dtype: DtypeArg,
}

pub(super) fn run(args: &Args) -> anyhow::Result<ExitCode> {
    let overrides = overrides(args.config.as_ref())?;
    let precision = args.dtype.into();
    let (overrides, note) = (overrides.as_ref(), args.note.as_deref());
    let kind = convert(&args.from, &args.to, overrides, note, precision, Device::host())?;
    writeln!(std::io::stdout().lock(), "{}: {kind} ({})", args.to.display(), kind.stages())?;
    Ok(ExitCode::SUCCESS)
}
