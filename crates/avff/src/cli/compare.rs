//! `avff compare`.

use std::{io::Write, path::PathBuf, process::ExitCode};

use avff::compare::{CompareOptions, compare};

use super::report::level;

/// Compare two networks by their scores of the same clips
///
/// Takes two tables as `avff eval` writes them, with targets, and says whether their AUCs differ by more
/// than chance (DeLong's paired test, which takes clips to be independent of each other), and which
/// clips one places better than the other. The gain of a clip is the share of the other class that the
/// second has it on the right side of, less that of the first.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// Predictions of the one
    first: PathBuf,

    /// Predictions of the other
    second: PathBuf,

    /// Level of the confidence intervals
    #[arg(long, value_name = "LEVEL", default_value = "0.95", value_parser = level)]
    level: f64,

    /// How many of the clips that moved most to name
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
