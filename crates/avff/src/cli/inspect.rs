//! `avff inspect`.

use std::{io::Write, path::PathBuf, process::ExitCode};

use avff::{
    calibration,
    model::{AvffConfig, Checkpoint, checkpoint::Metadata},
    table::Text,
};
use serde::Serialize;

use super::network::overrides;

/// Show what a checkpoint holds
///
/// Shows the model, its config, the number of parameters, all keys, and the SHA-256. --json also shows the
/// clip preparation.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Example:
  avff inspect stage-3.pth")]
pub(super) struct Args {
    /// Weights: `.pth` from PyTorch, or safetensors
    file: PathBuf,

    /// JSON that overrides keys of the checkpoint's config
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,

    /// Print JSON
    #[arg(long)]
    json: bool,
}

#[derive(Serialize)]
struct Report<'a> {
    path: String,
    kind: avff::model::checkpoint::Kind,
    format: &'static str,
    sha256: String,
    parameters: usize,
    config: Option<AvffConfig>,
    /// Why the config is unknown.
    config_error: Option<String>,
    metadata: Option<&'a Metadata>,
    keys: Vec<Key<'a>>,
}

#[derive(Serialize)]
struct Key<'a> {
    key: &'a str,
    dtype: &'static str,
    shape: &'a [usize],
}

pub(super) fn run(args: &Args) -> anyhow::Result<ExitCode> {
    let checkpoint = Checkpoint::open(&args.file)?;
    let overrides = overrides(args.config.as_ref())?;
    let config = match checkpoint.config(overrides.as_ref()) {
        // A config that was given must fit. Without one, an unknown config is only not shown.
        Err(error) if overrides.is_some() => return Err(error.into()),
        config => config,
    };
    let report = Report {
        path: args.file.display().to_string(),
        kind: checkpoint.kind(),
        format: checkpoint.format().into(),
        sha256: checkpoint.sha256()?,
        parameters: checkpoint.parameter_count(),
        config_error: config.as_ref().err().map(ToString::to_string),
        config: config.ok(),
        metadata: checkpoint.metadata(),
        keys: checkpoint
            .tensors()
            .map(|(key, tensor)| Key { key, dtype: tensor.dtype.name(), shape: &tensor.shape })
            .collect(),
    };
    let mut out = std::io::stdout().lock();
    if args.json {
        writeln!(out, "{}", serde_json::to_string_pretty(&report)?)?;
        return Ok(ExitCode::SUCCESS);
    }
    writeln!(out, "{}: {} ({})", report.path, report.kind, report.format)?;
    writeln!(out, "SHA-256     {}", report.sha256)?;
    writeln!(out, "parameters  {} in {} tensors", report.parameters, report.keys.len())?;
    match report.metadata {
        Some(metadata) if metadata.trained => writeln!(out, "trained     yes")?,
        Some(_) => writeln!(out, "trained     no: scores of these weights are meaningless")?,
        None => writeln!(out, "trained     unknown: the file does not say")?,
    }
    match calibration::read(&checkpoint)? {
        Some(record) => {
            let [fakes, reals] = record.calibration.clips.counts();
            let on = &record.fitted_on.name;
            writeln!(out, "calibrated  on {on} ({reals} real, {fakes} fake)")?;
        }
        None => writeln!(out, "calibrated  no")?,
    }
    match (&report.config, &report.config_error) {
        (Some(config), _) => {
            let from = if report.metadata.is_some() {
                "stored in the file"
            } else {
                "inferred from shapes"
            };
            writeln!(out, "config      {from}")?;
            writeln!(out, "{}", serde_json::to_string_pretty(config)?)?;
        }
        (None, error) => writeln!(out, "config      {}", error.as_deref().unwrap_or_default())?,
    }
    let mut table = Text::with_header(["key", "type", "shape"]);
    for key in &report.keys {
        table.row([key.key.to_owned(), key.dtype.into(), format!("{:?}", key.shape)]);
    }
    writeln!(out, "{table}")?;
    Ok(ExitCode::SUCCESS)
}
