//! `avff compare`.

use std::{io::Write, path::PathBuf, process::ExitCode};

use avff::compare::{CompareOptions, compare};

use super::report::level;

/// Test whether two networks' AUCs differ
///
/// Takes two predictions of `avff eval` over the same clips, with targets. It runs DeLong's paired test,
/// which assumes independent clips, and lists the clips whose rank changed most. The gain of a clip is the
/// fraction of the other class that it is ranked correctly against by the second network, minus that by
/// the first.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Example:
  avff compare baseline.csv finetuned.csv")]
pub(super) struct Args {
    /// Predictions of the first network
    first: PathBuf,

    /// Predictions of the second network
    second: PathBuf,

    /// Level of the confidence intervals
    #[arg(long, value_name = "LEVEL", default_value = "0.95", value_parser = level)]
    level: f64,

    /// How many of the clips that changed most to list
    #[arg(long, value_name = "N", default_value_t = 10)]
    moved: usize,

    /// Print JSON
    #[arg(long)]
    json: bool,
}

pub(super) fn run(args: &Args) -> anyhow::Result<ExitCode> {
    let comparison = compare(&CompareOptions {
        first: args.first.clone(),
        second: args.second.clone(),
        level: args.level,
        moved: args.moved,
    })?;
    let mut out = std::io::stdout().lock();
    if args.json {
        writeln!(out, "{}", serde_json::to_string_pretty(&comparison)?)?;
    } else {
        writeln!(out, "{}", comparison.table())?;
    }
    Ok(ExitCode::SUCCESS)
}
