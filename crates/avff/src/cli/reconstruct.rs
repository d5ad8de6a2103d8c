//! `avff reconstruct`.

use std::{io::Write, path::PathBuf, process::ExitCode};

use avff::{
    data::windows::Span,
    pretrained::{Losses, MaskChoice, ReconstructOptions, SheetOptions, Shown},
    table::Text,
};
use serde::Serialize;

use super::sheet::{SheetArgs, title, write};

/// Hide half of a clip and draw what a stage-1 or stage-2 checkpoint makes of the rest
///
/// A PNG shows frames and spectrogram as input, masked input, reconstruction and error.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    #[command(flatten)]
    sheet: SheetArgs,

    /// Stage-1 or stage-2 weights: a `.pth` as PyTorch saves it, or safetensors
    #[arg(long, value_name = "FILE")]
    checkpoint: PathBuf,

    /// Draw the hidden half from this seed
    #[arg(long, default_value_t = 0, conflicts_with = "mask")]
    seed: u64,

    /// Slices to hide from sound, such as 0,2,5,7; the others are hidden from pictures
    #[arg(long, value_name = "SLICES", value_delimiter = ',')]
    mask: Option<Vec<usize>>,

    /// Which window of the clip, from 0, where --window cuts it into some
    #[arg(long, value_name = "N", default_value_t = 0)]
    part: usize,

    /// The PNG to write
    #[arg(long, value_name = "FILE", default_value = "reconstruction.png")]
    output: PathBuf,

    /// Show the visible parts of the reconstruction as they were given, not as predicted
    #[arg(long)]
    paste_visible: bool,
}

#[derive(Serialize)]
struct Report<'a> {
    clip: String,
    checkpoint: String,
    checkpoint_sha256: Option<String>,
    /// Not said in a `.pth`.
    trained: Option<bool>,
    device: String,
    /// Of the seconds that the pictures show.
    span: Span,
    part: usize,
    slices: usize,
    hidden_from_audio: &'a [usize],
    losses: Losses,
    /// Compares clips of a batch: there is none for one.
    contrastive: Option<f32>,
    output: String,
}

pub(super) fn run(args: &Args) -> anyhow::Result<ExitCode> {
    let clip = &args.sheet.clip;
    let pretrained = args.sheet.pretrained(&args.checkpoint, &args.output)?;
    let mask = args.mask.clone().map_or(MaskChoice::Seed(args.seed), MaskChoice::HiddenFromAudio);
    let options = ReconstructOptions { mask, window: args.part };
    let made = pretrained.reconstruct(clip, &options)?;
    let checkpoint = pretrained.checkpoint();
    let trained = checkpoint.metadata().map(|metadata| metadata.trained);
    let sheet = SheetOptions {
        title: title(clip, Some(made.span), &args.checkpoint),
        untrained: trained == Some(false),
        visible: if args.paste_visible { Shown::Input } else { Shown::Predicted },
    };
    write(&made.sheet(&sheet)?, &args.output)?;
    let report = Report {
        clip: clip.display().to_string(),
        checkpoint: args.checkpoint.display().to_string(),
        checkpoint_sha256: args.sheet.hash(checkpoint)?,
        trained,
        device: pretrained.device().to_string(),
        span: made.span,
        part: args.part,
        slices: pretrained.config().slices,
        hidden_from_audio: &made.hidden_from_audio,
        losses: made.losses,
        contrastive: None,
        output: args.output.display().to_string(),
    };
    print(args, &report)?;
    Ok(ExitCode::SUCCESS)
}

fn print(args: &Args, report: &Report<'_>) -> anyhow::Result<()> {
    let mut out = std::io::stdout().lock();
    if args.sheet.json {
        writeln!(out, "{}", serde_json::to_string_pretty(report)?)?;
        return Ok(());
    }
    if report.trained == Some(false) {
        writeln!(out, "UNTRAINED checkpoint: it never learned to reconstruct")?;
    }
    let Losses { total, audio, video, audio_of_zeros, video_of_zeros } = report.losses;
    let mut table = Text::with_header(["loss", "", "had it said 0"]);
    let number = |value: f32| format!("{value:.4}");
    table.row(["total".into(), number(total), String::new()]);
    table.row(["audio".into(), number(audio), number(audio_of_zeros)]);
    table.row(["video".into(), number(video), number(video_of_zeros)]);
    table.row(["contrastive", "n/a", "it compares the clips of a batch"]);
    writeln!(out, "{table}")?;
    writeln!(out, "{}", report.output)?;
    Ok(())
}
