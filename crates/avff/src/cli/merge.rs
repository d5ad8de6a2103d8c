//! `avff merge`.

use std::{io::Write, path::PathBuf, process::ExitCode};

use avff::{crop, evaluate};

use super::eval::print_notes;
use super::{code_for_coverage, fraction, report::ReportArgs};

/// Join the shards of a run
///
/// Joins the predictions of `avff eval --shard`, or the folders of `avff crop --shard`. The files are
/// byte for byte those of one run without shards. Shards that are missing, repeated, unfinished or of
/// another run are refused.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  avff merge prediction.*-of-8.csv --output prediction.csv
  avff merge crops/*-of-8 --output crops")]
pub(super) struct Args {
    /// Predictions (NAME.I-of-N.csv) or folders (DIR/I-of-N), in any order
    #[arg(required = true, value_name = "SHARD")]
    shards: Vec<PathBuf>,

    /// Predictions to write, or the folder that holds the shards
    #[arg(long, value_name = "FILE|DIR")]
    output: PathBuf,

    /// Replace the results of an earlier run
    #[arg(long)]
    overwrite: bool,

    #[command(flatten)]
    report: ReportArgs,

    /// Exit with code 3 if a smaller fraction of the clips could be read
    #[arg(long, value_name = "FRACTION", default_value = "1.0", value_parser = fraction)]
    min_coverage: f64,
}

pub(super) fn run(args: &Args) -> anyhow::Result<ExitCode> {
    let folders = args.shards.iter().filter(|shard| shard.is_dir()).count();
    let mut out = std::io::stdout().lock();
    let fraction = if folders == 0 {
        let summary =
            evaluate::merge(&args.shards, &args.output, args.overwrite, &args.report.options())?;
        writeln!(out, "{}", summary.table())?;
        writeln!(out, "scores: {}", args.output.display())?;
        print_notes(&mut out, &summary, &evaluate::Paths::of(&args.output, None))?;
        summary.coverage.fraction
    } else if folders == args.shards.len() {
        let summary = crop::merge(&args.shards, &args.output, args.overwrite)?;
        writeln!(out, "{}", summary.table())?;
        writeln!(out, "clips: {}", crop::Names::new(&args.output).manifest.display())?;
        summary.fraction
    } else {
        anyhow::bail!("some shards are folders and others are not: merge those of one run");
    };
    Ok(code_for_coverage(fraction, args.min_coverage))
}
