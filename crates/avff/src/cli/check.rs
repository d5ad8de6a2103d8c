//! `avff check`.

use std::{io::Write, num::NonZeroUsize, path::PathBuf, process::ExitCode};

use avff::{
    check::{CheckDepth, CheckOptions, FindingKind, Findings, Progress, check},
    data::ClipSpec,
};
use avff_datasets::protocol::SPLIT_COLUMN;
use indicatif::ProgressBar;

use super::{LEAK, code_for_coverage, csv::CsvArgs, fraction, hints::of_code};

/// Find leaks, shortcuts and unreadable files
///
/// Give one CSV with a column `split`, or a CSV for each split. The report shows identities, sources, paths
/// and file contents that splits share; contradicting labels; missing and unreadable files; shortcuts, such
/// as silence at the start of fakes; and the mean and standard deviation of the filterbank.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  avff check sets/train.csv sets/test.csv --strict
  avff check all.csv --no-media --report findings.csv")]
pub(super) struct Args {
    /// CSVs with a column `video_name`
    #[arg(required = true, value_name = "CSV")]
    csvs: Vec<PathBuf>,

    #[command(flatten)]
    manifest: CsvArgs,

    /// The column with a row's split, if one CSV is given
    #[arg(long, value_name = "NAME", default_value = SPLIT_COLUMN)]
    split_column: String,

    /// Check the CSVs alone
    #[arg(long, group = "look")]
    no_media: bool,

    /// Check which files exist and which are equal, without decoding
    #[arg(long, group = "look")]
    hash: bool,

    /// Decode the frames that a network would see, as well as the audio
    #[arg(long, group = "look")]
    decode: bool,

    /// Frames that the filterbank is stretched to
    #[arg(long, value_name = "N", default_value_t = 1024)]
    fbank_frames: usize,

    /// Mel bins of the filterbank
    #[arg(long, value_name = "N", default_value_t = 128)]
    mels: usize,

    /// Sample rate that audio is resampled to first [default: each file's own]
    #[arg(long, value_name = "HZ")]
    fbank_rate: Option<u32>,

    /// Length of a filterbank frame in milliseconds
    #[arg(long, value_name = "MS", default_value_t = 25.0)]
    frame_ms: f64,

    /// Shift between filterbank frames in milliseconds
    #[arg(long, value_name = "MS", default_value_t = 10.0)]
    shift_ms: f64,

    /// Threads [default: one per core]
    #[arg(long, value_name = "N")]
    workers: Option<NonZeroUsize>,

    /// CSV to write of every row with a problem
    #[arg(long, value_name = "FILE")]
    report: Option<PathBuf>,

    /// Print JSON
    #[arg(long)]
    json: bool,

    /// Exit with code 4 if splits share anything or labels contradict each other
    #[arg(long)]
    strict: bool,

    /// Exit with code 3 if a smaller fraction of the rows has a readable file
    #[arg(long, value_name = "FRACTION", default_value = "1.0", value_parser = fraction)]
    min_coverage: f64,
}

pub(super) fn run(args: &Args) -> anyhow::Result<ExitCode> {
    let mut spec = ClipSpec::open_avff();
    (spec.audio.frames, spec.audio.mels) = (args.fbank_frames, args.mels);
    spec.audio.rate = args.fbank_rate;
    (spec.audio.frame_ms, spec.audio.shift_ms) = (args.frame_ms, args.shift_ms);
    let options = CheckOptions {
        csvs: args.csvs.clone(),
        manifest: args.manifest.options(),
        split_column: args.split_column.clone(),
        depth: match (args.no_media, args.hash, args.decode) {
            (true, ..) => CheckDepth::Csv,
            (_, true, _) => CheckDepth::Bytes,
            (.., true) => CheckDepth::Frames,
            _ => CheckDepth::Audio,
        },
        spec,
        workers: args.workers,
        report: args.report.clone(),
    };
    let bar = super::progress::bar("files");
    let mut report = check(&options, &mut |progress| show(&bar, progress))?;
    bar.finish_and_clear();
    for example in report.findings.iter_mut().flat_map(|findings| &mut findings.examples) {
        if let Some(code) = &example.code {
            example.hint = of_code(code, example.hint.as_deref());
        }
    }
    let mut out = std::io::stdout().lock();
    if args.json {
        writeln!(out, "{}", serde_json::to_string_pretty(&report)?)?;
    } else {
        write!(out, "{}", report.table())?;
        let shared = |findings: &Findings| {
            matches!(findings.kind, FindingKind::SharedIdentity | FindingKind::SharedSource)
        };
        if report.findings.iter().any(shared) {
            writeln!(out, "hint: `avff split subjects` keeps identities and sources apart")?;
        }
    }
    if args.strict && report.has_faults() {
        return Ok(ExitCode::from(LEAK));
    }
    Ok(code_for_coverage(report.readable(), args.min_coverage))
}

fn show(bar: &ProgressBar, Progress { done, total }: Progress) {
    bar.set_length(total as u64);
    bar.set_position(done as u64);
}
