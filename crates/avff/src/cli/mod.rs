//! Arguments to library calls to terminal: wiring only.

mod adapt;
mod cache;
mod calibrate;
mod check;
mod clip;
mod compare;
mod completions;
mod convert;
mod crop;
mod csv;
mod damage;
mod eval;
mod explain;
mod face;
mod groups;
mod hints;
mod init;
mod inspect;
mod interrupt;
mod localize;
mod man;
mod manifest;
mod merge;
mod network;
mod pack;
mod plan;
mod progress;
mod reconstruct;
mod report;
mod report_clip;
mod robustness;
mod runs;
mod score;
mod sheet;
mod split;
mod synth;
mod train;
mod usage;
mod values;
mod wrap;

pub(crate) use {hints::hint, wrap::message};

use std::{io::IsTerminal, process::ExitCode};

use avff_media::ByteSize;
use clap::{FromArgMatches, Parser, Subcommand};
use tracing_subscriber::EnvFilter;

/// Usage or setup is wrong; clap exits with the same.
pub(crate) const SETUP: u8 = 2;
/// Fewer clips could be read than `--min-coverage` asks for, or the only clip could not be read.
pub(crate) const COVERAGE: u8 = 3;
/// `check --strict` found a leak or contradicting labels.
pub(crate) const LEAK: u8 = 4;
/// Training was asked to stop and saved a checkpoint.
pub(crate) const INTERRUPTED: u8 = 5;

/// Audio-visual deepfake detection
///
/// Results go to stdout, logs and progress to stderr.
#[derive(Debug, Parser)]
#[command(
    name = "avff",
    version = avff::VERSION,
    long_version = usage::LONG_VERSION,
    propagate_version = true,
    after_help = "\
`avff COMMAND --help` describes a command and shows an example.

Exit codes:
    0  success
    2  wrong usage or setup
    3  fewer clips could be read than --min-coverage, or the
       clip of `explain` or `reconstruct` could not be read
    4  `check --strict` found a leak or contradicting labels
    5  training was asked to stop and saved a checkpoint
  130  interrupted"
)]
struct Cli {
    #[command(subcommand)]
    command: Command,

    /// Log more (-vv: even more). RUST_LOG overrides it
    #[arg(short, long, action = clap::ArgAction::Count, global = true)]
    verbose: u8,

    /// Memory for decoding clips, such as 512M or 4G, of all threads together. Clips wait for it, and a clip
    /// that needs more is refused [default: half of the memory]
    #[arg(long, value_name = "SIZE", global = true)]
    memory: Option<ByteSize>,
}

#[derive(Debug, Subcommand)]
enum Command {
    Score(score::Args),
    Eval(eval::Args),
    Explain(explain::Args),
    Report(report_clip::Args),
    Localize(localize::Args),
    Calibrate(calibrate::Args),
    Robustness(robustness::Args),
    Compare(compare::Args),
    Merge(merge::Args),
    Manifest(manifest::Args),
    Split(split::Args),
    Check(check::Args),
    Crop(crop::Args),
    Cache(cache::Args),
    Pack(pack::Args),
    Plan(plan::Args),
    Synth(synth::Args),
    Train(train::Args),
    Runs(runs::Args),
    Init(init::Args),
    Reconstruct(reconstruct::Args),
    Inspect(inspect::Args),
    Convert(convert::Args),
    Adapt(adapt::Args),
    Completions(completions::Args),
    Man(man::Args),
}

/// Runs the command line.
///
/// # Errors
/// What keeps a command from doing its work.
pub(crate) fn run() -> anyhow::Result<ExitCode> {
    let mut command = groups::command();
    let cli = command
        .try_get_matches_from_mut(std::env::args_os())
        .and_then(|matches| Cli::from_arg_matches(&matches))
        .unwrap_or_else(|error| usage::exit(&error));
    let level = ["warn", "info", "debug"][usize::from(cli.verbose.min(2))];
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new(level));
    tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(|| wrap::Stderr)
        .with_ansi(std::io::stderr().is_terminal())
        .without_time()
        .with_target(false)
        .init();
    if std::io::stdout().is_terminal() {
        avff::table::set_width(usage::terminal_width());
    }
    if let Some(ByteSize(bytes)) = cli.memory {
        avff_media::memory::set_limit(bytes);
    }
    match cli.command {
        Command::Score(args) => score::run(&args),
        Command::Eval(args) => eval::run(&args),
        Command::Explain(args) => explain::run(&args),
        Command::Report(args) => report_clip::run(&args),
        Command::Localize(args) => localize::run(&args),
        Command::Calibrate(args) => calibrate::run(&args),
        Command::Robustness(args) => robustness::run(&args),
        Command::Compare(args) => compare::run(&args),
        Command::Merge(args) => merge::run(&args),
        Command::Manifest(args) => manifest::run(&args),
        Command::Split(args) => split::run(args),
        Command::Check(args) => check::run(&args),
        Command::Crop(args) => crop::run(&args),
        Command::Cache(args) => cache::run(&args),
        Command::Pack(args) => pack::run(&args),
        Command::Plan(args) => plan::run(&args),
        Command::Synth(args) => synth::run(&args),
        Command::Train(args) => train::run(&args),
        Command::Runs(args) => runs::run(&args),
        Command::Init(args) => init::run(&args),
        Command::Reconstruct(args) => reconstruct::run(&args),
        Command::Inspect(args) => inspect::run(&args),
        Command::Convert(args) => convert::run(&args),
        Command::Adapt(args) => adapt::run(&args),
        Command::Completions(args) => completions::run(&args),
        Command::Man(args) => man::run(&args),
    }
}

/// The exit code of an error: [`COVERAGE`] where the only clip could not be read.
pub(crate) fn code(error: &anyhow::Error) -> u8 {
    match error.downcast_ref() {
        Some(avff::Error::Failed { .. }) => COVERAGE,
        _ => SETUP,
    }
}

/// Success, or too few clips read.
fn code_for_coverage(fraction: f64, wanted: f64) -> ExitCode {
    if fraction >= wanted { ExitCode::SUCCESS } else { ExitCode::from(COVERAGE) }
}

/// Parses a fraction of clips.
fn fraction(text: &str) -> Result<f64, String> {
    match text.parse() {
        Ok(value) if (0.0..=1.0).contains(&value) => Ok(value),
        _ => Err("give a number from 0 to 1".into()),
    }
}
