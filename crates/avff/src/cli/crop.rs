//! `avff crop`.

use std::{
    io::Write, num::NonZeroUsize, path::PathBuf, process::ExitCode, thread::available_parallelism,
};

use super::{
    code_for_coverage, csv::CsvArgs, face::FaceArgs, fraction, interrupt, progress::Clips,
};
use avff::{
    crop::{CropOptions, Names, crop},
    shard::Shard,
};
use avff_media::FrameCoding;

/// Crop clips to their main face
///
/// Writes a frame folder for every clip of a CSV, with its audio and its frame times; every command reads
/// such a folder as a clip. DIR/manifest.csv has the CSV's columns and `face_coverage`, the fraction of
/// frames in which the face was detected rather than interpolated. DIR/crop.errors.csv has a reason for
/// every other clip, and DIR/crop.summary.json has all options.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  avff crop --csv all.csv --output crops --sheet sheets
  avff crop --csv all.csv --output crops --resume")]
pub(super) struct Args {
    /// CSV with a column `video_name`; other columns are copied
    #[arg(long, value_name = "FILE")]
    csv: PathBuf,

    #[command(flatten)]
    manifest: CsvArgs,

    /// Folder to write; it must be new or empty
    #[arg(long, value_name = "DIR")]
    output: PathBuf,

    /// Crop shard I of N alone, from 0/N to N-1/N: rows I, I+N, I+2N... It writes DIR/I-of-N; `avff merge`
    /// joins all shards
    #[arg(long, value_name = "I/N")]
    shard: Option<Shard>,

    #[command(flatten)]
    face: FaceArgs,

    /// Keep this many frames, spread as a network reads them [default: all]
    #[arg(long, value_name = "N")]
    frames: Option<NonZeroUsize>,

    /// Side of the crop in pixels [default: as in the clip, not resampled]
    #[arg(long, value_name = "PIXELS", value_parser = clap::value_parser!(u16).range(16..=4096))]
    size: Option<u16>,

    /// Write JPEG of this quality, from 1 to 100, instead of PNG. JPEG adds artifacts of its own
    #[arg(long, value_name = "QUALITY", value_parser = clap::value_parser!(u8).range(1..=100))]
    jpeg: Option<u8>,

    /// Also write a contact sheet of every clip into this folder: frames with the crop (orange) and the
    /// detected face (green)
    #[arg(long, value_name = "DIR")]
    sheet: Option<PathBuf>,

    /// Clips processed at a time [default: one per core]
    #[arg(long, value_name = "N")]
    workers: Option<NonZeroUsize>,

    /// Continue an interrupted run into the same folder
    #[arg(long)]
    resume: bool,

    /// Exit with code 3 if a smaller fraction of the clips could be cropped
    #[arg(long, value_name = "FRACTION", default_value = "1.0", value_parser = fraction)]
    min_coverage: f64,
}

pub(super) fn run(args: &Args) -> anyhow::Result<ExitCode> {
    let options = CropOptions {
        csv: args.csv.clone(),
        manifest: args.manifest.options(),
        output: args.output.clone(),
        shard: args.shard,
        face: args.face.crop(),
        frames: args.frames.map(NonZeroUsize::get),
        size: args.size.map(usize::from),
        coding: args.jpeg.map_or(FrameCoding::Png, FrameCoding::Jpeg),
        sheets: args.sheet.clone(),
        workers: args.workers.or_else(|| available_parallelism().ok()),
        resume: args.resume,
    };
    let mut progress = Clips::new("not cropped");
    interrupt::explain("the clips so far are kept; add --resume to continue")?;
    let summary = crop(&options, &mut |now| progress.show(now))?;
    progress.finish();
    let names = Names::new(&options.folder());
    if summary.failed + summary.skipped > 0 {
        tracing::warn!(
            "{} clips were not cropped: see {}",
            summary.failed + summary.skipped,
            names.errors.display()
        );
    }
    let mut out = std::io::stdout().lock();
    writeln!(out, "{}", summary.table())?;
    writeln!(out, "clips: {}", names.manifest.display())?;
    Ok(code_for_coverage(summary.fraction, args.min_coverage))
}
