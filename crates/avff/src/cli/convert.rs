//! `avff convert`.

use std::{io::Write, path::PathBuf, process::ExitCode};

use avff::{Device, checkpoint::convert};

use super::network::{PrecisionArg, overrides};

/// Write a checkpoint as safetensors, which loads fastest and carries its config
///
/// Keys and layouts stay the reference's, so PyTorch reads the result too.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// A `.pth` or safetensors file of either model
    from: PathBuf,

    /// The safetensors file to write
    to: PathBuf,

    /// JSON laid over the config of the checkpoint
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,

    /// What is to be said wherever a score of these weights shows, such as what they were trained on
    #[arg(long, value_name = "TEXT")]
    note: Option<String>,

    /// Number format of the file
    #[arg(long, value_enum, default_value_t = PrecisionArg::F32)]
    precision: PrecisionArg,
}

pub(super) fn run(args: &Args) -> anyhow::Result<ExitCode> {
    let overrides = overrides(args.config.as_ref())?;
    let precision = args.precision.into();
    let (overrides, note) = (overrides.as_ref(), args.note.as_deref());
    let kind = convert(&args.from, &args.to, overrides, note, precision, Device::host())?;
    writeln!(std::io::stdout().lock(), "{}: {kind}", args.to.display())?;
    Ok(ExitCode::SUCCESS)
}
