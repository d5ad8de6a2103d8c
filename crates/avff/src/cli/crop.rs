//! `avff crop`.

use std::{
    io::Write, num::NonZeroUsize, path::PathBuf, process::ExitCode, thread::available_parallelism,
};

use super::{bar, code_for_coverage, face::FaceArgs, fraction};
use avff::{
    crop::{CropOptions, Names, crop},
    evaluate::Progress,
    shard::Shard,
};
use avff_media::FrameCoding;

/// Cut the clips of a CSV to their main faces
///
/// Writes for every clip a folder of pictures with its sound and its times, which every command reads
/// as a clip, and DIR/manifest.csv with the CSV's columns and `face_coverage`, the share of pictures
/// in which the face was found rather than interpolated. DIR/crop.errors.csv has a reason for every
/// other clip, DIR/crop.summary.json all options.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// CSV with a column `video_name`; others are carried through
    #[arg(long, value_name = "FILE")]
    csv: PathBuf,

    /// Where relative paths start [default: the CSV's folder]
    #[arg(long, value_name = "DIR")]
    root: Option<PathBuf>,

    /// A folder that is not there yet, or is empty
    #[arg(long, value_name = "DIR")]
    output: PathBuf,

    /// Only rows I, I+N, I+2N...: part I of N, from 0/N to N-1/N, into DIR/I-of-N; `avff merge` puts all
    /// parts together
    #[arg(long, value_name = "I/N")]
    shard: Option<Shard>,

    #[command(flatten)]
    face: FaceArgs,

    /// Keep this many pictures, spread as a network reads them [default: all]
    #[arg(long, value_name = "N")]
    frames: Option<NonZeroUsize>,

    /// Pixels a side [default: those of the clip, not resampled]
    #[arg(long, value_name = "PIXELS", value_parser = clap::value_parser!(u16).range(16..=4096))]
    size: Option<u16>,

    /// Write JPEG of this quality, from 1 to 100, instead of PNG. It adds traces of its own
    #[arg(long, value_name = "QUALITY", value_parser = clap::value_parser!(u8).range(1..=100))]
    jpeg: Option<u8>,

    /// Also write a contact sheet for every clip into this folder: frames with the crop (orange)
    /// and the face as it was found (green)
    #[arg(long, value_name = "DIR")]
    sheet: Option<PathBuf>,

    /// Clips worked on at a time [default: one a core]
    #[arg(long, value_name = "N")]
    workers: Option<NonZeroUsize>,

    /// Go on with an unfinished run into the same folder
    #[arg(long)]
    resume: bool,

    /// Exit with 3 when a smaller share of the clips could be cropped
    #[arg(long, value_name = "SHARE", default_value = "1.0", value_parser = fraction)]
    min_coverage: f64,
}

pub(super) fn run(args: &Args) -> anyhow::Result<ExitCode> {
    let options = CropOptions {
        csv: args.csv.clone(),
        root: args.root.clone(),
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
    let bar = bar("clips");
    let summary = crop(&options, &mut |Progress { done, total, failed }| {
        bar.set_length(total);
        bar.set_position(done);
        if failed > 0 {
            bar.set_message(format!("{failed} not cropped"));
        }
    })?;
    bar.finish_and_clear();
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
