//! Arguments to library calls to terminal: wiring only.

mod adapt;
mod cache;
mod check;
mod clip;
mod compare;
mod convert;
mod crop;
mod eval;
mod explain;
mod face;
mod hints;
mod inspect;
mod manifest;
mod merge;
mod network;
mod reconstruct;
mod report;
mod runs;
mod score;
mod sheet;
mod split;
mod start;
mod synth;
mod train;
mod values;

pub(crate) use hints::hint;

use std::{io::IsTerminal, process::ExitCode};

use clap::{Parser, Subcommand};
use indicatif::{ProgressBar, ProgressStyle};
use tracing_subscriber::EnvFilter;

/// Usage or setup is wrong; clap exits with the same.
pub(crate) const SETUP: u8 = 2;
/// Fewer clips could be read than `--min-coverage` asks for.
pub(crate) const COVERAGE: u8 = 3;
/// With `--strict`, splits share what they should not.
pub(crate) const LEAK: u8 = 4;
/// Training was asked to stop and saved its state.
pub(crate) const INTERRUPTED: u8 = 5;

/// Audio-visual deepfake detection.
///
/// Results go to stdout, logs and progress to stderr. Exit codes: 0 done, 2 usage or setup, 3 fewer
/// clips could be read than --min-coverage asks for, 4 a leak found by check --strict, 5 training was
/// asked to stop and saved its state, 130 it was asked twice.
#[derive(Debug, Parser)]
#[command(version = avff::VERSION, propagate_version = true)]
struct Cli {
    #[command(subcommand)]
    command: Command,

    /// Log more. RUST_LOG overrides.
    #[arg(short, long, action = clap::ArgAction::Count, global = true)]
    verbose: u8,
}

#[derive(Debug, Subcommand)]
enum Command {
    Eval(eval::Args),
    Compare(compare::Args),
    Score(score::Args),
    Explain(explain::Args),
    Inspect(inspect::Args),
    Adapt(adapt::Args),
    Convert(convert::Args),
    Split(split::Args),
    Check(check::Args),
    Crop(crop::Args),
    Manifest(manifest::Args),
    Cache(cache::Args),
    Merge(merge::Args),
    Runs(runs::Args),
    Train(train::Args),
    Start(start::Args),
    Reconstruct(reconstruct::Args),
    Synth(synth::Args),
}

/// Runs the command line.
///
/// # Errors
/// What keeps a command from doing its work.
pub(crate) fn run() -> anyhow::Result<ExitCode> {
    let cli = Cli::parse();
    let level = ["warn", "info", "debug"][usize::from(cli.verbose.min(2))];
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new(level));
    tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr)
        .with_ansi(std::io::stderr().is_terminal())
        .without_time()
        .with_target(false)
        .init();
    match cli.command {
        Command::Eval(args) => eval::run(&args),
        Command::Compare(args) => compare::run(&args),
        Command::Score(args) => score::run(&args),
        Command::Explain(args) => explain::run(&args),
        Command::Inspect(args) => inspect::run(&args),
        Command::Adapt(args) => adapt::run(&args),
        Command::Convert(args) => convert::run(&args),
        Command::Split(args) => split::run(args),
        Command::Check(args) => check::run(&args),
        Command::Crop(args) => crop::run(&args),
        Command::Manifest(args) => manifest::run(&args),
        Command::Cache(args) => cache::run(&args),
        Command::Merge(args) => merge::run(&args),
        Command::Runs(args) => runs::run(&args),
        Command::Train(args) => train::run(&args),
        Command::Start(args) => start::run(&args),
        Command::Reconstruct(args) => reconstruct::run(&args),
        Command::Synth(args) => synth::run(&args),
    }
}

/// Done, or too few clips read.
fn code_for_coverage(fraction: f64, wanted: f64) -> ExitCode {
    if fraction >= wanted { ExitCode::SUCCESS } else { ExitCode::from(COVERAGE) }
}

/// A share of clips.
fn fraction(text: &str) -> Result<f64, String> {
    match text.parse() {
        Ok(value) if (0.0..=1.0).contains(&value) => Ok(value),
        _ => Err("give a number from 0 to 1".into()),
    }
}

/// A bar over `things`, shown on a terminal only.
fn bar(things: &str) -> ProgressBar {
    let style = format!(
        "{{elapsed_precise}} [{{bar:30}}] {{pos}}/{{len}} {things}, {{per_sec}}, {{eta}} left  {{msg}}"
    );
    let bar = ProgressBar::new(0);
    if let Ok(style) = ProgressStyle::with_template(&style) {
        bar.set_style(style);
    }
    bar
}
