//! `avff localize`.

use std::{io::Write, path::PathBuf, process::ExitCode};

use avff::localize::LocalizeOptions;

use super::{code_for_coverage, csv::CsvArgs, fraction, network::NetworkArgs, progress::Clips};

/// Find the fake parts of the clips of a CSV
///
/// Scores overlapping windows and writes FOLDER/prediction.json (for each clip, proposals as score, start and end in
/// seconds) and FOLDER/prediction.txt (`clip;score`), as the 1M-Deepfakes challenge asks for them. With a column
/// `fake_segments`, or `fake_from` and `fake_to`, it also measures AP at overlaps of 0.5 to 0.95 and AR with 5 to 50
/// proposals.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Example:
  avff localize --csv val.csv --output localized --window 3.2 --stride 0.4")]
pub(super) struct Args {
    /// CSV with a column `video_name`
    #[arg(long, value_name = "FILE")]
    csv: PathBuf,

    #[command(flatten)]
    manifest: CsvArgs,

    /// Folder of the results
    #[arg(long, value_name = "FOLDER")]
    output: PathBuf,

    /// Replace the results of an earlier run
    #[arg(long)]
    overwrite: bool,

    /// Exit with code 3 if a smaller fraction of the clips could be read
    #[arg(long, value_name = "FRACTION", default_value = "1.0", value_parser = fraction)]
    min_coverage: f64,

    #[command(flatten)]
    network: NetworkArgs,
}

pub(super) fn run(args: &Args) -> anyhow::Result<ExitCode> {
    let network = args.network.read(false, false, false)?;
    if network.spec().sampling.is_whole() {
        tracing::warn!(
            "clips are scored as a whole, so each has one proposal: --window SECONDS --stride SECONDS"
        );
    }
    let options = LocalizeOptions {
        csv: args.csv.clone(),
        manifest: args.manifest.options(),
        output: args.output.clone(),
        overwrite: args.overwrite,
    };
    let mut progress = Clips::new("not read");
    let summary = network.localize(&options, &mut |now| progress.show(now))?;
    progress.finish();
    let mut out = std::io::stdout().lock();
    writeln!(out, "{}", summary.table())?;
    writeln!(out, "results: {}", args.output.display())?;
    let scored = summary.rows.saturating_sub(summary.failed);
    Ok(code_for_coverage(scored as f64 / summary.rows.max(1) as f64, args.min_coverage))
}
