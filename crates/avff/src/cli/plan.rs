//! `avff plan`.

use std::{
    io::Write, num::NonZeroUsize, path::PathBuf, process::ExitCode, thread::available_parallelism,
    time::Duration,
};

use avff::{
    data::{ClipSpec, shards::Packing},
    plan::{PlanOptions, plan},
};
use avff_media::ByteSize;
use avff_train::Recipe;

use super::csv::CsvArgs;

/// Plan the reading of a large data set
///
/// Says how many clips a second training must read, how many this machine reads from single files and
/// from shards, measured on clips of a CSV, and what shards would take on disk.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Example:
  avff plan --csv kinetics.csv --recipe data/recipes/open-avff-stage1.toml --hours 24
  avff plan --csv sample.csv --clips 240000 --epochs 25 --machines 4")]
pub(super) struct Args {
    /// CSV with a column `video_name`, whose clips are measured
    #[arg(long, value_name = "FILE", required_unless_present = "clips")]
    csv: Option<PathBuf>,

    #[command(flatten)]
    manifest: CsvArgs,

    /// Clips of the data set, where the CSV is a sample of it
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..=1 << 40))]
    clips: Option<u64>,

    /// Recipe of the training: epochs, sizes of the network and clip preparation [default: the released
    /// networks, 25 epochs]
    #[arg(long, value_name = "FILE")]
    recipe: Option<PathBuf>,

    /// Override a key of the recipe, as in training; may be given several times
    #[arg(long, value_name = "KEY=VALUE", requires = "recipe")]
    set: Vec<String>,

    /// Epochs of training [default: the recipe's]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..=1_000_000))]
    epochs: Option<u64>,

    /// Hours that training may take
    #[arg(long, value_name = "H", value_parser = positive)]
    hours: Option<f64>,

    /// Machines that read together
    #[arg(long, value_name = "N", default_value = "1")]
    machines: NonZeroUsize,

    /// JPEG quality of the frames in shards
    #[arg(long, value_name = "1-100", default_value = "95", value_parser = clap::value_parser!(u8).range(1..=100))]
    jpeg: u8,

    /// Size of a shard
    #[arg(long, value_name = "SIZE", default_value = "512M")]
    shard_size: ByteSize,

    /// Seconds of measurement
    #[arg(long, value_name = "S", default_value = "10", value_parser = positive)]
    seconds: f64,

    /// Clips read at a time [default: one per core]
    #[arg(long, value_name = "N")]
    workers: Option<NonZeroUsize>,

    /// Print JSON
    #[arg(long)]
    json: bool,
}

fn positive(text: &str) -> Result<f64, String> {
    let number = text.parse().ok().filter(|number: &f64| number.is_finite() && *number > 0.0);
    number.ok_or_else(|| "give a number above 0".into())
}

pub(super) fn run(args: &Args) -> anyhow::Result<ExitCode> {
    let (spec, epochs) = match &args.recipe {
        Some(path) => {
            let recipe = Recipe::read(path, &args.set)?;
            (recipe.clip_spec(&recipe.config()?)?, recipe.epochs)
        }
        None => (ClipSpec::open_avff(), 25),
    };
    let plan = plan(&PlanOptions {
        csv: args.csv.clone(),
        manifest: args.manifest.options(),
        clips: args.clips,
        epochs: args.epochs.unwrap_or(epochs),
        hours: args.hours,
        machines: args.machines.get() as u64,
        spec,
        packing: Packing { jpeg: Some(args.jpeg), wave: false },
        shard_bytes: args.shard_size.0,
        workers: args.workers.or_else(|| available_parallelism().ok()).unwrap_or(NonZeroUsize::MIN),
        duration: Duration::from_secs_f64(args.seconds.min(86_400.0)),
    })?;
    let mut out = std::io::stdout().lock();
    if args.json {
        writeln!(out, "{}", serde_json::to_string_pretty(&plan)?)?;
    } else {
        writeln!(out, "{}", plan.table())?;
    }
    Ok(ExitCode::SUCCESS)
}
