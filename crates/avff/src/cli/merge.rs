//! `avff merge`.

use std::{io::Write, path::PathBuf, process::ExitCode};

use avff::{crop, evaluate};

use super::{code_for_coverage, fraction, report::ReportArgs};

/// Put the shards of a run together
///
/// From the predictions of all shards of `avff eval --shard`, writes what one run writes, to the byte:
/// --output, its errors and its summary, with metrics over all clips. From the folders of all shards of
/// `avff crop --shard`, writes manifest, errors and summary into the folder that they lie in. Shards of
/// another run, missing, unfinished and repeated ones are refused.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// Predictions (NAME.I-of-N.csv) or folders (DIR/I-of-N), in any order
    #[arg(required = true, value_name = "SHARD")]
    shards: Vec<PathBuf>,

    /// The predictions, or the folder, of the run without shards
    #[arg(long, value_name = "FILE|DIR")]
    output: PathBuf,

    /// Replace what an earlier run left in the same output
    #[arg(long)]
    overwrite: bool,

    #[command(flatten)]
    report: ReportArgs,

    /// Exit with 3 when a smaller share of the clips could be read
    #[arg(long, value_name = "SHARE", default_value = "1.0", value_parser = fraction)]
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
