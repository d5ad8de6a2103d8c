//! `avff eval`.

use std::{
    io::Write,
    num::NonZeroUsize,
    path::{Path, PathBuf},
    process::ExitCode,
};

use avff::{
    calibrate::{figures_of, save_figures},
    calibration::Uncalibrated,
    evaluate::{EvalOptions, ForeignScores, Paths, Submission, Summary, only_class},
    shard::Shard,
};

use super::{
    code_for_coverage, csv::CsvArgs, fraction, interrupt, network::NetworkArgs, progress::Clips,
    report::ReportArgs,
};

/// Score every clip of a CSV
///
/// NAME.csv has a row `video_name,y_pred` (probability of fake) for every clip that could be read, with the
/// other columns of the CSV. NAME.errors.csv has a reason for every other clip; it is a CSV itself, to score again once the clips are repaired. NAME.summary.json has coverage, metrics
/// where targets are known, and everything that the scores depend on. Clips of which something was assumed,
/// or where several tracks could be read, have a row in NAME.notes.csv. NAME.left-out.csv has the windows that are left
/// out because their clip is damaged there.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  avff eval --checkpoint stage-3.pth --csv test.csv
  avff eval --checkpoint stage-3.pth --csv test.csv --by method --intervals
  avff eval --checkpoint stage-3.pth --csv test.csv --resume
  avff eval --scores other-detector.csv --by method --figures figures")]
pub(super) struct Args {
    /// CSV with a column `video_name`, and `target` (1 fake, 0 real) where it is known; other columns are
    /// copied to the predictions
    #[arg(long, value_name = "FILE", required_unless_present = "scores")]
    csv: Option<PathBuf>,

    /// Instead of scoring clips, read the scores of any detector: a CSV with `video_name`, `target` and `y_pred`, which
    /// is higher for fakes. Prints metrics alone
    #[arg(long, value_name = "FILE", conflicts_with_all = ["csv", "resume", "overwrite", "shard", "submission", "synchrony"])]
    scores: Option<PathBuf>,

    /// Folder for figures of the scores: ROC, DET and histograms, and the Tippett plot of a calibrated detector
    #[arg(long, value_name = "FOLDER", conflicts_with = "shard")]
    figures: Option<PathBuf>,

    #[command(flatten)]
    manifest: CsvArgs,

    /// Predictions to write
    #[arg(long, value_name = "FILE", default_value = "prediction.csv")]
    output: PathBuf,

    /// Also write `video_name,y_pred` with the clips' base names alone, as Open-AVFF's eval.py does and
    /// challenges ask for; clips without a score have no row
    #[arg(long, value_name = "FILE", conflicts_with = "shard")]
    submission: Option<PathBuf>,

    /// Score shard I of N alone, from 0/N to N-1/N: rows I, I+N, I+2N... It writes NAME.I-of-N.csv;
    /// `avff merge` joins all shards
    #[arg(long, value_name = "I/N")]
    shard: Option<Shard>,

    /// Decoding threads [default: one per core]
    #[arg(long, value_name = "N")]
    workers: Option<NonZeroUsize>,

    /// Continue an interrupted run into the same output
    #[arg(long, conflicts_with = "overwrite")]
    resume: bool,

    /// Replace the results of an earlier run
    #[arg(long)]
    overwrite: bool,

    #[command(flatten)]
    report: ReportArgs,

    /// Also compare lips and voice without learning: a column `synchrony` (the correlation, low in fakes), and its
    /// AUC, which a network has to beat. Every clip is read twice
    #[arg(long)]
    synchrony: bool,

    /// Exit with code 3 if a smaller fraction of the clips could be read
    #[arg(long, value_name = "FRACTION", default_value = "1.0", value_parser = fraction)]
    min_coverage: f64,

    #[command(flatten)]
    network: NetworkArgs,
}

