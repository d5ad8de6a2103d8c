//! `avff robustness`.

use std::{io::Write, path::PathBuf, process::ExitCode};

use avff::{
    data::perturb::{LEVELS, Perturbation},
    robustness::RobustnessOptions,
    shard::Shard,
};
use strum::VariantArray;

use super::{csv::CsvArgs, interrupt, network::NetworkArgs, progress::Clips};

/// Measure scores of perturbed clips
///
/// Scores every clip as it is and with each perturbation at five levels: those of the literature by their names (cs, cc,
/// bw, gnc, gb, jpeg for frames; gn, ps, rv for audio), quirks included, and others that do what their name says
/// (saturation, blocks, telephone, offset). Clips are decoded once and perturbed in memory. Writes NAME.csv with AUC and
/// TPR at 1 % FPR, figures, and a summary; NAME.lines keeps the scores for --resume.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  avff robustness --csv test.csv --output robustness.csv --by method
  avff robustness --csv test.csv --output robustness.csv --perturbation jpeg,gb,gn --level 1,3,5")]
pub(super) struct Args {
    /// CSV with the columns `video_name` and `target`
    #[arg(long, value_name = "FILE")]
    csv: PathBuf,

    #[command(flatten)]
    manifest: CsvArgs,

    /// Table of the results
    #[arg(long, value_name = "FILE", default_value = "robustness.csv")]
    output: PathBuf,

    /// Perturbations [default: all]
    #[arg(long, value_name = "NAME,...", value_delimiter = ',')]
    perturbation: Vec<Perturbation>,

    /// Levels from 1 to 5 [default: all]
    #[arg(long, value_name = "N,...", value_delimiter = ',', value_parser = level)]
    level: Vec<usize>,

    /// Column with kinds of fakes, each of which is measured against all real clips
    #[arg(long, value_name = "COLUMN")]
    by: Option<String>,

    /// Random seed of the perturbations
    #[arg(long, default_value_t = 0)]
    seed: u64,

    /// Score shard I of N alone, from 0/N to N-1/N
    #[arg(long, value_name = "I/N")]
    shard: Option<Shard>,

    /// Scores of shards to join (NAME.I-of-N.lines); clips that are in none are scored
    #[arg(long, value_name = "FILE,...", value_delimiter = ',', conflicts_with = "shard")]
    join: Vec<PathBuf>,

    /// Continue an interrupted run into the same output
    #[arg(long, conflicts_with = "overwrite")]
    resume: bool,

    /// Replace the results of an earlier run
    #[arg(long)]
    overwrite: bool,

    #[command(flatten)]
    network: NetworkArgs,
}

fn level(text: &str) -> Result<usize, String> {
    match text.parse() {
        Ok(level) if (1..=LEVELS).contains(&level) => Ok(level),
        _ => Err(format!("give a number from 1 to {LEVELS}")),
    }
}

pub(super) fn run(args: &Args) -> anyhow::Result<ExitCode> {
    let network = args.network.read(false, false, false)?;
    let or_all = |given: &[usize]| match given {
        [] => (1..=LEVELS).collect(),
        given => given.to_vec(),
    };
    let options = RobustnessOptions {
        csv: args.csv.clone(),
        manifest: args.manifest.options(),
        output: args.output.clone(),
        perturbations: match &args.perturbation[..] {
            [] => Perturbation::VARIANTS.to_vec(),
            given => given.to_vec(),
        },
        levels: or_all(&args.level),
        by: args.by.clone(),
        seed: args.seed,
        shard: args.shard,
        resume: args.resume,
        overwrite: args.overwrite,
        join: args.join.clone(),
    };
    let mut progress = Clips::new("not scored");
    interrupt::explain("the clips so far are kept; add --resume to continue")?;
    let summary = network.robustness(&options, &mut |now| progress.show(now))?;
    progress.finish();
    let mut out = std::io::stdout().lock();
    writeln!(out, "{}", summary.table())?;
    writeln!(out, "results: {}", args.output.display())?;
    Ok(ExitCode::SUCCESS)
}
