//! `avff eval`.

use std::{
    io::Write,
    num::NonZeroUsize,
    path::PathBuf,
    process::ExitCode,
    time::{Duration, Instant},
};

use avff::{
    evaluate::{EvalOptions, Paths, Progress},
    shard::Shard,
};

use super::{code_for_coverage, fraction, network::NetworkArgs, report::ReportArgs};

/// How often `-v` says how far a run is.
const LOG_EVERY: Duration = Duration::from_secs(10);

/// Score every clip of a CSV
///
/// Writes NAME.csv with `video_name,y_pred` (probability of fake) and the CSV's further columns for
/// every clip that could be read, in the CSV's order; NAME.errors.csv with a reason for every other,
/// which is a CSV to score again once they are mended; NAME.summary.json with coverage, metrics where there are targets, and all that scores depend on.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    #[command(flatten)]
    network: NetworkArgs,

    /// CSV with a column `video_name`; `target` (1 fake, 0 real) and others are carried through
    #[arg(long, value_name = "FILE")]
    csv: PathBuf,

    /// Where relative paths start [default: the CSV's folder]
    #[arg(long, value_name = "DIR")]
    root: Option<PathBuf>,

    /// The predictions
    #[arg(long, value_name = "FILE", default_value = "prediction.csv")]
    output: PathBuf,

    /// Only rows I, I+N, I+2N...: part I of N, from 0/N to N-1/N, into NAME.I-of-N.csv; `avff merge` puts
    /// all parts together
    #[arg(long, value_name = "I/N")]
    shard: Option<Shard>,

    /// Decoding threads [default: one a core]
    #[arg(long, value_name = "N")]
    workers: Option<NonZeroUsize>,

    /// Go on with an unfinished run into the same output
    #[arg(long, conflicts_with = "overwrite")]
    resume: bool,

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
    let network = args.network.read(false)?;
    let run = network.describe();
    network.load()?;
    let run = run.wait()?;
    let options = EvalOptions {
        csv: args.csv.clone(),
        root: args.root.clone(),
        output: args.output.clone(),
        shard: args.shard,
        workers: args.workers,
        resume: args.resume,
        overwrite: args.overwrite,
        report: args.report.options(),
    };
    let bar = super::bar("clips");
    let mut last = Instant::now();
    let mut show = |progress: Progress| {
        // For logs, where no bar can be.
        if last.elapsed() > LOG_EVERY {
            let Progress { done, total, failed } = progress;
            tracing::info!("{done} of {total} clips, {failed} not read");
            last = Instant::now();
        }
        bar.set_length(progress.total);
        bar.set_position(progress.done);
        if progress.failed > 0 {
            bar.set_message(format!("{} not read", progress.failed));
        }
    };
    let summary = network.evaluate_as(run, &options, &mut show)?;
    bar.finish_and_clear();
    let paths = Paths::of(&args.output, args.shard);
    if summary.coverage.failed > 0 {
        tracing::warn!(
            "{} clips have no score: see {}",
            summary.coverage.failed,
            paths.errors.display()
        );
    }
    let mut out = std::io::stdout().lock();
    writeln!(out, "{}", summary.table())?;
    writeln!(out, "scores: {}", paths.predictions.display())?;
    Ok(code_for_coverage(summary.coverage.fraction, args.min_coverage))
}
