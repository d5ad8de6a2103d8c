//! `avff convert`.

use std::{io::Write, path::PathBuf, process::ExitCode};

use avff::{
    Device,
    checkpoint::{ConvertOptions, convert, is_pytorch},
    model::{
        AvffConfig, Checkpoint,
        checkpoint::{KeyStyle, WriteOptions},
    },
};
use clap::builder::TypedValueParser;

use super::{
    network::{DtypeArg, overrides},
    values::named,
};

/// Convert a checkpoint to safetensors or `.pth`
///
/// A safetensors file loads fastest and stores the network's config, the preparation of clips and
/// the weights' warning. An output named `.pth` or `.pt` is a PyTorch file, which stores none of
/// these. Keys and shapes stay those of Open-AVFF, so PyTorch can load both.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  avff convert stage-3.pth stage-3.safetensors
  avff convert stage-3.pth half.safetensors --dtype f16
  avff convert best.safetensors stage-2.pth --keys plain

In Python:
  state_dict = torch.load(\"stage-2.pth\", weights_only=True)")]
pub(super) struct Args {
    /// A `.pth` or safetensors file of any stage
    from: PathBuf,

    /// The file to write: safetensors, or `.pth` or `.pt` for PyTorch
    to: PathBuf,

    /// JSON that overrides keys of the checkpoint's config
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,

    /// A warning to attach to every score of these weights, such as what they were trained on; not
    /// for PyTorch files
    #[arg(long, value_name = "TEXT")]
    note: Option<String>,

    /// Number format of the file
    #[arg(long, value_enum, default_value_t = DtypeArg::F32)]
    dtype: DtypeArg,

    /// Names of the keys; avff reads both
    #[arg(long, value_parser = key_styles(), default_value = "module")]
    keys: KeyStyle,
}

fn key_styles() -> impl TypedValueParser<Value = KeyStyle> {
    named([
        (KeyStyle::Module, "With `module.`, for scripts that load into torch.nn.DataParallel"),
        (KeyStyle::Plain, "Without a prefix, for scripts that load into the bare module"),
    ])
}

pub(super) fn run(args: &Args) -> anyhow::Result<ExitCode> {
    let options = ConvertOptions {
        overrides: overrides(args.config.as_ref())?,
        note: args.note.clone(),
        write: WriteOptions { precision: args.dtype.into(), keys: args.keys },
    };
    let to = args.to.display();
    let converted = convert(&args.from, &args.to, &options, Device::host())?;
    if is_pytorch(&args.to) {
        tracing::warn!("{to} stores neither the network's config nor the preparation of clips");
    }
    // The released files have the sizes and the defaults of their preset.
    let is_guess = || -> anyhow::Result<bool> {
        let config = Checkpoint::open(&args.to)?.config(None)?;
        Ok(config != AvffConfig::open_avff())
    };
    if is_pytorch(&args.from) && !is_pytorch(&args.to) && args.config.is_none() && is_guess()? {
        tracing::warn!(
            "{} does not store the network's config: {to} has what the sizes of its tensors tell, and the defaults of the \
             released checkpoints for the rest, such as attention heads and fusion_attention (--config sets them; \
             `avff inspect` shows them)",
            args.from.display()
        );
    }
    if converted.lost_calibration {
        tracing::warn!(
            "{to} does not keep the calibration: `avff calibrate` fits one to its scores"
        );
    }
    if let Some(warning) = converted.lost_warning {
        tracing::warn!("{to} does not store the weights' warning: {warning}");
    }
    let kind = converted.kind;
    writeln!(std::io::stdout().lock(), "{to}: {kind} ({})", kind.stages())?;
    Ok(ExitCode::SUCCESS)
}
