//! `avff check`.

use std::{io::Write, num::NonZeroUsize, path::PathBuf, process::ExitCode};

use avff::{
    check::{CheckOptions, FindingKind, Findings, Look, Progress, check},
    data::ClipSpec,
};
use avff_datasets::protocol::SPLIT_COLUMN;
use indicatif::ProgressBar;

use super::{LEAK, code_for_coverage, fraction, hints::of_code};

/// Look for leaks, unreadable files and shortcuts in training and test sets
///
/// Give one CSV with a column `split`, or a CSV for each split. Reports identities, sources, paths and
/// file contents that splits share; contradicting labels; missing and unreadable files; what clips are
/// like by class, such as silence at the start; mean and deviation of the filterbank for a clip spec.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// CSVs with a column `video_name`
    #[arg(required = true, value_name = "CSV")]
    csvs: Vec<PathBuf>,

    /// Where relative paths start [default: the folder of each CSV]
    #[arg(long, value_name = "DIR")]
    root: Option<PathBuf>,

    /// The column that says which split a row is in, where one CSV is given
    #[arg(long, value_name = "NAME", default_value = SPLIT_COLUMN)]
    split_column: String,

    /// Look at the CSVs alone
    #[arg(long, group = "look")]
    no_media: bool,

    /// Look only at which files are there and which are the same, decode nothing
    #[arg(long, group = "look")]
    hash: bool,

    /// Decode the pictures a network would see as well as the sound
    #[arg(long, group = "look")]
    decode: bool,

    /// Frames the filterbank is stretched to for its statistics
    #[arg(long, value_name = "N", default_value_t = 1024)]
    fbank_frames: usize,

    /// Mel bins of the filterbank
    #[arg(long, value_name = "N", default_value_t = 128)]
    mels: usize,

    /// Samples a second that sound is brought to first [default: each file's own]
    #[arg(long, value_name = "HZ")]
    fbank_rate: Option<u32>,

    /// Length of the filterbank's frames, in milliseconds
    #[arg(long, value_name = "MS", default_value_t = 25.0)]
    frame_ms: f64,

    /// From the start of a frame to the start of the next, in milliseconds
    #[arg(long, value_name = "MS", default_value_t = 10.0)]
    shift_ms: f64,

    /// Threads [default: one a core]
    #[arg(long, value_name = "N")]
    workers: Option<NonZeroUsize>,

    /// Write every row that something is wrong with
    #[arg(long, value_name = "FILE")]
    report: Option<PathBuf>,

    /// Print JSON
    #[arg(long)]
    json: bool,

    /// Exit with 4 when splits share anything or labels contradict each other
    #[arg(long)]
    strict: bool,

    /// Exit with 3 when a smaller share of the rows has a readable file
    #[arg(long, value_name = "SHARE", default_value = "1.0", value_parser = fraction)]
    min_coverage: f64,
}

pub(super) fn run(args: &Args) -> anyhow::Result<ExitCode> {
    let mut spec = ClipSpec::open_avff();
    (spec.audio.frames, spec.audio.mels) = (args.fbank_frames, args.mels);
    spec.audio.rate = args.fbank_rate;
    (spec.audio.frame_ms, spec.audio.shift_ms) = (args.frame_ms, args.shift_ms);
    let options = CheckOptions {
        csvs: args.csvs.clone(),
        root: args.root.clone(),
        split_column: args.split_column.clone(),
        look: match (args.no_media, args.hash, args.decode) {
            (true, ..) => Look::Csv,
            (_, true, _) => Look::Bytes,
            (.., true) => Look::Pictures,
            _ => Look::Audio,
        },
        spec,
        workers: args.workers,
        report: args.report.clone(),
    };
    let bar = super::bar("files");
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