/// Names the files of notes on clips and of windows that are left out, if there are any.
pub(super) fn print_notes(
    out: &mut impl Write,
    summary: &Summary,
    paths: &Paths,
) -> anyhow::Result<()> {
    let clips = summary.coverage.with_notes;
    if clips > 0 {
        let clips = if clips == 1 { "1 clip".into() } else { format!("{clips} clips") };
        writeln!(out, "notes on {clips}: {}", paths.notes.display())?;
    }
    if summary.coverage.with_left_out > 0 {
        writeln!(out, "windows left out: {}", paths.left_out.display())?;
    }
    Ok(())
}

pub(super) fn run(args: &Args) -> anyhow::Result<ExitCode> {
    match (&args.csv, &args.scores) {
        (Some(csv), _) => score(args, csv),
        (None, Some(scores)) => measure(args, scores),
        (None, None) => anyhow::bail!("give --csv or --scores"),
    }
}

/// Prints the metrics of scores that are there already.
fn measure(args: &Args, scores: &Path) -> anyhow::Result<ExitCode> {
    let read = ForeignScores::read(scores, &args.report.options())?;
    let mut out = std::io::stdout().lock();
    writeln!(out, "{}", read.table())?;
    draw(&mut out, args, scores)?;
    Ok(ExitCode::SUCCESS)
}

/// Draws the figures of scores, if that is asked for.
fn draw(out: &mut impl Write, args: &Args, scores: &Path) -> anyhow::Result<()> {
    let Some(folder) = &args.figures else { return Ok(()) };
    let Some(figures) = figures_of(scores)? else {
        tracing::warn!("there are no figures: both classes are needed");
        return Ok(());
    };
    save_figures(&figures, folder)?;
    writeln!(out, "figures: {}", folder.display())?;
    Ok(())
}

/// Scores the clips of a CSV.
fn score(args: &Args, csv: &Path) -> anyhow::Result<ExitCode> {
    let network = args.network.read(false, false, args.synchrony)?;
    let run = network.describe();
    network.load()?;
    if let Err(reason @ Uncalibrated::Otherwise(_)) = network.judge() {
        tracing::warn!("nothing is decided: {reason}");
    }
    let run = run.wait()?;
    let options = EvalOptions {
        csv: csv.into(),
        manifest: args.manifest.options(),
        output: args.output.clone(),
        shard: args.shard,
        workers: args.workers,
        resume: args.resume,
        overwrite: args.overwrite,
        report: args.report.options(),
    };
    if let Some(class) = only_class(&options.csv, &options.manifest)? {
        tracing::warn!(
            "{}: every clip with a target is {class}, so metrics that compare real and fake clips are undefined",
            options.csv.display()
        );
    }
    let paths = Paths::of(&args.output, args.shard);
    let overwrite = args.overwrite || args.resume;
    let submission = args
        .submission
        .as_ref()
        .map(|path| Submission::plan(path, &options.csv, &options.manifest, &paths, overwrite));
    let submission = submission.transpose()?;
    let mut progress = Clips::new("not read");
    interrupt::explain("the rows so far are kept; add --resume to continue")?;
    let summary = network.evaluate_as(run, &options, &mut |now| progress.show(now))?;
    progress.finish();
    if let Some(submission) = &submission {
        submission.write(&paths.predictions)?;
    }
    if summary.coverage.failed > 0 {
        tracing::warn!(
            "clips without a score: {}; reasons are in {}",
            summary.coverage.failed,
            paths.errors.display()
        );
    }
    let mut out = std::io::stdout().lock();
    writeln!(out, "{}", summary.table())?;
    writeln!(out, "scores: {}", paths.predictions.display())?;
    if let Some(path) = &args.submission {
        writeln!(out, "submission: {}", path.display())?;
    }
    print_notes(&mut out, &summary, &paths)?;
    draw(&mut out, args, &paths.predictions)?;
    if let Some(column) = &summary.likely_target {
        tracing::warn!(
            "there are no metrics: if `{column}` has the labels, give --target-column {column}"
        );
    }
    Ok(code_for_coverage(summary.coverage.fraction, args.min_coverage))
}
