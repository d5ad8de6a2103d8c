//! `avff pack`.

use std::{
    io::Write, num::NonZeroUsize, path::PathBuf, process::ExitCode, thread::available_parallelism,
};

use avff::{
    data::{ClipSpec, shards::Packing},
    pack::{PackOptions, pack},
    shard::Shard,
};
use avff_media::ByteSize;
use avff_train::Recipe;
use clap::ValueEnum;

use super::{
    clip::{ClipArgs, spec_for},
    code_for_coverage,
    csv::CsvArgs,
    fraction,
    hints::argument,
    interrupt,
    progress::Clips,
};

/// Pack clips into shards for training
///
/// Prepares the clips of a CSV as a network reads them, and writes them to tar files of some hundred
/// megabytes, with an index beside each. Training reads them in random order, by any number of
/// processes, with `data.train=FOLDER`. Shards have webdataset's layout: JPEG, NPY or WAV, and JSON.
/// A clip that cannot be read is left out and named in the index. A run that was interrupted is
/// continued by running it again.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Example:
  avff pack --csv kinetics.csv --recipe data/recipes/open-avff-stage1.toml --output /data/kinetics
  avff train data/recipes/open-avff-stage1.toml --set data.train=/data/kinetics --set data.validation=k400-val.csv")]
pub(super) struct Args {
    /// CSV with a column `video_name`
    #[arg(long, value_name = "FILE")]
    csv: PathBuf,

    #[command(flatten)]
    manifest: CsvArgs,

    /// Folder of the shards; it is created if needed
    #[arg(long, value_name = "DIR")]
    output: PathBuf,

    /// Recipe of the training: the sizes of its network and its clip preparation
    #[arg(long, value_name = "FILE", conflicts_with = "checkpoint")]
    recipe: Option<PathBuf>,

    /// Override a key of the recipe, as in training; may be given several times
    #[arg(long, value_name = "KEY=VALUE", requires = "recipe", conflicts_with = "checkpoint")]
    set: Vec<String>,

    /// Checkpoint of the network that will be trained, instead of a recipe [default: the released
    /// networks]
    #[arg(long, value_name = "FILE")]
    checkpoint: Option<PathBuf>,

    /// JPEG quality of the frames, or `png`, which loses nothing
    #[arg(long, value_name = "1-100|png", default_value = "95", value_parser = frames)]
    frames: FramesArg,

    /// What is stored of the audio: the filterbank (fbank), or the waveform for training that augments
    /// it (wave)
    #[arg(long, value_enum, default_value_t = AudioArg::Fbank)]
    audio: AudioArg,

    /// Size of a shard
    #[arg(long, value_name = "SIZE", default_value = "512M")]
    shard_size: ByteSize,

    /// Pack part I of N alone, from 0/N to N-1/N: rows I, I+N, I+2N... All parts go to one folder
    #[arg(long, value_name = "I/N")]
    shard: Option<Shard>,

    /// Clips processed at a time [default: one per core]
    #[arg(long, value_name = "N")]
    workers: Option<NonZeroUsize>,

    /// Exit with code 3 if a smaller fraction of the clips is packed
    #[arg(long, value_name = "FRACTION", default_value = "1.0", value_parser = fraction)]
    min_coverage: f64,

    #[command(flatten)]
    clip: ClipArgs,
}

#[derive(Debug, Clone, Copy)]
enum FramesArg {
    Jpeg(u8),
    Png,
}

fn frames(text: &str) -> Result<FramesArg, String> {
    match text.parse() {
        _ if text == "png" => Ok(FramesArg::Png),
        Ok(quality @ 1..=100) => Ok(FramesArg::Jpeg(quality)),
        _ => Err("give a quality from 1 to 100, or png".into()),
    }
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum AudioArg {
    Fbank,
    Wave,
}

pub(super) fn run(args: &Args) -> anyhow::Result<ExitCode> {
    let options = PackOptions {
        csv: args.csv.clone(),
        manifest: args.manifest.options(),
        output: args.output.clone(),
        shard: args.shard,
        spec: spec(args)?,
        packing: Packing {
            jpeg: match args.frames {
                FramesArg::Jpeg(quality) => Some(quality),
                FramesArg::Png => None,
            },
            wave: matches!(args.audio, AudioArg::Wave),
        },
        shard_bytes: args.shard_size.0,
        workers: args.workers.or_else(|| available_parallelism().ok()),
    };
    let mut progress = Clips::new("not packed");
    interrupt::explain("whole shards are kept; run the command again to continue")?;
    let summary = pack(&options, &mut |now| progress.show(now))?;
    progress.finish();
    if let Some((name, reason)) = &summary.first_failure {
        tracing::warn!(
            "some clips are not in the shards, whose indexes name them; the first is {name}: {reason}"
        );
    } else if summary.packed.failed > 0 {
        tracing::warn!("clips that could not be packed before are not tried again in this folder");
    }
    let mut out = std::io::stdout().lock();
    writeln!(out, "{}", summary.table())?;
    if args.shard.is_none() && summary.packed.clips > 0 {
        let folder = argument(&args.output.display().to_string());
        writeln!(out, "train with: --set data.train={folder}")?;
    }
    Ok(code_for_coverage(summary.fraction(), args.min_coverage))
}

/// The clip preparation of the network that will be trained.
fn spec(args: &Args) -> anyhow::Result<ClipSpec> {
    let Some(path) = &args.recipe else {
        return spec_for(args.checkpoint.as_deref(), &args.clip.preparation());
    };
    let recipe = Recipe::read(path, &args.set)?;
    let mut spec = recipe.clip_spec(&recipe.config()?)?;
    args.clip.preparation().apply(&mut spec)?;
    spec.validate()?;
    Ok(spec)
}
